// SPDX-License-Identifier: GPL-2.0-only
// One simulation: a device, its preconditioning, a workload or a trace.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "precondition.h"

namespace nvmev::sim {

class Progress;

struct TraceSettings {
  TraceOptions options;
  TraceRules rules;
};

struct RunSettings {
  std::string profile;
  Keys keys;
  u64 seed = 1;
  std::vector<JobSpec> jobs;  // empty: the trace, or preconditioning only
  std::optional<TraceSettings> trace;
  PreconditionSettings precondition;
  SeriesOptions series;
  bool series_from_start = false;  // preconditioning belongs to the series
  bool keep_series = false;        // for plots
  bool keep_wear = false;          // the same; refused where the type does not tell
  std::string csv;                 // file of the series; empty: none
  Keys swept;                      // what distinguishes this run from the others of a sweep
};

// A part of the measurement that has figures of its own.
struct Phase {
  std::string name;
  u64 begin = 0, end = 0;  // ns of the virtual clock
  Totals totals;
  std::optional<double> write_amplification;
};

struct RunResult {
  nvmev_config config;
  PreconditionResult precondition;
  std::vector<Phase> phases;
  std::string trace_format;
  TracePassedOver passed_over;
  std::vector<SeriesRow> series;
  std::vector<std::vector<u32>> wear;  // erases of each block, by die; if they are kept
  Figures report;
  u64 state_hash = 0;
  FtlHealth health;
  // Of the measurement without preconditioning.
  u64 ios = 0;
  u64 pages = 0;  // of 4 KiB, those of the requester and those that the type moved
  double wall_seconds = 0;
  double cpu_seconds = 0;  // of the thread that simulated
};

// Checks everything that can be known before the simulation: device, jobs. Refuses what does not fit.
void check_run(const RunSettings& settings);

// `index` of the run, for `progress`.
RunResult run(const RunSettings& settings, std::size_t index, Progress& progress);

}  // namespace nvmev::sim
