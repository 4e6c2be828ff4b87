// SPDX-License-Identifier: GPL-2.0-only
// What a device has done in its life, for the SMART log.
#pragma once

#include "nvmev/types.h"

namespace nvmev {

// Of this run, or of all runs whose state was kept.
struct LifeTotals {
  u64 blocks_read = 0;  // of 512 bytes
  u64 blocks_written = 0;
  u64 reads = 0;  // commands
  u64 writes = 0;
  u64 busy = 0;      // ns
  u64 power_on = 0;  // ns
  u64 media_errors = 0;
  u64 error_log_entries = 0;
  u64 power_cycles = 0;
  u64 unsafe_shutdowns = 0;
  u64 media_read = 0;     // bytes of flash; of the whole device, kept by its first controller
  u64 media_written = 0;
};

}  // namespace nvmev
