// SPDX-License-Identifier: GPL-2.0-only
// A device with a state file.
#pragma once

#include <string>
#include <vector>

#include "host/rig.h"

namespace nvmev::test {

// One run of a device: made, loaded from `file` (which it brings up to date), enabled.
struct Attached {
  explicit Attached(TestFile& state, const Settings& settings = {}) : rig(settings), state_file(state) {
    rig.host.file = state;
    nvmev_error error{};
    loaded = nvmev_dev_load(rig.device.get(), &error);
    message = error.text;
    if (loaded != 0) return;
    Driver::EnableOptions options;
    options.css = nvme::cc::kCssAllIocs;
    if (!rig.driver.enable(options)) std::abort();
    rig.driver.create_queue_pair(1, 64);
  }

  int save() {
    nvmev_error error{};
    const int result = nvmev_dev_save(rig.device.get(), rig.runner.now(), &error);
    message = error.text;
    state_file = rig.host.file;
    return result;
  }

  std::vector<u8> smart() { return rig.driver.get_log(nvme::LogPage::kSmart, 512).bytes; }

  Rig rig;
  TestFile& state_file;
  int loaded;
  std::string message;
};

}  // namespace nvmev::test
