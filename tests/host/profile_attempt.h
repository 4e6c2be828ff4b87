// SPDX-License-Identifier: GPL-2.0-only
// What must hold for any profile whatsoever: for the fuzzer, and for the unit test that replays its corpus.
#pragma once

#include <cstddef>

#include "nvmev/types.h"

namespace nvmev::test {

// Loads the bytes as a profile, and checks the configuration that comes of it. Aborts where a contract of
// nvmev_config_load() or nvmev_config_check() is broken. Returns whether the profile makes a device.
bool attempt_profile(const u8* data, std::size_t size);

}  // namespace nvmev::test
