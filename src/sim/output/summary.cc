// SPDX-License-Identifier: GPL-2.0-only
#include "output/summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "output/percentiles.h"

namespace nvmev::sim {
namespace {

// 1234567890 bytes as 1.15 GiB.
std::string bytes_text(u64 bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); unit++) value /= 1024;
  return fmt::format("{:.4g} {}", value, kUnits[unit]);
}

std::string us_text(double ns) { return fmt::format("{:.2f}", ns / 1e3); }

void add_phase(std::string& text, const Phase& phase) {
  const double seconds = static_cast<double>(phase.end - phase.begin) / 1e9;
  text += fmt::format("\n{}: {:.6f} s of virtual time\n", phase.name, seconds);
  text += fmt::format("  {:6}{:>12}{:>12}{:>10}  latency us:{:>10}{:>10}", "", "I/Os", "IOPS", "MB/s", "min", "mean");
  for (const Percentile& percentile : kPercentiles) text += fmt::format("{:>11}", percentile.name);
  text += fmt::format("{:>11}\n", "max");
  for (u32 op = 0; op < kOps; op++) {
    const OpTotals& totals = phase.totals.ops[op];
    const FineHistogram& latency = totals.latency;
    if (latency.count() == 0) continue;
    const double per_second = seconds > 0 ? 1 / seconds : 0;
    text += fmt::format("  {:6}{:12}{:12.0f}{:10.1f}             {:>10}{:>10}", kOpNames[op], latency.count(),
                        static_cast<double>(latency.count()) * per_second,
                        static_cast<double>(totals.bytes) * per_second / 1e6,
                        us_text(static_cast<double>(latency.min())), us_text(latency.mean()));
    for (const Percentile& percentile : kPercentiles) {
      text += fmt::format("{:>11}", us_text(static_cast<double>(latency.percentile(percentile.parts))));
    }
    text += fmt::format("{:>11}\n", us_text(static_cast<double>(latency.max())));
    if (totals.errors != 0) text += fmt::format("  {:6}{:12} of them ended with an error\n", "", totals.errors);
  }
  if (phase.write_amplification) text += fmt::format("  write amplification {:.3f}\n", *phase.write_amplification);
}

void add_precondition(std::string& text, const PreconditionResult& result) {
  text += fmt::format("precondition: filled {}", bytes_text(result.filled));
  if (result.overwritten != 0) {
    text += fmt::format(", overwrote {}", bytes_text(result.overwritten));
    if (!result.reported) {
      text += ", no write amplification is reported";
    } else if (result.steady) {
      text += fmt::format(", steady at a write amplification of {:.3f}", result.windows.back());
    } else {
      text += fmt::format(", NOT STEADY: last write amplification {:.3f}", result.windows.back());
    }
  }
  if (result.errors != 0) text += fmt::format("; {} I/Os ENDED WITH AN ERROR", result.errors);
  text += "\n";
}

// Values for each die or block are too many for people to read.
std::string figure_text(const Figures& figures, const std::string& name, const std::string& value) {
  constexpr std::size_t kShown = 32;
  const std::vector<u64> values = figures.numbers(name);
  if (values.size() <= kShown) return value;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return fmt::format("{} values from {} to {}", values.size(), *least, *most);
}

}  // namespace

std::string to_summary(const RunSettings& settings, const RunResult& result) {
  std::string text;
  for (const auto& [key, value] : settings.swept)
    text += fmt::format("{}{}={}", text.empty() ? "== " : " ", key, value);
  if (!text.empty()) text += " ==\n";
  text +=
      fmt::format("device: type {}, {}, {} bytes a block{}\n", result.config.type, bytes_text(result.config.capacity),
                  result.config.lba_size, settings.profile.empty() ? "" : ", profile " + settings.profile);
  if (settings.precondition.goal != PreconditionGoal::kNone) add_precondition(text, result.precondition);
  if (settings.trace) {
    text += fmt::format("trace: {}, format {}; passed over {} other lines; {} times went backward\n",
                        settings.trace->options.file, result.trace_format, result.passed_over.other_lines,
                        result.passed_over.backward_times);
  }
  for (const Phase& phase : result.phases) add_phase(text, phase);
  text += "\nreport:\n";
  for (const auto& [name, value] : result.report.lines()) {
    text += fmt::format("  {} {}\n", name, figure_text(result.report, name, value));
  }
  text += fmt::format("health: {} % used, {} % spare\n", result.health.percentage_used, result.health.available_spare);
  text += fmt::format("state hash: {:#018x}\n", result.state_hash);
  const auto millions = [](u64 count, double seconds) {
    return static_cast<double>(count) / std::max(seconds, 1e-9) / 1e6;
  };
  text += fmt::format(
      "wall: {:.3f} s, {:.2f} million I/Os and {:.2f} million pages a second; {:.3f} s of a processor, {:.2f} "
      "million pages a second of it\n",
      result.wall_seconds, millions(result.ios, result.wall_seconds), millions(result.pages, result.wall_seconds),
      result.cpu_seconds, millions(result.pages, result.cpu_seconds));
  return text;
}

}  // namespace nvmev::sim
