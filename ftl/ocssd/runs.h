// SPDX-License-Identifier: GPL-2.0-only
// Puts together the runs of a command.
#pragma once

#include "nvmev/open_channel.h"

namespace nvmev::ocssd {

class RunBuilder {
 public:
  explicit RunBuilder(SectorRun* runs) : runs_(runs) {}

  // False when there are too many.
  bool add(u64 sector, u32 count, u32 at) {
    if (count_ != 0) {
      SectorRun& last = runs_[count_ - 1];
      const bool follows = sector == kNoSector ? last.sector == kNoSector
                                               : last.sector != kNoSector && last.sector + last.count == sector;
      if (follows && last.at + last.count == at) {
        last.count += count;
        return true;
      }
    }
    return add_apart(sector, count, at);
  }

  bool add_apart(u64 sector, u32 count, u32 at) {
    if (count_ == kMaxRuns) return false;
    runs_[count_++] = {sector, count, at};
    return true;
  }

  u32 count() const { return count_; }
  SectorRun* begin() { return runs_; }

 private:
  SectorRun* runs_;
  u32 count_ = 0;
};

inline u64 bit_of(u32 i) { return i < 64 ? 1ull << i : 0; }
inline u64 bits_of(u32 first, u32 count) {
  u64 bits = 0;
  for (u32 i = first; i < first + count && i < 64; i++) bits |= 1ull << i;
  return bits;
}

}  // namespace nvmev::ocssd
