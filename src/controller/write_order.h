// SPDX-License-Identifier: GPL-2.0-only
// With power_cuts=1 writes of the same blocks move their data in the order in which the model carried them out, since that is the
// order in which a power cut takes them back: a write waits, in its queue, for those before it unless they share a ring with it.
#pragma once

#include <atomic>

#include "nvmev/host_array.h"
#include "nvmev/types.h"

namespace nvmev {

class WriteOrder {
 public:
  // False when there is no memory.
  bool init(nvmev_host* host) { return parts_.allocate(host, kParts); }

  // Before the write of a range of bytes of the device's address space is planned. `path`: the ring that it takes; who moves the
  // data at once has a number of its own. False: not yet. Dispatchers.
  bool begin(u64 offset, u64 length, u32 path) {
    const u32 count = parts_of(offset, length);
    for (u32 i = 0; i < count; i++) {
      if (part(offset, i).enter(path)) continue;
      leave(offset, i);
      return false;
    }
    return true;
  }

  // Its data have been moved, or will not be. Any thread.
  void end(u64 offset, u64 length) { leave(offset, parts_of(offset, length)); }

 private:
  static constexpr u32 kParts = 1024;  // of the address space, hashed
  static constexpr u32 kPartShift = 14;

  // How many writes are under way, and on which path.
  struct Part {
    std::atomic<u64> state{0};

    bool enter(u32 path) {
      u64 now = state.load(std::memory_order_relaxed);
      while (static_cast<u32>(now) == 0 || now >> 32 == path) {
        const u64 next = (static_cast<u64>(path) << 32 | static_cast<u32>(now)) + 1;
        // What the last one has written is there for whom comes after it.
        if (state.compare_exchange_weak(now, next, std::memory_order_acquire, std::memory_order_relaxed)) return true;
      }
      return false;
    }
  };

  Part& part(u64 offset, u32 i) { return parts_[((offset >> kPartShift) + i) % kParts]; }
  static u32 parts_of(u64 offset, u64 length) {
    const u64 parts = length != 0 ? ((offset + length - 1) >> kPartShift) - (offset >> kPartShift) + 1 : 0;
    return parts < kParts ? static_cast<u32>(parts) : kParts;
  }
  void leave(u64 offset, u32 count) {
    for (u32 i = 0; i < count; i++) part(offset, i).state.fetch_sub(1, std::memory_order_release);
  }

  HostArray<Part> parts_;
};

}  // namespace nvmev
