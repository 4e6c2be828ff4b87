// SPDX-License-Identifier: GPL-2.0-only
#include "options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <thread>

#include "error.h"
#include "load/job_file.h"
#include "numbers.h"

namespace nvmev::sim {
namespace {

// What options give as text before it is understood.
struct Texts {
  std::vector<std::string> set, sweep, jobs, report;
  std::string job_file;
  std::map<std::string, std::string> defaults;  // of jobs, one option for each key
  TraceSettings trace;
  std::string speed, interval = "1s";
  std::string precondition, precondition_job, precondition_tolerance, precondition_max;
  std::string seed = "1", trace_depth = "0", parallel;
  bool list = false;
};

void add_device_options(CLI::App& app, Options& options, Texts& texts) {
  const std::string group = "Device";
  app.add_option("--profile", options.base.profile, "device profile: a name or a file")
      ->type_name("NAME|FILE")
      ->group(group);
  app.add_option("--set", texts.set, "override a key of the profile; any number of times")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--seed", texts.seed, "of everything random in the workload, 1")->type_name("NUMBER")->group(group);
  app.add_flag("--list", texts.list, "name profiles, device types and keys of jobs, and end")->group(group);
}

void add_job_options(CLI::App& app, Texts& texts) {
  const std::string group = "Synthetic workload (as fio's; --KEY sets it for all jobs)";
  app.add_option("--job", texts.jobs, "a job of its own: 'KEY=VALUE KEY=VALUE...'; any number of times")
      ->type_name("KEYS")
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--jobfile", texts.job_file, "jobs of a file as fio has them")->type_name("FILE")->group(group);
  for (const JobKeyInfo& key : job_keys()) {
    if (key.meaning.empty()) continue;
    app.add_option("--" + key.name, texts.defaults[key.name], key.meaning)->type_name(" ")->group(group);
  }
}

void add_trace_options(CLI::App& app, Texts& texts) {
  const std::string group = "Trace";
  TraceOptions& trace = texts.trace.options;
  TraceRules& rules = texts.trace.rules;
  app.add_option("--trace", trace.file, "replay a trace, also gzip or zstd; - is standard input")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--trace-format", trace.format, trace_format_names() + "; default: by content")
      ->type_name("NAME")
      ->group(group);
  app.add_option("--trace-device", trace.device, "which device's I/Os; all: of all, to the same addresses")
      ->type_name("NAME")
      ->group(group);
  app.add_option("--trace-depth", texts.trace_depth, "most I/Os in flight, 0: no bound; 1 where a format has no times")
      ->type_name("N")
      ->group(group);
  app.add_flag("--asap", rules.at_once, "do not wait for the trace's times")->group(group);
  app.add_option("--speed", texts.speed, "trace time passes so many times as fast, 1")
      ->type_name("FACTOR")
      ->group(group);
  app.add_flag("--wrap", rules.addresses.wrap, "addresses beyond the device: modulo its capacity")->group(group);
  app.add_flag("--round", rules.addresses.round, "I/Os not on logical blocks: widen them")->group(group);
  app.add_option("--blkparse-action", trace.blkparse_action, "which action is an I/O, D")
      ->type_name("LETTER")
      ->group(group);
  app.add_option("--csv-columns", trace.csv_columns, "what the columns are, where the first line does not say")
      ->type_name("NAME,NAME...")
      ->group(group);
  app.add_option("--csv-separator", trace.csv_separator, "a character, tab or space; comma")
      ->type_name("CHAR")
      ->group(group);
}

void add_precondition_options(CLI::App& app, Texts& texts) {
  const std::string group = "Preconditioning";
  app.add_option("--precondition", texts.precondition,
                 "fill: write all sequentially; steady: then overwrite until write amplification is stable")
      ->type_name("GOAL")
      ->group(group);
  app.add_option("--precondition-job", texts.precondition_job, "how to overwrite: 'KEY=VALUE...'; 4k random writes")
      ->type_name("KEYS")
      ->group(group);
  app.add_option("--precondition-tolerance", texts.precondition_tolerance,
                 "percent by which the last windows may differ, 3")
      ->type_name("PERCENT")
      ->group(group);
  app.add_option("--precondition-max", texts.precondition_max, "most capacities to overwrite, 20")
      ->type_name("N")
      ->group(group);
}

void add_output_options(CLI::App& app, Options& options, Texts& texts) {
  const std::string group = "Results";
  app.add_option("--json", options.json, "all results; - is standard output")->type_name("FILE")->group(group);
  app.add_option("--csv", options.csv, "time series")->type_name("FILE")->group(group);
  app.add_option("--interval", texts.interval, "of the time series, virtual time, 1s")->type_name("TIME")->group(group);
  app.add_option("--csv-report", texts.report, "columns with these figures of the report")
      ->type_name("NAME,NAME...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  app.add_flag("--series-precondition", options.base.series_from_start, "preconditioning is part of the time series")
      ->group(group);
  app.add_option("--plot-latency", options.plot_latency, "distribution of latencies")
      ->type_name("FILE.svg|.png")
      ->group(group);
  app.add_option("--plot-time", options.plot_time, "throughput and write amplification over time")
      ->type_name("FILE.svg|.png")
      ->group(group);
  app.add_option("--plot-wear", options.plot_wear, "erase counts of all blocks")
      ->type_name("FILE.svg|.png")
      ->group(group);
  app.add_option("--sweep", texts.sweep,
                 "a run for each value of a device key, job.KEY, profile or seed; several: all combinations")
      ->type_name("KEY=A,B,...")
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--parallel", texts.parallel, "runs at the same time; all processors")->type_name("N")->group(group);
}

void take_keys(Options& options, const Texts& texts) {
  for (const std::string& text : texts.set) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) refuse("--set {}: KEY=VALUE is right", text);
    options.base.keys.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
}

void take_jobs(Options& options, const Texts& texts) {
  JobSpec defaults;
  for (const auto& [key, value] : texts.defaults) {
    if (!value.empty()) set_job_key(defaults, "--", key, value);
  }
  if (!texts.job_file.empty()) options.base.jobs = read_job_file(texts.job_file, defaults);
  for (const std::string& text : texts.jobs) {
    JobSpec job = defaults;
    set_job_keys(job, "--job: ", text);
    options.base.jobs.push_back(job);
  }
  if (options.base.jobs.empty() && defaults.pattern != Pattern::kNone) options.base.jobs.push_back(defaults);
}

void take_trace(Options& options, Texts& texts) {
  TraceRules& rules = texts.trace.rules;
  rules.depth = static_cast<u32>(parse_number("--trace-depth", texts.trace_depth, 0, 1 << 20));
  if (!texts.speed.empty()) rules.speed = parse_decimal("--speed", texts.speed, 1e-3, 1e9);
  if (!texts.trace.options.file.empty()) options.base.trace = texts.trace;
}

void take_precondition(Options& options, const Texts& texts) {
  PreconditionSettings& settings = options.base.precondition;
  settings = default_precondition();
  if (texts.precondition == "fill") {
    settings.goal = PreconditionGoal::kFill;
  } else if (texts.precondition == "steady") {
    settings.goal = PreconditionGoal::kSteady;
  } else if (!texts.precondition.empty() && texts.precondition != "none") {
    refuse("--precondition {}: none, fill or steady is right", texts.precondition);
  }
  set_job_keys(settings.overwrite, "--precondition-job: ", texts.precondition_job);
  if (!texts.precondition_tolerance.empty()) {
    settings.tolerance = parse_decimal("--precondition-tolerance", texts.precondition_tolerance, 0.01, 100) / 100;
  }
  if (!texts.precondition_max.empty()) {
    settings.max_overwrites = static_cast<u32>(parse_number("--precondition-max", texts.precondition_max, 1, 10000));
  }
}

void take_results(Options& options, const Texts& texts) {
  options.base.series = {parse_duration("--interval", texts.interval, 1000ull * 1000 * 1000), texts.report};
  if (options.base.series.interval == 0) refuse("--interval {}: more than 0 is right", texts.interval);
  options.base.keep_series = !options.plot_time.empty();
  options.base.keep_wear = !options.plot_wear.empty();
  for (const std::string& text : texts.sweep) options.sweep.push_back(parse_sweep(text));
  options.parallel = texts.parallel.empty()
                         ? std::max(std::thread::hardware_concurrency(), 1u)
                         : static_cast<unsigned>(parse_number("--parallel", texts.parallel, 1, 1024));
}

void check_together(const Options& options) {
  const RunSettings& base = options.base;
  if (base.jobs.empty() && !base.trace && base.precondition.goal == PreconditionGoal::kNone) {
    refuse("nothing to simulate: --rw, --job, --jobfile, --trace or --precondition is right (see --help)");
  }
  if (!base.jobs.empty() && base.trace) refuse("jobs and --trace: one of them is right");
  if (base.trace && base.trace->options.file == "-" && !options.sweep.empty()) {
    refuse("--trace - with --sweep: standard input can be read once only: a file is right");
  }
}

void print_list() {
  fmt::print("profiles: {}\ntypes: {}\nkeys of --set: docs/parameters.md\nkeys of jobs:\n", nvmev_profile_names(),
             nvmev_type_names());
  for (const JobKeyInfo& key : job_keys()) {
    fmt::print("  {:20} {}\n", key.name, key.meaning.empty() ? "(accepted; has no meaning here)" : key.meaning);
  }
}

}  // namespace

bool parse_options(int argc, char** argv, Options* options, int* status) {
  CLI::App app("Simulates an SSD on a virtual clock, with the device core of NVMeVirt.\n", "nvmev-sim");
  app.get_formatter()->column_width(34);
  Texts texts;
  add_device_options(app, *options, texts);
  add_job_options(app, texts);
  add_trace_options(app, texts);
  add_precondition_options(app, texts);
  add_output_options(app, *options, texts);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    *status = 0;
    return false;
  } catch (const CLI::ParseError& error) {
    refuse("{} (see --help)", error.what());
  }
  if (texts.list) {
    print_list();
    *status = 0;
    return false;
  }
  take_keys(*options, texts);
  take_jobs(*options, texts);
  take_trace(*options, texts);
  take_precondition(*options, texts);
  take_results(*options, texts);
  options->base.seed = parse_number("--seed", texts.seed, 0, ~0ull);
  check_together(*options);
  return true;
}

}  // namespace nvmev::sim
