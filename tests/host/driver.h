// SPDX-License-Identifier: GPL-2.0-only
// Plays the NVMe driver of the requester: registers, queues, doorbells, commands.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "host/commands.h"
#include "host/device.h"
#include "host/dma.h"
#include "host/runner.h"
#include "nvmev/nvme/command.h"
#include "nvmev/nvme/registers.h"
#include "nvmev/nvme/status.h"

namespace nvmev::test {

// A completion queue entry, and when the driver saw it.
struct Completion {
  u64 time = 0;
  u16 cq_id = 0;
  u16 sq_id = 0;
  u16 cid = 0;
  u16 sq_head = 0;
  nvme::Status status = nvme::Status::kSuccess;
  bool dnr = false;
  bool more = false;
  u32 dw0 = 0;
  u32 dw1 = 0;

  bool ok() const { return status == nvme::Status::kSuccess; }
  bool operator==(const Completion&) const = default;
};

class Driver {
 public:
  struct EnableOptions {
    u32 admin_entries = 32;    // of both admin queues
    u32 admin_cq_entries = 0;  // 0: as admin_entries
    u32 css = nvme::cc::kCssNvm;
    u32 iosqes = nvme::kSqeShift;
    u32 iocqes = nvme::kCqeShift;
    u32 extra_cc = 0;  // or'ed in
  };

  struct SubmissionQueue {
    u16 id;
    u16 cq_id;
    u32 entries;
    u64 bus;
    u32 tail;
    u32 head;  // as of the last completion seen
    u16 next_cid;
  };

  struct CompletionQueue {
    u16 id;
    u32 entries;
    u64 bus;
    u32 head;
    bool phase;
    u16 vector;
  };

  // Of one of the device's controllers.
  Driver(Device& device, Runner& runner, u32 controller = 0);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  Device& device() const { return device_; }
  TestHost& host() const { return device_.host(); }
  Arena& arena() const { return device_.host().arena; }
  Runner& runner() const { return runner_; }

  // ---- Registers
  u32 read32(u32 offset) const;
  u64 read64(u32 offset) const;
  void write32(u32 offset, u32 value);
  void write64(u32 offset, u64 value);  // low half, then high half
  u32 csts() const { return read32(offsetof(nvme::Registers, csts)); }
  u64 cap() const { return read64(offsetof(nvme::Registers, cap)); }
  bool ready() const { return csts() & nvme::csts::kReady; }

  // ---- Life
  // Waits for RDY = 0, sets up the admin queues, sets CC.EN, waits for RDY = 1. False: CSTS.CFS instead.
  bool enable(const EnableOptions& options);
  bool enable() { return enable(EnableOptions{}); }
  // Clears CC.EN, waits for RDY = 0, forgets all queues.
  void disable();
  // CC.SHN, waits for shutdown complete.
  void shutdown();
  // Forgets all queues and frees their memory, without a word to the device: after a reset from elsewhere.
  void forget_queues();

  // ---- Queues
  // Creates a queue pair with the ordinary admin commands. CHECKs success.
  void create_queue_pair(u16 id, u32 entries, u16 vector);
  void create_queue_pair(u16 id, u32 entries = 64) { create_queue_pair(id, entries, id); }
  // One of the two, for tests that put them together themselves. The queue is known to the driver if it succeeds.
  Completion create_cq(u16 id, u32 entries, u16 vector, bool interrupts = true);
  Completion create_sq(u16 id, u32 entries, u16 cq_id, nvme::QueuePriority priority = nvme::QueuePriority::kUrgent);
  // The same with queues at a given place, which is not the driver's to give back.
  Completion create_cq_at(u64 bus, u16 id, u32 entries, u16 vector);
  Completion create_sq_at(u64 bus, u16 id, u32 entries, u16 cq_id);
  Completion delete_sq(u16 id);
  Completion delete_cq(u16 id);
  SubmissionQueue& sq(u16 id) { return sqs_.at(id); }
  CompletionQueue& cq(u16 id) { return cqs_.at(id); }

  // Doorbell Buffer Config with two fresh pages; doorbells of I/O queues go through them from then on.
  Completion use_shadow_doorbells();
  u64 shadow_page() const { return shadow_; }
  u64 event_idx_page() const { return event_idx_; }
  u64 doorbell_writes() const { return doorbell_writes_; }  // to the registers

  // ---- Commands
  // Puts a command into a queue and gives it a command identifier. The doorbell is ring()'s.
  u16 queue(u16 sq_id, nvme::Sqe sqe);
  // The same with sqe.cid as it is.
  void queue_raw(u16 sq_id, const nvme::Sqe& sqe);
  void ring(u16 sq_id);
  u16 submit(u16 sq_id, const nvme::Sqe& sqe) {
    const u16 cid = queue(sq_id, sqe);
    ring(sq_id);
    return cid;
  }
  void write_sq_doorbell(u16 id, u32 value);
  void write_cq_doorbell(u16 id, u32 value);

  // Takes new entries off all completion queues (of one) and rings the head doorbells; they are kept until taken.
  // Returns how many.
  size_t reap();
  size_t reap(u16 cq_id);
  // All that were reaped and not taken yet, in the order in which they were found.
  std::vector<Completion> take();
  std::optional<Completion> take(u16 sq_id, u16 cid);
  const std::vector<Completion>& reaped() const { return reaped_; }

  // Steps the device until the command is complete; takes and returns its completion. Aborts if it never comes.
  Completion wait(u16 sq_id, u16 cid);
  // Steps until `count` completions are reaped; false if they never come.
  bool wait_for(size_t count);
  // Submit and wait.
  Completion run(u16 sq_id, const nvme::Sqe& sqe) { return wait(sq_id, submit(sq_id, sqe)); }
  Completion admin(const nvme::Sqe& sqe) { return run(0, sqe); }

  // ---- Typed helpers, on queue 1 unless said otherwise. They CHECK nothing: look at the completion.
  struct Data {
    Completion completion;
    std::vector<u8> bytes;
  };
  Data identify(nvme::Cns cns, u32 nsid = 0, nvme::Csi csi = nvme::Csi::kNvm, u16 cntid = 0);
  // `specific`: Log Specific Parameter.
  Data get_log(nvme::LogPage page, u32 bytes, u64 offset = 0, bool retain = false, u8 specific = 0);
  // A log page as its structure, from offset 0; zeros where the command failed.
  template <typename Log>
  Log log(nvme::LogPage page) {
    Log log{};
    const Data data = get_log(page, (sizeof(Log) + 3) / 4 * 4);
    if (data.completion.ok()) std::memcpy(&log, data.bytes.data(), sizeof(log));
    return log;
  }
  Completion set_feature(nvme::Feature feature, u32 value) { return admin(cmd::set_feature(feature, value)); }
  Completion get_feature(nvme::Feature feature, u32 cdw11 = 0) {
    return admin(cmd::get_feature(feature, nvme::FeatureSelect::kCurrent, cdw11));
  }
  Data read(u64 slba, u32 blocks, u16 sq_id = 1, u32 offset = 0);
  Completion write(u64 slba, const std::vector<u8>& bytes, u16 sq_id = 1, u32 offset = 0);
  Completion compare(u64 slba, const std::vector<u8>& bytes, u16 sq_id = 1);
  Completion deallocate(const std::vector<nvme::DsmRange>& ranges, u16 sq_id = 1);

  // Bytes of a logical block: 512 until format() of the test says otherwise.
  u32 lba_size = 512;

 private:
  void write_doorbell(u32 index, u16 id, u32 value);
  bool has_entry(const CompletionQueue& queue) const;
  void free_queues();
  void give_back(u64 bus, u32 pages);

  Device& device_;
  Runner& runner_;
  const u32 controller_;
  std::map<u16, SubmissionQueue> sqs_;
  std::map<u16, CompletionQueue> cqs_;
  std::vector<Completion> reaped_;
  u64 shadow_ = 0;
  u64 event_idx_ = 0;
  u64 doorbell_writes_ = 0;
};

}  // namespace nvmev::test
