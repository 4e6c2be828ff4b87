// SPDX-License-Identifier: GPL-2.0-only
// The write buffer: what was written and is not in flash yet.
#pragma once

#include "../flash/array.h"
#include "nvmev/host_array.h"

namespace nvmev::conv {

// How the buffer treats writes: configuration key `write_buffer`.
struct WriteBufferPolicy {
  const char* name;
  bool overwrites;  // data that are replaced while they wait for their stripe unit to fill are not programmed
};

// Units are admitted while there is room, collected in stripe units, and leave when the program of their stripe unit
// is over. All times in ns.
class WriteBuffer {
 public:
  // False when there is no memory. `open` stripe units are being filled at most.
  bool init(nvmev_host* host, u64 units, u32 open);
  void clear();

  // Takes room for a unit that is there at *at; sets *at to when there is room. False if only stripe units that nobody
  // programs hold the room: one must be programmed first. *behind_collection: what it waited for had to share the dies
  // with garbage collection.
  bool admit(const flash::Array& array, u64* at, bool* behind_collection) {
    while (used_ == size_) {
      if (waiting_ == 0) return false;
      const u32 slot = heap_[0];
      if (!release_first(array)) continue;
      if (slots_[slot].release > *at) {
        *at = slots_[slot].release;
        *behind_collection = slots_[slot].behind_collection;
      }
    }
    used_++;
    return true;
  }
  // Gives back room that was not needed.
  void forgo() { used_--; }

  // Stripe unit number `stripe` begins to be filled. Returns its slot. (The superblock may have been written before,
  // collected and erased, all planned for times to come: then an earlier slot of the same number is still there.)
  u32 open(u32 stripe);
  // A unit of it, which has room in the buffer, and what it replaced.
  struct Version {
    u32 place;         // physical unit
    u32 place_erases;  // of its superblock: tells whether the place is still the same
    u32 old;           // where the version before lay; kNone if there was none
    u32 old_erases;
    u64 request;       // the call of plan() that brought it
    u32 together;      // units of the request that a power failure takes or leaves as one; 1: this one alone
    bool merged;       // it holds a part of the version before
    bool certain;      // no power failure takes it
    // At a power failure:
    bool linked = false;    // a version that replaced it may be gone
    bool needed = false;    // one that holds a part of it survives
    bool survives = false;
  };
  void keep(u32 slot, const Version& version) {
    const u32 entry = free_version_;
    free_version_ = versions_[entry].next;
    versions_[entry].version = version;
    versions_[entry].next = slots_[slot].first_version;
    if (slots_[slot].first_version == kNoVersion) slots_[slot].last_version = entry;
    slots_[slot].first_version = entry;
  }
  // It has `units` units and is being programmed.
  void program(u32 slot, u32 units, u32 die, const flash::ProgramDone& done, bool behind_collection);

  // Forgets what has reached flash at `now`.
  void advance(const flash::Array& array, u64 now) {
    while (waiting_ != 0 && slots_[heap_[0]].release <= now) release_first(array);
  }

  // Calls `with(version)` for all that were kept and are not in flash for certain at `now`.
  template <typename Function>
  void for_each_volatile(u64 now, Function with) const {
    for (const u32 entry : table_) {
      if (entry != 0) for_each_of(slots_[entry - 1], now, [&](u32 kept) { with(versions_[kept].version); });
    }
  }
  // The one among them that lies at `place`, in stripe unit `stripe`, since the superblock has been erased so often;
  // nullptr if there is none.
  Version* find_volatile(u64 now, u32 stripe, u32 place, u32 place_erases) {
    Version* found = nullptr;
    for (u32 i = hash(stripe); table_[i] != 0; i = (i + 1) & table_mask_) {
      if (slots_[table_[i] - 1].stripe != stripe) continue;
      for_each_of(slots_[table_[i] - 1], now, [&](u32 entry) {
        Version& version = versions_[entry].version;
        if (version.place == place && version.place_erases == place_erases) found = &version;
      });
    }
    return found;
  }

  // Puts the same in the order of their requests, the latest first: by_age(0) to by_age(n - 1) until the next change. Returns n.
  u32 order_volatile(u64 now);
  Version& by_age(u32 i) { return versions_[order_[i]].version; }

  // Whether a stripe unit is held, so that reads find it.
  bool holds(u32 stripe) const { return find(stripe) != kNoSlot; }

  // When the last of the stripe units that are being programmed is in flash; `now` if there are none.
  u64 empty_at(const flash::Array& array, u64 now) const;

  u64 used() const { return used_; }
  u64 size() const { return size_; }

 private:
  static constexpr u32 kNoSlot = ~0u;
  static constexpr u32 kNoVersion = ~0u;
  static constexpr u64 kNever = ~0ull;

  struct Slot {
    u64 release;  // when the program ends, as far as known
    u64 promise;  // when it was to end as planned at first: what a Flush or a forced write may have relied on
    u32 stripe;
    u32 units;
    u32 die;
    u32 ticket;
    u32 first_version, last_version;
    bool behind_collection;
  };

  struct KeptVersion {
    Version version;
    u32 next;
  };

  template <typename Function>
  void for_each_of(const Slot& slot, u64 now, Function with) const {
    if (slot.promise <= now) return;
    for (u32 i = slot.first_version; i != kNoVersion; i = versions_[i].next) with(i);
  }

  u32 hash(u32 stripe) const { return (stripe * 0x9e3779b1u) >> table_shift_; }
  u32 find(u32 stripe) const {
    for (u32 i = hash(stripe); table_[i] != 0; i = (i + 1) & table_mask_) {
      if (slots_[table_[i] - 1].stripe == stripe) return table_[i] - 1;
    }
    return kNoSlot;
  }
  void forget(u32 slot);
  // The program that ends first has ended, unless a read has pushed it back meanwhile: false then.
  bool release_first(const flash::Array& array);
  void sift_down();

  u64 size_ = 0;  // units
  u64 used_ = 0;
  u32 waiting_ = 0;   // entries of the heap
  u32 spare_count_ = 0;
  u32 free_version_ = kNoVersion;
  u32 table_shift_ = 0;
  u32 table_mask_ = 0;
  HostArray<Slot> slots_;
  HostArray<u32> spare_;  // stack of unused slots
  HostArray<u32> heap_;   // slots that are being programmed, earliest release first
  HostArray<u32> table_;  // hash table, linear probing: 1 + slot
  HostArray<KeptVersion> versions_;  // in chains: of each slot, and the unused ones
  HostArray<u32> order_;  // of order_volatile()
};

}  // namespace nvmev::conv
