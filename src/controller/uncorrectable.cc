// SPDX-License-Identifier: GPL-2.0-only
#include "uncorrectable.h"

namespace nvmev {

Uncorrectable::~Uncorrectable() {
  for (auto& leaf : leaves_) {
    if (Word* words = leaf.load(std::memory_order_relaxed)) nvmev_host_page_free(host_, words);
  }
}

bool Uncorrectable::init(nvmev_host* host, u64 capacity) {
  host_ = host;
  return leaves_.allocate(host, ((capacity - 1) >> kLeafShift) + 1);
}

// Calls `with(word, mask)` for each word of bits that exists; stops when that returns false.
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
    constexpr u64 kLeafWords = kPageSize / sizeof(u64);
    if (!with(words[offset >> kWordShift & (kLeafWords - 1)], mask)) return;
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
  for_each_word(offset, length, [](Word& word, u64 mask) {
    word.fetch_or(mask, std::memory_order_relaxed);
    return true;
  });
  return true;
}

void Uncorrectable::clear_marks(u64 offset, u64 length) {
  for_each_word(offset, length, [](Word& word, u64 mask) {
    word.fetch_and(~mask, std::memory_order_relaxed);
    return true;
  });
}

bool Uncorrectable::find_mark(u64 offset, u64 length) const {
  bool found = false;
  for_each_word(offset, length, [&](Word& word, u64 mask) {
    found = (word.load(std::memory_order_relaxed) & mask) != 0;
    return !found;
  });
  return found;
}

}  // namespace nvmev
