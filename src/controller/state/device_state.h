// SPDX-License-Identifier: GPL-2.0-only
// What a state holds: namespaces, counters, the state of every FTL, and the data.
#pragma once

#include "nvmev/host.h"
#include "nvmev/types.h"

namespace nvmev {

struct Subsystem;

// Reads the state in the host's file into a device that has not run yet; leaves it as delivered where the file is new.
// 0 or a negative errno with *error: the device must not be used then.
int load_state(Subsystem& subsystem, nvmev_error* error);

// Writes the state of a device in which nothing is under way. `now`: ns of the host's clock. 0 or a negative errno with *error: the file holds what it
// held before.
int save_state(Subsystem& subsystem, u64 now, nvmev_error* error);

}  // namespace nvmev
