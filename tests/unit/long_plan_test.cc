// SPDX-License-Identifier: GPL-2.0-only
// Commands over ranges as large as the device: no pass of a dispatcher does more than a bounded part of one.
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "host/rig.h"

namespace nvmev::test {
namespace {

constexpr u64 kCapacity = 512ull << 20;
constexpr u64 kUnits = kCapacity / 4096;
constexpr u32 kAllBlocks = kCapacity / 512;
constexpr u64 kUnitsInPass = 2 * (16u << 20) / 4096;  // a piece, behind smaller ones that came to less than one

class LongPlan : public testing::Test {
 protected:
  explicit LongPlan(u32 dispatchers = 1, const char* background_gc = "0")
      : rig_({{"type", "conv"},
              {"capacity", std::to_string(kCapacity)},
              {"medium", "none"},
              {"background_gc", background_gc},
              {"dispatchers", std::to_string(dispatchers)}}) {
    rig_.start(3);
    fill();
  }
  ~LongPlan() override { EXPECT_EQ(rig_.runner.fault(), ""); }

  void fill() {
    constexpr u32 kBlocks = 1024;
    const DmaBuffer buffer(rig_.driver.arena(), kBlocks * 512);
    const Prps prps(rig_.driver.arena(), buffer);
    for (u64 slba = 0; slba < kAllBlocks; slba += kBlocks) {
      ASSERT_TRUE(rig_.io(cmd::with_prps(cmd::write(slba, kBlocks), prps)).ok());
    }
    ASSERT_EQ(stat("mapped_units"), kUnits);
  }

  u64 stat(const std::string& name) {
    std::istringstream lines(rig_.device.report());
    for (std::string word; lines >> word; lines.ignore(1 << 16, '\n')) {
      u64 value = 0;
      if (word == name && lines >> value) return value;
    }
    ADD_FAILURE() << name;
    return 0;
  }

  // Submits a deallocation without waiting for it.
  u16 submit_deallocation(u16 queue, const std::vector<nvme::DsmRange>& ranges) {
    std::vector<u8> raw(ranges.size() * sizeof(nvme::DsmRange));
    std::memcpy(raw.data(), ranges.data(), raw.size());
    lists_.push_back(std::make_unique<DmaBuffer>(rig_.driver.arena(), raw.size()));
    lists_.back()->write(raw);
    const Prps prps(rig_.driver.arena(), *lists_.back());
    nvme::Sqe sqe = cmd::dataset_management(static_cast<u32>(ranges.size()));
    return rig_.driver.submit(queue, cmd::with_prps(sqe, prps));
  }

  Rig rig_;
  std::vector<std::unique_ptr<DmaBuffer>> lists_;
};

class LongIdleTime : public LongPlan {
 protected:
  LongIdleTime() : LongPlan(1, "90") {}
};

// What garbage collection does in an hour's pause is made up for when the next command arrives, but not in one pass.
TEST_F(LongIdleTime, CollectionIsBoundedInEachPass) {
  constexpr u64 kHour = 3600ull * 1'000'000'000;
  constexpr u64 kRows = 1024;
  DmaBuffer buffer(rig_.driver.arena(), 4096);
  const Prps prps(rig_.driver.arena(), buffer);
  u32 random = 1;
  for (u32 i = 0; i < 15000; i++) {
    random = random * 1664525 + 1013904223;
    ASSERT_TRUE(rig_.io(cmd::with_prps(cmd::write(random % kUnits * 8, 8), prps)).ok());
  }
  rig_.runner.jump(kHour);
  const u64 fetched = stat("fetched"), begun = stat("gc_row_reads");
  const u16 cid = rig_.driver.submit(2, cmd::flush());
  u32 passes = 0;
  for (; stat("fetched") == fetched; passes++) {
    ASSERT_LT(passes, 1000u);
    const u64 before = stat("gc_row_reads");
    rig_.runner.dispatch(0);
    EXPECT_LE(stat("gc_row_reads") - before, kRows);
  }
  EXPECT_GT(passes, 2u);
  EXPECT_GT(stat("gc_row_reads") - begun, 2 * kRows);
  EXPECT_TRUE(rig_.driver.wait(2, cid).ok());
}

TEST_F(LongPlan, DeallocationOfTheWholeDeviceIsBoundedInEachPass) {
  const u16 cid = submit_deallocation(1, {{0, kAllBlocks, 0}});
  u64 mapped = kUnits;
  u32 passes = 0;
  for (; mapped != 0; passes++) {
    ASSERT_LT(passes, 1000u);
    // Other commands are not kept waiting: a flush is fetched in the same pass.
    const u64 fetched = stat("fetched");
    rig_.driver.submit(2, cmd::flush());
    rig_.runner.dispatch(0);
    EXPECT_GE(stat("fetched"), fetched + 1);
    rig_.runner.work(0);
    rig_.driver.reap();
    const u64 now = stat("mapped_units");
    ASSERT_LE(mapped - now, kUnitsInPass);
    mapped = now;
  }
  EXPECT_GE(passes, kCapacity / (16u << 20));
  EXPECT_TRUE(rig_.driver.wait(1, cid).ok());
}

TEST_F(LongPlan, EveryRangeIsDeallocatedExactly) {
  // Borders within pieces and units; small ranges among large ones.
  const u32 half = kAllBlocks / 2;
  ASSERT_TRUE(rig_.driver.deallocate({{0, 8, 0}, {0, half - 24, 16}, {0, 0, 7}, {0, 3, half}, {0, half - 100, half + 4}}).ok());
  // Blocks 8 to 15 (one unit), half - 8 to half - 1 (one), half to half + 7 (one, in parts), and the last 96 (12).
  EXPECT_EQ(stat("mapped_units"), 15u);
}

TEST_F(LongPlan, SeveralAtOnce) {
  const u16 first = submit_deallocation(1, {{0, kAllBlocks / 2, 0}});
  const u16 second = submit_deallocation(2, {{0, kAllBlocks / 2, kAllBlocks / 2}});
  const u16 third = submit_deallocation(3, {{0, kAllBlocks, 0}});
  EXPECT_TRUE(rig_.driver.wait(2, second).ok());
  EXPECT_TRUE(rig_.driver.wait(3, third).ok());
  EXPECT_TRUE(rig_.driver.wait(1, first).ok());
  EXPECT_EQ(stat("mapped_units"), 0u);
}

TEST_F(LongPlan, WriteZeroesIsTheSameForItsParts) {
  // 32 MiB but for a block at each end: those units are written, not unmapped.
  nvme::Sqe sqe = cmd::write_zeroes(1, 65534, false);
  ASSERT_TRUE(rig_.io(sqe).ok());
  EXPECT_EQ(stat("mapped_units"), kUnits - (32u << 20) / 4096 + 2);
  EXPECT_EQ(stat("host_written_units"), kUnits + 2);
}

TEST_F(LongPlan, DeletionOfItsQueueEndsIt) {
  submit_deallocation(1, {{0, kAllBlocks, 0}});
  for (int i = 0; i < 3; i++) rig_.runner.dispatch(0);
  EXPECT_TRUE(rig_.driver.delete_sq(1).ok());
  // The command was given up, with a completion.
  bool given_up = false;
  rig_.driver.reap();
  for (const Completion& completion : rig_.driver.take()) {
    given_up |= completion.sq_id == 1 && completion.status == nvme::Status::kAbortedSqDeletion;
  }
  EXPECT_TRUE(given_up);
  EXPECT_GT(stat("mapped_units"), 0u);
  EXPECT_TRUE(rig_.driver.run(2, cmd::flush()).ok());
}

TEST_F(LongPlan, DisablingTheControllerEndsIt) {
  // More often than a dispatcher has lists.
  for (int round = 0; round < 20; round++) {
    submit_deallocation(1, {{0, kAllBlocks, 0}});
    submit_deallocation(2, {{0, kAllBlocks, 0}});
    rig_.runner.dispatch(0);
    rig_.driver.disable();
    rig_.start(3);
  }
  EXPECT_TRUE(rig_.driver.deallocate({{0, kAllBlocks, 0}}).ok());
  EXPECT_EQ(stat("mapped_units"), 0u);
}

TEST_F(LongPlan, FormatWaitsForItAndIsBoundedItself) {
  const u16 cid = submit_deallocation(1, {{0, kAllBlocks / 2, 0}});
  rig_.runner.dispatch(0);
  const u16 format = rig_.driver.submit(0, cmd::format(1, 0));
  u64 mapped = stat("mapped_units");
  for (u32 passes = 0; mapped != 0; passes++) {
    ASSERT_LT(passes, 1000u);
    rig_.runner.dispatch(0);
    rig_.runner.work(0);
    const u64 now = stat("mapped_units");
    // A stretch of the map is four pieces.
    ASSERT_LE(mapped - now, 2 * kUnitsInPass);
    mapped = now;
  }
  EXPECT_TRUE(rig_.driver.wait(1, cid).ok());
  EXPECT_TRUE(rig_.driver.wait(0, format).ok());
  fill();
}

class LongPlanShared : public LongPlan {
 protected:
  LongPlanShared() : LongPlan(2) {}
};

TEST_F(LongPlanShared, DispatchersHaveOneEach) {
  const u16 first = submit_deallocation(1, {{0, kAllBlocks / 2, 0}});
  const u16 second = submit_deallocation(2, {{0, kAllBlocks / 2, kAllBlocks / 2}});
  rig_.runner.dispatch(0);
  rig_.runner.dispatch(1);
  rig_.runner.dispatch(0);
  rig_.runner.dispatch(1);
  EXPECT_EQ(stat("mapped_units"), kUnits - 2 * (16u << 20) / 4096);
  const u16 format = rig_.driver.submit(0, cmd::format(1, 0));
  EXPECT_TRUE(rig_.driver.wait(0, format).ok());
  EXPECT_TRUE(rig_.driver.wait(1, first).ok());
  EXPECT_TRUE(rig_.driver.wait(2, second).ok());
  EXPECT_EQ(stat("mapped_units"), 0u);
}

}  // namespace
}  // namespace nvmev::test
