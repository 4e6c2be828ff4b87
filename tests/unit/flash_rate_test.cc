// SPDX-License-Identifier: GPL-2.0-only
// Bandwidth is exact, and a resource is never taken twice.
#include "ftl/flash/link.h"
#include "ftl/flash/rate.h"
#include "ftl/flash/timeline.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace nvmev::flash {
namespace {

using u128 = unsigned __int128;

class RateTest : public testing::TestWithParam<u32> {};

TEST_P(RateTest, TransfersOfAnySizeTakeTogetherWhatTheBandwidthSays) {
  const Rate rate(GetParam());
  std::mt19937_64 random(GetParam());
  u32 carry = 0;
  u64 bytes = 0, ns = 0;
  for (int i = 0; i < 200'000; i++) {
    const u64 length = i % 3 == 0 ? random() % (1u << 20) : 512 * (random() % 64);
    bytes += length;
    ns += rate.duration(length, &carry);
    ASSERT_EQ(ns, static_cast<u64>(static_cast<u128>(bytes) * 1000 / GetParam())) << "after " << bytes << " bytes";
  }
}

INSTANTIATE_TEST_SUITE_P(MegabytesPerSecond, RateTest,
                         testing::Values(1, 100, 450, 800, 3050, 3360, 7000, 8192, 14000, 32001, 63999, 64000));

TEST(LinkTest, BackToBackTransfersFillTheLinkExactly) {
  Link link;
  link.init(64000, 16384);
  u64 end = 0;
  for (int i = 0; i < 1'000'000; i++) end = link.transfer(0, 4096, 0, 0).end;
  EXPECT_EQ(end, 64'000'000u);  // 4096 bytes in 64 ns
  EXPECT_EQ(link.busy(), end);
}

TEST(LinkTest, OverheadComesBeforeTheData) {
  Link link;
  link.init(800, 16384);
  const Span moved = link.transfer(1000, 16384, 200, 0);
  EXPECT_EQ(moved.start, 1000u);
  EXPECT_EQ(moved.end, 1000u + 200 + 20480);
}

TEST(TimelineTest, GapsAreUsedAndAreNotUsedTwice) {
  Timeline line;
  EXPECT_EQ(line.reserve(1000, 100, 0), 1000u);
  EXPECT_EQ(line.reserve(0, 400, 0), 0u);      // before it
  EXPECT_EQ(line.reserve(0, 700, 0), 1100u);   // does not fit before it
  EXPECT_EQ(line.reserve(100, 600, 0), 400u);  // fits exactly
  EXPECT_EQ(line.reserve(0, 1, 0), 1800u);     // now all is taken
  EXPECT_EQ(line.end(), 1801u);
}

// Against a map of all reservations that were ever made.
TEST(TimelineTest, NoTwoReservationsOverlap) {
  for (u64 seed = 1; seed <= 20; seed++) {
    std::mt19937_64 random(seed);
    Timeline line;
    std::map<u64, u64> taken;
    u64 now = 0, total = 0;
    for (int i = 0; i < 20'000; i++) {
      now += random() % 50;
      const u64 ready = now + random() % (seed % 2 == 0 ? 400 : 20000);
      const u64 length = 1 + random() % 100;
      const u64 start = line.reserve(ready, length, now);
      ASSERT_GE(start, ready);
      total += length;
      const auto next = taken.lower_bound(start);
      if (next != taken.end()) { ASSERT_LE(start + length, next->first); }
      if (next != taken.begin()) { ASSERT_LE(std::prev(next)->second, start); }
      taken.emplace(start, start + length);
    }
    ASSERT_GE(line.end(), total / 2);
  }
}

// Beyond what it can keep apart, gaps are lost, and nothing that is reserved.
TEST(TimelineTest, ContentionIsNeverForgotten) {
  Timeline line;
  for (u64 i = 1; i <= 1000; i++) ASSERT_EQ(line.reserve(i * 1000, 10, 0), i * 1000);
  EXPECT_EQ(line.reserve(1000 * 1000, 1, 0), 1000 * 1000 + 10u);
  EXPECT_GE(line.reserve(500 * 1000 + 5, 1, 0), 500 * 1000 + 10u);
}

}  // namespace
}  // namespace nvmev::flash
