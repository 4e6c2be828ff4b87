// SPDX-License-Identifier: GPL-2.0-only
// Controller Memory Buffer: NVMe 2.0 sections 3.1.3.11 to 3.1.3.19 and 8.5.
#include <gtest/gtest.h>

#include "host/controller_memory_rig.h"
#include "host/sgl.h"

namespace nvmev::test {
namespace {

using nvme::Registers;
using nvme::Status;

constexpr u64 kBase = MemoryRig::kCmbBase;
constexpr u64 kEnd = kBase + MemoryRig::kSize;
constexpr u64 kOn = space::kCapabilities | space::kEnable;

class Cmb : public testing::Test {
 protected:
  Cmb() {
    rig_.place_cmb(kBase | kOn);
    rig_.start();
  }
  Driver& driver() { return rig_.driver; }
  Arena& arena() { return rig_.host.arena; }

  MemoryRig rig_{{{"cmb", "256K"}}};
};

TEST(CmbRegisters, TellWhatThereIs) {
  MemoryRig rig({{"cmb", "256K"}});
  EXPECT_EQ(rig.driver.cap() >> 57 & 1, 1u) << "CMBS";
  EXPECT_EQ(rig.driver.cap() >> 56 & 1, 0u) << "PMRS";
  const u32 location = rig.driver.read32(offsetof(Registers, cmbloc));
  EXPECT_EQ(location & 7, 2u) << "BIR";
  EXPECT_EQ(location >> 3 & 3, 0u) << "CQMMS, CQPDS: a queue is all of it in the buffer, and contiguous";
  EXPECT_EQ(location >> 5 & 7, 7u) << "CDPMLS, CDPCILS, CDMMMS";
  EXPECT_EQ(location >> 8, 0u) << "CQDA, OFST";
  const u32 size = rig.driver.read32(offsetof(Registers, cmbsz));
  EXPECT_EQ(size & 0xff, 0x1fu) << "SQS, CQS, LISTS, RDS, WDS";
  EXPECT_EQ(size >> 8 & 0xf, 0u) << "SZU: 4 KiB";
  EXPECT_EQ(size >> 12, 64u) << "SZ";
}

TEST(CmbRegisters, NoneWithoutTheKey) {
  Rig rig;
  EXPECT_EQ(rig.driver.cap() >> 56 & 3, 0u);
  EXPECT_EQ(rig.driver.read32(offsetof(Registers, cmbloc)), 0u);
  EXPECT_EQ(rig.driver.read32(offsetof(Registers, cmbsz)), 0u);
}

TEST(CmbRegisters, ReadOnlyOnesArePutBack) {
  MemoryRig rig({{"cmb", "256K"}});
  rig.driver.enable();
  for (const u32 at : {offsetof(Registers, cmbloc), offsetof(Registers, cmbsz), offsetof(Registers, cmbsts),
                       offsetof(Registers, cmbebs), offsetof(Registers, cmbswtp)}) {
    const u32 before = rig.driver.read32(static_cast<u32>(at));
    rig.driver.write32(static_cast<u32>(at), ~before);
    // While commands flow, registers are looked at now and then.
    for (int i = 0; i < 16; i++) rig.runner.run_for(1'000'000);
    EXPECT_EQ(rig.driver.read32(static_cast<u32>(at)), before) << at;
  }
  EXPECT_TRUE(rig.driver.identify(nvme::Cns::kController).completion.ok());
}

TEST(CmbRegisters, BaseAddressThatWrapsAroundIsInvalid) {
  MemoryRig rig({{"cmb", "256K"}});
  rig.place_cmb((~0ull & space::kBaseMask) | kOn);
  EXPECT_TRUE(rig.cmb_invalid());
  rig.place_cmb((~0ull - MemoryRig::kSize + 1) | kOn);
  EXPECT_FALSE(rig.cmb_invalid()) << "its last byte is the last of all";
  rig.place_cmb((~0ull & space::kBaseMask) | space::kEnable);
  EXPECT_FALSE(rig.cmb_invalid()) << "without CRE, CMSE has no effect";
  rig.place_cmb((~0ull & space::kBaseMask) | space::kCapabilities);
  EXPECT_FALSE(rig.cmb_invalid());
}

TEST(CmbRegisters, ControllerResetAndFunctionLevelResetKeepCmbmsc) {
  MemoryRig rig({{"cmb", "256K"}, {"type", "conv"}, {"power_cuts", "1"}});
  rig.place_cmb(kBase | kOn);
  rig.start();
  rig.driver.disable();
  EXPECT_EQ(rig.driver.read64(offsetof(Registers, cmbmsc)), kBase | kOn);
  const auto reset = [&] {
    rig.runner.run_for(1'000'000'000);
    ASSERT_TRUE(nvmev_dev_reset_done(rig.device.get(), 0));
  };
  nvmev_dev_request_reset(rig.device.get(), 0);
  reset();
  EXPECT_EQ(rig.driver.read64(offsetof(Registers, cmbmsc)), kBase | kOn);
  rig.start();
  rig.put(kBase, pattern(512, 1));
  EXPECT_EQ(rig.status(cmd::write(0, 1), kBase), Status::kSuccess);
  rig.driver.disable();
  ASSERT_EQ(nvmev_dev_power_cut(rig.device.get(), 1, nullptr), 0);
  reset();
  EXPECT_EQ(rig.driver.read64(offsetof(Registers, cmbmsc)), 0u);
  rig.start();
  EXPECT_EQ(rig.status(cmd::read(0, 1), kBase), Status::kDataTransferError);
}

TEST_F(Cmb, DataThereAndElsewhere) {
  const std::vector<u8> data = pattern(8192, 3);
  rig_.put(kBase + 3 * kPageSize, data);
  EXPECT_EQ(rig_.status(cmd::write(40, 16), kBase + 3 * kPageSize, kBase + 4 * kPageSize), Status::kSuccess);
  EXPECT_EQ(driver().read(40, 16).bytes, data);
  // The first page in memory, the second in the buffer (CDMMMS).
  const u64 page = arena().alloc();
  EXPECT_EQ(rig_.status(cmd::read(40, 16), page, kBase + 9 * kPageSize), Status::kSuccess);
  EXPECT_EQ(rig_.get(page, kPageSize), std::vector<u8>(data.begin(), data.begin() + kPageSize));
  EXPECT_EQ(rig_.get(kBase + 9 * kPageSize, kPageSize), std::vector<u8>(data.begin() + kPageSize, data.end()));
  // Of admin commands.
  EXPECT_EQ(driver().admin(cmd::identify(nvme::Cns::kController, 0, kBase + 20 * kPageSize)).status, Status::kSuccess);
  EXPECT_EQ(rig_.get(kBase + 20 * kPageSize, kPageSize), driver().identify(nvme::Cns::kController).bytes);
  arena().free(page);
}

TEST_F(Cmb, Lists) {
  const std::vector<u8> data = pattern(64 << 10, 5);
  rig_.put(kBase + 16 * kPageSize, data);
  for (u64 i = 0; i < 15; i++) {
    const u64 entry = kBase + (17 + i) * kPageSize;
    std::memcpy(arena().at(kBase + i * 8), &entry, 8);
  }
  EXPECT_EQ(rig_.status(cmd::write(0, 128), kBase + 16 * kPageSize, kBase), Status::kSuccess);
  EXPECT_EQ(driver().read(0, 128).bytes, data);
  // An SGL whose segment is there, and its blocks here and there (CDPMLS).
  const u64 page = arena().alloc();
  const nvme::SglDescriptor blocks[] = {data_block(kBase + 40 * kPageSize + 100, 700), data_block(page + 12, 324)};
  std::memcpy(arena().at(kBase + 128), blocks, sizeof(blocks));
  const nvme::Sqe read = with_sgl(cmd::read(0, 2), sgl(nvme::SglType::kLastSegment, kBase + 128, sizeof(blocks)));
  EXPECT_EQ(rig_.io(read).status, Status::kSuccess);
  EXPECT_EQ(rig_.get(kBase + 40 * kPageSize + 100, 700), std::vector<u8>(data.begin(), data.begin() + 700));
  EXPECT_EQ(rig_.get(page + 12, 324), std::vector<u8>(data.begin() + 700, data.begin() + 1024));
  arena().free(page);
}

TEST_F(Cmb, Queues) {
  ASSERT_TRUE(driver().create_cq_at(kBase + 60 * kPageSize, 2, 256, 2).ok()) << "the last pages but three";
  ASSERT_TRUE(driver().create_sq_at(kBase + 2 * kPageSize, 2, 128, 2).ok());
  for (u64 i = 0; i < 600; i++) {
    ASSERT_TRUE(driver().write(i, pattern(512, i), 2).ok());
    ASSERT_EQ(driver().read(i, 1, 2).bytes, pattern(512, i));
  }
  EXPECT_TRUE(driver().delete_sq(2).ok());
  EXPECT_TRUE(driver().delete_cq(2).ok());
}

TEST(CmbQueues, AdminQueuesToo) {
  MemoryRig rig({{"cmb", "256K"}});
  const auto enable = [&](u64 asq, u64 acq) {
    rig.driver.write32(offsetof(Registers, aqa), 127u << 16 | 127u);
    rig.driver.write64(offsetof(Registers, asq), asq);
    rig.driver.write64(offsetof(Registers, acq), acq);
    // No pass between the two: what was written before CC.EN holds.
    rig.write_cmbmsc(kBase | kOn);
    rig.driver.write32(offsetof(Registers, cc), 6u << 16 | 4u << 20 | 1);
    rig.runner.run_for(1'000'000);
    return rig.driver.csts() & 3;
  };
  EXPECT_EQ(enable(kBase, kBase + 8 * kPageSize), nvme::csts::kReady);
  nvme::Sqe sqe = cmd::identify(nvme::Cns::kController, 0, kBase + 32 * kPageSize);
  rig.put(kBase, std::vector<u8>(reinterpret_cast<u8*>(&sqe), reinterpret_cast<u8*>(&sqe + 1)));
  rig.driver.write_sq_doorbell(0, 1);
  rig.runner.run_for(1'000'000);
  nvme::Cqe cqe;
  std::memcpy(&cqe, rig.host.arena.at(kBase + 8 * kPageSize), sizeof(cqe));
  EXPECT_EQ(cqe.phase_status, 1u) << "success, phase 1";
  EXPECT_EQ(rig.get(kBase + 32 * kPageSize, 2), (std::vector<u8>{0x51, 0x0c})) << "VID";
  rig.driver.disable();
  EXPECT_EQ(enable(kEnd - kPageSize, kBase), nvme::csts::kFatal) << "ASQ of two pages at its end";
  rig.driver.disable();
}

TEST_F(Cmb, QueueThatIsNotAllOfItThere) {
  // CMBLOC.CQMMS is 0.
  EXPECT_EQ(driver().create_cq_at(kEnd - kPageSize, 3, 512, 3).status, Status::kInvalidUseOfCmb);
  EXPECT_EQ(driver().create_cq_at(kBase - kPageSize, 3, 512, 3).status, Status::kInvalidUseOfCmb)
      << "ends in the buffer; what is before it is no memory";
  ASSERT_TRUE(driver().create_cq_at(kEnd - kPageSize, 3, 256, 3).ok());
  EXPECT_EQ(driver().create_sq_at(kEnd - kPageSize, 3, 128, 3).status, Status::kInvalidUseOfCmb);
  EXPECT_EQ(driver().create_sq_at(kEnd, 3, 64, 3).status, Status::kInvalidField) << "nothing is there";
  ASSERT_TRUE(driver().create_sq_at(kEnd - 2 * kPageSize, 3, 64, 3).ok());
  EXPECT_TRUE(driver().write(0, pattern(512, 1), 3).ok());
}

TEST_F(Cmb, DataBeyondItsEnd) {
  ASSERT_TRUE(driver().write(8, pattern(1024, 1)).ok());
  std::memset(rig_.device.cmb(), 0xee, MemoryRig::kSize);
  const std::vector<u8> before = rig_.get(kEnd - kPageSize, kPageSize);
  EXPECT_EQ(rig_.status(cmd::read(8, 8), kEnd), Status::kDataTransferError);
  // A block of an SGL that begins in the buffer and goes on where nothing is: no byte of it is moved.
  EXPECT_EQ(rig_.io(with_sgl(cmd::read(8, 2), data_block(kEnd - 512, 1024))).status, Status::kDataTransferError);
  EXPECT_EQ(rig_.io(with_sgl(cmd::read(8, 2), data_block(kBase - 512, 1024))).status, Status::kDataTransferError);
  EXPECT_EQ(rig_.get(kEnd - kPageSize, kPageSize), before);
  EXPECT_EQ(rig_.io(with_sgl(cmd::read(8, 2), data_block(kEnd - 1024, 1024))).status, Status::kSuccess);
  EXPECT_EQ(rig_.get(kEnd - 1024, 1024), pattern(1024, 1));
}

TEST_F(Cmb, BaseAddressMoves) {
  ASSERT_TRUE(driver().write(0, pattern(512, 7)).ok());
  constexpr u64 kElsewhere = 0x70'0000'1000;
  // The doorbell of the next command is behind the write of CMBMSC, which holds for it.
  rig_.write_cmbmsc(kElsewhere | kOn);
  EXPECT_EQ(rig_.status(cmd::read(0, 1), kElsewhere + 8192), Status::kSuccess);
  EXPECT_EQ(rig_.get(kBase + 8192, 512), pattern(512, 7)) << "the same memory";
  EXPECT_EQ(rig_.status(cmd::read(0, 1), kBase), Status::kDataTransferError);
  rig_.write_cmbmsc(kElsewhere | space::kCapabilities);
  EXPECT_EQ(rig_.status(cmd::read(0, 1), kElsewhere), Status::kDataTransferError) << "CMSE cleared";
  rig_.write_cmbmsc(kElsewhere | space::kEnable);
  EXPECT_EQ(rig_.status(cmd::read(0, 1), kElsewhere), Status::kDataTransferError) << "CRE cleared";
}

TEST_F(Cmb, AddressesBelongToItWhileItIsEnabledOnly) {
  // In the midst of the requester's own memory.
  const u64 page = arena().alloc(64);
  ASSERT_TRUE(driver().write(0, pattern(512, 9)).ok());
  rig_.write_cmbmsc(page | kOn);
  EXPECT_EQ(rig_.status(cmd::read(0, 1), page + kPageSize), Status::kSuccess);
  EXPECT_EQ(rig_.get(page + kPageSize, 512), std::vector<u8>(512, 0));
  EXPECT_EQ(rig_.get(kBase + kPageSize, 512), pattern(512, 9));
  rig_.write_cmbmsc(0);
  EXPECT_EQ(rig_.status(cmd::read(0, 1), page + kPageSize), Status::kSuccess);
  EXPECT_EQ(rig_.get(page + kPageSize, 512), pattern(512, 9));
  arena().free(page, 64);
}

TEST_F(Cmb, QueuesThereGoOnWhenItIsDisabled) {
  // What the host does is wrong; what the device does is bounded by the buffer.
  ASSERT_TRUE(driver().create_cq_at(kBase, 2, 64, 2).ok());
  ASSERT_TRUE(driver().create_sq_at(kBase + kPageSize, 2, 64, 2).ok());
  rig_.place_cmb(0);
  EXPECT_TRUE(driver().write(0, pattern(512, 1), 2).ok());
  driver().disable();
  EXPECT_EQ(rig_.runner.fault(), "");
}

TEST_F(Cmb, MetadataThere) {
  nvme::Sqe format = cmd::admin(nvme::AdminOpcode::kFormatNvm, 1);
  bool found = false;
  const std::vector<u8> id = driver().identify(nvme::Cns::kNamespace, 1).bytes;
  for (u32 i = 0; i <= id[25] && !found; i++) {
    if (id[128 + 4 * i] != 8 || id[128 + 4 * i + 1] != 0 || id[128 + 4 * i + 2] != 9) continue;
    format.cdw10 = i;
    found = true;
  }
  ASSERT_TRUE(found) << "a format of 512 bytes with 8 of metadata";
  ASSERT_TRUE(driver().admin(format).ok());
  rig_.put(kBase + 256, pattern(8, 21));
  const u64 page = arena().alloc();
  nvme::Sqe write = cmd::write(0, 1), read = cmd::read(0, 1);
  write.mptr = kBase + 256;
  read.mptr = kBase + 512;
  EXPECT_EQ(rig_.status(write, page), Status::kSuccess);
  EXPECT_EQ(rig_.status(read, page), Status::kSuccess);
  EXPECT_EQ(rig_.get(kBase + 512, 8), pattern(8, 21));
  read.mptr = kEnd - 4;
  EXPECT_EQ(rig_.status(read, page), Status::kDataTransferError);
  arena().free(page);
}

TEST_F(Cmb, ShadowDoorbellsThere) {
  nvme::Sqe sqe = cmd::doorbell_buffers(kBase, kBase + kPageSize);
  EXPECT_TRUE(driver().admin(sqe).ok());
  driver().queue(1, cmd::read(0, 0));
  const u32 tail = 1;
  nvme::Sqe read = cmd::read(0, 1);
  read.prp1 = kBase + 8 * kPageSize;
  read.cid = 77;
  std::memcpy(arena().at(driver().sq(1).bus), &read, sizeof(read));
  std::memcpy(arena().at(kBase + 8), &tail, 4);
  rig_.runner.run_for(1'000'000);
  EXPECT_EQ(driver().wait(1, 77).status, Status::kSuccess);
}

TEST(CmbConfiguration, WhatIsRefused) {
  const auto refusal = [](const Settings& settings) -> std::string {
    nvmev_config config;
    nvmev_config_init(&config);
    config.capacity = 64ull << 20;
    nvmev_error error{};
    for (const auto& [key, value] : settings) {
      if (nvmev_config_set(&config, key.c_str(), value.c_str(), &error) != 0) return error.text;
    }
    return nvmev_config_check(&config, &error) != 0 ? error.text : "";
  };
  EXPECT_EQ(refusal({{"cmb", "0"}}), "");
  EXPECT_EQ(refusal({{"cmb", "64K"}}), "");
  EXPECT_EQ(refusal({{"cmb", "1G"}}), "");
  EXPECT_EQ(refusal({{"cmb", "32K"}}), "cmb=32768 is out of range: 0 or 65536 to 1073741824 is right");
  EXPECT_EQ(refusal({{"pmr", "2G"}}).substr(0, 22), "pmr=2G is out of range");
  EXPECT_EQ(refusal({{"cmb", "3M"}}), "cmb=3M: a power of two is right");
  EXPECT_EQ(refusal({{"cmb", "2M"}, {"pmr", "2M"}, {"controllers", "2"}}), "");

  TestHost host;
  nvmev_config config = make_config({{"cmb", "64K"}});
  alignas(kPageSize) static u8 bar[NVMEV_BAR_SIZE];
  nvmev_error error{};
  nvmev_dev* dev;
  EXPECT_NE(nvmev_dev_create(&config, &host, bar, &dev, &error), 0);
  EXPECT_STREQ(error.text, "cmb=65536, pmr=0: this host has no memory for them");
}

}  // namespace
}  // namespace nvmev::test
