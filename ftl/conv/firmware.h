// SPDX-License-Identifier: GPL-2.0-only
// What the controller's processors add to a command.
#pragma once

#include <atomic>

#include "nvmev/host.h"
#include "nvmev/types.h"

namespace nvmev::conv {

// ns. Set by any thread while commands are planned in another.
class Firmware {
 public:
  void set(const nvmev_config& config) {
    const auto put = [](std::atomic<u64>& to, u64 ns) { to.store(ns, std::memory_order_relaxed); };
    put(read_4k_, config.fw_read_4k);
    put(read_, config.fw_read);
    put(write_, config.fw_write);
    put(write_4k_, config.fw_write_4k);
    put(transfer_4k_, config.fw_transfer_4k);
    put(interval_, config.fw_interval);
  }

  // When a command that arrives at `now` is taken: no more often than every `fw_interval`.
  u64 take(u64 now) {
    const u64 start = now > free_ ? now : free_;
    free_ = start + get(interval_);
    return start;
  }

  u64 read(u64 bytes) const { return bytes <= kPageSize ? get(read_4k_) : get(read_); }
  u64 transfer(u64 bytes) const { return get(transfer_4k_) * pages(bytes); }
  u64 write(u64 bytes) const { return get(write_) + get(write_4k_) * pages(bytes); }

 private:
  static u64 get(const std::atomic<u64>& from) { return from.load(std::memory_order_relaxed); }
  static u64 pages(u64 bytes) { return (bytes + kPageSize - 1) / kPageSize; }

  std::atomic<u64> read_4k_{0}, read_{0}, write_{0}, write_4k_{0}, transfer_4k_{0}, interval_{0};
  u64 free_ = 0;
};

}  // namespace nvmev::conv
