// SPDX-License-Identifier: GPL-2.0-only
#include "dispatcher.h"

#include "command_set.h"
#include "fused.h"
#include "io_data.h"
#include "nvmev/nvme/log.h"
#include "nvmev/text.h"
#include "plan_task.h"

namespace nvmev {

using nvme::Status;

namespace {

constexpr u32 kFusedPath = 1u << 31;  // of WriteOrder: larger than any ring's

u64 bytes_of(const Task& task) {
  if (task.list == nullptr) return task.length;
  u64 sum = 0;
  for (u32 i = 0; i < task.list->count; i++) sum += task.list->bytes[i].length;
  return sum;
}

}  // namespace

bool Dispatcher::init(Shared& shared, u32 index) {
  shared_ = &shared;
  index_ = index;
  return lists_.allocate(shared.host, kLists) && block_.allocate(shared.host, kMaxFusedBytes) &&
         buffer_.allocate(shared.host, shared.bus, shared.config.mdts);
}

void Dispatcher::find_queues() {
  queue_count_ = 0;
  for (const SubmissionQueue& sq : shared_->sqs) {
    const u32 id = static_cast<u32>(&sq - shared_->sqs.data());
    if (id == 0 || id % shared_->config.dispatchers != index_) continue;
    if (sq.state.load(std::memory_order_acquire) != SqState::kAbsent) queues_[queue_count_++] = static_cast<u16>(id);
  }
}

u32 Dispatcher::pass(u64 now) {
  pass_count_.fetch_add(1, std::memory_order_seq_cst);
  const u32 generation = shared_->sq_generation.load(std::memory_order_acquire);
  if (generation != generation_) {
    generation_ = generation;
    find_queues();
  }
  u32 done = 0;
  caught_up_ = true;
  if (has_long_plan()) {
    step_long_plan(now);
    done++;
  }
  const bool hold = shared_->hold.load(std::memory_order_seq_cst);
  const bool weighted = shared_->weighted.load(std::memory_order_relaxed);
  for (u32 i = 0; i < queue_count_; i++) {
    SubmissionQueue& sq = shared_->sqs[queues_[i]];
    switch (sq.state.load(std::memory_order_acquire)) {
      case SqState::kActive:
        if (!hold && !weighted) done += fetch(sq, now, kFetchBatch);
        break;
      case SqState::kStopping:
        done += end_queue(sq);
        break;
      default:
        break;
    }
  }
  if (!hold && weighted) done += arbitrate(now);
  for (u32 w = 0; w < shared_->config.workers; w++) {
    if (shared_->ring(index_, w).publish()) nvmev_host_wake(shared_->host, w);
  }
  pass_count_.fetch_add(1, std::memory_order_seq_cst);
  return caught_up_ ? done : done + 1;
}

bool Dispatcher::pending() const {
  if (has_long_plan()) return true;
  if (shared_->sq_generation.load(std::memory_order_acquire) != generation_) return true;
  for (u32 i = 0; i < queue_count_; i++) {
    const SubmissionQueue& sq = shared_->sqs[queues_[i]];
    const SqState state = sq.state.load(std::memory_order_acquire);
    if (state == SqState::kStopping) return true;
    const bool may_fetch = state == SqState::kActive && !shared_->hold.load(std::memory_order_relaxed);
    if (may_fetch && sq.has_news() && !shared_->worker_rooms[sq.worker].is_full()) return true;
  }
  return false;
}

// ---- Weighted round robin with urgent priority class: section 3.4.4.2 -------------------------------------------------

// Bursts, as feature 01h says: of urgent queues as long as there are commands in any, else of the others by their weights.
u32 Dispatcher::arbitrate(u64 now) {
  constexpr u32 kBurstMask = 7;  // AB: a power of two, 7 is no limit
  const u32 value = shared_->arbitration.load(std::memory_order_relaxed);
  const u32 power = value & kBurstMask;
  const u32 burst = power == kBurstMask || 1u << power > kFetchBatch ? kFetchBatch : 1u << power;
  u32 done = 0;
  while (done < kRoundBatch) {
    u32 fetched = serve_class(nvme::QueuePriority::kUrgent, burst, now);
    if (fetched == 0) fetched = serve_weighted(value, burst, now);
    if (fetched == 0) break;
    done += fetched;
  }
  return done;
}

// A burst of the next queue of the class that has commands.
u32 Dispatcher::serve_class(nvme::QueuePriority priority, u32 limit, u64 now) {
  u32& next = next_[static_cast<u8>(priority)];
  for (u32 i = 0; i < queue_count_; i++) {
    const u32 at = (next + i) % queue_count_;
    SubmissionQueue& sq = shared_->sqs[queues_[at]];
    if (sq.priority != priority || sq.state.load(std::memory_order_acquire) != SqState::kActive) continue;
    const u32 fetched = fetch(sq, now, limit);
    if (fetched == 0) continue;
    next = at + 1;
    return fetched;
  }
  return 0;
}

// A round gives each class as many commands as its weight says, and is over when no class has both commands and credit left.
u32 Dispatcher::serve_weighted(u32 weights, u32 burst, u64 now) {
  using Priority = nvme::QueuePriority;
  const auto weight = [&](Priority priority) {
    switch (priority) {
      case Priority::kHigh:
        return (weights >> 24) + 1;  // HPW
      case Priority::kMedium:
        return (weights >> 16 & 0xff) + 1;  // MPW
      default:
        return (weights >> 8 & 0xff) + 1;  // LPW
    }
  };
  constexpr Priority kWeighted[] = {Priority::kHigh, Priority::kMedium, Priority::kLow};
  for (const bool fresh_round : {false, true}) {
    for (const Priority priority : kWeighted) {
      u32& credit = credits_[static_cast<u8>(priority)];
      if (fresh_round) credit = weight(priority);
    }
    for (const Priority priority : kWeighted) {
      u32& credit = credits_[static_cast<u8>(priority)];
      const u32 fetched = credit == 0 ? 0 : serve_class(priority, credit < burst ? credit : burst, now);
      credit -= fetched < credit ? fetched : credit;
      if (fetched != 0) return fetched;
    }
  }
  return 0;
}

u32 Dispatcher::fetch(SubmissionQueue& sq, u64 now, u32 limit) {
  const u32 tail = load_acquire(sq.doorbell.load(std::memory_order_relaxed));
  u32 head = sq.head.load(std::memory_order_relaxed);
  if (tail == head) return 0;
  shared_->memory.look();
  DispatcherStats& stats = shared_->dispatcher_stats[index_];
  if (tail >= sq.size) [[unlikely]] {
    if (tail != sq.refused_tail) {
      sq.refused_tail = tail;
      stats.refused_doorbells.add(1);
      shared_->raise(PendingEvent::kInvalidDoorbellValue);
    }
    return 0;
  }
  sq.refused_tail = 0;
  now = shared_->power.wake(now, shared_->live);
  u32 fetched = 0;
  TaskRing& ring = shared_->ring(index_, sq.worker);
  WorkerRoom& worker = shared_->worker_rooms[sq.worker];
  const u32 there = tail > head ? tail - head : tail + sq.size - head;
  const u32 wanted = there < limit ? there : limit;
  u32 room = worker.take(wanted);
  if (room < wanted) stats.stalls.add(1);
  for (; head != tail && fetched < room; fetched++) {
    Task* task = ring.reserve();
    if (task == nullptr) {
      stats.stalls.add(1);
      break;
    }
    task->sqe = *sq.memory.entry<nvme::Sqe>(head);
    const u32 next = head + 1 == sq.size ? 0 : head + 1;
    if (task->sqe.fuse() == nvme::kFuseFirst && next != tail) [[unlikely]] {
      const nvme::Sqe second = *sq.memory.entry<nvme::Sqe>(next);
      if (second.fuse() == nvme::kFuseSecond) {
        if (room - fetched < 2) room += worker.take(1);
        if (room - fetched < 2 || !fetch_fused(sq, task->sqe, second, now)) {
          stats.stalls.add(1);
          break;
        }
        fetched++;
        head = next + 1 == sq.size ? 0 : next + 1;
        continue;
      }
    }
    const Prepared prepared = prepare(sq, *task, now);
    if (prepared == Prepared::kLater) {
      stats.stalls.add(1);
      break;
    }
    if (prepared == Prepared::kReady) ring.commit();
    head = next;
  }
  worker.give_back(room - fetched);
  sq.head.store(head, std::memory_order_relaxed);
  if (u32* index = sq.event_index.load(std::memory_order_relaxed)) store_relaxed(index, quiet_event_index(head));
  stats.fetched.add(fetched);
  return fetched;
}

// Two commands that are one; false: not now, there is no room for them or somebody else has the block.
bool Dispatcher::fetch_fused(SubmissionQueue& sq, const nvme::Sqe& first, const nvme::Sqe& second, u64 now) {
  TaskRing& ring = shared_->ring(index_, sq.worker);
  if (!ring.has_room(2)) return false;
  Namespace* ns = shared_->namespaces.find_attached(first.nsid);
  const CommandSet& set = command_set_of(ns);
  AtomicUnits::Span span(shared_->atomic_units);
  if (ns != nullptr && shared_->atomic_units.enabled()) {
    // The block, if it is one.
    span.add(ns->base + (first.slba() << ns->lba_shift()), kPageSize);
    if (!span.try_take()) return false;
  }
  // The data phase is here.
  const u64 at = ns != nullptr ? ns->base + (first.slba() << ns->lba_shift()) : 0;
  const u64 length = ns != nullptr && shared_->undo_log.enabled() ? kMaxFusedBytes : 0;
  if (!shared_->write_order.begin(at, length, kFusedPath + index_)) return false;
  Task tasks[2];
  for (Task& task : tasks) {
    task.sqe = &task == tasks ? first : second;
    begin(sq, task, now);
    task.kind = TaskKind::kCarriedOut;
    task.family = set.family;
    task.status = admit(find_command(set, task.sqe.opcode), ns, task.sqe.nsid);
  }
  carry_out_fused({*shared_, ns, nullptr, &buffer_}, tasks[0], tasks[1], block_.data(), now);
  shared_->write_order.end(at, length);
  for (const Task& task : tasks) {
    *ring.reserve() = task;
    ring.commit();
  }
  return true;
}

// What a command that was just copied from its queue starts from.
void Dispatcher::begin(const SubmissionQueue& sq, Task& task, u64 now) const {
  task.kind = TaskKind::kCommand;
  task.sq_id = sq.id;
  task.target = now;
  task.list = nullptr;
  task.placement = 0;
  task.result = 0;
  task.wait = false;
  task.undoable = false;
  task.has_metadata = false;
}

// Whether the device carries the command out as things are. `ns`: nullptr where `nsid` names none that is attached.
Status Dispatcher::admit(const IoCommand& command, const Namespace* ns, u32 nsid) const {
  if (!supports(*shared_, command)) return Status::kInvalidOpcode;
  const AnaAccess& ana = shared_->ana;
  const Status gate = ns != nullptr                     ? ana.gate(*ns)
                      : nsid == nvme::kNsidBroadcast ? ana.gate(shared_->namespaces)
                                                     : Status::kSuccess;
  if (gate != Status::kSuccess) return gate;
  if (ns != nullptr && !command.reserves) {
    const bool write = command.as_write || (command.effects & nvme::effects::kLbaContent) != 0;
    if (!shared_->subsystem.reservations.admits(*ns, shared_->index, write)) return Status::kReservationConflict;
  }
  const bool changes_blocks = (command.effects & nvme::effects::kLbaContent) != 0 && !command.checks_protection;
  if (changes_blocks && ns != nullptr && ns->write_protected()) return Status::kNamespaceWriteProtected;
  return shared_->sanitize_gate.load(std::memory_order_seq_cst);
}

// Checks and plans.
Dispatcher::Prepared Dispatcher::prepare(SubmissionQueue& sq, Task& task, u64 now) {
  begin(sq, task, now);
  Namespace* ns = shared_->namespaces.find_attached(task.sqe.nsid);
  const CommandSet& set = command_set_of(ns);
  const IoCommand& command = find_command(set, task.sqe.opcode);
  task.family = set.family;
  task.status = admit(command, ns, task.sqe.nsid);
  if (task.status != Status::kSuccess) return Prepared::kReady;
  if (ns != nullptr && !ns->region->model.catch_up(now)) {
    caught_up_ = false;
    return Prepared::kLater;
  }
  IoContext context{*shared_, ns, nullptr, &buffer_};
  if (command.needs_list) {
    context.list = free_list();
    if (context.list == nullptr) return Prepared::kLater;
  }
  task.status = command.check(context, task);
  if (task.status != Status::kSuccess) {
    task.list = nullptr;
    return Prepared::kReady;
  }
  if (command.divisible && bytes_of(task) > Model::kPiece) {
    if (has_long_plan()) return Prepared::kLater;
    begin_long_plan(*ns->region, sq.worker, task);
    return Prepared::kTaken;
  }
  if (command.undoable && shared_->undo_log.enabled()) {
    const u32 ring = (shared_->index * shared_->config.dispatchers + index_) * shared_->config.workers + sq.worker;
    if (!shared_->write_order.begin(task.offset, task.length, ring)) return Prepared::kLater;
    task.undoable = true;
  }
  if (command.act != nullptr) {
    command.act(context, task, now);
    if (task.wait) return Prepared::kLater;
  } else {
    plan(*ns, task, now);
  }
  if (task.list != nullptr) task.list->take();
  return Prepared::kReady;
}

void Dispatcher::plan(const Namespace& ns, Task& task, u64 now) {
  u64 number = 0;
  task.status = plan_task(*shared_, ns, task, now, &number);
  if (task.undoable) task.result = number;
}

// ---- Long plans ------------------------------------------------------------------------------------------------

void Dispatcher::begin_long_plan(Region& region, u32 worker, const Task& task) {
  long_plan_ = {task, &region, worker, 0, 0, 0};
  if (task.list == nullptr) {
    long_plan_.at = task.offset;
    long_plan_.end = task.offset + task.length;
  } else {
    task.list->take();
  }
  long_plan_count_.fetch_add(1, std::memory_order_release);
}

// A piece of a large range, or some small ones.
void Dispatcher::step_long_plan(u64 now) {
  LongPlan& work = long_plan_;
  Task& task = work.task;
  for (u64 bytes = 0; bytes < Model::kPiece && task.status == Status::kSuccess;) {
    if (work.at == work.end) {
      if (task.list == nullptr || work.range == task.list->count) {
        end_long_plan();
        return;
      }
      const ByteRange& range = task.list->bytes[work.range++];
      work.at = range.offset;
      work.end = range.offset + range.length;
      continue;
    }
    const u64 end = work.region->model.piece_end(work.at, work.end);
    const IoPlan plan = work.region->model.plan({now, work.at, end - work.at, task.op, false});
    if (plan.done > task.target) task.target = plan.done;
    task.status = plan.status;
    bytes += end - work.at;
    work.at = end;
  }
  if (task.status != Status::kSuccess) end_long_plan();
}

// Hands the command over as far as it is planned. False: there is no room.
bool Dispatcher::end_long_plan() {
  Task* task = reserve(long_plan_.worker);
  if (task == nullptr) return false;
  *task = long_plan_.task;
  if (task->status != Status::kSuccess && task->list != nullptr) {
    task->list->give_back();
    task->list = nullptr;
  }
  commit(long_plan_.worker);
  long_plan_count_.fetch_add(1, std::memory_order_release);
  return true;
}

// Tells the worker to give the queue's commands up, behind the last of them.
bool Dispatcher::end_queue(SubmissionQueue& sq) {
  if (has_long_plan() && long_plan_.task.sq_id == sq.id && !end_long_plan()) return false;
  Task* task = reserve(sq.worker);
  if (task == nullptr) return false;
  task->kind = TaskKind::kDrainSq;
  task->sq_id = sq.id;
  commit(sq.worker);
  sq.state.store(SqState::kDraining, std::memory_order_release);
  return true;
}

CommandList* Dispatcher::free_list() {
  for (CommandList& list : lists_) {
    if (list.is_free()) return &list;
  }
  return nullptr;
}

}  // namespace nvmev
