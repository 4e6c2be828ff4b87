// SPDX-License-Identifier: GPL-2.0-only
// Host Controlled Thermal Management (NVMe 2.0 section 8.15.5): how often and how long the temperature was above what the host wants. The
// device's temperature does not depend on what it does, so throttling has nothing to change: it is counted.
#pragma once

#include "nvmev/types.h"

namespace nvmev {

// Composite temperature that the device reports, kelvin.
inline constexpr u16 kCompositeTemperature = 313;
inline constexpr u16 kWarningTemperatureThreshold = 343;   // WCTEMP
inline constexpr u16 kCriticalTemperatureThreshold = 353;  // CCTEMP
inline constexpr u16 kMinThermalManagement = 273;          // MNTMT
inline constexpr u16 kMaxThermalManagement = 353;          // MXTMT

class Thermal {
 public:
  // Temperatures 1 (light throttling) and 2 (heavy throttling) of feature 10h, kelvin; 0: none.
  void set(u16 light, u16 heavy, u64 now) {
    account(now);
    u32 level = 0;
    if (light != 0 && kCompositeTemperature >= light) level = 1;
    if (heavy != 0 && kCompositeTemperature >= heavy) level = 2;
    if (level != level_ && level != 0) transitions_[level - 1]++;
    level_ = level;
  }

  // 0: nothing is throttled.
  u32 level() const { return level_; }
  u32 transitions(u32 level) const { return transitions_[level - 1]; }
  u32 seconds(u32 level, u64 now) {
    account(now);
    constexpr u64 kNsPerSecond = 1000ull * 1000 * 1000;
    return static_cast<u32>(time_[level - 1] / kNsPerSecond);
  }

 private:
  void account(u64 now) {
    if (level_ != 0) time_[level_ - 1] += now - since_;
    since_ = now;
  }

  u32 level_ = 0;
  u64 since_ = 0;
  u32 transitions_[2] = {};
  u64 time_[2] = {};  // ns
};

}  // namespace nvmev
