// SPDX-License-Identifier: GPL-2.0-only
#include "allocation.h"

namespace nvmev::conv {
namespace {

// Every group in turn: the most parallelism for sequential writes.
u32 round_robin(const AllocationView& view) { return view.last + 1 < view.groups ? view.last + 1 : 0; }

// By logical address, as in drives that are divided into partitions: data that are written in any order can be read in
// parallel.
u32 fixed(const AllocationView& view) { return view.logical % view.groups; }

// Where a die is free first.
u32 least_busy(const AllocationView& view) {
  u32 best = 0;
  for (u32 i = 1; i < view.groups; i++) {
    if (view.group_free_at[i] < view.group_free_at[best]) best = i;
  }
  return best;
}

u32 by_chance(const AllocationView& view) { return view.random.below(view.groups); }

}  // namespace

extern const AllocationPolicy kAllocationPolicies[];
constinit const AllocationPolicy kAllocationPolicies[4] = {
    {"round-robin", false, round_robin},
    {"static", false, fixed},
    {"least-busy", true, least_busy},
    {"random", false, by_chance},
};

}  // namespace nvmev::conv
