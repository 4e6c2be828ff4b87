// SPDX-License-Identifier: GPL-2.0-only
#include "separation.h"

namespace nvmev::conv {
namespace {

u32 all_writes(WriteFrequency&, u32, u32) { return 0; }
u32 all_victims(const Superblock&) { return 0; }

// Data that were written often lately are apart from those that were not.
u32 by_frequency(WriteFrequency& frequency, u32 logical, u32) {
  frequency.note(logical);
  return frequency.hot(logical) ? 1 : 0;
}

// Small writes tend to be updates of metadata, large ones files that stay.
u32 by_size(WriteFrequency&, u32, u32 units) { return units <= 4 ? 1 : 0; }

// Data that garbage collection has moved often are cold.
u32 by_generation(const Superblock& victim) { return victim.generation < 2 ? victim.generation : 2; }

}  // namespace

extern const SeparationPolicy kSeparationPolicies[];
constinit const SeparationPolicy kSeparationPolicies[5] = {
    {"none", 1, 0, all_writes, all_victims},
    {"gc", 1, 1, all_writes, all_victims},
    {"frequency", 2, 1, by_frequency, all_victims},
    {"size", 2, 1, by_size, all_victims},
    {"generation", 1, 3, all_writes, by_generation},
};

}  // namespace nvmev::conv
