// SPDX-License-Identifier: GPL-2.0-only
// Bytes of a saved state as nobody of ours wrote them.
#pragma once

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "nvmev/types.h"

namespace nvmev::test {

inline std::vector<u8> damaged(const std::vector<u8>& good, std::mt19937_64& random) {
  std::vector<u8> bytes = good;
  if (random() % 8 == 0) bytes.resize(random() % bytes.size());
  for (u64 i = 1 + random() % 3; i != 0 && !bytes.empty(); i--) {
    const size_t at = random() % bytes.size();
    switch (random() % 4) {
      case 0:
        bytes[at] ^= static_cast<u8>(1u << random() % 8);
        break;
      case 1:
        bytes[at] = static_cast<u8>(random());
        break;
      case 2:
        bytes[at] = 0xff;
        break;
      default: {
        // A stretch from elsewhere.
        const size_t from = random() % bytes.size();
        const size_t length = std::min<size_t>(random() % 64, bytes.size() - std::max(at, from));
        std::memmove(&bytes[at], &bytes[from], length);
      }
    }
  }
  return bytes;
}

}  // namespace nvmev::test
