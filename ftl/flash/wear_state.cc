// SPDX-License-Identifier: GPL-2.0-only
// Wear in a state file: what is read back must be what erases leave.
#include "marks.h"
#include "nvmev/error.h"
#include "wear.h"

namespace nvmev::flash {

void Wear::transfer(StateArchive& archive, nvmev_host* host) {
  archive.array("the number of die blocks", erases_);
  archive.array("the number of replaced blocks", replaced_);
  archive.array("the number of dies with spare blocks", spare_next_);
  archive.array("the number of bad blocks", bad_);
  archive.counter(spare_left_);
  archive.counter(total_);
  archive.counter(largest_);
  archive.counter(bad_count_);
  if (archive.loading() && archive.ok()) check(archive, host);
}

void Wear::check(StateArchive& archive, nvmev_host* host) const {
  const u32 spares = die_blocks_ - used_;
  Marks taken;
  if (!taken.allocate(host, spare_total_)) return archive.refuse(err::kNoMemory, "no memory to look at its spare blocks");
  u64 given = 0;
  for (u32 die = 0; die < dies_; die++) {
    const u32 next = spare_next_[die];
    if (next > spares) return archive.refuse(err::kInvalid, "die %u has used %u spare blocks of %u", die, next, spares);
    given += next;
    for (u32 block = 0; block < used_; block++) {
      const u32 spare = replaced_[static_cast<std::size_t>(die) * used_ + block];
      if (spare > next) {
        return archive.refuse(err::kInvalid, "spare block %u of die %u stands for block %u, and %u are used", spare - 1, die,
                              block, next);
      }
      if (spare == 0 || taken.mark(static_cast<u64>(die) * spares + spare - 1)) continue;
      return archive.refuse(err::kInvalid, "spare block %u of die %u stands for two blocks", spare - 1, die);
    }
  }
  u64 sum = 0;
  u32 largest = 0;
  for (std::size_t i = 0; i < erases_.size(); i++) {
    sum += erases_[i];
    if (erases_[i] > largest) largest = erases_[i];
    if (!is_bool(bad_[i])) return archive.refuse(err::kInvalid, "the mark of bad block %zu is none", i);
  }
  if (spare_left_.get() != spare_total_ - given || total_.get() != sum || largest_.get() != largest ||
      bad_count_.get() > erases_.size()) {
    archive.refuse(err::kInvalid, "its counts of erases and of bad and spare blocks do not agree with the blocks");
  }
}

}  // namespace nvmev::flash
