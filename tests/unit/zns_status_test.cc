// SPDX-License-Identifier: GPL-2.0-only
// Every status of the Zoned Namespace Command Set, from every command that writes; and that failures leave nothing behind.
#include <gtest/gtest.h>

#include "host/zoned_rig.h"

namespace nvmev::test {
namespace {

using nvme::NvmOpcode;
using nvme::Sqe;
using nvme::Status;
using nvme::ZnsOpcode;
using nvme::ZoneSendAction;
using nvme::ZoneState;

// The commands that write, as they would write `blocks` at `slba`. Copy takes the first blocks of zone 15.
constexpr u64 kSource = 15 * kZone;

struct Writer {
  const char* name;
  bool append;
  Sqe (*make)(ZonedRig& rig, u64 slba, u32 blocks);
};

const Writer kWriters[] = {
    {"Write", false, [](ZonedRig& rig, u64 slba, u32 blocks) { return rig.data(cmd::write(slba, blocks), blocks * kBlock); }},
    {"Write Zeroes", false, [](ZonedRig&, u64 slba, u32 blocks) { return cmd::write_zeroes(slba, blocks); }},
    {"Write Uncorrectable", false,
     [](ZonedRig&, u64 slba, u32 blocks) { return cmd::io(NvmOpcode::kWriteUncorrectable, slba, blocks); }},
    {"Copy", false,
     [](ZonedRig& rig, u64 slba, u32 blocks) {
       nvme::CopyRange range{};
       range.slba = kSource;
       range.nlb = static_cast<u16>(blocks - 1);
       std::vector<u8> bytes(sizeof(range));
       std::memcpy(bytes.data(), &range, sizeof(range));
       rig.buffer.write(bytes);
       Sqe sqe = cmd::io(NvmOpcode::kCopy, slba, 1);
       sqe.cdw12 = 0;
       return rig.data(sqe, sizeof(range));
     }},
    {"Zone Append", true,
     [](ZonedRig& rig, u64 slba, u32 blocks) { return rig.append_command(slba / kZone * kZone, blocks); }},
};

TEST(ZnsStatus, EveryWriteCommandIsRefusedAlike) {
  for (const Writer& writer : kWriters) {
    SCOPED_TRACE(writer.name);
    ZonedRig rig;
    ASSERT_TRUE(rig.write(kSource, 16, 0x77).ok());
    ASSERT_EQ(rig.send(ZoneSendAction::kClose, kSource), Status::kSuccess);
    const auto status = [&](u64 slba, u32 blocks) { return rig.io(writer.make(rig, slba, blocks)).status; };
    const auto refused = [&](u32 zone, u64 slba, u32 blocks, Status expected) {
      const nvme::ZoneDescriptor before = rig.zone(zone);
      EXPECT_EQ(status(slba, blocks), expected);
      const nvme::ZoneDescriptor after = rig.zone(zone);
      EXPECT_EQ(std::memcmp(&before, &after, sizeof(before)), 0) << "the zone has changed";
    };
    EXPECT_EQ(status(0, 2), Status::kSuccess);
    EXPECT_EQ(rig.zone(0).write_pointer, 2u);
    if (!writer.append) {
      refused(0, 3, 1, Status::kZoneInvalidWrite);
      refused(0, 1, 1, Status::kZoneInvalidWrite);
      refused(1, kZone + 1, 1, Status::kZoneInvalidWrite);
    }
    ASSERT_EQ(rig.io(cmd::write_zeroes(2, 45)).status, Status::kSuccess);
    refused(0, 47, 2, Status::kZoneBoundaryError);
    EXPECT_EQ(status(47, 1), Status::kSuccess);
    refused(0, 0, 1, Status::kZoneIsFull);
    refused(0, 47, 1, Status::kZoneIsFull);
    rig.fault("1:read-only");
    refused(1, kZone, 1, Status::kZoneIsReadOnly);
    rig.fault("2:offline");
    refused(2, 2 * kZone, 1, Status::kZoneIsOffline);
    for (u32 z = 3; z < 7; z++) ASSERT_EQ(rig.send(ZoneSendAction::kOpen, z * kZone), Status::kSuccess);
    refused(7, 7 * kZone, 1, Status::kTooManyOpenZones);
    ASSERT_EQ(rig.send(ZoneSendAction::kClose, 3 * kZone), Status::kSuccess);
    ASSERT_EQ(rig.send(ZoneSendAction::kOpen, 7 * kZone), Status::kSuccess);
    refused(8, 8 * kZone, 1, Status::kTooManyActiveZones);
    refused(15, 16 * kZone, 1, Status::kLbaOutOfRange);
    ASSERT_TRUE(rig.admin([] {
                     Sqe sqe = cmd::set_feature(nvme::Feature::kWriteProtection, 1);
                     sqe.nsid = 1;
                     return sqe;
                   }()).ok());
    refused(4, 4 * kZone, 1, Status::kNamespaceWriteProtected);
  }
}

// Where a random write area is, its zone has no place to append to, and other writes no single one.
TEST(ZnsStatus, EveryWriteCommandInARandomWriteArea) {
  for (const Writer& writer : kWriters) {
    SCOPED_TRACE(writer.name);
    ZonedRig rig;
    ASSERT_TRUE(rig.write(kSource, 16, 0x77).ok());
    ASSERT_EQ(rig.send(ZoneSendAction::kOpen, 0, nvme::kSendAllocateZrwa), Status::kSuccess);
    const Status inside = rig.io(writer.make(rig, 4, 2)).status;
    EXPECT_EQ(inside, writer.append ? Status::kInvalidZoneOperation : Status::kSuccess);
    if (writer.append) continue;
    EXPECT_EQ(rig.io(writer.make(rig, 4, 2)).status, Status::kSuccess) << "again";
    EXPECT_EQ(rig.zone(0).write_pointer, 0u);
    EXPECT_EQ(rig.io(writer.make(rig, 15, 2)).status, Status::kZoneInvalidWrite);
    EXPECT_EQ(rig.read(0, 4), std::vector<u8>(4 * kBlock));
  }
}

TEST(ZnsStatus, FailuresInTheControllerLeaveNothingBehind) {
  const auto fill = [](ZonedRig& rig) {
    std::vector<u64> times;
    for (u32 i = 0; i < 12; i++) {
      const u64 begin = rig.runner.now();
      EXPECT_TRUE(rig.append(0, 4).ok());
      times.push_back(rig.runner.now() - begin);
    }
    return times;
  };
  ZonedRig rig, fresh;
  rig.host.limit_medium_pages(rig.host.medium_pages());
  for (u32 i = 0; i < 20'000; i++) {
    Sqe sqe = i % 2 == 0 ? rig.append_command(0, 8) : rig.data(cmd::write(0, 8), 8 * kBlock);
    if (i % 4 < 2) sqe.prp1 = 0xdead000;
    ASSERT_EQ(rig.io(sqe).status, i % 4 < 2 ? Status::kDataTransferError : Status::kWriteFault);
  }
  EXPECT_EQ(rig.state(0), ZoneState::kEmpty);
  EXPECT_EQ(rig.used(), 0u);
  rig.host.limit_medium_pages(~0ull);
  EXPECT_EQ(nvmev_dev_state_hash(rig.device.get()), nvmev_dev_state_hash(fresh.device.get()));
  EXPECT_EQ(fill(rig), fill(fresh)) << "as fast as at first";
  EXPECT_EQ(nvmev_dev_state_hash(rig.device.get()), nvmev_dev_state_hash(fresh.device.get()));
}

}  // namespace
}  // namespace nvmev::test
