// SPDX-License-Identifier: GPL-2.0-only
// Which data share superblocks: configuration key `separation`.
#pragma once

#include "nvmev/host_array.h"
#include "nvmev/state_archive.h"
#include "superblocks.h"

namespace nvmev::conv {

// How often regions of the logical space were written lately: counters that are halved when their mean exceeds 8.
class WriteFrequency {
 public:
  bool init(nvmev_host* host) { return counters_.allocate(host, kCounters); }
  void note(u32 logical) {
    u8& counter = counters_[region(logical)];
    if (counter != 255) counter++;
    if (++notes_ < 8 * kCounters) return;
    notes_ = 4 * kCounters;
    for (u8& each : counters_) each /= 2;
  }
  // At least twice as often as the mean.
  bool hot(u32 logical) const { return counters_[region(logical)] > 4 + 2 * (notes_ / kCounters); }
  void transfer(StateArchive& archive) {
    archive.value(notes_);
    archive.array("the number of write counters", counters_);
  }
  void clear() {
    notes_ = 0;
    for (u8& each : counters_) each = 0;
  }

 private:
  static constexpr u32 kCounters = 1u << 14;
  // Regions of 16 units; far ones may share a counter.
  static u32 region(u32 logical) { return static_cast<u32>(flash::mix(logical / 16)) % kCounters; }

  u32 notes_ = 0;
  HostArray<u8> counters_;
};

// A policy sorts host writes into `host_streams` streams, and data that garbage collection moves into
// `collector_streams`. Each stream has superblocks of its own.
struct SeparationPolicy {
  const char* name;
  u32 host_streams;
  u32 collector_streams;  // 0: collected data go to the first host stream
  u32 (*of_write)(WriteFrequency& frequency, u32 logical, u32 units);
  u32 (*of_victim)(const Superblock& victim);
};

}  // namespace nvmev::conv
