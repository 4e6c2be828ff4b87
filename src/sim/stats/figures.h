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
  // Erases of each block, by die, from lines block_erases_die0, block_erases_die1, ...; empty where there are none.
  std::vector<std::vector<u64>> wear() const;

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
  std::map<std::string, std::size_t> index_;
};

// How much a counter has grown; nothing where the type does not report it.
std::optional<u64> growth(const Figures& before, const Figures& after, const std::string& name);

// Write amplification between two reports; nothing where the type does not report it, or nothing was written.
std::optional<double> write_amplification(const Figures& before, const Figures& after);

// Pages that the type moved for its own sake, as far as it reports them.
u64 moved_pages(const Figures& before, const Figures& after);

}  // namespace nvmev::sim
