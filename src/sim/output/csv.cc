// SPDX-License-Identifier: GPL-2.0-only
#include "output/csv.h"

namespace nvmev::sim {

CsvWriter::CsvWriter(const std::string& name, const std::vector<std::string>& reported) : file_(name) {
  std::string line = "time_s";
  for (const char* op : kOpNames) {
    line += fmt::format(",{0}_iops,{0}_mb_s,{0}_p50_us,{0}_p99_us,{0}_p999_us,{0}_max_us", op);
  }
  line += ",write_amplification";
  for (const std::string& figure : reported) line += "," + figure;
  file_.write(line + "\n");
}

void CsvWriter::add(const SeriesRow& row) {
  const double seconds = static_cast<double>(row.length) / 1e9;
  const auto us = [](u64 ns) { return static_cast<double>(ns) / 1e3; };
  std::string line = fmt::format("{:.9g}", static_cast<double>(row.begin) / 1e9);
  for (const SeriesRow::Op& op : row.ops) {
    line += fmt::format(",{:.6g},{:.6g},{},{},{},{}", static_cast<double>(op.ios) / seconds,
                        static_cast<double>(op.bytes) / seconds / 1e6, us(op.p50), us(op.p99), us(op.p999), us(op.max));
  }
  line += row.write_amplification ? fmt::format(",{:.6g}", *row.write_amplification) : ",";
  for (const std::optional<u64>& value : row.reported) line += value ? fmt::format(",{}", *value) : ",";
  file_.write(line + "\n");
}

}  // namespace nvmev::sim
