// SPDX-License-Identifier: GPL-2.0-only
// Erasing what a namespace holds, piece by piece.
#pragma once

#include "shared.h"

namespace nvmev {

// Erases the next part of the namespace, from *at bytes on. True when its end is reached. Of dispatcher 0, while no command
// uses the namespace.
bool erase_step(Shared& shared, const Namespace& ns, u64* at);

}  // namespace nvmev
