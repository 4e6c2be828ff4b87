// SPDX-License-Identifier: GPL-2.0-only
// Chance for workloads: the same numbers on every machine.
#pragma once

#include <random>

#include "nvmev/types.h"

namespace nvmev::sim {

// The standard fixes what the engine gives, but not what its distributions make of it: hence those here.
class Random {
 public:
  explicit Random(u64 seed) : engine_(seed) {}

  u64 next() { return engine_(); }

  // Uniform in [0, limit), limit > 0; the bias is below limit / 2^64.
  u64 below(u64 limit) { return static_cast<u64>(static_cast<unsigned __int128>(next()) * limit >> 64); }

  // Uniform in (0, 1).
  double unit() { return (static_cast<double>(next() >> 11) + 0.5) * 0x1p-53; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace nvmev::sim
