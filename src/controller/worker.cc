// SPDX-License-Identifier: GPL-2.0-only
#include "worker.h"

#include "block_io.h"
#include "command_set.h"

namespace nvmev {

using nvme::Status;

namespace {

constexpr u32 kNone = CompletionOrder<Pending>::kNone;
static_assert(kNone == CompletionQueue::kNoEntry);

// Calls `with(id)` for each member of a set of queue ids, which may change meanwhile.
template <typename Set, typename Function>
void for_each_member(const Set& set, Function with) {
  for (u32 word = 0; word < set.size(); word++) {
    for (u64 left = set[word]; left != 0; left &= left - 1) {
      with(static_cast<u16>(word * 64 + static_cast<u32>(std::countr_zero(left))));
    }
  }
}

bool is_long(const IoCommand& command, const Task& task) {
  if (!command.long_running || (task.list == nullptr && task.length == 0)) return false;
  return command.is_long == nullptr || command.is_long(task);
}

// What a command reads and writes.
void add_ranges(const Task& task, AtomicUnits::Span& span) {
  const bool has_range = task.op == IoOp::kRead || task.op == IoOp::kWrite || task.op == IoOp::kCompare || task.op == IoOp::kWriteZeroes;
  if (has_range) span.add(task.offset, task.length);
  if (task.sqe.opcode != static_cast<u8>(nvme::NvmOpcode::kCopy)) return;
  for (u32 i = 0; i < task.list->count; i++) {
    const CopySource& source = task.list->sources[i];
    // Blocks of 4 KiB at most.
    span.add(source.offset, static_cast<u64>(source.blocks) << kPageShift);
  }
}

}  // namespace

bool Worker::init(Shared& shared, u32 index) {
  shared_ = &shared;
  index_ = index;
  stats_ = &shared.worker_stats[index];
  const u32 count = shared.config.inflight;
  if (!buffer_.allocate(shared.host, shared.bus, shared.config.mdts) || !entries_.allocate(shared.host, count)) return false;
  order_.init(entries_.data());
  for (u32 i = count; i-- > 0;) release(i);
  shared.worker_rooms[index].init(count);
  released_ = 0;
  return true;
}

void Worker::release(u32 index) {
  entries_[index].next = free_;
  free_ = index;
  released_++;
}

// The dispatchers learn once in a pass what has become free.
void Worker::give_room_back() {
  shared_->worker_rooms[index_].give_back(released_);
  released_ = 0;
}

u32 Worker::pass(u64 now, u64* next) {
  if (now < last_pass_) now = last_pass_;
  if (in_flight_ != 0 && now > last_pass_) stats_->busy.add(now - last_pass_);
  last_pass_ = now;

  u32 done = take_arrivals(now);
  if (shared_->aborts[index_].load(std::memory_order_acquire) != 0) [[unlikely]] {
    done += abort_namespaces(now);
  }
  if (long_busy_.load(std::memory_order_relaxed)) done += step_long();
  done += deliver(now);
  done += deliver_held(now);
  signal_touched();
  give_room_back();

  *next = order_.not_before();
  if (signal_delayed(now, next)) done++;
  if (long_busy_.load(std::memory_order_relaxed)) *next = now;
  // The requester makes room by a doorbell, which nothing announces: look again soon.
  constexpr u64 kRoomPoll = 20 * 1000;
  for (const u64 word : holding_) {
    if (word != 0 && now + kRoomPoll < *next) *next = now + kRoomPoll;
  }
  stats_->in_flight.store(in_flight_, std::memory_order_relaxed);
  return done;
}

bool Worker::pending() const {
  if (shared_->aborts[index_].load(std::memory_order_acquire) != 0) return true;
  for (u32 d = 0; d < shared_->config.dispatchers; d++) {
    if (!shared_->ring(d, index_).empty()) return true;
  }
  return false;
}

// ---- Arrivals --------------------------------------------------------------------------------

u32 Worker::take_arrivals(u64 now) {
  u32 taken = 0;
  u64 bytes = 0;
  for (u32 d = 0; d < shared_->config.dispatchers; d++) {
    TaskRing& ring = shared_->ring(d, index_);
    while (taken < kTaskBatch && bytes < kByteBatch) {
      Task* task = ring.front();
      if (task == nullptr) break;
      if (task->kind != TaskKind::kCommand && task->kind != TaskKind::kCarriedOut) {
        answer(*task, now);
      } else {
        if (task->kind == TaskKind::kCommand && command_of(*task).move != nullptr) bytes += task->length;
        if (!take(*task)) break;
        if (task->undoable) shared_->write_order.end(task->offset, task->length);
      }
      ring.pop();
      taken++;
    }
  }
  return taken;
}

// Carries out a command's data phase. False: it must wait for another's, or for the long command.
bool Worker::take(Task& task) {
  const IoCommand& command = command_of(task);
  Status status = task.status;
  if (status == Status::kSuccess && task.kind == TaskKind::kCommand) {
    if (command.ready != nullptr && !command.ready(*shared_, task)) return false;
    if (is_long(command, task)) {
      if (long_busy_.load(std::memory_order_relaxed)) return false;
      if (task.has_metadata && task.op == IoOp::kWriteZeroes && !prepare_zeroes(*shared_, task)) {
        finish(task, Status::kWriteFault);
      } else {
        begin_long(task);
      }
      return true;
    }
    if (command.move != nullptr && !move(command, task, &status)) return false;
  }
  finish(task, status);
  return true;
}

// False: somebody else has what it touches.
bool Worker::move(const IoCommand& command, Task& task, Status* status) {
  if (shared_->atomic_units.enabled() && task.family == CommandFamily::kNvm) [[unlikely]] {
    AtomicUnits::Span span(shared_->atomic_units);
    add_ranges(task, span);
    if (!span.try_take()) return false;
    *status = command.move(*shared_, buffer_, task);
    return true;
  }
  *status = command.move(*shared_, buffer_, task);
  return true;
}

// The command's data phase is over: its completion waits for the target time.
void Worker::finish(const Task& task, Status status) {
  if (status == Status::kSuccess) {
    count(task);
  } else {
    stats_->errors.add(1);
    constexpr u32 kMediaErrors = 2;  // Status Code Type
    if (static_cast<u16>(status) >> 8 == kMediaErrors && status != Status::kCompareFailure) stats_->media_errors.add(1);
    shared_->error_log.add(task.sq_id, task.sqe.cid, status, task.sqe.slba(), task.sqe.nsid);
  }
  const u32 index = free_;  // its dispatcher has seen to that there is one
  Pending& pending = entries_[index];
  free_ = pending.next;
  in_flight_++;
  pending.target = task.target;
  pending.sq_id = task.sq_id;
  pending.cid = task.sqe.cid;
  pending.status = status;
  pending.nsid = static_cast<u16>(task.sqe.nsid <= kMaxNamespaces ? task.sqe.nsid : 0);
  const bool tells = status == Status::kSuccess || status == Status::kIteratorFinished ||
                     task.family == CommandFamily::kOpenChannel;
  pending.result = tells ? task.result : 0;
  order_.insert(index);
}

void Worker::count(const Task& task) {
  const IoCommand& command = command_of(task);
  (stats_->*command.counter).add(1);
  if (command.move == nullptr) return;
  const bool copies = command.counter == &WorkerStats::copies;
  if (task.op == IoOp::kWrite) stats_->blocks_written.add(task.length >> 9);
  if (task.op == IoOp::kRead || task.op == IoOp::kCompare || copies) stats_->blocks_read.add(task.length >> 9);
}

// ---- Long commands -----------------------------------------------------------------------------

void Worker::begin_long(const Task& task) {
  LongTask& work = long_;
  work.task = task;
  work.range = 0;
  work.at = work.end = 0;
  work.given_up = false;
  if (task.list == nullptr) {
    work.at = task.offset;
    work.end = task.offset + task.length;
    if (command_of(task).step == nullptr) shared_->uncorrectable.clear(work.at, work.end - work.at);
  }
  waits_for_others_.store(command_of(task).reserves, std::memory_order_release);
  long_busy_.store(true, std::memory_order_release);
}

// True when the command is over.
bool Worker::step_command(const IoCommand& command) {
  LongTask& work = long_;
  if (command.step != nullptr) return command.step(*shared_, work.task, &work.at);
  AtomicUnits::Span span(shared_->atomic_units);
  if (shared_->atomic_units.enabled() && work.task.family == CommandFamily::kNvm) {
    // A range that is no larger than the unit is done in this step.
    static_assert(kLongPages * kPageSize > kMaxAtomicUnit + kPageSize);
    if (work.task.list != nullptr) {
      span.add_all();
    } else {
      span.add(work.at, work.end - work.at);
    }
    if (!span.try_take()) return false;
  }
  return step_pages();
}

u32 Worker::step_long() {
  LongTask& work = long_;
  if (!step_command(command_of(work.task))) return 1;
  if (work.given_up) {
    released_++;
  } else {
    // Of an open-channel SSD, some chunks may have failed before the others were given back.
    const bool in_part = work.task.family == CommandFamily::kOpenChannel && work.task.list != nullptr;
    finish(work.task, in_part ? work.task.list->outcome : work.task.status);
  }
  if (work.task.list != nullptr) work.task.list->give_back();
  waits_for_others_.store(false, std::memory_order_release);
  long_busy_.store(false, std::memory_order_release);
  return 1;
}

// The first part of the current range that is not yet as the command wants it.
u64 Worker::skip_done(const Task& task, u64 at) {
  if (!task.has_metadata) return shared_->medium.skip_unwritten(at);
  // Protection information has to be written where nothing is, too.
  return task.op == IoOp::kWriteZeroes ? at : skip_unwritten_blocks(*shared_, task, at);
}

void Worker::step_piece(const Task& task, u64 at, u32 bytes) {
  const bool zeroes = task.op == IoOp::kWriteZeroes;
  if (task.has_metadata) return zeroes ? zero_blocks(*shared_, task, at, bytes) : deallocate_blocks(*shared_, task, at, bytes);
  return zeroes ? shared_->medium.zero(at, bytes) : shared_->medium.discard(at, bytes);
}

// Discards or zeroes the next pages of the command's range, or ranges. True when there are none left.
bool Worker::step_pages() {
  LongTask& work = long_;
  CommandList* list = work.task.list;
  for (u32 pages = 0; pages < kLongPages; pages++) {
    while (work.at >= work.end) {
      if (list == nullptr || work.range == list->count) return true;
      const ByteRange& range = list->bytes[work.range++];
      work.at = range.offset;
      work.end = range.offset + range.length;
      shared_->uncorrectable.clear(range.offset, range.length);
    }
    const u64 page = skip_done(work.task, work.at);
    if (page > work.at) {
      work.at = page;
      continue;
    }
    const u64 page_end = (work.at | (kPageSize - 1)) + 1;
    const u32 bytes = static_cast<u32>((page_end < work.end ? page_end : work.end) - work.at);
    step_piece(work.task, work.at, bytes);
    work.at += bytes;
  }
  return false;
}

// ---- Requests of dispatchers ---------------------------------------------------------------------

void Worker::answer(Task& task, u64 now) {
  switch (task.kind) {
    case TaskKind::kDrainSq:
      drain_sq(shared_->sqs[task.sq_id]);
      break;
    case TaskKind::kForgetCq:
      forget_cq(shared_->cqs[task.cq_id]);
      task.answer->store(Answer::kYes, std::memory_order_release);
      break;
    case TaskKind::kAbort:
      task.answer->store(abort(task.sq_id, task.cid, now) ? Answer::kYes : Answer::kNo, std::memory_order_release);
      break;
    case TaskKind::kCommand:
    case TaskKind::kCarriedOut:
      break;
  }
}

template <typename Predicate>
void Worker::remove_held(CompletionQueue& cq, Predicate remove) {
  u32 index = cq.held_first;
  cq.held_first = cq.held_last = kNone;
  while (index != kNone) {
    const u32 next = entries_[index].next;
    if (!remove(index)) {
      entries_[index].next = kNone;
      if (cq.held_first == kNone) {
        cq.held_first = index;
      } else {
        entries_[cq.held_last].next = index;
      }
      cq.held_last = index;
    }
    index = next;
  }
  if (cq.held_first == kNone) unmark(holding_, cq.id);
}

// Gives up a command of a queue that ends: with the queue's end status if there is room, silently if not. The requester of a
// deleted queue does not wait for what no longer fits.
void Worker::give_up(const SubmissionQueue& sq, u16 cid) {
  CompletionQueue& cq = shared_->cqs[sq.cq_id];
  stats_->aborted.add(1);
  bool invalid = false;
  if (sq.silent_end || cq.held_first != kNone || !cq.has_room(&invalid)) return;
  Pending pending{};
  pending.sq_id = sq.id;
  pending.cid = cid;
  pending.status = sq.end_status;
  post(cq, pending, last_pass_);
}

void Worker::drain_sq(SubmissionQueue& sq) {
  const auto remove = [&](u32 index) {
    if (entries_[index].sq_id != sq.id) return false;
    give_up(sq, entries_[index].cid);
    in_flight_--;
    release(index);
    return true;
  };
  remove_held(shared_->cqs[sq.cq_id], remove);
  order_.remove_if(remove);
  if (long_busy_.load(std::memory_order_relaxed) && !long_.given_up && long_.task.sq_id == sq.id) {
    if (!command_of(long_.task).may_be_given_up()) {
      long_.given_up = true;
    } else {
      // What it has not yet deallocated or zeroed stays as it is: the command has not succeeded.
      if (long_.task.list != nullptr) long_.task.list->give_back();
      released_++;
      long_busy_.store(false, std::memory_order_release);
    }
    give_up(sq, long_.task.sqe.cid);
  }
  signal_touched();
  sq.state.store(SqState::kDrained, std::memory_order_release);
}

void Worker::forget_cq(CompletionQueue& cq) {
  remove_held(cq, [&](u32 index) {
    in_flight_--;
    release(index);
    return true;
  });
  unmark(touched_, cq.id);
  unmark(delayed_, cq.id);
  unmark(holding_, cq.id);
}

bool Worker::abort(u16 sq_id, u16 cid, u64 now) {
  u32 found = kNone;
  order_.remove_if([&](u32 index) {
    if (found != kNone || entries_[index].sq_id != sq_id || entries_[index].cid != cid) return false;
    found = index;
    return true;
  });
  if (found == kNone) return false;
  entries_[found].status = Status::kAbortRequested;
  entries_[found].result = 0;
  stats_->aborted.add(1);
  complete(found, now);
  signal_touched();
  return true;
}

// Preempt and Abort: what is under way in the namespaces ends now.
u32 Worker::abort_namespaces(u64 now) {
  const u32 namespaces = shared_->aborts[index_].load(std::memory_order_acquire);
  const auto is_meant = [&](u32 nsid) { return nsid - 1 < kMaxNamespaces && (namespaces >> (nsid - 1) & 1) != 0; };
  if (long_busy_.load(std::memory_order_relaxed) && !long_.given_up && is_meant(long_.task.sqe.nsid) &&
      command_of(long_.task).may_be_given_up()) {
    // What it has not reached stays as it is.
    finish(long_.task, Status::kAbortRequested);
    if (long_.task.list != nullptr) long_.task.list->give_back();
    long_busy_.store(false, std::memory_order_release);
  }
  u32 chain = kNone;
  order_.remove_if([&](u32 index) {
    if (!is_meant(entries_[index].nsid)) return false;
    entries_[index].next = chain;
    chain = index;
    return true;
  });
  u32 aborted = 0;
  while (chain != kNone) {
    const u32 index = chain;
    chain = entries_[index].next;
    entries_[index].status = Status::kAbortRequested;
    entries_[index].result = 0;
    stats_->aborted.add(1);
    complete(index, now);
    aborted++;
  }
  signal_touched();
  shared_->aborts[index_].fetch_and(~namespaces, std::memory_order_release);
  return aborted + 1;
}

// ---- Completions -----------------------------------------------------------------------------------

u32 Worker::deliver(u64 now) {
  u32 delivered = 0;
  for (; delivered < kDeliverBatch; delivered++) {
    const u32 index = order_.pop_due(now);
    if (index == kNone) break;
    const u64 late = now > entries_[index].target ? now - entries_[index].target : 0;
    stats_->late_total.add(late);
    stats_->late_max.raise_to(late);
    stats_->lateness.add(late);
    complete(index, now);
  }
  return delivered;
}

// Posts the completion, or holds it until there is room.
void Worker::complete(u32 index, u64 now) {
  CompletionQueue& cq = shared_->cqs[shared_->sqs[entries_[index].sq_id].cq_id];
  bool invalid = false;
  if (cq.held_first == kNone && cq.has_room(&invalid)) {
    post(cq, entries_[index], now);
    in_flight_--;
    release(index);
  } else {
    stats_->held.add(1);
    entries_[index].next = kNone;
    if (cq.held_first == kNone) {
      cq.held_first = index;
    } else {
      entries_[cq.held_last].next = index;
    }
    cq.held_last = index;
    mark(holding_, cq.id);
  }
  if (invalid) [[unlikely]] {
    shared_->raise(PendingEvent::kInvalidDoorbellValue);
  }
}

u32 Worker::deliver_held(u64 now) {
  u32 delivered = 0;
  for_each_member(holding_, [&](u16 id) {
    CompletionQueue& cq = shared_->cqs[id];
    bool invalid = false;
    while (cq.held_first != kNone && cq.has_room(&invalid)) {
      const u32 index = cq.held_first;
      cq.held_first = entries_[index].next;
      post(cq, entries_[index], now);
      in_flight_--;
      release(index);
      delivered++;
    }
    if (cq.held_first == kNone) {
      cq.held_last = kNone;
      unmark(holding_, id);
    }
    if (invalid) shared_->raise(PendingEvent::kInvalidDoorbellValue);
  });
  return delivered;
}

void Worker::post(CompletionQueue& cq, const Pending& pending, u64 now) {
  const SubmissionQueue& sq = shared_->sqs[pending.sq_id];
  const u16 sq_head = static_cast<u16>(sq.head.load(std::memory_order_relaxed));
  cq.post(static_cast<u32>(pending.result), static_cast<u32>(pending.result >> 32), sq_head, sq.id, pending.cid, nvme::status_field(pending.status));
  stats_->completions.add(1);
  if (!cq.interrupts) return;
  if (cq.unsignalled++ == 0) cq.signal_by = now + shared_->coalescing.time.load(std::memory_order_relaxed);
  mark(touched_, cq.id);
}

// One interrupt for each queue that was posted to, unless coalescing lets it wait.
void Worker::signal_touched() {
  for_each_member(touched_, [&](u16 id) {
    CompletionQueue& cq = shared_->cqs[id];
    unmark(touched_, id);
    if (shared_->coalescing.applies_to(cq.vector) &&
        cq.unsignalled <= shared_->coalescing.threshold.load(std::memory_order_relaxed)) {
      mark(delayed_, id);
      return;
    }
    unmark(delayed_, id);
    cq.unsignalled = 0;
    stats_->interrupts.add(1);
    nvmev_host_interrupt(shared_->function, cq.vector);
  });
}

// Raises the coalesced interrupts whose time is over; brings *next forward to the next of them.
bool Worker::signal_delayed(u64 now, u64* next) {
  bool any = false;
  for_each_member(delayed_, [&](u16 id) {
    CompletionQueue& cq = shared_->cqs[id];
    if (cq.signal_by > now) {
      if (cq.signal_by < *next) *next = cq.signal_by;
      return;
    }
    unmark(delayed_, id);
    cq.unsignalled = 0;
    stats_->interrupts.add(1);
    nvmev_host_interrupt(shared_->function, cq.vector);
    any = true;
  });
  return any;
}

}  // namespace nvmev
