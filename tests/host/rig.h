// SPDX-License-Identifier: GPL-2.0-only
// Host, device, manual clock and driver in one: what most tests start from.
#pragma once

#include <memory>
#include <ostream>

#include "host/driver.h"

namespace nvmev::nvme {

// So that a failed comparison shows the status as the specification writes it.
inline void PrintTo(Status status, std::ostream* out) {
  const unsigned value = static_cast<unsigned>(status);
  *out << "SCT " << (value >> 8) << " SC " << std::hex << (value & 0xff) << "h" << std::dec;
}

}  // namespace nvmev::nvme

namespace nvmev::test {

struct Rig {
  explicit Rig(const Settings& settings = {}, u32 workers = 1)
      : device(host, make_config(settings, workers)), runner(device), driver(device, runner) {}
  explicit Rig(const nvmev_config* config) : device(host, *config), runner(device), driver(device, runner) {}

  // Controller enabled, with I/O queue pairs 1 to `pairs`.
  Rig& start(u16 pairs = 1, u32 entries = 64) {
    if (!driver.enable()) std::abort();
    for (u16 id = 1; id <= pairs; id++) driver.create_queue_pair(id, entries);
    return *this;
  }

  Completion admin(const nvme::Sqe& sqe) { return driver.admin(sqe); }
  Completion io(const nvme::Sqe& sqe) { return driver.run(1, sqe); }

  TestHost host;
  Device device;
  ManualRunner runner;
  Driver driver;
};

}  // namespace nvmev::test
