// SPDX-License-Identifier: GPL-2.0-only
// Keep Alive: NVMe 2.0 sections 3.9, 5.18 and 5.27.1.13.
#include <gtest/gtest.h>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Feature;
using nvme::Status;

constexpr u64 kSecond = 1'000'000'000;

class KeepAlive : public testing::Test {
 protected:
  KeepAlive() { rig_.start(); }
  Status set(u32 ms) { return rig_.driver.set_feature(Feature::kKeepAliveTimer, ms).status; }
  bool stopped() { return rig_.driver.csts() & nvme::csts::kFatal; }
  Rig rig_;
};

TEST_F(KeepAlive, OffAtFirst) {
  EXPECT_EQ(rig_.driver.get_feature(Feature::kKeepAliveTimer).dw0, 0u);
  rig_.runner.run_for(100'000 * kSecond);
  EXPECT_FALSE(stopped());
}

TEST_F(KeepAlive, RoundedUpToItsGranularity) {
  const std::vector<u8> id = rig_.driver.identify(nvme::Cns::kController).bytes;
  const u32 unit = (id[320] | id[321] << 8) * 100u;
  ASSERT_EQ(unit, 1000u) << "KAS, ms";
  ASSERT_EQ(set(1), Status::kSuccess);
  EXPECT_EQ(rig_.driver.get_feature(Feature::kKeepAliveTimer).dw0, 1000u);
  ASSERT_EQ(set(2500), Status::kSuccess);
  EXPECT_EQ(rig_.driver.get_feature(Feature::kKeepAliveTimer).dw0, 3000u);
  EXPECT_EQ(set(~0u), Status::kKeepAliveTimeoutInvalid);
}

TEST_F(KeepAlive, SilenceStopsTheController) {
  ASSERT_EQ(set(2000), Status::kSuccess);
  rig_.runner.run_for(2 * kSecond - kSecond / 100);
  EXPECT_FALSE(stopped());
  rig_.runner.run_for(kSecond / 50);
  EXPECT_TRUE(stopped());
  EXPECT_EQ(rig_.runner.fault(), "");
  EXPECT_TRUE(rig_.host.logged(NVMEV_LOG_WARNING));
  // A reset makes it good, and the log tells.
  rig_.driver.disable();
  rig_.start();
  EXPECT_FALSE(stopped());
  const auto entry = rig_.driver.log<nvme::ErrorLogEntry>(nvme::LogPage::kError);
  EXPECT_EQ(entry.status >> 1 & 0x7ff, static_cast<u16>(Status::kKeepAliveExpired));
  EXPECT_EQ(entry.sq_id, 0xffff) << "no command's";
  EXPECT_TRUE(rig_.driver.read(0, 8).completion.ok());
  EXPECT_EQ(rig_.driver.get_feature(Feature::kKeepAliveTimer).dw0, 0u) << "off after a reset";
  rig_.runner.run_for(10 * kSecond);
  EXPECT_FALSE(stopped());
}

TEST_F(KeepAlive, CommandsInFlightEndWithTheController) {
  ASSERT_EQ(set(1000), Status::kSuccess);
  rig_.driver.submit(0, cmd::async_event());
  rig_.runner.run_for(2 * kSecond);
  ASSERT_TRUE(stopped());
  rig_.driver.submit(0, cmd::admin(nvme::AdminOpcode::kKeepAlive));
  rig_.runner.run_for(kSecond);
  EXPECT_EQ(rig_.driver.reap(), 0u) << "nothing is fetched any more";
}

TEST_F(KeepAlive, EndsWithShutdown) {
  ASSERT_EQ(set(1000), Status::kSuccess);
  rig_.driver.shutdown();
  EXPECT_EQ(rig_.runner.next_deadline(), NVMEV_NEVER) << "nothing is waited for";
  rig_.runner.run_for(10 * kSecond);
  EXPECT_FALSE(stopped());
  rig_.driver.disable();
  rig_.start();
  rig_.runner.run_for(10 * kSecond);
  EXPECT_FALSE(stopped());
}

TEST_F(KeepAlive, TheCommandStartsTheTimerAgain) {
  ASSERT_EQ(set(2000), Status::kSuccess);
  for (u32 i = 0; i < 10; i++) {
    rig_.runner.run_for(kSecond * 3 / 2);
    ASSERT_TRUE(rig_.admin(cmd::admin(nvme::AdminOpcode::kKeepAlive)).ok());
  }
  EXPECT_FALSE(stopped());
  ASSERT_EQ(set(0), Status::kSuccess);
  rig_.runner.run_for(100 * kSecond);
  EXPECT_FALSE(stopped());
}

}  // namespace
}  // namespace nvmev::test
