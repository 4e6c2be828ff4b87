// SPDX-License-Identifier: GPL-2.0-only
// Which group of dies the next stripe unit goes to: configuration key `allocation`.
#pragma once

#include "../flash/random.h"
#include "nvmev/types.h"

namespace nvmev::conv {

// What a policy may look at.
struct AllocationView {
  u32 groups;              // two or more
  u32 last;                // where the stream wrote before
  u32 logical;             // first unit that will be written
  const u64* group_free_at;  // [group]: ns when the first of its dies is free
  flash::Random& random;
};

struct AllocationPolicy {
  const char* name;
  bool wants_free_at;  // group_free_at is filled in
  // A group; the next one with room is taken if it has none.
  u32 (*choose)(const AllocationView& view);
};

}  // namespace nvmev::conv
