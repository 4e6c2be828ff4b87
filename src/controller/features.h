// SPDX-License-Identifier: GPL-2.0-only
// Current values of the features (NVMe 2.0 section 5.27.1).
#pragma once

#include <array>

#include "namespace.h"
#include "nvmev/types.h"

namespace nvmev {

// Composite temperature that the device reports, kelvin.
inline constexpr u16 kCompositeTemperature = 313;
inline constexpr u16 kWarningTemperatureThreshold = 343;   // WCTEMP
inline constexpr u16 kCriticalTemperatureThreshold = 353;  // CCTEMP

struct FeatureValues {
  u32 arbitration = 0;
  u32 power = 0;
  std::array<u32, kMaxNamespaces> error_recovery{};  // by namespace
  u32 volatile_cache = 1;  // WCE
  u32 coalescing = 0;
  u32 write_atomicity = 0;
  u32 async_config = 0;
  u16 over_temperature = kWarningTemperatureThreshold;  // kelvin
  u16 under_temperature = 0;

  // Timestamp: milliseconds at `timestamp_set` (ns of the host's clock).
  u64 timestamp = 0;
  u64 timestamp_set = 0;
  bool timestamp_by_host = false;

  bool temperature_warning() const {
    return kCompositeTemperature >= over_temperature || kCompositeTemperature <= under_temperature;
  }
};

}  // namespace nvmev
