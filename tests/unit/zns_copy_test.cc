// SPDX-License-Identifier: GPL-2.0-only
// Copy, Verify and Write Uncorrectable of zones; and what a medium that keeps old data must not show.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

#include "host/zoned_rig.h"

namespace nvmev::test {
namespace {

using nvme::NvmOpcode;
using nvme::Sqe;
using nvme::Status;
using nvme::ZoneSendAction;
using nvme::ZoneState;

struct Source {
  u64 slba;
  u32 blocks;
};

struct CopyRig : ZonedRig {
  using ZonedRig::ZonedRig;

  Status copy(u64 to, const std::vector<Source>& sources) {
    std::vector<u8> bytes(sources.size() * sizeof(nvme::CopyRange));
    for (std::size_t i = 0; i < sources.size(); i++) {
      nvme::CopyRange range{};
      range.slba = sources[i].slba;
      range.nlb = static_cast<u16>(sources[i].blocks - 1);
      std::memcpy(bytes.data() + i * sizeof(range), &range, sizeof(range));
    }
    buffer.write(bytes);
    Sqe sqe = cmd::io(NvmOpcode::kCopy, to, 1);
    sqe.cdw12 = static_cast<u32>(sources.size() - 1);
    return io(data(sqe, bytes.size())).status;
  }
  Status mark(u64 slba, u32 blocks) { return io(cmd::io(NvmOpcode::kWriteUncorrectable, slba, blocks)).status; }
  Status verify(u64 slba, u32 blocks) { return io(cmd::io(NvmOpcode::kVerify, slba, blocks)).status; }
  Status read_status(u64 slba, u32 blocks) { return io(data(cmd::read(slba, blocks), blocks * kBlock)).status; }
};

std::vector<u8> blocks(std::initializer_list<std::pair<u8, u32>> parts) {
  std::vector<u8> bytes;
  for (const auto& [fill, count] : parts) bytes.insert(bytes.end(), count * kBlock, fill);
  return bytes;
}

// ---- Copy ----------------------------------------------------------------------------------------------------------

TEST(ZnsCopy, GoesToTheWritePointer) {
  CopyRig rig;
  ASSERT_TRUE(rig.write(0, 4, 0x11).ok());
  ASSERT_TRUE(rig.write(kZone, 4, 0x22).ok());
  ASSERT_EQ(rig.copy(2 * kZone, {{2, 4}, {kZone, 3}, {5 * kZone, 1}}), Status::kSuccess);
  EXPECT_EQ(rig.zone(2).write_pointer, 2 * kZone + 8);
  EXPECT_EQ(rig.state(2), ZoneState::kImplicitlyOpen);
  // What was never written is zeros, in a zone or of an empty one.
  EXPECT_EQ(rig.read(2 * kZone, 8), blocks({{0x11, 2}, {0, 2}, {0x22, 3}, {0, 1}}));
  // On from there, out of the zone itself.
  ASSERT_EQ(rig.copy(2 * kZone + 8, {{2 * kZone + 4, 2}}), Status::kSuccess);
  EXPECT_EQ(rig.read(2 * kZone + 8, 2), blocks({{0x22, 2}}));
  // Unwritten blocks that become the destination are read as they were.
  ASSERT_EQ(rig.copy(2 * kZone + 10, {{2 * kZone + 9, 3}}), Status::kSuccess);
  EXPECT_EQ(rig.read(2 * kZone + 10, 3), blocks({{0x22, 1}, {0, 2}}));
  ASSERT_TRUE(rig.write(2 * kZone + 13, 1, 0x33).ok());
  EXPECT_EQ(rig.read(2 * kZone + 12, 2), blocks({{0, 1}, {0x33, 1}}));
}

TEST(ZnsCopy, RefusalsChangeNothing) {
  CopyRig rig;
  ASSERT_TRUE(rig.write(0, 16, 0x11).ok());
  const std::vector<Source> good = {{0, 2}};
  EXPECT_EQ(rig.copy(kZone, {{kZone - 1, 2}}), Status::kZoneBoundaryError) << "a source across zones";
  EXPECT_EQ(rig.copy(kZone, {{0, 1}, {16 * kZone, 1}}), Status::kLbaOutOfRange);
  rig.fault("3:offline");
  EXPECT_EQ(rig.copy(kZone, {{0, 1}, {3 * kZone, 1}}), Status::kZoneIsOffline);
  EXPECT_EQ(rig.copy(kZone + 1, good), Status::kZoneInvalidWrite);
  EXPECT_EQ(rig.copy(kZone, std::vector<Source>(4, {0, 16})), Status::kZoneBoundaryError) << "more than a zone holds";
  ASSERT_EQ(rig.mark(16, 1), Status::kSuccess);
  EXPECT_EQ(rig.copy(kZone, {{0, 1}, {15, 2}}), Status::kUnrecoveredReadError);
  rig.host.limit_medium_pages(rig.host.medium_pages());
  EXPECT_EQ(rig.copy(kZone, good), Status::kWriteFault);
  rig.host.limit_medium_pages(~0ull);
  Sqe set = cmd::set_feature(nvme::Feature::kErrorRecovery, 1u << 16);
  set.nsid = 1;
  ASSERT_TRUE(rig.admin(set).ok());
  EXPECT_EQ(rig.copy(kZone, {{20, 1}}), Status::kUnwrittenBlock);
  EXPECT_EQ(rig.state(1), ZoneState::kEmpty);
  EXPECT_EQ(rig.zone(0).write_pointer, 17u);
  EXPECT_EQ(rig.copy(kZone, good), Status::kSuccess);
  EXPECT_EQ(rig.read(kZone, 2), blocks({{0x11, 2}}));
}

TEST(ZnsCopy, SourcesAcrossZonesWhereReadsMay) {
  CopyRig rig(with({{"zone_read_across", "1"}}));
  ASSERT_TRUE(rig.write(0, 48, 0x21).ok());
  ASSERT_TRUE(rig.write(kZone, 1, 0x22).ok());
  ASSERT_EQ(rig.copy(2 * kZone, {{46, 20}}), Status::kSuccess);
  EXPECT_EQ(rig.read(2 * kZone, 20), blocks({{0x21, 2}, {0, 16}, {0x22, 1}, {0, 1}}));
}

TEST(ZnsCopy, WaitsForAResetLikeAWrite) {
  CopyRig rig(with({{"dispatchers", "2"}}), 2, 2);
  ASSERT_TRUE(rig.write(0, 4, 0x41).ok());
  ASSERT_TRUE(rig.write(kZone, 40, 0x42).ok());
  nvme::CopyRange range{};
  range.nlb = 3;
  std::vector<u8> bytes(sizeof(range));
  std::memcpy(bytes.data(), &range, sizeof(range));
  rig.buffer.write(bytes);
  Sqe copy = cmd::io(NvmOpcode::kCopy, kZone, 1);
  copy.cdw12 = 0;
  rig.driver.queue(1, rig.send_command(ZoneSendAction::kReset, kZone));
  rig.driver.ring(1);
  rig.driver.queue(1, rig.data(copy, bytes.size()));
  rig.driver.ring(1);
  rig.runner.run_for(1'000'000'000);
  rig.driver.reap();
  const auto done = rig.driver.take();
  ASSERT_EQ(done.size(), 2u);
  for (const Completion& each : done) EXPECT_TRUE(each.ok());
  EXPECT_EQ(rig.zone(1).write_pointer, kZone + 4);
  EXPECT_EQ(rig.read(kZone, 8), blocks({{0x41, 4}, {0, 4}}));
}

// ---- Write Uncorrectable and Verify ----------------------------------------------------------------------------------

TEST(ZnsUncorrectable, IsAWriteWhoseBlocksCannotBeRead) {
  CopyRig rig;
  ASSERT_TRUE(rig.write(0, 4, 0x51).ok());
  ASSERT_EQ(rig.mark(4, 2), Status::kSuccess);
  EXPECT_EQ(rig.zone(0).write_pointer, 6u);
  ASSERT_TRUE(rig.write(6, 2, 0x52).ok());
  EXPECT_EQ(rig.read(0, 4), blocks({{0x51, 4}}));
  EXPECT_EQ(rig.read(6, 2), blocks({{0x52, 2}}));
  for (const u64 slba : {3, 4, 5}) EXPECT_EQ(rig.read_status(slba, 2), Status::kUnrecoveredReadError);
  EXPECT_EQ(rig.io(rig.data(cmd::compare(4, 1), kBlock)).status, Status::kUnrecoveredReadError);
  EXPECT_EQ(rig.verify(0, 4), Status::kSuccess);
  EXPECT_EQ(rig.verify(0, 5), Status::kUnrecoveredReadError);
  EXPECT_EQ(rig.verify(6, 30), Status::kSuccess) << "what was never written is good";
}

TEST(ZnsUncorrectable, GoneWithTheZonesData) {
  for (const bool all : {false, true}) {
    CopyRig rig;
    ASSERT_EQ(rig.mark(0, 3), Status::kSuccess);
    ASSERT_EQ(rig.mark(kZone, 3), Status::kSuccess);
    rig.fault("1:read-only");
    EXPECT_EQ(rig.read_status(kZone, 3), Status::kUnrecoveredReadError);
    ASSERT_EQ(all ? rig.send_all(ZoneSendAction::kReset) : rig.send(ZoneSendAction::kReset, 0), Status::kSuccess);
    EXPECT_EQ(rig.read(0, 3), blocks({{0, 3}}));
    EXPECT_EQ(rig.verify(0, 3), Status::kSuccess);
    ASSERT_TRUE(rig.write(0, 1, 0x61).ok());
    ASSERT_TRUE(rig.io(cmd::write_zeroes(1, 1)).ok());
    ASSERT_EQ(rig.copy(2, {{0, 1}}), Status::kSuccess);
    EXPECT_EQ(rig.read(0, 3), blocks({{0x61, 1}, {0, 1}, {0x61, 1}}));
    EXPECT_EQ(rig.read_status(kZone, 3), Status::kUnrecoveredReadError) << "the reset did not reach this zone";
  }
}

TEST(ZnsUncorrectable, InARandomWriteArea) {
  CopyRig rig;
  ASSERT_EQ(rig.send(ZoneSendAction::kOpen, 0, nvme::kSendAllocateZrwa), Status::kSuccess);
  ASSERT_TRUE(rig.write(0, 8, 0x71).ok());
  ASSERT_EQ(rig.mark(2, 4), Status::kSuccess);
  EXPECT_EQ(rig.read_status(2, 1), Status::kUnrecoveredReadError);
  ASSERT_TRUE(rig.write(2, 1, 0x72).ok());
  ASSERT_TRUE(rig.io(cmd::write_zeroes(3, 1)).ok());
  EXPECT_EQ(rig.read(0, 4), blocks({{0x71, 2}, {0x72, 1}, {0, 1}}));
  EXPECT_EQ(rig.read_status(4, 1), Status::kUnrecoveredReadError);
  // After a reset the marks of old say nothing about blocks that an area skips.
  ASSERT_EQ(rig.send(ZoneSendAction::kReset, 0), Status::kSuccess);
  ASSERT_EQ(rig.send(ZoneSendAction::kOpen, 0, nvme::kSendAllocateZrwa), Status::kSuccess);
  ASSERT_TRUE(rig.write(7, 1, 0x73).ok());
  EXPECT_EQ(rig.read(0, 8), blocks({{0, 7}, {0x73, 1}}));
}

TEST(ZnsVerify, IsARead) {
  CopyRig rig;
  ASSERT_TRUE(rig.write(0, 48, 0x11).ok());
  EXPECT_EQ(rig.verify(0, kZone), Status::kSuccess);
  EXPECT_EQ(rig.verify(kZone - 1, 2), Status::kZoneBoundaryError);
  EXPECT_EQ(rig.verify(16 * kZone - 1, 2), Status::kLbaOutOfRange);
  rig.fault("1:offline");
  EXPECT_EQ(rig.verify(kZone, 1), Status::kZoneIsOffline);
}

// ---- Media that keep old data -----------------------------------------------------------------------------------------

struct Memory {
  static constexpr u64 kBytes = 4u << 20;
  Memory() : bytes(static_cast<u8*>(std::aligned_alloc(4096, kBytes))) { std::memset(bytes, 0xee, kBytes); }
  ~Memory() { std::free(bytes); }
  u8* bytes;
};

// A zoned device in reserved memory, which a discard leaves as it is.
struct ReservedRig : Memory, CopyRig {
  ReservedRig() : CopyRig(config(bytes)) {}

  static nvmev_config config(u8* bytes) {
    nvmev_config config = make_config(kZonedKeys, 1);
    config.medium = NVMEV_MEDIUM_RESERVED;
    config.reserved_base = bytes;
    config.reserved_size = kBytes;
    nvmev_error error{};
    EXPECT_EQ(nvmev_config_check(&config, &error), 0) << error.text;
    return config;
  }
};

TEST(ZnsReserved, OldDataAreNeverSeen) {
  ReservedRig rig;
  EXPECT_EQ(rig.read(0, 4), blocks({{0, 4}}));
  ASSERT_TRUE(rig.write(0, 2, 0x11).ok());
  EXPECT_EQ(rig.read(0, 4), blocks({{0x11, 2}, {0, 2}}));
  ASSERT_EQ(rig.send(ZoneSendAction::kReset, 0), Status::kSuccess);
  EXPECT_EQ(rig.read(0, 4), blocks({{0, 4}}));
  ASSERT_TRUE(rig.io(cmd::write_zeroes(0, 3)).ok());
  EXPECT_EQ(rig.read(0, 4), blocks({{0, 4}}));
  ASSERT_EQ(rig.copy(3, {{kZone, 2}, {4, 1}}), Status::kSuccess);
  EXPECT_EQ(rig.read(0, 8), blocks({{0, 8}}));
}

TEST(ZnsReserved, RandomWriteAreasHaveNoOldData) {
  ReservedRig rig;
  ASSERT_EQ(rig.send(ZoneSendAction::kOpen, 0, nvme::kSendAllocateZrwa), Status::kSuccess);
  // Writes that skip blocks, behind one another and between.
  ASSERT_TRUE(rig.write(5, 1, 0x05).ok());
  EXPECT_EQ(rig.read(0, 8), blocks({{0, 5}, {0x05, 1}, {0, 2}}));
  ASSERT_TRUE(rig.write(2, 1, 0x02).ok());
  ASSERT_TRUE(rig.write(7, 1, 0x07).ok());
  EXPECT_EQ(rig.read(0, 10), blocks({{0, 2}, {0x02, 1}, {0, 2}, {0x05, 1}, {0, 1}, {0x07, 1}, {0, 2}}));
  // A write that moves the area over blocks which nobody wrote.
  ASSERT_TRUE(rig.write(14, 1, 0x0e).ok());
  EXPECT_EQ(rig.zone(0).write_pointer, 8u);
  EXPECT_EQ(rig.read(8, 8), blocks({{0, 6}, {0x0e, 1}, {0, 1}}));
  // A flush beyond what was written.
  ASSERT_EQ(rig.send(ZoneSendAction::kFlushZrwa, 15), Status::kSuccess);
  EXPECT_EQ(rig.zone(0).write_pointer, 16u);
  EXPECT_EQ(rig.read(14, 4), blocks({{0x0e, 1}, {0, 3}}));
  // Finish with data beyond the write pointer.
  ASSERT_TRUE(rig.write(19, 1, 0x13).ok());
  ASSERT_EQ(rig.send(ZoneSendAction::kFinish, 0), Status::kSuccess);
  EXPECT_EQ(rig.read(16, 8), blocks({{0, 3}, {0x13, 1}, {0, 4}}));
  // The next life of the zone starts from nothing.
  ASSERT_EQ(rig.send(ZoneSendAction::kReset, 0), Status::kSuccess);
  ASSERT_EQ(rig.send(ZoneSendAction::kOpen, 0, nvme::kSendAllocateZrwa), Status::kSuccess);
  ASSERT_TRUE(rig.write(7, 1, 0x77).ok());
  EXPECT_EQ(rig.read(0, 8), blocks({{0, 7}, {0x77, 1}}));
}

}  // namespace
}  // namespace nvmev::test
