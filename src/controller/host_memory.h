// SPDX-License-Identifier: GPL-2.0-only
// Host Memory Buffer, feature 0Dh: NVMe 2.0 sections 5.27.1.10 and 8.9. What it is good for is the FTL's affair
// (Ftl::set_host_memory()): the memory itself is only looked at, never written, as nothing but time depends on it.
#pragma once

#include "nvmev/nvme/command.h"
#include "nvmev/nvme/identify.h"
#include "nvmev/nvme/status.h"
#include "shared.h"

namespace nvmev {

class Controller;

// As the host has set it.
struct HostMemoryBuffer {
  u32 pages = 0;  // HSIZE, of kPageSize (CC.MPS is 0); 0: not enabled
  u32 entries = 0;  // HMDLEC
  u64 list = 0;     // HMDLLA, HMDLUA
};

bool has_host_memory(const Shared& shared);

// HMPRE, HMMIN, HMMAXD.
void describe_host_memory(const Shared& shared, nvme::IdentifyController& data);

// Of Set Features: checks all that the host says of its memory before anything changes.
nvme::Status set_host_memory(Controller& controller, const nvme::Sqe& sqe, HostMemoryBuffer& buffer);
// Of Get Features: sends the attributes.
nvme::Status get_host_memory(Controller& controller, const nvme::Sqe& sqe, const HostMemoryBuffer& buffer);

// Tells the FTLs how much they have. Dispatcher 0.
void apply_host_memory(Shared& shared, const HostMemoryBuffer& buffer, u64 now);

}  // namespace nvmev
