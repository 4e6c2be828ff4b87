// SPDX-License-Identifier: GPL-2.0-only
// nvmev zns: zoned namespaces from the command line.
#pragma once

#include <CLI/CLI.hpp>

namespace nvmev::cli {

// Adds the command `zns` with its own commands.
void add_zns(CLI::App& app);

}  // namespace nvmev::cli
