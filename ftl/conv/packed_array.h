// SPDX-License-Identifier: GPL-2.0-only
// Many small numbers in few bytes.
#pragma once

#include "nvmev/host_array.h"
#include "nvmev/state_archive.h"
#include "nvmev/text.h"
#include "nvmev/types.h"

namespace nvmev::conv {

// An array of numbers of `bits` bits each, without gaps. Starts as zeros, and memory that was never written to is not
// touched.
class PackedArray {
 public:
  // bits: 1 to 32. False when there is no memory.
  bool allocate(nvmev_host* host, u64 count, u32 bits) {
    bits_ = bits;
    mask_ = ~0u >> (32 - bits);
    return bytes_.allocate(host, (count * bits + 7) / 8 + sizeof(u64));
  }

  u32 get(u64 i) const {
    const u64 at = i * bits_;
    u64 word;
    __builtin_memcpy(&word, &bytes_[at >> 3], sizeof(word));
    return static_cast<u32>(word >> (at & 7)) & mask_;
  }

  void set(u64 i, u32 value) {
    const u64 at = i * bits_;
    u64 word;
    __builtin_memcpy(&word, &bytes_[at >> 3], sizeof(word));
    word = (word & ~(static_cast<u64>(mask_) << (at & 7))) | static_cast<u64>(value) << (at & 7);
    __builtin_memcpy(&bytes_[at >> 3], &word, sizeof(word));
  }

  // Brings the number near the CPU, to be changed.
  void prefetch(u64 i) const { __builtin_prefetch(&bytes_[i * bits_ >> 3], 1); }

  // Sets numbers [first, first + count) to zero; both are multiples of 8.
  void clear(u64 first, u64 count) { memset(&bytes_[first * bits_ >> 3], 0, count * bits_ >> 3); }

  // Whether numbers [first, first + count) are zero; both are multiples of 64.
  bool all_zero(u64 first, u64 count) const {
    const u8* at = &bytes_[first * bits_ >> 3];
    u64 any = 0;
    for (u64 left = count * bits_ >> 3; left != 0 && any == 0; left -= sizeof(u64), at += sizeof(u64)) {
      __builtin_memcpy(&any, at, sizeof(any));
    }
    return any == 0;
  }

  u64 bytes() const { return bytes_.size(); }

  void transfer(const char* name, StateArchive& archive) { archive.array(name, bytes_); }

 private:
  u32 bits_ = 1;
  u32 mask_ = 1;
  HostArray<u8> bytes_;
};

}  // namespace nvmev::conv
