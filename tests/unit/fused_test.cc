// SPDX-License-Identifier: GPL-2.0-only
// Fused Compare and Write: NVMe 2.0 section 3.4.2, NVM Command Set 1.0 section 2.1.3.1.
#include <gtest/gtest.h>

#include <random>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::NvmOpcode;
using nvme::Sqe;
using nvme::Status;

class Fused : public testing::Test {
 protected:
  Fused() { rig_.start(2); }

  Driver& driver() { return rig_.driver; }

  struct Pair {
    Completion first;
    Completion second;
  };
  // Submits both with one doorbell write.
  Pair run(Sqe first, Sqe second) {
    first.flags |= nvme::kFuseFirst;
    second.flags |= nvme::kFuseSecond;
    const u16 one = driver().queue(1, first);
    const u16 two = driver().queue(1, second);
    driver().ring(1);
    Pair pair;
    pair.first = driver().wait(1, one);
    pair.second = driver().wait(1, two);
    return pair;
  }
  Sqe compare(u64 slba, u32 blocks = 1) { return cmd::with_prps(cmd::io(NvmOpcode::kCompare, slba, blocks), expected_prps_); }
  Sqe write(u64 slba, u32 blocks = 1) { return cmd::with_prps(cmd::io(NvmOpcode::kWrite, slba, blocks), data_prps_); }

  Rig rig_{{{"type", "conv"}, {"capacity", "64M"}}};
  DmaBuffer expected_{driver().arena(), 512, 100};
  DmaBuffer data_{driver().arena(), 512, 3900};  // over two pages
  Prps expected_prps_{driver().arena(), expected_};
  Prps data_prps_{driver().arena(), data_};
};

TEST_F(Fused, WritesWhereTheBlockIsAsExpected) {
  data_.write(pattern(512, 1));
  Pair pair = run(compare(7), write(7));
  EXPECT_TRUE(pair.first.ok()) << "what was never written is zeros";
  EXPECT_TRUE(pair.second.ok());
  EXPECT_EQ(driver().read(7, 1).bytes, pattern(512, 1));
  expected_.write(pattern(512, 1));
  data_.write(pattern(512, 2));
  pair = run(compare(7), write(7));
  EXPECT_TRUE(pair.first.ok() && pair.second.ok());
  EXPECT_EQ(driver().read(7, 1).bytes, pattern(512, 2));
}

TEST_F(Fused, ChangesNothingWhereItIsNot) {
  ASSERT_TRUE(driver().write(6, pattern(1536, 3)).ok());
  data_.write(pattern(512, 1));
  const Pair pair = run(compare(7), write(7));
  EXPECT_EQ(pair.first.status, Status::kCompareFailure);
  EXPECT_EQ(pair.second.status, Status::kFailedFusedCommand);
  EXPECT_EQ(driver().read(6, 3).bytes, pattern(1536, 3));
}

TEST_F(Fused, EachPartNeedsTheOther) {
  Sqe first = compare(0);
  first.flags = nvme::kFuseFirst;
  Sqe second = write(0);
  second.flags = nvme::kFuseSecond;
  EXPECT_EQ(rig_.io(first).status, Status::kMissingFusedCommand) << "the doorbell tells of both at once";
  EXPECT_EQ(rig_.io(second).status, Status::kMissingFusedCommand);
  // Something else between them.
  const u16 one = driver().queue(1, first);
  const u16 other = driver().queue(1, cmd::io(NvmOpcode::kFlush, 0, 0));
  const u16 two = driver().queue(1, second);
  driver().ring(1);
  EXPECT_EQ(driver().wait(1, one).status, Status::kMissingFusedCommand);
  EXPECT_TRUE(driver().wait(1, other).ok());
  EXPECT_EQ(driver().wait(1, two).status, Status::kMissingFusedCommand);
  // Two firsts: the second of them has a partner.
  const u16 lone = driver().queue(1, first);
  const u16 good = driver().queue(1, first);
  const u16 end = driver().queue(1, second);
  driver().ring(1);
  EXPECT_EQ(driver().wait(1, lone).status, Status::kMissingFusedCommand);
  EXPECT_TRUE(driver().wait(1, good).ok());
  EXPECT_TRUE(driver().wait(1, end).ok());
}

TEST_F(Fused, AnyPlaceInTheQueue) {
  for (u32 i = 0; i < 200; i++) {
    data_.write(pattern(512, i));
    const Pair pair = run(compare(0), write(0));
    ASSERT_TRUE(pair.first.ok() && pair.second.ok()) << i;
    expected_.write(pattern(512, i));
    if (i % 3 == 0) ASSERT_TRUE(rig_.io(cmd::io(NvmOpcode::kFlush, 0, 0)).ok());
  }
}

TEST_F(Fused, Refusals) {
  ASSERT_TRUE(driver().write(0, pattern(2048, 3)).ok());
  expected_.write(driver().read(0, 1).bytes);
  const u64 beyond = (64ull << 20) / 512;
  Sqe other_namespace = write(0);
  other_namespace.nsid = 2;
  Sqe unreachable = write(0);
  unreachable.prp1 = 0xdead'0000'0000;
  Sqe odd = compare(0);
  odd.prp1 |= 2;
  struct Case {
    const char* what;
    Sqe first, second;
    Status one, two;
  };
  const Case cases[] = {
      {"two reads", cmd::read(0, 1), cmd::read(0, 1), Status::kInvalidField, Status::kInvalidField},
      {"the wrong way round", write(0), compare(0), Status::kInvalidField, Status::kInvalidField},
      {"other blocks", compare(0), write(1), Status::kInvalidField, Status::kInvalidField},
      {"another length", compare(0), write(0, 2), Status::kInvalidField, Status::kInvalidField},
      {"another namespace", compare(0), other_namespace, Status::kInvalidField, Status::kInvalidField},
      {"two blocks", compare(0, 2), write(0, 2), Status::kAtomicWriteUnitExceeded, Status::kAtomicWriteUnitExceeded},
      {"beyond the end", compare(beyond), write(beyond), Status::kLbaOutOfRange, Status::kFailedFusedCommand},
      {"data that cannot be reached", compare(0), unreachable, Status::kFailedFusedCommand, Status::kDataTransferError},
      {"alignment", odd, write(0), Status::kInvalidPrpOffset, Status::kFailedFusedCommand},
  };
  for (const Case& c : cases) {
    const Pair pair = run(c.first, c.second);
    EXPECT_EQ(pair.first.status, c.one) << c.what;
    EXPECT_EQ(pair.second.status, c.two) << c.what;
  }
  EXPECT_EQ(driver().read(0, 4).bytes, pattern(2048, 3));
  Sqe protect = cmd::set_feature(nvme::Feature::kWriteProtection, 1);
  protect.nsid = 1;
  ASSERT_TRUE(driver().admin(protect).ok());
  const Pair pair = run(compare(0), write(0));
  EXPECT_EQ(pair.first.status, Status::kFailedFusedCommand);
  EXPECT_EQ(pair.second.status, Status::kNamespaceWriteProtected);
}

TEST_F(Fused, OfABlockThatCannotBeRead) {
  ASSERT_TRUE(rig_.io(cmd::io(NvmOpcode::kWriteUncorrectable, 5, 1)).ok());
  const Pair pair = run(compare(5), write(5));
  EXPECT_EQ(pair.first.status, Status::kUnrecoveredReadError);
  EXPECT_EQ(pair.second.status, Status::kFailedFusedCommand);
  EXPECT_EQ(driver().read(5, 1).completion.status, Status::kUnrecoveredReadError);
}

// Several queues count one block up, as locks do: no step is lost.
TEST(FusedContention, NoUpdateIsLost) {
  constexpr u32 kQueues = 4;
  constexpr u32 kSteps = 300;
  TestHost host;
  Device device(host, make_config({{"dispatchers", "2"}, {"queues", "4"}}, 2));
  ThreadRunner runner(device, 3);
  Driver driver(device, runner);
  ASSERT_TRUE(driver.enable());
  struct Counter {
    std::unique_ptr<DmaBuffer> expected, data;
    u32 seen = 0;
    u16 first = 0, second = 0;
  };
  std::vector<Counter> counters(kQueues);
  const auto submit = [&](u16 queue) {
    Counter& counter = counters[queue - 1];
    std::vector<u8> bytes(512, 0);
    std::memcpy(bytes.data(), &counter.seen, 4);
    counter.expected->write(bytes);
    const u32 next = counter.seen + 1;
    std::memcpy(bytes.data(), &next, 4);
    counter.data->write(bytes);
    const Prps expected(host.arena, *counter.expected), data(host.arena, *counter.data);
    Sqe first = cmd::with_prps(cmd::io(NvmOpcode::kCompare, 9, 1), expected);
    Sqe second = cmd::with_prps(cmd::io(NvmOpcode::kWrite, 9, 1), data);
    first.flags = nvme::kFuseFirst;
    second.flags = nvme::kFuseSecond;
    counter.first = driver.queue(queue, first);
    counter.second = driver.queue(queue, second);
    driver.ring(queue);
  };
  for (u16 queue = 1; queue <= kQueues; queue++) {
    driver.create_queue_pair(queue, 16);
    counters[queue - 1].expected = std::make_unique<DmaBuffer>(host.arena, 512);
    counters[queue - 1].data = std::make_unique<DmaBuffer>(host.arena, 512);
  }
  u32 won = 0;
  u32 lost = 0;
  while (won < kSteps) {
    for (u16 queue = 1; queue <= kQueues; queue++) submit(queue);
    for (u16 queue = 1; queue <= kQueues; queue++) {
      Counter& counter = counters[queue - 1];
      const Completion first = driver.wait(queue, counter.first);
      const Completion second = driver.wait(queue, counter.second);
      ASSERT_EQ(first.ok(), second.ok());
      first.ok() ? won++ : lost++;
    }
    for (Counter& counter : counters) counter.seen = won;
  }
  u32 value;
  std::memcpy(&value, driver.read(9, 1).bytes.data(), 4);
  EXPECT_EQ(value, won);
  EXPECT_EQ(lost % (kQueues - 1), 0u) << "one of the queues wins each round";
  driver.disable();
}

}  // namespace
}  // namespace nvmev::test
