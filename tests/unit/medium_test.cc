// SPDX-License-Identifier: GPL-2.0-only
// Where data is kept: pages taken when first written, a reserved range, or nowhere.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Status;

TEST(PagesMedium, MemoryIsTakenWhenFirstWritten) {
  Rig rig;
  rig.start();
  EXPECT_EQ(rig.host.medium_pages(), 0u);
  ASSERT_TRUE(rig.driver.read(0, 256).completion.ok());
  EXPECT_EQ(rig.host.medium_pages(), 0u) << "reading takes nothing";
  ASSERT_TRUE(rig.driver.write(3, pattern(512, 1)).ok());
  const u64 first = rig.host.medium_pages();
  EXPECT_LE(first, 2u) << "one page, and a table";
  ASSERT_TRUE(rig.driver.write(4, pattern(512, 1)).ok());
  EXPECT_EQ(rig.host.medium_pages(), first) << "the same page";
  ASSERT_TRUE(rig.driver.write(8, pattern(512, 1)).ok());
  EXPECT_EQ(rig.host.medium_pages(), first + 1);
}

TEST(PagesMedium, EverythingIsGivenBackAtDestroy) {
  TestHost host;
  {
    Device device(host, make_config());
    ManualRunner runner(device);
    Driver driver(device, runner);
    ASSERT_TRUE(driver.enable());
    driver.create_queue_pair(1);
    for (u32 i = 0; i < 60; i++) ASSERT_TRUE(driver.write(i * 2000, pattern(8192, i)).ok());
    EXPECT_GE(host.medium_pages(), 120u);
  }
  EXPECT_EQ(host.medium_pages(), 0u);
  EXPECT_EQ(host.allocated_blocks(), 0u);
}

TEST(PagesMedium, DataOutlivesControllerReset) {
  Rig rig;
  rig.start();
  ASSERT_TRUE(rig.driver.write(77, pattern(4096, 3)).ok());
  rig.driver.disable();
  rig.start();
  EXPECT_EQ(rig.driver.read(77, 8).bytes, pattern(4096, 3));
}

TEST(PagesMedium, OutOfMemoryIsAWriteFault) {
  Rig rig;
  rig.start();
  ASSERT_TRUE(rig.driver.write(0, pattern(64 * 512, 1)).ok());
  rig.host.limit_medium_pages(rig.host.medium_pages() + 3);
  // Eight pages are needed, three are there: the blocks stay as they were, the old ones and the new ones.
  const Completion refused = rig.driver.write(32, pattern(96 * 512, 2));
  EXPECT_EQ(refused.status, Status::kWriteFault);
  EXPECT_TRUE(rig.driver.read(0, 64).completion.ok());
  EXPECT_EQ(rig.driver.read(0, 64).bytes, pattern(64 * 512, 1));
  EXPECT_EQ(rig.driver.read(64, 64).bytes, std::vector<u8>(64 * 512, 0));
  // Old blocks can still be written.
  EXPECT_TRUE(rig.driver.write(0, pattern(64 * 512, 3)).ok());
  EXPECT_EQ(rig.driver.read(0, 64).bytes, pattern(64 * 512, 3));
  // Memory comes back: the same write works.
  rig.host.limit_medium_pages(~0ull);
  EXPECT_TRUE(rig.driver.write(32, pattern(96 * 512, 2)).ok());
  EXPECT_EQ(rig.driver.read(32, 96).bytes, pattern(96 * 512, 2));
}

TEST(PagesMedium, DeallocateMakesRoom) {
  Rig rig;
  rig.start();
  ASSERT_TRUE(rig.driver.write(0, pattern(64 * 512, 1)).ok());
  rig.host.limit_medium_pages(rig.host.medium_pages());
  EXPECT_EQ(rig.driver.write(64, pattern(64 * 512, 2)).status, Status::kWriteFault);
  ASSERT_TRUE(rig.driver.deallocate({{0, 64, 0}}).ok());
  EXPECT_TRUE(rig.driver.write(64, pattern(64 * 512, 2)).ok());
}

TEST(PagesMedium, NoMemoryAtAll) {
  Rig rig;
  rig.host.limit_medium_pages(0);
  rig.start();
  EXPECT_EQ(rig.driver.write(0, pattern(512, 1)).status, Status::kWriteFault);
  EXPECT_EQ(rig.driver.read(0, 1).bytes, std::vector<u8>(512, 0));
  EXPECT_TRUE(rig.io(cmd::write_zeroes(0, 8)).ok()) << "zeros need no memory where nothing is";
  EXPECT_TRUE(rig.driver.deallocate({{0, 8, 0}}).ok());
  EXPECT_EQ(rig.host.medium_pages(), 0u);
}

TEST(PagesMedium, HugeCapacityAttachesAtOnceAndSmall) {
  const auto start = std::chrono::steady_clock::now();
  Rig rig({{"capacity", "1T"}});
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  EXPECT_LT(rig.host.allocated_bytes(), 64u << 20);
  rig.start();
  const u64 last = (1ull << 40) / 512 - 8;
  ASSERT_TRUE(rig.driver.write(last, pattern(4096, 1)).ok());
  EXPECT_EQ(rig.driver.read(last, 8).bytes, pattern(4096, 1));
  EXPECT_EQ(rig.driver.run(1, cmd::read(last + 8, 1)).status, Status::kLbaOutOfRange);
  // All of it, and soon.
  ASSERT_TRUE(rig.driver.deallocate({{0, 1u << 31, 0}}).ok());
  EXPECT_EQ(rig.driver.read(last, 8).bytes, std::vector<u8>(4096, 0));
}

class ReservedMedium : public testing::Test {
 protected:
  static constexpr u64 kBytes = 8u << 20;
  ReservedMedium() : memory_(static_cast<u8*>(std::aligned_alloc(4096, kBytes + 4096))) {
    for (u64 i = 0; i < kBytes + 4096; i++) memory_[i] = 0xee;
  }
  ~ReservedMedium() override { std::free(memory_); }

  nvmev_config config() {
    nvmev_config config = make_config({{"capacity", "8M"}});
    config.medium = NVMEV_MEDIUM_RESERVED;
    config.reserved_base = memory_;
    config.reserved_size = kBytes;
    nvmev_error error{};
    EXPECT_EQ(nvmev_config_check(&config, &error), 0) << error.text;
    return config;
  }

  u8* memory_;
};

TEST_F(ReservedMedium, ContentsAreFoundAndKept) {
  const nvmev_config reserved = config();
  {
    Rig rig(&reserved);
    rig.start();
    EXPECT_EQ(rig.driver.read(100, 1).bytes, std::vector<u8>(512, 0xee)) << "as found";
    ASSERT_TRUE(rig.driver.write(5, pattern(4096, 9)).ok());
    ASSERT_TRUE(rig.driver.write(kBytes / 512 - 1, pattern(512, 8)).ok());
    EXPECT_EQ(rig.host.medium_pages(), 0u);
  }
  Rig rig(&reserved);
  rig.start();
  EXPECT_EQ(rig.driver.read(5, 8).bytes, pattern(4096, 9));
  EXPECT_EQ(rig.driver.read(kBytes / 512 - 1, 1).bytes, pattern(512, 8));
  for (u64 i = kBytes; i < kBytes + 4096; i++) ASSERT_EQ(memory_[i], 0xee) << "beyond the range";
}

TEST_F(ReservedMedium, DeallocateKeepsWhatIdentifyPromises) {
  const nvmev_config reserved = config();
  Rig rig(&reserved);
  rig.start();
  ASSERT_TRUE(rig.driver.deallocate({{0, 20, 3}}).ok());
  ASSERT_TRUE(rig.io(cmd::write_zeroes(40, 10, true)).ok());
  // What is deallocated may stay as it was, but then Identify must not promise zeros (DLFEAT).
  const bool promised = (rig.driver.identify(nvme::Cns::kNamespace, 1).bytes[33] & 7) == 1;
  if (promised) EXPECT_EQ(rig.driver.read(3, 20).bytes, std::vector<u8>(20 * 512, 0));
  EXPECT_EQ(rig.driver.read(40, 10).bytes, std::vector<u8>(10 * 512, 0));
  EXPECT_EQ(rig.driver.read(2, 1).bytes, std::vector<u8>(512, 0xee));
  EXPECT_EQ(rig.driver.read(23, 1).bytes, std::vector<u8>(512, 0xee));
  EXPECT_EQ(rig.driver.read(50, 1).bytes, std::vector<u8>(512, 0xee));
}

TEST_F(ReservedMedium, FormatErases) {
  const nvmev_config reserved = config();
  Rig rig(&reserved);
  rig.start();
  ASSERT_TRUE(rig.admin(cmd::format(1, 0, 1u << 9)).ok());
  for (u64 i = 0; i < kBytes; i++) ASSERT_EQ(memory_[i], 0) << i;
}

TEST(NoMedium, KeepsNothing) {
  Rig rig({{"medium", "none"}, {"capacity", "128T"}});
  rig.start();
  ASSERT_TRUE(rig.driver.write(1ull << 37, pattern(65536, 1)).ok());
  DmaBuffer buffer(rig.driver.arena(), 65536, 512);
  buffer.fill(0xff);
  const Prps prps(rig.driver.arena(), buffer);
  ASSERT_TRUE(rig.io(cmd::with_prps(cmd::read(1ull << 37, 128), prps)).ok());
  EXPECT_EQ(buffer.read(), std::vector<u8>(65536, 0));
  EXPECT_TRUE(rig.driver.compare(9, std::vector<u8>(4096, 0)).ok());
  EXPECT_EQ(rig.driver.compare(9, pattern(4096, 1)).status, Status::kCompareFailure);
  EXPECT_TRUE(rig.driver.deallocate({{0, 0xffffffff, 0}}).ok());
  EXPECT_TRUE(rig.io(cmd::write_zeroes(0, 65536)).ok());
  EXPECT_EQ(rig.host.medium_pages(), 0u);
}

}  // namespace
}  // namespace nvmev::test
