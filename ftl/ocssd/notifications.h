// SPDX-License-Identifier: GPL-2.0-only
// What the device has to tell the host about chunks, until the controller takes it.
#pragma once

#include <array>

#include "nvmev/nvme/lightnvm.h"

namespace nvmev {
class StateArchive;
}

namespace nvmev::ocssd {

class Notifications {
 public:
  void add(const nvme::ChunkNotification& notification) {
    // The oldest gives way.
    if (count_ == ring_.size()) {
      first_ = (first_ + 1) % ring_.size();
      count_--;
    }
    ring_[(first_ + count_++) % ring_.size()] = notification;
  }

  bool take(nvme::ChunkNotification* notification) {
    if (count_ == 0) return false;
    *notification = ring_[first_];
    first_ = (first_ + 1) % ring_.size();
    count_--;
    return true;
  }

  void transfer(StateArchive& archive);

 private:
  std::array<nvme::ChunkNotification, nvme::kChunkNotifications> ring_{};
  u32 first_ = 0;
  u32 count_ = 0;
};

}  // namespace nvmev::ocssd
