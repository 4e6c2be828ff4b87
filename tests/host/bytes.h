// SPDX-License-Identifier: GPL-2.0-only
// Fields of data structures by byte offset, as specifications give them.
#pragma once

#include <cstring>
#include <vector>

#include "nvmev/types.h"

namespace nvmev::test {

// The little-endian number in `length` bytes, at most 8, from byte `at` on.
inline u64 le(const std::vector<u8>& bytes, size_t at, size_t length) {
  u64 value = 0;
  std::memcpy(&value, bytes.data() + at, length);
  return value;
}

}  // namespace nvmev::test
