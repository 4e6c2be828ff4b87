// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/format.h>

#include <algorithm>

#include "output/gnuplot.h"
#include "output/plots.h"

namespace nvmev::sim {

void plot_wear(const std::string& file, const RunResult& result) {
  std::string rows;
  std::size_t blocks = 0;
  u32 most = 1;
  for (const std::vector<u32>& die : result.wear) {
    blocks = std::max(blocks, die.size());
    for (const u32 erases : die) {
      most = std::max(most, erases);
      rows += fmt::format("{} ", erases);
    }
    rows += "\n";
  }
  // gnuplot draws no image of a single row.
  const bool single = result.wear.size() == 1;
  const std::size_t height = single ? 2 : result.wear.size();
  const std::string data = "$d << END\n" + (single ? rows + rows : rows) + "END\n";
  // Cells are drawn around whole numbers.
  draw(file, 1000, 500,
       data + (single ? "unset ytics\n" : "") +
           fmt::format("set xlabel 'block'\nset ylabel 'die'\nset cblabel 'erases'\nset cbrange [0:{}]\n"
                       "set xrange [-0.5:{}.5]\nset yrange [-0.5:{}.5]\nplot $d matrix with image notitle\n",
                       most, blocks - 1, height - 1));
}

}  // namespace nvmev::sim
