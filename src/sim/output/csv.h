// SPDX-License-Identifier: GPL-2.0-only
// The time series as a file, written as it comes.
#pragma once

#include <string>
#include <vector>

#include "output/file.h"
#include "stats/recorder.h"

namespace nvmev::sim {

class CsvWriter {
 public:
  CsvWriter(const std::string& name, const std::vector<std::string>& reported);
  void add(const SeriesRow& row);
  void finish() { file_.finish(); }

 private:
  OutputFile file_;
};

}  // namespace nvmev::sim
