// SPDX-License-Identifier: GPL-2.0-only
// Interrupts: which vector, how often, and coalescing (features 08h and 09h).
#include <gtest/gtest.h>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Feature;

constexpr u64 kUs = 1'000;

class Interrupts : public testing::Test {
 protected:
  Interrupts() : rig_({{"read_time", "10000"}, {"nr_io_units", "8"}, {"medium", "none"}}) {
    EXPECT_TRUE(rig_.driver.enable());
    buffer_ = std::make_unique<DmaBuffer>(rig_.driver.arena(), 4096);
    prps_ = std::make_unique<Prps>(rig_.driver.arena(), *buffer_);
  }

  // Reads of different units, which all end 10 us later.
  void submit_reads(u16 queue, u32 count) {
    for (u32 i = 0; i < count; i++) rig_.driver.queue(queue, cmd::with_prps(cmd::read(i * 8, 8), *prps_));
    rig_.driver.ring(queue);
    rig_.runner.settle();
  }

  // `time` is in units of 100 us, `threshold` 0-based: NVMe 2.0 section 5.27.1.6.
  void coalesce(u32 threshold, u32 time) {
    ASSERT_TRUE(rig_.driver.set_feature(Feature::kInterruptCoalescing, threshold | time << 8).ok());
  }

  u64 count(u16 vector) const { return rig_.host.interrupts(vector); }

  Rig rig_;
  std::unique_ptr<DmaBuffer> buffer_;
  std::unique_ptr<Prps> prps_;
};

TEST_F(Interrupts, OneForEachBatchOnTheQueuesVector) {
  rig_.driver.create_queue_pair(1, 64, 5);
  rig_.driver.create_queue_pair(2, 64, 3);
  submit_reads(1, 8);
  submit_reads(2, 8);
  EXPECT_EQ(count(5) + count(3), 0u) << "not before the completions";
  rig_.runner.run_for(10 * kUs);
  EXPECT_EQ(count(5), 1u);
  EXPECT_EQ(rig_.driver.reap(1), 8u);
  EXPECT_EQ(count(3), 0u) << "the second batch waits for the same units";
  rig_.runner.run_for(10 * kUs);
  EXPECT_EQ(count(3), 1u);
  EXPECT_EQ(rig_.driver.reap(2), 8u);
  EXPECT_EQ(count(1) + count(2), 0u);
}

TEST_F(Interrupts, CompletionIsThereWhenTheInterruptComes) {
  rig_.driver.create_queue_pair(1, 64, 1);
  size_t seen = 0;
  rig_.host.on_interrupt = [&](unsigned vector) {
    if (vector == 1) seen += rig_.driver.reap(1);
  };
  submit_reads(1, 8);
  rig_.runner.run_for(1'000 * kUs);
  EXPECT_EQ(seen, 8u);
  rig_.host.on_interrupt = nullptr;
}

TEST_F(Interrupts, AdminQueueUsesVectorZero) {
  const u64 before = count(0);
  ASSERT_TRUE(rig_.driver.get_feature(Feature::kArbitration).ok());
  EXPECT_EQ(count(0), before + 1);
}

TEST_F(Interrupts, NoneWhereTheyAreDisabled) {
  ASSERT_TRUE(rig_.driver.create_cq(1, 64, 4, false).ok());
  ASSERT_TRUE(rig_.driver.create_sq(1, 64, 1).ok());
  submit_reads(1, 8);
  rig_.runner.run_for(1'000 * kUs);
  EXPECT_EQ(rig_.driver.reap(1), 8u);
  EXPECT_EQ(count(4), 0u);
}

TEST_F(Interrupts, QueuesCanShareAVector) {
  rig_.driver.create_queue_pair(1, 64, 2);
  rig_.driver.create_queue_pair(2, 64, 2);
  submit_reads(1, 4);
  rig_.runner.run_for(1'000 * kUs);
  submit_reads(2, 4);
  rig_.runner.run_for(1'000 * kUs);
  EXPECT_EQ(count(2), 2u);
}

TEST_F(Interrupts, CoalescingWaitsForTheThreshold) {
  coalesce(3, 100);  // 4 completions, or 10 ms
  rig_.driver.create_queue_pair(1, 64, 1);
  submit_reads(1, 3);
  rig_.runner.run_for(1'000 * kUs);
  EXPECT_EQ(count(1), 0u);
  submit_reads(1, 1);
  rig_.runner.run_for(10 * kUs);
  EXPECT_EQ(count(1), 1u) << "the fourth";
  EXPECT_EQ(rig_.driver.reap(1), 4u);
}

TEST_F(Interrupts, CoalescingEndsWithTheTime) {
  coalesce(100, 5);  // 101 completions, or 500 us
  rig_.driver.create_queue_pair(1, 64, 1);
  submit_reads(1, 2);
  rig_.runner.run_for(10 * kUs);
  EXPECT_EQ(count(1), 0u);
  rig_.runner.run_for(499 * kUs);
  EXPECT_EQ(count(1), 0u);
  rig_.runner.run_for(2 * kUs);
  EXPECT_EQ(count(1), 1u) << "500 us after the first completion";
  rig_.runner.run_for(10'000 * kUs);
  EXPECT_EQ(count(1), 1u);
  submit_reads(1, 1);
  rig_.runner.run_for(600 * kUs);
  EXPECT_EQ(count(1), 2u) << "the next one starts anew";
  EXPECT_EQ(rig_.runner.fault(), "");
}

TEST_F(Interrupts, CoalescingOffWhereOneOfBothIsZero) {
  for (const auto& [threshold, time] : {std::pair{0u, 50u}, std::pair{50u, 0u}}) {
    coalesce(threshold, time);
    const u16 queue = threshold ? 1 : 2;
    rig_.driver.create_queue_pair(queue, 64, queue);
    submit_reads(queue, 1);
    rig_.runner.run_for(10 * kUs);
    EXPECT_EQ(count(queue), 1u);
  }
}

TEST_F(Interrupts, VectorsCanBeLeftOutOfCoalescing) {
  coalesce(100, 100);
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kInterruptVectorConfig, 1u << 16 | 2).ok());
  rig_.driver.create_queue_pair(1, 64, 1);
  rig_.driver.create_queue_pair(2, 64, 2);
  submit_reads(2, 1);
  rig_.runner.run_for(10 * kUs);
  EXPECT_EQ(count(2), 1u);
  submit_reads(1, 1);
  rig_.runner.run_for(100 * kUs);
  EXPECT_EQ(count(1), 0u);
}

TEST_F(Interrupts, AdminQueueIsNeverCoalesced) {
  coalesce(100, 100);
  const u64 before = count(0);
  ASSERT_TRUE(rig_.driver.get_feature(Feature::kArbitration).ok());
  EXPECT_EQ(count(0), before + 1);
}

TEST_F(Interrupts, NoneAreOwedAfterQueueDeletion) {
  coalesce(100, 10);
  rig_.driver.create_queue_pair(1, 64, 1);
  submit_reads(1, 3);
  rig_.runner.run_for(20 * kUs);
  ASSERT_TRUE(rig_.driver.delete_sq(1).ok());
  ASSERT_TRUE(rig_.driver.delete_cq(1).ok());
  const u64 before = count(1);
  rig_.runner.run_for(10'000 * kUs);
  EXPECT_EQ(count(1), before);
}

}  // namespace
}  // namespace nvmev::test
