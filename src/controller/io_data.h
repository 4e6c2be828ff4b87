// SPDX-License-Identifier: GPL-2.0-only
// The data phases of Read, Write, Compare, Verify and Write Uncorrectable: see IoCommand::move.
#pragma once

#include "nvmev/nvme/status.h"
#include "data_buffer.h"
#include "shared.h"
#include "task.h"

namespace nvmev {

nvme::Status move_read(Shared& shared, DataBuffer& buffer, Task& task);
nvme::Status move_write(Shared& shared, DataBuffer& buffer, Task& task);
// As move_write(); a power cut can undo it. task.result is the number of its plan, and 0 afterwards.
nvme::Status move_undoable_write(Shared& shared, DataBuffer& buffer, Task& task);
nvme::Status move_compare(Shared& shared, DataBuffer& buffer, Task& task);
nvme::Status move_verify(Shared& shared, DataBuffer& buffer, Task& task);
nvme::Status move_write_uncorrectable(Shared& shared, DataBuffer& buffer, Task& task);

}  // namespace nvmev
