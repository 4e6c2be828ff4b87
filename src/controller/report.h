// SPDX-License-Identifier: GPL-2.0-only
// The statistics of a device as text.
#pragma once

#include "nvmev/text.h"
#include "shared.h"

namespace nvmev {

// Adds one line `name value` for each figure (docs/statistics.md). Any thread.
void report(const Subsystem& shared, TextWriter& text);

}  // namespace nvmev
