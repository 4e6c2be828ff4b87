// SPDX-License-Identifier: GPL-2.0-only
#include "sweep.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

#include "error.h"
#include "numbers.h"
#include "progress.h"

namespace nvmev::sim {
namespace {

constexpr std::size_t kMaxRuns = 100000;
constexpr std::string_view kJobPrefix = "job.";

void apply(RunSettings& settings, const std::string& key, const std::string& value) {
  if (key == "seed") {
    settings.seed = parse_number("--sweep seed", value, 0, ~0ull);
  } else if (key == "profile") {
    settings.profile = value;
  } else if (key.starts_with(kJobPrefix)) {
    if (settings.jobs.empty()) refuse("--sweep {}: there is no job", key);
    for (JobSpec& job : settings.jobs) set_job_key(job, "--sweep job.", key.substr(kJobPrefix.size()), value);
  } else {
    // What is swept takes the place of a value that --set gives.
    const auto found =
        std::find_if(settings.keys.begin(), settings.keys.end(), [&](const auto& pair) { return pair.first == key; });
    if (found != settings.keys.end()) {
      found->second = value;
    } else {
      settings.keys.emplace_back(key, value);
    }
  }
  settings.swept.emplace_back(key, value);
}

}  // namespace

SweepAxis parse_sweep(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    refuse("--sweep {}: KEY=VALUE,VALUE,... is right", text);
  }
  SweepAxis axis{text.substr(0, equals), {}};
  for (std::size_t at = equals + 1; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    if (end == at) refuse("--sweep {}: an empty value: KEY=VALUE,VALUE,... is right", text);
    axis.values.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return axis;
}

std::vector<RunSettings> expand_sweep(const RunSettings& base, const std::vector<SweepAxis>& axes) {
  std::vector<RunSettings> runs = {base};
  for (const SweepAxis& axis : axes) {
    if (runs.size() * axis.values.size() > kMaxRuns) refuse("--sweep: more than {} runs", kMaxRuns);
    std::vector<RunSettings> more;
    for (const RunSettings& settings : runs) {
      for (const std::string& value : axis.values) {
        more.push_back(settings);
        apply(more.back(), axis.key, value);
      }
    }
    runs = std::move(more);
  }
  return runs;
}

std::vector<RunResult> run_all(const std::vector<RunSettings>& runs, unsigned parallel) {
  Progress progress(runs.size());
  std::vector<RunResult> results(runs.size());
  std::vector<std::exception_ptr> failures(runs.size());
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  const auto work = [&] {
    for (std::size_t index; !failed && (index = next++) < runs.size();) {
      try {
        results[index] = run(runs[index], index, progress);
      } catch (...) {
        failures[index] = std::current_exception();
        failed = true;
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 1; i < std::min<std::size_t>(parallel, runs.size()); i++) threads.emplace_back(work);
    work();
  }
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  return results;
}

}  // namespace nvmev::sim
