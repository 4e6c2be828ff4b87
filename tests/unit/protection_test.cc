// SPDX-License-Identifier: GPL-2.0-only
// Guards and tags: NVM Command Set 1.0 section 5.2.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "host/dma.h"
#include "src/controller/crc.h"
#include "src/controller/protection.h"

namespace nvmev::test {
namespace {

using nvme::Status;

const u8* text(const char* characters) { return reinterpret_cast<const u8*>(characters); }

// The check values of the CRCs as their catalogues give them, and those of the specification for 4 KiB.
TEST(Crc, KnownValues) {
  EXPECT_EQ(crc16(0, text("123456789"), 9), 0xd0db);
  EXPECT_EQ(crc64(0, text("123456789"), 9), 0xae8b14860a799888ull);
  const std::vector<u8> zeros(4096, 0x00), ones(4096, 0xff);
  std::vector<u8> up(4096), down(4096);
  for (size_t i = 0; i < 4096; i++) {
    up[i] = static_cast<u8>(i);
    down[i] = static_cast<u8>(255 - i);
  }
  EXPECT_EQ(crc64(0, zeros.data(), 4096), 0x6482d367eb22b64eull);
  EXPECT_EQ(crc64(0, ones.data(), 4096), 0xc0ddba7302eca3acull);
  EXPECT_EQ(crc64(0, up.data(), 4096), 0x3e729f5f6750449cull);
  EXPECT_EQ(crc64(0, down.data(), 4096), 0x9a2df64b8e9e517eull);
  EXPECT_EQ(crc16(0, zeros.data(), 4096), 0);
  EXPECT_EQ(crc32c(0, text("123456789"), 9), 0xe3069283u);
  EXPECT_EQ(crc32c(0, zeros.data(), 4096), 0x98f94189u);
  EXPECT_EQ(crc32c(0, ones.data(), 4096), 0x25c1fe13u);
  EXPECT_EQ(crc32c(0, up.data(), 4096), 0x9c71fe32u);
  EXPECT_EQ(crc32c(0, down.data(), 4096), 0x214941a8u);
}

TEST(Crc, GoesOnWhereItStopped) {
  const std::vector<u8> data = pattern(300, 1);
  const u16 short_whole = crc16(0, data.data(), data.size());
  const u32 middle_whole = crc32c(0, data.data(), data.size());
  const u64 long_whole = crc64(0, data.data(), data.size());
  for (size_t cut = 0; cut <= data.size(); cut++) {
    EXPECT_EQ(crc16(crc16(0, data.data(), cut), data.data() + cut, data.size() - cut), short_whole) << cut;
    EXPECT_EQ(crc32c(crc32c(0, data.data(), cut), data.data() + cut, data.size() - cut), middle_whole) << cut;
    EXPECT_EQ(crc64(crc64(0, data.data(), cut), data.data() + cut, data.size() - cut), long_whole) << cut;
  }
}

constexpr BlockFormat kShort{9, 64}, kLong{12, 64, GuardFormat::k64, 16};

TEST(Protection, LiesWhereItShouldAndGuardsWhatPrecedesIt) {
  const std::vector<u8> data = pattern(512, 1);
  for (const u8 first : {u8{0}, kDpsFirst}) {
    const Protection protection(kShort, static_cast<u8>(1 | first));
    ASSERT_EQ(protection.at(), first != 0 ? 0u : 56u);
    std::vector<u8> metadata = pattern(64, 2);
    const std::vector<u8> before = metadata;
    const u64 guard = protection.finish_guard(protection.add_to_guard(0, data.data(), 512), metadata.data());
    protection.generate(metadata.data(), guard, {0x11223344, 0x5566, 0, 0}, 2);
    std::vector<u8> guarded = data;
    if (first == 0) guarded.insert(guarded.end(), before.begin(), before.begin() + 56);
    const u16 expected = crc16(0, guarded.data(), guarded.size());
    const u8* tuple = metadata.data() + protection.at();
    EXPECT_EQ(tuple[0] << 8 | tuple[1], expected);
    EXPECT_EQ(std::vector<u8>(tuple + 2, tuple + 8), (std::vector<u8>{0x55, 0x66, 0x11, 0x22, 0x33, 0x46}));
    std::memcpy(metadata.data() + protection.at(), before.data() + protection.at(), 8);
    EXPECT_EQ(metadata, before) << "nothing else changes";
  }
}

TEST(Protection, StorageTagAndReferenceTagShareTheirSpace) {
  const Protection protection(kLong, 1);
  u8 metadata[64] = {};
  protection.generate(metadata, 0x0102030405060708, {0xaaaa'ffff'ffff, 0x1234, 0, 0}, 1);
  const u8 expected[16] = {1, 2, 3, 4, 5, 6, 7, 8, 0x12, 0x34, 0xaa, 0xaa, 0, 0, 0, 0};
  EXPECT_EQ(std::memcmp(metadata + 48, expected, 16), 0) << "the reference tag wraps within its bits";
  EXPECT_EQ(protection.check(metadata, prinfo::kStorageCheck, 0, {0xaaaa'0000'0000, 0, 0, 0}, 0), Status::kSuccess);
  EXPECT_EQ(protection.check(metadata, prinfo::kStorageCheck, 0, {0xaaab'0000'0000, 0, 0, 0}, 0),
            Status::kStorageTagCheckError);
  EXPECT_EQ(protection.check(metadata, prinfo::kReferenceCheck, 0, {0xbbbb'0000'0000, 0, 0, 0}, 0), Status::kSuccess);
}

// The borders between the tags that a guard of 32 bits allows: storage and reference tag have 80 bits together.
TEST(Protection, TagsOfEightyBits) {
  const u16 upper = 0xa1b2;
  const u64 lower = 0xc3d4'e5f6'0718'2930;
  for (u8 storage_bits = 16; storage_bits <= 64; storage_bits++) {
    SCOPED_TRACE(int{storage_bits});
    const BlockFormat format{12, 16, GuardFormat::k32, storage_bits};
    const Protection protection(format, 2);
    u8 metadata[16] = {};
    protection.generate(metadata, 0x01020304, {lower, 0x1234, 0, upper}, 0);
    const u8 expected[16] = {1, 2, 3, 4, 0x12, 0x34, 0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07, 0x18, 0x29, 0x30};
    EXPECT_EQ(std::memcmp(metadata, expected, 16), 0);
    const u32 border = 80 - storage_bits;
    for (u32 bit = 0; bit < 80; bit++) {
      ProtectionTags other{lower, 0x1234, 0, upper};
      if (bit < 64) {
        other.storage_reference ^= 1ull << bit;
      } else {
        other.storage_upper = static_cast<u16>(upper ^ 1u << (bit - 64));
      }
      const bool of_storage = bit >= border;
      EXPECT_EQ(protection.check(metadata, prinfo::kStorageCheck, 0, other, 0) == Status::kStorageTagCheckError, of_storage) << bit;
      EXPECT_EQ(protection.check(metadata, prinfo::kReferenceCheck, 0, other, 0) == Status::kReferenceTagCheckError, !of_storage)
          << bit;
    }
    protection.generate(metadata, 0, {~0ull, 0, 0, upper}, 1);
    EXPECT_EQ(metadata[15], 0) << "the reference tag wraps within its bits";
    EXPECT_EQ(metadata[6], 0xa1);
  }
}

TEST(Protection, ChecksOnlyWhatIsAskedFor) {
  const Protection protection(kShort, 1);
  u8 metadata[64] = {};
  protection.generate(metadata, 0x1234, {100, 0xabcd, 0, 0}, 5);
  const u32 all = prinfo::kGuardCheck | prinfo::kApplicationCheck | prinfo::kReferenceCheck;
  EXPECT_EQ(protection.check(metadata, all, 0x1234, {100, 0xabcd, 0xffff, 0}, 5), Status::kSuccess);
  EXPECT_EQ(protection.check(metadata, all, 0x1235, {100, 0xabcd, 0xffff, 0}, 5), Status::kGuardCheckError);
  EXPECT_EQ(protection.check(metadata, all, 0x1234, {100, 0xabcc, 0xffff, 0}, 5), Status::kApplicationTagCheckError);
  EXPECT_EQ(protection.check(metadata, all, 0x1234, {100, 0xabcc, 0xfffe, 0}, 5), Status::kSuccess) << "masked";
  EXPECT_EQ(protection.check(metadata, all, 0x1234, {100, 0xabcd, 0xffff, 0}, 6), Status::kReferenceTagCheckError);
  EXPECT_EQ(protection.check(metadata, prinfo::kGuardCheck, 0x1234, {1, 1, 0xffff, 0}, 0), Status::kSuccess);
  EXPECT_EQ(protection.check(metadata, 0, 1, {1, 1, 0xffff, 0}, 0), Status::kSuccess);
}

TEST(Protection, TagsThatSwitchChecksOff) {
  const u32 all = prinfo::kGuardCheck | prinfo::kApplicationCheck | prinfo::kReferenceCheck;
  const auto escapes = [&](const BlockFormat& format, u8 type, u64 reference, u16 application) {
    const Protection protection(format, type);
    u8 metadata[64] = {};
    protection.generate(metadata, 1, {reference, application, 0, 0}, 0);
    const u32 checks = type == 3 ? all & ~prinfo::kReferenceCheck : all;
    return protection.check(metadata, checks, 2, {7, 7, 0xffff, 0}, 0) == Status::kSuccess;
  };
  for (const u8 type : {1, 2}) {
    EXPECT_TRUE(escapes(kShort, type, 0, 0xffff));
    EXPECT_FALSE(escapes(kShort, type, 0xffffffff, 0xfffe));
    EXPECT_TRUE(escapes(kLong, type, 0, 0xffff));
  }
  EXPECT_FALSE(escapes(kShort, 3, 0, 0xffff));
  EXPECT_FALSE(escapes(kShort, 3, 0xfffffffe, 0xffff));
  EXPECT_TRUE(escapes(kShort, 3, 0xffffffff, 0xffff));
  EXPECT_FALSE(escapes(kLong, 3, 0xfffffffe, 0xffff));
  EXPECT_TRUE(escapes(kLong, 3, 0xffffffff, 0xffff)) << "of 48 bits, 16 are the storage tag";
}

TEST(Protection, FieldsThatContradictTheType) {
  const u32 reference = prinfo::kReferenceCheck;
  EXPECT_EQ(Protection(kShort, 1).check_fields(reference, 0x1'0000'0005, {5, 0, 0, 0}), Status::kSuccess);
  EXPECT_EQ(Protection(kShort, 1).check_fields(reference, 6, {5, 0, 0, 0}), Status::kInvalidProtectionInformation);
  EXPECT_EQ(Protection(kShort, 1).check_fields(prinfo::kGuardCheck, 6, {5, 0, 0, 0}), Status::kSuccess);
  EXPECT_EQ(Protection(kShort, 2).check_fields(reference, 6, {5, 0, 0, 0}), Status::kSuccess);
  EXPECT_EQ(Protection(kShort, 3).check_fields(reference, 5, {5, 0, 0, 0}), Status::kInvalidProtectionInformation);
  EXPECT_EQ(Protection(kLong, 1).check_fields(reference, 5, {0xffff'0000'0005, 0, 0, 0}), Status::kSuccess);
}

}  // namespace
}  // namespace nvmev::test
