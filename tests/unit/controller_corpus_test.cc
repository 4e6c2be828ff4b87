// SPDX-License-Identifier: GPL-2.0-only
// The corpus of the controller fuzzer, with every compiler: what it once found stays found.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "host/controller_attack.h"

namespace nvmev::test {
namespace {

TEST(ControllerCorpus, Holds) {
  u32 files = 0;
  u64 commands = 0;
  for (const auto& entry : std::filesystem::directory_iterator(NVMEV_ROOT "/tests/fuzz/corpus/controller")) {
    SCOPED_TRACE(entry.path());
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    commands += attack_controller(reinterpret_cast<const u8*>(bytes.data()), bytes.size());
    files++;
  }
  EXPECT_GE(files, 100u);
  EXPECT_GT(commands, 10 * files);
}

}  // namespace
}  // namespace nvmev::test
