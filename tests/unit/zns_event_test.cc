// SPDX-License-Identifier: GPL-2.0-only
// Zones that change without a command: faults, recommendations, excursions, their log and events; feature 05h, DULBE.
#include <gtest/gtest.h>

#include "host/zoned_rig.h"

namespace nvmev::test {
namespace {

using nvme::Status;
using nvme::ZoneSendAction;
using nvme::ZoneState;
namespace attributes = nvme::zone_attributes;

struct EventRig : ZonedRig {
  using ZonedRig::ZonedRig;

  nvme::ChangedZoneList changed(bool retain = false, u32 nsid = 1) {
    EXPECT_TRUE(admin(cmd::get_log(nvme::LogPage::kChangedZones, 0, 4096, prps.prp1(), 0, retain, nsid)).ok());
    nvme::ChangedZoneList list;
    std::memcpy(&list, buffer.read().data(), sizeof(list));
    return list;
  }
};

TEST(ZnsEvents, AFaultIsAnEventAndListed) {
  EventRig rig;
  ASSERT_TRUE(rig.admin(cmd::set_feature(nvme::Feature::kAsyncEventConfig, 1u << 27)).ok());
  rig.driver.queue(0, cmd::async_event());
  rig.driver.ring(0);
  rig.runner.run_for(100'000'000);
  rig.driver.reap();
  EXPECT_TRUE(rig.driver.take().empty());
  rig.fault("3:read-only");
  rig.runner.run_for(100'000'000);
  rig.driver.reap();
  const auto events = rig.driver.take();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].dw0, 0xbfef02u);
  EXPECT_EQ(events[0].dw1, 1u);
  EXPECT_EQ(rig.changed(true).count, 1);
  const nvme::ChangedZoneList list = rig.changed();
  EXPECT_EQ(list.count, 1);
  EXPECT_EQ(list.zones[0], 3 * kZone);
  EXPECT_EQ(rig.changed().count, 0);
  EXPECT_EQ(rig.state(3), ZoneState::kReadOnly);
}

TEST(ZnsEvents, NoEventUnlessItIsWanted) {
  EventRig rig;
  rig.driver.queue(0, cmd::async_event());
  rig.driver.ring(0);
  rig.fault("3:offline");
  rig.runner.run_for(100'000'000);
  rig.driver.reap();
  EXPECT_TRUE(rig.driver.take().empty());
  EXPECT_EQ(rig.changed().zones[0], 3 * kZone);
}

TEST(ZnsEvents, TheLogIsOfZonedNamespaces) {
  Rig nvm;
  nvm.start();
  DmaBuffer page(nvm.driver.arena(), 4096);
  EXPECT_EQ(nvm.admin(cmd::get_log(nvme::LogPage::kChangedZones, 0, 4096, page.bus(), 0, false, 1)).status,
            Status::kInvalidLogPage);
  EXPECT_EQ(nvm.admin(cmd::set_feature(nvme::Feature::kAsyncEventConfig, 1u << 27)).status, Status::kInvalidField);
  EventRig rig;
  for (const u32 nsid : {0u, 2u, nvme::kNsidBroadcast}) {
    EXPECT_EQ(rig.admin(cmd::get_log(nvme::LogPage::kChangedZones, 0, 4096, rig.prps.prp1(), 0, false, nsid)).status,
              Status::kInvalidNamespaceOrFormat);
  }
}

TEST(ZnsEvents, MoreChangesThanTheLogHolds) {
  EventRig rig(with({{"capacity", "64M"}, {"zone_size", "64K"}, {"zone_capacity", "64K"}, {"max_active_zones", "0"},
                     {"max_open_zones", "0"}, {"finish_recommended", "1"}}));
  for (u32 z = 0; z < 600; z++) ASSERT_TRUE(rig.write(z * 16, 1).ok());
  rig.runner.run_for(100'000'000);
  EXPECT_EQ(rig.changed().count, nvme::ChangedZoneList::kTooMany);
  EXPECT_EQ(rig.changed().count, 0);
}

TEST(ZnsEvents, RecommendationsAndExcursionsComeWithTime) {
  EventRig rig(with({{"finish_recommended", "100"}, {"zone_active_limit", "3000"}, {"reset_recommended", "500"}}));
  ASSERT_TRUE(rig.admin(cmd::identify(nvme::Cns::kCsiNamespace, 1, rig.prps.prp1(), nvme::Csi::kZoned)).ok());
  nvme::IdentifyZonedNamespace zoned;
  std::memcpy(&zoned, rig.buffer.read().data(), sizeof(zoned));
  EXPECT_EQ(zoned.zoc, nvme::kZocActiveExcursions);
  EXPECT_EQ(zoned.frl, 3u);
  ASSERT_TRUE(rig.write(0, 1, 0x17).ok());
  EXPECT_EQ(rig.zone(0).attributes, 0);
  rig.runner.run_for(200'000'000);
  EXPECT_EQ(rig.zone(0).attributes, attributes::kFinishRecommended);
  ASSERT_TRUE(rig.write(1, 1, 0x17).ok());
  rig.runner.run_for(3'200'000'000);
  EXPECT_EQ(rig.state(0), ZoneState::kFull);
  EXPECT_EQ(rig.zone(0).attributes, attributes::kFinishedByController);
  EXPECT_EQ(rig.read(0, 2), std::vector<u8>(2 * kBlock, 0x17));
  rig.runner.run_for(1'000'000'000);
  EXPECT_EQ(rig.zone(0).attributes, attributes::kFinishedByController | attributes::kResetRecommended);
  ASSERT_EQ(rig.send(ZoneSendAction::kReset, 0), Status::kSuccess);
  EXPECT_EQ(rig.zone(0).attributes, 0);
}

TEST(ZnsEvents, BlocksThatWereNeverWrittenCanBeErrors) {
  EventRig rig;
  ASSERT_TRUE(rig.write(0, 2, 0x19).ok());
  nvme::Sqe set = cmd::set_feature(nvme::Feature::kErrorRecovery, 1u << 16);
  set.nsid = 1;
  ASSERT_TRUE(rig.admin(set).ok());
  EXPECT_EQ(rig.read(0, 2), std::vector<u8>(2 * kBlock, 0x19));
  rig.read(1, 2, Status::kUnwrittenBlock);
  rig.read(kZone, 1, Status::kUnwrittenBlock);
  ASSERT_EQ(rig.send(ZoneSendAction::kFinish, 0), Status::kSuccess);
  rig.read(2, 1, Status::kUnwrittenBlock);
  set.cdw11 = 0;
  ASSERT_TRUE(rig.admin(set).ok());
  EXPECT_EQ(rig.read(kZone, 1), std::vector<u8>(kBlock));
}

TEST(ZnsEvents, DeallocationIsAHint) {
  EventRig rig;
  ASSERT_TRUE(rig.write(0, 8, 0x1b).ok());
  const auto deallocate = [&](u64 slba, u32 blocks) {
    const nvme::DsmRange range{0, blocks, slba};
    std::vector<u8> bytes(sizeof(range));
    std::memcpy(bytes.data(), &range, sizeof(range));
    rig.buffer.write(bytes);
    return rig.io(rig.data(cmd::dataset_management(1), 16)).status;
  };
  EXPECT_EQ(deallocate(0, 4), Status::kSuccess);
  EXPECT_EQ(deallocate(16 * kZone - 1, 2), Status::kLbaOutOfRange);
  EXPECT_EQ(rig.read(0, 8), std::vector<u8>(8 * kBlock, 0x1b));
  EXPECT_EQ(rig.zone(0).write_pointer, 8u);
}

TEST(ZnsEvents, MalformedFaultsAreRefused) {
  EventRig rig;
  std::string text;
  for (const char* value : {"3", "3:", ":offline", "x:offline", "3:broken", "99999999999:offline"}) {
    EXPECT_NE(rig.device.set("zone_fault", value, &text), 0);
    EXPECT_NE(text.find("zone_fault"), std::string::npos);
  }
  EXPECT_EQ(rig.device.set("zone_fault", "none"), 0);
  EXPECT_EQ(rig.device.set("zone_fault", "4000:offline"), 0);  // there is no such zone
  EXPECT_EQ(rig.state(0), ZoneState::kEmpty);
}

}  // namespace
}  // namespace nvmev::test
