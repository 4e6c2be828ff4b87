// SPDX-License-Identifier: GPL-2.0-only
// What the bus addresses of the requester refer to: memory of its own, or memory of the controller.
#pragma once

#include <atomic>

#include "nvmev/host.h"
#include "nvmev/types.h"

namespace nvmev {

// Memory of the controller, and the addresses under which the requester refers to it. Those may change while others look: whatever
// they see of base and length, what they find is in the memory.
class MemoryWindow {
 public:
  void init(void* memory, u64 size) {
    memory_ = static_cast<u8*>(memory);
    size_ = size;
  }
  u8* memory() const { return memory_; }
  u64 size() const { return size_; }

  void open(u64 base) {
    base_.store(base, std::memory_order_relaxed);
    length_.store(size_, std::memory_order_release);
  }
  void close() { length_.store(0, std::memory_order_release); }

  // nullptr for an address outside.
  u8* find(u64 address) const {
    const u64 length = length_.load(std::memory_order_acquire);
    const u64 offset = address - base_.load(std::memory_order_relaxed);
    return offset < length ? memory_ + offset : nullptr;
  }

  // Whether it is open and has one of the addresses from `base` on, which do not wrap around.
  bool overlaps(u64 base, u64 bytes) const {
    const u64 length = length_.load(std::memory_order_acquire);
    const u64 own = base_.load(std::memory_order_relaxed);
    return length != 0 && base <= own + (length - 1) && own <= base + (bytes - 1);
  }

 private:
  u8* memory_ = nullptr;
  u64 size_ = 0;
  std::atomic<u64> base_{0};
  std::atomic<u64> length_{0};  // 0: closed
};

class Bus {
 public:
  explicit Bus(nvmev_function* function) : function_(function) {}

  // Pointer to the `length` bytes at `address`, which never cross a page; nullptr if that is no memory that the controller may reach.
  void* map(u64 address, u32 length) const {
    if (u8* memory = cmb.find(address)) return memory;
    if (u8* memory = pmr.find(address)) return pmr_ready.load(std::memory_order_acquire) ? memory : nullptr;
    return nvmev_host_map(function_, address, length);
  }

  // The same for queues and for lists that describe data, which the Persistent Memory Region has no room for.
  void* map_structure(u64 address, u32 length) const {
    return pmr.find(address) == nullptr ? map(address, length) : nullptr;
  }

  // For controller_memory.cc.
  MemoryWindow cmb;
  MemoryWindow pmr;
  std::atomic<bool> pmr_ready{false};

 private:
  nvmev_function* const function_;
};

// ---- Memory that is contiguous on the bus: metadata, lists of addresses

// Calls `with(memory, offset in the whole, bytes)` for each part that lies in one page of the requester's. False when a page
// cannot be reached.
template <typename Function>
bool for_each_bus_page(const Bus& bus, u64 address, u64 length, Function with) {
  if (address + length < address) return false;
  for (u64 at = 0; at < length;) {
    const u64 to_page_end = kPageSize - ((address + at) & (kPageSize - 1));
    const u32 bytes = static_cast<u32>(length - at < to_page_end ? length - at : to_page_end);
    u8* memory = static_cast<u8*>(bus.map(address + at, bytes));
    if (memory == nullptr) return false;
    with(memory, at, bytes);
    at += bytes;
  }
  return true;
}

// Whether all of it can be reached.
bool reachable(const Bus& bus, u64 address, u64 length);
bool copy_from_bus(const Bus& bus, u64 address, void* to, u32 length);
bool copy_to_bus(const Bus& bus, u64 address, const void* from, u32 length);

}  // namespace nvmev
