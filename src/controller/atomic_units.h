// SPDX-License-Identifier: GPL-2.0-only
// Write atomicity of more than one block (NVM Command Set 1.0 section 2.1.4): with the key atomic_write_unit a command of the NVM
// Command Set has the parts of the address space that it touches to itself while its data move. Workers do not wait for each other:
// who finds a part taken tries again in its next pass.
#pragma once

#include <array>
#include <atomic>

#include "nvmev/host_array.h"
#include "nvmev/types.h"

namespace nvmev {

// Bytes: of the key.
inline constexpr u32 kMaxAtomicUnit = 128 << 10;

class AtomicUnits {
  static constexpr u32 kParts = 256;  // of the address space, hashed
  static constexpr u32 kPartShift = 16;

 public:
  // `bytes`: of the largest write that is atomic; 0: a logical block, for which the medium sees. False when there is no memory.
  bool init(nvmev_host* host, u32 bytes) {
    bytes_ = bytes;
    return bytes == 0 || taken_.allocate(host, kParts);
  }

  bool enabled() const { return bytes_ != 0; }
  u32 bytes() const { return bytes_; }

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
  HostArray<Part> taken_;
};

}  // namespace nvmev
