// SPDX-License-Identifier: GPL-2.0-only
// nvmev zns append, nvmev zns write.
#pragma once

#include <cstdint>
#include <string>

namespace nvmev::cli {

struct ZoneLoad {
  bool append = true;              // otherwise Write, one in flight for each zone
  std::uint32_t zones = 1;
  std::uint32_t block = 16384;     // bytes of a command
  std::uint64_t zone_bytes = 0;    // to write to each zone; 0: all
  std::uint32_t depth = 8;         // commands in flight of each thread; of appends
  std::uint32_t threads = 2;
  bool verify = true;
};

// Resets the zones, fills them, checks that every command got a place of its own and that there is nothing between, reads all back
// and compares. Tells how fast it was on standard output. Throws at the first thing that is wrong.
void run_zone_load(const std::string& device, const ZoneLoad& load);

}  // namespace nvmev::cli
