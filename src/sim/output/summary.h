// SPDX-License-Identifier: GPL-2.0-only
// The results for people. Only the line that begins with `wall:` tells of this machine; all others are the same every
// time.
#pragma once

#include <string>

#include "run.h"

namespace nvmev::sim {

std::string to_summary(const RunSettings& settings, const RunResult& result);

}  // namespace nvmev::sim
