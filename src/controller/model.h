// SPDX-License-Identifier: GPL-2.0-only
// The FTL of a region, on the host's time axis and shared by its dispatchers.
#pragma once

#include <atomic>

#include "nvmev/ftl.h"
#include "nvmev/host.h"
#include "nvmev/key_value.h"
#include "nvmev/open_channel.h"
#include "nvmev/placement.h"
#include "nvmev/spinlock.h"
#include "nvmev/zones.h"
#include "time_scale.h"

namespace nvmev {

class Model {
 public:
  Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  ~Model();

  // The FTL's address 0 is at `base` of the device's address space, in which all offsets here are. 0 or a negative errno
  // with *error. The configuration is checked already.
  int init(const nvmev_config& config, u64 base, nvmev_host* host, nvmev_error* error);

  // Carries out a request that arrived at `request.now`; both that and the result's `done` are times of the host's
  // clock. Dispatcher threads.
  // *number, if given: which call of Ftl::plan() it was, counted from 0 (PowerLoss::since).
  IoPlan plan(IoRequest request, u64* number = nullptr) {
    request.offset -= base_;
    return carry_out(request.now, [&](Ftl& ftl, u64 now) {
      request.now = now;
      if (number != nullptr) *number = plans_;
      plans_++;
      return ftl.plan(request);
    });
  }

  // The same for whatever `with(ftl, now)` does to the FTL: both `now` and the `done` of the IoPlan that it returns are
  // modelled time. Dispatcher threads.
  template <typename Function>
  IoPlan carry_out(u64 now, Function with) {
    if (!shared_) return carry_out_alone(now, with);
    SpinGuard guard(host_, lock_);
    return carry_out_alone(now, with);
  }

  // A step of what the FTL has done since its last command. False: there is more; no command comes before that. Dispatcher threads.
  bool catch_up(u64 now) {
    bool done = true;
    if (works_in_idle_time_) {
      carry_out(now, [&](Ftl& ftl, u64 modelled) {
        done = ftl.catch_up(modelled);
        return IoPlan{modelled, nvme::Status::kSuccess};
      });
    }
    return done;
  }

  // Live keys have changed. Any thread.
  void retune(const nvmev_config& config);

  // A step, which takes a bounded time, of forgetting the contents of a range (Format NVM, deletion of a namespace);
  // `*at` is how far it has come and 0 at first. True once it is done. Dispatcher 0, while no command is under way there.
  bool erase_step(u64 now, u64 offset, u64 length, u64* at);

  // Ranges that are deallocated or zeroed may be as large as the device; what one call of plan() may be asked for ends
  // here at the latest. At most 16 MiB behind `at`, and on a boundary that divides no mapping unit.
  u64 piece_end(u64 at, u64 end) const {
    const u64 boundary = at + kPiece - (at - base_) % kPiece;
    return boundary < end ? boundary : end;
  }
  static constexpr u64 kPiece = 16ull << 20;

  bool has_volatile_cache() const { return ftl_->has_volatile_cache(); }
  // Any thread.
  u64 wanted_host_memory() const { return ftl_->wanted_host_memory(); }
  // Feature 06h. Dispatcher 0.
  void set_volatile_cache(bool on);

  // Any thread.
  FtlHealth health() const { return ftl_->health(); }
  MediaTraffic traffic() const { return ftl_->traffic(); }
  MediaCounters media() const { return ftl_->media(); }
  // Flexible Data Placement; nullptr where there is none. Functions of it that are not for any thread go through these.
  const Placement* placement() const { return placement_; }
  // nullptr but for open-channel SSDs. Functions of it that are not for any thread go through carry_out().
  OpenChannel* open_channel() const { return open_channel_; }
  void update_placement(u64 now, u16 handle);
  // Any thread.
  StreamLimits streams() const { return ftl_->streams(); }
  PreferredSizes preferred_sizes() const { return ftl_->preferred_sizes(); }
  // Zones; nullptr where there are none. Their functions that are not for any thread are for carry_out().
  Zones* zones() const { return zones_; }
  // `at` of the events is on the host's clock.
  template <typename Function>
  void take_placement_events(Function with) {
    SpinGuard guard(host_, lock_);
    PlacementEvent event;
    while (placement_->take_event(&event)) {
      event.at = scale_.to_host(event.at);
      with(event);
    }
  }

  // The key-value store; nullptr where there is none. Its first stage goes through carry_out().
  KeyValue* key_value() const { return key_value_; }

  // See Ftl::power_cycle(). Dispatcher 0, while no command is under way.
  void power_cycle(u64 now, u64 seed, PowerLossSink& sink);

  void report(TextWriter& text) const { ftl_->report(text); }

  // See Ftl::transfer(). While nothing else uses it.
  bool keeps_state() const { return ftl_->keeps_state(); }
  void transfer(StateArchive& archive);

  // See Ftl::state_hash(). Any thread, while no command is in flight.
  u64 state_hash() const { return ftl_->state_hash(); }

 private:
  template <typename Function>
  IoPlan carry_out_alone(u64 now, Function with) {
    now = begin(now);
    const u64 modelled = scale_.to_model(now);
    IoPlan plan = with(*ftl_, modelled);
    // Rounding between the axes must not make a command that takes no time wait.
    plan.done = plan.done <= modelled ? now : scale_.to_host(plan.done);
    return plan;
  }
  u64 begin(u64 now);

  nvmev_host* host_ = nullptr;
  Ftl* ftl_ = nullptr;
  Placement* placement_ = nullptr;
  KeyValue* key_value_ = nullptr;
  Zones* zones_ = nullptr;
  OpenChannel* open_channel_ = nullptr;
  u64 base_ = 0;
  u64 capacity_ = 0;
  bool works_in_idle_time_ = false;
  bool shared_ = false;  // several dispatchers: plan() takes the lock
  Spinlock lock_;
  TimeScale scale_;
  u32 scale_milli_ = 0;
  std::atomic<u32> wanted_milli_{0};
  u64 last_now_ = 0;
  u64 plans_ = 0;  // calls of Ftl::plan()
  // The next request begins at modelled time resume_at_. A new device's time begins with its first one: a host's clock may tell any.
  bool resumes_ = true;
  u64 resume_at_ = 0;
};

}  // namespace nvmev
