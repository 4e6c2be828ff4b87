// SPDX-License-Identifier: GPL-2.0-only
// The corpus of the profile fuzzer, with every compiler: what it once found stays found.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "host/profile_attempt.h"

namespace nvmev::test {
namespace {

bool attempt(const std::string& text) { return attempt_profile(reinterpret_cast<const u8*>(text.data()), text.size()); }

TEST(ProfileCorpus, Holds) {
  std::map<std::string, bool> accepted;
  for (const auto& entry : std::filesystem::directory_iterator(NVMEV_ROOT "/tests/fuzz/corpus/profile")) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    accepted[entry.path().filename()] = attempt(text);
    // And cut off anywhere.
    for (std::size_t length = 0; length < text.size(); length++) attempt(text.substr(0, length));
  }
  ASSERT_GE(accepted.size(), 13u);
  for (const char* good : {"nvm", "conv", "namespaces"}) EXPECT_TRUE(accepted[good]) << good;
  for (const char* bad : {"twice", "contradiction", "unknown", "no-equals", "range", "too-small", "long-name", "nul",
                          "long-line", "nothing"}) {
    EXPECT_FALSE(accepted[bad]) << bad;
  }
}

}  // namespace
}  // namespace nvmev::test
