// SPDX-License-Identifier: GPL-2.0-only
// Weighted round robin with urgent priority class: NVMe 2.0 section 3.4.4.2.
#include <gtest/gtest.h>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Feature;
using nvme::QueuePriority;

constexpr QueuePriority kUrgent = QueuePriority::kUrgent, kHigh = QueuePriority::kHigh, kMedium = QueuePriority::kMedium,
                        kLow = QueuePriority::kLow;

// HPW, MPW and LPW as they count, from 1.
u32 weights(u32 high, u32 medium, u32 low, u32 burst) { return (high - 1) << 24 | (medium - 1) << 16 | (low - 1) << 8 | burst; }

// Commands take one unit of the device each, so that they complete in the order in which they are fetched. All submission queues
// share completion queue 1.
class Arbitration : public testing::Test {
 protected:
  explicit Arbitration(bool weighted = true) : rig_({{"nr_io_units", "1"}, {"read_time", "10000"}}) {
    Driver::EnableOptions options;
    options.extra_cc = weighted ? 1u << 11 : 0;
    EXPECT_TRUE(rig_.driver.enable(options));
    EXPECT_TRUE(rig_.driver.create_cq(1, 512, 1).ok());
  }
  void queue(u16 id, QueuePriority priority, u32 commands) {
    ASSERT_TRUE(rig_.driver.create_sq(id, 64, 1, priority).ok());
    buffer_ = std::make_unique<DmaBuffer>(rig_.driver.arena(), 4096);
    buffers_.push_back(std::move(buffer_));
    for (u32 i = 0; i < commands; i++) {
      nvme::Sqe sqe = cmd::read(0, 8);
      sqe.prp1 = buffers_.back()->bus();
      rig_.driver.queue(id, sqe);
    }
    count_ += commands;
  }
  // Rings all doorbells at once. The queues in the order in which their commands were served.
  std::vector<u16> run() {
    for (u16 id = 1; id <= buffers_.size(); id++) rig_.driver.ring(id);
    EXPECT_TRUE(rig_.driver.wait_for(count_));
    std::vector<u16> order;
    for (const Completion& completion : rig_.driver.take()) order.push_back(completion.sq_id);
    EXPECT_EQ(rig_.runner.fault(), "");
    return order;
  }
  static size_t served(const std::vector<u16>& order, u16 id, size_t from, size_t count) {
    return static_cast<size_t>(std::count(order.begin() + static_cast<long>(from), order.begin() + static_cast<long>(from + count), id));
  }

  Rig rig_;
  std::unique_ptr<DmaBuffer> buffer_;
  std::vector<std::unique_ptr<DmaBuffer>> buffers_;
  size_t count_ = 0;
};

TEST_F(Arbitration, ServiceIsAsTheWeightsSay) {
  for (const u32 burst : {0u, 1u, 2u, 7u}) {
    SCOPED_TRACE(burst);
    ASSERT_TRUE(rig_.driver.set_feature(Feature::kArbitration, weights(8, 4, 2, burst)).ok());
    queue(1, kLow, 60);
    queue(2, kHigh, 60);
    queue(3, kMedium, 60);
    const std::vector<u16> order = run();
    constexpr size_t kRound = 14;
    for (size_t round = 0; round < 7; round++) {
      EXPECT_EQ(served(order, 2, round * kRound, kRound), 8u) << round;
      EXPECT_EQ(served(order, 3, round * kRound, kRound), 4u) << round;
      EXPECT_EQ(served(order, 1, round * kRound, kRound), 2u) << round;
    }
    for (const u16 id : {1, 2, 3}) ASSERT_TRUE(rig_.driver.delete_sq(id).ok());
    buffers_.clear();
    count_ = 0;
  }
}

TEST_F(Arbitration, UrgentCommandsComeFirst) {
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kArbitration, weights(256, 1, 1, 0)).ok());
  queue(1, kHigh, 40);
  queue(2, kUrgent, 20);
  queue(3, kUrgent, 20);
  const std::vector<u16> order = run();
  EXPECT_EQ(served(order, 1, 0, 40), 0u);
  EXPECT_EQ(served(order, 2, 0, 20), 10u) << "round robin among urgent queues";
}

TEST_F(Arbitration, QueuesOfAClassShareItsWeight) {
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kArbitration, weights(4, 4, 1, 0)).ok());
  queue(1, kHigh, 40);
  queue(2, kHigh, 40);
  queue(3, kMedium, 40);
  const std::vector<u16> order = run();
  EXPECT_EQ(served(order, 3, 0, 40), 20u);
  EXPECT_EQ(served(order, 1, 0, 40), 10u);
  EXPECT_EQ(served(order, 2, 0, 40), 10u);
}

TEST_F(Arbitration, ClassesWithoutCommandsLeaveTheirShareToOthers) {
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kArbitration, weights(100, 1, 1, 3)).ok());
  queue(1, kLow, 60);
  queue(2, kHigh, 3);
  const std::vector<u16> order = run();
  EXPECT_EQ(order.size(), 63u);
  EXPECT_EQ(served(order, 2, 0, 10), 3u);
}

class RoundRobin : public Arbitration {
 protected:
  RoundRobin() : Arbitration(false) {}
};

TEST_F(RoundRobin, PrioritiesMeanNothing) {
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kArbitration, weights(256, 1, 1, 0)).ok());
  queue(1, kLow, 60);
  queue(2, kHigh, 60);
  const std::vector<u16> order = run();
  EXPECT_GT(served(order, 1, 0, 60), 20u);
}

}  // namespace
}  // namespace nvmev::test
