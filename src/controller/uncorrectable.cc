// SPDX-License-Identifier: GPL-2.0-only
#include "uncorrectable.h"

#include <bit>

namespace nvmev {

namespace {

// Without the instruction, compilers call a library that kernels do not have.
u32 bit_count(u64 word) {
  word -= word >> 1 & 0x5555555555555555;
  word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
  word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f;
  return static_cast<u32>(word * 0x0101010101010101 >> 56);
}

}  // namespace

Uncorrectable::~Uncorrectable() {
  for (auto& leaf : leaves_) {
    if (Word* words = leaf.load(std::memory_order_relaxed)) nvmev_host_page_free(host_, words);
  }
}

bool Uncorrectable::init(nvmev_host* host, u64 capacity) {
  host_ = host;
  const u64 leaves = ((capacity - 1) >> kLeafShift) + 1;
  return leaves_.allocate(host, leaves) && marked_.allocate(host, leaves);
}

// Calls `with(word, mask, leaf)` for each word of bits that exists; stops when that returns false.
template <typename Function>
void Uncorrectable::for_each_word(u64 offset, u64 length, Function with) const {
  const u64 end = offset + length;
  while (offset < end) {
    Word* words = leaves_[offset >> kLeafShift].load(std::memory_order_acquire);
    if (words == nullptr) {
      offset = ((offset >> kLeafShift) + 1) << kLeafShift;
      continue;
    }
    const u64 word_end = ((offset >> kWordShift) + 1) << kWordShift;
    const u64 stop = end < word_end ? end : word_end;
    const u32 first = offset >> kUnitShift & 63;
    const u32 count = static_cast<u32>((stop - offset) >> kUnitShift);
    const u64 mask = (count == 64 ? ~0ull : (1ull << count) - 1) << first;
    if (!with(words[offset >> kWordShift & (kLeafWords - 1)], mask, offset >> kLeafShift)) return;
    offset = stop;
  }
}

bool Uncorrectable::make_leaves(u64 offset, u64 length) {
  for (u64 leaf = offset >> kLeafShift; leaf <= (offset + length - 1) >> kLeafShift; leaf++) {
    Word* expected = leaves_[leaf].load(std::memory_order_acquire);
    if (expected != nullptr) continue;
    Word* fresh = static_cast<Word*>(nvmev_host_page_alloc(host_));
    if (fresh == nullptr) return false;
    if (!leaves_[leaf].compare_exchange_strong(expected, fresh, std::memory_order_acq_rel)) {
      nvmev_host_page_free(host_, fresh);
    }
  }
  return true;
}

bool Uncorrectable::mark(u64 offset, u64 length) {
  if (!make_leaves(offset, length)) return false;
  used_.store(true, std::memory_order_relaxed);
  for_each_word(offset, length, [&](Word& word, u64 mask, u64 leaf) {
    const u64 before = word.fetch_or(mask, std::memory_order_relaxed);
    change(leaf, before, before | mask);
    return true;
  });
  return true;
}

void Uncorrectable::clear_marks(u64 offset, u64 length) {
  for_each_word(offset, length, [&](Word& word, u64 mask, u64 leaf) {
    const u64 before = word.fetch_and(~mask, std::memory_order_relaxed);
    change(leaf, before, before & ~mask);
    return true;
  });
}

bool Uncorrectable::find_mark(u64 offset, u64 length) const {
  bool found = false;
  for_each_word(offset, length, [&](Word& word, u64 mask, u64) {
    found = (word.load(std::memory_order_relaxed) & mask) != 0;
    return !found;
  });
  return found;
}

void Uncorrectable::change(u64 leaf, u64 before, u64 after) {
  if (before == after) return;
  marked_[leaf].fetch_add(bit_count(after) - bit_count(before), std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_relaxed);
}

void Uncorrectable::count_leaf(u64 leaf) {
  const Word* words = leaves_[leaf].load(std::memory_order_relaxed);
  u32 sum = 0;
  for (u32 i = 0; i < kLeafWords; i++) sum += bit_count(words[i].load(std::memory_order_relaxed));
  marked_[leaf].store(sum, std::memory_order_relaxed);
}

u64 Uncorrectable::find(u64 offset, u64 end, bool marked) const {
  while (offset < end) {
    const u64 leaf = offset >> kLeafShift;
    const u64 leaf_end = (leaf + 1) << kLeafShift;
    // Nothing, or nothing else, is marked here.
    if (marked_[leaf].load(std::memory_order_relaxed) == (marked ? 0 : kLeafUnits)) {
      offset = leaf_end;
      continue;
    }
    const Word* words = leaves_[leaf].load(std::memory_order_acquire);
    if (words == nullptr) return offset;
    while (offset < leaf_end) {
      const u64 word = words[offset >> kWordShift & (kLeafWords - 1)].load(std::memory_order_relaxed);
      const u32 first = offset >> kUnitShift & 63;
      const u64 hits = (marked ? word : ~word) >> first;
      if (hits != 0) {
        const u64 at = offset + (static_cast<u64>(std::countr_zero(hits)) << kUnitShift);
        return at < end ? at : end;
      }
      offset = ((offset >> kWordShift) + 1) << kWordShift;
    }
  }
  return end;
}

u64 Uncorrectable::count(u64 offset, u64 length) const {
  if (!used_.load(std::memory_order_relaxed)) return 0;
  u64 sum = 0;
  constexpr u64 kLeafBytes = 1ull << kLeafShift;
  for (const u64 end = offset + length; offset < end;) {
    const u64 leaf_end = ((offset >> kLeafShift) + 1) << kLeafShift;
    const u64 part = (leaf_end < end ? leaf_end : end) - offset;
    if (part == kLeafBytes) {
      sum += marked_[offset >> kLeafShift].load(std::memory_order_relaxed);
    } else {
      for_each_word(offset, part, [&](const Word& word, u64 mask, u64) {
        sum += bit_count(word.load(std::memory_order_relaxed) & mask);
        return true;
      });
    }
    offset += part;
  }
  return sum;
}

u8 Uncorrectable::marks_of(u64 page) const {
  const Word* words = leaves_[page >> kLeafShift].load(std::memory_order_acquire);
  if (words == nullptr) return 0;
  const u64 word = words[page >> kWordShift & (kLeafWords - 1)].load(std::memory_order_relaxed);
  return static_cast<u8>(word >> (page >> kUnitShift & 63));
}

void Uncorrectable::set_marks(u64 page, u8 marks) {
  clear(page, kPageSize);
  for (u32 unit = 0; marks != 0; unit++, marks = static_cast<u8>(marks >> 1)) {
    if ((marks & 1) != 0) mark(page + (static_cast<u64>(unit) << kUnitShift), 1u << kUnitShift);
  }
}

}  // namespace nvmev
