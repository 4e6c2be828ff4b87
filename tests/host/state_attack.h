// SPDX-License-Identifier: GPL-2.0-only
// A hostile state file: for the fuzzer, and for the unit test that does with chance what the fuzzer does with care.
#pragma once

#include <cstddef>

#include "nvmev/types.h"

namespace nvmev::test {

// How many kinds of device there are: the first byte of the input names one, modulo this.
u32 state_attack_kinds();

// Changes the state that such a device has saved as the rest of the input says, puts its checksums right and loads it. A device that
// takes it goes on as one of its own: commands complete, and what it saves then can be loaded. One that does not leaves the file
// alone and says why. Aborts otherwise. Whether the state was taken.
bool attack_state(const u8* data, std::size_t size);

}  // namespace nvmev::test
