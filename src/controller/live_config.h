// SPDX-License-Identifier: GPL-2.0-only
// Live keys of the configuration that the controller itself looks at: nvmev_dev_set() writes them while other threads read.
#pragma once

#include <atomic>

#include "nvmev/host.h"
#include "nvmev/types.h"

namespace nvmev {

struct LiveConfig {
  std::atomic<u32> time_scale_milli{1000};
  std::atomic<u32> sanitize_fail{0};
  std::atomic<u64> ana{0};  // as ana.h says

  void take(const nvmev_config& config) {
    time_scale_milli.store(config.time_scale_milli, std::memory_order_relaxed);
    sanitize_fail.store(config.sanitize_fail, std::memory_order_relaxed);
    ana.store(config.ana, std::memory_order_relaxed);
  }
  // A modelled duration on the host's clock, ns.
  u64 scaled(u64 ns) const {
    const u64 milli = time_scale_milli.load(std::memory_order_relaxed);
    return ns / 1000 * milli + ns % 1000 * milli / 1000;
  }
};

}  // namespace nvmev
