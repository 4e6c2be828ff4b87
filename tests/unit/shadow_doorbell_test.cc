// SPDX-License-Identifier: GPL-2.0-only
// Doorbell Buffer Config: NVMe 2.0 section 5.8 and annex B.5.
#include <gtest/gtest.h>

#include <cstring>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Status;

TEST(ShadowDoorbell, Refusals) {
  Rig rig;
  ASSERT_TRUE(rig.driver.enable());
  const u64 good = rig.driver.arena().alloc(2);
  struct Case {
    const char* what;
    u64 shadow, event_idx;
  };
  const Case cases[] = {
      {"shadow not page aligned", good + 8, good + kPageSize},
      {"EventIdx not page aligned", good, good + kPageSize + 4},
      {"shadow zero", 0, good},
      {"EventIdx zero", good, 0},
      {"shadow outside memory", rig.driver.arena().end(), good},
      {"EventIdx outside memory", good, rig.driver.arena().end()},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_NE(rig.admin(cmd::doorbell_buffers(c.shadow, c.event_idx)).status, Status::kSuccess);
  }
  rig.driver.create_queue_pair(1);
  EXPECT_TRUE(rig.io(cmd::flush()).ok()) << "the registers still serve";
  rig.driver.disable();
  rig.driver.arena().free(good, 2);
}

TEST(ShadowDoorbell, CanBeLeftOut) {
  constexpr u32 kOpcode = 0x7c;
  Rig rig({{"shadow_doorbells", "0"}});
  rig.start();
  EXPECT_FALSE(rig.driver.identify(nvme::Cns::kController).bytes[257] & 1) << "OACS";
  EXPECT_EQ(rig.driver.log<nvme::CommandEffectsLog>(nvme::LogPage::kCommandEffects).admin[kOpcode], 0u);
  const u64 buffers = rig.driver.arena().alloc(2);
  EXPECT_EQ(rig.admin(cmd::doorbell_buffers(buffers, buffers + kPageSize)).status, Status::kInvalidOpcode);
  EXPECT_TRUE(rig.io(cmd::flush()).ok());
  rig.driver.disable();
  rig.driver.arena().free(buffers, 2);
}

class ShadowDoorbellOrder : public testing::TestWithParam<bool> {};

TEST_P(ShadowDoorbellOrder, CommandsFlowAndWrapAround) {
  const bool queues_first = GetParam();
  for (const u32 size : {2u, 3u, 7u, 64u, 256u}) {
    SCOPED_TRACE(size);
    Rig rig({}, 2);
    ASSERT_TRUE(rig.driver.enable());
    if (queues_first) {
      // Linux sets the buffers before it creates queues; a queue that exists goes on from where it is.
      rig.driver.create_queue_pair(1, size);
      for (u32 i = 0; i < 3; i++) ASSERT_TRUE(rig.io(cmd::flush()).ok());
    }
    ASSERT_TRUE(rig.driver.use_shadow_doorbells().ok());
    if (!queues_first) rig.driver.create_queue_pair(1, size);
    for (u32 i = 0; i < 3 * size + 5; i++) {
      const u32 batch = 1 + i % std::min(size - 1, 5u);
      for (u32 k = 0; k < batch; k++) rig.driver.queue(1, cmd::flush());
      rig.driver.ring(1);
      ASSERT_TRUE(rig.driver.wait_for(batch)) << i;
      rig.driver.take();
    }
    EXPECT_EQ(rig.runner.fault(), "");
  }
}

INSTANTIATE_TEST_SUITE_P(QueuesFirst, ShadowDoorbellOrder, testing::Bool());

TEST(ShadowDoorbell, RegistersAreHardlyWritten) {
  Rig rig;
  ASSERT_TRUE(rig.driver.enable());
  ASSERT_TRUE(rig.driver.use_shadow_doorbells().ok());
  rig.driver.create_queue_pair(1, 64);
  const u64 before = rig.driver.doorbell_writes();
  DmaBuffer buffer(rig.driver.arena(), 4096);
  const Prps prps(rig.driver.arena(), buffer);
  // A stream of commands that never lets the device go idle.
  constexpr u32 kCommands = 500;
  u32 done = 0;
  for (u32 sent = 0; done < kCommands;) {
    while (sent < kCommands && sent - done < 16) {
      rig.driver.submit(1, cmd::with_prps(cmd::read(sent % 64, 8), prps));
      sent++;
    }
    rig.runner.step();
    rig.driver.reap();
    done += static_cast<u32>(rig.driver.take().size());
  }
  EXPECT_LE(rig.driver.doorbell_writes() - before, kCommands / 4) << "2 for each command without shadow doorbells";
  EXPECT_EQ(rig.runner.fault(), "");
}

TEST(ShadowDoorbell, AdminQueueStaysWithTheRegister) {
  Rig rig;
  ASSERT_TRUE(rig.driver.enable());
  ASSERT_TRUE(rig.driver.use_shadow_doorbells().ok());
  // Rubbish where the admin queue's shadow would be.
  const u32 rubbish = 0x55aa;
  std::memcpy(rig.driver.arena().at(rig.driver.shadow_page()), &rubbish, 4);
  for (int i = 0; i < 100; i++) ASSERT_TRUE(rig.driver.get_feature(nvme::Feature::kNumberOfQueues).ok());
}

TEST(ShadowDoorbell, InvalidValueIsReported) {
  Rig rig;
  ASSERT_TRUE(rig.driver.enable());
  ASSERT_TRUE(rig.driver.use_shadow_doorbells().ok());
  rig.driver.create_queue_pair(1, 64);
  const u16 event = rig.driver.submit(0, cmd::async_event());
  rig.runner.settle();
  rig.driver.write_sq_doorbell(1, 64);
  rig.runner.run_for(1'000'000'000);
  rig.driver.reap();
  const auto completion = rig.driver.take(0, event);
  ASSERT_TRUE(completion.has_value());
  EXPECT_EQ(completion->dw0, 0x010100u);
}

TEST(ShadowDoorbell, NewQueueStartsAtZeroWhateverTheBufferHolds) {
  Rig rig;
  ASSERT_TRUE(rig.driver.enable());
  ASSERT_TRUE(rig.driver.use_shadow_doorbells().ok());
  for (int round = 0; round < 3; round++) {
    rig.driver.create_queue_pair(1, 16);
    rig.runner.run_for(1'000'000);
    EXPECT_EQ(rig.driver.reap(1), 0u) << "the tail of the queue before";
    for (int i = 0; i < 7; i++) ASSERT_TRUE(rig.io(cmd::flush()).ok());
    ASSERT_TRUE(rig.driver.delete_sq(1).ok());
    ASSERT_TRUE(rig.driver.delete_cq(1).ok());
  }
  EXPECT_EQ(rig.runner.fault(), "");
}

TEST(ShadowDoorbell, GoneAfterControllerReset) {
  Rig rig;
  ASSERT_TRUE(rig.driver.enable());
  ASSERT_TRUE(rig.driver.use_shadow_doorbells().ok());
  rig.driver.create_queue_pair(1, 64);
  ASSERT_TRUE(rig.io(cmd::flush()).ok());
  rig.driver.disable();  // frees the buffers; the arena tells if they are written later
  rig.start(1);
  for (int i = 0; i < 100; i++) ASSERT_TRUE(rig.io(cmd::flush()).ok());
}

TEST(ShadowDoorbell, FullCompletionQueueIsDeliveredAfterHeadMoves) {
  Rig rig;
  ASSERT_TRUE(rig.driver.enable());
  ASSERT_TRUE(rig.driver.use_shadow_doorbells().ok());
  ASSERT_TRUE(rig.driver.create_cq(1, 4, 1).ok());
  ASSERT_TRUE(rig.driver.create_sq(1, 64, 1).ok());
  for (int i = 0; i < 30; i++) rig.driver.queue(1, cmd::flush());
  rig.driver.ring(1);
  size_t got = 0;
  for (int i = 0; i < 30; i++) {
    rig.runner.run_for(1'000'000);
    got += rig.driver.reap(1);
  }
  EXPECT_EQ(got, 30u);
  EXPECT_EQ(rig.runner.fault(), "");
}

}  // namespace
}  // namespace nvmev::test
