// SPDX-License-Identifier: GPL-2.0-only
// The figures that a device type reports: lines `name value`, some with several values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nvmev/types.h"

namespace nvmev::sim {

class Figures {
 public:
  Figures() = default;
  explicit Figures(const std::string& report);

  // In the order of the report.
  const std::vector<std::pair<std::string, std::string>>& lines() const { return lines_; }
  // The value of a line that is one whole number.
  std::optional<u64> number(const std::string& name) const;
  // All values of a line.
  std::vector<u64> numbers(const std::string& name) const;

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
  std::map<std::string, std::size_t> index_;
};

// How much a counter has grown; nothing where the type does not report it.
std::optional<u64> growth(const Figures& before, const Figures& after, const std::string& name);

// Write amplification between two reports, from the counters that page-mapped types have: what was written to flash,
// in mapping units, is what the requester wrote and no buffer absorbed, padding, what garbage collection moved, and the
// map. Nothing where the type does not report these, or nothing was written.
std::optional<double> write_amplification(const Figures& before, const Figures& after);

// Pages of 4 KiB that garbage collection moved, as far as the type reports them.
u64 moved_pages(const Figures& before, const Figures& after);

}  // namespace nvmev::sim
