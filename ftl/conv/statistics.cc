// SPDX-License-Identifier: GPL-2.0-only
#include "statistics.h"

#include "nvmev/text.h"

namespace nvmev::conv {
namespace {

struct Row {
  const char* name;
  Counter Statistics::*counter;
};

constexpr Row kRows[] = {
    {"host_read_bytes", &Statistics::host_read_bytes},
    {"host_written_bytes", &Statistics::host_written_bytes},
    {"flash_hit_units", &Statistics::flash_hits},
    {"write_buffer_hit_units", &Statistics::buffer_hits},
    {"unmapped_read_units", &Statistics::unmapped_reads},
    {"host_written_units", &Statistics::host_units},
    {"overwritten_units", &Statistics::overwritten_units},
    {"merge_reads", &Statistics::merge_reads},
    {"padding_units", &Statistics::padding_units},
    {"deallocated_units", &Statistics::deallocated_units},
    {"gc_moved_units", &Statistics::collected_units},
    {"gc_row_reads", &Statistics::collected_reads},
    {"gc_superblocks", &Statistics::collections},
    {"gc_forced", &Statistics::forced_collections},
    {"gc_background", &Statistics::background_collections},
    {"wear_leveling_superblocks", &Statistics::wear_collections},
    {"map_reads", &Statistics::map_reads},
    {"map_writes", &Statistics::map_writes},
    {"read_retries", &Statistics::read_retries},
    {"uncorrectable_reads", &Statistics::uncorrectable_reads},
    {"refused_writes", &Statistics::full_writes},
    {"power_lost_units", &Statistics::lost_units},
};

constexpr const char* kCauseNames[] = {"host", "gc", "buffer_full"};

unsigned long long number(u64 value) { return value; }

void report_latency(TextWriter& text, const char* what, const std::array<LatencyHistogram, 3>& causes) {
  for (u32 i = 0; i < causes.size(); i++) {
    const LatencyHistogram& each = causes[i];
    // count, mean, median, 99 %, 99.9 %, 99.99 %, largest
    text.add("%s_latency_%s %llu %llu %llu %llu %llu %llu %llu\n", what, kCauseNames[i], number(each.count()),
             number(each.mean()), number(each.percentile(5000)), number(each.percentile(9900)),
             number(each.percentile(9990)), number(each.percentile(9999)), number(each.max()));
  }
}

}  // namespace

u64 LatencyHistogram::percentile(u32 share) const {
  const u64 total = count();
  u64 seen = 0;
  for (u32 bucket = 0; bucket < kBuckets; bucket++) {
    seen += buckets_[bucket].get();
    if (seen != 0 && seen * 10000 >= total * share) {
      const u64 bound = upper_bound(bucket);
      return bound < max() ? bound : max();
    }
  }
  return max();
}

void Statistics::report(TextWriter& text) const {
  for (const Row& row : kRows) text.add("%s %llu\n", row.name, number((this->*row.counter).get()));
  report_latency(text, "read", reads);
  report_latency(text, "write", writes);
}

}  // namespace nvmev::conv
