// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/format.h>

#include <algorithm>

#include "error.h"
#include "output/gnuplot.h"
#include "output/plots.h"

namespace nvmev::sim {
namespace {

std::string title_of(const RunSettings& settings, const RunResult& result, const Phase& phase, u32 op) {
  std::string title;
  for (const auto& [key, value] : settings.swept) title += fmt::format("{}={} ", key, value);
  if (result.phases.size() > 1) title += phase.name + " ";
  return title + kOpNames[op];
}

}  // namespace

void plot_latency(const std::string& file, const std::vector<RunSettings>& settings,
                  const std::vector<RunResult>& results) {
  std::string data, share, beyond;
  unsigned curves = 0;
  double left = 1e300, right = 1e-3, lowest = 0.1;  // us, us, share
  for (std::size_t i = 0; i < results.size(); i++) {
    for (const Phase& phase : results[i].phases) {
      for (u32 op = 0; op < kOps; op++) {
        const FineHistogram& latency = phase.totals.ops[op].latency;
        if (latency.count() == 0) continue;
        const std::string title = gnuplot_string(title_of(settings[i], results[i], phase, op));
        data += fmt::format("$d{} << END\n", curves);
        const double total = static_cast<double>(latency.count());
        const auto point = [&](u64 ns, u64 seen) {
          // A logarithmic axis has no place for 0.
          const double us = static_cast<double>(ns != 0 ? ns : 1) / 1e3;
          const double rest = (total - static_cast<double>(seen)) / total;
          data += fmt::format("{:.4f} {:.6f} {:.3e}\n", us, 100 * static_cast<double>(seen) / total, rest);
          left = std::min(left, us);
          right = std::max(right, us);
          if (rest > 0) lowest = std::min(lowest, rest);
        };
        point(latency.min(), 0);
        latency.visit(point);
        data += "END\n";
        share += fmt::format("{}$d{} using 1:2 with steps lw 2 title {}", curves != 0 ? ", " : "", curves, title);
        beyond +=
            fmt::format("{}$d{} using 1:($3 > 0 ? $3 : 1/0) with lines lw 2 notitle", curves != 0 ? ", " : "", curves);
        curves++;
      }
    }
  }
  if (curves == 0) refuse("{}: no I/O, so no latency to draw", file);
  draw(file, 900, 800,
       data +
           fmt::format("set multiplot layout 2,1\nset grid\nset lmargin 12\nset logscale x\nset xrange [{}:{}]\nset "
                       "key right bottom\n"
                       "set ylabel 'I/Os up to this latency, %'\nset yrange [0:100]\nplot {}\n",
                       left * 0.9, right * 1.1, share) +
           fmt::format("set xlabel 'latency, us'\nset ylabel 'share of I/Os beyond'\nset logscale y\n"
                       "set format y '%g'\nset yrange [{}:1]\nplot {}\nunset multiplot\n",
                       lowest / 2, beyond));
}

}  // namespace nvmev::sim
