// SPDX-License-Identifier: GPL-2.0-only
// Write atomicity of more than one block (NVM Command Set 1.0 section 2.1.4): with the key atomic_write_unit a command of the NVM
// Command Set has the parts of the address space that it touches to itself while its data move, however large it is and whatever
// boundary it crosses. Workers do not wait for each other: who finds a part taken tries again in its next pass. What a power cut does
// to a command that was planned as atomic is the FTL's.
#pragma once

#include <array>
#include <atomic>

#include "nvmev/host_array.h"
#include "nvmev/types.h"

namespace nvmev {

// Bytes: of the keys.
inline constexpr u32 kMaxAtomicUnit = 128 << 10;
inline constexpr u32 kMaxAtomicBoundary = 32 << 20;  // 65,536 blocks

class AtomicUnits {
  static constexpr u32 kParts = 256;  // of the address space, hashed
  static constexpr u32 kPartShift = 16;

 public:
  // Bytes. `unit`: the largest write that is atomic; 0: a logical block, for which the medium sees. `power_fail`: the largest that a
  // power failure leaves so. `boundary`: every so many bytes of a namespace, from `offset` on, begins what no atomic write crosses; 0:
  // nowhere. As check_atomic_units() admits them. False when there is no memory.
  bool init(nvmev_host* host, u32 unit, u32 power_fail, u32 boundary, u32 offset) {
    bytes_ = unit;
    power_fail_ = power_fail < unit ? power_fail : unit;
    boundary_ = boundary;
    offset_ = offset;
    return unit == 0 || taken_.allocate(host, kParts);
  }

  bool enabled() const { return bytes_ != 0; }
  u32 bytes() const { return bytes_; }
  u32 power_fail() const { return power_fail_; }
  u32 boundary() const { return boundary_; }
  u32 offset() const { return offset_; }

  // Whether a power failure takes all or nothing of what a command changes: `length` bytes at `at` of its namespace.
  bool survive_whole(u64 at, u64 length) const {
    if (length > power_fail_) return false;
    if (boundary_ == 0 || length == 0) return true;
    // A power of two; the first section may be shorter than the others.
    const u64 first = at + boundary_ - offset_;
    return ((first ^ (first + length - 1)) & ~static_cast<u64>(boundary_ - 1)) == 0;
  }

  // Parts that one command takes, all or none; gives them back at its end. Of one thread.
  class Span {
   public:
    explicit Span(AtomicUnits& units) : units_(units) {}
    ~Span() {
      if (held_) release(kParts);
    }
    Span(const Span&) = delete;
    Span& operator=(const Span&) = delete;

    // A range of bytes of the device's address space.
    void add(u64 offset, u64 length) {
      if (length == 0) return;
      const u64 first = offset >> kPartShift, last = (offset + length - 1) >> kPartShift;
      if (last - first >= kParts) return add_all();
      for (u64 part = first; part <= last; part++) set_[part % kParts / 64] |= 1ull << part % 64;
    }
    void add_all() { set_.fill(~0ull); }

    // False: somebody has one of them; nothing is held then.
    bool try_take() {
      for (u32 part = 0; part < kParts; part++) {
        if (!has(part) || !units_.taken_[part].flag.exchange(true, std::memory_order_acquire)) continue;
        release(part);
        return false;
      }
      held_ = true;
      return true;
    }

   private:
    bool has(u32 part) const { return (set_[part / 64] >> part % 64 & 1) != 0; }
    void release(u32 end) {
      for (u32 part = 0; part < end; part++) {
        if (has(part)) units_.taken_[part].flag.store(false, std::memory_order_release);
      }
    }

    AtomicUnits& units_;
    std::array<u64, kParts / 64> set_{};
    bool held_ = false;
  };

 private:
  struct alignas(kCacheLine) Part {
    std::atomic<bool> flag{false};
  };

  u32 bytes_ = 0;
  u32 power_fail_ = 0;
  u32 boundary_ = 0;
  u32 offset_ = 0;
  HostArray<Part> taken_;
};

}  // namespace nvmev
