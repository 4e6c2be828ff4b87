// SPDX-License-Identifier: GPL-2.0-only
// The data phase of I/O commands that move data to or from the requester.
#pragma once

#include "nvmev/nvme/status.h"
#include "prp.h"
#include "shared.h"
#include "task.h"

namespace nvmev {

// Whether the command moves data: Read, Write, Compare.
bool moves_data(IoOp op);

// Moves the data of such a command, all of it or none.
nvme::Status move_data(Shared& shared, PrpBuffer& buffer, const Task& task);

}  // namespace nvmev
