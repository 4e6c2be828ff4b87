// SPDX-License-Identifier: GPL-2.0-only
// A dispatcher: fetches commands from the submission queues that it serves, checks and plans them, and hands them to
// the workers.
#pragma once

#include <array>
#include <atomic>

#include "nvmev/host_array.h"
#include "data_buffer.h"
#include "io_commands.h"
#include "shared.h"
#include "task.h"

namespace nvmev {

class Dispatcher {
 public:
  // Serves the I/O submission queues whose id modulo the number of dispatchers is `index`. False when there is no memory.
  bool init(Shared& shared, u32 index);

  // One pass over the queues. Returns how many things were done.
  u32 pass(u64 now);

  // Whether a pass would find something. Any thread.
  bool pending() const;

  // Counts begins and ends of passes: odd within one. Any thread.
  u32 pass_count() const { return pass_count_.load(std::memory_order_seq_cst); }

  // Counts begins and ends of plans that take several passes: odd while there is one. Any thread.
  u32 long_plan_count() const { return long_plan_count_.load(std::memory_order_acquire); }

  // Makes room for a request to worker `w` behind all commands handed to it so far; nullptr when the ring is full.
  // Call commit on the ring afterwards. Of this dispatcher's thread.
  Task* reserve(u32 w) { return shared_->ring(index_, w).reserve(); }
  void commit(u32 w) { shared_->ring(index_, w).commit(); }

 private:
  // What became of a command that was copied from its queue.
  enum class Prepared : u8 {
    kReady,  // to be handed over
    kLater,  // nothing was done: it stays in its queue
    kTaken,  // it is the long plan now
  };

  // A command that touches more than one call of the model may (Dataset Management, Write Zeroes): planned in pieces, one
  // in a pass. It has left its queue and was not handed to its worker yet.
  struct LongPlan {
    Task task;
    Region* region;
    u32 worker;
    u32 range;  // the next one of task.list
    u64 at;     // next byte to plan
    u64 end;    // of the current range
  };

  void find_queues();
  // Fetches at most `limit` commands, or one more that is fused to the last.
  u32 fetch(SubmissionQueue& sq, u64 now, u32 limit);
  u32 arbitrate(u64 now);
  u32 serve_class(nvme::QueuePriority priority, u32 limit, u64 now);
  u32 serve_weighted(u32 weights, u32 burst, u64 now);
  void begin(const SubmissionQueue& sq, Task& task, u64 now) const;
  nvme::Status admit(const IoCommand& command, const Namespace* ns, u32 nsid) const;
  Prepared prepare(SubmissionQueue& sq, Task& task, u64 now);
  bool fetch_fused(SubmissionQueue& sq, const nvme::Sqe& first, const nvme::Sqe& second, u64 now);
  void plan(const Namespace& ns, Task& task, u64 now);
  bool has_long_plan() const { return long_plan_count_.load(std::memory_order_relaxed) % 2 != 0; }
  void begin_long_plan(Region& region, u32 worker, const Task& task);
  void step_long_plan(u64 now);
  bool end_long_plan();
  bool end_queue(SubmissionQueue& sq);
  CommandList* free_list();

  static constexpr u32 kClasses = 4;     // QueuePriority
  static constexpr u32 kRoundBatch = 64;  // commands of all queues in one pass, with weights
  static constexpr u32 kFetchBatch = 32;  // commands of one queue in one pass
  static constexpr u32 kLists = 16;

  Shared* shared_ = nullptr;
  u32 index_ = 0;
  u32 generation_ = 0;
  u32 queue_count_ = 0;
  std::array<u16, NVMEV_MAX_VECTORS> queues_;  // ids of the queues to look at
  std::array<u32, kClasses> next_{};     // by class: which of queues_ is looked at next
  std::array<u32, kClasses> credits_{};  // by class: commands left in this round
  HostArray<CommandList> lists_;
  LongPlan long_plan_{};
  std::atomic<u32> long_plan_count_{0};
  DataBuffer buffer_;
  HostArray<u8> block_;  // of a fused operation
  bool caught_up_ = true;  // in this pass, no command had to wait for Model::catch_up()
  std::atomic<u32> pass_count_{0};
};

}  // namespace nvmev
