// SPDX-License-Identifier: GPL-2.0-only
// Current values of the features (NVMe 2.0 section 5.27.1).
#pragma once

#include <array>

#include "host_memory.h"
#include "namespace.h"
#include "nvmev/host.h"
#include "nvmev/types.h"
#include "power.h"
#include "thermal.h"

namespace nvmev {

// Granularity of the keep alive timer (KAS), 100 ms.
inline constexpr u16 kKeepAliveGranularity = 10;

inline constexpr u32 kKnowsTelemetryArea4 = 1u << 1;  // of FeatureValues::host_behavior

struct FeatureValues {
  u32 arbitration = 0;
  u32 power = 0;
  std::array<u32, kMaxNamespaces> error_recovery{};  // by namespace
  u32 volatile_cache = 1;  // WCE
  u32 coalescing = 0;
  std::array<u64, NVMEV_MAX_VECTORS / 64> uncoalesced{};  // feature 09h: bit of each vector with CD
  u32 write_atomicity = 0;
  u32 async_config = 0;
  u32 media_feedback = 0;  // open-channel SSD 2.0
  u16 over_temperature = kWarningTemperatureThreshold;  // kelvin
  u16 under_temperature = 0;
  u32 idle_transitions_enabled = 0;  // APSTE
  IdleTransitions idle_transitions{};
  u32 keep_alive = 0;  // ms, as the timer counts; 0: off
  u32 thermal = 0;     // TMT1, TMT2
  u32 non_operational_permissive = 0;
  u32 host_behavior = 0;  // ACRE in bit 0, ETDAS in bit 1, LBAFEE in bits 15:8, CDFE in bits 31:16
  u32 sanitize_warning = 0;  // NODRM
  u32 lba_status = 0;  // LSIRI
  u32 group_events = 1;  // ENDGID in bits 15:0, critical warnings that are events in bits 23:16
  HostMemoryBuffer host_memory;

  // Timestamp: milliseconds at `timestamp_set` (ns of the host's clock).
  u64 timestamp = 0;
  u64 timestamp_set = 0;
  bool timestamp_by_host = false;

  bool temperature_warning() const {
    return kCompositeTemperature >= over_temperature || kCompositeTemperature <= under_temperature;
  }
};

}  // namespace nvmev
