// SPDX-License-Identifier: GPL-2.0-only
// What of a page-mapped SSD is kept in a state file: all but the operations that dies are busy with, which are over when the
// next run begins.
#include "conv.h"
#include "nvmev/error.h"
#include "nvmev/state_archive.h"

namespace nvmev::conv {

void Conv::transfer(StateArchive& archive, u64* now) {
  if (!archive.loading()) {
    // As a drive does before power goes: the write buffer is empty then.
    for (u32 stream = 0; stream < host_streams_; stream++) {
      if (fills_[stream].filling) program_stream(stream);
    }
    for (u32 die = 0; die < layout_.geometry.dies; die++) {
      if (array_.die_free_at(die) > *now) *now = array_.die_free_at(die);
    }
    if (last_done_ > *now) *now = last_done_;
  }
  archive.expect("the number of dies", layout_.geometry.dies);
  archive.expect("the mapping unit", layout_.unit_bytes);
  archive.expect("the number of units of a row", layout_.row_units);
  archive.expect("the number of streams", streams_);
  map_.transfer(archive);
  blocks_.transfer(archive);
  wear_.transfer(archive, host_);
  map_cache_.transfer(archive);
  frequency_.transfer(archive);
  archive.array("the number of streams", frontiers_);
  archive.array("the number of host streams", fills_);
  archive.array("the number of groups of dies", collectors_);
  archive.array("the number of groups of dies", group_free_at_);
  archive.array("the number of placement handles", remaining_);
  archive.value(events_);
  archive.counters(statistics_);
  archive.value(random_);
  archive.value(wear_countdown_);
  archive.value(map_group_);
  archive.counter(clock_);
  archive.value(last_now_);
  archive.value(last_done_);
  if (!archive.loading() || !archive.ok()) return;
  check_state(archive, *now);
  run_clock_.begin(*now);
}

}  // namespace nvmev::conv
