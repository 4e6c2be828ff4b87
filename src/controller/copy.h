// SPDX-License-Identifier: GPL-2.0-only
// Copy: NVM Command Set 1.0 section 3.2.2. Source ranges of all four descriptor formats.
#pragma once

#include "io_commands.h"
#include "nvmev/nvme/identify.h"

namespace nvmev {

nvme::Status check_copy(const IoContext& context, Task& task);
void act_copy(const IoContext& context, Task& task, u64 now);
nvme::Status move_copy(Shared& shared, DataBuffer& buffer, Task& task);

// OCFS: a bit for each descriptor format.
u16 copy_formats(const Shared& shared);

// MSSRL, MCL and MSRC: a command copies no more than one could transfer.
void fill_copy_limits(const Shared& shared, const Namespace& ns, nvme::IdentifyNamespace& data);

}  // namespace nvmev
