// SPDX-License-Identifier: GPL-2.0-only
// I/O commands: NVM Command Set 1.0 section 3.2.
#include <gtest/gtest.h>

#include <functional>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::DsmRange;
using nvme::NvmOpcode;
using nvme::Sqe;
using nvme::Status;

constexpr u64 kBlocks = (64ull << 20) / 512;

class Io : public testing::Test {
 protected:
  Io() { rig_.start(2); }
  Driver& driver() { return rig_.driver; }
  Rig rig_;
};

TEST_F(Io, ReadBackWhatWasWritten) {
  struct Part {
    u64 slba;
    u32 blocks;
  };
  for (const Part part : {Part{0, 1}, {7, 1}, {1, 2}, {5, 20}, {kBlocks - 1, 1}, {1000, 256}, {2047, 3}}) {
    const std::vector<u8> data = pattern(part.blocks * 512, part.slba + 1);
    ASSERT_TRUE(driver().write(part.slba, data).ok());
    const Driver::Data back = driver().read(part.slba, part.blocks);
    ASSERT_TRUE(back.completion.ok());
    EXPECT_EQ(back.bytes, data) << part.slba;
  }
}

TEST_F(Io, NeighboursAreUntouched) {
  ASSERT_TRUE(driver().write(0, pattern(512 * 32, 1)).ok());
  ASSERT_TRUE(driver().write(9, pattern(512 * 3, 2)).ok());
  std::vector<u8> expected = pattern(512 * 32, 1);
  const std::vector<u8> middle = pattern(512 * 3, 2);
  std::copy(middle.begin(), middle.end(), expected.begin() + 9 * 512);
  EXPECT_EQ(driver().read(0, 32).bytes, expected);
}

TEST_F(Io, UnwrittenReadsAsZeros) {
  DmaBuffer buffer(driver().arena(), 8192);
  buffer.fill(0xff);
  const Prps prps(driver().arena(), buffer);
  ASSERT_TRUE(rig_.io(cmd::with_prps(cmd::read(12345, 16), prps)).ok());
  EXPECT_EQ(buffer.read(), std::vector<u8>(8192, 0));
}

struct Spoil {
  const char* what;
  std::function<void(Sqe&)> spoil;
  Status status;
};

TEST_F(Io, Refusals) {
  const auto slba = [](Sqe& s, u64 value) {
    s.cdw10 = static_cast<u32>(value);
    s.cdw11 = static_cast<u32>(value >> 32);
  };
  const Spoil cases[] = {
      {"NSID 0", [](Sqe& s) { s.nsid = 0; }, Status::kInvalidNamespaceOrFormat},
      {"NSID 2", [](Sqe& s) { s.nsid = 2; }, Status::kInvalidNamespaceOrFormat},
      {"NSID FFFFFFFFh", [](Sqe& s) { s.nsid = 0xffffffff; }, Status::kInvalidNamespaceOrFormat},
      {"FUSE 11b", [](Sqe& s) { s.flags = 3; }, Status::kInvalidField},
      {"PSDT 11b", [](Sqe& s) { s.flags = 0xc0; }, Status::kInvalidField},
      {"first block beyond", [&](Sqe& s) { slba(s, kBlocks); }, Status::kLbaOutOfRange},
      {"last block beyond", [&](Sqe& s) { slba(s, kBlocks - 7); }, Status::kLbaOutOfRange},
      {"64-bit end", [&](Sqe& s) { slba(s, ~0ull); }, Status::kLbaOutOfRange},
      {"64-bit overflow", [&](Sqe& s) { slba(s, ~0ull - 3); }, Status::kLbaOutOfRange},
      {"overflow in bytes", [&](Sqe& s) { slba(s, 1ull << 55); }, Status::kLbaOutOfRange},
      {"overflow to block 0", [&](Sqe& s) { slba(s, (1ull << 55) * 2); }, Status::kLbaOutOfRange},
  };
  DmaBuffer buffer(driver().arena(), 4096);
  const Prps prps(driver().arena(), buffer);
  for (const NvmOpcode opcode : {NvmOpcode::kRead, NvmOpcode::kWrite, NvmOpcode::kCompare, NvmOpcode::kWriteZeroes}) {
    for (const Spoil& c : cases) {
      SCOPED_TRACE(std::string(c.what) + ", opcode " + std::to_string(static_cast<int>(opcode)));
      Sqe sqe = cmd::with_prps(cmd::io(opcode, 0, 8), prps);
      c.spoil(sqe);
      const Completion completion = rig_.io(sqe);
      EXPECT_EQ(completion.status, c.status);
      EXPECT_TRUE(completion.dnr);
    }
  }
  EXPECT_EQ(rig_.host.medium_pages(), 0u) << "nothing was stored";
}

TEST_F(Io, UnsupportedOpcodes) {
  // Cancel, Zone Management, vendor specific.
  for (const u32 opcode : {0x18u, 0x79u, 0x80u, 0xffu}) {
    Sqe sqe = cmd::io(static_cast<NvmOpcode>(opcode), 0, 1);
    EXPECT_EQ(rig_.io(sqe).status, Status::kInvalidOpcode) << opcode;
  }
  // An unsupported opcode is told before anything else that is wrong.
  Sqe sqe = cmd::io(static_cast<NvmOpcode>(0x80), 0, 1);
  sqe.nsid = 77;
  sqe.flags = 0x41;
  EXPECT_NE(rig_.io(sqe).status, Status::kSuccess);
}

TEST_F(Io, LargestTransferAndOneMore) {
  // MDTS of the default configuration: 2^7 pages.
  const u32 blocks = (4096u << driver().identify(nvme::Cns::kController).bytes[77]) / 512;
  const std::vector<u8> data = pattern(blocks * 512, 3);
  ASSERT_TRUE(driver().write(100, data).ok());
  EXPECT_EQ(driver().read(100, blocks).bytes, data);
  DmaBuffer buffer(driver().arena(), (blocks + 1) * 512);
  const Prps prps(driver().arena(), buffer);
  for (const NvmOpcode opcode : {NvmOpcode::kRead, NvmOpcode::kWrite, NvmOpcode::kCompare}) {
    EXPECT_EQ(rig_.io(cmd::with_prps(cmd::io(opcode, 0, blocks + 1), prps)).status, Status::kInvalidField);
    EXPECT_EQ(rig_.io(cmd::with_prps(cmd::io(opcode, 0, 65536), prps)).status, Status::kInvalidField);
  }
}

TEST_F(Io, Compare) {
  const std::vector<u8> data = pattern(16 * 512, 5);
  ASSERT_TRUE(driver().write(40, data).ok());
  EXPECT_TRUE(driver().compare(40, data).ok());
  for (const size_t at : {size_t{0}, size_t{4095}, size_t{4096}, data.size() - 1}) {
    std::vector<u8> other = data;
    other[at] ^= 1;
    EXPECT_EQ(driver().compare(40, other).status, Status::kCompareFailure) << at;
  }
  EXPECT_TRUE(driver().compare(30000, std::vector<u8>(4096, 0)).ok()) << "never written";
  EXPECT_EQ(driver().compare(30000, pattern(4096, 1)).status, Status::kCompareFailure);
  EXPECT_EQ(driver().read(40, 16).bytes, data) << "a Compare changes nothing";
}

TEST_F(Io, WriteZeroes) {
  for (const bool deallocate : {false, true}) {
    SCOPED_TRACE(deallocate);
    const u64 pages = rig_.host.medium_pages();
    ASSERT_TRUE(driver().write(0, pattern(64 * 512, 6)).ok());
    const u64 written = rig_.host.medium_pages();
    ASSERT_GT(written, pages);
    // From the middle of a page to the middle of another.
    ASSERT_TRUE(rig_.io(cmd::write_zeroes(4, 48, deallocate)).ok());
    std::vector<u8> expected = pattern(64 * 512, 6);
    std::fill(expected.begin() + 4 * 512, expected.begin() + 52 * 512, 0);
    EXPECT_EQ(driver().read(0, 64).bytes, expected);
    if (deallocate) EXPECT_LE(rig_.host.medium_pages(), written - 5) << "whole pages are given back";
    ASSERT_TRUE(driver().deallocate({{0, 64, 0}}).ok());
  }
}

TEST_F(Io, WriteZeroesHasNoTransferLimit) {
  const std::vector<u8> data = pattern(512, 8);
  for (const u64 slba : {0ull, 40000ull, 65535ull, 65536ull}) ASSERT_TRUE(driver().write(slba, data).ok());
  ASSERT_TRUE(rig_.io(cmd::write_zeroes(0, 65536)).ok());
  for (const u64 slba : {0ull, 40000ull, 65535ull}) EXPECT_EQ(driver().read(slba, 1).bytes, std::vector<u8>(512, 0));
  EXPECT_EQ(driver().read(65536, 1).bytes, data);
}

TEST_F(Io, Flush) {
  EXPECT_TRUE(rig_.io(cmd::flush(1)).ok());
  const bool broadcast = (driver().identify(nvme::Cns::kController).bytes[525] >> 1 & 3) == 3;
  EXPECT_EQ(rig_.io(cmd::flush(0xffffffff)).ok(), broadcast) << "VWC bits 2:1";
  EXPECT_EQ(rig_.io(cmd::flush(0)).status, Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(rig_.io(cmd::flush(2)).status, Status::kInvalidNamespaceOrFormat);
}

TEST_F(Io, ForceUnitAccessIsAccepted) {
  DmaBuffer buffer(driver().arena(), 512);
  const Prps prps(driver().arena(), buffer);
  for (const u32 bits : {1u << 30, 1u << 31, 3u << 30}) {
    Sqe sqe = cmd::with_prps(cmd::write(0, 1), prps);
    sqe.cdw12 |= bits;
    EXPECT_TRUE(rig_.io(sqe).ok()) << bits;
    sqe = cmd::with_prps(cmd::read(0, 1), prps);
    sqe.cdw12 |= bits;
    EXPECT_TRUE(rig_.io(sqe).ok()) << bits;
  }
}

// ---- Dataset Management ----------------------------------------------------------------------------

TEST_F(Io, DeallocateEveryNumberOfRanges) {
  for (u32 count = 1; count <= 256; count += count < 4 ? 1 : 36) {
    SCOPED_TRACE(count);
    // Every other page of what was written.
    const u32 pages = 2 * count;
    for (u32 at = 0; at < pages; at += 32) {
      ASSERT_TRUE(driver().write(at * 8, pattern(std::min(32u, pages - at) * 4096, at)).ok());
    }
    std::vector<DsmRange> ranges;
    for (u32 i = 0; i < count; i++) ranges.push_back({0, 8, i * 16});
    const u64 before = rig_.host.medium_pages();
    ASSERT_TRUE(driver().deallocate(ranges).ok());
    EXPECT_EQ(rig_.host.medium_pages(), before - count);
    for (u32 i = 0; i < count; i++) {
      ASSERT_EQ(driver().read(i * 16, 8).bytes, std::vector<u8>(4096, 0));
      ASSERT_NE(driver().read(i * 16 + 8, 8).bytes, std::vector<u8>(4096, 0));
    }
  }
}

TEST_F(Io, DeallocateParts) {
  ASSERT_TRUE(driver().write(0, pattern(32 * 512, 9)).ok());
  ASSERT_TRUE(driver().deallocate({{0, 3, 2}, {0, 10, 6}, {0, 0, 20}}).ok());
  std::vector<u8> expected = pattern(32 * 512, 9);
  std::fill(expected.begin() + 2 * 512, expected.begin() + 5 * 512, 0);
  std::fill(expected.begin() + 6 * 512, expected.begin() + 16 * 512, 0);
  EXPECT_EQ(driver().read(0, 32).bytes, expected);
}

TEST_F(Io, DeallocateOfEverything) {
  for (u32 i = 0; i < 50; i++) ASSERT_TRUE(driver().write(i * 2000, pattern(4096, i)).ok());
  ASSERT_TRUE(driver().deallocate({{0, static_cast<u32>(kBlocks), 0}}).ok());
  EXPECT_LE(rig_.host.medium_pages(), 33u) << "tables of 2 MiB each may stay";
  EXPECT_EQ(driver().read(2000, 8).bytes, std::vector<u8>(4096, 0));
}

TEST_F(Io, DatasetManagementWithoutDeallocateChangesNothing) {
  ASSERT_TRUE(driver().write(0, pattern(4096, 1)).ok());
  DmaBuffer buffer(driver().arena(), 16);
  buffer.write({0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  const Prps prps(driver().arena(), buffer);
  EXPECT_TRUE(rig_.io(cmd::with_prps(cmd::dataset_management(1, false), prps)).ok());
  EXPECT_EQ(driver().read(0, 8).bytes, pattern(4096, 1));
}

TEST_F(Io, DatasetManagementRefusals) {
  ASSERT_TRUE(driver().write(0, pattern(4096, 1)).ok());
  const u32 blocks = static_cast<u32>(kBlocks);
  struct Case {
    const char* what;
    std::vector<DsmRange> ranges;
  };
  const Case cases[] = {
      {"beyond the end", {{0, 1, kBlocks}}},
      {"across the end", {{0, 2, kBlocks - 1}}},
      {"one too many", {{0, blocks + 1, 0}}},
      {"64-bit overflow", {{0, 0xffffffff, ~0ull - 5}}},
      {"the second of two", {{0, 8, 0}, {0, 8, 1ull << 60}}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_EQ(driver().deallocate(c.ranges).status, Status::kLbaOutOfRange);
  }
  Sqe sqe = cmd::dataset_management(1);
  sqe.prp1 = driver().arena().end();
  EXPECT_EQ(rig_.io(sqe).status, Status::kDataTransferError);
  sqe.nsid = 3;
  EXPECT_EQ(rig_.io(sqe).status, Status::kInvalidNamespaceOrFormat);
}

TEST_F(Io, DatasetManagementRangesAcrossPages) {
  ASSERT_TRUE(driver().write(0, pattern(128 * 512, 1)).ok());
  DmaBuffer buffer(driver().arena(), 16 * 16, 4096 - 5 * 16);
  std::vector<u8> bytes;
  for (u8 i = 0; i < 16; i++) {
    const DsmRange range{0, 8, i * 8u};
    const u8* raw = reinterpret_cast<const u8*>(&range);
    bytes.insert(bytes.end(), raw, raw + 16);
  }
  buffer.write(bytes);
  const Prps prps(driver().arena(), buffer);
  ASSERT_TRUE(rig_.io(cmd::with_prps(cmd::dataset_management(16), prps)).ok());
  EXPECT_EQ(driver().read(0, 128).bytes, std::vector<u8>(128 * 512, 0));
}

TEST_F(Io, ManyDatasetManagementCommandsAtOnce) {
  std::vector<std::unique_ptr<DmaBuffer>> buffers;
  for (u32 i = 0; i < 60; i++) {
    buffers.push_back(std::make_unique<DmaBuffer>(driver().arena(), 4096));
    const Prps prps(driver().arena(), *buffers.back());
    driver().queue(1, cmd::with_prps(cmd::dataset_management(256), prps));
  }
  driver().ring(1);
  ASSERT_TRUE(driver().wait_for(60));
  for (const Completion& completion : driver().take()) EXPECT_TRUE(completion.ok());
}

// ---- Several of everything -------------------------------------------------------------------------

class Roles : public testing::TestWithParam<std::pair<u32, u32>> {};

TEST_P(Roles, EveryQueueWorks) {
  const auto [dispatchers, workers] = GetParam();
  Rig rig({{"dispatchers", std::to_string(dispatchers)}}, workers);
  rig.start(8);
  for (u16 queue = 1; queue <= 8; queue++) {
    const std::vector<u8> data = pattern(8192, queue);
    ASSERT_TRUE(rig.driver.write(queue * 100u, data, queue).ok());
  }
  for (u16 queue = 1; queue <= 8; queue++) {
    EXPECT_EQ(rig.driver.read(queue * 100u, 16, static_cast<u16>(9 - queue)).bytes, pattern(8192, queue));
  }
  // And all at once, deep.
  DmaBuffer buffer(rig.driver.arena(), 4096);
  const Prps prps(rig.driver.arena(), buffer);
  for (u16 queue = 1; queue <= 8; queue++) {
    for (u32 i = 0; i < 60; i++) rig.driver.queue(queue, cmd::with_prps(cmd::read(i * 8, 8), prps));
    rig.driver.ring(queue);
  }
  ASSERT_TRUE(rig.driver.wait_for(8 * 60));
  for (const Completion& completion : rig.driver.take()) EXPECT_TRUE(completion.ok());
  EXPECT_EQ(rig.runner.fault(), "");
}

INSTANTIATE_TEST_SUITE_P(DispatchersAndWorkers, Roles,
                         testing::Values(std::pair{1u, 1u}, std::pair{1u, 3u}, std::pair{2u, 1u}, std::pair{3u, 2u},
                                         std::pair{8u, 8u}));

TEST(IoLimits, MoreCommandsThanTheWorkerHolds) {
  Rig rig({{"inflight", "64"}, {"queue_entries", "1024"}, {"read_time", "100000"}});
  rig.start(1, 1024);
  DmaBuffer buffer(rig.driver.arena(), 512);
  const Prps prps(rig.driver.arena(), buffer);
  for (u32 i = 0; i < 1000; i++) rig.driver.queue(1, cmd::with_prps(cmd::read(i, 1), prps));
  rig.driver.ring(1);
  ASSERT_TRUE(rig.driver.wait_for(1000));
  for (const Completion& completion : rig.driver.take()) ASSERT_TRUE(completion.ok());
  EXPECT_EQ(rig.runner.fault(), "");
}

}  // namespace
}  // namespace nvmev::test
