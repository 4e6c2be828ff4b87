// SPDX-License-Identifier: GPL-2.0-only
// Doorbells: what is valid, what is not, and completion queues that are full.
#include <gtest/gtest.h>

#include <algorithm>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Status;

// An Asynchronous Event Request is out; its completion's DW0, or nothing after a second.
std::optional<u32> event_after_a_second(Rig& rig, u16 cid) {
  rig.runner.run_for(1'000'000'000);
  rig.driver.reap();
  const std::optional<Completion> completion = rig.driver.take(0, cid);
  if (!completion) return std::nullopt;
  return completion->dw0;
}

constexpr u32 kInvalidValue = 0x01'01'00;     // log 01h, info 01h, type error
constexpr u32 kInvalidRegister = 0x01'00'00;  // log 01h, info 00h, type error

TEST(Doorbell, InvalidTailIsReportedAndIgnored) {
  for (const u32 value : {64u, 65u, 0xffffu, 0x10000u, 0xffffffffu}) {
    SCOPED_TRACE(value);
    Rig rig;
    rig.start(1, 64);
    const u16 event = rig.driver.submit(0, cmd::async_event());
    rig.driver.write_sq_doorbell(1, value);
    EXPECT_EQ(event_after_a_second(rig, event), kInvalidValue);
    // A good value afterwards works.
    EXPECT_TRUE(rig.io(cmd::flush()).ok());
    EXPECT_EQ(rig.runner.fault(), "");
  }
}

TEST(Doorbell, InvalidHeadIsReportedAndIgnored) {
  Rig rig;
  rig.start(1, 64);
  const u16 event = rig.driver.submit(0, cmd::async_event());
  for (int i = 0; i < 5; i++) ASSERT_TRUE(rig.io(cmd::flush()).ok());
  // The device looks at a head when it needs room: fill the queue.
  rig.driver.write_cq_doorbell(1, 64);
  for (int i = 0; i < 63; i++) rig.driver.queue(1, cmd::flush());
  rig.driver.ring(1);
  EXPECT_EQ(event_after_a_second(rig, event), kInvalidValue);
}

TEST(Doorbell, HeadBeyondTheQueueIsReportedWithoutNeed) {
  Rig rig;
  rig.start(1, 64);
  const u16 event = rig.driver.submit(0, cmd::async_event());
  for (int i = 0; i < 5; i++) ASSERT_TRUE(rig.io(cmd::flush()).ok());
  rig.driver.write_cq_doorbell(1, 64);
  // While the device works it looks at one queue after another.
  for (int i = 0; i < 2000; i++) rig.driver.get_feature(nvme::Feature::kArbitration);
  EXPECT_EQ(event_after_a_second(rig, event), kInvalidValue);
}

TEST(Doorbell, InvalidTailIsReportedAgainAfterAGoodOne) {
  Rig rig;
  rig.start(1, 64);
  for (int i = 0; i < 2; i++) {
    const u16 event = rig.driver.submit(0, cmd::async_event());
    rig.driver.write_sq_doorbell(1, 77);
    EXPECT_EQ(event_after_a_second(rig, event), kInvalidValue) << i;
    rig.driver.get_log(nvme::LogPage::kError, 64);
    EXPECT_TRUE(rig.io(cmd::flush()).ok());
  }
}

TEST(Doorbell, InvalidAdminTail) {
  Rig rig;
  rig.start(1);
  for (int i = 0; i < 2; i++) {
    const u16 event = rig.driver.submit(0, cmd::async_event());
    rig.runner.settle();
    rig.driver.write_sq_doorbell(0, 32);
    EXPECT_EQ(event_after_a_second(rig, event), kInvalidValue) << i;
    EXPECT_TRUE(rig.driver.get_log(nvme::LogPage::kError, 64).completion.ok());
  }
}

TEST(Doorbell, OfAQueueThatDoesNotExist) {
  Rig rig;
  rig.start(1);
  const u16 event = rig.driver.submit(0, cmd::async_event());
  rig.runner.settle();
  rig.driver.write_sq_doorbell(2, 1);
  const std::optional<u32> dw0 = event_after_a_second(rig, event);
  // The specification makes the error optional to detect ("may"); what is reported must be this.
  if (dw0) EXPECT_EQ(*dw0, kInvalidRegister);
  // Creating the queue afterwards starts from a clean doorbell.
  rig.driver.create_queue_pair(2, 16);
  rig.runner.run_for(1'000'000);
  EXPECT_EQ(rig.driver.reap(2), 0u);
  EXPECT_TRUE(rig.driver.run(2, cmd::flush()).ok());
}

TEST(Doorbell, StaleValueOfADeletedQueueIsNotTakenOver) {
  Rig rig;
  rig.start(1, 32);
  for (int i = 0; i < 7; i++) ASSERT_TRUE(rig.io(cmd::flush()).ok());
  ASSERT_TRUE(rig.driver.delete_sq(1).ok());
  ASSERT_TRUE(rig.driver.delete_cq(1).ok());
  rig.driver.create_queue_pair(1, 32);
  rig.runner.run_for(1'000'000);
  EXPECT_EQ(rig.driver.reap(1), 0u) << "the tail 7 of the old queue";
  for (int i = 0; i < 40; i++) ASSERT_TRUE(rig.io(cmd::flush()).ok());
}

TEST(Doorbell, NothingIsFetchedBeforeIt) {
  Rig rig;
  rig.start(1);
  rig.driver.queue(1, cmd::flush());
  rig.driver.queue(1, cmd::flush());
  rig.runner.run_for(1'000'000);
  EXPECT_EQ(rig.driver.reap(), 0u);
  rig.driver.write_sq_doorbell(1, 1);
  rig.runner.run_for(1'000'000);
  EXPECT_EQ(rig.driver.reap(), 1u);
  rig.driver.ring(1);
  rig.runner.run_for(1'000'000);
  EXPECT_EQ(rig.driver.reap(), 1u);
}

class FullCompletionQueue : public testing::TestWithParam<u32> {};

TEST_P(FullCompletionQueue, CompletionsWaitForRoom) {
  const u32 cq_size = GetParam();
  Rig rig({}, 2);
  ASSERT_TRUE(rig.driver.enable());
  ASSERT_TRUE(rig.driver.create_cq(1, cq_size, 1).ok());
  for (u16 id = 1; id <= 3; id++) ASSERT_TRUE(rig.driver.create_sq(id, 64, 1).ok());
  constexpr u32 kEach = 50;
  for (u16 id = 1; id <= 3; id++) {
    for (u32 i = 0; i < kEach; i++) rig.driver.queue(id, cmd::flush());
    rig.driver.ring(id);
  }
  u32 got = 0;
  std::vector<std::vector<u16>> order(4);
  while (true) {
    rig.runner.run_for(1'000'000);
    const u32 at_once = static_cast<u32>(rig.driver.reap(1));
    EXPECT_LE(at_once, cq_size - 1);
    for (const Completion& completion : rig.driver.take()) {
      EXPECT_TRUE(completion.ok());
      order[completion.sq_id].push_back(completion.cid);
    }
    if (at_once == 0) break;
    got += at_once;
    if (got < 3 * kEach - cq_size) EXPECT_EQ(at_once, cq_size - 1) << "all the room is used";
  }
  EXPECT_EQ(got, 3 * kEach);
  for (u16 id = 1; id <= 3; id++) {
    ASSERT_EQ(order[id].size(), kEach);
    for (u16 i = 0; i < kEach; i++) EXPECT_EQ(order[id][i], i) << "queue " << id;
  }
  EXPECT_EQ(rig.runner.fault(), "");
}

INSTANTIATE_TEST_SUITE_P(Sizes, FullCompletionQueue, testing::Values(2, 3, 8, 16));

TEST(Doorbell, FullCompletionQueueDoesNotHoldUpOthers) {
  Rig rig;
  ASSERT_TRUE(rig.driver.enable());
  rig.driver.create_queue_pair(1, 4);
  rig.driver.create_queue_pair(2, 64);
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 3; i++) rig.driver.queue_raw(1, cmd::flush());
    rig.driver.ring(1);
    rig.runner.run_for(1'000'000);
    rig.driver.sq(1).head = rig.driver.sq(1).tail;  // fetched, as the next round shows
  }
  // Queue 1 has three unread completions and three that wait.
  for (int i = 0; i < 200; i++) {
    const u16 cid = rig.driver.submit(2, cmd::flush());
    rig.runner.run_for(10'000);
    ASSERT_EQ(rig.driver.reap(2), 1u);
    ASSERT_TRUE(rig.driver.take(2, cid).has_value());
  }
  EXPECT_EQ(rig.driver.reap(1), 3u);
  rig.runner.run_for(1'000'000);
  EXPECT_EQ(rig.driver.reap(1), 3u);
}

TEST(Doorbell, FullAdminCompletionQueue) {
  Rig rig;
  ASSERT_TRUE(rig.driver.enable({.admin_entries = 16, .admin_cq_entries = 4}));
  for (int i = 0; i < 15; i++) rig.driver.queue(0, cmd::get_feature(nvme::Feature::kNumberOfQueues));
  rig.driver.ring(0);
  size_t got = 0;
  for (int i = 0; i < 20; i++) {
    rig.runner.run_for(1'000'000);
    const size_t now = rig.driver.reap(0);
    EXPECT_LE(now, 3u);
    got += now;
  }
  EXPECT_EQ(got, 15u);
  EXPECT_EQ(rig.runner.fault(), "");
}

TEST(Doorbell, DeleteQueueWithHeldCompletions) {
  Rig rig({}, 2);
  ASSERT_TRUE(rig.driver.enable());
  ASSERT_TRUE(rig.driver.create_cq(1, 4, 1).ok());
  ASSERT_TRUE(rig.driver.create_sq(1, 64, 1).ok());
  for (int i = 0; i < 30; i++) rig.driver.queue(1, cmd::flush());
  rig.driver.ring(1);
  rig.runner.run_for(1'000'000);
  // The CQ has no room for the aborted commands' completions: the deletion must not wait for it.
  const u16 deletion = rig.driver.submit(0, cmd::delete_sq(1));
  rig.runner.run_for(1'000'000);
  rig.driver.reap(0);
  const auto deleted = rig.driver.take(0, deletion);
  ASSERT_TRUE(deleted.has_value());
  EXPECT_TRUE(deleted->ok());
  const u16 second = rig.driver.submit(0, cmd::delete_cq(1));
  rig.runner.run_for(1'000'000);
  rig.driver.reap(0);
  ASSERT_TRUE(rig.driver.take(0, second).has_value());
  EXPECT_EQ(rig.runner.fault(), "");
}

// More commands than a worker keeps at a time (`inflight`), whose completions find no room.
class FullWorker : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(rig_.driver.enable());
    ASSERT_TRUE(rig_.driver.create_cq(1, 4, 1).ok());
    ASSERT_TRUE(rig_.driver.create_sq(1, 256, 1).ok());
    rig_.driver.queue(1, cmd::write_zeroes(0, 64));  // one that takes long
    for (int i = 0; i < 200; i++) rig_.driver.queue(1, cmd::flush());
    rig_.driver.queue(1, cmd::write_zeroes(0, 64));
    rig_.driver.ring(1);
    rig_.runner.run_for(1'000'000);
  }

  // An admin command, while queue 1 stays as it is.
  void run(const nvme::Sqe& command) {
    const u16 cid = rig_.driver.submit(0, command);
    rig_.runner.run_for(1'000'000);
    rig_.driver.reap(0);
    const auto done = rig_.driver.take(0, cid);
    ASSERT_TRUE(done.has_value());
    EXPECT_TRUE(done->ok());
  }

  Rig rig_{{{"inflight", "64"}}};
};

TEST_F(FullWorker, QueueIsDeleted) {
  for (const nvme::Sqe& command : {cmd::delete_sq(1), cmd::delete_cq(1)}) run(command);
  EXPECT_EQ(rig_.runner.fault(), "");
}

// Queues of the same worker, whose hosts have done no wrong: one shares the completion queue.
TEST_F(FullWorker, AnotherQueueIsDeleted) {
  ASSERT_TRUE(rig_.driver.create_cq(2, 4, 2).ok());
  for (const u16 cq : {1, 2}) {
    ASSERT_TRUE(rig_.driver.create_sq(2, 16, cq).ok());
    rig_.driver.submit(2, cmd::write_zeroes(0, 64));
    run(cmd::delete_sq(2));
  }
  run(cmd::delete_cq(2));
  // All that was asked for comes once there is room.
  for (u32 i = 0; i < 100; i++) {
    rig_.driver.reap(1);
    rig_.runner.run_for(1'000'000);
  }
  const std::vector<Completion>& all = rig_.driver.reaped();
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const Completion& completion) { return completion.sq_id == 1; }), 202);
  EXPECT_EQ(rig_.runner.fault(), "");
}

TEST_F(FullWorker, FormatDoesNotWaitForIt) { run(cmd::format(1, 0)); }

TEST_F(FullWorker, ControllerIsDisabledAndServesAgain) {
  rig_.driver.write32(offsetof(nvme::Registers, cc), 0);
  rig_.runner.run_for(1'000'000);
  ASSERT_EQ(rig_.driver.csts(), 0u);
  rig_.driver.forget_queues();
  rig_.start(1, 32);
  for (int i = 0; i < 200; i++) ASSERT_TRUE(rig_.io(cmd::flush()).ok());
  EXPECT_EQ(rig_.runner.fault(), "");
}

// A long command ends when there is room for its completion; until then its worker rests.
TEST(Doorbell, LongCommandWaitsForRoom) {
  Rig rig({{"inflight", "64"}});
  ASSERT_TRUE(rig.driver.enable());
  ASSERT_TRUE(rig.driver.create_cq(1, 4, 1).ok());
  ASSERT_TRUE(rig.driver.create_sq(1, 256, 1).ok());
  constexpr u32 kBefore = 66, kAfter = 100;  // the completion queue takes 3, and the worker keeps 64
  for (u32 i = 0; i < kBefore; i++) rig.driver.queue(1, cmd::flush());
  rig.driver.queue(1, cmd::write_zeroes(0, 64));
  for (u32 i = 0; i < kAfter; i++) rig.driver.queue(1, cmd::flush());
  rig.driver.ring(1);
  rig.runner.run_for(1'000'000);  // ends, though the command does not
  size_t got = 0;
  for (u32 i = 0; i < 100; i++) {
    got += rig.driver.reap(1);
    rig.runner.run_for(1'000'000);
  }
  EXPECT_EQ(got, kBefore + 1 + kAfter);
  EXPECT_EQ(rig.runner.fault(), "");
}

}  // namespace
}  // namespace nvmev::test
