// SPDX-License-Identifier: GPL-2.0-only
#include "write_buffer.h"

namespace nvmev::conv {

namespace {

void swap(u32& a, u32& b) {
  const u32 was = a;
  a = b;
  b = was;
}

}  // namespace

bool WriteBuffer::init(nvmev_host* host, u64 units, u32 open) {
  size_ = units;
  // A stripe unit in the buffer holds a unit at least.
  const u64 slots = units + open + 1;
  u32 bits = 4;
  while (1ull << bits < 2 * slots) bits++;
  table_shift_ = 32 - bits;
  table_mask_ = (1u << bits) - 1;
  if (!slots_.allocate(host, slots) || !spare_.allocate(host, slots) || !heap_.allocate(host, slots) ||
      !table_.allocate(host, 1ull << bits) || !versions_.allocate(host, units) || !order_.allocate(host, units)) {
    return false;
  }
  clear();
  return true;
}

void WriteBuffer::clear() {
  used_ = 0;
  waiting_ = 0;
  spare_count_ = 0;
  for (u32 i = static_cast<u32>(slots_.size()); i-- != 0;) spare_[spare_count_++] = i;
  for (u32& entry : table_) entry = 0;
  free_version_ = kNoVersion;
  for (u32 i = static_cast<u32>(versions_.size()); i-- != 0;) {
    versions_[i].next = free_version_;
    free_version_ = i;
  }
}

u32 WriteBuffer::open(u32 stripe) {
  const u32 slot = spare_[--spare_count_];
  slots_[slot].stripe = stripe;
  slots_[slot].promise = kNever;
  slots_[slot].first_version = kNoVersion;
  u32 i = hash(stripe);
  while (table_[i] != 0) i = (i + 1) & table_mask_;
  table_[i] = slot + 1;
  return slot;
}

void WriteBuffer::program(u32 slot, u32 units, u32 die, const flash::ProgramDone& done, bool behind_collection) {
  slots_[slot].release = slots_[slot].promise = done.end;
  slots_[slot].units = units;
  slots_[slot].die = die;
  slots_[slot].ticket = done.ticket;
  slots_[slot].behind_collection = behind_collection;
  u32 at = waiting_++;
  for (; at != 0 && slots_[heap_[(at - 1) / 2]].release > done.end; at = (at - 1) / 2) heap_[at] = heap_[(at - 1) / 2];
  heap_[at] = slot;
}

void WriteBuffer::sift_down() {
  const u32 moved = heap_[0];
  const u64 release = slots_[moved].release;
  u32 at = 0;
  while (true) {
    u32 child = 2 * at + 1;
    if (child >= waiting_) break;
    if (child + 1 < waiting_ && slots_[heap_[child + 1]].release < slots_[heap_[child]].release) child++;
    if (slots_[heap_[child]].release >= release) break;
    heap_[at] = heap_[child];
    at = child;
  }
  heap_[at] = moved;
}

bool WriteBuffer::release_first(const flash::Array& array) {
  const u32 slot = heap_[0];
  const u64 end = array.end_of(slots_[slot].die, slots_[slot].ticket);
  if (end > slots_[slot].release) {
    slots_[slot].release = end;
    sift_down();
    return false;
  }
  heap_[0] = heap_[--waiting_];
  if (waiting_ != 0) sift_down();
  used_ -= slots_[slot].units;
  forget(slot);
  return true;
}

// Takes the slot out of the hash table: entries behind the hole that would not be found any more move into it.
void WriteBuffer::forget(u32 slot) {
  u32 hole = hash(slots_[slot].stripe);
  while (table_[hole] != slot + 1) hole = (hole + 1) & table_mask_;
  for (u32 i = (hole + 1) & table_mask_; table_[i] != 0; i = (i + 1) & table_mask_) {
    const u32 home = hash(slots_[table_[i] - 1].stripe);
    if (((i - home) & table_mask_) >= ((i - hole) & table_mask_)) {
      table_[hole] = table_[i];
      hole = i;
    }
  }
  table_[hole] = 0;
  spare_[spare_count_++] = slot;
  if (slots_[slot].first_version != kNoVersion) {
    versions_[slots_[slot].last_version].next = free_version_;
    free_version_ = slots_[slot].first_version;
  }
}

// By a heap that has the earliest request at the top, which moves to the end.
u32 WriteBuffer::order_volatile(u64 now) {
  u32 count = 0;
  for (const u32 entry : table_) {
    if (entry != 0) for_each_of(slots_[entry - 1], now, [&](u32 kept) { order_[count++] = kept; });
  }
  const auto request = [&](u32 at) { return versions_[order_[at]].version.request; };
  const auto sink = [&](u32 at, u32 end) {
    for (u32 child = 2 * at + 1; child < end; child = 2 * at + 1) {
      if (child + 1 < end && request(child + 1) < request(child)) child++;
      if (request(child) >= request(at)) return;
      swap(order_[at], order_[child]);
      at = child;
    }
  };
  for (u32 i = count / 2; i-- != 0;) sink(i, count);
  for (u32 end = count; end-- > 1;) {
    swap(order_[0], order_[end]);
    sink(0, end);
  }
  return count;
}

u64 WriteBuffer::empty_at(const flash::Array& array, u64 now) const {
  u64 last = now;
  for (u32 i = 0; i < waiting_; i++) {
    const Slot& slot = slots_[heap_[i]];
    const u64 end = array.end_of(slot.die, slot.ticket);
    const u64 release = end > slot.release ? end : slot.release;
    if (release > last) last = release;
  }
  return last;
}

}  // namespace nvmev::conv
