// SPDX-License-Identifier: GPL-2.0-only
// The second stage of commands: following held values, and making stores visible.
#include "kv.h"
#include "nvmev/text.h"

namespace nvmev::kv {

using nvme::Status;

// ---- Held values -----------------------------------------------------------------------------------------------------

Cursor Kv::begin(u32 hold, u32 at) const {
  u32 unit = holds_.place(hold).first;
  for (u32 skip = at >> unit_shift_; skip != 0; skip--) unit = space_.next(unit);
  return {unit, at};
}

u32 Kv::next(Cursor* cursor, u32 most, u64* offset) const {
  const u32 within = cursor->at & (unit_bytes_ - 1);
  *offset = (static_cast<u64>(cursor->unit) << unit_shift_) + within;
  const u32 to_page_end = kPageSize - static_cast<u32>(*offset & (kPageSize - 1));
  if (most > to_page_end) most = to_page_end;
  u32 bytes = unit_bytes_ - within;
  u32 unit = cursor->unit;
  u32 behind = space_.next(unit);
  while (bytes < most && behind == unit + 1) {
    unit = behind;
    behind = space_.next(unit);
    bytes += unit_bytes_;
  }
  if (bytes > most) bytes = most;
  cursor->at += bytes;
  cursor->unit = (cursor->at & (unit_bytes_ - 1)) == 0 ? behind : unit;
  return bytes;
}

// ---- Values that are not needed any more. Under the lock. ----------------------------------------------------------------

// Frees the units of a chain that lie in the page of the first of them. Returns the unit behind them; *empty: whether the page holds
// nothing any more.
u32 Kv::free_in_page(u32 unit, bool* empty) {
  const u32 page_units = kPageSize >> unit_shift_;
  const u32 page = unit / page_units * page_units;
  while (unit != kNone && unit / page_units * page_units == page) {
    const u32 following = space_.next(unit);
    space_.free(unit);
    unit = following;
  }
  *empty = space_.is_free(page, page_units);
  if (*empty && discarder_.discard != nullptr) {
    discarder_.discard(discarder_.context, discarder_.base + (static_cast<u64>(page) << unit_shift_), kPageSize);
  }
  return unit;
}

void Kv::free_chain(u32 first) {
  bool empty;
  for (u32 unit = first; unit != kNone;) unit = free_in_page(unit, &empty);
}

// The FTL beneath is told by the next command that is planned, before the units are used again.
void Kv::drop_chain(u32 first) {
  if (garbage_count_ == garbage_.size()) return free_chain(first);
  garbage_[garbage_count_++] = first;
}

void Kv::drop(Place place) {
  if (place.first != kNone && holds_.orphan(place.first)) drop_chain(place.first);
}

// ---- Changing the index ---------------------------------------------------------------------------------------------------

// Sees that an insertion has the pages that it may need. Takes the lock, and leaves it held if it returns true.
bool Kv::provide_pages(Tree& tree) {
  for (;;) {
    nvmev_host_critical_begin(host_);
    lock_.lock();
    if (tree.pages_spare() >= tree.pages_needed()) return true;
    lock_.unlock();
    nvmev_host_critical_end(host_);
    void* page = nvmev_host_page_alloc(host_);
    if (page == nullptr) return false;
    SpinGuard guard(host_, lock_);
    tree.add_spare(page);
  }
}

bool Kv::put(Tree& tree, Key key, Place place, Status* status) {
  bool replaced = false;
  Place old{kNone, 0};
  if (!tree.put(key, place, &replaced, &old)) {
    *status = Status::kCapacityExceeded;
    return false;
  }
  if (replaced) {
    count(key, old, false);
    drop(old);
  }
  count(key, place, true);
  return true;
}

bool Kv::remove_key(Key key) {
  Place place;
  if (!tree_of(key).remove(key, &place)) return false;
  count(key, place, false);
  drop(place);
  return true;
}

Status Kv::commit(Key key, u8 rules, const Held& held) {
  Tree& tree = tree_of(key);
  if (!provide_pages(tree)) {
    release(held);
    return Status::kCapacityExceeded;
  }
  Status status = Status::kSuccess;
  Place present;
  const bool exists = rules != 0 && tree.find(key, &present);
  if ((rules & kMustExist) != 0 && !exists) status = Status::kKeyDoesNotExist;
  if ((rules & kMustNotExist) != 0 && exists) status = Status::kKeyExists;
  const bool has_bytes = held.hold != kNoHold;
  const Place place = has_bytes ? holds_.place(held.hold) : Place{kNone, 0};
  const bool done = status == Status::kSuccess && put(tree, key, place, &status);
  if (has_bytes) {
    holds_.set_orphan(held.hold, !done);
    if (holds_.release(held.hold)) drop_chain(place.first);
  }
  lock_.unlock();
  nvmev_host_critical_end(host_);
  return status;
}

Held Kv::hold(Key key) {
  SpinGuard guard(host_, lock_);
  Held held;
  Place place{kNone, 0};
  if (!tree_of(key).find(key, &place) || place.length == 0) return held;
  held.hold = holds_.take(place);
  held.length = place.length;
  return held;
}

bool Kv::commit_append(Key key, const Held& old, const Held& held, Status* status) {
  *status = Status::kSuccess;
  Tree& tree = tree_of(key);
  if (!provide_pages(tree)) {
    release(old);
    release(held);
    *status = Status::kCapacityExceeded;
    return true;
  }
  Place present{kNone, 0};
  tree.find(key, &present);
  const u32 expected = old.hold != kNoHold ? holds_.place(old.hold).first : kNone;
  const bool unchanged = present.first == expected;
  if (unchanged) {
    const bool has_bytes = held.hold != kNoHold;
    const Place place = has_bytes ? holds_.place(held.hold) : Place{kNone, 0};
    const bool done = put(tree, key, place, status);
    if (has_bytes) {
      holds_.set_orphan(held.hold, !done);
      if (holds_.release(held.hold)) drop_chain(place.first);
    }
    if (old.hold != kNoHold && holds_.release(old.hold)) drop_chain(expected);
  }
  lock_.unlock();
  nvmev_host_critical_end(host_);
  return unchanged;
}

Status Kv::take(u32 length, Held* held) {
  SpinGuard guard(host_, lock_);
  for (;;) {
    const Status status = reserve(length, held);
    if (status != Status::kCapacityExceeded || garbage_count_ == 0) return status;
    free_chain(garbage_[--garbage_count_]);
  }
}

Status Kv::remove(Key key) {
  SpinGuard guard(host_, lock_);
  return remove_key(key) ? Status::kSuccess : Status::kKeyDoesNotExist;
}

void Kv::release(const Held& held) {
  if (held.hold == kNoHold) return;
  SpinGuard guard(host_, lock_);
  const u32 first = holds_.place(held.hold).first;
  if (holds_.release(held.hold)) drop_chain(first);
}

}  // namespace nvmev::kv
