// SPDX-License-Identifier: GPL-2.0-only
// An open-channel SSD 1.2 through the controller: geometry, tables, vector commands with plane modes, hybrid writes.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "host/bytes.h"
#include "host/open_channel.h"

namespace nvmev::test {
namespace {

using nvme::Status;

// 2 channels of 3 LUNs, 2 planes, blocks of 5 pages of 2 sectors.
Settings small(std::initializer_list<Settings::Pair> more = {}) {
  Settings settings{{"type", "ocssd"}, {"lver", "1"},     {"capacity", "8M"},     {"lnum_ch", "2"},
                    {"lnum_lun", "3"}, {"lnum_pln", "2"}, {"lsecs_per_pg", "2"}, {"lpgs_per_blk", "5"}};
  for (const auto& [key, value] : more) settings.add(key, value);
  return settings;
}

// Sector of the page 1 bit, plane 1 bit, page 3 bits, block, LUN 2 bits, channel.
constexpr u32 kBlockBits = 4;

struct Place {
  u32 ch, lun, blk, pg, pln, sec;
  u64 address() const {
    return static_cast<u64>(ch) << (7 + kBlockBits) | lun << (5 + kBlockBits) | blk << 5 | pg << 2 | pln << 1 | sec;
  }
};

// A page of both planes, in the order sector, plane.
Addresses row(u32 ch, u32 lun, u32 blk, u32 pg) {
  Addresses list;
  for (u32 pln = 0; pln < 2; pln++) {
    for (u32 sec = 0; sec < 2; sec++) list.push_back(Place{ch, lun, blk, pg, pln, sec}.address());
  }
  return list;
}

class Ocssd12 : public testing::Test {
 protected:
  explicit Ocssd12(const Settings& settings = small()) : rig(settings), ssd(rig) { rig.start(); }

  OpenChannelDriver::Result write(const Addresses& to, u64 tag, u16 mode = 1, u8 opcode = nvme::kVectorWrite,
                                  u64 logical = 0) {
    std::vector<u8> data, metadata;
    for (size_t i = 0; i < to.size(); i++) {
      OpenChannelDriver::append(data, ssd.data_of(tag + i));
      OpenChannelDriver::append(metadata, ssd.metadata_of(tag + i));
    }
    return ssd.write(to, data, metadata, mode, opcode, logical);
  }
  void expect_tag(const std::vector<u8>& data, size_t i, u64 tag) {
    const std::vector<u8> expected = tag == 0 ? std::vector<u8>(4096) : ssd.data_of(tag);
    EXPECT_EQ(std::memcmp(&data[i * 4096], expected.data(), 4096), 0) << "sector " << i;
  }
  std::vector<u8> table(u32 ch, u32 lun) {
    const u64 address = Place{ch, lun, 0, 0, 0, 0}.address();
    const auto result = ssd.admin(nvme::kGetBadBlockTable, static_cast<u32>(address), 0, 0, 0,
                                  std::vector<u8>(64 + blocks() * 2, 0xee));
    EXPECT_TRUE(result.ok());
    return result.data;
  }
  OpenChannelDriver::Result set_types(const Addresses& list, u8 type) {
    DmaBuffer buffer(rig.driver.arena(), list.size() * 8);
    std::vector<u8> bytes(list.size() * 8);
    std::memcpy(bytes.data(), list.data(), bytes.size());
    buffer.write(bytes);
    const u64 field = list.size() == 1 ? list[0] : buffer.bus();
    return ssd.admin(nvme::kSetBadBlockTable, static_cast<u32>(field), static_cast<u32>(field >> 32),
                     static_cast<u32>(list.size() - 1) | static_cast<u32>(type) << 16, 0, {});
  }
  std::vector<u64> mapping(u32 slba, u32 count) {
    const auto result = ssd.admin(nvme::kGetL2pTable, slba, 0, count, 0, std::vector<u8>(count * 8, 0xee));
    EXPECT_TRUE(result.ok());
    std::vector<u64> list(count);
    std::memcpy(list.data(), result.data.data(), count * 8);
    return list;
  }
  u32 blocks() { return static_cast<u32>(le(ssd.geometry(), 256 + 8, 2)); }

  Rig rig;
  OpenChannelDriver ssd;
};

class WithoutMap : public Ocssd12 {
 protected:
  WithoutMap() : Ocssd12(small({{"lreadl2ptbl", "0"}})) {}
};

TEST_F(WithoutMap, FormatForgetsWhatWasWritten) {
  ASSERT_TRUE(write(row(0, 0, 0, 0), 1).ok());
  ASSERT_TRUE(rig.admin(cmd::format(1, 3)).ok());
  EXPECT_EQ(ssd.read(row(0, 0, 0, 0)).status(), Status::kEmptyPage);
  EXPECT_TRUE(write(row(0, 0, 0, 0), 2).ok());
}

TEST_F(Ocssd12, Geometry) {
  const std::vector<u8> id = ssd.geometry();
  EXPECT_EQ(id[0], 1) << "version";
  EXPECT_EQ(id[2], 1) << "configuration groups";
  EXPECT_EQ(le(id, 4, 4), 3u) << "CAP";
  EXPECT_EQ(le(id, 8, 4), 0u) << "DOM: the host maps";
  const u8 format[] = {11, 1, 9, 2, 1, 1, 5, 4, 2, 3, 0, 1};  // ch, lun, pln, blk, pg, sec: offset, length
  EXPECT_EQ(std::memcmp(&id[12], format, 12), 0);
  EXPECT_EQ(id[256 + 0], 0) << "MTYPE";
  EXPECT_EQ(id[256 + 4], 2);
  EXPECT_EQ(id[256 + 5], 3);
  EXPECT_EQ(id[256 + 6], 2);
  EXPECT_EQ(le(id, 256 + 8, 2), 16u) << "what 8 MiB hold";
  EXPECT_EQ(le(id, 256 + 10, 2), 5u) << "pages";
  EXPECT_EQ(le(id, 256 + 12, 2), 8192u) << "FPG_SZ";
  EXPECT_EQ(le(id, 256 + 14, 2), 4096u) << "CSECS";
  EXPECT_EQ(le(id, 256 + 16, 2), 16u) << "SOS";
  const u32 times[] = {70000, 100000, 1900000, 3500000, 3000000, 3000000};
  EXPECT_EQ(std::memcmp(&id[256 + 20], times, sizeof(times)), 0);
  EXPECT_EQ(le(id, 256 + 44, 4), 0x20202u) << "MPOS: dual plane";
  EXPECT_EQ(le(id, 256 + 48, 4), 1u) << "MCCAP";
}

TEST(Ocssd12Shape, DefaultsAndPlanes) {
  Rig rig({{"type", "ocssd"}, {"lver", "1"}, {"capacity", "64M"}, {"lnum_pln", "4"}, {"lfmtype", "1"}});
  rig.start();
  OpenChannelDriver ssd(rig);
  const std::vector<u8> id = ssd.geometry();
  EXPECT_EQ(id[256 + 4], 1);
  EXPECT_EQ(id[256 + 5], 1);
  EXPECT_EQ(le(id, 256 + 10, 2), 256u);
  EXPECT_EQ(le(id, 256 + 12, 2), 4096u);
  EXPECT_EQ(le(id, 256 + 44, 4), 0x40404u);
  EXPECT_EQ(le(id, 256 + 72, 2), 128u) << "lower pages";
  EXPECT_EQ(rig.driver.identify(nvme::Cns::kNamespace, 1).bytes[384], 1);
}

class Ocssd12Bad : public Ocssd12 {
 protected:
  Ocssd12Bad() : Ocssd12(small({{"lbbtable", "*/*/0/*/host+0/1/3/0/bad+1/2/5/*/grown+1/2/5/1/device"}})) {}
};

TEST_F(Ocssd12Bad, TheTableAtAttach) {
  for (u32 lun = 0; lun < 6; lun++) {
    const std::vector<u8> bytes = table(lun / 3, lun % 3);
    for (u32 i = 0; i < 2 * blocks(); i++) {
      u8 expected = i < 2 ? nvme::block_type::kHostReserved : 0;
      if (lun == 1 && i == 6) expected = nvme::block_type::kBad;
      if (lun == 5 && i == 10) expected = nvme::block_type::kGrownBad;
      if (lun == 5 && i == 11) expected = nvme::block_type::kDeviceReserved;
      EXPECT_EQ(bytes[64 + i], expected) << lun << " " << i;
    }
  }
  EXPECT_EQ(le(table(0, 1), 16, 4), 1u) << "bad from the factory";
  EXPECT_FALSE(write(row(0, 1, 3, 0), 1).ok());
  EXPECT_TRUE(write(row(0, 1, 4, 0), 1).ok());
}

TEST(Ocssd12Table, WhatIsNoTableIsRefused) {
  for (const char* text : {"x", "0/0/0", "0/0/0/0", "0/0/0/0/", "0/0/0/0/worse", "0/0/0/0/bad/1", "0/0/0/0/bad+", "-1/0/0/0/bad"}) {
    nvmev_config config = make_config(small());
    nvmev_error error{};
    ASSERT_EQ(nvmev_config_set(&config, "lbbtable", text, &error), 0);
    const bool trailing = std::string(text).back() == '+';
    EXPECT_EQ(nvmev_config_check(&config, &error) == 0, trailing) << text;
    if (trailing) continue;
    EXPECT_NE(std::string(error.text).find("channel/LUN/block/plane/type"), std::string::npos) << error.text;
  }
}

TEST_F(Ocssd12, AProtectedNamespaceKeepsItsBlocks) {
  ASSERT_TRUE(write(row(1, 2, 3, 0), 10).ok());
  const std::vector<u64> map = mapping(0, 16);
  ASSERT_TRUE(ssd.set_feature(0x84, 1).ok());
  EXPECT_EQ(write(row(1, 2, 3, 1), 20).status(), Status::kNamespaceWriteProtected);
  EXPECT_EQ(write(row(1, 2, 3, 1), 20, 1, nvme::kHybridWrite, 0).status(), Status::kNamespaceWriteProtected);
  EXPECT_EQ(ssd.erase({Place{1, 2, 3, 0, 0, 0}.address()}, 1).status(), Status::kNamespaceWriteProtected);
  EXPECT_TRUE(rig.io(cmd::flush()).ok());
  const OpenChannelDriver::Result result = ssd.read(row(1, 2, 3, 0), true, 1);
  ASSERT_TRUE(result.ok());
  expect_tag(result.data, 0, 10);
  EXPECT_EQ(mapping(0, 16), map);
}

TEST_F(Ocssd12, DataAndMetadataComeBack) {
  ASSERT_TRUE(write(row(1, 2, 3, 0), 10).ok());
  ASSERT_TRUE(write(row(1, 2, 3, 1) + row(0, 0, 3, 4), 20).ok()) << "two LUNs in one command";
  Addresses list = row(1, 2, 3, 1);
  list.push_back(Place{0, 0, 3, 4, 1, 1}.address());
  list.push_back(Place{1, 2, 3, 0, 0, 1}.address());
  const auto read = ssd.read(list);
  ASSERT_TRUE(read.ok());
  const u64 tags[] = {20, 21, 22, 23, 27, 11};
  for (u32 i = 0; i < 6; i++) {
    expect_tag(read.data, i, tags[i]);
    EXPECT_EQ(std::memcmp(&read.metadata[i * 16], ssd.metadata_of(tags[i]).data(), 16), 0) << i;
  }
}

TEST_F(Ocssd12, ChecksOfWrites) {
  ASSERT_TRUE(write(row(0, 0, 0, 0), 1).ok());
  const struct {
    const char* what;
    Addresses to;
    u16 mode;
    Status status;
    u64 failed;
  } cases[] = {
      {"less than a page of all planes", {row(0, 0, 0, 1)[0], row(0, 0, 0, 1)[1]}, 1, Status::kInvalidField, 0b11},
      {"full sectors", row(0, 0, 0, 1) + row(0, 0, 0, 0), 1, Status::kInvalidField, 0xf0},
      {"the same one twice",
       {row(0, 0, 0, 1)[0], row(0, 0, 0, 1)[0], row(0, 0, 0, 1)[1], row(0, 0, 0, 1)[2]},
       1, Status::kInvalidField, 0b10},
      {"quad plane", row(0, 0, 0, 1), 2, Status::kInvalidField, 0},
      {"no such mode", row(0, 0, 0, 1), 3, Status::kInvalidField, 0},
      {"no such LUN", row(0, 0, 0, 1) + row(0, 3, 0, 0), 1, Status::kLbaOutOfRange, 0xf0},
      {"no such page", row(0, 0, 0, 1) + row(0, 0, 0, 5), 1, Status::kLbaOutOfRange, 0xf0},
      {"no such channel", row(0, 0, 0, 1) + row(2, 0, 0, 0), 1, Status::kLbaOutOfRange, 0xf0},
  };
  const u64 before = nvmev_dev_state_hash(rig.device.get());
  for (const auto& c : cases) {
    const auto result = write(c.to, 50, c.mode);
    EXPECT_EQ(result.status(), c.status) << c.what;
    EXPECT_EQ(result.failed, c.failed) << c.what;
    EXPECT_TRUE(result.completion.dnr) << "4002h has DNR";
  }
  EXPECT_EQ(nvmev_dev_state_hash(rig.device.get()), before);
  EXPECT_TRUE(write(row(0, 0, 0, 1), 5, 0x301).ok()) << "suspension, SLC and scrambling change nothing";
}

class FewSectors : public Ocssd12 {
 protected:
  FewSectors() : Ocssd12(small({{"lmax_sec_per_rq", "8"}, {"lreadl2ptbl", "0"}})) {}
};

TEST_F(FewSectors, LimitAndNoMap) {
  EXPECT_TRUE(write(row(0, 0, 0, 0) + row(0, 1, 0, 0), 1).ok());
  EXPECT_EQ(write(row(0, 0, 0, 1) + row(0, 1, 0, 1) + row(0, 2, 0, 1), 1).status(), Status::kInvalidField);
  EXPECT_EQ(write(row(0, 0, 0, 1), 1, 1, nvme::kHybridWrite).status(), Status::kInvalidOpcode);
  EXPECT_EQ(ssd.admin(nvme::kGetL2pTable, 0, 0, 1, 0, std::vector<u8>(8)).status(), Status::kInvalidOpcode);
  EXPECT_EQ(ssd.scalar(nvme::NvmOpcode::kRead, 0, 4, {}).data, std::vector<u8>(4 * 4096));
}

TEST_F(Ocssd12, EmptyPages) {
  ASSERT_TRUE(write(row(0, 1, 2, 0), 1).ok());
  Addresses list = row(0, 1, 2, 0);
  list.insert(list.begin() + 2, Place{0, 1, 2, 3, 0, 0}.address());
  const auto read = ssd.read(list);
  EXPECT_EQ(static_cast<u32>(read.status()), 0x2ffu);
  EXPECT_TRUE(read.completion.dnr) << "42FFh";
  EXPECT_EQ(read.failed, 0b11100u) << "from there on";
  EXPECT_EQ(read.data, std::vector<u8>(5 * 4096, 0xee)) << "no data moves";
  EXPECT_EQ(ssd.read({Place{0, 3, 0, 0, 0, 0}.address()}).status(), Status::kLbaOutOfRange);
  EXPECT_EQ(ssd.read({0}, true, 2).status(), Status::kInvalidField) << "quad plane";
}

TEST_F(Ocssd12, EraseByPlanes) {
  ASSERT_TRUE(write(row(0, 0, 1, 0) + row(0, 0, 1, 1), 1).ok());
  ASSERT_TRUE(ssd.erase({Place{0, 0, 1, 0, 1, 0}.address()}, 0).ok()) << "the block of plane 1";
  EXPECT_TRUE(ssd.read({Place{0, 0, 1, 1, 0, 1}.address()}).ok());
  EXPECT_EQ(ssd.read({Place{0, 0, 1, 1, 1, 1}.address()}).status(), Status::kEmptyPage);
  ASSERT_TRUE(ssd.erase({Place{0, 0, 1, 0, 0, 0}.address()}, 1).ok()) << "of both planes";
  EXPECT_EQ(ssd.read({Place{0, 0, 1, 1, 0, 1}.address()}).status(), Status::kEmptyPage);
  EXPECT_TRUE(write(row(0, 0, 1, 0), 9).ok());
  EXPECT_EQ(ssd.erase({0}, 2).status(), Status::kInvalidField) << "quad plane";
  const auto missing = ssd.erase({0, Place{0, 3, 0, 0, 0, 0}.address()});
  EXPECT_EQ(missing.status(), Status::kLbaOutOfRange);
  EXPECT_EQ(missing.failed, 0b10u);
}

TEST_F(Ocssd12, BadBlockTable) {
  std::vector<u8> bbt = table(1, 1);
  EXPECT_EQ(std::memcmp(bbt.data(), "BBLT", 4), 0);
  EXPECT_EQ(le(bbt, 4, 2), 1u);
  EXPECT_EQ(le(bbt, 12, 4), blocks() * 2);
  EXPECT_EQ(std::count(bbt.begin() + 64, bbt.end(), 0), blocks() * 2);
  const Addresses list = {Place{1, 1, 2, 0, 0, 0}.address(), Place{1, 1, 3, 0, 1, 0}.address()};
  ASSERT_TRUE(set_types(list, 2).ok());
  ASSERT_TRUE(set_types({Place{1, 1, 5, 0, 0, 0}.address()}, 8).ok());
  bbt = table(1, 1);
  EXPECT_EQ(bbt[64 + 2 * 2 + 0], 2) << "block 2 of plane 0";
  EXPECT_EQ(bbt[64 + 3 * 2 + 1], 2) << "block 3 of plane 1";
  EXPECT_EQ(bbt[64 + 5 * 2 + 0], 8);
  EXPECT_EQ(le(bbt, 20, 4), 2u) << "TGROWN";
  EXPECT_EQ(le(bbt, 28, 4), 1u) << "THRESV";
  EXPECT_EQ(std::count(bbt.begin() + 64, bbt.end(), 0), blocks() * 2 - 3);
  EXPECT_EQ(le(table(1, 0), 20, 4), 0u) << "another LUN";
  const auto erased = ssd.erase({0, list[1]});
  EXPECT_EQ(erased.status(), Status::kInvalidField) << "a bad block";
  EXPECT_EQ(erased.failed, 0b10u);
  EXPECT_TRUE(ssd.erase({Place{1, 1, 3, 0, 0, 0}.address()}, 0).ok()) << "its other plane";
  EXPECT_EQ(write(row(1, 1, 3, 0), 1).failed, 0b1100u);
  ASSERT_TRUE(set_types(list, 0).ok());
  EXPECT_TRUE(ssd.erase({list[1]}, 1).ok());
  EXPECT_EQ(set_types({0}, 3).status(), Status::kInvalidField);
  EXPECT_EQ(set_types({0}, 16).status(), Status::kInvalidField);
  EXPECT_EQ(set_types({0, Place{0, 3, 0, 0, 0, 0}.address()}, 1).status(), Status::kLbaOutOfRange);
  EXPECT_EQ(le(table(0, 0), 16, 4), 0u) << "all or none";
  EXPECT_EQ(ssd.admin(nvme::kGetBadBlockTable, static_cast<u32>(Place{0, 3, 0, 0, 0, 0}.address()), 0, 0, 0,
                      std::vector<u8>(4096)).status(),
            Status::kLbaOutOfRange);
}

TEST(Ocssd12Shape, BlocksThatAreBadAtBirth) {
  Rig rig(small({{"bad_blocks", "20"}}));
  rig.start();
  OpenChannelDriver ssd(rig);
  u32 bad = 0;
  for (u32 lun = 0; lun < 3; lun++) {
    const auto result = ssd.admin(nvme::kGetBadBlockTable, static_cast<u32>(Place{0, lun, 0, 0, 0, 0}.address()), 0, 0, 0,
                                  std::vector<u8>(64 + 32));
    bad += static_cast<u32>(le(result.data, 16, 4));
  }
  EXPECT_GT(bad, 5u);
  EXPECT_LT(bad, 50u);
}

TEST_F(Ocssd12, HybridWritesFillTheMap) {
  EXPECT_EQ(mapping(0, 4), std::vector<u64>(4, ~0ull));
  const Addresses to = row(1, 0, 4, 0);
  ASSERT_TRUE(write(to, 30, 1, nvme::kHybridWrite, 17).ok());
  EXPECT_EQ(mapping(17, 4), to);
  EXPECT_EQ(mapping(16, 1), std::vector<u64>{~0ull});
  auto read = ssd.scalar(nvme::NvmOpcode::kRead, 16, 6, {});
  ASSERT_TRUE(read.ok());
  for (u32 i = 0; i < 6; i++) expect_tag(read.data, i, i == 0 || i == 5 ? 0 : 29 + i);
  ASSERT_TRUE(write(row(1, 0, 4, 1), 40, 1, nvme::kHybridWrite, 18).ok()) << "over it";
  read = ssd.scalar(nvme::NvmOpcode::kRead, 17, 2, {});
  expect_tag(read.data, 0, 30);
  expect_tag(read.data, 1, 40);
  ASSERT_TRUE(ssd.erase({to[0]}, 1).ok());
  read = ssd.scalar(nvme::NvmOpcode::kRead, 17, 2, {});
  expect_tag(read.data, 0, 0);
  const u64 last = rig.driver.identify(nvme::Cns::kNamespace, 1).bytes.size() != 0
                       ? le(rig.driver.identify(nvme::Cns::kNamespace, 1).bytes, 0, 8)
                       : 0;
  EXPECT_EQ(write(row(0, 0, 9, 0), 1, 1, nvme::kHybridWrite, last - 3).status(), Status::kLbaOutOfRange);
  EXPECT_EQ(ssd.admin(nvme::kGetL2pTable, static_cast<u32>(last), 0, 1, 0, std::vector<u8>(8)).status(),
            Status::kLbaOutOfRange);
  EXPECT_EQ(ssd.admin(nvme::kGetL2pTable, 0, 0, 0, 0, std::vector<u8>(8)).status(), Status::kInvalidField);
}

TEST_F(Ocssd12, HasNothingOf20) {
  EXPECT_EQ(ssd.copy({0}, {1}).status(), Status::kInvalidOpcode);
  EXPECT_EQ(ssd.scalar(nvme::NvmOpcode::kWrite, 0, 1, std::vector<u8>(4096)).status(), Status::kInvalidOpcode);
  EXPECT_EQ(ssd.log(0xca, 32).status(), Status::kInvalidLogPage);
  EXPECT_EQ(ssd.set_feature(5, 1u << 16).status(), Status::kInvalidField) << "DULBE";
  EXPECT_EQ(ssd.admin(nvme::kSetChunkInformation, 0xca, 0, 0, 0, std::vector<u8>(32)).status(), Status::kInvalidOpcode);
}

TEST(Ocssd12Shape, BothVersionsInOneDevice) {
  Rig rig({{"namespaces", "ocssd:8M:lver=1:lsecs_per_pg=2:lnum_pln=2:lpgs_per_blk=8,ocssd:48M:num_pu=2:num_grp=4"},
           {"capacity", "56M"}});
  rig.start();
  OpenChannelDriver one(rig, 1), two(rig, 2);
  EXPECT_EQ(one.geometry()[0], 1);
  EXPECT_EQ(two.geometry()[0], 2);
  EXPECT_EQ(two.admin(nvme::kGetBadBlockTable, 0, 0, 0, 0, std::vector<u8>(4096)).status(),
            Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(one.log(0xca, 32).status(), Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(one.copy({0}, {1}).status(), Status::kInvalidOpcode);
  EXPECT_TRUE(two.log(0xca, 32).ok());
}

class WriteErrors : public Ocssd12 {
 protected:
  WriteErrors() : Ocssd12(small({{"lb_err_write", "10"}, {"ln_err_write", "3"}})) {}
};

TEST_F(WriteErrors, ComeAfterSoManySectors) {
  ASSERT_TRUE(write(row(0, 0, 0, 0) + row(0, 0, 0, 1), 1).ok()) << "8 sectors";
  const auto result = write(row(0, 0, 0, 2) + row(0, 0, 0, 3), 9);
  EXPECT_EQ(static_cast<u32>(result.status()), 0x0ffu);
  EXPECT_TRUE(result.completion.dnr) << "40FFh";
  EXPECT_EQ(result.failed, 0b00011100u) << "three, from the eleventh sector on";
  EXPECT_EQ(ssd.read({row(0, 0, 0, 2)[2]}).status(), Status::kEmptyPage);
  const auto read = ssd.read({row(0, 0, 0, 2)[1], row(0, 0, 0, 3)[1]});
  ASSERT_TRUE(read.ok()) << "the others are written";
  expect_tag(read.data, 0, 10);
  expect_tag(read.data, 1, 14);
  EXPECT_TRUE(write(row(0, 0, 0, 4), 50).ok()) << "and then the count begins anew";
  EXPECT_EQ(write(row(0, 0, 1, 0), 60).failed, 0b1000u);
}

// ---- Against a plain model -------------------------------------------------------------------------------------------

TEST_F(Ocssd12, RandomCommandsBehaveAsThePlainModel) {
  std::map<u64, u64> tags;     // by address: what is written
  std::map<u64, u64> logical;  // by logical block: the address
  std::map<u64, u8> types;     // by address of sector 0, page 0
  std::map<Status, u32> seen;
  std::mt19937 random(3);
  const auto below = [&](u32 limit) { return static_cast<u32>(random() % limit); };
  const auto block_of = [](u64 address) { return address & ~u64{0x1d}; };
  const auto bad = [&](u64 address) { return (types[block_of(address)] & 7) != 0; };
  u64 tag = 1;
  for (u32 round = 0; round < 4000; round++) {
    const u32 ch = below(2), lun = below(3), blk = below(4);
    Status expected = Status::kSuccess;
    u64 failed = 0;
    OpenChannelDriver::Result result{};
    switch (below(8)) {
      case 0:
      case 1:
      case 2: {
        Addresses to = row(ch, lun, blk, below(6));
        if (below(3) == 0) to = to + row(below(2), below(3), blk, below(5));
        const bool hybrid = below(3) == 0;
        const u32 slba = below(200);
        for (size_t i = 0; i < to.size(); i++) {
          if ((to[i] >> 2 & 7) >= 5) expected = Status::kLbaOutOfRange, failed |= 1ull << i;
        }
        for (size_t i = 0; failed == 0 && i < to.size(); i++) {
          const bool twice = std::find(to.begin(), to.begin() + static_cast<long>(i), to[i]) != to.begin() + static_cast<long>(i);
          if (tags.count(to[i]) != 0 || bad(to[i]) || twice) expected = Status::kInvalidField;
        }
        for (size_t i = 0; expected == Status::kInvalidField && i < to.size(); i++) {
          const bool twice = std::find(to.begin(), to.begin() + static_cast<long>(i), to[i]) != to.begin() + static_cast<long>(i);
          if (tags.count(to[i]) != 0 || bad(to[i]) || twice) failed |= 1ull << i;
        }
        result = write(to, tag, 1, hybrid ? nvme::kHybridWrite : nvme::kVectorWrite, slba);
        for (size_t i = 0; expected == Status::kSuccess && i < to.size(); i++) {
          tags[to[i]] = tag + i;
          if (hybrid) logical[slba + i] = to[i];
        }
        tag += to.size();
        break;
      }
      case 3: {
        const u16 mode = static_cast<u16>(below(2));
        const u32 pln = below(2);
        const u64 a = Place{ch, lun, blk, 0, pln, 0}.address();
        for (u32 p = 0; p < 2; p++) {
          const u64 b = Place{ch, lun, blk, 0, p, 0}.address();
          if ((mode == 1 || p == pln) && bad(b)) expected = Status::kInvalidField, failed = 1;
        }
        result = ssd.erase({a}, mode);
        if (expected != Status::kSuccess) break;
        std::erase_if(tags, [&](const auto& entry) {
          return entry.first >> 5 == a >> 5 && (mode == 1 || (entry.first >> 1 & 1) == pln);
        });
        break;
      }
      case 4: {
        const u64 a = Place{ch, lun, blk, 0, below(2), 0}.address();
        const u8 kinds[] = {0, 0, 0, 1, 2, 4, 8};
        const u8 type = kinds[below(7)];
        result = set_types({a}, type);
        types[a] = type;
        break;
      }
      case 5: {
        const u32 slba = below(200), count = 1 + below(40);
        result = ssd.scalar(nvme::NvmOpcode::kRead, slba, count, {});
        for (u32 i = 0; i < count; i++) {
          const auto place = logical.find(slba + i);
          const auto found = place == logical.end() ? tags.end() : tags.find(place->second);
          expect_tag(result.data, i, found == tags.end() ? 0 : found->second);
        }
        break;
      }
      default: {
        Addresses from;
        for (u32 i = 0, count = 1 + below(16); i < count; i++) {
          from.push_back(Place{ch, lun, blk, below(5), below(2), below(2)}.address());
        }
        for (size_t i = 0; i < from.size(); i++) {
          if (tags.count(from[i]) == 0) expected = Status::kEmptyPage;
          if (expected != Status::kSuccess) failed |= 1ull << i;
        }
        result = ssd.read(from);
        for (size_t i = 0; expected == Status::kSuccess && i < from.size(); i++) {
          expect_tag(result.data, i, tags.at(from[i]));
          ASSERT_EQ(std::memcmp(&result.metadata[i * 16], ssd.metadata_of(tags.at(from[i])).data(), 16), 0);
        }
      }
    }
    ASSERT_EQ(result.status(), expected) << "round " << round;
    ASSERT_EQ(result.failed, failed) << "round " << round;
    ASSERT_FALSE(HasFailure()) << "round " << round;
    seen[expected]++;
  }
  for (const Status status : {Status::kSuccess, Status::kInvalidField, Status::kLbaOutOfRange, Status::kEmptyPage}) {
    EXPECT_GT(seen[status], 5u) << static_cast<u32>(status);
  }
}

TEST(Ocssd12Timing, PlanesWorkTogetherInDualMode) {
  Rig rig(small({{"nand_command", "0"}, {"channel_bandwidth", "64000"}, {"pcie_bandwidth", "64000"}}));
  rig.start();
  OpenChannelDriver ssd(rig);
  const auto time = [&](u32 pg, u16 mode) {
    const u64 before = rig.runner.now();
    EXPECT_TRUE(ssd.write(row(0, 0, 0, pg), std::vector<u8>(4 * 4096, 1), {}, mode).ok());
    return rig.runner.now() - before;
  };
  const auto near = [](u64 actual, u64 expected) { return actual >= expected && actual < expected + expected / 10; };
  EXPECT_PRED2(near, time(0, 1), 1900000u);
  EXPECT_PRED2(near, time(1, 0), 2 * 1900000u);
}

}  // namespace
}  // namespace nvmev::test
