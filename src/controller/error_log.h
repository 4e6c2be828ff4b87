// SPDX-License-Identifier: GPL-2.0-only
// Error Information log (NVMe 2.0 section 5.16.1.2): the last failed commands, newest first.
#pragma once

#include <array>
#include <atomic>

#include "nvmev/nvme/log.h"
#include "nvmev/nvme/status.h"
#include "nvmev/types.h"
#include "nvmev/spinlock.h"

namespace nvmev {

class ErrorLog {
 public:
  static constexpr u32 kEntries = 64;

  void init(nvmev_host* host) { host_ = host; }

  // Any thread.
  void add(u16 sq_id, u16 cid, nvme::Status status, u64 lba, u32 nsid) {
    SpinGuard guard(host_, lock_);
    const u64 number = count_.load(std::memory_order_relaxed) + 1;
    count_.store(number, std::memory_order_relaxed);
    nvme::ErrorLogEntry& entry = entries_[(number - 1) % kEntries];
    entry = {};
    entry.error_count = number;
    entry.sq_id = sq_id;
    entry.cid = cid;
    entry.status = static_cast<u16>(nvme::status_field(status) << 1);
    entry.parameter_location = 0xffff;  // not reported
    entry.lba = lba;
    entry.nsid = nsid;
  }

  // Errors in all.
  u64 count() const { return count_.load(std::memory_order_relaxed); }

  // Copies the log, newest entry first; entries that were never used are zero.
  void read(nvme::ErrorLogEntry (&to)[kEntries]) {
    SpinGuard guard(host_, lock_);
    const u64 newest = count();
    for (u32 i = 0; i < kEntries; i++) {
      to[i] = i < newest ? entries_[(newest - 1 - i) % kEntries] : nvme::ErrorLogEntry{};
    }
  }

 private:
  nvmev_host* host_ = nullptr;
  Spinlock lock_;
  std::atomic<u64> count_{0};
  std::array<nvme::ErrorLogEntry, kEntries> entries_{};
};

}  // namespace nvmev
