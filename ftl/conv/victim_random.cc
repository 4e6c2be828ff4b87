// SPDX-License-Identifier: GPL-2.0-only
// By chance: any superblock, or the best of d of them. With d = 1 that is the cheapest policy there is; with d of about
// 10 it comes close to greedy (Van Houdt, "A mean field model for a class of garbage collection algorithms in
// flash-based solid state drives", SIGMETRICS 2013). Where none of the candidates gains anything, the best of all is
// taken.
#include "victim.h"

namespace nvmev::conv {
namespace {

u32 best_of(VictimView& view, u32 choices) {
  u32 best = view.blocks.random_closed(view.group, view.random);
  for (u32 i = 1; i < choices && best != kNone; i++) {
    const u32 other = view.blocks.random_closed(view.group, view.random);
    if (view.blocks[other].invalid() > view.blocks[best].invalid()) best = other;
  }
  if (best != kNone && view.blocks[best].invalid() == 0) return view.blocks.most_invalid(view.group);
  return best;
}

u32 pick_random(VictimView& view) { return best_of(view, 1); }
u32 pick_d_choices(VictimView& view) { return best_of(view, view.choices); }

}  // namespace

extern const VictimPolicy kRandom;
extern const VictimPolicy kDChoices;
constinit const VictimPolicy kRandom = {"random", pick_random};
constinit const VictimPolicy kDChoices = {"d-choices", pick_d_choices};

}  // namespace nvmev::conv
