// SPDX-License-Identifier: GPL-2.0-only
// nvmev device: devices of the module from the command line.
#pragma once

#include <CLI/CLI.hpp>

namespace nvmev::cli {

// Adds the command `device` with its own commands.
void add_device(CLI::App& app);

}  // namespace nvmev::cli
