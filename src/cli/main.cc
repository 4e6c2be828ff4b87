// SPDX-License-Identifier: GPL-2.0-only
// nvmev: what users of NVMeVirt's drives want from the command line.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>

#include "device.h"
#include "kv.h"
#include "zns.h"

int main(int argc, char** argv) {
  CLI::App app("Tools for drives of NVMeVirt, and for others that have the same command sets.", "nvmev");
  app.require_subcommand(1);
  nvmev::cli::add_device(app);
  nvmev::cli::add_kv(app);
  nvmev::cli::add_zns(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  } catch (const std::exception& error) {
    fmt::print(stderr, "nvmev: {}\n", error.what());
    return 2;
  }
  return 0;
}
