// SPDX-License-Identifier: GPL-2.0-only
// nvmev kv verify.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace nvmev::cli {

struct VerifySettings {
  std::uint64_t keys = 10000;
  std::size_t value_max = 4096;
  unsigned large_every = 64;  // one value of so many may have up to value_max bytes, the others up to 1 KiB
  unsigned threads = 4;
  std::uint64_t seed = 1;
};

// Throws at the first thing that is wrong. Tells what it does on standard output. In the end the namespace is empty again.
void verify(const std::string& device, const VerifySettings& settings);

}  // namespace nvmev::cli
