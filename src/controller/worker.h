// SPDX-License-Identifier: GPL-2.0-only
// A worker: moves the data of the commands that it is handed, keeps their completions until they are due,
// posts them and raises interrupts. It owns the completion queues whose commands it gets.
#pragma once

#include <array>

#include "completion_order.h"
#include "nvmev/host_array.h"
#include "data_buffer.h"
#include "io_commands.h"
#include "shared.h"
#include "task.h"

namespace nvmev {

// A command whose data has been moved and whose completion is not yet posted.
struct Pending : OrderLink {
  u16 sq_id;
  u16 cid;
  nvme::Status status;
  u16 nsid;    // 0: none, or all
  u64 result;  // DW0 and DW1
};
static_assert(sizeof(Pending) == 32);

class Worker {
 public:
  // False when there is no memory.
  bool init(Shared& shared, u32 index);

  // One pass; see nvmev_work().
  u32 pass(u64 now, u64* next);

  // Whether something new has arrived. Any thread.
  bool pending() const;

  // Whether a long command (Dataset Management, Write Zeroes) is being carried out. Any thread.
  bool has_long_task() const { return long_busy_.load(std::memory_order_acquire); }
  // Whether that is a Preempt and Abort, which waits for other workers. Any thread.
  bool waits_for_others() const { return waits_for_others_.load(std::memory_order_acquire); }

 private:
  struct LongTask {
    Task task;
    u32 range;   // of task.list
    u64 at;      // next byte to do
    u64 end;     // of the current range
    bool given_up;  // its completion is not wanted any more
  };

  u32 take_arrivals(u64 now);
  bool take(Task& task);
  bool move(const IoCommand& command, Task& task, nvme::Status* status);
  void answer(Task& task, u64 now);
  void give_up(const SubmissionQueue& sq, u16 cid);
  void drain_sq(SubmissionQueue& sq);
  void forget_cq(CompletionQueue& cq);
  bool abort(u16 sq_id, u16 cid, u64 now);
  u32 abort_namespaces(u64 now);
  void begin_long(const Task& task);
  // Returns how much was done: 0 when it waits.
  bool step_command(const IoCommand& command);
  u32 step_long();
  bool step_pages();
  u64 skip_done(const Task& task, u64 at);
  void step_piece(const Task& task, u64 at, u32 bytes);
  void finish(const Task& task, nvme::Status status);
  void count(const Task& task);
  u32 deliver(u64 now);
  void complete(u32 index, u64 now);
  void post(CompletionQueue& cq, const Pending& pending, u64 now);
  u32 deliver_held(u64 now);
  void signal_touched();
  bool signal_delayed(u64 now, u64* next);
  template <typename Predicate>
  void remove_held(CompletionQueue& cq, Predicate remove);
  void release(u32 index);
  void give_room_back();
  void mark(std::array<u64, NVMEV_MAX_VECTORS / 64>& set, u16 id) { set[id / 64] |= 1ull << id % 64; }
  void unmark(std::array<u64, NVMEV_MAX_VECTORS / 64>& set, u16 id) { set[id / 64] &= ~(1ull << id % 64); }

  static constexpr u32 kTaskBatch = 64;        // arrivals in one pass
  static constexpr u64 kByteBatch = 256 << 10;  // bytes moved in one pass before completions are looked at again
  static constexpr u32 kDeliverBatch = 256;
  static constexpr u32 kLongPages = 64;  // pages of a long command in one pass

  Shared* shared_ = nullptr;
  u32 index_ = 0;
  WorkerStats* stats_ = nullptr;
  DataBuffer buffer_;

  HostArray<Pending> entries_;
  CompletionOrder<Pending> order_;
  u32 free_ = CompletionOrder<Pending>::kNone;  // chain of unused entries
  u32 released_ = 0;   // commands that have left since the dispatchers were told
  u32 in_flight_ = 0;  // entries in use
  u64 last_pass_ = 0;

  LongTask long_{};
  std::atomic<bool> long_busy_{false};
  std::atomic<bool> waits_for_others_{false};

  std::array<u64, NVMEV_MAX_VECTORS / 64> touched_{};  // completion queues posted to in this pass
  std::array<u64, NVMEV_MAX_VECTORS / 64> delayed_{};  // completion queues with coalesced interrupts
  std::array<u64, NVMEV_MAX_VECTORS / 64> holding_{};  // completion queues with held completions
};

}  // namespace nvmev
