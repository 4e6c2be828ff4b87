// SPDX-License-Identifier: GPL-2.0-only
// A permutation of [0, count) that needs no table: a Feistel network over the next even number of bits, walked until
// the result is inside (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002).
#pragma once

#include <bit>

#include "nvmev/types.h"

namespace nvmev::sim {

class Permutation {
 public:
  Permutation() = default;
  Permutation(u64 count, u64 key) : count_(count), key_(key) {
    const u32 bits = count > 1 ? static_cast<u32>(std::bit_width(count - 1)) : 1;
    half_ = (bits + 1) / 2;
    mask_ = (1ull << half_) - 1;
  }

  u64 operator()(u64 index) const {
    do {
      index = encipher(index);
    } while (index >= count_);
    return index;
  }

 private:
  static constexpr u32 kRounds = 4;

  u64 encipher(u64 value) const {
    u64 left = value >> half_;
    u64 right = value & mask_;
    for (u32 round = 0; round < kRounds; round++) {
      u64 mixed = (right + key_ + round) * 0x9e3779b97f4a7c15;
      mixed = (mixed ^ mixed >> 32) * 0xd6e8feb86659fd93;
      const u64 next = left ^ (mixed >> 32 & mask_);
      left = right;
      right = next;
    }
    return left << half_ | right;
  }

  u64 count_ = 1;
  u64 key_ = 0;
  u32 half_ = 1;
  u64 mask_ = 1;
};

}  // namespace nvmev::sim
