// SPDX-License-Identifier: GPL-2.0-only
// Blocks that cannot be read until they are written again (Write Uncorrectable, NVM Command Set 1.0 section 3.2.7): a bit for each 512
// bytes of the medium, in pages that are taken when the first block of theirs is marked.
#pragma once

#include <atomic>

#include "nvmev/host.h"
#include "nvmev/host_array.h"
#include "nvmev/types.h"

namespace nvmev {

class StateArchive;

class Uncorrectable {
 public:
  Uncorrectable() = default;
  Uncorrectable(const Uncorrectable&) = delete;
  Uncorrectable& operator=(const Uncorrectable&) = delete;
  ~Uncorrectable();

  // False when there is no memory. `capacity`: bytes of the medium.
  bool init(nvmev_host* host, u64 capacity);

  // All ranges are bytes, on multiples of 512. Any thread.

  // Takes the memory that mark() of this range needs; false when there is none.
  bool prepare(u64 offset, u64 length) { return make_leaves(offset, length); }
  // False when there is no memory; nothing is marked then.
  bool mark(u64 offset, u64 length);
  void clear(u64 offset, u64 length) {
    if (used_.load(std::memory_order_relaxed)) clear_marks(offset, length);
  }
  // Whether any of the blocks is marked.
  bool any(u64 offset, u64 length) const {
    return used_.load(std::memory_order_relaxed) && find_mark(offset, length);
  }

  // The first unit of 512 bytes from `offset` on that is marked, or is not; `end` if there is none before. Time in proportion to the
  // range, by 16 MiB.
  u64 find(u64 offset, u64 end, bool marked) const;
  // How many units of 512 bytes are marked. Time likewise.
  u64 count(u64 offset, u64 length) const;
  // Changes whenever something is marked, or not marked any more.
  u32 generation() const { return generation_.load(std::memory_order_relaxed); }

  // The marks of a page, a bit for each 512 bytes, and the way back: all of them that there were still have their memory.
  u8 marks_of(u64 page) const;
  void set_marks(u64 page, u8 marks);

  // To or from a state file, while nothing else uses it.
  void transfer(StateArchive& archive);

 private:
  static constexpr u32 kUnitShift = 9;
  static constexpr u32 kLeafShift = kUnitShift + kPageShift + 3;  // bytes of the medium that a page of bits stands for
  static constexpr u32 kWordShift = kUnitShift + 6;

  static constexpr u32 kLeafUnits = 1u << (kLeafShift - kUnitShift);
  static constexpr u32 kLeafWords = kPageSize / sizeof(u64);

  using Word = std::atomic<u64>;
  template <typename Function>
  void for_each_word(u64 offset, u64 length, Function with) const;
  bool make_leaves(u64 offset, u64 length);
  void clear_marks(u64 offset, u64 length);
  bool find_mark(u64 offset, u64 length) const;
  void change(u64 leaf, u64 before, u64 after);
  void count_leaf(u64 leaf);

  nvmev_host* host_ = nullptr;
  HostArray<std::atomic<Word*>> leaves_;
  HostArray<std::atomic<u32>> marked_;  // units that each leaf marks
  std::atomic<u32> generation_{0};
  std::atomic<bool> used_{false};  // something has been marked once
};

}  // namespace nvmev
