// SPDX-License-Identifier: GPL-2.0-only
// The controller as the requester's registers and admin queue show it. Runs on dispatcher 0's thread.
#pragma once

#include <array>
#include <atomic>

#include "admin.h"
#include "admin_jobs.h"
#include "alarm.h"
#include "async_events.h"
#include "dispatcher.h"
#include "features.h"
#include "lba_status.h"
#include "nvmev/nvme/log.h"
#include "nvmev/nvme/registers.h"
#include "nvmev/nvme/persistent_event.h"
#include "data_buffer.h"
#include "shared.h"
#include "telemetry.h"
#include "worker.h"

namespace nvmev {

class StateArchive;

class Controller {
 public:
  // False when there is no memory.
  bool init(Shared& shared, HostArray<Dispatcher>& dispatchers, HostArray<Worker>& workers);

  // One look at registers, jobs and the admin queue. Returns how many things were done.
  u32 pass(u64 now);

  // Whether a pass would find something. Any thread.
  bool pending() const;

  // Controller Level Reset from outside the registers. Any thread; dispatcher 0 carries it out.
  void request_reset() { reset_requested_.store(true, std::memory_order_release); }
  // The same, as a part of a power cut. Any thread.
  void request_power_cut() {
    power_cut_.store(true, std::memory_order_relaxed);
    request_reset();
  }
  bool reset_done() const { return !reset_requested_.load(std::memory_order_acquire); }
  // After the power cut, which came when all controllers had stopped.
  void end_power_cut() {
    waits_for_cut_ = false;
    reset_requested_.store(false, std::memory_order_release);
  }

  // Worker 0 watches the controller's deadlines.
  Alarm& alarm() { return alarm_; }
  const Alarm& alarm() const { return alarm_; }

  // ---- For the handlers of admin commands; dispatcher 0 only ----

  Shared& shared() { return *shared_; }
  HostArray<Dispatcher>& dispatchers() { return *dispatchers_; }
  HostArray<Worker>& workers() { return *workers_; }
  AdminJobs& jobs() { return jobs_; }
  const AdminJobs& jobs() const { return jobs_; }
  AsyncEvents& events() { return events_; }
  FeatureValues& features() { return features_; }
  FeatureValues& saved_features() { return saved_; }
  Subsystem& subsystem() { return shared_->subsystem; }
  EventHistory& history() { return subsystem().history; }
  Firmware& firmware() { return subsystem().firmware; }
  Sanitize& sanitize() { return subsystem().sanitize; }
  SelfTest& self_test() { return subsystem().self_test; }
  TelemetryCapture& host_telemetry() { return host_telemetry_; }
  TelemetryCapture& controller_telemetry() { return controller_telemetry_; }
  nvme::ChangedNamespacesLog& changed_namespaces() { return changed_namespaces_; }
  u64 now() const { return now_; }
  // How many of its queue pairs and interrupt vectors the controller may use.
  u32 queues() const { return shared_->subsystem.virtualization.queues(shared_->index); }
  u32 vectors() const { return shared_->subsystem.virtualization.vectors(shared_->index); }
  u32 cc() const { return load_relaxed(&registers()->cc); }

  // A zeroed page to build data for the requester in; valid until the next call.
  u8* scratch();

  // Moves `length` bytes, at most a page, from `data` to the command's PRPs.
  nvme::Status send(const nvme::Sqe& sqe, const void* data, u32 length);
  // As send(), with `total` bytes of which the last ones beyond `length` are zeros.
  nvme::Status send_padded(const nvme::Sqe& sqe, const void* data, u32 length, u32 total);
  nvme::Status receive(const nvme::Sqe& sqe, void* data, u32 length);

  // Long transfers, in pieces: maps all of the `length` bytes, at most max_transfer(); then moves a piece to byte `at`.
  nvme::Status map(const nvme::Sqe& sqe, u32 length) { return buffer_.map(sqe, length); }
  void put(const void* data, u32 length, u32 at) const { buffer_.copy_out(data, length, at); }

  // Completes an admin command, now or when its queue has room.
  void complete_admin(u16 cid, nvme::Status status, u32 dw0, u32 dw1 = 0);

  // Shadow doorbells; nullptr where there are none.
  void use_shadow_doorbells(u32* shadow, u32* event_index);
  void attach_doorbells(SubmissionQueue& sq);
  void attach_doorbells(CompletionQueue& cq);
  void clear_doorbell(const SubmissionQueue& sq);
  void clear_doorbell(const CompletionQueue& cq);

  // Starts the end of an I/O submission queue. It is over when its state is kDrained.
  void stop_queue(SubmissionQueue& sq, bool silent, nvme::Status status);
  void remove_queue(SubmissionQueue& sq);
  void remove_queue(CompletionQueue& cq);

  // The warning bits of the SMART log have changed, or their event was enabled.
  void check_temperature();
  // Log page 0Fh: endurance_group.cc
  bool group_has_event() const { return group_has_event_; }
  void group_was_read() { group_has_event_ = false; }
  void namespace_changed(u32 nsid);
  // The same of all controllers that it is attached to.
  void tell_namespace_changed(const Namespace& ns);
  // Whether no reservation keeps this controller's host from changing the namespace.
  bool may_write(const Namespace& ns) { return subsystem().reservations.admits(ns, shared_->index, true); }
  // Whether this controller carries out the subsystem's Sanitize operation.
  bool sanitizes() { return sanitize().is_of(*this); }

  void fill_smart(nvme::SmartLog& log);
  bool knows_area_4() const;  // of telemetry
  const Thermal& thermal() const { return thermal_; }
  u64 power_on_hours() const;
  // A modelled duration on the host's clock, ns.
  u64 scaled(u64 ns) const { return shared_->live.scaled(ns); }

  // ---- LBA Status Information: lba_status.cc
  KeptLbaStatus& kept_lba_status() { return kept_lba_status_; }
  void lba_status_was_read();

  // ---- Features: features.cc
  void apply_arbitration();
  void apply_coalescing();
  void apply_power();
  void apply_thermal();
  void apply_open_channel();
  void apply_ana();  // ana.cc
  void apply_host_behavior();
  void restore_features();
  // The Streams directive for a namespace: directives.cc.
  void enable_streams(Namespace& ns, bool on);
  void disable_streams();
  // Feature 05h is of a namespace, whatever controller sets it: all controllers keep the same.
  void share_error_recovery();
  // After a power cycle.
  void restore_error_recovery() { features_.error_recovery = saved_.error_recovery; }
  // The namespace is gone; another one may get its id.
  void forget_namespace(u32 nsid);
  // As feature 0Eh reads.
  u64 timestamp() const;
  // The host is about to set it.
  void timestamp_changes();

  // ---- Secondary controllers: virtualization.cc
  // It has become offline, or online.
  void change_presence();
  // Goes on with the reset of a controller that has become offline. True when it is over, or waits for its state to be saved, with
  // no queues any more.
  bool step_reset();

  // ---- Keep alive: keep_alive.cc
  void restart_keep_alive();

  // ---- Persistent events: event_records.cc
  template <typename Event>
  void record(nvme::PersistentEventType type, const Event& event) {
    history().add(type, shared_->controller_id(), timestamp(), &event, sizeof(event));
  }
  void record_smart();
  void record_start(bool firmware_activated);
  void record_namespace(u32 cdw10, const Namespace& ns);
  // False when there is a context already.
  bool establish_event_context();

  // ---- Self-test: self_test.cc
  void update_self_test();
  void abort_self_test(nvme::SelfTestResult why);

  // ---- Telemetry: telemetry.cc
  void create_host_telemetry();
  void create_controller_telemetry(const char* reason);
  void finish_telemetry_header(TelemetryCapture& capture);
  void controller_telemetry_was_read() { controller_telemetry_available_ = false; }

  // Firmware other than before runs now, without a reset.
  void firmware_activated();

  // Of this run and all before.
  LifeTotals totals(u64 now) const;

  // What of the controller survives, to or from a state file: counters, saved features. Nothing is under way.
  // state/controller_state.cc
  void transfer(StateArchive& archive, u64 now);

  // See nvmev_dev_hold(), which is for all controllers. Any thread.
  bool held() const { return held_.load(std::memory_order_acquire); }
  void release();

 private:
  // kOffline: of a secondary controller.
  enum class State : u8 { kDisabled, kReady, kStopping, kSaving, kShutDown, kFailed, kOffline };
  enum class StopReason : u8 { kDisable, kShutdown, kReset, kKeepAlive };
  enum class StopStage : u8 { kJobs, kQueues, kCompletionQueues };

  nvme::Registers* registers() { return reinterpret_cast<nvme::Registers*>(shared_->bar + NVMEV_BAR_REGISTERS); }
  const nvme::Registers* registers() const {
    return reinterpret_cast<const nvme::Registers*>(shared_->bar + NVMEV_BAR_REGISTERS);
  }

  // registers.cc and stop.cc
  void write_constant_registers();
  void set_csts(u32 csts);
  u32 poll_registers();
  bool restore_registers();
  void poll_interrupt_mask();
  void enable();
  bool set_up_admin_queue(const char** why);
  void fail(const char* why);
  void begin_stop(StopReason reason);
  bool step_stop();
  bool queues_drained();
  bool completion_queues_forgotten();
  void forget_shadow_doorbells();
  void finish_stop();
  void reset_internals();
  void clear_doorbells();
  void clear_registers();
  void look_for_stray_doorbell();
  void look_for_stray_head();

  // virtualization.cc
  void come_to_rest();
  bool rests() const { return state_ == State::kDisabled || state_ == State::kOffline; }
  void take_secondaries_offline();

  SelfTestFinding examine();
  void capture(TelemetryCapture& to, nvme::LogPage page, const char* reason);
  bool keep_alive_expired() const { return state_ == State::kReady && keep_alive_ends_ <= now_; }
  void end_of_keep_alive();
  u32 poll_deadlines();

  // power_cut.cc
  void stopped_for_power_cut();
  void cut_power();

  // hold.cc
  bool step_hold();
  void finish_saving();
  bool may_save();

  // controller.cc
  void begin_life(u64 now);
  u32 poll_events();
  u64 zones_wake_at() const;
  u64 lba_status_interval() const;  // lba_status.cc
  u64 lba_status_wake_at() const;
  void report_lba_status(bool news);
  void look_at_zones(bool now);  // zoned/changed_zones.cc
  void look_at_health();  // endurance_group.cc, as the next two
  void tell_spare(bool low);
  void tell_group_event(u8 warnings);
  u32 step_jobs();
  u32 poll_admin_queue();
  void run_admin(const nvme::Sqe& sqe);
  u32 post_admin();

  struct AdminCompletion {
    u16 cid;
    u16 status;
    u32 dw0;
    u32 dw1;
  };

  Shared* shared_ = nullptr;
  HostArray<Dispatcher>* dispatchers_ = nullptr;
  HostArray<Worker>* workers_ = nullptr;

  State state_ = State::kDisabled;
  u64 cap_ = 0;
  u32 csts_ = 0;
  u32 interrupt_mask_ = 0;
  u64 now_ = 0;
  u64 created_ = 0;  // ns: first pass
  u32 passes_ = 0;
  std::atomic<bool> reset_requested_{false};
  std::atomic<bool> power_cut_{false};  // the reset that was requested is one
  bool waits_for_cut_ = false;  // this controller has stopped, others have not
  std::atomic<u32> seen_cc_{0};       // CC as last acted upon
  std::atomic<bool> unfinished_{false};  // the next pass has something to do whatever the requester does

  enum class HoldStage : u8 { kNone, kQuiesce, kHeld };
  HoldStage hold_stage_ = HoldStage::kNone;
  Quiesce hold_quiesce_;
  std::atomic<bool> held_{false};
  std::atomic<bool> save_over_{false};  // the hold for which state kSaving waits is over

  StopReason stop_reason_ = StopReason::kDisable;
  StopStage stop_stage_ = StopStage::kJobs;
  HostArray<std::atomic<Answer>> forgotten_;  // by completion queue id
  HostArray<bool> forget_sent_;

  u32 stray_at_ = 0;  // next doorbell pair to look at
  u32 stray_head_at_ = 0;
  // Completions that wait for room: of all jobs and held event requests, and one of a command just run.
  static constexpr u32 kAdminBacklog = 32;
  std::array<AdminCompletion, kAdminBacklog> backlog_;
  u32 backlog_count_ = 0;

  AdminJobs jobs_;
  AsyncEvents events_;
  std::array<u32, kMaxNamespaces> zone_changes_seen_{};  // by region
  u64 zones_looked_at_ = 0;                            // ns
  bool lba_status_news_ = false;    // blocks were marked since the last event
  u64 lba_status_reported_ = 0;     // ns
  KeptLbaStatus kept_lba_status_;
  FeatureValues features_;
  FeatureValues saved_;  // what a Controller Level Reset restores
  bool temperature_reported_ = false;
  u64 health_looked_at_ = 0;  // ns
  u64 smart_recorded_ = 0;    // ns: persistent event
  bool spare_reported_ = false;
  u8 group_reported_ = 0;       // critical warnings of the endurance group that were there at the last look
  bool group_has_event_ = false;
  Alarm alarm_;
  Thermal thermal_;
  TelemetryCapture host_telemetry_;
  TelemetryCapture controller_telemetry_;
  bool controller_telemetry_available_ = false;
  u64 keep_alive_ends_ = NVMEV_NEVER;  // ns
  u64 reset_at_ = 0;                   // ns: last Controller Level Reset
  nvme::ChangedNamespacesLog changed_namespaces_{};

  u32* shadow_doorbells_ = nullptr;
  u32* event_indexes_ = nullptr;

  HostArray<void*> queue_pages_;  // page tables of all queues
  HostArray<u8> scratch_;
  DataBuffer buffer_;
};

}  // namespace nvmev
