// SPDX-License-Identifier: GPL-2.0-only
// The next moment at which the controller has something to do although the requester does nothing. Dispatchers have no deadlines
// of their own; worker 0 watches this one for them.
#pragma once

#include <atomic>

#include "nvmev/host.h"
#include "nvmev/types.h"

namespace nvmev {

class Alarm {
 public:
  // Of dispatcher 0. NVMEV_NEVER: none.
  void set(nvmev_host* host, u64 at) {
    if (at_.load(std::memory_order_relaxed) == at) return;
    at_.store(at, std::memory_order_relaxed);
    changed_.store(true, std::memory_order_release);
    nvmev_host_wake(host, 0);
  }

  // Of worker 0. Brings *next forward to the alarm. Returns how many things were done: 1 when it goes off.
  u32 watch(u64 now, u64* next) {
    changed_.exchange(false, std::memory_order_acquire);
    const u64 at = at_.load(std::memory_order_relaxed);
    if (at <= now) return ringing_.exchange(true, std::memory_order_release) ? 0 : 1;
    if (at < *next) *next = at;
    return 0;
  }

  // Whether worker 0 has not seen the last set() yet. Any thread.
  bool changed() const { return changed_.load(std::memory_order_acquire); }

  // Whether it has gone off. Any thread.
  bool ringing() const { return ringing_.load(std::memory_order_acquire); }
  // Of dispatcher 0. Whether it was ringing; it is then to be set again.
  bool stop() {
    if (!ringing()) return false;
    at_.store(NVMEV_NEVER, std::memory_order_relaxed);
    ringing_.store(false, std::memory_order_relaxed);
    return true;
  }

 private:
  std::atomic<u64> at_{NVMEV_NEVER};
  std::atomic<bool> changed_{false};
  std::atomic<bool> ringing_{false};
};

}  // namespace nvmev
