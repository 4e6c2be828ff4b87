// SPDX-License-Identifier: GPL-2.0-only
// Memory of the requester, as the device sees it: pages at bus addresses, with holes.
#pragma once

#include <vector>

#include "nvmev/types.h"

namespace nvmev::test {

class Arena {
 public:
  static constexpr u64 kDefaultBase = 0x1'2340'0000;
  static constexpr u32 kDefaultPages = 16384;

  explicit Arena(u64 base = kDefaultBase, u32 pages = kDefaultPages);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Contiguous zeroed pages; their bus address. Aborts when there are none left.
  u64 alloc(u32 pages = 1);

  // Freed pages hold a pattern until they are taken again: a device that writes to them is caught by alloc()
  // or by intact().
  void free(u64 bus, u32 pages = 1);

  // Whether all freed pages are as free() left them.
  bool intact() const;

  u32 pages_in_use() const { return in_use_; }
  u64 base() const { return base_; }
  u64 end() const { return base_ + static_cast<u64>(pages_) * kPageSize; }

  // The driver reaches `bytes` at `bus`, outside the arena, in another way: a BAR. The device does not find them here.
  void overlay(u64 bus, u8* memory, u64 bytes);

  // The driver's own view; holes and forbid() do not matter to the address.
  u8* at(u64 bus) const;

  // The device's view: null outside the arena, in a hole, or across a page boundary.
  void* map(u64 bus, u32 length) const;

  // Makes the page at `bus` unreachable for the device, and reachable again.
  void punch(u64 bus);
  void mend(u64 bus);

  // Between the two, any access to the arena's memory, by anyone and through old pointers too, is a fault that
  // ends the process.
  void forbid();
  void allow();

 private:
  enum class State : u8 { kFresh, kUsed, kFreed };

  struct Overlay {
    u64 bus;
    u8* memory;
    u64 bytes;
  };

  u32 index(u64 bus) const;
  bool poisoned(u32 page) const;

  u64 base_;
  u32 pages_;
  u8* memory_;
  std::vector<Overlay> overlays_;
  std::vector<State> state_;
  std::vector<bool> hole_;
  u32 next_ = 0;
  u32 in_use_ = 0;
};

}  // namespace nvmev::test
