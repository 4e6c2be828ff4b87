// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "error.h"
#include "output/gnuplot.h"
#include "output/plots.h"

namespace nvmev::sim {

void plot_time(const std::string& file, const RunResult& result) {
  if (result.series.empty()) refuse("{}: no I/O, so nothing to draw over time", file);
  std::string data = "$d << END\n";
  std::array<bool, kOps> used{};
  double fastest = 0, most = 0;
  for (const SeriesRow& row : result.series) {
    const double seconds = static_cast<double>(row.length) / 1e9;
    data += fmt::format("{:.9g}", static_cast<double>(row.begin) / 1e9);
    for (u32 op = 0; op < kOps; op++) {
      const double speed = static_cast<double>(row.ops[op].bytes) / seconds / 1e6;
      used[op] |= speed > 0;
      fastest = std::max(fastest, speed);
      data += fmt::format(" {:.6g}", speed);
    }
    most = std::max(most, row.write_amplification.value_or(0));
    data += row.write_amplification ? fmt::format(" {:.6g}\n", *row.write_amplification) : " NaN\n";
  }
  data += "END\n";
  std::string curves;
  for (u32 op = 0; op < kOps; op++) {
    if (!used[op]) continue;
    curves +=
        fmt::format("{}$d using 1:{} with lines lw 1.5 title '{}'", curves.empty() ? "" : ", ", op + 2, kOpNames[op]);
  }
  if (curves.empty()) curves = "0 notitle";
  const bool amplified = most > 0;
  const SeriesRow& last = result.series.back();
  // Ranges are given, because gnuplot complains of data that have none.
  std::string script = fmt::format(
      "set grid\nset key above\nset lmargin 12\nset multiplot layout {},1\nset xrange [{:.9g}:{:.9g}]\nset yrange "
      "[0:{}]\nset ylabel 'MB/s'\n{}",
      amplified ? 2 : 1, static_cast<double>(result.series.front().begin) / 1e9,
      static_cast<double>(last.begin + last.length) / 1e9, fastest > 0 ? fastest * 1.05 : 1,
      amplified ? "" : "set xlabel 'virtual time, s'\n");
  script += "plot " + curves + "\n";
  if (amplified) {
    script += fmt::format(
        "set xlabel 'virtual time, s'\nset ylabel 'write amplification'\nset yrange [0:{}]\n"
        "plot $d using 1:{} with lines lw 1.5 lc rgb '#b03030' notitle\n",
        most * 1.05, kOps + 2);
  }
  draw(file, 1000, amplified ? 700 : 400, data + script + "unset multiplot\n");
}

}  // namespace nvmev::sim
