// SPDX-License-Identifier: GPL-2.0-only
// Which superblock garbage collection takes next: configuration key `victim`.
#pragma once

#include "superblocks.h"

namespace nvmev::conv {

// What a policy may look at.
struct VictimView {
  Superblocks& blocks;
  u32 group;              // where space is wanted
  u64 clock;              // units written to flash so far: the age of a superblock is clock - closed_at
  u32 choices;            // configuration key `victim_choices`
  flash::Random& random;  // the same on every host
};

// One file beside this one for each policy, and one line in policies.cc. docs/writing-an-ftl.md explains it with
// victim_windowed.cc.
struct VictimPolicy {
  const char* name;
  // A closed superblock of the group; kNone if there is none. One without invalid units is not worth collecting, and
  // means to the FTL that there is nothing to collect.
  u32 (*pick)(VictimView& view);
};

}  // namespace nvmev::conv
