// SPDX-License-Identifier: GPL-2.0-only
// Logical blocks with metadata and protection information: NVM Command Set 1.0 sections 2.1.6, 3.2 and 5.2.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "host/metadata_rig.h"

namespace nvmev::test {
namespace {

using nvme::Cns;
using nvme::NvmOpcode;
using nvme::Sqe;
using nvme::Status;

TEST(Metadata, IdentifyListsTheFormats) {
  MetadataRig rig;
  const Bytes ns = rig.driver.identify(Cns::kNamespace, 1).bytes;
  EXPECT_EQ(ns[25], 9) << "NLBAF";
  EXPECT_EQ(ns[27], 3) << "MC";
  EXPECT_EQ(ns[28], 0x1f) << "DPC";
  const u32 shifts[] = {9, 12, 12, 12, 12, 12, 9, 9, 12, 12};
  const u32 sizes[] = {0, 0, 8, 16, 16, 64, 8, 64, 16, 64};
  const u32 protections[] = {0, 0, 0, 2u << 7, 2u << 7 | 16, 0, 0, 0, 1u << 7 | 16, 1u << 7 | 32};
  const Bytes extended = rig.driver.identify(Cns::kCsiNamespace, 1).bytes;
  for (u32 i = 0; i < 10; i++) {
    EXPECT_EQ(ns[128 + 4 * i] | ns[129 + 4 * i] << 8, sizes[i]);
    EXPECT_EQ(ns[130 + 4 * i], shifts[i]);
    const u32 elbaf = extended[12 + 4 * i] | extended[13 + 4 * i] << 8;
    EXPECT_EQ(elbaf, protections[i]);
  }
  EXPECT_EQ(rig.driver.identify(Cns::kController).bytes[97] >> 7, 1) << "CTRATT.ELBAS";
  for (const Format& format : all_formats(true)) {
    SCOPED_TRACE(name(format));
    ASSERT_EQ(rig.use(format), Status::kSuccess);
    const Bytes now = rig.driver.identify(Cns::kNamespace, 1).bytes;
    EXPECT_EQ(now[26], format.index | (format.interleaved ? 0x10 : 0)) << "FLBAS";
    EXPECT_EQ(now[29], format.pi | (format.first ? 8u : 0)) << "DPS";
    const Bytes mask = part(rig.driver.identify(Cns::kCsiNamespace, 1).bytes, 0, 8);
    const u32 bytes = format.storage() / 8;
    EXPECT_EQ(mask, join(Bytes(bytes, 0xff), Bytes(8 - bytes))) << "LBSTM";
  }
}

TEST(Metadata, IsKeptWithItsBlock) {
  MetadataRig rig;
  for (const Format& format : all_formats(false)) {
    SCOPED_TRACE(name(format));
    ASSERT_EQ(rig.use(format), Status::kSuccess);
    EXPECT_EQ(rig.read(0, 9).metadata, Bytes(9 * format.metadata)) << "never written";
    const Bytes data = pattern(9 * format.lba, 1), metadata = pattern(9 * format.metadata, 2);
    ASSERT_EQ(rig.write(3, data, metadata), Status::kSuccess);
    const auto found = rig.read(3, 9);
    EXPECT_EQ(found.data, data);
    EXPECT_EQ(found.metadata, metadata);
    const auto one = rig.read(5, 1);
    EXPECT_EQ(one.data, part(data, 2 * format.lba, format.lba));
    EXPECT_EQ(one.metadata, part(metadata, 2 * format.metadata, format.metadata));
    EXPECT_EQ(rig.read(2, 1).metadata, Bytes(format.metadata)) << "neighbours";
    EXPECT_EQ(rig.read(12, 1).metadata, Bytes(format.metadata));
    const Sqe compare = cmd::compare(3, 9);
    EXPECT_EQ(rig.run(compare, data, metadata).status, Status::kSuccess);
    Bytes other = metadata;
    other[8 * format.metadata + 5] ^= 1;
    EXPECT_EQ(rig.run(compare, data, other).status, Status::kCompareFailure);
    other = data;
    other[3] ^= 1;
    EXPECT_EQ(rig.run(compare, other, metadata).status, Status::kCompareFailure);
    // PRINFO means nothing here.
    EXPECT_EQ(rig.run(rig.tagged(cmd::read(3, 9), 3, kPract | kGuard)).metadata, metadata);
    ASSERT_TRUE(rig.io(cmd::write_zeroes(4, 2)).ok());
    Bytes left = metadata;
    std::fill_n(left.begin() + static_cast<std::ptrdiff_t>(format.metadata), 2 * format.metadata, u8{0});
    EXPECT_EQ(rig.read(3, 9).metadata, left);
    ASSERT_TRUE(rig.driver.deallocate({{0, 9, 3}}).ok());
    EXPECT_EQ(rig.read(3, 9).metadata, Bytes(9 * format.metadata));
    EXPECT_EQ(rig.read(3, 9).data, Bytes(9 * format.lba));
  }
}

TEST(Metadata, LastBlockAndFirst) {
  MetadataRig rig;
  for (const Format& format : all_formats(false)) {
    SCOPED_TRACE(name(format));
    ASSERT_EQ(rig.use(format), Status::kSuccess);
    const u64 last = (64u << 20) / format.lba - 1;
    for (const u64 block : {u64{0}, last}) {
      const Bytes data = pattern(format.lba, block + 1), metadata = pattern(format.metadata, block + 2);
      ASSERT_EQ(rig.write(block, data, metadata), Status::kSuccess);
      EXPECT_EQ(rig.read(block, 1).metadata, metadata);
    }
    EXPECT_EQ(rig.read(last, 2).status, Status::kLbaOutOfRange);
  }
}

TEST(Metadata, FormatForgetsThemAndGivesTheirMemoryBack) {
  MetadataRig rig;
  ASSERT_EQ(rig.use({7, 512, 64, 8}), Status::kSuccess);
  const size_t empty = rig.host.medium_pages();
  for (u64 at = 0; at < 100; at++) {
    ASSERT_EQ(rig.write(at * 1000, pattern(512, at), pattern(64, at)), Status::kSuccess);
  }
  ASSERT_EQ(rig.use({7, 512, 64, 8}), Status::kSuccess);
  EXPECT_LE(rig.host.medium_pages(), empty + 40) << "tables of 2 MiB each may stay";
  for (u64 at = 0; at < 100; at++) ASSERT_EQ(rig.read(at * 1000, 1).metadata, Bytes(64));
  // Deallocation does so too.
  const size_t before = rig.host.medium_pages();
  for (u64 at = 0; at < 16384; at += 128) {
    ASSERT_EQ(rig.write(at, pattern(128 * 512, at), pattern(128 * 64, at)), Status::kSuccess);
  }
  ASSERT_GE(rig.host.medium_pages(), before + 2048 + 256);
  ASSERT_TRUE(rig.driver.deallocate({{0, 16384, 0}}).ok());
  EXPECT_LE(rig.host.medium_pages(), before + 16);
}

// ---- Protection information ----------------------------------------------------------------------------------------

TEST(ProtectionInformation, IsCheckedPassedAndRefused) {
  MetadataRig rig;
  for (const Format& format : all_formats(true)) {
    SCOPED_TRACE(name(format));
    ASSERT_EQ(rig.use(format), Status::kSuccess);
    const Bytes data = pattern(9 * format.lba, 1);
    const Bytes metadata = rig.protect(3, data, 2);
    ASSERT_EQ(rig.write(3, data, metadata, rig.checks()), Status::kSuccess);
    const auto found = rig.read(3, 9, rig.checks());
    EXPECT_EQ(found.status, Status::kSuccess);
    EXPECT_EQ(found.data, data);
    EXPECT_EQ(found.metadata, metadata);
    EXPECT_TRUE(rig.io(rig.tagged(cmd::io(NvmOpcode::kVerify, 3, 9), 3, rig.checks())).ok());
    EXPECT_EQ(rig.run(rig.tagged(cmd::compare(3, 9), 3, rig.checks()), data, metadata).status, Status::kSuccess);

    // What is sent wrong changes nothing. The wrong block is the last.
    const size_t tuple = rig.tuple_at(8);
    const struct {
      size_t at;
      u32 check;
      Status status;
    } errors[] = {{0, kGuard, Status::kGuardCheckError},
                  {format.guard() + 1, kApp, Status::kApplicationTagCheckError},
                  {format.tuple - 1, kRef, Status::kReferenceTagCheckError}};
    const Bytes other = pattern(9 * format.lba, 3);
    for (const auto& error : errors) {
      if (format.pi == 3 && error.check == kRef) continue;
      Bytes wrong = rig.protect(3, other, 4);
      wrong[tuple + error.at] ^= 1;
      EXPECT_EQ(rig.write(3, other, wrong, rig.checks()), error.status);
      EXPECT_EQ(rig.read(3, 9).data, data);
      EXPECT_EQ(rig.read(3, 9).metadata, metadata);
      // Without that check it is written, and found when it is read with it. What fails moves nothing.
      ASSERT_EQ(rig.write(3, other, wrong, rig.checks() & ~error.check), Status::kSuccess);
      const auto failed = rig.read(3, 9, rig.checks());
      EXPECT_EQ(failed.status, error.status);
      EXPECT_EQ(failed.data, Bytes(9 * format.lba));
      EXPECT_EQ(rig.io(rig.tagged(cmd::io(NvmOpcode::kVerify, 3, 9), 3, rig.checks())).status, error.status);
      EXPECT_EQ(rig.run(rig.tagged(cmd::compare(3, 9), 3, rig.checks()), other, wrong).status, error.status);
      EXPECT_EQ(rig.read(3, 9, rig.checks() & ~error.check).metadata, wrong);
      ASSERT_EQ(rig.write(3, data, metadata, rig.checks()), Status::kSuccess);
    }
  }
}

// Of 64 MiB: guards to be calculated for longer than others should wait.
class LongVerify : public testing::Test {
 protected:
  LongVerify() : rig_({{"capacity", "64M"}, {"mdts", "9"}}) {
    EXPECT_EQ(rig_.use({2, 4096, 8, 8, 1}), Status::kSuccess);
    for (u64 slba = 0; slba < kBlocks; slba += kAtOnce) {
      const Bytes data = pattern(kAtOnce * 4096, slba);
      EXPECT_EQ(rig_.write(slba, data, rig_.protect(slba, data, 1)), Status::kSuccess);
    }
  }
  nvme::Sqe verify() const { return rig_.tagged(cmd::io(NvmOpcode::kVerify, 0, kBlocks), 0, rig_.checks()); }
  static constexpr u32 kBlocks = 8192, kAtOnce = 256;
  MetadataRig rig_;
};

TEST_F(LongVerify, GoesOnInSteps) {
  const u16 cid = rig_.driver.submit(1, verify());
  rig_.runner.dispatch(0);
  u32 passes = 0;
  while (rig_.runner.work(0) != 0) passes++;
  EXPECT_GE(passes, 64u) << "nothing else gets its turn meanwhile";
  EXPECT_TRUE(rig_.driver.wait(1, cid).ok());
  EXPECT_EQ(rig_.runner.fault(), "");
}

TEST_F(LongVerify, FindsWhatIsWrongAnywhere) {
  const Bytes data = pattern(4096, 5);
  for (const u32 slba : {0u, 63u, 64u, 4000u, kBlocks - 1}) {
    SCOPED_TRACE(slba);
    const Bytes right = rig_.protect(slba, data, 1);
    Bytes wrong = right;
    wrong[0] ^= 1;
    ASSERT_EQ(rig_.write(slba, data, wrong), Status::kSuccess);
    EXPECT_EQ(rig_.io(verify()).status, Status::kGuardCheckError);
    ASSERT_TRUE(rig_.io(cmd::io(NvmOpcode::kWriteUncorrectable, slba, 1)).ok());
    EXPECT_EQ(rig_.io(verify()).status, Status::kUnrecoveredReadError);
    ASSERT_EQ(rig_.write(slba, data, right), Status::kSuccess);
    EXPECT_TRUE(rig_.io(verify()).ok());
  }
}

TEST_F(LongVerify, EndsWithItsQueue) {
  rig_.driver.create_queue_pair(2, 64);
  const u16 cid = rig_.driver.submit(2, verify());
  rig_.runner.dispatch(0);
  rig_.runner.work(0);
  ASSERT_TRUE(rig_.driver.delete_sq(2).ok());
  const auto given_up = rig_.driver.take(2, cid);
  ASSERT_TRUE(given_up.has_value());
  EXPECT_EQ(given_up->status, Status::kAbortedSqDeletion);
  EXPECT_TRUE(rig_.io(verify()).ok());
  EXPECT_TRUE(rig_.admin(cmd::format(1, 0)).ok()) << "waits for nothing";
  EXPECT_EQ(rig_.runner.fault(), "");
}

TEST(ProtectionInformation, TheControllerMakesIt) {
  MetadataRig rig;
  for (const Format& format : all_formats(true)) {
    SCOPED_TRACE(name(format));
    ASSERT_EQ(rig.use(format), Status::kSuccess);
    const bool own = format.metadata == format.tuple;
    const Bytes data = pattern(9 * format.lba, 1);
    const Bytes expected = rig.protect(3, data, 2);
    // What the requester sends in its place is replaced.
    Bytes sent = expected;
    for (u32 i = 0; i < 9; i++) std::fill_n(sent.begin() + static_cast<std::ptrdiff_t>(rig.tuple_at(i)), format.tuple, u8{0x77});
    ASSERT_EQ(rig.write(3, data, sent, kPract | rig.checks()), Status::kSuccess);
    EXPECT_EQ(rig.read(3, 9, rig.checks()).metadata, expected);
    const auto stripped = rig.read(3, 9, kPract | rig.checks());
    EXPECT_EQ(stripped.status, Status::kSuccess);
    EXPECT_EQ(stripped.data, data);
    if (!own) EXPECT_EQ(stripped.metadata, expected);
    // And is checked when it is taken away.
    Bytes wrong = expected;
    wrong[rig.tuple_at(4)] ^= 1;
    ASSERT_EQ(rig.write(3, data, wrong), Status::kSuccess);
    EXPECT_EQ(rig.read(3, 9, kPract | kGuard).status, Status::kGuardCheckError);
    EXPECT_EQ(rig.read(3, 9, kPract).data, data);
  }
}

TEST(ProtectionInformation, OfZeroedAndDeallocatedBlocks) {
  MetadataRig rig;
  for (const Format& format : all_formats(true)) {
    SCOPED_TRACE(name(format));
    ASSERT_EQ(rig.use(format), Status::kSuccess);
    Bytes unwritten(9 * format.metadata);
    for (u32 i = 0; i < 9; i++) std::fill_n(unwritten.begin() + static_cast<std::ptrdiff_t>(rig.tuple_at(i)), format.tuple, u8{0xff});
    const auto fresh = rig.read(3, 9, rig.checks());
    EXPECT_EQ(fresh.status, Status::kSuccess) << "checks are switched off";
    EXPECT_EQ(fresh.metadata, unwritten);

    const Bytes data = pattern(9 * format.lba, 1);
    ASSERT_EQ(rig.write(3, data, rig.protect(3, data, 2), rig.checks()), Status::kSuccess);
    ASSERT_TRUE(rig.driver.deallocate({{0, 9, 3}}).ok());
    EXPECT_EQ(rig.read(3, 9, rig.checks()).metadata, unwritten);
    ASSERT_EQ(rig.write(3, data, rig.protect(3, data, 2), rig.checks()), Status::kSuccess);
    ASSERT_TRUE(rig.io(cmd::write_zeroes(3, 9, true)).ok());
    EXPECT_EQ(rig.read(3, 9, rig.checks()).metadata, unwritten);

    ASSERT_TRUE(rig.io(cmd::write_zeroes(3, 9)).ok());
    EXPECT_EQ(rig.read(3, 9).metadata, Bytes(9 * format.metadata)) << "PRACT is 0: zeros";
    const Bytes zeros(9 * format.lba);
    ASSERT_TRUE(rig.io(rig.tagged(cmd::write_zeroes(3, 9), 3, kPract)).ok());
    Bytes expected = rig.protect(3, zeros, 2);
    // The rest of the metadata is zero, and may be part of what is guarded.
    ASSERT_EQ(rig.write(100, zeros, Bytes(9 * format.metadata), kPract), Status::kSuccess);
    const auto zeroed = rig.read(3, 9, rig.checks());
    EXPECT_EQ(zeroed.status, Status::kSuccess);
    const Bytes written = rig.read(100, 9).metadata;
    const size_t guard = format.guard();
    for (u32 i = 0; i < 9; i++) {
      EXPECT_EQ(part(zeroed.metadata, rig.tuple_at(i), guard), part(written, rig.tuple_at(i), guard));
      EXPECT_EQ(part(zeroed.metadata, rig.tuple_at(i) + guard, format.tuple - guard),
                part(expected, rig.tuple_at(i) + guard, format.tuple - guard));
    }
  }
}

TEST(ProtectionInformation, FieldsThatContradictTheFormat) {
  MetadataRig rig;
  for (const Format& format : all_formats(true)) {
    SCOPED_TRACE(name(format));
    ASSERT_EQ(rig.use(format), Status::kSuccess);
    const Bytes data = pattern(format.lba, 1), metadata = pattern(format.metadata, 2);
    Sqe sqe = rig.tagged(cmd::write(3, 1), 3, kRef);
    sqe.cdw14 = 4;
    const Status expected = format.pi == 2 ? Status::kReferenceTagCheckError : Status::kInvalidProtectionInformation;
    EXPECT_EQ(rig.run(sqe, data, metadata).status, expected);
    EXPECT_EQ(rig.read(3, 1).data, Bytes(format.lba));
    EXPECT_EQ(rig.io(rig.tagged(cmd::io(NvmOpcode::kVerify, 3, 1), 3, kPract)).status,
              Status::kInvalidProtectionInformation);
    EXPECT_EQ(rig.run(rig.tagged(cmd::compare(3, 1), 3, kPract), data, metadata).status,
              Status::kInvalidProtectionInformation);
  }
}

TEST(ProtectionInformation, StorageTag) {
  MetadataRig rig;
  ASSERT_EQ(rig.use({4, 4096, 16, 16, 1}), Status::kSuccess);
  ASSERT_EQ(rig.write(7, pattern(4096, 1), {}, kPract), Status::kSuccess);
  Sqe sqe = rig.tagged(cmd::read(7, 1), 7, kPract | kRef | kStorage);
  EXPECT_EQ(rig.run(sqe).status, Status::kSuccess);
  sqe.cdw3 = 0xbee0;
  EXPECT_EQ(rig.run(sqe).status, Status::kStorageTagCheckError);
  sqe.cdw12 &= ~kStorage;
  EXPECT_EQ(rig.run(sqe).status, Status::kSuccess);
}

// A host that does not know extended formats cannot make them, nor use them.
TEST(ProtectionInformation, ExtendedFormatsAreForHostsThatKnowThem) {
  MetadataRig rig;
  ASSERT_EQ(rig.use({3, 4096, 16, 16, 1}), Status::kSuccess);
  ASSERT_EQ(rig.know_extended_formats(false), Status::kSuccess);
  EXPECT_EQ(rig.read(0, 1, kPract).status, Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(rig.use({4, 4096, 16, 16, 1}), Status::kInvalidNamespaceOrFormat);
  ASSERT_EQ(rig.use({2, 4096, 8, 8, 1}), Status::kSuccess);
  EXPECT_EQ(rig.read(0, 1, kPract).status, Status::kSuccess);
  EXPECT_EQ(rig.use({3, 4096, 16, 16, 0}), Status::kInvalidNamespaceOrFormat);
  ASSERT_EQ(rig.know_extended_formats(), Status::kSuccess);
  ASSERT_EQ(rig.use({3, 4096, 16, 16, 1}), Status::kSuccess);
  EXPECT_EQ(rig.read(0, 1, kPract).status, Status::kSuccess);
  // A reset forgets what the host knows.
  rig.driver.disable();
  rig.start();
  EXPECT_EQ(rig.read(0, 1, kPract).status, Status::kInvalidNamespaceOrFormat);
}

// Compare and Write as one: of a block with its metadata, which is compared without, and written with its protection information.
TEST(ProtectionInformation, FusedCompareAndWrite) {
  MetadataRig rig;
  for (const Format& format : all_formats(true)) {
    SCOPED_TRACE(name(format));
    ASSERT_EQ(rig.use(format), Status::kSuccess);
    const Bytes before = pattern(format.lba, 1), after = pattern(format.lba, 2);
    ASSERT_EQ(rig.write(3, before, rig.protect(3, before, 1), rig.checks()), Status::kSuccess);
    struct Part {
      DmaBuffer buffer, apart;
      Prps prps;
      Part(MetadataRig& rig, const Bytes& data, const Bytes& metadata)
          : buffer(rig.driver.arena(), rig.format.lba + rig.format.metadata), apart(rig.driver.arena(), 64),
            prps(rig.driver.arena(), buffer) {
        buffer.write(join(data, metadata));
        apart.write(metadata);
      }
    };
    const auto run = [&](const Bytes& expected, const Bytes& expected_metadata, const Bytes& data, const Bytes& metadata) {
      Part first(rig, expected, expected_metadata), second(rig, data, metadata);
      Sqe compare = cmd::with_prps(rig.tagged(cmd::compare(3, 1), 3, rig.checks()), first.prps);
      Sqe write = cmd::with_prps(rig.tagged(cmd::write(3, 1), 3, rig.checks()), second.prps);
      compare.mptr = first.apart.bus();
      write.mptr = second.apart.bus();
      compare.flags |= 1;
      write.flags |= 2;
      const u16 a = rig.driver.queue(1, compare), b = rig.driver.queue(1, write);
      rig.driver.ring(1);
      const Status compared = rig.driver.wait(1, a).status;
      return std::pair(compared, rig.driver.wait(1, b).status);
    };
    const Bytes metadata = rig.protect(3, before, 1);
    EXPECT_EQ(run(after, rig.protect(3, after, 1), after, rig.protect(3, after, 2)),
              std::pair(Status::kCompareFailure, Status::kFailedFusedCommand));
    if (format.metadata != format.tuple) {
      EXPECT_EQ(run(before, rig.protect(3, before, 9), after, rig.protect(3, after, 2)),
                std::pair(Status::kCompareFailure, Status::kFailedFusedCommand)) << "other metadata";
    }
    Bytes wrong = rig.protect(3, after, 2);
    wrong[rig.tuple_at(0)] ^= 1;
    EXPECT_EQ(run(before, metadata, after, wrong), std::pair(Status::kFailedFusedCommand, Status::kGuardCheckError));
    EXPECT_EQ(rig.read(3, 1).data, before);
    EXPECT_EQ(rig.read(3, 1).metadata, metadata);
    EXPECT_EQ(run(before, metadata, after, rig.protect(3, after, 2)), std::pair(Status::kSuccess, Status::kSuccess));
    EXPECT_EQ(rig.read(3, 1, rig.checks()).data, after);
    EXPECT_EQ(rig.read(3, 1).metadata, rig.protect(3, after, 2));
  }
}

// ---- Refusals and faults --------------------------------------------------------------------------------------------

TEST(Metadata, FormatsThatDoNotExist) {
  MetadataRig rig;
  EXPECT_EQ(rig.use({10, 512, 0, 8}), Status::kInvalidFormat);
  EXPECT_EQ(rig.use({0, 512, 0, 8, 1}), Status::kInvalidFormat) << "no room for protection information";
  EXPECT_EQ(rig.use({2, 4096, 8, 8, 4}), Status::kInvalidFormat) << "type 4";
  EXPECT_EQ(rig.admin(cmd::format(1, 2, 1u << 12)).status, Status::kInvalidFormat) << "LBAFU";
  // Where they mean nothing, MSET and PIL do nothing.
  ASSERT_EQ(rig.admin(cmd::format(1, 1, kInterleaved | kFirst)).status, Status::kSuccess);
  const Bytes ns = rig.driver.identify(Cns::kNamespace, 1).bytes;
  EXPECT_EQ(ns[26], 1);
  EXPECT_EQ(ns[29], 0);
}

TEST(Metadata, PointersThatAreWrong) {
  MetadataRig rig;
  ASSERT_EQ(rig.use({6, 512, 8, 8}), Status::kSuccess);
  DmaBuffer buffer(rig.driver.arena(), 4096);
  for (const Sqe& command : {cmd::read(0, 8), cmd::write(0, 8), cmd::compare(0, 8)}) {
    Sqe sqe = command;
    sqe.prp1 = buffer.bus();
    for (const u64 mptr : {u64{0}, u64{0x1002}}) {
      sqe.mptr = mptr;
      EXPECT_EQ(rig.io(sqe).status, Status::kInvalidField);
    }
    for (const u64 mptr : {1ull << 60, ~3ull, ~0ull << 2}) {
      sqe.mptr = mptr;
      EXPECT_EQ(rig.io(sqe).status, Status::kDataTransferError);
    }
  }
  EXPECT_EQ(rig.read(0, 8).data, Bytes(4096)) << "nothing was written";
  // Interleaved metadata count for MDTS (2^7 pages).
  ASSERT_EQ(rig.use({7, 512, 64, 8, 0, false, true}), Status::kSuccess);
  Sqe sqe = cmd::read(0, 1024);
  sqe.prp1 = buffer.bus();
  EXPECT_EQ(rig.io(sqe).status, Status::kInvalidField);
  EXPECT_EQ(rig.read(0, 910).status, Status::kSuccess);
}

// By SGLs of their own (PSDT 10b), against what commands with a contiguous buffer say.
TEST(Metadata, Sgls) {
  MetadataRig rig;
  for (const Format& format : all_formats(true)) {
    SCOPED_TRACE(name(format));
    ASSERT_EQ(rig.use(format), Status::kSuccess);
    for (const bool writes : {true, false}) {
      const Bytes data = pattern(11 * format.lba, writes), metadata = rig.protect(3, data, writes);
      rig.by_sgl = writes;
      ASSERT_EQ(rig.write(3, data, metadata, rig.checks()), Status::kSuccess);
      EXPECT_EQ(rig.run(rig.tagged(cmd::compare(3, 11), 3, rig.checks()), data, metadata).status, Status::kSuccess);
      rig.by_sgl = !writes;
      const auto found = rig.read(3, 11, rig.checks());
      EXPECT_EQ(found.status, Status::kSuccess);
      EXPECT_EQ(found.data, data);
      EXPECT_EQ(found.metadata, metadata);
      Bytes wrong = metadata;
      wrong[rig.tuple_at(10)] ^= 1;
      rig.by_sgl = true;
      EXPECT_EQ(rig.write(3, pattern(11 * format.lba, 7), wrong, rig.checks()), Status::kGuardCheckError);
      EXPECT_EQ(rig.read(3, 11).data, data);
    }
  }
}

TEST(Metadata, SglsThatAreWrong) {
  MetadataRig rig;
  ASSERT_EQ(rig.use({6, 512, 8, 8}), Status::kSuccess);
  DmaBuffer buffer(rig.driver.arena(), 4096);
  Arena& arena = rig.driver.arena();
  const u64 memory = arena.alloc(1);
  const auto status = [&](NvmOpcode opcode, const nvme::SglDescriptor& metadata, u32 offset = 0, u8 psdt = 2) {
    const SglSegment list(arena, {metadata});
    Sqe sqe = with_sgl(cmd::io(opcode, 0, 8), data_block(buffer.bus(), 4096));
    sqe.flags = static_cast<u8>(psdt << 6);
    sqe.mptr = list.bus() + offset;
    return rig.io(sqe).status;
  };
  for (const NvmOpcode opcode : {NvmOpcode::kRead, NvmOpcode::kWrite, NvmOpcode::kCompare}) {
    EXPECT_EQ(status(opcode, data_block(memory, 64)), Status::kSuccess);
    EXPECT_EQ(status(opcode, data_block(memory, 65)), Status::kSuccess) << "longer than the metadata";
    EXPECT_EQ(status(opcode, data_block(memory, 63)), Status::kSglDataLengthInvalid);
    EXPECT_EQ(status(opcode, data_block(1ull << 60, 64)), Status::kDataTransferError);
    EXPECT_EQ(status(opcode, sgl(nvme::SglType::kDataBlock, memory, 64, 1)), Status::kSglDescriptorTypeInvalid);
    EXPECT_EQ(status(opcode, sgl(nvme::SglType::kLastSegment, memory, 8)), Status::kInvalidSglSegmentDescriptor);
    EXPECT_EQ(status(opcode, data_block(memory, 64), 4), Status::kInvalidField) << "on a qword";
    EXPECT_EQ(status(opcode, data_block(memory, 64), 0, 3), Status::kInvalidField) << "PSDT 11b";
    Sqe sqe = with_sgl(cmd::io(opcode, 0, 8), data_block(buffer.bus(), 4096));
    sqe.flags = 2 << 6;
    EXPECT_EQ(rig.io(sqe).status, Status::kInvalidField) << "MPTR 0";
    sqe.mptr = 1ull << 60;
    EXPECT_EQ(rig.io(sqe).status, Status::kDataTransferError);
  }
  // Without metadata it is not looked at.
  ASSERT_EQ(rig.use({0, 512, 0, 8}), Status::kSuccess);
  EXPECT_EQ(status(NvmOpcode::kWrite, data_block(1ull << 60, 64)), Status::kSuccess);
  arena.free(memory, 1);
}

// A driver that sees them uses them for the metadata of every namespace.
TEST(Metadata, SglsAreForDevicesOfBlocksAlone) {
  constexpr u32 kMptrBits = nvme::sgls::kMetadataByteAligned | nvme::sgls::kMetadataSgl;
  const auto sgls_of = [](Rig& rig) {
    const auto [completion, data] = rig.driver.identify(nvme::Cns::kController, 0);
    EXPECT_TRUE(completion.ok());
    return reinterpret_cast<const nvme::IdentifyController*>(data.data())->sgls;
  };
  MetadataRig blocks;
  EXPECT_EQ(sgls_of(blocks) & kMptrBits, kMptrBits);

  Rig rig({{"namespaces", "nvm:16M,ocssd:48M:num_grp=2:num_pu=2"}});
  rig.start();
  EXPECT_EQ(sgls_of(rig) & kMptrBits, 0u);
  DmaBuffer buffer(rig.driver.arena(), 4096);
  Sqe sqe = with_sgl(cmd::io(NvmOpcode::kRead, 0, 8), data_block(buffer.bus(), 4096));
  EXPECT_TRUE(rig.io(sqe).ok());
  sqe.flags = 2 << 6;
  sqe.mptr = buffer.bus();
  EXPECT_EQ(rig.io(sqe).status, Status::kInvalidField);
}

TEST(Metadata, OutOfMemoryWritesNothing) {
  MetadataRig rig;
  ASSERT_EQ(rig.use({7, 512, 64, 8, 1}), Status::kSuccess);
  ASSERT_EQ(rig.write(0, pattern(512, 1), pattern(64, 1)), Status::kSuccess);
  const Bytes data = pattern(128 * 512, 1);
  const size_t there = rig.host.medium_pages();
  // Enough for the data, and not for their metadata too.
  rig.host.limit_medium_pages(there + 15);
  EXPECT_EQ(rig.write(0, data, rig.protect(0, data, 1), kGuard), Status::kWriteFault);
  EXPECT_EQ(rig.read(0, 1).data, pattern(512, 1));
  EXPECT_EQ(rig.read(0, 1).metadata, pattern(64, 1));
  rig.host.limit_medium_pages(rig.host.medium_pages());
  EXPECT_EQ(rig.io(cmd::write_zeroes(0, 65536)).status, Status::kWriteFault);
  EXPECT_EQ(rig.read(0, 1).data, pattern(512, 1));
  rig.host.limit_medium_pages(~size_t{0});
  EXPECT_TRUE(rig.io(cmd::write_zeroes(0, 65536)).ok());
  EXPECT_EQ(rig.read(0, 1).data, Bytes(512));
}

// ---- Several namespaces, and life beyond a device --------------------------------------------------------------------

TEST(Metadata, NamespacesOfDifferentFormats) {
  MetadataRig rig;
  Sqe sqe = cmd::admin(nvme::AdminOpcode::kNamespaceManagement, 1);
  sqe.cdw10 = 1;
  ASSERT_TRUE(rig.admin(sqe).ok()) << "delete";
  const Format formats[] = {{7, 512, 64, 8, 1}, {2, 4096, 8, 8, 0, false, true}, {3, 4096, 16, 16, 3}, {6, 512, 8, 8, 2}};
  DmaBuffer page(rig.driver.arena(), 4096);
  const auto create = [&](u64 blocks, u8 flbas, u8 dps) {
    Bytes bytes(4096);
    for (u32 i = 0; i < 8; i++) bytes[i] = bytes[8 + i] = static_cast<u8>(blocks >> 8 * i);
    bytes[26] = flbas;
    bytes[29] = dps;
    page.write(bytes);
    sqe = cmd::admin(nvme::AdminOpcode::kNamespaceManagement);
    sqe.prp1 = page.bus();
    return rig.admin(sqe);
  };
  EXPECT_EQ(create(8, 10, 0).status, Status::kInvalidFormat);
  EXPECT_EQ(create(8, 0, 1).status, Status::kInvalidFormat);
  EXPECT_EQ(create(8, 2, 4).status, Status::kInvalidFormat);
  EXPECT_EQ(create(8, 2, 0x11).status, Status::kInvalidFormat);
  for (u32 i = 0; i < 4; i++) {
    // Not a multiple of a page, so that neighbours are close.
    const u8 flbas = static_cast<u8>(formats[i].index | (formats[i].interleaved ? 0x10 : 0));
    const Completion created = create(4 << 20 >> (formats[i].lba == 512 ? 9 : 12), flbas, static_cast<u8>(formats[i].pi));
    ASSERT_TRUE(created.ok());
    ASSERT_EQ(created.dw0, i + 1);
    page.write({1, 0, 1, 0});
    sqe = cmd::admin(nvme::AdminOpcode::kNamespaceAttachment, i + 1);
    sqe.prp1 = page.bus();
    ASSERT_TRUE(rig.admin(sqe).ok());
    EXPECT_EQ(rig.driver.identify(Cns::kNamespace, i + 1).bytes[26], flbas);
  }
  const auto each_block = [&](const auto& with) {
    for (u32 i = 0; i < 4; i++) {
      rig.format = formats[i];
      const u64 last = (4u << 20) / formats[i].lba - 8;
      for (const u64 slba : {u64{0}, last}) with(i + 1, slba);
    }
  };
  each_block([&](u32 nsid, u64 slba) {
    const Bytes data = pattern(8 * rig.format.lba, nsid + slba);
    Sqe write = rig.tagged(cmd::io(NvmOpcode::kWrite, slba, 8, nsid), slba, rig.checks());
    EXPECT_EQ(rig.run(write, data, rig.protect(slba, data, nsid + slba)).status, Status::kSuccess);
  });
  const auto check = [&](u32 nsid, u64 slba) {
    const Bytes data = pattern(8 * rig.format.lba, nsid + slba);
    const auto found = rig.run(rig.tagged(cmd::io(NvmOpcode::kRead, slba, 8, nsid), slba, rig.checks()));
    EXPECT_EQ(found.status, Status::kSuccess) << nsid;
    EXPECT_EQ(found.data, data);
    EXPECT_EQ(found.metadata, rig.protect(slba, data, nsid + slba)) << nsid;
  };
  each_block(check);
  // Formatting one leaves the others alone.
  rig.format = formats[1];
  ASSERT_EQ(rig.use({7, 512, 64, 8, 1}, 2), Status::kSuccess);
  each_block([&](u32 nsid, u64 slba) {
    if (nsid != 2) check(nsid, slba);
  });
}

TEST(Metadata, SurvivesInAStateFile) {
  TestFile file;
  const Format format{3, 4096, 16, 16, 2, false, true};
  const Bytes data = pattern(9 * 4096, 1);
  Bytes metadata;
  {
    MetadataRig rig({}, &file);
    ASSERT_EQ(rig.use(format), Status::kSuccess);
    metadata = rig.protect(70, data, 2);
    ASSERT_EQ(rig.write(70, data, metadata, rig.checks()), Status::kSuccess);
    ASSERT_EQ(nvmev_dev_save(rig.device.get(), rig.runner.now(), nullptr), 0);
    file = rig.host.file;
  }
  MetadataRig rig({}, &file);
  rig.format = format;
  const Bytes ns = rig.driver.identify(Cns::kNamespace, 1).bytes;
  EXPECT_EQ(ns[26], 0x13) << "FLBAS";
  EXPECT_EQ(ns[29], 2) << "DPS";
  const auto found = rig.read(70, 9, rig.checks());
  EXPECT_EQ(found.status, Status::kSuccess);
  EXPECT_EQ(found.data, data);
  EXPECT_EQ(found.metadata, metadata);
  EXPECT_EQ(rig.read(69, 1).metadata, Bytes(16, 0xff));
}

// Each block is as it was after one of its writes, data and metadata alike: guards tell.
TEST(Metadata, PowerCutsLeaveThemWithTheirBlocks) {
  for (const Format& format : {Format{7, 512, 64, 8, 1}, Format{3, 4096, 16, 16, 1}, Format{6, 512, 8, 8, 2}}) {
    SCOPED_TRACE(name(format));
    MetadataRig rig({{"type", "conv"}, {"channels", "2"}, {"dies_per_channel", "1"}, {"power_cuts", "1"}, {"planes", "1"},
                     {"write_buffer_size", "1M"}, {"program_pages", "1"}, {"page_size", "16K"}, {"nand_program", "2000000"}});
    ASSERT_EQ(rig.use(format), Status::kSuccess);
    std::mt19937_64 random(1);
    const u32 blocks = 800 * 1024 / format.lba;
    u64 lost = 0;
    for (u32 round = 0; round < 20; round++) {
      for (u32 i = 0; i < 60; i++) {
        const u32 count = 1 + static_cast<u32>(random() % 9);
        const u64 slba = random() % (blocks - count);
        const Bytes data = pattern(size_t{count} * format.lba, random());
        // Of type 2 what is expected of a block must not depend on where its write began.
        nvme::Sqe sqe = rig.tagged(cmd::write(slba, count), slba, kPract);
        sqe.cdw14 = static_cast<u32>(slba);
        Bytes metadata = pattern(size_t{count} * format.metadata, random());
        ASSERT_EQ(rig.run(sqe, data, metadata).status, Status::kSuccess);
        if (random() % 20 == 0) ASSERT_TRUE(rig.driver.deallocate({{0, 8, slba / 8 * 8}}).ok());
      }
      ASSERT_EQ(nvmev_dev_power_cut(rig.device.get(), round, nullptr), 0);
      for (u32 i = 0; i < 1000 && !nvmev_dev_reset_done(rig.device.get(), 0); i++) rig.runner.step();
      lost += nvmev_dev_power_cut_lost(rig.device.get());
      rig.driver.forget_queues();
      rig.start();
      rig.know_extended_formats();
      for (u64 slba = 0; slba < blocks; slba += 16) {
        nvme::Sqe sqe = rig.tagged(cmd::io(NvmOpcode::kVerify, slba, 16), slba, kGuard | kRef);
        sqe.cdw14 = static_cast<u32>(slba);
        ASSERT_EQ(rig.io(sqe).status, Status::kSuccess) << slba << " after cut " << round;
      }
    }
    EXPECT_GT(lost, 0u);
  }
}

TEST(Metadata, ReservedRangesHaveThemBehindTheCapacity) {
  const struct {
    u64 extra;
    u32 formats;
  } cases[] = {{0, 2}, {(16u << 20) / 4096 * 8, 3}, {(16u << 20) / 4096 * 8 - 1, 2}, {(16u << 20) / 4096 * 64, 7}, {2u << 20, 10}, {64u << 20, 10}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.extra);
    std::vector<u8> memory((16u << 20) + c.extra + 8192, 0xcc);
    u8* base = memory.data() + (4096 - reinterpret_cast<uintptr_t>(memory.data()) % 4096) % 4096;
    nvmev_config config = make_config({{"capacity", "16M"}});
    config.medium = NVMEV_MEDIUM_RESERVED;
    config.reserved_base = base;
    config.reserved_size = (16u << 20) + c.extra;
    TestHost host;
    Device device(host, config);
    ManualRunner runner(device);
    Driver driver(device, runner);
    ASSERT_TRUE(driver.enable());
    driver.create_queue_pair(1, 64);
    const Bytes ns = driver.identify(Cns::kNamespace, 1).bytes;
    EXPECT_EQ(ns[25] + 1u, c.formats);
    EXPECT_EQ(ns[27], c.formats > 2 ? 3 : 0);
    const u8 densest = c.formats == 10 ? u8{7} : static_cast<u8>(c.formats - 1);
    if (c.formats != 2 && c.formats != 3 && c.formats < 7) continue;
    ASSERT_TRUE(driver.admin(cmd::format(1, densest, c.formats > 2 ? 1u << 5 : 0)).ok());
    EXPECT_EQ(driver.admin(cmd::format(1, c.formats & 0xf)).status, Status::kInvalidFormat);
    for (size_t i = 0; i < 4096; i++) ASSERT_EQ(base[(16u << 20) + c.extra + i], 0xcc) << "behind the range";
    if (c.formats == 10) {
      // What the memory held before is not protection information that anybody wrote.
      Sqe sqe = cmd::read(32760, 8);
      sqe.cdw12 |= kGuard | kApp | kRef;
      sqe.cdw14 = 32760;
      DmaBuffer data(driver.arena(), 4096);
      const u64 metadata = driver.arena().alloc(1);
      sqe.prp1 = data.bus();
      sqe.mptr = metadata;
      EXPECT_TRUE(driver.run(1, sqe).ok());
      const u8* found = static_cast<const u8*>(driver.arena().at(metadata));
      for (u32 i = 0; i < 64; i++) EXPECT_EQ(found[i], i < 56 ? 0 : 0xff);
      driver.arena().free(metadata, 1);
    }
  }
}

}  // namespace
}  // namespace nvmev::test
