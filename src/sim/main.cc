// SPDX-License-Identifier: GPL-2.0-only
// nvmev-sim: see docs/simulator.md.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <new>

#include "error.h"
#include "options.h"
#include "output/file.h"
#include "output/gnuplot.h"
#include "output/json.h"
#include "output/plots.h"
#include "output/summary.h"

namespace nvmev::sim {
namespace {

// `name` for run `index` of several: out.csv becomes out-3.csv.
std::string numbered(const std::string& name, std::size_t index, std::size_t runs) {
  if (name.empty() || runs == 1) return name;
  const std::size_t slash = name.rfind('/');
  std::size_t point = name.rfind('.');
  if (point == std::string::npos || (slash != std::string::npos && point < slash)) point = name.size();
  return fmt::format("{}-{}{}", name.substr(0, point), index, name.substr(point));
}

// What cannot work is said before hours of simulation, not behind them.
void check_all(const Options& options, const std::vector<RunSettings>& runs) {
  for (const RunSettings& run : runs) check_run(run);
  check_plot("--plot-latency", options.plot_latency);
  for (std::size_t i = 0; i < runs.size(); i++) {
    check_plot("--plot-time", numbered(options.plot_time, i, runs.size()));
    check_plot("--plot-wear", numbered(options.plot_wear, i, runs.size()));
  }
}

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    refuse("standard output: cannot be written");
  }
}

int simulate(int argc, char** argv) {
  Options options;
  int status;
  if (!parse_options(argc, argv, &options, &status)) return status;
  std::vector<RunSettings> runs = expand_sweep(options.base, options.sweep);
  for (std::size_t i = 0; i < runs.size(); i++) runs[i].csv = numbered(options.csv, i, runs.size());
  check_all(options, runs);
  std::optional<OutputFile> json;
  if (!options.json.empty() && options.json != "-") json.emplace(options.json);

  const std::vector<RunResult> results = run_all(runs, options.parallel);

  if (options.json == "-") {
    print(to_json(runs, results));
  } else {
    for (std::size_t i = 0; i < runs.size(); i++) print((i != 0 ? "\n" : "") + to_summary(runs[i], results[i]));
  }
  if (json) {
    json->write(to_json(runs, results));
    json->finish();
  }
  if (!options.plot_latency.empty()) plot_latency(options.plot_latency, runs, results);
  for (std::size_t i = 0; i < runs.size(); i++) {
    if (!options.plot_time.empty()) plot_time(numbered(options.plot_time, i, runs.size()), results[i]);
    if (!options.plot_wear.empty()) plot_wear(numbered(options.plot_wear, i, runs.size()), results[i]);
  }
  return 0;
}

}  // namespace
}  // namespace nvmev::sim

int main(int argc, char** argv) {
  try {
    return nvmev::sim::simulate(argc, argv);
  } catch (const nvmev::sim::SimError& error) {
    fmt::print(stderr, "nvmev-sim: {}\n", error.what());
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "nvmev-sim: no memory\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "nvmev-sim: {}\n", error.what());
  }
  return 1;
}
