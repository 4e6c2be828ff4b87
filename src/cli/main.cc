// SPDX-License-Identifier: GPL-2.0-only
// nvmev: what users of NVMeVirt's drives want from the command line.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <iostream>

#include "device.h"
#include "kv.h"
#include "zns.h"

namespace {

constexpr int kError = 2;

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Tools for drives of NVMeVirt, and for others that have the same command sets.", "nvmev");
  app.require_subcommand(1);
  nvmev::cli::add_device(app);
  nvmev::cli::add_kv(app);
  nvmev::cli::add_zns(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Whatever is wrong with the arguments is an error like others; 1 is for what a command did not find.
    const int status = app.exit(error);
    return status <= 1 ? status : kError;
  } catch (const std::exception& error) {
    fmt::print(stderr, "nvmev: {}\n", error.what());
    return kError;
  }
  // What did not reach whoever reads it was not told.
  std::cout.flush();
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0 || !std::cout) {
    fmt::print(stderr, "nvmev: standard output cannot be written\n");
    return kError;
  }
  return 0;
}
