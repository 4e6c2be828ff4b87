// SPDX-License-Identifier: GPL-2.0-only
// Numbers as people write them in options and job files. Each function refuses, naming `what`, and says what is right.
#pragma once

#include <string>

#include "nvmev/types.h"

namespace nvmev::sim {

// 4096, 4k, 16G: powers of 1024.
u64 parse_bytes(const std::string& what, const std::string& text);

// A plain number in [min, max].
u64 parse_number(const std::string& what, const std::string& text, u64 min, u64 max);

// A decimal such as 1.2 in [min, max].
double parse_decimal(const std::string& what, const std::string& text, double min, double max);

// A duration in ns: 10, 2.5s, 500ms, 100us, 80ns, 5m, 1h, 2d; without a unit it counts `unit` ns.
u64 parse_duration(const std::string& what, const std::string& text, u64 unit);

// 0 or 1.
bool parse_switch(const std::string& what, const std::string& text);

}  // namespace nvmev::sim
