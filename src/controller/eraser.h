// SPDX-License-Identifier: GPL-2.0-only
// Erasing what a namespace holds, piece by piece.
#pragma once

#include "shared.h"

namespace nvmev {

// Erases the next part of the medium's `bytes` from `base` on, from *at bytes on. True when the end is reached.
bool erase_step(Medium& medium, u64 base, u64 bytes, u64* at);

// Erases the next part of the namespace, data and metadata, from *at bytes on. True when its end is reached. Of dispatcher 0, while no command
// uses the namespace.
bool erase_step(Shared& shared, const Namespace& ns, u64* at);

}  // namespace nvmev
