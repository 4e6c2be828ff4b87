// SPDX-License-Identifier: GPL-2.0-only
// Figures are drawn by gnuplot, a program of its own.
#pragma once

#include <string>

namespace nvmev::sim {

// Refuses, naming `option`, a file that is neither .svg nor .png, and a machine without gnuplot.
void check_plot(const std::string& option, const std::string& file);

// Draws `script`, which needs no terminal or output of its own, to `file`. Sizes are pixels.
void draw(const std::string& file, unsigned width, unsigned height, const std::string& script);

// A text as a gnuplot string.
std::string gnuplot_string(const std::string& text);

}  // namespace nvmev::sim
