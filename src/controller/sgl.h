// SPDX-License-Identifier: GPL-2.0-only
// Scatter Gather Lists (NVMe 2.0 section 4.1.2) of I/O commands: from the descriptor in a command to requester memory.
#pragma once

#include "nvmev/nvme/command.h"
#include "nvmev/nvme/status.h"
#include "nvmev/types.h"

namespace nvmev {

class DataBuffer;

// PSDT: the data have an SGL; the metadata too, in which case MPTR points to its first descriptor.
inline constexpr u32 kPsdtSgl = 1;
inline constexpr u32 kPsdtMetadataSgl = 2;

// Descriptors of one list, of all kinds and segments; a command with more ends with Invalid Number of SGL Descriptors.
inline constexpr u32 kMaxSglDescriptors = 512;

// Of the command's own descriptor alone, and whether PSDT may be what it is.
nvme::Status check_sgl(const nvme::Sqe& sqe);

// Adds the memory of a transfer of `length` bytes to the buffer. The list may describe more.
nvme::Status walk_sgl(DataBuffer& buffer, const nvme::Sqe& sqe, u32 length);
// The same for the command's metadata.
nvme::Status walk_metadata_sgl(DataBuffer& buffer, const nvme::Sqe& sqe, u32 length);

}  // namespace nvmev
