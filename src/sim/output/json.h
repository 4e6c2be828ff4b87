// SPDX-License-Identifier: GPL-2.0-only
// All results as JSON (docs/simulator.md has the members).
#pragma once

#include <string>
#include <vector>

#include "run.h"

namespace nvmev::sim {

std::string to_json(const std::vector<RunSettings>& settings, const std::vector<RunResult>& results);

}  // namespace nvmev::sim
