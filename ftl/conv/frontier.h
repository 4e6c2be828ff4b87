// SPDX-License-Identifier: GPL-2.0-only
// Where a stream of writes appends.
#pragma once

#include "map.h"
#include "nvmev/types.h"

namespace nvmev::conv {

// One stream's open superblock in one group, and the stripe unit in it that is being filled.
struct Frontier {
  u32 group = 0, stream = 0;  // whose it is
  u32 superblock = kNone;
  u32 next = 0;         // physical unit that comes next
  u32 end = 0;          // behind the superblock's last one
  u32 stripe = kNone;   // number of the stripe unit; kNone: none is being filled
  u32 stripe_left = 0;  // units that it still takes
  u32 buffered = 0;     // units of it that the write buffer holds,
  u32 slot = 0;         // and where, if there are any
  u64 ready = 0;        // ns when all that it has so far can be programmed

  // Whether a physical unit is in the stripe unit that is being filled.
  bool filling(u32 physical, u32 stripe_units) const {
    return stripe != kNone && physical < next && physical >= next + stripe_left - stripe_units;
  }
};

}  // namespace nvmev::conv
