// SPDX-License-Identifier: GPL-2.0-only
#include "report.h"

#include "controller.h"

namespace nvmev {

namespace {

struct WorkerRow {
  const char* name;
  Counter WorkerStats::*counter;
};

constexpr WorkerRow kWorkerRows[] = {
    {"reads", &WorkerStats::reads},
    {"writes", &WorkerStats::writes},
    {"compares", &WorkerStats::compares},
    {"flushes", &WorkerStats::flushes},
    {"write_zeroes", &WorkerStats::write_zeroes},
    {"deallocates", &WorkerStats::deallocates},
    {"verifies", &WorkerStats::verifies},
    {"write_uncorrectables", &WorkerStats::write_uncorrectables},
    {"copies", &WorkerStats::copies},
    {"io_management", &WorkerStats::management},
    {"key_commands", &WorkerStats::key_commands},
    {"blocks_read", &WorkerStats::blocks_read},
    {"blocks_written", &WorkerStats::blocks_written},
    {"completions", &WorkerStats::completions},
    {"errors", &WorkerStats::errors},
    {"media_errors", &WorkerStats::media_errors},
    {"aborted", &WorkerStats::aborted},
    {"held_completions", &WorkerStats::held},
    {"interrupts", &WorkerStats::interrupts},
};

struct DispatcherRow {
  const char* name;
  Counter DispatcherStats::*counter;
};

constexpr DispatcherRow kDispatcherRows[] = {
    {"fetched", &DispatcherStats::fetched},
    {"admin_commands", &DispatcherStats::admin},
    {"fetch_stalls", &DispatcherStats::stalls},
    {"refused_doorbells", &DispatcherStats::refused_doorbells},
};

unsigned long long number(u64 value) { return value; }

// Calls `with(stats)` for each worker of each controller.
template <typename Function>
void for_each_worker(const Subsystem& subsystem, Function with) {
  for (u32 i = 0; i < subsystem.controller_count; i++) {
    for (const WorkerStats& stats : subsystem.controllers[i]->shared().worker_stats) with(stats);
  }
}

// Upper bound, ns, of the histogram bucket below which `share` / 1000 of all durations lie.
u64 percentile(const Subsystem& subsystem, u64 total, u32 share) {
  u64 seen = 0;
  for (u32 bucket = 0; bucket < Histogram::kBuckets; bucket++) {
    for_each_worker(subsystem, [&](const WorkerStats& stats) { seen += stats.lateness.count(bucket); });
    if (seen * 1000 >= total * share) return bucket == 0 ? 0 : (1ull << bucket) - 1;
  }
  return ~0ull;
}

void report_lateness(const Subsystem& subsystem, TextWriter& text) {
  u64 total = 0, count = 0, max = 0;
  for_each_worker(subsystem, [&](const WorkerStats& stats) {
    total += stats.late_total.get();
    for (u32 bucket = 0; bucket < Histogram::kBuckets; bucket++) count += stats.lateness.count(bucket);
    if (stats.late_max.get() > max) max = stats.late_max.get();
  });
  text.add("lateness_mean_ns %llu\n", number(count != 0 ? total / count : 0));
  text.add("lateness_p50_ns %llu\n", number(count != 0 ? percentile(subsystem, count, 500) : 0));
  text.add("lateness_p99_ns %llu\n", number(count != 0 ? percentile(subsystem, count, 990) : 0));
  text.add("lateness_max_ns %llu\n", number(max));
}

}  // namespace

void report(const Subsystem& subsystem, TextWriter& text) {
  const nvmev_config& config = subsystem.config;
  text.add("type %s\n", config.namespaces[0] != '\0' ? config.namespaces : config.type);
  text.add("capacity_bytes %llu\n", number(subsystem.namespaces.capacity()));
  for (const Namespace& ns : subsystem.namespaces) {
    if (!ns.exists()) continue;
    text.add("namespace.%u.type %s\n", ns.id, ns.region->config.type);
    text.add("namespace.%u.bytes %llu\n", ns.id, number(ns.bytes));
    text.add("namespace.%u.lba_bytes %u\n", ns.id, 1u << ns.lba_shift());
    text.add("namespace.%u.attached %u\n", ns.id, ns.attached_to_any() ? 1u : 0u);
  }
  text.add("medium_used_bytes %llu\n", number(subsystem.medium.used()));
  for (const DispatcherRow& row : kDispatcherRows) {
    u64 sum = 0;
    for (u32 i = 0; i < subsystem.controller_count; i++) {
      for (const DispatcherStats& stats : subsystem.controllers[i]->shared().dispatcher_stats) {
        sum += (stats.*row.counter).get();
      }
    }
    text.add("%s %llu\n", row.name, number(sum));
  }
  u32 in_flight = 0;
  for_each_worker(subsystem, [&](const WorkerStats& stats) { in_flight += stats.in_flight.load(std::memory_order_relaxed); });
  text.add("in_flight %u\n", in_flight);
  for (const WorkerRow& row : kWorkerRows) {
    u64 sum = 0;
    for_each_worker(subsystem, [&](const WorkerStats& stats) { sum += (stats.*row.counter).get(); });
    text.add("%s %llu\n", row.name, number(sum));
  }
  report_lateness(subsystem, text);
  subsystem.regions.report(text);
}

}  // namespace nvmev
