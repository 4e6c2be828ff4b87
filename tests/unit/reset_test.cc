// SPDX-License-Identifier: GPL-2.0-only
// Controller reset, and reset from outside, while commands are at every stage: nothing of the requester's memory is
// touched afterwards, and nothing is lost or left over.
#include <gtest/gtest.h>

#include "host/rig.h"

namespace nvmev::test {
namespace {

constexpr u32 kDepth = 24;

class ResetAtStage : public testing::TestWithParam<int> {
 protected:
  ResetAtStage() : rig_({{"dispatchers", "2"}}, 2) { rig_.start(3); }

  // Puts commands of all kinds into all queues and makes GetParam() passes of one role each.
  void load() {
    Driver& driver = rig_.driver;
    buffer_ = std::make_unique<DmaBuffer>(driver.arena(), 64 * 1024);
    prps_ = std::make_unique<Prps>(driver.arena(), *buffer_);
    for (u32 i = 0; i < kDepth; i++) {
      const u16 queue = static_cast<u16>(1 + i % 3);
      const u64 slba = i * 128;
      driver.queue(queue, cmd::with_prps(i % 2 ? cmd::read(slba, 128) : cmd::write(slba, 128), *prps_));
      if (i % 5 == 0) driver.queue(queue, cmd::flush());
      if (i % 7 == 0) driver.queue(queue, cmd::write_zeroes(slba, 128, true));
    }
    for (int i = 0; i < 2; i++) driver.queue(0, cmd::async_event());
    driver.queue(0, cmd::delete_sq(2));
    for (u16 queue = 0; queue <= 3; queue++) driver.ring(queue);
    for (int pass = 0; pass < GetParam(); pass++) {
      switch (pass % 5) {
        case 0:
          rig_.runner.dispatch(0);
          break;
        case 1:
          rig_.runner.dispatch(1);
          break;
        case 2:
          rig_.runner.work(0);
          break;
        case 3:
          rig_.runner.work(1);
          break;
        case 4:
          rig_.runner.run_until(rig_.runner.now() + 3'000);
          break;
      }
    }
  }

  // From here on nobody touches the memory for ten seconds, or the process ends.
  void expect_silence() {
    const u64 interrupts = rig_.host.interrupts();
    rig_.driver.arena().forbid();
    rig_.runner.run_for(10'000'000'000);
    rig_.driver.arena().allow();
    EXPECT_EQ(rig_.host.interrupts(), interrupts);
    buffer_.reset();
    prps_.reset();
  }

  // The device works as after its first enable, and nothing old comes up.
  void expect_fresh() {
    rig_.start(3);
    EXPECT_TRUE(rig_.driver.reaped().empty());
    const std::vector<u8> data = pattern(4096, 7);
    EXPECT_TRUE(rig_.driver.write(1000, data, 2).ok());
    const Driver::Data back = rig_.driver.read(1000, 8, 3);
    EXPECT_TRUE(back.completion.ok());
    EXPECT_EQ(back.bytes, data);
    EXPECT_TRUE(rig_.driver.reaped().empty());
    EXPECT_EQ(rig_.runner.fault(), "");
  }

  Rig rig_;
  std::unique_ptr<DmaBuffer> buffer_;
  std::unique_ptr<Prps> prps_;
};

TEST_P(ResetAtStage, ControllerReset) {
  load();
  rig_.driver.disable();
  expect_silence();
  expect_fresh();
}

TEST_P(ResetAtStage, FromOutside) {
  load();
  nvmev_dev_request_reset(rig_.device.get(), 0);
  EXPECT_TRUE(nvmev_dispatch_pending(rig_.device.get(), 0));
  for (int i = 0; !nvmev_dev_reset_done(rig_.device.get(), 0); i++) {
    ASSERT_LT(i, 10000);
    rig_.runner.step();
  }
  expect_silence();
  EXPECT_EQ(rig_.driver.csts(), 0u);
  EXPECT_EQ(rig_.driver.read32(offsetof(nvme::Registers, cc)), 0u);
  rig_.driver.forget_queues();
  expect_fresh();
}

TEST_P(ResetAtStage, DestroyWithoutReset) {
  load();
  // The rig's destructors: nothing is leaked. The driver would disable first; spare it that.
  rig_.driver.write32(offsetof(nvme::Registers, cc), 0);
}

INSTANTIATE_TEST_SUITE_P(Passes, ResetAtStage, testing::Values(0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 35, 60));

TEST(Reset, DestroyRightAfterCreate) {
  TestHost host;
  { Device device(host, make_config({}, 3)); }
  EXPECT_EQ(host.allocated_blocks(), 0u);
}

TEST(Reset, EveryFailedAllocationAtCreateIsCleanedUp) {
  u64 needed = 0;
  {
    TestHost host;
    Device device(host, make_config({{"dispatchers", "2"}}, 2));
    needed = host.allocations();
  }
  ASSERT_GT(needed, 0u);
  for (u64 n = 0; n < needed; n++) {
    TestHost host;
    host.fail_allocation(n);
    const nvmev_config config = make_config({{"dispatchers", "2"}}, 2);
    alignas(4096) static u8 bar[NVMEV_BAR_SIZE];
    std::fill(std::begin(bar), std::end(bar), 0);
    nvmev_dev* dev = nullptr;
    nvmev_error error{};
    EXPECT_EQ(nvmev_dev_create(&config, &host, bar, &dev, &error), -ENOMEM) << n;
    EXPECT_NE(error.text[0], '\0') << n;
    EXPECT_EQ(host.allocated_blocks(), 0u) << n;
  }
}

TEST(Reset, EnableToggledQuickly) {
  Rig rig;
  rig.start();
  Driver& driver = rig.driver;
  const u32 cc = driver.read32(offsetof(nvme::Registers, cc));
  // EN 1 -> 0 -> 1 between two looks of the dispatcher cannot be told from no change; it must not wedge anything.
  driver.write32(offsetof(nvme::Registers, cc), cc & ~1u);
  driver.write32(offsetof(nvme::Registers, cc), cc);
  rig.runner.run_for(1'000'000'000);
  driver.disable();
  EXPECT_TRUE(driver.enable());
}

TEST(Reset, FeaturesReturnToDefaults) {
  Rig rig;
  rig.start();
  const u32 before = rig.driver.get_feature(nvme::Feature::kArbitration).dw0;
  ASSERT_TRUE(rig.driver.set_feature(nvme::Feature::kArbitration, 0x01020304).ok());
  ASSERT_TRUE(rig.driver.set_feature(nvme::Feature::kAsyncEventConfig, 0x102).ok());
  rig.driver.disable();
  rig.start();
  EXPECT_EQ(rig.driver.get_feature(nvme::Feature::kArbitration).dw0, before);
}

}  // namespace
}  // namespace nvmev::test
