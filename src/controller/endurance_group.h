// SPDX-License-Identifier: GPL-2.0-only
// Endurance groups, NVM sets and domains (NVMe 2.0 sections 3.2.2 to 3.2.4): the medium is one of each.
#pragma once

#include "nvmev/ftl.h"
#include "nvmev/nvme/command.h"
#include "nvmev/nvme/status.h"
#include "nvmev/types.h"

namespace nvmev {

class Controller;

inline constexpr u16 kEnduranceGroup = 1;
inline constexpr u16 kNvmSet = 1;
inline constexpr u16 kDomain = 1;

inline constexpr u8 kSpareThreshold = 10;  // percent

// Critical warnings of the group, as in log page 09h.
u8 group_warnings(const FtlHealth& health);

// Rows of the log page table.
u32 endurance_group_log(Controller&, const nvme::Sqe&, u8* data);
void endurance_group_read(Controller&);
u32 endurance_group_events_log(Controller&, const nvme::Sqe&, u8* data);

// Rows of the table of Identify: lists of the identifiers from CDW11.CNSSID on, or above it in the case of groups.
nvme::Status identify_nvm_sets(Controller&, const nvme::Sqe&, u8* data);
nvme::Status identify_domains(Controller&, const nvme::Sqe&, u8* data);
nvme::Status identify_endurance_groups(Controller&, const nvme::Sqe&, u8* data);

}  // namespace nvmev
