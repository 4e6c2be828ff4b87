// SPDX-License-Identifier: GPL-2.0-only
#include "output/gnuplot.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "error.h"
#include "output/file.h"

namespace nvmev::sim {
namespace {

bool is_installed() {
  const char* path = std::getenv("PATH");
  std::string rest = path != nullptr ? path : "";
  while (!rest.empty()) {
    const std::string folder = rest.substr(0, rest.find(':'));
    rest.erase(0, std::min(folder.size() + 1, rest.size()));
    if (access((folder + "/gnuplot").c_str(), X_OK) == 0) return true;
  }
  return false;
}

}  // namespace

void check_plot(const std::string& option, const std::string& file) {
  if (file.empty()) return;
  if (!file.ends_with(".svg") && !file.ends_with(".png"))
    refuse("{} {}: a name that ends in .svg or .png is right", option, file);
  if (!is_installed()) refuse("{} {}: needs gnuplot, which is not installed (Debian: gnuplot-nox)", option, file);
  OutputFile(file).finish();
}

std::string gnuplot_string(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "''" : std::string(1, c);
  return quoted + "'";
}

void draw(const std::string& file, unsigned width, unsigned height, const std::string& script) {
  std::signal(SIGPIPE, SIG_IGN);  // gnuplot's status tells
  FILE* pipe = popen("gnuplot", "we");
  if (pipe == nullptr) refuse("{}: gnuplot does not start: {}", file, std::strerror(errno));
  const char* terminal = file.ends_with(".svg") ? "svg noenhanced background 'white'" : "png noenhanced";
  fmt::print(pipe, "set terminal {} size {},{}\nset output {}\n{}", terminal, width, height, gnuplot_string(file),
             script);
  const int status = pclose(pipe);
  if (status != 0) refuse("{}: gnuplot failed with status {}", file, status);
}

}  // namespace nvmev::sim
