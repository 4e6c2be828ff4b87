// SPDX-License-Identifier: GPL-2.0-only
// The percentiles that are shown.
#pragma once

#include "nvmev/types.h"

namespace nvmev::sim {

struct Percentile {
  const char* name;
  u32 parts;  // of 100000
};

inline constexpr Percentile kPercentiles[] = {
    {"p50", 50000}, {"p90", 90000}, {"p99", 99000}, {"p99.9", 99900}, {"p99.99", 99990}};

}  // namespace nvmev::sim
