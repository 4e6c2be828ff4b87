// SPDX-License-Identifier: GPL-2.0-only
// Format NVM: NVMe 2.0 section 5.14.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Cns;
using nvme::Status;

class Format : public testing::Test {
 protected:
  Format() { rig_.start(2); }
  u64 nsze() {
    const std::vector<u8> ns = rig_.driver.identify(Cns::kNamespace, 1).bytes;
    u64 value = 0;
    for (int i = 7; i >= 0; i--) value = value << 8 | ns[static_cast<size_t>(i)];
    return value;
  }
  u8 flbas() { return rig_.driver.identify(Cns::kNamespace, 1).bytes[26]; }
  Rig rig_;
};

TEST_F(Format, ChangesBlockSizeAndBack) {
  for (const u8 format : {1, 0, 1, 1, 0}) {
    SCOPED_TRACE(int{format});
    ASSERT_TRUE(rig_.admin(cmd::format(1, format)).ok());
    rig_.driver.lba_size = format ? 4096 : 512;
    EXPECT_EQ(flbas() & 0xf, format);
    EXPECT_EQ(nsze(), (64u << 20) / rig_.driver.lba_size);
    const std::vector<u8> data = pattern(3 * 4096, format + 1u);
    ASSERT_TRUE(rig_.driver.write(5, data).ok());
    EXPECT_EQ(rig_.driver.read(5, 3 * 4096 / rig_.driver.lba_size).bytes, data);
    EXPECT_EQ(rig_.io(cmd::read(nsze(), 1)).status, Status::kLbaOutOfRange);
  }
}

TEST_F(Format, ErasesAndGivesMemoryBack) {
  for (u32 i = 0; i < 100; i++) ASSERT_TRUE(rig_.driver.write(i * 500, pattern(4096, i)).ok());
  ASSERT_GE(rig_.host.medium_pages(), 100u);
  ASSERT_TRUE(rig_.admin(cmd::format(1, 0)).ok());
  EXPECT_LE(rig_.host.medium_pages(), 32u) << "no data; tables of 2 MiB each may stay";
  for (u32 i = 0; i < 100; i++) ASSERT_EQ(rig_.driver.read(i * 500, 8).bytes, std::vector<u8>(4096, 0));
}

TEST_F(Format, Refusals) {
  const u32 before = flbas();
  ASSERT_TRUE(rig_.driver.write(0, pattern(4096, 1)).ok());
  struct Case {
    const char* what;
    u32 nsid;
    u8 lbaf;
    u32 rest;
    Status status;
  };
  const Case cases[] = {
      {"LBA format 10", 1, 10, 0, Status::kInvalidFormat},
      {"LBA format 15", 1, 15, 0, Status::kInvalidFormat},
      {"LBA format 16 + 0, upper bits", 1, 0, 1u << 12, Status::kInvalidFormat},
      {"protection type 1", 1, 0, 1u << 5, Status::kInvalidFormat},
      {"secure erase 7, reserved", 1, 0, 7u << 9, Status::kInvalidField},
      {"secure erase 3, reserved", 1, 0, 3u << 9, Status::kInvalidField},
      {"NSID 0", 0, 0, 0, Status::kInvalidNamespaceOrFormat},
      {"NSID 2", 2, 0, 0, Status::kInvalidNamespaceOrFormat},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_EQ(rig_.admin(cmd::format(c.nsid, c.lbaf, c.rest)).status, c.status);
  }
  EXPECT_EQ(flbas(), before);
  EXPECT_EQ(rig_.driver.read(0, 8).bytes, pattern(4096, 1)) << "data survives a refused format";
}

// User data erase, cryptographic erase.
TEST_F(Format, SecureErase) {
  EXPECT_EQ(rig_.driver.identify(Cns::kController).bytes[524], 4) << "FNA: cryptographic, one namespace at a time";
  for (const u32 setting : {1u, 2u}) {
    ASSERT_TRUE(rig_.driver.write(0, pattern(4096, 1)).ok());
    ASSERT_TRUE(rig_.admin(cmd::format(1, 0, setting << 9)).ok()) << setting;
    EXPECT_EQ(rig_.driver.read(0, 8).bytes, std::vector<u8>(4096, 0));
    EXPECT_LE(rig_.host.medium_pages(), 1u) << "tables stay";
  }
}

// Nothing comes back, in the memory of a reserved range either.
TEST(FormatReserved, SecureEraseLeavesNothingInTheMemory) {
  for (const u32 setting : {1u, 2u}) {
    constexpr size_t kBytes = 8 << 20;
    const std::unique_ptr<void, decltype(&std::free)> memory(std::aligned_alloc(kPageSize, kBytes), std::free);
    std::memset(memory.get(), 0, kBytes);
    const auto is_zero = [&] {
      const u8* bytes = static_cast<const u8*>(memory.get());
      return std::all_of(bytes, bytes + kBytes, [](u8 byte) { return byte == 0; });
    };
    nvmev_config config = make_config({{"capacity", "8M"}});
    config.medium = NVMEV_MEDIUM_RESERVED;
    config.reserved_base = memory.get();
    config.reserved_size = kBytes;
    Rig rig(&config);
    rig.start();
    ASSERT_TRUE(rig.driver.write(64, pattern(65536, 1)).ok());
    ASSERT_FALSE(is_zero());
    ASSERT_TRUE(rig.admin(cmd::format(1, 0, setting << 9)).ok());
    EXPECT_TRUE(is_zero());
  }
}

TEST_F(Format, BroadcastFormatsAll) {
  ASSERT_TRUE(rig_.driver.write(0, pattern(4096, 1)).ok());
  ASSERT_TRUE(rig_.admin(cmd::format(0xffffffff, 1)).ok());
  EXPECT_EQ(flbas() & 0xf, 1);
}

TEST_F(Format, WithCommandsInFlight) {
  DmaBuffer buffer(rig_.driver.arena(), 65536);
  const Prps prps(rig_.driver.arena(), buffer);
  for (u32 i = 0; i < 40; i++) {
    rig_.driver.queue(1, cmd::with_prps(i % 2 ? cmd::read(i * 128, 128) : cmd::write(i * 128, 128), prps));
  }
  rig_.driver.ring(1);
  const u16 format = rig_.driver.submit(0, cmd::format(1, 1));
  for (u32 i = 0; i < 10; i++) rig_.driver.queue(2, cmd::with_prps(cmd::read(i, 1), prps));
  rig_.driver.ring(2);
  ASSERT_TRUE(rig_.driver.wait(0, format).ok());
  ASSERT_TRUE(rig_.driver.wait_for(50));
  // What a command meets depends on when it is looked at: before, during or, with blocks eight times as large,
  // after. But each ends, once.
  rig_.runner.run_for(1'000'000'000);
  EXPECT_EQ(rig_.driver.reap(), 0u);
  for (const Completion& completion : rig_.driver.take()) {
    EXPECT_FALSE(completion.status == Status::kFormatInProgress && completion.dnr) << "worth a retry";
  }
  rig_.driver.lba_size = 4096;

  EXPECT_EQ(rig_.runner.fault(), "");
}

TEST_F(Format, SurvivesControllerReset) {
  ASSERT_TRUE(rig_.admin(cmd::format(1, 1)).ok());
  rig_.driver.disable();
  rig_.start(1);
  EXPECT_EQ(flbas() & 0xf, 1);
}

TEST_F(Format, ConfiguredBlockSize) {
  Rig rig({{"lba_size", "4096"}});
  rig.start();
  EXPECT_EQ(rig.driver.identify(Cns::kNamespace, 1).bytes[26] & 0xf, 1);
}

}  // namespace
}  // namespace nvmev::test
