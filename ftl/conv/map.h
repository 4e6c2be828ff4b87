// SPDX-License-Identifier: GPL-2.0-only
// Where every logical unit lies, and what every physical unit holds.
#pragma once

#include "nvmev/counter.h"
#include "packed_array.h"

namespace nvmev::conv {

inline constexpr u32 kNone = ~0u;

// The page map and its inverse. Logical and physical units are numbered from 0. Memory of units that were never
// written is not touched.
class Map {
 public:
  // False when there is no memory.
  bool init(nvmev_host* host, u32 logical, u32 physical) {
    logical_ = logical;
    return places_.allocate(host, padded(logical), static_cast<u32>(std::bit_width(physical))) &&
           owners_.allocate(host, physical, static_cast<u32>(std::bit_width((logical - 1) / kFamily | 1))) &&
           valid_.allocate(host, physical / 64 + 2) && in_chunk_.allocate(host, padded(logical) / kChunk);
  }

  // kNone if it is unmapped.
  u32 find(u32 logical) const { return places_.get(logical) - 1; }

  // The unit that lies at a valid place.
  u32 owner(u32 physical) const {
    const u32 logical = owners_.get(physical) * kFamily;
    // Without branches, which would be taken by chance.
    u32 member = 0;
    for (u32 i = 1; i < kFamily; i++) member += find(logical + i) == physical ? i : 0;
    return logical + member;
  }

  bool valid(u32 physical) const { return valid_[physical / 64] >> physical % 64 & 1; }

  // Bit i: whether `first` + i is valid; count is 1 to 64.
  u64 valid_bits(u32 first, u32 count) const {
    const u32 shift = first % 64;
    u64 bits = valid_[first / 64] >> shift;
    if (shift != 0) bits |= valid_[first / 64 + 1] << (64 - shift);
    return count == 64 ? bits : bits & ((1ull << count) - 1);
  }

  // A unit that was unmapped is now at `to`.
  void add(u32 logical, u32 to) {
    in_chunk_[logical / kChunk]++;
    mapped_.add(1);
    put(logical, to);
  }

  // A unit that was at `from` is now at `to`.
  void move(u32 logical, u32 from, u32 to) {
    valid_[from / 64] &= ~(1ull << from % 64);
    put(logical, to);
  }

  // A unit that was at `from` is nowhere now.
  void remove(u32 logical, u32 from) {
    in_chunk_[logical / kChunk]--;
    mapped_.set(mapped_.get() - 1);
    valid_[from / 64] &= ~(1ull << from % 64);
    places_.set(logical, 0);
  }

  // First unit at `logical` or after it that can be mapped: skips stretches in which nothing is.
  u32 skip_unmapped(u32 logical) const {
    while (logical < logical_ && in_chunk_[logical / kChunk] == 0) {
      const u64 next = (static_cast<u64>(logical) / kChunk + 1) * kChunk;
      if (next >= logical_) return logical_;
      logical = static_cast<u32>(next);
    }
    return logical;
  }

  // A step towards nothing being mapped: clears the first stretch at or after `*chunk` in which anything is, and sets
  // `*chunk` behind it. True, and 0, when there is none.
  bool clear_step(u64* chunk) {
    while (*chunk < in_chunk_.size() && in_chunk_[*chunk] == 0) (*chunk)++;
    if (*chunk == in_chunk_.size()) {
      *chunk = 0;
      return true;
    }
    for (u64 logical = *chunk * kChunk; logical < (*chunk + 1) * kChunk && logical < logical_; logical++) {
      const u32 place = find(static_cast<u32>(logical));
      if (place != kNone) valid_[place / 64] &= ~(1ull << place % 64);
    }
    places_.clear(*chunk * kChunk, kChunk);
    mapped_.set(mapped_.get() - in_chunk_[*chunk]);
    in_chunk_[*chunk] = 0;
    (*chunk)++;
    return false;
  }

  // Brings what owner() and move() will need near the CPU.
  void prefetch_owner(u32 physical) const { places_.prefetch(static_cast<u64>(owners_.get(physical)) * kFamily); }

  void transfer(StateArchive& archive) {
    places_.transfer("the size of the map", archive);
    owners_.transfer("the size of the inverse map", archive);
    archive.array("the number of physical units", valid_);
    archive.array("the number of logical units", in_chunk_);
    archive.counter(mapped_);
  }

  // Refuses what was read if it is no map with its inverse and its counts. physical: units, as for init().
  void check(StateArchive& archive, u32 physical) const;

  // Valid units in [first, end).
  u32 count_valid(u32 first, u32 end) const;

  u64 mapped() const { return mapped_.get(); }
  u32 logical() const { return logical_; }
  u64 bytes() const { return places_.bytes() + owners_.bytes() + valid_.size() * 8 + in_chunk_.size() * 4; }

 private:
  static constexpr u32 kChunk = 1u << 14;
  // The inverse map tells families of so many neighbours apart; which of them it is, the map itself tells, from memory
  // that is needed next anyway. So both fit 8 bytes a unit with much over-provisioning, too.
  static constexpr u32 kFamily = 4;

  void check_unit(StateArchive& archive, u64 logical, u32 place, u32 physical) const;

  static u64 padded(u32 logical) { return (static_cast<u64>(logical) + kChunk - 1) / kChunk * kChunk; }

  void put(u32 logical, u32 to) {
    places_.set(logical, to + 1);
    owners_.set(to, logical / kFamily);
    valid_[to / 64] |= 1ull << to % 64;
  }

  u32 logical_ = 0;
  PackedArray places_;     // [logical]: 1 + place; 0: unmapped
  PackedArray owners_;     // [physical]: family of the unit that lies, or lay last, there
  HostArray<u64> valid_;   // [physical / 64]: a bit for each unit
  HostArray<u32> in_chunk_;  // [logical / kChunk]: mapped units
  Counter mapped_;
};

}  // namespace nvmev::conv
