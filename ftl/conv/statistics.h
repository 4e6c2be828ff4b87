// SPDX-License-Identifier: GPL-2.0-only
// What the page-mapped FTL counts. Written by the thread that plans, read by any.
#pragma once

#include <array>

#include "nvmev/counter.h"

namespace nvmev {
class TextWriter;
}

namespace nvmev::conv {

// What a host command had to wait for in the first place.
enum class WaitCause : u8 { kHost, kCollection, kBufferFull };

// Durations, with eight buckets from each power of two to the next: percentiles are right to 12.5 %.
class LatencyHistogram {
 public:
  void add(u64 ns) {
    buckets_[bucket_of(ns)].add(1);
    count_.add(1);
    total_.add(ns);
    max_.raise_to(ns);
  }
  u64 count() const { return count_.get(); }
  u64 mean() const { return count() != 0 ? total_.get() / count() : 0; }
  u64 max() const { return max_.get(); }
  // Upper bound of the bucket below which `share` / 10000 of all durations lie, ns.
  u64 percentile(u32 share) const;

 private:
  static constexpr u32 kPerPower = 8;
  static constexpr u32 kBuckets = 40 * kPerPower;

  static u32 bucket_of(u64 ns) {
    if (ns < kPerPower) return static_cast<u32>(ns);
    const u32 power = static_cast<u32>(std::bit_width(ns)) - 1;  // 3 or more
    const u32 bucket = (power - 2) * kPerPower + static_cast<u32>(ns >> (power - 3)) % kPerPower;
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  static u64 upper_bound(u32 bucket) {
    if (bucket < kPerPower) return bucket;
    const u32 power = bucket / kPerPower + 2;
    return ((static_cast<u64>(kPerPower) + bucket % kPerPower + 1) << (power - 3)) - 1;
  }

  std::array<Counter, kBuckets> buckets_;
  Counter count_, total_, max_;
};

struct Statistics {
  // Bytes of host commands.
  Counter host_read_bytes, host_written_bytes;
  // Units that host commands read, and where they were found.
  Counter flash_hits, buffer_hits, unmapped_reads;
  // Units of host writes, and those of them that never reach flash.
  Counter host_units, overwritten_units;
  Counter merge_reads;        // reads of old data that a write of part of a unit needs
  Counter padding_units;      // programmed because a stripe unit had to be written before it was full
  Counter deallocated_units;
  Counter collected_units;    // moved by garbage collection
  Counter collected_reads;    // reads of rows for that
  Counter collections;        // superblocks
  Counter forced_collections; // those that a write had to wait for
  Counter background_collections;  // those begun in idle time
  Counter wear_collections;   // those of static wear levelling
  Counter map_reads, map_writes;   // units of the map
  Counter read_retries, uncorrectable_reads;
  Counter erased_units;
  Counter full_writes;        // writes refused for want of space
  Counter lost_units;         // whose newest version a power failure took
  std::array<LatencyHistogram, 3> reads, writes;  // [WaitCause]

  void report(TextWriter& text) const;
};

}  // namespace nvmev::conv
