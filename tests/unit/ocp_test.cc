// SPDX-License-Identifier: GPL-2.0-only
// The key `ocp`: extended SMART log (OCP Datacenter NVMe SSD 2.0, section 4.8.6) and UUID List (NVMe 2.0 section 8.25). Fields by
// byte offset, so that a wrong structure definition shows.
#include <gtest/gtest.h>

#include "host/bytes.h"
#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Cns;
using nvme::LogPage;
using nvme::Status;

constexpr u32 kGetLogPage = 0x02, kUuidSelection = 1u << 19;

class Ocp : public testing::Test {
 protected:
  explicit Ocp(const char* on = "1") : rig_({{"type", "conv"}, {"capacity", "64M"}, {"ocp", on}, {"pe_cycles", "1000"}}) { rig_.start(); }

  std::vector<u8> log() {
    const Driver::Data data = rig_.driver.get_log(LogPage::kOcpSmart, 512);
    EXPECT_TRUE(data.completion.ok());
    return data.bytes;
  }

  Completion get_log(LogPage page, u32 uuid_index) {
    DmaBuffer buffer(rig_.driver.arena(), 512);
    nvme::Sqe sqe = cmd::get_log(page, 0, 512, buffer.bus());
    sqe.cdw14 |= uuid_index;
    return rig_.driver.admin(sqe);
  }

  bool chooses_uuid() {
    return (rig_.driver.log<nvme::CommandEffectsLog>(LogPage::kCommandEffects).admin[kGetLogPage] & kUuidSelection) != 0;
  }

  Rig rig_;
};

class NoOcp : public Ocp {
 protected:
  NoOcp() : Ocp("0") {}
};

TEST_F(Ocp, Layout) {
  const std::vector<u8> data = log();
  EXPECT_EQ(data[103], 2) << "major version of the specification";
  EXPECT_EQ(data[120], 100) << "percent of free blocks";
  EXPECT_EQ(le(data, 38, 2), 100u) << "bad user blocks, normalized";
  EXPECT_EQ(le(data, 128, 2), 0xffffu) << "there is no capacitor";
  EXPECT_EQ(le(data, 494, 2), 3u) << "version";
  EXPECT_EQ(le(data, 496, 8), 0xa4f2bfea2810afc5u) << "GUID";
  EXPECT_EQ(le(data, 504, 8), 0xafd514c97c6f4f9cu);
}

TEST_F(Ocp, CountsWhatTheFlashDoes) {
  const std::vector<u8> before = log();
  EXPECT_EQ(le(before, 152, 8), 0u) << "NUSE";
  constexpr u32 kWrites = 1024, kBytes = 128 << 10;  // two times the capacity
  for (u32 i = 0; i < kWrites; i++) ASSERT_TRUE(rig_.driver.write(i % 512 * 256, pattern(kBytes, i)).ok());
  ASSERT_TRUE(rig_.driver.run(1, cmd::io(nvme::NvmOpcode::kFlush, 0, 1)).ok());
  for (u32 i = 0; i < 16; i++) ASSERT_TRUE(rig_.driver.read(i * 256, 256).completion.ok());
  const std::vector<u8> after = log();
  EXPECT_GE(le(after, 0, 8), u64{kWrites} * kBytes) << "media units written, of the host and of garbage collection";
  EXPECT_LT(le(after, 0, 8), 3 * u64{kWrites} * kBytes);
  EXPECT_GE(le(after, 16, 8), 16u * kBytes) << "media units read";
  EXPECT_GE(le(after, 88, 4), 1u) << "most erases of a block";
  EXPECT_LE(le(after, 92, 4), le(after, 88, 4)) << "least";
  EXPECT_LT(after[120], 100) << "percent of free blocks";
  EXPECT_EQ(le(after, 152, 8), (64u << 20) / 512) << "NUSE: all is written";
  // The endurance group's log tells the same in units of 10^9 bytes.
  DmaBuffer buffer(rig_.driver.arena(), 512);
  nvme::Sqe sqe = cmd::get_log(LogPage::kEnduranceGroup, 0, 512, buffer.bus());
  sqe.cdw11 |= 1u << 16;
  ASSERT_TRUE(rig_.driver.admin(sqe).ok());
  EXPECT_EQ(le(buffer.read(), 80, 8), (le(after, 0, 8) + 999'999'999) / 1'000'000'000);
}

TEST_F(Ocp, CountsUnalignedWritesAndPowerStates) {
  ASSERT_TRUE(rig_.driver.write(0, pattern(64 << 10, 1)).ok());
  ASSERT_TRUE(rig_.driver.run(1, cmd::io(nvme::NvmOpcode::kFlush, 0, 1)).ok());
  const u64 unaligned = le(log(), 136, 8), changes = le(log(), 200, 8);
  ASSERT_TRUE(rig_.driver.write(1, pattern(512, 2)).ok());
  EXPECT_EQ(le(log(), 136, 8), unaligned + 1);
  for (const u32 state : {1u, 1u, 2u, 0u}) ASSERT_TRUE(rig_.driver.set_feature(nvme::Feature::kPowerManagement, state).ok());
  EXPECT_EQ(le(log(), 200, 8), changes + 3) << "one of the four changed nothing";
}

TEST_F(Ocp, UuidList) {
  const Driver::Data data = rig_.driver.identify(Cns::kUuids);
  ASSERT_TRUE(data.completion.ok());
  const std::vector<u8> uuid = {0xc1, 0x94, 0xd5, 0x5b, 0xe0, 0x94, 0x47, 0x94, 0xa2, 0x1d, 0x29, 0x99, 0x8f, 0x56, 0xbe, 0x6f};
  EXPECT_EQ(std::vector<u8>(data.bytes.begin() + 48, data.bytes.begin() + 64), uuid);
  EXPECT_TRUE(std::all_of(data.bytes.begin() + 64, data.bytes.end(), [](u8 byte) { return byte == 0; })) << "one entry";
  EXPECT_TRUE(le(rig_.driver.identify(Cns::kController).bytes, 96, 4) & 1u << 9) << "CTRATT";
  EXPECT_TRUE(chooses_uuid());
  for (const LogPage page : {LogPage::kOcpSmart, LogPage::kSmart}) {
    EXPECT_TRUE(get_log(page, 0).ok());
    EXPECT_TRUE(get_log(page, 1).ok());
    EXPECT_EQ(get_log(page, 2).status, Status::kInvalidField) << "there is no second entry";
    EXPECT_EQ(get_log(page, 0x7f).status, Status::kInvalidField);
  }
}

TEST_F(NoOcp, IsNotThere) {
  EXPECT_EQ(rig_.driver.identify(Cns::kUuids).completion.status, Status::kInvalidField);
  EXPECT_FALSE(le(rig_.driver.identify(Cns::kController).bytes, 96, 4) & 1u << 9);
  EXPECT_EQ(get_log(LogPage::kOcpSmart, 0).status, Status::kInvalidLogPage);
  EXPECT_EQ(get_log(LogPage::kSmart, 1).status, Status::kInvalidField);
  EXPECT_FALSE(chooses_uuid());
}

}  // namespace
}  // namespace nvmev::test
