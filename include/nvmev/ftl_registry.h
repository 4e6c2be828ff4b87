// SPDX-License-Identifier: GPL-2.0-only
// The device types of this build.
#pragma once

#include "nvmev/ftl.h"

namespace nvmev {

// nullptr if this build has no such type.
const FtlType* find_ftl(const char* name);

}  // namespace nvmev
