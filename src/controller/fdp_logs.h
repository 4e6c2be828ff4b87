// SPDX-License-Identifier: GPL-2.0-only
// Flexible Data Placement: rows of the log page table. Each fills at most a zeroed page and returns the log's size.
#pragma once

#include "nvmev/nvme/command.h"
#include "nvmev/types.h"

namespace nvmev {

class Controller;

u32 fdp_configurations_log(Controller&, const nvme::Sqe&, u8* data);
u32 ruh_usage_log(Controller&, const nvme::Sqe&, u8* data);
u32 fdp_statistics_log(Controller&, const nvme::Sqe&, u8* data);
u32 fdp_events_log(Controller&, const nvme::Sqe&, u8* data);

}  // namespace nvmev
