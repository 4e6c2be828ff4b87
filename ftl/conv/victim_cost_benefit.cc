// SPDX-License-Identifier: GPL-2.0-only
// Cost-benefit (Rosenblum and Ousterhout, "The Design and Implementation of a Log-Structured File System", 1992):
// the highest (1 - u) * age / (1 + u), with u the valid share. Old data are likely to stay: a superblock of them is
// worth collecting earlier than one whose data are about to be overwritten. Looks at all closed superblocks.
#include "victim.h"

namespace nvmev::conv {
namespace {

// Whether a1 / b1 > a2 / b2.
bool greater(u64 a1, u64 b1, u64 a2, u64 b2) {
  __extension__ using u128 = unsigned __int128;
  return static_cast<u128>(a1) * b2 > static_cast<u128>(a2) * b1;
}

u32 pick(VictimView& view) {
  u32 best = kNone;
  u64 best_benefit = 0;
  u64 best_cost = 1;
  for (u32 i = view.blocks.oldest(view.group); i != kNone; i = view.blocks.newer(i)) {
    const Superblock& block = view.blocks[i];
    const u64 age = view.clock - block.closed_at;
    const u64 benefit = block.invalid() * age;  // below 2^64: ages are in units, of which a device wears out first
    const u64 cost = static_cast<u64>(block.capacity) + block.valid;
    if (best == kNone || greater(benefit, cost, best_benefit, best_cost)) {
      best = i;
      best_benefit = benefit;
      best_cost = cost;
    }
  }
  // Nothing is invalid but in superblocks that were closed this moment.
  if (best != kNone && view.blocks[best].invalid() == 0) return view.blocks.most_invalid(view.group);
  return best;
}

}  // namespace

extern const VictimPolicy kCostBenefit;
constinit const VictimPolicy kCostBenefit = {"cost-benefit", pick};

}  // namespace nvmev::conv
