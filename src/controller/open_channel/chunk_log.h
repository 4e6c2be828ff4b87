// SPDX-License-Identifier: GPL-2.0-only
// Chunk notifications (log page D0h): the last ones of all namespaces. Any thread.
#pragma once

#include <array>

#include "nvmev/nvme/lightnvm.h"
#include "nvmev/spinlock.h"
#include "nvmev/state_archive.h"

namespace nvmev {

class ChunkLog {
 public:
  using Entries = std::array<nvme::ChunkNotification, nvme::kChunkNotifications>;

  void init(nvmev_host* host) { host_ = host; }

  void add(nvme::ChunkNotification notification, u32 nsid) {
    SpinGuard guard(host_, lock_);
    notification.count = ++count_;
    notification.nsid = nsid;
    ring_[(count_ - 1) % ring_.size()] = notification;
  }

  // Fills in a zeroed page, newest first; those of one namespace, or all with FFFFFFFFh.
  void read(u32 nsid, Entries& to) {
    constexpr u32 kAll = 0xffffffff;
    SpinGuard guard(host_, lock_);
    u32 at = 0;
    for (u64 i = count_; i != 0 && count_ - i < ring_.size(); i--) {
      const nvme::ChunkNotification& entry = ring_[(i - 1) % ring_.size()];
      if (nsid == kAll || entry.nsid == nsid) to[at++] = entry;
    }
  }

  // While nothing else uses it.
  void transfer(StateArchive& archive) {
    archive.value(count_);
    archive.value(ring_);
  }

 private:
  nvmev_host* host_ = nullptr;
  Spinlock lock_;
  u64 count_ = 0;
  Entries ring_{};
};

}  // namespace nvmev
