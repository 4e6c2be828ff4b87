// SPDX-License-Identifier: GPL-2.0-only
// A device with two controllers, and a driver for each.
#pragma once

#include "host/rig.h"

namespace nvmev::test {

struct Pair {
  explicit Pair(Settings settings = {}, u32 workers = 1)
      : device(host, make_config(with_controllers(std::move(settings)), workers)),
        runner(device),
        first(device, runner, 0),
        second(device, runner, 1) {}

  static Settings with_controllers(Settings settings) {
    settings.add("controllers", "2");
    return settings;
  }

  // Both controllers enabled, with I/O queue pairs 1 to `pairs`.
  Pair& start(u16 pairs = 1, u32 entries = 64) {
    for (Driver* driver : {&first, &second}) {
      if (!driver->enable()) std::abort();
      for (u16 id = 1; id <= pairs; id++) driver->create_queue_pair(id, entries);
    }
    return *this;
  }

  TestHost host;
  Device device;
  ManualRunner runner;
  Driver first;
  Driver second;
};

}  // namespace nvmev::test
