// SPDX-License-Identifier: GPL-2.0-only
// Copy of blocks with metadata, its descriptor formats, and between namespaces: NVM Command Set 1.0 section 3.2.2.
#include <gtest/gtest.h>

#include "host/metadata_rig.h"

namespace nvmev::test {
namespace {

using nvme::NvmOpcode;
using nvme::Sqe;
using nvme::Status;

struct Source {
  u64 slba;
  u32 blocks;
  u128 reference = 0;
  u32 nsid = 1;
  u16 application = 0x1234;
};

class CopyRig : public MetadataRig {
 public:
  explicit CopyRig(const Settings& settings = {}) : MetadataRig(settings) {}

  // PRINFO of both halves; the tags of what is written are `reference` and 1234h.
  Status copy(u64 to, const std::vector<Source>& sources, u32 descriptors, u32 read = 0, u32 write = 0, u128 reference = 0,
              u32 nsid = 1) {
    Bytes bytes;
    for (const Source& source : sources) {
      Bytes one(descriptors % 2 != 0 ? 40 : 32);
      const auto put = [&](size_t at, u64 value, u32 length) { std::memcpy(one.data() + at, &value, length); };
      if (descriptors >= 2) put(0, source.nsid, 4);
      put(8, source.slba, 8);
      put(16, source.blocks - 1, 2);
      if (descriptors % 2 == 0) {
        put(24, static_cast<u64>(source.reference), 4);
      } else {
        for (u32 i = 0; i < 10; i++) one[35 - i] = static_cast<u8>(source.reference >> 8 * i);
      }
      put(one.size() - 4, source.application, 2);
      put(one.size() - 2, 0xffff, 2);
      bytes = join(bytes, one);
    }
    DmaBuffer list(driver.arena(), bytes.size(), 3000);
    list.write(bytes);
    const Prps prps(driver.arena(), list);
    Sqe sqe = cmd::with_prps(cmd::io(NvmOpcode::kCopy, to, 1, nsid), prps);
    sqe.cdw12 = static_cast<u32>(sources.size() - 1) | descriptors << 8 | (read >> 26) << 12 | write;
    put_tags(sqe, reference);
    sqe.cdw15 = 0xffff1234;
    return io(sqe).status;
  }

  Status enable_formats(u16 mask) {
    DmaBuffer data(driver.arena(), 512);
    Bytes bytes(512);
    bytes[2] = 1;
    bytes[4] = static_cast<u8>(mask);
    data.write(bytes);
    Sqe sqe = cmd::set_feature(nvme::Feature::kHostBehavior, 0);
    sqe.prp1 = data.bus();
    return admin(sqe).status;
  }

  // The namespace's descriptors.
  u32 descriptors() const { return format.tuple == 16 ? 1 : 0; }
  // The reference of blocks that begin at slba, with the storage tag.
  u128 reference(u64 slba) const { return format.space(first_reference(slba)); }
};

TEST(CopyProtection, MetadataGoAlong) {
  CopyRig rig;
  for (const Format& format : all_formats(false)) {
    SCOPED_TRACE(name(format));
    ASSERT_EQ(rig.use(format), Status::kSuccess);
    const Bytes data = pattern(20 * format.lba, 1), metadata = pattern(20 * format.metadata, 2);
    ASSERT_EQ(rig.write(0, data, metadata), Status::kSuccess);
    ASSERT_EQ(rig.copy(103, {{3, 2}, {11, 7}, {500, 1}}, rig.descriptors()), Status::kSuccess);
    const auto found = rig.read(103, 10);
    EXPECT_EQ(found.data, join(join(part(data, 3 * format.lba, 2 * format.lba), part(data, 11 * format.lba, 7 * format.lba)),
                               Bytes(format.lba)));
    EXPECT_EQ(found.metadata, join(join(part(metadata, 3 * format.metadata, 2 * format.metadata),
                                        part(metadata, 11 * format.metadata, 7 * format.metadata)),
                                   Bytes(format.metadata)));
    EXPECT_EQ(rig.copy(103, {{3, 2}}, 1 - rig.descriptors()), Status::kInvalidNamespaceOrFormat) << "the other guard's descriptors";
  }
}

TEST(CopyProtection, IsCheckedAndMadeAnew) {
  CopyRig rig;
  for (const Format& format : all_formats(true)) {
    SCOPED_TRACE(name(format));
    ASSERT_EQ(rig.use(format), Status::kSuccess);
    const u32 descriptors = rig.descriptors();
    const u32 checks = rig.checks();
    const Bytes data = pattern(9 * format.lba, 1);
    const Bytes metadata = rig.protect(3, data, 2);
    ASSERT_EQ(rig.write(3, data, metadata, checks), Status::kSuccess);
    const Source right{3, 9, rig.reference(3)};
    ASSERT_EQ(rig.copy(100, {right}, descriptors, kPract | checks, kPract | checks, rig.reference(100)), Status::kSuccess);
    const auto found = rig.read(100, 9, checks);
    EXPECT_EQ(found.status, Status::kSuccess);
    EXPECT_EQ(found.data, data);
    EXPECT_EQ(found.metadata, rig.protect(100, data, 2));

    // Wrong expectations of the source change nothing.
    const Status reference = format.pi == 1 ? Status::kInvalidProtectionInformation : Status::kReferenceTagCheckError;
    Source wrong = right;
    wrong.reference ^= 1;
    if (format.pi != 3) EXPECT_EQ(rig.copy(200, {right, wrong}, descriptors, checks), reference);
    wrong = right;
    wrong.application ^= 1;
    EXPECT_EQ(rig.copy(200, {right, wrong}, descriptors, checks), Status::kApplicationTagCheckError);
    EXPECT_EQ(rig.read(200, 1).data, Bytes(format.lba));
    // Without PRACT it goes along, and PRINFOW is about what it was.
    EXPECT_EQ(rig.copy(200, {right}, descriptors, kPract), Status::kInvalidField) << "in one namespace both or none";
    ASSERT_EQ(rig.copy(200, {right}, descriptors, checks, kGuard | kApp), Status::kSuccess);
    EXPECT_EQ(rig.read(200, 9).metadata, metadata);
    if (format.pi == 1) {
      EXPECT_EQ(rig.copy(300, {right}, descriptors, 0, kRef, rig.reference(300)), Status::kReferenceTagCheckError);
      EXPECT_EQ(rig.copy(300, {right}, descriptors, 0, kRef, rig.reference(301)), Status::kInvalidProtectionInformation);
      EXPECT_EQ(rig.read(300, 1).data, Bytes(format.lba));
    }
    // A guard that does not fit.
    Bytes broken = metadata;
    broken[rig.tuple_at(8)] ^= 1;
    ASSERT_EQ(rig.write(3, data, broken), Status::kSuccess);
    EXPECT_EQ(rig.copy(300, {right}, descriptors, kGuard), Status::kGuardCheckError);
    EXPECT_EQ(rig.copy(300, {right}, descriptors, 0, kGuard), Status::kGuardCheckError);
    EXPECT_EQ(rig.copy(300, {right}, descriptors, kPract | kGuard, kPract), Status::kGuardCheckError);
    EXPECT_EQ(rig.read(300, 1).data, Bytes(format.lba));
  }
}

TEST(CopyFormats, HaveToBeAskedFor) {
  CopyRig rig;
  EXPECT_EQ(rig.driver.identify(nvme::Cns::kController).bytes[534], 0xf) << "OCFS";
  rig.format = {0, 512, 0, 8};
  ASSERT_TRUE(rig.driver.write(0, pattern(4096, 1)).ok());
  EXPECT_EQ(rig.copy(100, {{0, 8}}, 2), Status::kInvalidField);
  EXPECT_EQ(rig.enable_formats(1), Status::kInvalidField) << "format 0 is always there";
  EXPECT_EQ(rig.enable_formats(0x10), Status::kInvalidField);
  ASSERT_EQ(rig.enable_formats(0xc), Status::kSuccess);
  EXPECT_EQ(rig.copy(100, {{0, 8}}, 2), Status::kSuccess);
  EXPECT_EQ(rig.driver.read(100, 8).bytes, pattern(4096, 1));
  EXPECT_EQ(rig.copy(100, {{0, 8}}, 3), Status::kInvalidNamespaceOrFormat) << "of long guards";
  EXPECT_EQ(rig.copy(100, {{0, 8}}, 4), Status::kInvalidField);
  EXPECT_EQ(rig.copy(7, {{0, 8, 0, 1}}, 2), Status::kOverlappingIoRange);
  EXPECT_EQ(rig.copy(8, {{0, 8, 0, 1}}, 2), Status::kSuccess);
  ASSERT_EQ(rig.use({3, 4096, 16, 16, 2}), Status::kSuccess);
  ASSERT_EQ(rig.write(0, pattern(8192, 1), {}, kPract), Status::kSuccess);
  EXPECT_EQ(rig.copy(100, {{0, 2, 1000}}, 3, kPract | kRef, kPract, 1000), Status::kSuccess);
  EXPECT_EQ(rig.read(100, 2, kPract | kGuard | kRef).data, pattern(8192, 1));
  // 128 descriptors of 40 bytes: more than a page.
  std::vector<Source> many(128, {0, 1, 1000});
  many[127].slba = 1;
  many[127].reference = 1001;
  ASSERT_EQ(rig.copy(1000, many, 3, kRef | kPract, kPract, 1000), Status::kSuccess);
  const Bytes data = pattern(8192, 1);
  EXPECT_EQ(rig.read(1126, 2).data, data);
  many[127].reference = 1002;
  EXPECT_EQ(rig.copy(1000, many, 3, kRef | kPract, kPract, 1000), Status::kReferenceTagCheckError);
  rig.driver.disable();
  rig.start();
  rig.know_extended_formats();
  EXPECT_EQ(rig.copy(100, {{0, 1}}, 3), Status::kInvalidField) << "a reset forgets it";
}

TEST(CopyFormats, BetweenNamespaces) {
  CopyRig rig({{"namespaces", "nvm:8M,conv:32M:channels=2:dies_per_channel=1,nvm:8M,zns:64M:zone_size=8M"}, {"capacity", "112M"}});
  ASSERT_EQ(rig.enable_formats(0xc), Status::kSuccess);
  const auto use = [&](u32 nsid, const Format& format) { ASSERT_EQ(rig.use(format, nsid), Status::kSuccess); };
  const auto write = [&](u32 nsid, const Bytes& data) {
    Sqe sqe = rig.tagged(cmd::io(NvmOpcode::kWrite, 0, static_cast<u32>(data.size() / rig.format.lba), nsid), 0, kPract);
    return rig.run(sqe, data).status;
  };
  const auto read = [&](u32 nsid, u64 slba, u32 blocks, u32 prinfo) {
    return rig.run(rig.tagged(cmd::io(NvmOpcode::kRead, slba, blocks, nsid), slba, prinfo));
  };
  const Bytes data = pattern(4 * 4096, 1);
  const Format plain{1, 4096, 0, 8}, guarded{2, 4096, 8, 8, 1}, small{0, 512, 0, 8};
  use(1, plain);
  use(2, plain);
  ASSERT_EQ(write(1, data), Status::kSuccess);
  EXPECT_EQ(rig.copy(5, {{0, 4}}, 2, 0, 0, 0, 2), Status::kSuccess);
  EXPECT_EQ(read(2, 5, 4, 0).data, data);
  EXPECT_EQ(rig.copy(0, {{5, 1, 0, 2}, {3, 1}, {6, 2, 0, 2}}, 2, 0, 0, 0, 3), Status::kIncompatibleNamespaceOrFormat)
      << "512 bytes there";
  EXPECT_EQ(rig.copy(9, {{5, 1, 0, 2}, {3, 1}, {6, 2, 0, 2}}, 2), Status::kSuccess);
  EXPECT_EQ(part(read(1, 9, 4, 0).data, 4096, 4096), part(data, 3 * 4096, 4096));
  // Protection information is made and taken away.
  use(2, guarded);
  EXPECT_EQ(rig.copy(0, {{0, 4}}, 2, 0, 0, 0, 2), Status::kIncompatibleNamespaceOrFormat);
  EXPECT_EQ(rig.copy(0, {{0, 4}}, 2, 0, kPract, 0, 2), Status::kSuccess);
  EXPECT_EQ(read(2, 0, 4, kPract | rig.checks()).status, Status::kSuccess);
  EXPECT_EQ(read(2, 0, 4, kPract).data, data);
  EXPECT_EQ(rig.copy(20, {{0, 4, 0, 2}}, 2), Status::kIncompatibleNamespaceOrFormat);
  EXPECT_EQ(rig.copy(20, {{0, 4, 0, 2, 0x4321}}, 2, kPract | kApp), Status::kApplicationTagCheckError);
  EXPECT_EQ(rig.copy(20, {{0, 4, 0, 2}}, 2, kPract | kGuard | kApp | kRef), Status::kSuccess);
  rig.format = plain;
  EXPECT_EQ(read(1, 20, 4, 0).data, data);
  // Both, and of the same kind.
  use(3, {2, 4096, 8, 8, 2});
  EXPECT_EQ(rig.copy(0, {{0, 4, 0, 2}}, 2, kPract, kPract, 0, 3), Status::kIncompatibleNamespaceOrFormat);
  use(3, {2, 4096, 8, 8, 1, false, true});
  EXPECT_EQ(rig.copy(7, {{0, 4, 0, 2}}, 2, kPract, kPract, 7, 3), Status::kSuccess);
  EXPECT_EQ(read(3, 7, 4, rig.checks()).data, data);
  // Sources that are none.
  EXPECT_EQ(rig.copy(0, {{0, 1, 0, 4}}, 2), Status::kIncompatibleNamespaceOrFormat) << "zoned";
  EXPECT_EQ(rig.copy(0, {{0, 1, 0, 9}}, 2), Status::kInvalidField) << "inactive";
  EXPECT_EQ(rig.copy(0, {{0, 1, 0, 99}}, 2), Status::kInvalidNamespaceOrFormat) << "beyond NN";
  EXPECT_EQ(rig.copy(0, {{0, 1, 0, 0xffffffff}}, 2), Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(rig.copy(0, {{(32 << 20) / 4096, 1, 0, 2}}, 2, kPract), Status::kLbaOutOfRange);
  use(2, small);
  EXPECT_EQ(rig.copy(0, {{(32 << 20) / 4096, 1, 0, 2}}, 2), Status::kIncompatibleNamespaceOrFormat);
}

}  // namespace
}  // namespace nvmev::test
