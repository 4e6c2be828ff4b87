// SPDX-License-Identifier: GPL-2.0-only
// What state every superblock is in, and the orders in which policies look for one.
#pragma once

#include "../flash/marks.h"
#include "../flash/random.h"
#include "layout.h"
#include "map.h"
#include "nvmev/host_array.h"

namespace nvmev::conv {

enum class SuperblockState : u8 {
  kFree,
  kOpen,     // a stream appends to it
  kClosed,   // full: garbage collection may take it
  kVictim,   // being collected
  kRetired,  // worn out
};

struct Superblock {
  u32 capacity = 0;  // units
  u32 valid = 0;     // units that hold current data
  u32 erases = 0;
  SuperblockState state = SuperblockState::kFree;
  u8 handle = 0;      // placement handle of its data
  u8 generation = 0;  // how often garbage collection has moved its data, at most 255
  u32 group = 0;
  u64 closed_at = 0;      // on the clock of units written
  u64 programmed_at = 0;  // ns; when the first data came
  // Neighbours among the closed ones of a group: of equally many invalid units, and in order of closing.
  u32 same_prev = kNone, same_next = kNone;
  u32 older = kNone, newer = kNone;

  u32 invalid() const { return capacity - valid; }
};

// Values that reports read while the FTL runs.
inline u32 read_shared(const u32& value) { return __atomic_load_n(&value, __ATOMIC_RELAXED); }
inline void write_shared(u32& value, u32 to) { __atomic_store_n(&value, to, __ATOMIC_RELAXED); }

class Superblocks {
 public:
  // False when there is no memory.
  bool init(nvmev_host* host, const Layout& layout);
  // Everything is free again; wear stays.
  void clear();

  const Superblock& operator[](u32 superblock) const { return all_[superblock]; }
  u32 count() const { return static_cast<u32>(all_.size()); }

  // ---- What policies ask for (of one group; kNone if there is none)

  // The closed superblock with the most invalid units. Constant time, amortized.
  u32 most_invalid(u32 group);
  // In order of closing.
  u32 oldest(u32 group) const { return groups_[group].oldest; }
  u32 newer(u32 superblock) const { return all_[superblock].newer; }
  // One by chance.
  u32 random_closed(u32 group, flash::Random& random) const;
  // The closed one with the fewest erases. Takes time in proportion to their number.
  u32 least_worn_closed(u32 group) const;
  u32 closed(u32 group) const { return groups_[group].closed; }

  // ---- Free ones

  u32 free_count(u32 group) const { return groups_[group].free; }
  u64 free_units(u32 group) const { return groups_[group].free_units; }
  // The least worn one, or the most worn one, which is good for data that stay. kNone if there is none.
  u32 take_free(u32 group, bool most_worn);

  // ---- Changes of state

  void open(u32 superblock, u32 handle, u32 generation, u64 now);
  void close(u32 superblock, u64 clock);
  void collect(u32 superblock);  // closed -> victim
  void free(u32 superblock);     // victim -> free
  void retire(u32 superblock);
  void set_wear(u32 superblock, u32 erases) { write_shared(all_[superblock].erases, erases); }

  // ---- Valid units

  void add_valid(u32 superblock, u32 units) {
    Superblock& block = all_[superblock];
    groups_[block.group].valid += units;
    change(block, block.valid + units);
  }
  // Of a superblock in any state.
  void remove_valid(u32 superblock) {
    groups_[all_[superblock].group].valid--;
    change_any(superblock, all_[superblock].valid - 1);
  }
  // A unit that was there before is valid again. Of an open or closed superblock.
  void restore_valid(u32 superblock) {
    groups_[all_[superblock].group].valid++;
    change_any(superblock, all_[superblock].valid + 1);
  }
  // Of a victim.
  void drain(u32 superblock, u32 units) {
    Superblock& block = all_[superblock];
    groups_[block.group].valid -= units;
    change(block, block.valid - units);
  }
  u64 group_valid(u32 group) const { return groups_[group].valid; }
  u64 group_capacity(u32 group) const { return groups_[group].capacity; }

  void transfer(StateArchive& archive) {
    archive.array("the number of superblocks", all_);
    archive.array("the number of groups of dies", groups_);
    archive.array("the size of superblocks", heads_);
    archive.array("the number of superblocks", heap_);
  }

  // Refuses what was read if it contradicts itself or the map. handles: of placement; clock: units written so far.
  void check(StateArchive& archive, nvmev_host* host, const Map& map, u32 handles, u64 clock);

  u64 bytes() const { return all_.size() * sizeof(Superblock) + heads_.size() * 4 + heap_.size() * 4; }

 private:
  struct Group {
    u32 free = 0;         // entries of its heap
    u64 free_units = 0;   // their capacity
    u32 closed = 0;
    u32 oldest = kNone, newest = kNone;
    u32 most_invalid = 0;  // no closed superblock has more
    u64 valid = 0;
    u64 capacity = 0;  // units of those that are not retired
  };

  static void change(Superblock& block, u32 valid) { write_shared(block.valid, valid); }
  void change_any(u32 superblock, u32 valid) {
    Superblock& block = all_[superblock];
    const bool listed = block.state == SuperblockState::kClosed;
    if (listed) unlink_same(superblock);
    change(block, valid);
    if (listed) link_same(superblock);
  }

  u32& head(u32 group, u32 invalid) {
    return heads_[static_cast<std::size_t>(group) * (layout_->superblock_units + 1) + invalid];
  }
  void link_same(u32 superblock) {
    Superblock& block = all_[superblock];
    const u32 invalid = block.invalid();
    u32& first = head(block.group, invalid);  // 1 + superblock; 0: none
    block.same_prev = kNone;
    block.same_next = first - 1;
    if (first != 0) all_[first - 1].same_prev = superblock;
    first = superblock + 1;
    if (invalid > groups_[block.group].most_invalid) groups_[block.group].most_invalid = invalid;
  }
  void unlink_same(u32 superblock) {
    const Superblock& block = all_[superblock];
    if (block.same_prev != kNone) {
      all_[block.same_prev].same_next = block.same_next;
    } else {
      head(block.group, block.invalid()) = block.same_next + 1;
    }
    if (block.same_next != kNone) all_[block.same_next].same_prev = block.same_prev;
  }

  bool before(u32 a, u32 b) const {
    return all_[a].erases != all_[b].erases ? all_[a].erases < all_[b].erases : a < b;
  }
  u32* heap(u32 group) { return &heap_[static_cast<std::size_t>(group) * layout_->group_superblocks]; }
  void push_free(u32 group, u32 superblock);
  void check_one(StateArchive& archive, u32 superblock, const Map& map, u32 handles, u64 clock) const;
  void check_closed(StateArchive& archive, u32 group);
  void check_free(StateArchive& archive, u32 group, flash::Marks& seen);
  u32 remove_free(u32 group, u32 position);

  const Layout* layout_ = nullptr;
  HostArray<Superblock> all_;
  HostArray<Group> groups_;
  HostArray<u32> heads_;  // [group][invalid units]
  HostArray<u32> heap_;   // [group]: free ones, least worn first
};

}  // namespace nvmev::conv
