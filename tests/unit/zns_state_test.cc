// SPDX-License-Identifier: GPL-2.0-only
// Zones in a state file: what power leaves of them.
#include <gtest/gtest.h>

#include "host/memory_archive.h"
#include "host/zns_device.h"
#include "host/zoned_rig.h"

namespace nvmev::test {
namespace {

using nvme::Status;
using nvme::ZoneSendAction;
using nvme::ZoneState;

TEST(ZnsState, ZonesAndDataSurvive) {
  TestFile file;
  std::vector<u8> extension(128, 0x5e);
  {
    ZonedRig rig;
    ASSERT_TRUE(rig.write(0, 5, 0x11).ok());                                        // implicitly open
    ASSERT_EQ(rig.send(ZoneSendAction::kOpen, kZone), Status::kSuccess);            // explicitly, empty
    ASSERT_TRUE(rig.write(2 * kZone, 48, 0x22).ok());                               // full
    ASSERT_TRUE(rig.write(3 * kZone, 2, 0x33).ok());
    ASSERT_EQ(rig.send(ZoneSendAction::kFinish, 3 * kZone), Status::kSuccess);
    rig.buffer.write(extension);
    ASSERT_EQ(rig.send(ZoneSendAction::kSetDescriptorExtension, 4 * kZone), Status::kSuccess);
    ASSERT_EQ(rig.send(ZoneSendAction::kOpen, 5 * kZone, nvme::kSendAllocateZrwa), Status::kSuccess);
    ASSERT_TRUE(rig.write(5 * kZone + 1, 3, 0x55).ok());
    rig.fault("6:read-only");
    rig.state(6);
    rig.fault("7:offline");
    rig.state(7);
    nvmev_error error{};
    ASSERT_EQ(nvmev_dev_save(rig.device.get(), rig.runner.now(), &error), 0) << error.text;
    file = rig.host.file;
  }
  ZonedRig rig(kZonedKeys, 1, 1, 64, &file);
  const ZoneState states[] = {ZoneState::kClosed, ZoneState::kEmpty,  ZoneState::kFull,     ZoneState::kFull,
                              ZoneState::kClosed, ZoneState::kClosed, ZoneState::kReadOnly, ZoneState::kOffline};
  for (u32 z = 0; z < 8; z++) EXPECT_EQ(rig.state(z), states[z]) << z;
  EXPECT_EQ(rig.zone(0).write_pointer, 5u);
  EXPECT_EQ(rig.read(0, 5), std::vector<u8>(5 * kBlock, 0x11));
  EXPECT_EQ(rig.read(2 * kZone, 48), std::vector<u8>(48 * kBlock, 0x22));
  EXPECT_EQ(rig.read(3 * kZone, 2), std::vector<u8>(2 * kBlock, 0x33));
  EXPECT_EQ(rig.zone(5).write_pointer, 5 * kZone + 4);
  EXPECT_EQ(rig.zone(5).attributes, 0);
  EXPECT_EQ(rig.read(5 * kZone + 1, 3), std::vector<u8>(3 * kBlock, 0x55));
  ASSERT_TRUE(rig.receive(4 * kZone, 64 + 192, 1).ok());
  EXPECT_EQ(rig.buffer.read(128, 128), extension);
  // And life goes on.
  EXPECT_TRUE(rig.write(5, 43, 0x12).ok());
  EXPECT_EQ(rig.state(0), ZoneState::kFull);
  EXPECT_EQ(rig.send(ZoneSendAction::kReset, 2 * kZone), Status::kSuccess);
  EXPECT_TRUE(rig.append(2 * kZone, 1, 0x23).ok());
}

TEST(ZnsState, APowerCutLeavesTheSame) {
  ZonedRig rig(with({{"power_cuts", "1"}}));
  ASSERT_TRUE(rig.write(0, 5, 0x11).ok());
  ASSERT_EQ(rig.send(ZoneSendAction::kOpen, kZone), Status::kSuccess);
  ASSERT_TRUE(rig.write(2 * kZone, 48, 0x22).ok());
  ASSERT_EQ(rig.send(ZoneSendAction::kOpen, 5 * kZone, nvme::kSendAllocateZrwa), Status::kSuccess);
  ASSERT_TRUE(rig.write(5 * kZone + 1, 3, 0x55).ok());
  ASSERT_EQ(nvmev_dev_power_cut(rig.device.get(), 1, nullptr), 0);
  for (u32 i = 0; i < 1000 && !nvmev_dev_reset_done(rig.device.get(), 0); i++) rig.runner.step();
  ASSERT_TRUE(nvmev_dev_reset_done(rig.device.get(), 0));
  rig.driver.forget_queues();
  rig.enable(1, 64);
  EXPECT_EQ(rig.state(0), ZoneState::kClosed);
  EXPECT_EQ(rig.state(1), ZoneState::kEmpty);
  EXPECT_EQ(rig.state(2), ZoneState::kFull);
  EXPECT_EQ(rig.state(5), ZoneState::kClosed);
  EXPECT_EQ(rig.zone(5).write_pointer, 5 * kZone + 4);
  EXPECT_EQ(rig.zone(5).attributes, 0);
  EXPECT_EQ(rig.read(0, 5), std::vector<u8>(5 * kBlock, 0x11));
  EXPECT_EQ(rig.read(2 * kZone, 48), std::vector<u8>(48 * kBlock, 0x22));
  EXPECT_EQ(rig.read(5 * kZone + 1, 3), std::vector<u8>(3 * kBlock, 0x55));
  EXPECT_TRUE(rig.write(5 * kZone + 4, 44, 0x56).ok());
  EXPECT_EQ(rig.state(5), ZoneState::kFull);
  // All random write areas and limits are free again.
  for (u32 z = 8; z < 10; z++) {
    EXPECT_EQ(rig.send(ZoneSendAction::kOpen, z * kZone, nvme::kSendAllocateZrwa), Status::kSuccess) << z;
  }
}

// Times of the run before count in the next: how long data have been in flash, and zones active.
TEST(ZnsState, ZonesGrowNoOlderByASave) {
  constexpr u64 kMs = 1000 * 1000;
  constexpr u64 kDay = 24ull * 3600 * 1000 * kMs;
  const char* keys = "capacity=64M channels=2 dies_per_channel=1 planes=1 page_size=16K program_pages=1 pages_per_block=64 "
                     "zone_size=1M ecc_correctable=40 ecc_errors_day=10 read_retries=0 finish_recommended=1000";
  ZnsDevice device(keys);
  device.now = 30 * kDay;
  device.fill(0);
  device.write(1, 0, 4096);
  const u64 written = device.now;
  device.now += 600 * kMs;
  ASSERT_EQ(device.read(0, 0, 4096).status, Status::kSuccess) << "young";
  MemoryArchive saved;
  u64 now = device.now;
  device->transfer(saved, &now);
  ASSERT_TRUE(saved.ok()) << saved.message();

  ZnsDevice next(keys);
  MemoryArchive loaded(saved.contents());
  u64 resumed = now;
  next->transfer(loaded, &resumed);
  ASSERT_TRUE(loaded.ok()) << loaded.message();
  next.now = now;
  EXPECT_EQ(next.read(0, 0, 4096).status, Status::kSuccess) << "still young";
  EXPECT_EQ(next->view(1).attributes & nvme::zone_attributes::kFinishRecommended, 0);
  next.now = written + 1200 * kMs;
  next.read(1, 0, 4096);
  EXPECT_NE(next->view(1).attributes & nvme::zone_attributes::kFinishRecommended, 0) << "active for 1.2 s";
  next.now += 30 * kDay;
  EXPECT_EQ(next.read(0, 0, 4096).status, Status::kUnrecoveredReadError) << "old by now";
}

TEST(ZnsState, OtherZonesAreRefused) {
  TestFile file;
  {
    ZonedRig rig;
    nvmev_error error{};
    ASSERT_EQ(nvmev_dev_save(rig.device.get(), rig.runner.now(), &error), 0) << error.text;
    file = rig.host.file;
  }
  Rig other(with({{"zone_capacity", "256K"}}));
  other.host.file = file;
  nvmev_error error{};
  EXPECT_NE(nvmev_dev_load(other.device.get(), &error), 0);
  EXPECT_NE(std::string(error.text).find("capacity of a zone"), std::string::npos) << error.text;
}

}  // namespace
}  // namespace nvmev::test
