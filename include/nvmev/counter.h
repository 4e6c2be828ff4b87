// SPDX-License-Identifier: GPL-2.0-only
// Numbers that one thread writes and any thread reads: statistics.
#pragma once

#include <array>
#include <atomic>

#include "nvmev/types.h"

namespace nvmev {

// A counter with one writer: no locked instruction.
class Counter {
 public:
  void add(u64 n) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  void set(u64 n) { value_.store(n, std::memory_order_relaxed); }
  void raise_to(u64 n) {
    if (n > value_.load(std::memory_order_relaxed)) value_.store(n, std::memory_order_relaxed);
  }
  u64 get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<u64> value_{0};
};

// Durations by powers of two: bucket b counts those of [2^(b-1), 2^b) ns, bucket 0 counts zeros.
class Histogram {
 public:
  static constexpr u32 kBuckets = 40;

  void add(u64 ns) {
    const u32 bucket = static_cast<u32>(std::bit_width(ns));
    buckets_[bucket < kBuckets ? bucket : kBuckets - 1].add(1);
  }
  u64 count(u32 bucket) const { return buckets_[bucket].get(); }

 private:
  std::array<Counter, kBuckets> buckets_;
};

}  // namespace nvmev
