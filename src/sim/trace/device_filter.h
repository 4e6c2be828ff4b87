// SPDX-License-Identifier: GPL-2.0-only
// Which of the devices in a trace is replayed.
#pragma once

#include <string>
#include <string_view>

#include "input/lines.h"

namespace nvmev::sim {

class DeviceFilter {
 public:
  explicit DeviceFilter(const std::string& wanted) : wanted_(wanted), all_(wanted == "all"), given_(!wanted.empty()) {}

  // Whether the I/O of the present line is taken. Addresses of two devices are different places: without a choice,
  // there must be one device only.
  bool takes(std::string_view device, const Lines& lines) {
    if (all_ || device == wanted_) {
      matched_ = true;
      return true;
    }
    if (given_) return false;
    if (matched_) {
      lines.refuse(
          "device {} after device {}: --trace-device {} takes one of them, --trace-device all maps all of them to "
          "the same addresses",
          device, wanted_, wanted_);
    }
    wanted_ = device;
    return matched_ = true;
  }

  // Refuses a choice that the trace does not have.
  void check(const Lines& lines) const {
    if (given_ && !matched_) refuse("{}: no I/O of --trace-device {}", lines.name(), wanted_);
  }

 private:
  std::string wanted_;
  bool all_;
  bool given_;
  bool matched_ = false;
};

}  // namespace nvmev::sim
