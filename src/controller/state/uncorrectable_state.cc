// SPDX-License-Identifier: GPL-2.0-only
// The marks of unreadable blocks in a state: pages of them, each behind its number.
#include "../uncorrectable.h"
#include "nvmev/error.h"
#include "nvmev/state_archive.h"

namespace nvmev {

void Uncorrectable::transfer(StateArchive& archive) {
  const u64 end = leaves_.size();
  u64 next = 0;
  const auto one = [&](u64 leaf) {
    archive.value(leaf);
    if (!archive.ok() || leaf == end) return false;
    if (leaf < next || leaf > end) {
      archive.refuse(err::kInvalid, "it marks blocks of page %llu of %llu", static_cast<unsigned long long>(leaf),
                     static_cast<unsigned long long>(end));
      return false;
    }
    if (archive.loading() && !make_leaves(leaf << kLeafShift, 1)) {
      archive.refuse(err::kNoMemory, "no memory for its marks of unreadable blocks");
      return false;
    }
    archive.bytes(leaves_[leaf].load(std::memory_order_relaxed), kPageSize);
    if (archive.loading()) count_leaf(leaf);
    next = leaf + 1;
    return true;
  };
  if (archive.loading()) {
    while (one(0)) used_.store(true, std::memory_order_relaxed);
    return;
  }
  for (u64 leaf = 0; leaf < end; leaf++) {
    if (leaves_[leaf].load(std::memory_order_relaxed) != nullptr && !one(leaf)) return;
  }
  one(end);
}

}  // namespace nvmev
