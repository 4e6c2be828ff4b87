// SPDX-License-Identifier: GPL-2.0-only
// The timing of type `nvm`, written down once more from the specification of the device type, chunk by chunk: what
// tests compare the core with.
#pragma once

#include <algorithm>
#include <vector>

#include "nvmev/types.h"

namespace nvmev::test {

struct UnitTimes {
  u64 delay, time, trailing;  // ns
};

class UnitModel {
 public:
  UnitModel(u32 unit_size, u32 units) : unit_size_(unit_size), free_(units, 0) {}

  // When a command that arrives at `now` and covers these bytes is complete.
  u64 serve(u64 now, u64 offset, u64 length, const UnitTimes& times) {
    u64 done = now;
    for (u64 chunk = offset / unit_size_; chunk <= (offset + length - 1) / unit_size_; chunk++) {
      u64& free = free_[chunk % free_.size()];
      const u64 start = std::max(now, free);
      const u64 completion = start + times.delay + times.time;
      free = completion + times.trailing;
      done = std::max(done, completion);
    }
    return done;
  }

 private:
  u64 unit_size_;
  std::vector<u64> free_;
};

}  // namespace nvmev::test
