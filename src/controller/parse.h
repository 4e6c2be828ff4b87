// SPDX-License-Identifier: GPL-2.0-only
// Numbers as people write them in parameters and profiles.
#pragma once

#include "nvmev/types.h"

namespace nvmev {

// A non-negative decimal or 0x number, the whole of `text`. 0, -EINVAL, -ERANGE (over 64 bits).
int parse_u64(const char* text, u64* value);

// A non-negative decimal with up to three digits after the point, in thousandths. 0, -EINVAL, -ERANGE (over 32 bits).
int parse_milli(const char* text, u32* milli);

// As nvmev_parse_size().
int parse_size(const char* text, u64 unit, u64* bytes);

}  // namespace nvmev
