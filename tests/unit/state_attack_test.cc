// SPDX-License-Identifier: GPL-2.0-only
// State files that somebody has changed, with their checksums: by chance, and as the fuzzer found worth keeping.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "host/state_attack.h"

namespace nvmev::test {
namespace {

class StateAttack : public testing::TestWithParam<u32> {};

TEST_P(StateAttack, IsRefusedOrMakesADevice) {
  std::mt19937_64 random(GetParam());
  u32 taken = 0;
  constexpr u32 kTries = 150;
  for (u32 i = 0; i < kTries; i++) {
    std::vector<u8> input(1 + 6 * (1 + random() % 3));
    for (u8& byte : input) byte = static_cast<u8>(random());
    input[0] = static_cast<u8>(GetParam());
    taken += attack_state(input.data(), input.size());
  }
  EXPECT_GT(taken, 5u);
  EXPECT_LT(taken, kTries - 5);
}

INSTANTIATE_TEST_SUITE_P(Kinds, StateAttack, testing::Range(0u, state_attack_kinds()));

TEST(StateAttackCorpus, Holds) {
  u32 files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(NVMEV_ROOT "/tests/fuzz/corpus/state")) {
    SCOPED_TRACE(entry.path());
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    attack_state(reinterpret_cast<const u8*>(bytes.data()), bytes.size());
    files++;
  }
  EXPECT_GE(files, 9u);
}

}  // namespace
}  // namespace nvmev::test
