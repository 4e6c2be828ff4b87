// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/format.h>

#include <algorithm>

#include "output/gnuplot.h"
#include "output/plots.h"

namespace nvmev::sim {

void plot_wear(const std::string& file, const RunResult& result) {
  std::string data = "$d << END\n";
  std::size_t blocks = 0;
  u64 most = 1;
  for (const std::vector<u64>& die : result.wear) {
    blocks = std::max(blocks, die.size());
    for (const u64 erases : die) {
      most = std::max(most, erases);
      data += fmt::format("{} ", erases);
    }
    data += "\n";
  }
  data += "END\n";
  // Cells are drawn around whole numbers.
  draw(file, 1000, 500,
       data + fmt::format("set xlabel 'block'\nset ylabel 'die'\nset cblabel 'erases'\nset cbrange [0:{}]\n"
                          "set xrange [-0.5:{}.5]\nset yrange [-0.5:{}.5]\nplot $d matrix with image notitle\n",
                          most, blocks - 1, result.wear.size() - 1));
}

}  // namespace nvmev::sim
