// SPDX-License-Identifier: GPL-2.0-only
// Sizes as people write them.
#include <gtest/gtest.h>

#include <cerrno>

#include "nvmev/host.h"
#include "nvmev/types.h"

namespace nvmev {
namespace {

struct Case {
  const char* text;
  u64 unit;
  int result;
  u64 bytes;
};

constexpr u64 kUntouched = 0xdeadbeef;

constexpr Case kCases[] = {
    {"0", 1, 0, 0},
    {"1", 1, 0, 1},
    {"65536", 1ull << 20, 0, 64ull << 30},
    {"128", 1ull << 30, 0, 128ull << 30},
    {"1K", 1ull << 30, 0, 1024},
    {"1k", 1, 0, 1024},
    {"3M", 1, 0, 3ull << 20},
    {"3m", 7, 0, 3ull << 20},
    {"5G", 1, 0, 5ull << 30},
    {"5g", 1, 0, 5ull << 30},
    {"2T", 1, 0, 2ull << 40},
    {"2t", 1, 0, 2ull << 40},
    {"0x10", 1, 0, 16},
    {"0X1fK", 1, 0, 31 * 1024},
    {"0x100000000", 1, 0, 1ull << 32},
    {"18446744073709551615", 1, 0, ~0ull},
    {"16777215T", 1, 0, 16777215ull << 40},
    {"18446744073709551616", 1, -ERANGE, kUntouched},
    {"16777216T", 1, -ERANGE, kUntouched},
    {"18446744073709551615", 2, -ERANGE, kUntouched},
    {"0x10000000000000000", 1, -ERANGE, kUntouched},
    {"", 1, -EINVAL, kUntouched},
    {"K", 1, -EINVAL, kUntouched},
    {"0x", 1, -EINVAL, kUntouched},
    {"-1", 1, -EINVAL, kUntouched},
    {"+1", 1, -EINVAL, kUntouched},
    {" 1", 1, -EINVAL, kUntouched},
    {"1 ", 1, -EINVAL, kUntouched},
    {"1 K", 1, -EINVAL, kUntouched},
    {"1KB", 1, -EINVAL, kUntouched},
    {"1KK", 1, -EINVAL, kUntouched},
    {"1P", 1, -EINVAL, kUntouched},
    {"1.5G", 1, -EINVAL, kUntouched},
    {"12a", 1, -EINVAL, kUntouched},
    {"0xg", 1, -EINVAL, kUntouched},
    {"1e3", 1, -EINVAL, kUntouched},
};

TEST(ParseSize, Table) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(std::string("\"") + c.text + "\" in units of " + std::to_string(c.unit));
    uint64_t bytes = kUntouched;
    EXPECT_EQ(nvmev_parse_size(c.text, c.unit, &bytes), c.result);
    EXPECT_EQ(bytes, c.bytes);
  }
}

}  // namespace
}  // namespace nvmev
