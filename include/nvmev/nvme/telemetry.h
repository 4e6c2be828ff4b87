// SPDX-License-Identifier: GPL-2.0-only
// Telemetry logs 07h and 08h: NVMe 2.0 sections 5.16.1.8, 5.16.1.9 and 8.22.
#pragma once

#include "nvmev/types.h"

namespace nvmev::nvme {

inline constexpr u32 kTelemetryBlock = 512;

struct [[gnu::packed]] TelemetryHeader {
  u8 lid;
  u8 reserved1[4];
  u8 ieee[3];
  u16 last_block[3];  // of data areas 1 to 3; block 0 is this header
  u8 reserved14[2];
  u32 last_block4;
  u8 reserved20[361];
  u8 host_generation;        // of log 07h
  u8 controller_available;   // whether log 08h has data
  u8 controller_generation;
  char reason[128];
};
static_assert(sizeof(TelemetryHeader) == kTelemetryBlock);
static_assert(offsetof(TelemetryHeader, host_generation) == 381);
static_assert(offsetof(TelemetryHeader, reason) == 384);

}  // namespace nvmev::nvme
