// SPDX-License-Identifier: GPL-2.0-only
// The first stage of commands: what they need, and how long it takes.
#include "kv.h"
#include "nvmev/text.h"

namespace nvmev::kv {

using nvme::Status;

namespace {

u64 later(u64 a, u64 b) { return a > b ? a : b; }

// What the FTL beneath says of reads that cannot be corrected, in this command set's terms.
Status key_value_status(Status status) { return status == Status::kUnrecoveredReadError ? Status::kUnrecoveredError : status; }

bool allowed(bool exists, u8 rules, Status* status) {
  if (!exists && (rules & kMustExist) != 0) *status = Status::kKeyDoesNotExist;
  if (exists && (rules & kMustNotExist) != 0) *status = Status::kKeyExists;
  return *status == Status::kSuccess;
}

}  // namespace

// Under the lock.
Kv::Found Kv::look_up(Key key, bool changes) {
  Found found;
  Tree& tree = tree_of(key);
  found.exists = tree.find(key, &found.place);
  if (cache_.enabled()) cache_.use(tree.leaf_of(key), changes, &found.traffic);
  return found;
}

// How long the index takes. Leaves that must make room are written, which nobody waits for.
u64 Kv::plan_index(u64 now, const IndexCache::Traffic& traffic) {
  u64 done = now;
  for (u32 i = 0; i < traffic.stores; i++) plan_chain(now, traffic.store[i], cache_.leaf_units(), IoOp::kWrite);
  if (traffic.load != kNone) done = plan_chain(now, traffic.load, cache_.leaf_units(), IoOp::kRead).done;
  return done - now + index_time_.load(std::memory_order_relaxed);
}

// Reads, writes or deallocates `count` units of a chain, from `unit` on; 0: all of it. Stretch by stretch.
IoPlan Kv::plan_chain(u64 now, u32 unit, u32 count, IoOp op) {
  IoPlan plan{now, Status::kSuccess};
  while (unit != kNone) {
    u32 units = 1;
    u32 next = space_.next(unit);
    while (units != count && next == unit + units) {
      next = space_.next(next);
      units++;
    }
    const IoPlan part = below_->plan({now, static_cast<u64>(unit) << unit_shift_, static_cast<u64>(units) << unit_shift_, op, false});
    plan.done = later(plan.done, part.done);
    if (plan.status == Status::kSuccess) plan.status = key_value_status(part.status);
    if (count != 0 && (count -= units) == 0) break;
    unit = next;
  }
  return plan;
}

// The index comes first. (The FTL beneath takes requests in the order of their times only, so both are asked for at once and what the
// index takes is added.)
IoPlan Kv::after_index(u64 now, u64 index, IoPlan plan) const { return {later(plan.done, now) + index, plan.status}; }

// Counts a command that wrote what it holds, or gives that back.
const IoPlan& Kv::counted(const IoPlan& plan, Counter& counter, const Held& held) {
  if (plan.status == Status::kSuccess) {
    counter.add(1);
  } else {
    release(held);
  }
  return plan;
}

// Under the lock.
Status Kv::reserve(u32 length, Held* held) {
  held->hold = kNoHold;
  held->length = length;
  if (length == 0) return Status::kSuccess;
  const u32 first = space_.take(units_of(length));
  if (first == kNone) return Status::kCapacityExceeded;
  held->hold = holds_.take({first, length});
  if (held->hold == kNone) {
    free_chain(first);
    return Status::kInternalError;
  }
  // It is nobody's value yet.
  holds_.set_orphan(held->hold, true);
  return Status::kSuccess;
}

Status Kv::reserve_with_garbage(u64 now, u32 length, Held* held) {
  for (;;) {
    u32 garbage;
    {
      SpinGuard guard(host_, lock_);
      const Status status = reserve(length, held);
      garbage = garbage_count_;
      if (status != Status::kCapacityExceeded || garbage == 0) return status;
    }
    collect(now, garbage);
  }
}

void Kv::collect(u64 now, u32 chains) {
  for (; chains != 0; chains--) {
    u32 first;
    {
      SpinGuard guard(host_, lock_);
      if (garbage_count_ == 0) return;
      first = garbage_[--garbage_count_];
    }
    deallocate(now, first);
  }
}

// Frees a chain page by page. The FTL beneath is told of pages that hold nothing any more.
void Kv::deallocate(u64 now, u32 unit) {
  IoRequest request{now, 0, 0, IoOp::kDeallocate, false};
  while (unit != kNone) {
    u64 page;
    bool empty;
    {
      SpinGuard guard(host_, lock_);
      page = static_cast<u64>(unit) << unit_shift_ >> kPageShift << kPageShift;
      unit = free_in_page(unit, &empty);
    }
    if (!empty) continue;
    if (request.length != 0 && request.offset + request.length != page) {
      below_->plan(request);
      request.length = 0;
    }
    if (request.length == 0) request.offset = page;
    request.length += kPageSize;
  }
  if (request.length != 0) below_->plan(request);
}

// Gives pages of the index that are not needed back to the host.
void Kv::tidy() {
  constexpr u32 kPages = 16;
  constexpr u32 kKeep = 32;
  SpinGuard guard(host_, lock_);
  for (Tree& tree : trees_) {
    tree.reclaim(kPages);
    for (u32 i = 0; i < 2 * kPages; i++) {
      void* page = tree.take_spare(kKeep);
      if (page == nullptr) break;
      nvmev_host_page_free(host_, page);
    }
  }
}

IoPlan Kv::plan_store(u64 now, Key key, u32 length, u8 rules, Held* held) {
  constexpr u32 kChains = 4;  // each command leaves one behind at most
  collect(now, kChains);
  tidy();
  Found found;
  Status status = Status::kSuccess;
  {
    SpinGuard guard(host_, lock_);
    found = look_up(key, true);
    allowed(found.exists, rules, &status);
  }
  const u64 index = plan_index(now, found.traffic);
  if (status == Status::kSuccess) status = reserve_with_garbage(now, length, held);
  if (status != Status::kSuccess) return {now + index, status};
  IoPlan plan{now, status};
  if (length != 0) plan = plan_chain(now, holds_.place(held->hold).first, 0, IoOp::kWrite);
  return after_index(now, index, counted(plan, stores_, *held));
}

IoPlan Kv::plan_append(u64 now, Key key, u32 length, u32 most, Held* held) {
  constexpr u32 kChains = 4;
  collect(now, kChains);
  tidy();
  Found found;
  {
    SpinGuard guard(host_, lock_);
    found = look_up(key, true);
  }
  const u64 index = plan_index(now, found.traffic);
  if (length > most || found.place.length > most - length) return {now + index, Status::kInvalidValueSize};
  const u32 whole = found.place.length + length;
  const Status status = reserve_with_garbage(now, whole, held);
  if (status != Status::kSuccess) return {now + index, status};
  IoPlan plan{now, status};
  if (whole != 0) {
    // What was there stays where it is on a device; here it is copied, and only the end of it is new to the flash.
    u32 unit = holds_.place(held->hold).first;
    for (u32 kept = found.place.length >> unit_shift_; kept != 0; kept--) unit = space_.next(unit);
    plan = plan_chain(now, unit, 0, IoOp::kWrite);
  }
  return after_index(now, index, counted(plan, appends_, *held));
}

IoPlan Kv::plan_retrieve(u64 now, Key key, u32 offset, u32 length, Held* held) {
  Found found;
  *held = Held{};
  bool reads = false;
  {
    SpinGuard guard(host_, lock_);
    found = look_up(key, false);
    held->length = found.place.length;
    reads = found.exists && length != 0 && offset < found.place.length;
    if (reads) held->hold = holds_.take(found.place);
  }
  const u64 index = plan_index(now, found.traffic);
  if (!found.exists) return {now + index, Status::kKeyDoesNotExist};
  if (reads && held->hold == kNoHold) return {now + index, Status::kInternalError};
  retrievals_.add(1);
  if (!reads) return {now + index, Status::kSuccess};
  const u32 end = length < found.place.length - offset ? offset + length : found.place.length;
  const u32 skipped = offset >> unit_shift_;
  u32 unit = found.place.first;
  for (u32 i = 0; i < skipped; i++) unit = space_.next(unit);
  const IoPlan plan = plan_chain(now, unit, units_of(end) - skipped, IoOp::kRead);
  if (plan.status != Status::kSuccess) release(*held);
  return after_index(now, index, plan);
}

IoPlan Kv::plan_exist(u64 now, Key key) {
  Found found;
  {
    SpinGuard guard(host_, lock_);
    found = look_up(key, false);
  }
  const u64 done = now + plan_index(now, found.traffic);
  return {done, found.exists ? Status::kSuccess : Status::kKeyDoesNotExist};
}

IoPlan Kv::plan_delete(u64 now, Key key) {
  constexpr u32 kChains = 4;
  collect(now, kChains);
  tidy();
  Found found;
  {
    SpinGuard guard(host_, lock_);
    found = look_up(key, true);
    if (found.exists) remove_key(key);
  }
  if (found.exists) deletes_.add(1);
  const u64 done = now + plan_index(now, found.traffic);
  return {done, found.exists ? Status::kSuccess : Status::kKeyDoesNotExist};
}

// The data are written to units that are free now, and will be taken soon.
IoPlan Kv::plan_batch(u64 now, u32 bytes, u32 commands) {
  collect(now, 2 * commands + 2);
  tidy();
  Held held;
  IoPlan plan{now, Status::kSuccess};
  if (reserve_with_garbage(now, bytes, &held) == Status::kSuccess && held.hold != kNoHold) {
    plan = plan_chain(now, holds_.place(held.hold).first, 0, IoOp::kWrite);
    release(held);
  }
  return after_index(now, index_time_.load(std::memory_order_relaxed) * commands, plan);
}

// About as many leaves are read as hold the keys.
IoPlan Kv::plan_list(u64 now, Key from, u32 bytes) {
  u64 done = now + index_time_.load(std::memory_order_relaxed);
  if (!cache_.enabled()) return {done, Status::kSuccess};
  constexpr u32 kLeaves = 64;
  const u32 leaves = bytes / kPageSize + 1 < kLeaves ? bytes / kPageSize + 1 : kLeaves;
  for (u32 i = 0; i < leaves; i++) {
    IndexCache::Traffic traffic;
    {
      SpinGuard guard(host_, lock_);
      Node* leaf = tree_of(from).leaf_of(from);
      for (u32 skip = 0; skip < i && leaf != nullptr; skip++) leaf = leaf->link;
      if (leaf == nullptr) break;
      cache_.use(leaf, false, &traffic);
    }
    done = later(done, now + plan_index(now, traffic));
  }
  return {done, Status::kSuccess};
}

}  // namespace nvmev::kv
