// SPDX-License-Identifier: GPL-2.0-only
// A hostile requester: for the fuzzer, and for the unit test that replays its corpus.
#pragma once

#include <cstddef>

#include "nvmev/types.h"

namespace nvmev::test {

// Makes a device of the kind that the first bytes name, and carries out the rest: register writes, doorbells, submission queue
// entries, PRP lists, SGLs and payloads, resets, power cuts and clock jumps, in any order. Aborts when the core faults, hangs,
// leaks, or touches memory of the requester after it was disabled. Returns how many commands were submitted.
u64 attack_controller(const u8* data, std::size_t size);

}  // namespace nvmev::test
