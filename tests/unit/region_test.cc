// SPDX-License-Identifier: GPL-2.0-only
// The key `namespaces`: several namespaces in one device, each with an FTL and keys of its own.
#include <gtest/gtest.h>

#include <cstring>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Cns;

constexpr u64 kMiB = 1 << 20;

// The error that a configuration of 64 MiB with these namespaces meets when a device is made of it.
std::string refusal(const std::string& namespaces) {
  nvmev_config config = make_config();
  nvmev_error error{};
  if (nvmev_config_set(&config, "namespaces", namespaces.c_str(), &error) != 0) return error.text;
  if (nvmev_config_check(&config, &error) != 0) return error.text;
  TestHost host;
  alignas(4096) static u8 bar[NVMEV_BAR_SIZE];
  nvmev_dev* dev = nullptr;
  if (nvmev_dev_create(&config, &host, bar, &dev, &error) != 0) return error.text;
  nvmev_dev_destroy(dev);
  return "";
}

u64 blocks(Rig& rig, u32 nsid) {
  const std::vector<u8> data = rig.driver.identify(Cns::kNamespace, nsid).bytes;
  u64 nsze;
  std::memcpy(&nsze, data.data(), sizeof(nsze));
  return nsze;
}

Completion write(Rig& rig, u32 nsid, u64 slba, const std::vector<u8>& bytes, u32 block) {
  DmaBuffer buffer(rig.driver.arena(), bytes.size());
  buffer.write(bytes);
  const Prps prps(rig.driver.arena(), buffer);
  nvme::Sqe sqe = cmd::write(slba, static_cast<u32>(bytes.size() / block));
  sqe.nsid = nsid;
  return rig.io(cmd::with_prps(sqe, prps));
}

std::vector<u8> read(Rig& rig, u32 nsid, u64 slba, u32 count, u32 block) {
  DmaBuffer buffer(rig.driver.arena(), static_cast<std::size_t>(count) * block);
  const Prps prps(rig.driver.arena(), buffer);
  nvme::Sqe sqe = cmd::read(slba, count);
  sqe.nsid = nsid;
  EXPECT_TRUE(rig.io(cmd::with_prps(sqe, prps)).ok());
  return buffer.read();
}

TEST(Regions, EachEntryIsANamespace) {
  Rig rig({{"namespaces", "nvm:16M,conv:32M:dies_per_channel=1,nvm::lba_size=4096"}});
  rig.start();
  EXPECT_EQ(blocks(rig, 1), 16 * kMiB / 512);
  EXPECT_EQ(blocks(rig, 2), 32 * kMiB / 512);
  EXPECT_EQ(blocks(rig, 3), 16 * kMiB / 4096);
  EXPECT_EQ(blocks(rig, 4), 0u);
}

TEST(Regions, DataOfNamespacesLieApart) {
  Rig rig({{"namespaces", "nvm:16M,conv:32M:dies_per_channel=1,nvm::lba_size=4096"}});
  rig.start();
  const std::vector<u8> one(4096, 0x11), two(4096, 0x22), three(4096, 0x33);
  ASSERT_TRUE(write(rig, 1, 16 * kMiB / 512 - 8, one, 512).ok());
  ASSERT_TRUE(write(rig, 2, 0, two, 512).ok());
  ASSERT_TRUE(write(rig, 2, 32 * kMiB / 512 - 8, two, 512).ok());
  ASSERT_TRUE(write(rig, 3, 0, three, 4096).ok());
  EXPECT_EQ(read(rig, 1, 16 * kMiB / 512 - 8, 8, 512), one);
  EXPECT_EQ(read(rig, 2, 0, 8, 512), two);
  EXPECT_EQ(read(rig, 2, 32 * kMiB / 512 - 8, 8, 512), two);
  EXPECT_EQ(read(rig, 3, 0, 1, 4096), three);
  EXPECT_EQ(write(rig, 1, 16 * kMiB / 512, one, 512).status, nvme::Status::kLbaOutOfRange);
}

TEST(Regions, KeysOfAnEntryHoldForItAlone) {
  Rig rig({{"namespaces", "nvm:32M:read_time=1000000,nvm::read_time=3000"}});
  rig.start();
  const auto time = [&](u32 nsid) {
    const u64 before = rig.runner.now();
    read(rig, nsid, 0, 1, 512);
    return rig.runner.now() - before;
  };
  EXPECT_GE(time(1), 1000000u);
  EXPECT_LT(time(2), 100000u);
}

TEST(Regions, FormatOfOneLeavesTheOthers) {
  Rig rig({{"namespaces", "conv:32M:dies_per_channel=1,conv:32M:dies_per_channel=1"}});
  rig.start();
  const std::vector<u8> data(4096, 0x5a);
  ASSERT_TRUE(write(rig, 1, 8, data, 512).ok());
  ASSERT_TRUE(write(rig, 2, 8, data, 512).ok());
  ASSERT_TRUE(rig.admin(cmd::admin(nvme::AdminOpcode::kFormatNvm, 2)).ok());
  EXPECT_EQ(read(rig, 1, 8, 8, 512), data);
  EXPECT_EQ(read(rig, 2, 8, 8, 512), std::vector<u8>(4096));
}

TEST(Regions, FlushOfAllNamespacesReachesEveryFtl) {
  Rig rig({{"namespaces", "conv:32M:dies_per_channel=1,nvm:32M"}});
  rig.start();
  ASSERT_TRUE(write(rig, 1, 0, std::vector<u8>(4096, 1), 512).ok());
  nvme::Sqe flush{};
  flush.nsid = nvme::kNsidBroadcast;
  const u64 before = rig.runner.now();
  EXPECT_TRUE(rig.io(flush).ok());
  EXPECT_GT(rig.runner.now() - before, 100000u);  // a program of flash
}

TEST(Regions, CapacityIsWhatTheSizesAddUpTo) {
  nvmev_config config = make_config();
  config.capacity = 0;
  ASSERT_EQ(nvmev_config_set(&config, "namespaces", "nvm:3M,nvm:5M", nullptr), 0);
  EXPECT_EQ(nvmev_config_capacity(&config), 8 * kMiB);
  ASSERT_EQ(nvmev_config_set(&config, "namespaces", "nvm:3M,nvm", nullptr), 0);
  EXPECT_EQ(nvmev_config_capacity(&config), 0u);
  config.capacity = 64 * kMiB;
  EXPECT_EQ(nvmev_config_capacity(&config), 64 * kMiB);
}

TEST(Regions, BadTextsAreRefusedWithTheirPart) {
  EXPECT_EQ(refusal("nvm:32M,nvm"), "");
  EXPECT_NE(refusal("floppy:32M,nvm").find("\"floppy\" is no type"), std::string::npos);
  EXPECT_NE(refusal("nvm:32X,nvm").find("\"32X\" is no size"), std::string::npos);
  EXPECT_NE(refusal("nvm:1000,nvm").find("\"1000\" is no size"), std::string::npos);
  EXPECT_NE(refusal("nvm,nvm").find("2 entries without a size"), std::string::npos);
  EXPECT_NE(refusal("nvm:64M,nvm").find("add up to 67108864 bytes: less than capacity=67108864"), std::string::npos);
  EXPECT_NE(refusal("nvm:32M,nvm:16M").find("add up to 50331648 bytes: all of"), std::string::npos);
  EXPECT_NE(refusal("nvm:32M:speed=1,nvm").find("\"speed=1\" is no key"), std::string::npos);
  EXPECT_NE(refusal("nvm:32M:lba_size,nvm").find("lba_size"), std::string::npos);
  EXPECT_NE(refusal("nvm:32M:queues=1,nvm").find("\"queues=1\" is a key of the whole device"), std::string::npos);
  EXPECT_NE(refusal("nvm:32M:lba_size=1000,nvm").find("lba_size=1000"), std::string::npos);
  EXPECT_NE(refusal("nvm:16E,nvm:16777215T").find("namespaces"), std::string::npos);
  std::string many = "nvm:1M";
  for (u32 i = 0; i < 32; i++) many += ",nvm:1M";
  EXPECT_NE(refusal(many).find("33 entries"), std::string::npos);
  EXPECT_NE(refusal(std::string(400, ',')).find("namespaces="), std::string::npos);
}

TEST(Regions, TypeAndNamespacesContradict) {
  nvmev_config config = make_config();
  nvmev_error error{};
  ASSERT_EQ(nvmev_config_set(&config, "namespaces", "nvm:32M,nvm", &error), 0);
  EXPECT_NE(nvmev_config_set(&config, "type", "conv", &error), 0);
  EXPECT_NE(std::string(error.text).find("contradicts namespaces"), std::string::npos);
}

TEST(Regions, ADeletedNamespaceComesBackInItsRegion) {
  Rig rig({{"namespaces", "nvm:32M,nvm:32M"}});
  rig.start();
  nvme::Sqe sqe = cmd::admin(nvme::AdminOpcode::kNamespaceManagement, 1);
  sqe.cdw10 = 1;
  ASSERT_TRUE(rig.admin(sqe).ok());
  // Larger than its region, though the device has as much unallocated nowhere else.
  DmaBuffer buffer(rig.driver.arena(), 4096);
  const Prps prps(rig.driver.arena(), buffer);
  const auto create = [&](u64 nsze) {
    std::vector<u8> data(4096);
    std::memcpy(&data[0], &nsze, 8);
    std::memcpy(&data[8], &nsze, 8);
    buffer.write(data);
    return rig.admin(cmd::with_prps(cmd::admin(nvme::AdminOpcode::kNamespaceManagement), prps));
  };
  EXPECT_EQ(create(32 * kMiB / 512 + 8).status, nvme::Status::kInsufficientCapacity);
  const Completion created = create(32 * kMiB / 512);
  EXPECT_TRUE(created.ok());
  EXPECT_EQ(created.dw0, 1u);
}

}  // namespace
}  // namespace nvmev::test
