// SPDX-License-Identifier: GPL-2.0-only
// How many more commands a worker can hold. A dispatcher takes the room before it fetches a command, and the worker gives it back when
// the completion has left: what was fetched never waits for others to leave, whose host may make no room for them.
#pragma once

#include <atomic>

#include "nvmev/types.h"

namespace nvmev {

class alignas(kCacheLine) WorkerRoom {
 public:
  void init(u32 commands) { free_.store(commands, std::memory_order_relaxed); }

  // Takes room for up to `wanted` commands; returns for how many. Dispatchers.
  u32 take(u32 wanted) {
    u32 free = free_.load(std::memory_order_relaxed);
    u32 taken;
    do {
      taken = wanted < free ? wanted : free;
      if (taken == 0) return 0;
    } while (!free_.compare_exchange_weak(free, free - taken, std::memory_order_relaxed));
    return taken;
  }

  // Any thread.
  void give_back(u32 commands) {
    if (commands != 0) free_.fetch_add(commands, std::memory_order_relaxed);
  }
  bool is_full() const { return free_.load(std::memory_order_relaxed) == 0; }

 private:
  std::atomic<u32> free_{0};
};

}  // namespace nvmev
