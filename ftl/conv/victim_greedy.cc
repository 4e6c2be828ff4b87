// SPDX-License-Identifier: GPL-2.0-only
// Greedy: the superblock with the most invalid units, so the fewest to move. Best for uniformly random writes.
#include "victim.h"

namespace nvmev::conv {
namespace {

u32 pick(VictimView& view) { return view.blocks.most_invalid(view.group); }

}  // namespace

extern const VictimPolicy kGreedy;
constinit const VictimPolicy kGreedy = {"greedy", pick};

}  // namespace nvmev::conv
