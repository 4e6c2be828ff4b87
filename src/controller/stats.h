// SPDX-License-Identifier: GPL-2.0-only
// Counters. Each is written by one thread and read by any.
#pragma once

#include <array>
#include <atomic>

#include "nvmev/types.h"

namespace nvmev {

// A counter with one writer: no locked instruction.
class Counter {
 public:
  void add(u64 n) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
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

struct alignas(kCacheLine) WorkerStats {
  Counter reads;  // commands of these kinds that succeeded
  Counter writes;
  Counter compares;
  Counter flushes;
  Counter write_zeroes;
  Counter deallocates;
  Counter management;  // I/O Management Receive and Send
  Counter blocks_read;  // 512-byte blocks, for SMART
  Counter blocks_written;
  Counter completions;
  Counter errors;       // commands that ended with a status other than success
  Counter media_errors;
  Counter aborted;
  Counter interrupts;
  Counter late_total;  // ns, over all completions
  Counter late_max;    // ns
  Histogram lateness;  // delivery after target
  Counter held;        // completions that waited for room in their queue
  Counter busy;        // ns with commands in flight
  std::atomic<u32> in_flight{0};
};

struct alignas(kCacheLine) DispatcherStats {
  Counter fetched;
  Counter admin;
  Counter stalls;  // times that a command stayed in its queue because the worker had no room
  Counter refused_doorbells;
};

}  // namespace nvmev
