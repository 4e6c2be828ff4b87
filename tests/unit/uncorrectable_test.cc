// SPDX-License-Identifier: GPL-2.0-only
// Write Uncorrectable and Verify: NVM Command Set 1.0 sections 3.2.5 and 3.2.7.
#include <gtest/gtest.h>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::NvmOpcode;
using nvme::Status;

class UncorrectableTest : public testing::Test {
 protected:
  UncorrectableTest() { rig_.start(); }
  Status mark(u64 slba, u32 blocks) { return rig_.io(cmd::io(NvmOpcode::kWriteUncorrectable, slba, blocks)).status; }
  Status verify(u64 slba, u32 blocks) { return rig_.io(cmd::io(NvmOpcode::kVerify, slba, blocks)).status; }
  Status read(u64 slba, u32 blocks) { return rig_.driver.read(slba, blocks).completion.status; }
  Rig rig_;
};

TEST_F(UncorrectableTest, ReadsFailUntilWritten) {
  ASSERT_TRUE(rig_.driver.write(100, pattern(20 * 512, 1)).ok());
  ASSERT_EQ(mark(105, 3), Status::kSuccess);
  for (const u64 block : {105, 106, 107}) EXPECT_EQ(read(block, 1), Status::kUnrecoveredReadError);
  EXPECT_EQ(read(104, 1), Status::kSuccess);
  EXPECT_EQ(read(108, 1), Status::kSuccess);
  const Driver::Data failed = rig_.driver.read(100, 20);
  EXPECT_EQ(failed.completion.status, Status::kUnrecoveredReadError);
  EXPECT_EQ(failed.bytes, std::vector<u8>(20 * 512, 0)) << "no data moved";
  EXPECT_EQ(rig_.driver.compare(105, pattern(512, 1)).status, Status::kUnrecoveredReadError);
  ASSERT_TRUE(rig_.driver.write(106, pattern(512, 2)).ok());
  EXPECT_EQ(rig_.driver.read(106, 1).bytes, pattern(512, 2));
  EXPECT_EQ(read(105, 1), Status::kUnrecoveredReadError) << "the others still";
}

TEST_F(UncorrectableTest, EveryRangeMarksExactlyItsBlocks) {
  for (const u64 first : {0ull, 1ull, 63ull, 64ull, 32767ull, 32768ull, 40000ull}) {
    for (const u32 blocks : {1u, 2u, 63u, 64u, 65u, 200u, 65536u}) {
      SCOPED_TRACE(std::to_string(first) + "+" + std::to_string(blocks));
      ASSERT_EQ(mark(first, blocks), Status::kSuccess);
      if (first > 0) EXPECT_EQ(verify(first - 1, 1), Status::kSuccess);
      EXPECT_EQ(verify(first, 1), Status::kUnrecoveredReadError);
      EXPECT_EQ(verify(first + blocks - 1, 1), Status::kUnrecoveredReadError);
      EXPECT_EQ(verify(first + blocks, 1), Status::kSuccess);
      ASSERT_TRUE(rig_.io(cmd::write_zeroes(first, blocks)).ok());
      EXPECT_EQ(verify(first > 0 ? first - 1 : 0, blocks), Status::kSuccess) << "Write Zeroes makes them good";
    }
  }
}

TEST_F(UncorrectableTest, MadeGoodByDeallocationFormatAndSanitize) {
  ASSERT_EQ(mark(8, 64), Status::kSuccess);
  ASSERT_TRUE(rig_.driver.deallocate({{0, 64, 8}}).ok());
  EXPECT_EQ(rig_.driver.read(8, 64).bytes, std::vector<u8>(64 * 512, 0));
  ASSERT_EQ(mark(8, 64), Status::kSuccess);
  ASSERT_TRUE(rig_.admin(cmd::format(1, 0)).ok());
  EXPECT_EQ(read(8, 64), Status::kSuccess);
  ASSERT_EQ(mark(8, 64), Status::kSuccess);
  ASSERT_TRUE(rig_.admin(cmd::sanitize(nvme::SanitizeAction::kBlockErase)).ok());
  rig_.runner.run_for(5'000'000'000);
  EXPECT_EQ(read(8, 64), Status::kSuccess);
}

TEST_F(UncorrectableTest, OutlivesResetsAndIsCounted) {
  ASSERT_EQ(mark(8, 1), Status::kSuccess);
  rig_.driver.disable();
  rig_.start();
  EXPECT_EQ(read(8, 1), Status::kUnrecoveredReadError);
  EXPECT_EQ(rig_.driver.log<nvme::SmartLog>(nvme::LogPage::kSmart).media_errors.low, 1u);
  const auto entry = rig_.driver.log<nvme::ErrorLogEntry>(nvme::LogPage::kError);
  EXPECT_EQ(entry.lba, 8u);
}

TEST_F(UncorrectableTest, OfTheNamespacesOwnBlockSize) {
  ASSERT_TRUE(rig_.admin(cmd::format(1, 1)).ok());
  rig_.driver.lba_size = 4096;
  ASSERT_EQ(mark(5, 1), Status::kSuccess);
  EXPECT_EQ(read(4, 1), Status::kSuccess);
  EXPECT_EQ(read(5, 1), Status::kUnrecoveredReadError);
  EXPECT_EQ(read(6, 1), Status::kSuccess);
}

TEST_F(UncorrectableTest, Refusals) {
  const u64 end = (64u << 20) / 512;
  EXPECT_EQ(mark(end - 1, 2), Status::kLbaOutOfRange);
  EXPECT_EQ(verify(end - 1, 2), Status::kLbaOutOfRange);
  EXPECT_EQ(mark(~0ull, 1), Status::kLbaOutOfRange);
  EXPECT_EQ(verify(end - 1, 1), Status::kSuccess);
  rig_.host.limit_medium_pages(0);
  EXPECT_EQ(mark(0, 1), Status::kWriteFault) << "no memory for the mark";
  EXPECT_EQ(verify(0, 1), Status::kSuccess);
}

TEST_F(UncorrectableTest, WriteProtectionHolds) {
  nvme::Sqe sqe = cmd::set_feature(nvme::Feature::kWriteProtection, 1);
  sqe.nsid = 1;
  ASSERT_TRUE(rig_.admin(sqe).ok());
  EXPECT_EQ(mark(8, 1), Status::kNamespaceWriteProtected);
  EXPECT_EQ(verify(8, 1), Status::kSuccess);
}

TEST_F(UncorrectableTest, VerifyTakesTimeAndMovesNothing) {
  const u64 begin = rig_.runner.now();
  const Completion completion = rig_.io(cmd::io(NvmOpcode::kVerify, 0, 65536));
  ASSERT_TRUE(completion.ok()) << "32 MiB, far beyond MDTS, without a data pointer";
  EXPECT_GT(completion.time, begin);
}

}  // namespace
}  // namespace nvmev::test
