// SPDX-License-Identifier: GPL-2.0-only
#include "stats/figures.h"

#include <charconv>

#include "trace/fields.h"

namespace nvmev::sim {

Figures::Figures(const std::string& report) {
  std::string_view rest = report;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos) continue;
    index_.emplace(line.substr(0, blank), lines_.size());
    lines_.emplace_back(line.substr(0, blank), line.substr(blank + 1));
  }
}

std::optional<u64> Figures::number(const std::string& name) const {
  const auto found = index_.find(name);
  return found != index_.end() ? to_number(lines_[found->second].second) : std::nullopt;
}

std::vector<u64> Figures::numbers(const std::string& name) const {
  std::vector<u64> values;
  const auto found = index_.find(name);
  if (found == index_.end()) return values;
  std::string_view rest = lines_[found->second].second;
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    if (const std::optional<u64> value = to_number(word)) values.push_back(*value);
  }
  return values;
}

std::optional<u64> growth(const Figures& before, const Figures& after, const std::string& name) {
  const std::optional<u64> old = before.number(name);
  const std::optional<u64> present = after.number(name);
  if (!old || !present || *present < *old) return std::nullopt;
  return *present - *old;
}

std::optional<double> write_amplification(const Figures& before, const Figures& after) {
  const auto grown = [&](const char* name) { return static_cast<double>(growth(before, after, name).value_or(0)); };
  const std::optional<u64> unit = after.number("mapping_unit_bytes");
  const std::optional<u64> host = growth(before, after, "host_written_bytes");
  if (!unit || !host || *host == 0) return std::nullopt;
  const double units = grown("host_written_units") - grown("overwritten_units") + grown("padding_units") +
                       grown("gc_moved_units") + grown("map_writes");
  return units * static_cast<double>(*unit) / static_cast<double>(*host);
}

u64 moved_pages(const Figures& before, const Figures& after) {
  const u64 unit = after.number("mapping_unit_bytes").value_or(0);
  return growth(before, after, "gc_moved_units").value_or(0) * unit / kPageSize;
}

}  // namespace nvmev::sim
