// SPDX-License-Identifier: GPL-2.0-only
// What can be drawn.
#pragma once

#include <string>
#include <vector>

#include "run.h"

namespace nvmev::sim {

// Distribution of latencies: share of I/Os up to a latency, and, on a logarithmic scale, beyond it. All runs in one
// figure.
void plot_latency(const std::string& file, const std::vector<RunSettings>& settings,
                  const std::vector<RunResult>& results);

// Throughput and write amplification over virtual time.
void plot_time(const std::string& file, const RunResult& result);

// Erase counts of all blocks: one row a die.
void plot_wear(const std::string& file, const RunResult& result);

}  // namespace nvmev::sim
