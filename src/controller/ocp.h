// SPDX-License-Identifier: GPL-2.0-only
// What data centre drives have beyond NVMe (key `ocp`): the extended SMART log of the Open Compute Project, and the UUID
// List that tells whose vendor specific pages these are (NVMe 2.0 section 8.25).
#pragma once

#include "nvmev/nvme/command.h"
#include "nvmev/nvme/status.h"
#include "nvmev/types.h"

namespace nvmev {

class Controller;
struct Shared;

bool has_ocp(const Shared& shared);

// Whether a command may have this UUID Index (CDW14, bits 6:0).
bool knows_uuid_index(const Shared& shared, u32 index);

// Row of the log page table.
u32 ocp_smart_log(Controller&, const nvme::Sqe&, u8* data);

// Row of the table of Identify: CNS 17h.
nvme::Status identify_uuids(Controller&, const nvme::Sqe&, u8* data);

}  // namespace nvmev
