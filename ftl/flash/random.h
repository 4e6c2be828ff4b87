// SPDX-License-Identifier: GPL-2.0-only
// Chance, the same on every host.
#pragma once

#include "nvmev/types.h"

namespace nvmev::flash {

// The finalizer of splitmix64 (Steele, Lea, Flood 2014): every bit of the result depends on every bit of `x`.
constexpr u64 mix(u64 x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

class Random {
 public:
  explicit Random(u64 seed = 0) : state_(mix(seed)) {}

  u64 next() {
    state_ += 0x9e3779b97f4a7c15;
    return mix(state_);
  }

  // Uniform in [0, limit), limit > 0; the bias is below limit / 2^32.
  u32 below(u32 limit) { return static_cast<u32>((next() >> 32) * limit >> 32); }

 private:
  u64 state_;
};

}  // namespace nvmev::flash
