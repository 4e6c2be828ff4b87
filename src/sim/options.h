// SPDX-License-Identifier: GPL-2.0-only
// The command line.
#pragma once

#include <string>
#include <vector>

#include "sweep.h"

namespace nvmev::sim {

struct Options {
  RunSettings base;
  std::vector<SweepAxis> sweep;
  unsigned parallel = 1;
  std::string json;  // "-": standard output, instead of the summary
  std::string csv;
  std::string plot_latency, plot_time, plot_wear;
};

// False when there is nothing more to do, as after --help; the exit status is in *status. Refuses wrong options.
bool parse_options(int argc, char** argv, Options* options, int* status);

}  // namespace nvmev::sim
