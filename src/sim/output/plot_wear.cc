// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/format.h>

#include "output/gnuplot.h"
#include "output/plots.h"

namespace nvmev::sim {

void plot_wear(const std::string& file, const RunResult& result) {
  std::string data = "$d << END\n";
  for (const std::vector<u64>& die : result.wear) {
    for (const u64 erases : die) data += fmt::format("{} ", erases);
    data += "\n";
  }
  data += "END\n";
  draw(file, 1000, 500,
       data +
           "set xlabel 'block'\nset ylabel 'die'\nset cblabel 'erases'\nset cbrange [0:*]\n"
           "set autoscale xfix\nset autoscale yfix\nset ytics 1\nplot $d matrix with image notitle\n");
}

}  // namespace nvmev::sim
