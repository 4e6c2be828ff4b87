// SPDX-License-Identifier: GPL-2.0-only
#include "run.h"

#include <time.h>

#include <chrono>

#include "error.h"
#include "output/csv.h"
#include "progress.h"

namespace nvmev::sim {
namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double thread_cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// Jobs that run together; a stonewall begins the next group.
std::vector<std::vector<JobSpec>> groups_of(const std::vector<JobSpec>& jobs) {
  std::vector<std::vector<JobSpec>> groups;
  for (const JobSpec& job : jobs) {
    if (groups.empty() || job.stonewall) groups.emplace_back();
    groups.back().push_back(job);
  }
  return groups;
}

std::string name_of(const std::vector<JobSpec>& group) {
  std::string name;
  for (const JobSpec& job : group) name += (name.empty() ? "" : "+") + job.name;
  return name;
}

// Measures one phase, which `work` runs.
template <typename Work>
void measure(RunResult& result, const Device& device, Driver& driver, Recorder& recorder, const std::string& name,
             Work work) {
  const Figures before(device.report());
  Phase phase{name, driver.now(), 0, {}, {}};
  recorder.begin_phase();
  work();
  phase.end = driver.now();
  phase.totals = recorder.take_totals();
  const Figures after(device.report());
  phase.write_amplification = write_amplification(before, after);
  result.ios += phase.totals.ios();
  result.pages += moved_pages(before, after);
  for (const IoOp op : {IoOp::kRead, IoOp::kWrite}) {
    result.pages += (phase.totals.ops[op_index(op)].bytes + kPageSize - 1) / kPageSize;
  }
  result.phases.push_back(std::move(phase));
}

}  // namespace

void check_run(const RunSettings& settings) {
  const nvmev_config config = make_config(settings.profile, settings.keys);
  const std::optional<ZoneShape> zones = zone_shape(config);
  for (const JobSpec& job : settings.jobs) check_job(job, config.capacity, config.lba_size, zones);
  if (settings.precondition.goal == PreconditionGoal::kSteady) {
    check_job(settings.precondition.overwrite, config.capacity, config.lba_size, zones);
  }
}

RunResult run(const RunSettings& settings, std::size_t index, Progress& progress) {
  RunResult result;
  result.config = make_config(settings.profile, settings.keys);
  Device device(result.config);
  if (settings.keep_wear && device.wear().empty()) {
    refuse("--plot-wear: type {} reports no erase counts of blocks", result.config.type);
  }

  std::optional<CsvWriter> csv;
  if (!settings.csv.empty()) csv.emplace(settings.csv, settings.series.reported);
  SeriesSink sink;
  if (csv || settings.keep_series) {
    sink = [&](const SeriesRow& row) {
      if (csv) csv->add(row);
      if (settings.keep_series) result.series.push_back(row);
    };
  }
  Recorder recorder([&] { return Figures(device.report()); }, settings.series, sink);
  Driver driver(device, recorder, [&](double share) { progress.update(index, share); });

  if (settings.series_from_start) recorder.begin_series(driver.now());
  result.precondition = precondition(driver, device, settings.precondition, settings.seed,
                                     [&](const std::string& stage) { progress.stage(index, stage); });
  for (const OpTotals& op : recorder.take_totals().ops) result.precondition.errors += op.errors;
  if (!settings.series_from_start) recorder.begin_series(driver.now());

  const auto begin = std::chrono::steady_clock::now();
  const double cpu_begin = thread_cpu_seconds();
  u64 next = 0;
  for (const std::vector<JobSpec>& group : groups_of(settings.jobs)) {
    progress.stage(index, name_of(group));
    measure(result, device, driver, recorder, name_of(group),
            [&] { next = driver.run_jobs(group, settings.seed, next); });
  }
  if (settings.trace) {
    progress.stage(index, "trace");
    Lines lines(settings.trace->options.file);
    const TraceFormat& format = find_trace_format(lines, settings.trace->options);
    const std::unique_ptr<TraceReader> reader = format.open(lines, settings.trace->options);
    measure(result, device, driver, recorder, "trace",
            [&] { driver.run_trace(lines, *reader, settings.trace->rules); });
    result.trace_format = format.name;
    result.passed_over = reader->passed_over();
  }
  result.wall_seconds = seconds_since(begin);
  result.cpu_seconds = thread_cpu_seconds() - cpu_begin;

  recorder.end_series(driver.now());
  if (csv) csv->finish();
  result.report = Figures(device.report());
  if (settings.keep_wear) result.wear = device.wear();
  result.state_hash = device.ftl().state_hash();
  result.health = device.ftl().health();
  progress.finished(index);
  return result;
}

}  // namespace nvmev::sim
