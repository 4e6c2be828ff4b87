// SPDX-License-Identifier: GPL-2.0-only
#include "output/json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "output/percentiles.h"
#include "trace/fields.h"

namespace nvmev::sim {
namespace {

using Json = nlohmann::ordered_json;

Json pairs(const Keys& keys) {
  Json object = Json::object();
  for (const auto& [key, value] : keys) object[key] = value;
  return object;
}

Json optional(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json latency(const FineHistogram& histogram) {
  Json object = {{"min", histogram.min()}, {"mean", histogram.mean()}};
  for (const Percentile& percentile : kPercentiles) object[percentile.name] = histogram.percentile(percentile.parts);
  object["max"] = histogram.max();
  return object;
}

Json operation(const OpTotals& totals, double seconds) {
  return {{"ios", totals.latency.count()},
          {"bytes", totals.bytes},
          {"errors", totals.errors},
          {"iops", seconds > 0 ? static_cast<double>(totals.latency.count()) / seconds : 0},
          {"bytes_per_second", seconds > 0 ? static_cast<double>(totals.bytes) / seconds : 0},
          {"latency_ns", latency(totals.latency)}};
}

Json phase(const Phase& phase) {
  Json object = {{"name", phase.name}, {"begin_ns", phase.begin}, {"end_ns", phase.end}};
  const double seconds = static_cast<double>(phase.end - phase.begin) / 1e9;
  for (u32 op = 0; op < kOps; op++) {
    const OpTotals& totals = phase.totals.ops[op];
    if (totals.latency.count() != 0) object["ops"][kOpNames[op]] = operation(totals, seconds);
  }
  object["write_amplification"] = optional(phase.write_amplification);
  return object;
}

Json preconditioning(const PreconditionResult& result) {
  Json object = {{"filled_bytes", result.filled}, {"overwritten_bytes", result.overwritten}};
  object["errors"] = result.errors;
  object["steady"] = result.steady;
  object["write_amplification_windows"] = result.windows;
  return object;
}

// Whole numbers as such, several as an array.
Json figure(const std::string& text) {
  if (const std::optional<u64> value = to_number(text)) return *value;
  Json values = Json::array();
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    const std::optional<u64> value = to_number(word);
    if (!value) return text;
    values.push_back(*value);
  }
  return values;
}

Json one(const RunSettings& settings, const RunResult& result) {
  Json object;
  if (!settings.swept.empty()) object["swept"] = pairs(settings.swept);
  object["profile"] = settings.profile.empty() ? Json(nullptr) : Json(settings.profile);
  object["set"] = pairs(settings.keys);
  object["seed"] = settings.seed;
  object["device"] = {
      {"type", result.config.type}, {"capacity", result.config.capacity}, {"lba_size", result.config.lba_size}};
  if (settings.precondition.goal != PreconditionGoal::kNone) {
    object["precondition"] = preconditioning(result.precondition);
  }
  if (settings.trace) {
    object["trace"] = {{"file", settings.trace->options.file},
                       {"format", result.trace_format},
                       {"other_lines", result.passed_over.other_lines},
                       {"backward_times", result.passed_over.backward_times}};
  }
  object["phases"] = Json::array();
  for (const Phase& each : result.phases) object["phases"].push_back(phase(each));
  object["report"] = Json::object();
  for (const auto& [name, value] : result.report.lines()) object["report"][name] = figure(value);
  object["health"] = {{"percentage_used", result.health.percentage_used},
                      {"available_spare", result.health.available_spare}};
  if (settings.keep_wear) object["wear"] = result.wear;
  object["state_hash"] = fmt::format("{:#018x}", result.state_hash);
  const double wall = result.wall_seconds > 0 ? result.wall_seconds : 1e-9;
  object["wall"] = {{"seconds", result.wall_seconds},
                    {"cpu_seconds", result.cpu_seconds},
                    {"ios_per_second", static_cast<double>(result.ios) / wall},
                    {"pages_per_second", static_cast<double>(result.pages) / wall}};
  return object;
}

}  // namespace

std::string to_json(const std::vector<RunSettings>& settings, const std::vector<RunResult>& results) {
  Json runs = Json::array();
  for (std::size_t i = 0; i < results.size(); i++) runs.push_back(one(settings[i], results[i]));
  return Json{{"program", "nvmev-sim"}, {"runs", runs}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace nvmev::sim
