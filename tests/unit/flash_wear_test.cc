// SPDX-License-Identifier: GPL-2.0-only
// Erase counts, bad blocks and errors of reads.
#include <gtest/gtest.h>

#include "ftl/flash/ecc.h"
#include "ftl/flash/wear.h"
#include "host/test_host.h"

namespace nvmev::flash {
namespace {

class FlashWearTest : public testing::Test {
 protected:
  FlashWearTest() {
    nvmev_config_init(&config_);
    config_.pe_cycles = 100;
    geometry_ = Geometry::of(config_);
    geometry_.dies = 4;
    geometry_.die_blocks = 110;
  }

  test::TestHost host_;
  nvmev_config config_;
  Geometry geometry_;
};

TEST_F(FlashWearTest, BadBlocksAreReplacedUntilTheSpareOnesAreGone) {
  Wear wear;
  ASSERT_TRUE(wear.init(geometry_, 100, config_, &host_));
  EXPECT_EQ(wear.spare_left(), 40u);
  u32 survived = 0;
  while (wear.erase(2, 7)) survived++;
  // The block itself and ten spare ones, each for 1 to 1.5 times the rated number.
  EXPECT_GE(survived, 11 * 100u);
  EXPECT_LE(survived, 11 * 150u);
  EXPECT_EQ(wear.spare_left(), 30u);
  EXPECT_EQ(wear.bad_blocks(), 11u);
  EXPECT_FALSE(wear.usable(2, 7));
  EXPECT_TRUE(wear.usable(2, 8));
  EXPECT_TRUE(wear.usable(3, 7));
}

TEST_F(FlashWearTest, SomeAreBadAtBirth) {
  config_.bad_blocks = 5000;  // 5 %
  geometry_.die_blocks = 130;
  Wear wear;
  ASSERT_TRUE(wear.init(geometry_, 100, config_, &host_));
  EXPECT_GE(wear.bad_blocks(), 8u);
  EXPECT_LE(wear.bad_blocks(), 36u);
  EXPECT_EQ(wear.spare_left() + wear.bad_blocks(), 120u);
  u32 usable = 0;
  for (u32 die = 0; die < 4; die++) {
    for (u32 block = 0; block < 100; block++) usable += wear.usable(die, block);
  }
  EXPECT_EQ(usable, 400u);
}

TEST_F(FlashWearTest, PercentageUsedIsTheMean) {
  Wear wear;
  ASSERT_TRUE(wear.init(geometry_, 110, config_, &host_));
  for (u32 die = 0; die < 4; die++) {
    for (u32 block = 0; block < 110; block++) {
      for (int i = 0; i < 50; i++) ASSERT_TRUE(wear.erase(die, block));
    }
  }
  EXPECT_EQ(wear.percentage_used(), 50u);
  EXPECT_EQ(wear.total_erases(), 4u * 110 * 50);
  EXPECT_EQ(wear.largest(), 50u);
}

TEST_F(FlashWearTest, ErrorsGrowWithWearAndAge) {
  config_.ecc_correctable = 40;
  config_.ecc_errors_fresh = 4000;
  config_.ecc_errors_worn = 40000;
  config_.ecc_errors_day = 500;
  config_.read_retries = 3;
  config_.pe_cycles = 1000;
  Ecc ecc;
  ecc.init(config_);
  ASSERT_TRUE(ecc.enabled());
  constexpr u64 kDay = 86400ull * 1000 * 1000 * 1000;
  const auto tries = [&](u32 erases, u64 age, u64* failures) {
    u64 sum = 0;
    for (u64 row = 0; row < 10'000; row++) {
      const Ecc::Outcome outcome = ecc.read(row, erases, age);
      sum += outcome.retries;
      *failures += outcome.uncorrectable;
    }
    return sum;
  };
  u64 failures = 0;
  EXPECT_EQ(tries(0, 0, &failures), 0u);
  const u64 worn = tries(1000, 0, &failures);
  EXPECT_GT(worn, 0u);
  const u64 old = tries(1000, 100 * kDay, &failures);
  EXPECT_GT(old, worn);
  EXPECT_EQ(failures, 0u);
  tries(5000, 3650 * kDay, &failures);
  EXPECT_GT(failures, 0u);
  // The same page gives the same result.
  EXPECT_EQ(ecc.read(5, 1000, kDay).retries, ecc.read(5, 1000, kDay).retries);
}

}  // namespace
}  // namespace nvmev::flash
