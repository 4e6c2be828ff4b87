// SPDX-License-Identifier: GPL-2.0-only
// nvmev kv: key-value namespaces from the command line.
#pragma once

#include <CLI/CLI.hpp>

namespace nvmev::cli {

// Adds the command `kv` with its own commands.
void add_kv(CLI::App& app);

}  // namespace nvmev::cli
