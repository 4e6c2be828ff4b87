// SPDX-License-Identifier: GPL-2.0-only
// Physical Region Pages (NVMe 2.0 section 4.1.1): from a command's two pointers to requester memory.
#pragma once

#include "nvmev/nvme/status.h"
#include "nvmev/types.h"

namespace nvmev {

class DataBuffer;

// Of the form alone: alignment.
nvme::Status check_prps(u64 prp1, u64 prp2, u32 length);

// Adds the memory of a transfer of `length` bytes to the buffer.
nvme::Status walk_prps(DataBuffer& buffer, u64 prp1, u64 prp2, u32 length);

}  // namespace nvmev
