// SPDX-License-Identifier: GPL-2.0-only
// Controller Memory Buffers and Persistent Memory Regions of a subsystem with two controllers: each has its own.
#include <gtest/gtest.h>

#include "host/pair.h"
#include "nvmev/nvme/registers.h"

namespace nvmev::test {
namespace {

using nvme::PmrRegisters;
using nvme::Registers;
using nvme::Status;

namespace space = nvme::memory_space;

constexpr u32 kSize = 256 << 10;
constexpr u64 kCmbs[] = {0x80'0000'0000, 0x81'0000'0000};
constexpr u64 kPmrs[] = {0x90'0000'0000, 0x91'0000'0000};

struct MemoryPair : Pair {
  explicit MemoryPair(Settings settings = {{"cmb", "256K"}, {"pmr", "256K"}, {"type", "conv"}, {"dies_per_channel", "1"}, {"channels", "2"}})
      : Pair(std::move(settings)) {
    for (u32 i = 0; i < 2; i++) {
      host.arena.overlay(kCmbs[i], device.cmb(i), kSize);
      host.arena.overlay(kPmrs[i], device.pmr(i), kSize);
    }
  }

  Driver& driver(u32 controller) { return controller == 0 ? first : second; }
  void place_cmb(u32 controller, u64 base) {
    driver(controller).write64(offsetof(Registers, cmbmsc), base | space::kCapabilities | space::kEnable);
    runner.run_for(1'000'000);
  }
  void enable_pmr(u32 controller, bool enable = true) {
    driver(controller).write32(nvme::kPmrRegisters + offsetof(PmrRegisters, pmrctl), enable);
    runner.run_for(1'000'000);
  }
  bool pmr_ready(u32 controller) {
    const u32 status = driver(controller).read32(nvme::kPmrRegisters + offsetof(PmrRegisters, pmrsts));
    return (status & nvme::pmrsts::kNotReady) == 0;
  }
  Status read_into(u32 controller, u64 bus) {
    nvme::Sqe sqe = cmd::read(0, 8);
    sqe.prp1 = bus;
    return driver(controller).run(1, sqe).status;
  }
  void fill_pmr(u32 controller, u8 seed) {
    const auto bytes = pattern(kSize, seed);
    std::memcpy(device.pmr(controller), bytes.data(), bytes.size());
  }
  std::vector<u8> pmr(u32 controller) { return {device.pmr(controller), device.pmr(controller) + kSize}; }
};

TEST(ControllerMemoryPair, EachControllerHasABufferOfItsOwn) {
  MemoryPair pair;
  pair.start();
  ASSERT_TRUE(pair.first.write(0, pattern(4096, 1)).ok());
  for (u32 i = 0; i < 2; i++) {
    EXPECT_EQ(pair.driver(i).cap() >> 56 & 3, 3u);
    pair.place_cmb(i, kCmbs[i]);
  }
  EXPECT_EQ(pair.read_into(1, kCmbs[1] + 4096), Status::kSuccess);
  const std::vector<u8> nothing(kSize, 0);
  EXPECT_EQ(std::vector<u8>(pair.device.cmb(0), pair.device.cmb(0) + kSize), nothing);
  EXPECT_EQ(std::vector<u8>(pair.device.cmb(1) + 4096, pair.device.cmb(1) + 8192), pattern(4096, 1));
  EXPECT_EQ(pair.read_into(0, kCmbs[1]), Status::kDataTransferError) << "that of the other";
  // The same addresses at both: to each they are its own.
  pair.place_cmb(1, kCmbs[0]);
  EXPECT_EQ(pair.read_into(1, kCmbs[0] + 8192), Status::kSuccess);
  EXPECT_EQ(std::vector<u8>(pair.device.cmb(0), pair.device.cmb(0) + kSize), nothing);
  EXPECT_EQ(std::vector<u8>(pair.device.cmb(1) + 8192, pair.device.cmb(1) + 12288), pattern(4096, 1));
}

TEST(ControllerMemoryPair, ResetOfOneLeavesTheOthersRegionReady) {
  MemoryPair pair;
  pair.start();
  for (u32 i = 0; i < 2; i++) pair.enable_pmr(i);
  nvmev_dev_request_reset(pair.device.get(), 0);
  pair.runner.run_for(1'000'000'000);
  ASSERT_TRUE(nvmev_dev_reset_done(pair.device.get(), 0));
  EXPECT_FALSE(pair.pmr_ready(0));
  EXPECT_TRUE(pair.pmr_ready(1));
}

TEST(ControllerMemoryPair, SanitizeErasesAllRegionsAndWantsAllDisabled) {
  MemoryPair pair;
  pair.start();
  const auto sanitize = [&] { return pair.first.admin(cmd::sanitize(nvme::SanitizeAction::kBlockErase)).status; };
  pair.fill_pmr(0, 3);
  pair.fill_pmr(1, 4);
  pair.enable_pmr(1);
  EXPECT_EQ(sanitize(), Status::kSanitizeWithPmr);
  pair.enable_pmr(1, false);
  EXPECT_EQ(sanitize(), Status::kSuccess);
  pair.enable_pmr(1);
  EXPECT_FALSE(pair.pmr_ready(1)) << "not until it is over";
  pair.runner.run_for(100'000'000'000);
  EXPECT_TRUE(pair.pmr_ready(1));
  for (u32 i = 0; i < 2; i++) EXPECT_EQ(pair.pmr(i), std::vector<u8>(kSize, 0)) << i;
}

TEST(ControllerMemoryPair, ContentsOfAllRegionsComeBack) {
  MemoryPair before;
  nvmev_error error{};
  ASSERT_EQ(nvmev_dev_load(before.device.get(), &error), 0) << error.text;
  before.fill_pmr(0, 5);
  ASSERT_EQ(nvmev_dev_save(before.device.get(), before.runner.now(), &error), 0) << error.text;
  before.fill_pmr(1, 6);
  ASSERT_EQ(nvmev_dev_save(before.device.get(), before.runner.now(), &error), 0) << "only the second has changed";
  MemoryPair after;
  after.host.file = before.host.file;
  ASSERT_EQ(nvmev_dev_load(after.device.get(), &error), 0) << error.text;
  EXPECT_EQ(after.pmr(0), pattern(kSize, 5));
  EXPECT_EQ(after.pmr(1), pattern(kSize, 6));
}

}  // namespace
}  // namespace nvmev::test
