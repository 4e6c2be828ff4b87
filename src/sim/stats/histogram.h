// SPDX-License-Identifier: GPL-2.0-only
// Durations in buckets whose width grows with the value: relative precision 2^-kBits, any 64-bit value.
#pragma once

#include <algorithm>
#include <bit>
#include <vector>

#include "nvmev/types.h"

namespace nvmev::sim {

template <u32 kBits, typename Count>
class Histogram {
 public:
  static constexpr u32 kBuckets = (64 - kBits + 1) << kBits;

  Histogram() : counts_(kBuckets) {}

  void add(u64 value) {
    counts_[bucket_of(value)]++;
    count_++;
    sum_ += value;
    if (value < min_) min_ = value;
    if (value > max_) max_ = value;
  }

  void clear() {
    if (count_ == 0) return;
    std::fill(counts_.begin() + bucket_of(min_), counts_.begin() + bucket_of(max_) + 1, Count{});
    count_ = sum_ = max_ = 0;
    min_ = ~0ull;
  }

  u64 count() const { return count_; }
  u64 min() const { return count_ != 0 ? min_ : 0; }
  u64 max() const { return max_; }
  double mean() const { return count_ != 0 ? static_cast<double>(sum_) / static_cast<double>(count_) : 0; }

  // The value that `parts` of 100000 values do not exceed, up to the precision; 0 when empty.
  u64 percentile(u32 parts) const {
    if (count_ == 0) return 0;
    const u64 rank = static_cast<u64>((static_cast<unsigned __int128>(count_) * parts + 99999) / 100000);
    u64 seen = 0;
    for (u32 bucket = bucket_of(min_);; bucket++) {
      seen += counts_[bucket];
      if (seen >= rank) return std::min(upper(bucket), max_);
    }
  }

  // Calls visit(value, values up to it) for each bucket that has any.
  template <typename Visit>
  void visit(Visit visit) const {
    if (count_ == 0) return;
    u64 seen = 0;
    for (u32 bucket = bucket_of(min_); bucket <= bucket_of(max_); bucket++) {
      if (counts_[bucket] == 0) continue;
      seen += counts_[bucket];
      visit(std::min(upper(bucket), max_), seen);
    }
  }

 private:
  static u32 bucket_of(u64 value) {
    if (value < 1ull << kBits) return static_cast<u32>(value);
    const u32 shift = static_cast<u32>(std::bit_width(value)) - 1 - kBits;
    return (shift << kBits) + static_cast<u32>(value >> shift);
  }

  // The largest value of a bucket.
  static u64 upper(u32 bucket) {
    if (bucket < 1u << kBits) return bucket;
    const u32 shift = (bucket >> kBits) - 1;
    const u64 mantissa = (bucket & ((1u << kBits) - 1)) | 1u << kBits;
    return ((mantissa + 1) << shift) - 1;
  }

  std::vector<Count> counts_;
  u64 count_ = 0;
  u64 sum_ = 0;
  u64 min_ = ~0ull;
  u64 max_ = 0;
};

// Of a whole phase, and of an interval of the time series.
using FineHistogram = Histogram<7, u64>;
using CoarseHistogram = Histogram<5, u32>;

}  // namespace nvmev::sim
