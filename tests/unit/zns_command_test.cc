// SPDX-License-Identifier: GPL-2.0-only
// The Zoned Namespace Command Set through the controller: commands, reports, Identify, logs, data.
#include <gtest/gtest.h>

#include <random>

#include "host/zoned_rig.h"

namespace nvmev::test {
namespace {

using nvme::Cns;
using nvme::Csi;
using nvme::Sqe;
using nvme::Status;
using nvme::ZnsOpcode;
using nvme::ZoneSendAction;
using nvme::ZoneState;

TEST(Zns, IdentifySaysWhatTheKeysSay) {
  ZonedRig rig;
  const auto common = rig.driver.identify(Cns::kNamespace, 1).bytes;
  u64 sizes[2];
  std::memcpy(sizes, common.data(), sizeof(sizes));
  EXPECT_EQ(sizes[0], 16 * kZone);
  EXPECT_EQ(sizes[1], 16 * kCapacity);
  EXPECT_EQ(common[24] & 4, 4);  // DULBE
  EXPECT_EQ(common[33] & 7, 1);  // unwritten blocks read as zeros

  const Sqe identify = cmd::identify(Cns::kCsiNamespace, 1, rig.prps.prp1(), Csi::kZoned);
  ASSERT_TRUE(rig.admin(identify).ok());
  nvme::IdentifyZonedNamespace zoned;
  std::memcpy(&zoned, rig.buffer.read().data(), sizeof(zoned));
  EXPECT_EQ(zoned.zoc, 0);
  EXPECT_EQ(zoned.ozcs, nvme::kOzcsZrwa);
  EXPECT_EQ(zoned.mar, 5u);
  EXPECT_EQ(zoned.mor, 3u);
  EXPECT_EQ(zoned.numzrwa, 1u);
  EXPECT_EQ(zoned.zrwasz, 8);
  EXPECT_EQ(zoned.zrwafg, 2);
  EXPECT_EQ(zoned.zrwacap, 1);
  EXPECT_EQ(zoned.lbafe[0].zsze, kZone * 8);
  EXPECT_EQ(zoned.lbafe[1].zsze, kZone);
  EXPECT_EQ(zoned.lbafe[1].zdes, 2);

  ASSERT_TRUE(rig.admin(cmd::identify(Cns::kCsiController, 0, rig.prps.prp1(), Csi::kZoned)).ok());
  EXPECT_EQ(rig.buffer.read()[0], 4);  // 2^4 pages of 4 KiB
  EXPECT_EQ(rig.admin(cmd::identify(Cns::kCsiNamespace, 1, rig.prps.prp1(), Csi::kNvm)).status,
            Status::kInvalidIoCommandSet);
}

TEST(Zns, LimitsThatAreNoneAreReportedSo) {
  ZonedRig rig(with({{"max_active_zones", "0"}, {"max_open_zones", "0"}, {"zone_append_limit", "0"}}));
  ASSERT_TRUE(rig.admin(cmd::identify(Cns::kCsiNamespace, 1, rig.prps.prp1(), Csi::kZoned)).ok());
  nvme::IdentifyZonedNamespace zoned;
  std::memcpy(&zoned, rig.buffer.read().data(), sizeof(zoned));
  EXPECT_EQ(zoned.mar, nvme::kNoZoneLimit);
  EXPECT_EQ(zoned.mor, nvme::kNoZoneLimit);
  ASSERT_TRUE(rig.admin(cmd::identify(Cns::kCsiController, 0, rig.prps.prp1(), Csi::kZoned)).ok());
  EXPECT_EQ(rig.buffer.read()[0], 0);
}

TEST(Zns, EffectsLogOfTheCommandSet) {
  ZonedRig rig;
  const auto supported = [&](Csi csi, u8 opcode) {
    Sqe sqe = cmd::get_log(nvme::LogPage::kCommandEffects, 0, 4096, rig.prps.prp1());
    sqe.cdw14 = static_cast<u32>(csi) << 24;
    EXPECT_TRUE(rig.admin(sqe).ok());
    u32 effects;
    std::memcpy(&effects, rig.buffer.read().data() + 1024 + 4 * opcode, sizeof(effects));
    return effects;
  };
  for (const u8 opcode : {0x79, 0x7a, 0x7d}) EXPECT_EQ(supported(Csi::kZoned, opcode) & 1, 1u);
  EXPECT_EQ(supported(Csi::kZoned, 0x79) & 2, 2u);
  EXPECT_EQ(supported(Csi::kZoned, 0x7a) & 2, 0u);
  EXPECT_EQ(supported(Csi::kZoned, 0x7d) & 2, 2u);
}

TEST(Zns, NewOpcodesNeedTheirCommandSetEnabled) {
  Rig rig(kZonedKeys);
  rig.start();
  Sqe sqe{};
  sqe.nsid = 1;
  for (const u8 opcode : {0x79, 0x7a, 0x7d}) {
    sqe.opcode = opcode;
    EXPECT_EQ(rig.io(sqe).status, Status::kInvalidOpcode);
  }
}

TEST(Zns, DataOfAZoneAreReadBack) {
  ZonedRig rig;
  ASSERT_TRUE(rig.write(0, 3, 0x11).ok());
  ASSERT_TRUE(rig.write(3, 5, 0x22).ok());
  EXPECT_EQ(rig.state(0), ZoneState::kImplicitlyOpen);
  EXPECT_EQ(rig.zone(0).write_pointer, 8u);
  EXPECT_EQ(rig.read(0, 3), std::vector<u8>(3 * kBlock, 0x11));
  EXPECT_EQ(rig.read(3, 5), std::vector<u8>(5 * kBlock, 0x22));
  // Half written, half not.
  std::vector<u8> expected(2 * kBlock);
  std::fill_n(expected.begin(), kBlock, 0x22);
  EXPECT_EQ(rig.read(7, 2), expected);
  // Between capacity and size.
  EXPECT_EQ(rig.read(kCapacity - 1, 3), std::vector<u8>(3 * kBlock));
}

TEST(Zns, StatusOfWrites) {
  ZonedRig rig;
  EXPECT_EQ(rig.write(1, 1).status, Status::kZoneInvalidWrite);
  EXPECT_EQ(rig.write(16 * kZone, 1).status, Status::kLbaOutOfRange);
  ASSERT_TRUE(rig.write(0, 47).ok());
  EXPECT_EQ(rig.write(47, 2).status, Status::kZoneBoundaryError);
  EXPECT_EQ(rig.read(47, 1), std::vector<u8>(kBlock));
  EXPECT_TRUE(rig.write(47, 1).ok());
  EXPECT_EQ(rig.state(0), ZoneState::kFull);
  EXPECT_EQ(rig.zone(0).write_pointer, nvme::kNoWritePointer);
  EXPECT_EQ(rig.write(0, 1).status, Status::kZoneIsFull);
  EXPECT_EQ(rig.io(rig.data(cmd::read(kZone - 1, 2), 2 * kBlock)).status, Status::kZoneBoundaryError);
  rig.fault("1:read-only");
  EXPECT_EQ(rig.write(kZone, 1).status, Status::kZoneIsReadOnly);
  rig.fault("1:offline");
  EXPECT_EQ(rig.write(kZone, 1).status, Status::kZoneIsOffline);
  rig.read(kZone, 1, Status::kZoneIsOffline);
}

TEST(Zns, ActiveAndOpenLimits) {
  ZonedRig rig;
  for (u32 z = 0; z < 4; z++) ASSERT_EQ(rig.send(ZoneSendAction::kOpen, z * kZone), Status::kSuccess);
  EXPECT_EQ(rig.write(4 * kZone, 1).status, Status::kTooManyOpenZones);
  ASSERT_EQ(rig.send(ZoneSendAction::kClose, 0), Status::kSuccess);
  ASSERT_TRUE(rig.write(4 * kZone, 1).ok());
  // The implicitly open zone gives way.
  ASSERT_TRUE(rig.write(5 * kZone, 1).ok());
  EXPECT_EQ(rig.state(4), ZoneState::kClosed);
  EXPECT_EQ(rig.write(6 * kZone, 1).status, Status::kTooManyActiveZones);
  EXPECT_EQ(rig.append(6 * kZone, 1).status, Status::kTooManyActiveZones);
  EXPECT_EQ(rig.send(ZoneSendAction::kOpen, 6 * kZone), Status::kTooManyActiveZones);
  EXPECT_EQ(rig.send_all(ZoneSendAction::kOpen), Status::kTooManyOpenZones);
  EXPECT_EQ(rig.send_all(ZoneSendAction::kClose), Status::kSuccess);
  for (u32 z = 0; z < 6; z++) EXPECT_EQ(rig.state(z), ZoneState::kClosed);
  EXPECT_EQ(rig.send_all(ZoneSendAction::kFinish), Status::kSuccess);
  for (u32 z = 0; z < 6; z++) EXPECT_EQ(rig.state(z), ZoneState::kFull);
  EXPECT_EQ(rig.send_all(ZoneSendAction::kReset), Status::kSuccess);
  for (u32 z = 0; z < 16; z++) EXPECT_EQ(rig.state(z), ZoneState::kEmpty);
}

TEST(Zns, FieldsOfZoneManagementSend) {
  ZonedRig rig;
  EXPECT_EQ(rig.send(ZoneSendAction::kOpen, 1), Status::kInvalidField);
  EXPECT_EQ(rig.send(ZoneSendAction::kOpen, 16 * kZone), Status::kLbaOutOfRange);
  EXPECT_EQ(rig.send(static_cast<ZoneSendAction>(0), 0), Status::kInvalidField);
  EXPECT_EQ(rig.send(static_cast<ZoneSendAction>(6), 0), Status::kInvalidField);
  EXPECT_EQ(rig.send_all(ZoneSendAction::kSetDescriptorExtension), Status::kInvalidField);
  EXPECT_EQ(rig.send_all(ZoneSendAction::kFlushZrwa), Status::kInvalidField);
  EXPECT_EQ(rig.send(ZoneSendAction::kClose, 0), Status::kInvalidZoneTransition);
  EXPECT_EQ(rig.send(ZoneSendAction::kOffline, 0), Status::kInvalidZoneTransition);
  rig.fault("0:read-only");
  EXPECT_EQ(rig.send(ZoneSendAction::kReset, 0), Status::kInvalidZoneTransition);
  EXPECT_EQ(rig.send(ZoneSendAction::kOffline, 0), Status::kSuccess);
  EXPECT_EQ(rig.state(0), ZoneState::kOffline);
}

TEST(Zns, ReportsOfEveryLengthAndFilter) {
  ZonedRig rig;
  ASSERT_TRUE(rig.write(0, 1).ok());
  ASSERT_EQ(rig.send(ZoneSendAction::kOpen, 1 * kZone), Status::kSuccess);
  ASSERT_EQ(rig.send(ZoneSendAction::kOpen, 2 * kZone), Status::kSuccess);
  ASSERT_EQ(rig.send(ZoneSendAction::kClose, 2 * kZone), Status::kSuccess);
  ASSERT_EQ(rig.send(ZoneSendAction::kFinish, 3 * kZone), Status::kSuccess);
  rig.fault("4:read-only");
  rig.state(4);
  rig.fault("5:offline");
  rig.state(5);
  const u32 counts[nvme::kZoneFilters] = {16, 10, 1, 1, 1, 1, 1, 1};
  for (u32 filter = 0; filter < nvme::kZoneFilters; filter++) {
    ASSERT_TRUE(rig.receive(0, 64 * 17, filter << 8).ok());
    EXPECT_EQ(rig.reported(), counts[filter]) << filter;
    ASSERT_TRUE(rig.receive(0, 64, filter << 8).ok());
    EXPECT_EQ(rig.reported(), counts[filter]) << filter;
    ASSERT_TRUE(rig.receive(0, 64, filter << 8 | nvme::kReceivePartial).ok());
    EXPECT_EQ(rig.reported(), 0u);
  }
  for (u32 bytes = 4; bytes <= 64 * 18; bytes += 4) {
    ASSERT_TRUE(rig.receive(kZone + 5, bytes, nvme::kReceivePartial).ok());
    const u64 whole = bytes < 64 ? 0 : std::min<u64>((bytes - 64) / 64, 15);
    const std::vector<u8> got = rig.buffer.read();
    if (bytes >= 8) EXPECT_EQ(rig.reported(), whole) << bytes;
    EXPECT_EQ(got[bytes], 0xee);
    if (bytes == 64 * 18) EXPECT_EQ(got[64 * 17], 0);
  }
  EXPECT_EQ(rig.receive(0, 64, 8u << 8).status, Status::kInvalidField);
  EXPECT_EQ(rig.receive(0, 64, 2).status, Status::kInvalidField);
  EXPECT_EQ(rig.receive(16 * kZone, 64).status, Status::kLbaOutOfRange);
  EXPECT_EQ(rig.receive(0, (1 << 19) + 4).status, Status::kInvalidField);
}

TEST(Zns, DescriptorExtensions) {
  ZonedRig rig;
  std::vector<u8> extension(128);
  for (u32 i = 0; i < 128; i++) extension[i] = static_cast<u8>(i + 1);
  rig.buffer.write(extension);
  EXPECT_EQ(rig.send(ZoneSendAction::kSetDescriptorExtension, 3 * kZone), Status::kSuccess);
  EXPECT_EQ(rig.state(3), ZoneState::kClosed);
  EXPECT_EQ(rig.zone(3).attributes, 0x80);
  EXPECT_EQ(rig.send(ZoneSendAction::kSetDescriptorExtension, 3 * kZone), Status::kInvalidZoneTransition);
  ASSERT_TRUE(rig.receive(2 * kZone, 64 + 2 * 192, 1).ok());
  const std::vector<u8> got = rig.buffer.read();
  EXPECT_EQ(std::vector<u8>(&got[64 + 64], &got[64 + 192]), std::vector<u8>(128));
  EXPECT_EQ(std::vector<u8>(&got[64 + 192 + 64], &got[64 + 384]), extension);
  EXPECT_EQ(got[64 + 384], 0xee);
  // Only whole descriptors count.
  ASSERT_TRUE(rig.receive(0, 64 + 191, 1 | nvme::kReceivePartial).ok());
  EXPECT_EQ(rig.reported(), 0u);
  ASSERT_EQ(rig.send(ZoneSendAction::kReset, 3 * kZone), Status::kSuccess);
  EXPECT_EQ(rig.zone(3).attributes, 0);

  ZonedRig without(with({{"zone_descriptor_extension", "0"}}));
  EXPECT_EQ(without.send(ZoneSendAction::kSetDescriptorExtension, 0), Status::kInvalidField);
  EXPECT_EQ(without.receive(0, 128, 1).status, Status::kInvalidField);
}

TEST(Zns, AppendsReturnTheirPlace) {
  ZonedRig rig;
  for (u32 i = 0; i < 12; i++) {
    const Completion done = rig.append(5 * kZone, 4, static_cast<u8>(i + 1));
    ASSERT_TRUE(done.ok());
    EXPECT_EQ(done.dw0, 5 * kZone + 4 * i);
    EXPECT_EQ(done.dw1, 0u);
  }
  EXPECT_EQ(rig.append(5 * kZone, 1).status, Status::kZoneIsFull);
  for (u32 i = 0; i < 12; i++) EXPECT_EQ(rig.read(5 * kZone + 4 * i, 4), std::vector<u8>(4 * kBlock, static_cast<u8>(i + 1)));
  EXPECT_EQ(rig.append(6 * kZone + 1, 1).status, Status::kInvalidField);
  EXPECT_EQ(rig.append(6 * kZone, 17).status, Status::kInvalidField);  // ZASL
  EXPECT_EQ(rig.append(16 * kZone, 1).status, Status::kLbaOutOfRange);
}

TEST(Zns, WriteZeroesIsAWrite) {
  ZonedRig rig;
  EXPECT_EQ(rig.io(cmd::write_zeroes(1, 1)).status, Status::kZoneInvalidWrite);
  EXPECT_TRUE(rig.io(cmd::write_zeroes(0, 7)).ok());
  EXPECT_EQ(rig.zone(0).write_pointer, 7u);
  ASSERT_TRUE(rig.write(7, 1, 0x33).ok());
  std::vector<u8> expected(8 * kBlock);
  std::fill_n(expected.end() - kBlock, kBlock, 0x33);
  EXPECT_EQ(rig.read(0, 8), expected);
}

TEST(Zns, CompareTakesUnwrittenBlocksForZeros) {
  ZonedRig rig;
  ASSERT_TRUE(rig.write(0, 2, 0x44).ok());
  rig.buffer.write(std::vector<u8>(2 * kBlock, 0x44));
  EXPECT_TRUE(rig.io(rig.data(cmd::compare(0, 2), 2 * kBlock)).ok());
  std::vector<u8> half(2 * kBlock);
  std::fill_n(half.begin(), kBlock, 0x44);
  rig.buffer.write(half);
  EXPECT_TRUE(rig.io(rig.data(cmd::compare(1, 2), 2 * kBlock)).ok());
  EXPECT_EQ(rig.io(rig.data(cmd::compare(0, 2), 2 * kBlock)).status, Status::kCompareFailure);
}

TEST(Zns, AResetForgetsTheData) {
  for (const char* medium : {"pages", "none"}) {
    ZonedRig rig(with({{"medium", medium}}));
    for (u32 z = 0; z < 3; z++) {
      ASSERT_TRUE(rig.write(z * kZone, 40, 0x77).ok());
    }
    ASSERT_EQ(rig.send(ZoneSendAction::kReset, kZone), Status::kSuccess);
    EXPECT_EQ(rig.state(1), ZoneState::kEmpty);
    EXPECT_EQ(rig.read(kZone, 40), std::vector<u8>(40 * kBlock));
    if (std::string(medium) == "pages") EXPECT_EQ(rig.used(), 2 * 40 * kBlock);
    ASSERT_TRUE(rig.write(kZone, 1, 0x78).ok());
    ASSERT_EQ(rig.send_all(ZoneSendAction::kReset), Status::kSuccess);
    if (std::string(medium) == "pages") EXPECT_EQ(rig.used(), 0u);
  }
}

TEST(Zns, WritesThatMeetAResetComeAfterIt) {
  ZonedRig rig(with({{"dispatchers", "2"}}), 3, 4);
  std::mt19937_64 random(7);
  for (u32 round = 0; round < 300; round++) {
    ASSERT_TRUE(rig.write(0, 40, 0x01).ok());
    // Together, on queues of different dispatchers and workers.
    rig.buffer.write(std::vector<u8>(kBlock, 0x02));
    const u16 first = static_cast<u16>(1 + random() % 4), second = static_cast<u16>(1 + random() % 4);
    rig.driver.queue(first, rig.send_command(ZoneSendAction::kReset, 0));
    rig.driver.queue(second, rig.append_command(0, 1));
    rig.driver.ring(first);
    if (second != first) rig.driver.ring(second);
    rig.runner.run_for(1'000'000'000);
    rig.driver.reap();
    u64 place = ~0ull;
    for (const Completion& done : rig.driver.take()) {
      ASSERT_TRUE(done.ok());
      if (done.sq_id == second) place = done.dw0;
    }
    if (first != second) {
      const nvme::ZoneDescriptor zone = rig.zone(0);
      // Before the reset, and gone with it; or after, and there.
      if (zone.write_pointer == 1) {
        EXPECT_EQ(rig.read(0, 1), std::vector<u8>(kBlock, 0x02));
      } else {
        EXPECT_EQ(zone.write_pointer, 0u);
        EXPECT_EQ(rig.read(0, 41), std::vector<u8>(41 * kBlock));
      }
    }
    (void)place;
    ASSERT_EQ(rig.send(ZoneSendAction::kReset, 0), Status::kSuccess);
  }
}

TEST(Zns, ConcurrentAppendsAreUniqueAndGapless) {
  for (const u32 dispatchers : {1u, 3u}) {
    ZonedRig rig(with({{"dispatchers", std::to_string(dispatchers)}}), 3, 6);
    std::mt19937_64 random(dispatchers);
    u64 taken = 0;
    for (u32 round = 0; round < 200; round++) {
      std::vector<bool> seen(kCapacity);
      u32 placed = 0, sent = 0;
      while (sent < kCapacity) {
        for (u16 queue = 1; queue <= 6; queue++) {
          for (u64 i = random() % 4; i > 0 && sent < kCapacity; i--, sent++) {
            rig.driver.queue(queue, rig.append_command(2 * kZone, 1));
          }
          rig.driver.ring(queue);
        }
        rig.runner.run_for(random() % 100'000);
        rig.driver.reap();
      }
      rig.runner.run_for(1'000'000'000);
      rig.driver.reap();
      for (const Completion& done : rig.driver.take()) {
        ASSERT_TRUE(done.ok());
        ASSERT_GE(done.dw0, 2 * kZone);
        ASSERT_LT(done.dw0, 2 * kZone + kCapacity);
        ASSERT_FALSE(seen[done.dw0 - 2 * kZone]);
        seen[done.dw0 - 2 * kZone] = true;
        placed++;
      }
      ASSERT_EQ(placed, kCapacity);
      ASSERT_EQ(rig.state(2), ZoneState::kFull);
      ASSERT_EQ(rig.send(ZoneSendAction::kReset, 2 * kZone), Status::kSuccess);
      taken += placed;
    }
    EXPECT_EQ(taken, 200 * kCapacity);
  }
}

TEST(Zns, WritesThatFailChangeNothing) {
  ZonedRig rig;
  ASSERT_TRUE(rig.write(0, 4, 0x10).ok());
  // Memory that is none, at the front and at the end.
  Sqe sqe = cmd::write(4, 8);
  sqe.prp1 = 0xdead000;
  EXPECT_EQ(rig.io(sqe).status, Status::kDataTransferError);
  Sqe bad = cmd::with_prps(cmd::write(4, 2), rig.prps);
  bad.prp2 = 0xdead000;
  EXPECT_EQ(rig.io(bad).status, Status::kDataTransferError);
  bad = rig.append_command(0, 2);
  bad.prp2 = 0xdead000;
  EXPECT_EQ(rig.io(bad).status, Status::kDataTransferError);
  EXPECT_EQ(rig.zone(0).write_pointer, 4u);
  EXPECT_EQ(rig.read(4, 8), std::vector<u8>(8 * kBlock));
  // No memory for the medium.
  rig.host.limit_medium_pages(rig.host.medium_pages());
  EXPECT_EQ(rig.write(4, 8).status, Status::kWriteFault);
  EXPECT_EQ(rig.append(0, 8).status, Status::kWriteFault);
  EXPECT_EQ(rig.zone(0).write_pointer, 4u);
  rig.host.limit_medium_pages(~0ull);
  EXPECT_TRUE(rig.write(4, 8, 0x11).ok());
  EXPECT_EQ(rig.read(4, 8), std::vector<u8>(8 * kBlock, 0x11));
}

TEST(Zns, RandomWriteAreas) {
  ZonedRig rig;
  ASSERT_EQ(rig.send(ZoneSendAction::kOpen, 0, nvme::kSendAllocateZrwa), Status::kSuccess);
  EXPECT_EQ(rig.zone(0).attributes, nvme::zone_attributes::kZrwaValid);
  ASSERT_EQ(rig.send(ZoneSendAction::kOpen, kZone, nvme::kSendAllocateZrwa), Status::kSuccess);
  EXPECT_EQ(rig.send(ZoneSendAction::kOpen, 2 * kZone, nvme::kSendAllocateZrwa), Status::kZrwaUnavailable);
  EXPECT_EQ(rig.send(ZoneSendAction::kOpen, 0, nvme::kSendAllocateZrwa), Status::kInvalidZoneOperation);
  ASSERT_TRUE(rig.write(6, 1, 0x06).ok());
  ASSERT_TRUE(rig.write(1, 1, 0x01).ok());
  ASSERT_TRUE(rig.write(6, 1, 0x66).ok());  // again
  EXPECT_EQ(rig.zone(0).write_pointer, 0u);
  EXPECT_EQ(rig.append(0, 1).status, Status::kInvalidZoneOperation);
  EXPECT_EQ(rig.write(15, 2).status, Status::kZoneInvalidWrite);
  std::vector<u8> expected(8 * kBlock);
  std::fill_n(expected.begin() + kBlock, kBlock, 0x01);
  std::fill_n(expected.begin() + 6 * kBlock, kBlock, 0x66);
  EXPECT_EQ(rig.read(0, 8), expected);
  // Flushed up to a block; ranges that are no multiple of the granularity are not.
  EXPECT_EQ(rig.send(ZoneSendAction::kFlushZrwa, 2), Status::kInvalidZoneOperation);
  EXPECT_EQ(rig.send(ZoneSendAction::kFlushZrwa, 9), Status::kInvalidZoneOperation);
  EXPECT_EQ(rig.send(ZoneSendAction::kFlushZrwa, 3), Status::kSuccess);
  EXPECT_EQ(rig.zone(0).write_pointer, 4u);
  EXPECT_EQ(rig.write(3, 1).status, Status::kZoneInvalidWrite);
  // A write behind the area moves it.
  ASSERT_TRUE(rig.write(13, 2, 0x0d).ok());
  EXPECT_EQ(rig.zone(0).write_pointer, 8u);
  EXPECT_EQ(rig.read(0, 8), expected);
  EXPECT_EQ(rig.send(ZoneSendAction::kFlushZrwa, 2 * kZone + 1), Status::kInvalidZoneOperation);
  ASSERT_EQ(rig.send(ZoneSendAction::kFinish, 0), Status::kSuccess);
  EXPECT_EQ(rig.zone(0).attributes, 0);
  EXPECT_EQ(rig.read(13, 2), std::vector<u8>(2 * kBlock, 0x0d));
  EXPECT_EQ(rig.send(ZoneSendAction::kOpen, 2 * kZone, nvme::kSendAllocateZrwa), Status::kSuccess);

  ZonedRig without(with({{"zrwa_size", "0"}, {"zrwa_zones", "0"}}));
  EXPECT_EQ(without.send(ZoneSendAction::kOpen, 0, nvme::kSendAllocateZrwa), Status::kInvalidZoneOperation);
  EXPECT_EQ(without.send(ZoneSendAction::kFlushZrwa, 0), Status::kInvalidZoneOperation);
}

TEST(Zns, ReadsAcrossZonesWhereAllowed) {
  ZonedRig rig(with({{"zone_read_across", "1"}}));
  ASSERT_TRUE(rig.write(0, 48, 0x21).ok());
  ASSERT_TRUE(rig.write(kZone, 1, 0x22).ok());
  const std::vector<u8> got = rig.read(40, 32);
  std::vector<u8> expected(32 * kBlock);
  std::fill_n(expected.begin(), 8 * kBlock, 0x21);
  std::fill_n(expected.begin() + 24 * kBlock, kBlock, 0x22);
  EXPECT_EQ(got, expected);
}

TEST(Zns, FormatChangesTheBlockSizeAndEmptiesZones) {
  ZonedRig rig;
  ASSERT_TRUE(rig.write(0, 48, 0x31).ok());
  ASSERT_TRUE(rig.write(kZone, 1, 0x32).ok());
  ASSERT_TRUE(rig.admin(cmd::format(1, 0)).ok());
  ASSERT_TRUE(rig.receive(0, 64 * 17).ok());
  nvme::ZoneDescriptor zone;
  std::memcpy(&zone, rig.buffer.read().data() + 128, sizeof(zone));
  EXPECT_EQ(zone.state >> 4, static_cast<u8>(ZoneState::kEmpty));
  EXPECT_EQ(zone.start, kZone * 8);
  EXPECT_EQ(zone.capacity, kCapacity * 8);
  EXPECT_EQ(zone.write_pointer, kZone * 8);
  rig.buffer.write(std::vector<u8>(512, 0x33));
  EXPECT_TRUE(rig.io(cmd::with_prps(cmd::write(kZone * 8, 1), rig.prps)).ok());
  EXPECT_EQ(rig.io(cmd::with_prps(cmd::write(kZone * 8 + 2, 1), rig.prps)).status, Status::kZoneInvalidWrite);
}

TEST(Zns, NamespacesOfOtherTypesBesideIt) {
  ZonedRig rig(with({{"namespaces", "nvm:2M,zns:4M,nvm:2M"}, {"capacity", "8M"}}, {"type"}));
  rig.buffer.write(std::vector<u8>(kBlock, 0x41));
  Sqe random_write = cmd::with_prps(cmd::write(100, 1), rig.prps);
  EXPECT_TRUE(rig.io(random_write).ok());
  random_write.nsid = 3;
  EXPECT_TRUE(rig.io(random_write).ok());
  random_write.nsid = 2;
  EXPECT_EQ(rig.io(random_write).status, Status::kZoneInvalidWrite);
  random_write.cdw10 = 0;
  EXPECT_TRUE(rig.io(random_write).ok());
  Sqe receive = rig.at(static_cast<u8>(ZnsOpcode::kZoneManagementReceive), 0, 1);
  EXPECT_EQ(rig.io(receive).status, Status::kInvalidOpcode);
  receive.nsid = 2;
  receive.cdw12 = 31;
  EXPECT_TRUE(rig.io(receive).ok());
  EXPECT_EQ(rig.reported(), 16u);
}

TEST(Zns, ANamespaceIsCreatedWithTheSizeOfItsRegion) {
  ZonedRig rig(with({{"capacity", "4160K"}}));  // and some pages that make no zone
  Sqe remove = cmd::admin(nvme::AdminOpcode::kNamespaceManagement, 1);
  remove.cdw10 = 1;
  ASSERT_TRUE(rig.admin(remove).ok());
  const auto create = [&](u64 nsze, u64 ncap) {
    std::vector<u8> data(4096);
    std::memcpy(&data[0], &nsze, 8);
    std::memcpy(&data[8], &ncap, 8);
    data[26] = 1;  // 4 KiB
    rig.buffer.write(data);
    Sqe sqe = cmd::with_prps(cmd::admin(nvme::AdminOpcode::kNamespaceManagement), rig.prps);
    sqe.cdw11 = static_cast<u32>(Csi::kZoned) << 24;
    return rig.admin(sqe);
  };
  EXPECT_EQ(create(8 * kZone, 8 * kZone).status, Status::kInvalidField);
  EXPECT_EQ(create(17 * kZone, 17 * kZone).status, Status::kInsufficientCapacity);
  EXPECT_TRUE(create(16 * kZone, 16 * kCapacity).ok());
}

TEST(Zns, SameCommandsGiveTheSameState) {
  const auto run = [] {
    ZonedRig rig;
    std::mt19937_64 random(5);
    std::vector<Completion> all;
    for (u32 i = 0; i < 3000; i++) {
      const u64 zone = random() % 6;
      if (random() % 20 == 0) {
        rig.driver.queue(1, rig.send_command(ZoneSendAction::kReset, zone * kZone));
      } else {
        rig.driver.queue(1, rig.append_command(zone * kZone, 1 + static_cast<u32>(random() % 8)));
      }
      rig.driver.ring(1);
      rig.runner.run_for(random() % 300'000);
      rig.driver.reap();
      for (const Completion& done : rig.driver.take()) all.push_back(done);
    }
    return std::pair(all, nvmev_dev_state_hash(rig.device.get()));
  };
  const auto first = run();
  EXPECT_GT(first.first.size(), 2900u);
  EXPECT_EQ(first, run());
}

}  // namespace
}  // namespace nvmev::test
