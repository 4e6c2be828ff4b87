// SPDX-License-Identifier: GPL-2.0-only
// Windowed greedy (Hu, Eleftheriou, Haas, Iliadis, Pletka, "Write Amplification Analysis in Flash-Based Solid State
// Drives", SYSTOR 2009): the superblock with the most invalid units among the `victim_choices` that were closed first.
#include "victim.h"

namespace nvmev::conv {
namespace {

u32 pick(VictimView& view) {
  u32 best = view.blocks.oldest(view.group);
  u32 candidate = best;
  for (u32 i = 1; i < view.choices && candidate != kNone; i++) {
    candidate = view.blocks.newer(candidate);
    if (candidate != kNone && view.blocks[candidate].invalid() > view.blocks[best].invalid()) best = candidate;
  }
  // Nothing to gain in the window: look everywhere.
  if (best != kNone && view.blocks[best].invalid() == 0) return view.blocks.most_invalid(view.group);
  return best;
}

}  // namespace

extern const VictimPolicy kWindowed;
constinit const VictimPolicy kWindowed = {"windowed", pick};

}  // namespace nvmev::conv
