// SPDX-License-Identifier: GPL-2.0-only
// Brings a device into the state in which it is to be measured.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "driver.h"

namespace nvmev::sim {

enum class PreconditionGoal : u8 { kNone, kFill, kSteady };

struct PreconditionSettings {
  PreconditionGoal goal = PreconditionGoal::kNone;
  JobSpec overwrite;        // how the full device is overwritten
  double tolerance = 0.03;  // of the mean, by which the last write amplifications may differ
  u32 max_overwrites = 20;  // capacities, after which the search for a steady state is given up
};

struct PreconditionResult {
  u64 filled = 0;               // bytes
  u64 overwritten = 0;          // bytes
  std::vector<double> windows;  // write amplification in each
  u64 errors = 0;               // I/Os that ended with a status other than success
  bool steady = false;
  bool reported = true;  // whether the type reports its write amplification
};

// The defaults, with 4 KiB random writes.
PreconditionSettings default_precondition();

// Fills the device sequentially. For a steady state it then overwrites it in windows of a fifth of the capacity, until
// neither the write amplifications of the last five windows nor the means of the last two times five differ by more
// than the tolerance.
PreconditionResult precondition(Driver& driver, const Device& device, const PreconditionSettings& settings, u64 seed,
                                const std::function<void(std::string)>& stage);

}  // namespace nvmev::sim
