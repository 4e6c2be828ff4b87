// SPDX-License-Identifier: GPL-2.0-only
// Several runs that differ in parameters.
#pragma once

#include <string>
#include <vector>

#include "run.h"

namespace nvmev::sim {

// One parameter and its values: a device key, job.KEY for a key of all jobs, profile, or seed.
struct SweepAxis {
  std::string key;
  std::vector<std::string> values;
};

// Parses `key=a,b,c`.
SweepAxis parse_sweep(const std::string& text);

// One run for each combination of values; the last axis changes fastest.
std::vector<RunSettings> expand_sweep(const RunSettings& base, const std::vector<SweepAxis>& axes);

// Runs all, `parallel` at a time; results in the order of the runs. The first refusal ends the program's work.
std::vector<RunResult> run_all(const std::vector<RunSettings>& runs, unsigned parallel);

}  // namespace nvmev::sim
