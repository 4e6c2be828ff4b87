// SPDX-License-Identifier: GPL-2.0-only
// Copy: NVM Command Set 1.0 section 3.2.2.
#include <gtest/gtest.h>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::NvmOpcode;
using nvme::Status;

struct Source {
  u64 slba;
  u32 blocks;
};

class CopyTest : public testing::Test {
 protected:
  explicit CopyTest(const Settings& settings = {}) : rig_(settings) { rig_.start(); }
  Status copy(u64 to, const std::vector<Source>& sources, u32 format = 0) {
    DmaBuffer list(rig_.driver.arena(), 4096);
    std::vector<u8> bytes(sources.size() * sizeof(nvme::CopyRange), 0);
    for (size_t i = 0; i < sources.size(); i++) {
      nvme::CopyRange range{};
      range.slba = sources[i].slba;
      range.nlb = static_cast<u16>(sources[i].blocks - 1);
      std::memcpy(bytes.data() + i * sizeof(range), &range, sizeof(range));
    }
    bytes.resize(std::min<size_t>(bytes.size(), 4096));
    list.write(bytes);
    nvme::Sqe sqe = cmd::io(NvmOpcode::kCopy, to, 1);
    sqe.cdw12 = static_cast<u32>(sources.size() - 1) | format << 8;
    sqe.prp1 = list.bus();
    return rig_.io(sqe).status;
  }
  std::vector<u8> blocks(u64 slba, u32 count) { return rig_.driver.read(slba, count).bytes; }
  Rig rig_;
};

TEST_F(CopyTest, GathersItsSourcesInOrder) {
  ASSERT_TRUE(rig_.driver.write(0, pattern(64 * 512, 1)).ok());
  ASSERT_TRUE(rig_.driver.write(1000, pattern(64 * 512, 2)).ok());
  ASSERT_TRUE(rig_.driver.write(5000, pattern(40 * 512, 3)).ok());
  // At odd places, so that pages of source and destination lie differently.
  ASSERT_EQ(copy(5003, {{1005, 9}, {3, 1}, {20000, 5}, {10, 17}}), Status::kSuccess);
  std::vector<u8> expected = blocks(1005, 9);
  for (const Source& source : {Source{3, 1}, Source{20000, 5}, Source{10, 17}}) {
    const std::vector<u8> part = blocks(source.slba, source.blocks);
    expected.insert(expected.end(), part.begin(), part.end());
  }
  EXPECT_EQ(blocks(5003, 32), expected);
  const std::vector<u8> before = pattern(40 * 512, 3);
  EXPECT_EQ(blocks(5000, 3), std::vector<u8>(before.begin(), before.begin() + 3 * 512)) << "neighbours";
  EXPECT_EQ(blocks(5035, 5), std::vector<u8>(before.begin() + 35 * 512, before.end()));
  EXPECT_EQ(blocks(0, 64), pattern(64 * 512, 1)) << "sources stay";
}

TEST_F(CopyTest, LimitsAreThoseOfIdentify) {
  const std::vector<u8> ns = rig_.driver.identify(nvme::Cns::kNamespace, 1).bytes;
  const u32 mssrl = ns[74] | ns[75] << 8;
  u32 mcl;
  std::memcpy(&mcl, ns.data() + 76, sizeof(mcl));
  const u32 msrc = ns[80] + 1u;
  ASSERT_EQ(msrc, 128u);
  ASSERT_EQ(rig_.driver.identify(nvme::Cns::kController).bytes[534] & 1, 1) << "OCFS: format 0";
  EXPECT_EQ(copy(50000, {{0, mssrl}}), Status::kSuccess);
  EXPECT_EQ(copy(50000, {{0, mssrl + 1}}), Status::kCommandSizeLimitExceeded);
  EXPECT_EQ(copy(50000, std::vector<Source>(msrc, {0, mcl / msrc})), Status::kSuccess);
  EXPECT_EQ(copy(50000, std::vector<Source>(msrc + 1, {0, 1})), Status::kCommandSizeLimitExceeded);
  EXPECT_EQ(copy(50000, {{0, mcl}, {0, 1}}), Status::kCommandSizeLimitExceeded);
}

TEST_F(CopyTest, Refusals) {
  const u64 end = (64u << 20) / 512;
  ASSERT_TRUE(rig_.driver.write(100, pattern(4096, 1)).ok());
  EXPECT_EQ(copy(100, {{0, 1}}, 1), Status::kInvalidNamespaceOrFormat) << "format 1 is for other protection information";
  EXPECT_EQ(copy(100, {{0, 1}}, 2), Status::kInvalidField);
  EXPECT_EQ(copy(100, {{0, 1}, {end - 1, 2}}), Status::kLbaOutOfRange) << "a source";
  EXPECT_EQ(copy(100, {{~0ull, 1}}), Status::kLbaOutOfRange);
  EXPECT_EQ(copy(end - 1, {{0, 1}, {1, 1}}), Status::kLbaOutOfRange) << "the destination";
  nvme::Sqe sqe = cmd::io(NvmOpcode::kCopy, 100, 1);
  sqe.prp1 = 1ull << 60;
  EXPECT_EQ(rig_.io(sqe).status, Status::kDataTransferError);
  EXPECT_EQ(blocks(100, 8), pattern(4096, 1)) << "nothing was copied";
}

TEST_F(CopyTest, UnreadableSourceCopiesNothing) {
  ASSERT_TRUE(rig_.driver.write(0, pattern(4096, 1)).ok());
  ASSERT_TRUE(rig_.driver.write(100, pattern(4096, 2)).ok());
  ASSERT_TRUE(rig_.io(cmd::io(NvmOpcode::kWriteUncorrectable, 50, 1)).ok());
  EXPECT_EQ(copy(100, {{0, 4}, {50, 1}}), Status::kUnrecoveredReadError);
  EXPECT_EQ(blocks(100, 8), pattern(4096, 2));
  // The destination is made good.
  EXPECT_EQ(copy(50, {{0, 1}}), Status::kSuccess);
  const std::vector<u8> first = pattern(4096, 1);
  EXPECT_EQ(blocks(50, 1), std::vector<u8>(first.begin(), first.begin() + 512));
}

TEST_F(CopyTest, OutOfMemoryCopiesNothing) {
  ASSERT_TRUE(rig_.driver.write(0, pattern(8192, 1)).ok());
  ASSERT_TRUE(rig_.driver.write(100, pattern(2048, 2)).ok());
  rig_.host.limit_medium_pages(rig_.host.medium_pages());
  EXPECT_EQ(copy(100, {{0, 16}}), Status::kWriteFault);
  EXPECT_EQ(blocks(100, 4), pattern(2048, 2));
}

// The list that a command brings along is given back however the command ends.
TEST_F(CopyTest, ManyOfAllKinds) {
  ASSERT_TRUE(rig_.driver.write(0, pattern(4096, 1)).ok());
  for (u32 i = 0; i < 100; i++) {
    EXPECT_EQ(copy(1000 + i * 8, {{0, 8}}), Status::kSuccess);
    EXPECT_EQ(copy(100, {{~0ull, 1}}), Status::kLbaOutOfRange);
  }
  for (u32 i = 0; i < 100; i++) ASSERT_EQ(blocks(1000 + i * 8, 8), pattern(4096, 1));
}

// Another worker reads the block of 4 KiB before the n-th moment at which it could come in between.
TEST(CopyContention, NobodySeesHalfABlock) {
  Rig rig({}, 2);
  rig.start(2);
  ASSERT_TRUE(rig.admin(cmd::format(1, 1)).ok());
  rig.driver.lba_size = 4096;
  const std::vector<u8> before(4096, 0xaa), after(4096, 0x55);
  ASSERT_TRUE(rig.driver.write(1, after).ok());
  DmaBuffer list(rig.driver.arena(), 4096), data(rig.driver.arena(), 4096);
  nvme::CopyRange range{};
  range.slba = 1;
  list.write(std::vector<u8>(reinterpret_cast<u8*>(&range), reinterpret_cast<u8*>(&range + 1)));
  nvme::Sqe copy = cmd::io(NvmOpcode::kCopy, 9, 1);
  copy.prp1 = list.bus();
  u32 old = 0, fresh = 0;
  for (int moment = 0; moment < 20; moment++) {
    ASSERT_TRUE(rig.driver.write(9, before).ok());
    const u16 copied = rig.driver.submit(1, copy);
    const u16 read = rig.driver.submit(2, cmd::with_prps(cmd::read(9, 1), Prps(rig.driver.arena(), data)));
    rig.runner.dispatch(0);
    int left = moment;
    rig.host.on_critical = [&] {
      if (left-- != 0) return;
      rig.runner.work(0);
    };
    rig.runner.work(1);
    rig.host.on_critical = nullptr;
    ASSERT_TRUE(rig.driver.wait(1, copied).ok());
    ASSERT_TRUE(rig.driver.wait(2, read).ok());
    const std::vector<u8> seen = data.read();
    ASSERT_TRUE(seen == before || seen == after) << "moment " << moment;
    (seen == before ? old : fresh)++;
  }
  EXPECT_GT(old, 0u) << "some came before";
  EXPECT_GT(fresh, 0u) << "and some after";
}

TEST_F(CopyTest, IsReadAndWrittenForSmart) {
  ASSERT_TRUE(rig_.driver.write(0, pattern(4096, 1)).ok());
  for (u32 i = 0; i < 10; i++) ASSERT_EQ(copy(1000, {{0, 100}, {500, 100}}), Status::kSuccess);
  const auto log = rig_.driver.log<nvme::SmartLog>(nvme::LogPage::kSmart);
  EXPECT_EQ(u64{log.host_reads.low}, 10u);
  EXPECT_EQ(u64{log.host_writes.low}, 11u);
  EXPECT_EQ(u64{log.data_units_read.low}, 2u);
  EXPECT_EQ(u64{log.data_units_written.low}, 3u) << "rounded up";
}

class CopyTime : public CopyTest {
 protected:
  CopyTime() : CopyTest({{"read_latency", "20"}, {"write_latency", "100"}}) {}
};

TEST_F(CopyTime, ReadsBeforeItWrites) {
  const u64 begin = rig_.runner.now();
  DmaBuffer list(rig_.driver.arena(), 4096);
  nvme::Sqe sqe = cmd::io(NvmOpcode::kCopy, 1000, 1);
  sqe.prp1 = list.bus();
  const Completion completion = rig_.io(sqe);
  ASSERT_TRUE(completion.ok());
  EXPECT_EQ(completion.time - begin, 120'000u);
  // Others are not held up by the model's having looked ahead.
  const u64 next = rig_.runner.now();
  EXPECT_EQ(rig_.driver.read(64, 8).completion.time - next, 20'000u);
}

}  // namespace
}  // namespace nvmev::test
