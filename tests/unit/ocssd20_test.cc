// SPDX-License-Identifier: GPL-2.0-only
// An open-channel SSD 2.0 through the controller: geometry, chunk states, vector and scalar commands, faults, events.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "host/bytes.h"
#include "host/open_channel.h"
#include "nvmev/nvme/ocp.h"

namespace nvmev::test {
namespace {

using nvme::ChunkDescriptor;
using nvme::ChunkState;
using nvme::Status;

// 2 groups of 2 units with 5 chunks of 24 sectors: no power of two where the address can do without.
Settings small(std::initializer_list<Settings::Pair> more = {}) {
  Settings settings{{"type", "ocssd"}, {"capacity", "16M"}, {"num_grp", "2"},  {"num_pu", "2"},    {"num_chk", "5"},
                    {"num_sec", "24"}, {"ws_min", "2"},     {"ws_opt", "4"}, {"mw_cunits", "6"}};
  for (const auto& [key, value] : more) settings.add(key, value);
  return settings;
}

constexpr u32 kChunks = 20, kSectors = 24, kUnit = 2, kCached = 6;

// Bits as Geometry tells them: sectors 5, chunks 3, units 1.
u64 address(u32 chunk, u32 sector) {
  const u32 unit = chunk / 5;
  return static_cast<u64>(unit / 2) << 9 | static_cast<u64>(unit % 2) << 8 | (chunk % 5) << 5 | sector;
}

Addresses range(u32 chunk, u32 first, u32 count) {
  Addresses list;
  for (u32 i = 0; i < count; i++) list.push_back(address(chunk, first + i));
  return list;
}

class Ocssd20 : public testing::Test {
 protected:
  explicit Ocssd20(const Settings& settings = small()) : rig(settings), ssd(rig) { rig.start(); }

  // Sectors of tags that count from `tag`.
  OpenChannelDriver::Result write(const Addresses& to, u64 tag = 1) {
    std::vector<u8> data, metadata;
    for (size_t i = 0; i < to.size(); i++) {
      OpenChannelDriver::append(data, ssd.data_of(tag + i));
      OpenChannelDriver::append(metadata, ssd.metadata_of(tag + i));
    }
    return ssd.write(to, data, metadata);
  }
  void expect_sector(const OpenChannelDriver::Result& result, size_t i, u64 tag) {
    const auto part = [](const std::vector<u8>& from, size_t at, size_t size) {
      return std::vector<u8>(from.begin() + static_cast<long>(at * size), from.begin() + static_cast<long>((at + 1) * size));
    };
    const bool empty = tag == 0;
    EXPECT_EQ(part(result.data, i, 4096), empty ? std::vector<u8>(4096) : ssd.data_of(tag)) << "sector " << i;
    EXPECT_EQ(part(result.metadata, i, 16), empty ? std::vector<u8>(16) : ssd.metadata_of(tag)) << "metadata " << i;
  }
  void fill(u32 chunk, u64 tag = 1) { ASSERT_TRUE(write(range(chunk, 0, kSectors), tag).ok()); }
  ChunkState state(u32 chunk) { return static_cast<ChunkState>(ssd.chunk(chunk).state); }
  bool events_queued() { return true; }

  Rig rig;
  OpenChannelDriver ssd;
};

class With : public Ocssd20 {
 protected:
  With() : Ocssd20(small({{"mccap", "0"}, {"maxoc", "3"}, {"maxocpu", "2"}})) {}
};

class WithOcp : public Ocssd20 {
 protected:
  WithOcp() : Ocssd20(small({{"ocp", "1"}})) {}
};

class Faulty : public Ocssd20 {
 protected:
  Faulty()
      : Ocssd20(small({{"write_fail", "0/0/0/7/100+0/0/1/5/100/next"},
                       {"reset_fail", "0/1/*/100"},
                       {"chunk_state", "1/0/0/offline+1/0/1/closed/10+1/0/2/open/8+1/0/3/free/random"}})) {}
};

class OneBreaks : public Ocssd20 {
 protected:
  OneBreaks() : Ocssd20(small({{"reset_fail", "0/0/1/100"}, {"chunk_state", "0/0/0/free/random+0/0/2/free/random"}})) {}
};

// Sectors of an open random chunk that were not written since its reset read as zeros, although the reset of another chunk failed.
TEST_F(OneBreaks, TheResetOfTheOtherChunksIsWhole) {
  for (const u32 chunk : {0u, 2u}) ASSERT_TRUE(write(range(chunk, 0, 8), 100).ok());
  ASSERT_TRUE(write(range(1, 0, 2)).ok());
  const OpenChannelDriver::Result reset = ssd.erase({address(0, 0), address(1, 0), address(2, 0)});
  EXPECT_EQ(reset.status(), Status::kInvalidReset);
  EXPECT_EQ(reset.failed, 2u);
  for (const u32 chunk : {0u, 2u}) {
    EXPECT_EQ(state(chunk), ChunkState::kFree);
    ASSERT_TRUE(write(range(chunk, 8, 2), 200).ok());
    const OpenChannelDriver::Result read = ssd.read(range(chunk, 0, 10));
    ASSERT_TRUE(read.ok());
    for (u32 i = 0; i < 10; i++) expect_sector(read, i, i < 8 ? 0 : 192 + i);
  }
  EXPECT_EQ(state(1), ChunkState::kOffline);
}

// ---- Write protection (feature 84h)

TEST_F(Ocssd20, AProtectedNamespaceKeepsItsChunks) {
  fill(1);
  ASSERT_TRUE(write(range(2, 0, 8)).ok());
  const std::vector<ChunkDescriptor> before = ssd.chunks(kChunks);
  ASSERT_TRUE(ssd.set_feature(0x84, 1).ok());
  EXPECT_EQ(write(range(2, 8, 2)).status(), Status::kNamespaceWriteProtected);
  EXPECT_EQ(ssd.erase({address(1, 0)}).status(), Status::kNamespaceWriteProtected);
  EXPECT_EQ(ssd.copy(range(1, 0, 2), range(2, 8, 2)).status(), Status::kNamespaceWriteProtected);
  const std::vector<u8> sectors(2 * 4096), metadata(2 * 16);
  EXPECT_EQ(ssd.scalar(nvme::NvmOpcode::kWrite, address(2, 8), 2, sectors, metadata).status(),
            Status::kNamespaceWriteProtected);
  EXPECT_EQ(rig.driver.deallocate({{0, kSectors, address(1, 0)}}).status, Status::kNamespaceWriteProtected);
  EXPECT_EQ(ssd.set_chunks(1, {before[0]}).status(), Status::kNamespaceWriteProtected);
  EXPECT_TRUE(rig.io(cmd::flush()).ok());
  expect_sector(ssd.read({address(1, 3)}), 0, 4);
  const std::vector<ChunkDescriptor> after = ssd.chunks(kChunks);
  EXPECT_EQ(std::memcmp(after.data(), before.data(), after.size() * sizeof(after[0])), 0);
  ASSERT_TRUE(ssd.set_feature(0x84, 0).ok());
  EXPECT_TRUE(write(range(2, 8, 2)).ok());
  EXPECT_TRUE(ssd.erase({address(1, 0)}).ok());
}

// ---- What the device says of itself

TEST_F(Ocssd20, Geometry) {
  const std::vector<u8> id = ssd.geometry();
  EXPECT_EQ(id[0], 2);
  EXPECT_EQ(id[8], 1) << "bits of the group";
  EXPECT_EQ(id[9], 1) << "of the parallel unit";
  EXPECT_EQ(id[10], 3) << "of the chunk";
  EXPECT_EQ(id[11], 5) << "of the logical block";
  EXPECT_EQ(le(id, 16, 4), 7u) << "MCCAP";
  EXPECT_EQ(id[32], 10) << "WIT";
  EXPECT_EQ(le(id, 64, 2), 2u);
  EXPECT_EQ(le(id, 66, 2), 2u);
  EXPECT_EQ(le(id, 68, 4), 5u);
  EXPECT_EQ(le(id, 72, 4), 24u) << "CLBA";
  EXPECT_EQ(le(id, 128, 4), 2u) << "WS_MIN";
  EXPECT_EQ(le(id, 132, 4), 4u) << "WS_OPT";
  EXPECT_EQ(le(id, 136, 4), 6u) << "MW_CUNITS";
  EXPECT_EQ(le(id, 192, 4), 70000u) << "TRDT";
  EXPECT_EQ(le(id, 200, 4), 1900000u) << "TWRT";
  EXPECT_EQ(le(id, 208, 4), 3000000u) << "TCRST";
  EXPECT_EQ(std::count_if(id.begin() + 216, id.end(), [](u8 byte) { return byte != 0; }), 0) << "reserved";
}

TEST(OcssdShape, DefaultsAreThoseOfThePublishedDevice) {
  Rig rig({{"type", "ocssd"}, {"capacity", "16G"}});
  rig.start();
  OpenChannelDriver ssd(rig);
  const std::vector<u8> id = ssd.geometry();
  EXPECT_EQ(le(id, 64, 2), 2u);
  EXPECT_EQ(le(id, 66, 2), 8u);
  EXPECT_EQ(le(id, 72, 4), 4096u);
  EXPECT_GE(le(id, 68, 4), 60u);
  EXPECT_EQ(le(id, 128, 4), 4u);
  EXPECT_EQ(le(id, 132, 4), 8u);
  EXPECT_EQ(le(id, 136, 4), 24u);
}

TEST(OcssdShape, NamespacesHaveGeometriesOfTheirOwn) {
  Rig rig({{"namespaces", "ocssd:48M:num_grp=2:num_pu=4,ocssd:48M:num_grp=4:num_pu=2:md_size=32,ocssd:48M:lver=2:lchannels=8:num_pu=1,nvm:16M"},
           {"capacity", "160M"}});
  rig.start();
  const u32 groups[] = {2, 4, 8};
  for (u32 nsid = 1; nsid <= 3; nsid++) {
    OpenChannelDriver ssd(rig, nsid);
    const std::vector<u8> id = ssd.geometry();
    EXPECT_EQ(le(id, 64, 2), groups[nsid - 1]);
    EXPECT_GE(le(id, 68, 4), 20u) << "chunks enough for pblk";
  }
  OpenChannelDriver plain(rig, 4);
  EXPECT_EQ(plain.admin(nvme::kOcGeometry, 0, 0, 0, 0, std::vector<u8>(4096)).status(),
            Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(plain.read({0}).status(), Status::kInvalidOpcode);
  // Each keeps its own data.
  for (u32 nsid = 1; nsid <= 3; nsid++) {
    OpenChannelDriver ssd(rig, nsid);
    ssd.metadata_bytes = nsid == 2 ? 32 : 16;
    Addresses list;
    std::vector<u8> data, metadata;
    for (u32 i = 0; i < 64; i++) {
      list.push_back(i);
      OpenChannelDriver::append(data, ssd.data_of(nsid * 1000 + i));
      OpenChannelDriver::append(metadata, ssd.metadata_of(nsid * 1000 + i));
    }
    list.resize(32), data.resize(32 * 4096), metadata.resize(32 * ssd.metadata_bytes);
    ASSERT_TRUE(ssd.write(list, data, metadata).ok()) << nsid;
  }
  for (u32 nsid = 1; nsid <= 3; nsid++) {
    OpenChannelDriver ssd(rig, nsid);
    ssd.metadata_bytes = nsid == 2 ? 32 : 16;
    const auto read = ssd.read({0, 1, 2, 3});
    ASSERT_TRUE(read.ok());
    std::vector<u8> data, metadata;
    for (u32 i = 0; i < 4; i++) {
      OpenChannelDriver::append(data, ssd.data_of(nsid * 1000 + i));
      OpenChannelDriver::append(metadata, ssd.metadata_of(nsid * 1000 + i));
    }
    EXPECT_EQ(read.data, data);
    EXPECT_EQ(read.metadata, metadata);
  }
}

std::string refusal(const Settings& settings) {
  nvmev_config config = make_config();
  nvmev_error error{};
  for (const auto& [key, value] : settings) {
    if (nvmev_config_set(&config, key.c_str(), value.c_str(), &error) != 0) return error.text;
  }
  return nvmev_config_check(&config, &error) != 0 ? error.text : "";
}

TEST(OcssdShape, WhatDoesNotFitIsRefusedWithItsKey) {
  EXPECT_EQ(refusal(small()), "");
  const struct {
    const char *key, *value, *said;
  } cases[] = {{"num_sec", "4096", "capacity=16777216 is too small for the geometry: at least 328964K"},
               {"num_sec", "23", "num_sec=23: a multiple of ws_min=2"},
               {"ws_opt", "5", "ws_opt=5: a multiple of ws_min=2"},
               {"mw_cunits", "25", "mw_cunits=25: at most the 24 sectors"},
               {"md_size", "24", "md_size=24: 0 or a power of two"},
               {"lver", "3", "lver=3 is out of range"},
               {"nlbaf", "3", "lba_index=3: below nlbaf=3"},
               {"num_pu", "255", "too small"},
               {"write_fail", "0/0/0/100", "write_fail=0/0/0/100: group/unit/chunk/sector/percent"},
               {"write_fail", "0/0/0/1/101", "write_fail"},
               {"reset_fail", "0/0/x/1", "reset_fail"},
               {"chunk_state", "0/0/0/broken", "chunk_state=0/0/0/broken"},
               {"chunk_state", "0/0/0/free/", "chunk_state"},
               {"chunk_state", "0/0/0/closed/3+0/0/1/open/3", "write pointer 3: a multiple of ws_min=2"},
               {"chunk_state", "0/0/0/open/99999999", "write pointer 99999999"}};
  for (const auto& c : cases) {
    const Settings settings = small({{c.key, c.value}});
    EXPECT_NE(refusal(settings).find(c.said), std::string::npos) << c.key << "=" << c.value << ": " << refusal(settings);
  }
}

TEST_F(Ocssd20, IdentifyNamespaceIsWhatLightnvmLooksFor) {
  const std::vector<u8> id = rig.driver.identify(nvme::Cns::kNamespace, 1).bytes;
  EXPECT_EQ(id[384], 1) << "vs[0]";
  EXPECT_EQ(id[30], 0) << "NMIC";
  EXPECT_EQ(le(id, 0, 8), address(kChunks - 1, kSectors - 1) + 1) << "NSZE";
  EXPECT_EQ(le(id, 8, 8), kChunks * kSectors) << "NCAP";
  EXPECT_EQ(id[25], 4) << "NLBAF";
  EXPECT_EQ(id[26], 3) << "FLBAS: metadata in a buffer of its own";
  EXPECT_EQ(id[27], 2) << "MC";
  EXPECT_EQ(le(id, 128 + 3 * 4, 2), 16u) << "MS";
  EXPECT_EQ(id[128 + 3 * 4 + 2], 12) << "LBADS";
  EXPECT_EQ(id[24] & 4, 4) << "NSFEAT: deallocated block errors";
  const std::vector<u8> controller = rig.driver.identify(nvme::Cns::kController).bytes;
  EXPECT_EQ(le(controller, 0, 2), 0x1d1du) << "VID";
  EXPECT_EQ(controller[76], 0) << "CMIC";
  EXPECT_EQ(le(controller, 520, 2) & 0x9, 0u) << "ONCS: neither Compare nor Write Zeroes";
  EXPECT_EQ(rig.driver.read64(0) >> 44 & 1, 0u) << "CAP bit 44";
  EXPECT_EQ(nvmev_config_pci_id(&rig.device.config()), 0x1f1f1d1du);
}

TEST(OcssdShape, OtherDevicesHaveNothingOfIt) {
  Rig rig;
  rig.start();
  EXPECT_EQ(nvmev_config_pci_id(&rig.device.config()), 0x01100c51u);
  OpenChannelDriver ssd(rig);
  for (const u8 opcode : {0xe2, 0xea, 0xf1, 0xf2, 0xc1}) {
    EXPECT_EQ(ssd.admin(opcode, 0, 0, 0, 0, std::vector<u8>(4096)).status(), Status::kInvalidOpcode) << int{opcode};
  }
  EXPECT_EQ(ssd.log(0xca, 32).status(), Status::kInvalidLogPage);
  EXPECT_EQ(ssd.set_feature(0xca, 0).status(), Status::kInvalidField);
}

TEST_F(Ocssd20, ReportChunkLog) {
  const auto chunks = ssd.chunks(kChunks);
  ASSERT_EQ(chunks.size(), kChunks);
  for (u32 i = 0; i < kChunks; i++) {
    EXPECT_EQ(chunks[i].state, 1);
    EXPECT_EQ(chunks[i].type, 1);
    EXPECT_EQ(chunks[i].wear_index, 0);
    EXPECT_EQ(chunks[i].slba, address(i, 0)) << "group, parallel unit, chunk";
    EXPECT_EQ(chunks[i].cnlb, kSectors);
    EXPECT_EQ(chunks[i].wp, 0u);
  }
  const auto part = ssd.log(0xca, 40, 3 * 32 + 8);
  EXPECT_EQ(le(part.data, 0, 8), address(3, 0)) << "from within an entry";
  EXPECT_EQ(le(part.data, 24 + 8, 8), address(4, 0));
  const auto tail = ssd.log(0xca, 64, (kChunks - 1) * 32);
  EXPECT_EQ(le(tail.data, 8, 8), address(kChunks - 1, 0));
  EXPECT_EQ(std::vector<u8>(tail.data.begin() + 32, tail.data.end()), std::vector<u8>(32)) << "behind the end";
  EXPECT_EQ(ssd.log(0xca, 32, kChunks * 32 + 32).status(), Status::kInvalidField);
  OpenChannelDriver all(rig, nvme::kNsidBroadcast);
  EXPECT_EQ(all.log(0xca, 32).status(), Status::kInvalidNamespaceOrFormat);
}

// ---- Writes

TEST_F(Ocssd20, DataAndMetadataComeBack) {
  fill(7, 100);
  EXPECT_EQ(state(7), ChunkState::kClosed);
  EXPECT_EQ(ssd.chunk(7).wp, kSectors);
  const auto read = ssd.read({address(7, 23), address(7, 0), address(7, 11), address(7, 12)});
  ASSERT_TRUE(read.ok());
  expect_sector(read, 0, 123);
  expect_sector(read, 1, 100);
  expect_sector(read, 2, 111);
  expect_sector(read, 3, 112);
}

TEST_F(WithOcp, LogsCountWhatFlashReadsAndPrograms) {
  const auto log = [&] { return rig.driver.log<nvme::OcpSmartLog>(nvme::LogPage::kOcpSmart); };
  EXPECT_EQ(log().media_written.low, 0u);
  fill(7);
  EXPECT_GE(log().media_written.low, u64{kSectors} * 4096);
  EXPECT_EQ(log().media_read.low, 0u);
  ASSERT_TRUE(ssd.read({address(7, 0)}).ok());
  EXPECT_GE(log().media_read.low, 4096u);
}

TEST_F(Ocssd20, WriteWithoutMetadataLeavesZeros) {
  fill(0, 1);
  ASSERT_TRUE(ssd.erase({address(0, 0)}).ok());
  ASSERT_TRUE(ssd.write(range(0, 0, 24), std::vector<u8>(24 * 4096, 0x77)).ok());
  EXPECT_EQ(ssd.read({address(0, 3)}).metadata, std::vector<u8>(16));
}

TEST_F(Ocssd20, ChecksOfWritesInTheirOrder) {
  fill(1);
  ASSERT_TRUE(write(range(2, 0, 4)).ok());
  const struct {
    const char* what;
    Addresses to;
    Status status;
    u64 failed;
  } cases[] = {
      {"no such chunk", range(5, 0, 2) + Addresses{7u << 5, (7u << 5) + 1}, Status::kWriteFault, 0b1100},
      {"no such group", Addresses{1u << 10, (1u << 10) + 1}, Status::kWriteFault, 0b11},
      {"closed", range(5, 0, 2) + range(1, 0, 2), Status::kWriteFault, 0b1100},
      {"beyond the chunk", range(5, 0, 24) + Addresses{address(5, 24), address(5, 25)}, Status::kWriteFault, 3u << 24},
      {"less than WS_MIN, and out of order", range(2, 9, 1), Status::kInvalidField, 1},
      {"not a multiple of WS_MIN", range(5, 0, 3) + range(6, 0, 2), Status::kInvalidField, 0b111},
      {"not at the write pointer", range(2, 6, 2), Status::kOutOfOrderWrite, 0b11},
      {"before it", range(2, 0, 2), Status::kOutOfOrderWrite, 0b11},
      {"a gap", {address(5, 0), address(5, 1), address(5, 2), address(5, 4)}, Status::kOutOfOrderWrite, 0b1000},
      {"a gap, and a good chunk", range(6, 0, 2) + Addresses{address(5, 0), address(5, 2)}, Status::kOutOfOrderWrite,
       0b1000},
      {"backwards", {address(5, 1), address(5, 0)}, Status::kOutOfOrderWrite, 0b01},
  };
  const auto before = ssd.chunks(kChunks);
  const u64 used = rig.host.medium_pages();
  for (const auto& c : cases) {
    const auto result = write(c.to, 500);
    EXPECT_EQ(result.status(), c.status) << c.what;
    EXPECT_EQ(result.failed, c.failed) << c.what;
    EXPECT_TRUE(result.completion.dnr) << c.what;
  }
  const auto after = ssd.chunks(kChunks);
  EXPECT_EQ(std::memcmp(before.data(), after.data(), kChunks * 32), 0) << "nothing has changed";
  EXPECT_EQ(rig.host.medium_pages(), used) << "nor taken memory";
}

TEST_F(Ocssd20, OneCommandMayGoOnInAChunkAndFillIt) {
  const auto result = write(range(3, 0, 2) + range(4, 0, 4) + range(3, 2, 22) + range(4, 4, 2), 10);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.failed, 0u);
  EXPECT_EQ(state(3), ChunkState::kClosed);
  EXPECT_EQ(state(4), ChunkState::kOpen);
  EXPECT_EQ(ssd.chunk(4).wp, 6u);
  const auto read = ssd.read({address(3, 1), address(3, 2)});
  expect_sector(read, 0, 11);
  expect_sector(read, 1, 16);
}

TEST_F(Ocssd20, ListsAndPointersAreCheckedBeforeAnythingChanges) {
  nvme::Sqe sqe{};
  sqe.opcode = nvme::kVectorWrite;
  sqe.nsid = 1;
  const auto io = [&](u32 nlb, u64 lbal, u64 prp1, u64 prp2, u64 mptr) {
    sqe.cdw12 = nlb;
    sqe.cdw10 = static_cast<u32>(lbal);
    sqe.cdw11 = static_cast<u32>(lbal >> 32);
    sqe.prp1 = prp1;
    sqe.prp2 = prp2;
    sqe.mptr = mptr;
    return rig.io(sqe).status;
  };
  DmaBuffer list(rig.driver.arena(), 4096), data(rig.driver.arena(), 8192);
  std::vector<u8> bytes(16);
  const u64 addresses[] = {address(0, 0), address(0, 1)};
  std::memcpy(bytes.data(), addresses, 16);
  list.write(bytes);
  const u64 one = data.pages()[0], two = data.pages()[1], nowhere = 0xdead'0000'0000;
  EXPECT_EQ(io(64, list.bus(), one, two, 0), Status::kInvalidField) << "65 addresses";
  EXPECT_EQ(io(1, list.bus() + 4, one, two, 0), Status::kInvalidField) << "alignment of the list";
  EXPECT_EQ(io(1, nowhere, one, two, 0), Status::kDataTransferError) << "no list";
  EXPECT_EQ(io(1, list.bus(), one, nowhere, 0), Status::kDataTransferError) << "no data";
  EXPECT_EQ(io(1, list.bus(), one, two + 8, 0), Status::kInvalidPrpOffset);
  EXPECT_EQ(io(1, list.bus(), one, two, nowhere), Status::kDataTransferError) << "no metadata";
  EXPECT_EQ(io(1, list.bus(), one, two, list.bus() + 2), Status::kInvalidField) << "alignment of the metadata";
  sqe.flags = 1;
  EXPECT_EQ(io(1, list.bus(), one, two, 0), Status::kInvalidField) << "fused";
  sqe.flags = 2 << 6;
  EXPECT_EQ(io(1, list.bus(), one, two, 0), Status::kInvalidField) << "metadata by an SGL";
  sqe.flags = 0;
  EXPECT_EQ(ssd.chunk(0).wp, 0u);
  EXPECT_EQ(io(1, list.bus(), one, two, 0), Status::kSuccess);
  EXPECT_EQ(ssd.chunk(0).wp, 2u);
}

TEST_F(With, OpenChunksAreLimited) {
  ASSERT_TRUE(write(range(0, 0, 2)).ok());
  ASSERT_TRUE(write(range(1, 0, 2)).ok());
  auto result = write(range(0, 2, 2) + range(2, 0, 2) + range(5, 0, 2));
  EXPECT_EQ(result.status(), Status::kWriteFault) << "MAXOCPU: two of the first unit";
  EXPECT_EQ(result.failed, 0b001100u);
  ASSERT_TRUE(write(range(5, 0, 2)).ok());
  result = write(range(10, 0, 2));
  EXPECT_EQ(result.status(), Status::kWriteFault) << "MAXOC: three";
  ASSERT_TRUE(write(range(0, 2, 22)).ok()) << "which closes one";
  EXPECT_TRUE(write(range(10, 0, 2)).ok());
}

TEST_F(Ocssd20, ScalarCommandsHaveAddressesForBlocks) {
  std::vector<u8> data, metadata;
  for (u32 i = 0; i < 24; i++) {
    OpenChannelDriver::append(data, ssd.data_of(i + 1));
    OpenChannelDriver::append(metadata, ssd.metadata_of(i + 1));
  }
  ASSERT_TRUE(ssd.scalar(nvme::NvmOpcode::kWrite, address(6, 0), 24, data, metadata).ok());
  EXPECT_EQ(state(6), ChunkState::kClosed);
  const auto read = ssd.scalar(nvme::NvmOpcode::kRead, address(6, 20), 12, {});
  ASSERT_TRUE(read.ok()) << "over a gap in the addresses and into the next chunk";
  for (u32 i = 0; i < 12; i++) expect_sector(read, i, i < 4 ? 21 + i : 0);
  EXPECT_EQ(ssd.scalar(nvme::NvmOpcode::kWrite, address(5, 2), 2, data).status(), Status::kOutOfOrderWrite);
  EXPECT_EQ(ssd.scalar(nvme::NvmOpcode::kWrite, address(5, 0), 3, data).status(), Status::kInvalidField);
  EXPECT_EQ(ssd.scalar(nvme::NvmOpcode::kWrite, address(6, 0), 2, data).status(), Status::kWriteFault);
  const u64 blocks = address(kChunks - 1, kSectors - 1) + 1;
  EXPECT_EQ(ssd.scalar(nvme::NvmOpcode::kRead, blocks - 1, 2, {}).status(), Status::kLbaOutOfRange);
  EXPECT_EQ(ssd.scalar(nvme::NvmOpcode::kRead, ~0ull, 2, {}).status(), Status::kLbaOutOfRange);
  EXPECT_TRUE(ssd.scalar(nvme::NvmOpcode::kRead, blocks - 8, 8, {}).ok()) << "as partition scans do";
  EXPECT_EQ(rig.io(cmd::compare(0, 1)).status, Status::kInvalidOpcode);
  EXPECT_TRUE(rig.io(cmd::flush()).ok());
}

// ---- Reads

TEST_F(Ocssd20, WhatIsInTheCacheCannotBeReadYet) {
  ASSERT_TRUE(write(range(0, 0, 12), 1).ok());
  const auto read = ssd.read({address(0, 5), address(0, 6), address(0, 13), address(9, 0)});
  ASSERT_TRUE(read.ok());
  expect_sector(read, 0, 6);  // 5 < 12 - 6
  for (u32 i = 1; i < 4; i++) expect_sector(read, i, 0);
  ASSERT_TRUE(ssd.set_feature(5, 1u << 16).ok()) << "DULBE";
  const auto failed = ssd.read({address(0, 5), address(0, 6), address(0, 13), address(9, 0)});
  EXPECT_EQ(failed.status(), Status::kUnwrittenBlock);
  EXPECT_EQ(failed.failed, 0b1110u);
  EXPECT_EQ(failed.data, std::vector<u8>(4 * 4096, 0xee)) << "no data moves";
  EXPECT_EQ(ssd.scalar(nvme::NvmOpcode::kRead, address(9, 0), 1, {}).status(), Status::kUnwrittenBlock);
  ASSERT_TRUE(ssd.set_feature(5, 0).ok());
  EXPECT_TRUE(ssd.read({address(9, 0)}).ok());
  const auto bad = ssd.read({address(0, 0), 1ull << 40, address(0, 24)});
  EXPECT_EQ(bad.status(), Status::kLbaOutOfRange);
  EXPECT_EQ(bad.failed, 0b110u);
  EXPECT_EQ(bad.data, std::vector<u8>(3 * 4096, 0xee));
}

TEST_F(Ocssd20, DulbeEndsWithAReset) {
  ASSERT_TRUE(ssd.set_feature(5, 1u << 16).ok());
  ASSERT_EQ(ssd.read({address(9, 0)}).status(), Status::kUnwrittenBlock);
  rig.driver.disable();
  rig.start();
  EXPECT_TRUE(ssd.read({address(9, 0)}).ok());
}

// ---- Resets

TEST_F(Ocssd20, ResetOfEveryState) {
  fill(0);
  ASSERT_TRUE(write(range(1, 0, 4)).ok());
  const auto result = ssd.erase({address(0, 0), address(1, 0), address(2, 0)}, 0, true);
  ASSERT_TRUE(result.ok());
  for (u32 i = 0; i < 3; i++) {
    const ChunkDescriptor chunk = ssd.chunk(i);
    EXPECT_EQ(chunk.state, 1);
    EXPECT_EQ(chunk.wp, 0u);
    EXPECT_EQ(std::memcmp(&result.metadata[i * 32], &chunk, 32), 0) << "the new descriptor at MPTR";
  }
  expect_sector(ssd.read({address(0, 3)}), 0, 0);
  EXPECT_EQ(rig.host.medium_pages(), rig.host.medium_pages());
  fill(0, 50);
  expect_sector(ssd.read({address(0, 3)}), 0, 53);
}

TEST_F(Ocssd20, ResetGivesMemoryBack) {
  const u64 before = rig.host.medium_pages();
  fill(0);
  ASSERT_GE(rig.host.medium_pages(), before + 24);
  ASSERT_TRUE(ssd.erase({address(0, 0)}).ok());
  EXPECT_LE(rig.host.medium_pages(), before + 3) << "what the table of pages and the neighbours' metadata take";
}

TEST_F(With, ResetNeedsItsCapabilities) {
  fill(0);
  ASSERT_TRUE(write(range(1, 0, 4)).ok());
  const auto result = ssd.erase({address(0, 0), address(1, 0), address(2, 0)});
  EXPECT_EQ(result.status(), Status::kInvalidReset);
  EXPECT_EQ(result.failed, 0b110u) << "open and free";
  EXPECT_EQ(state(0), ChunkState::kClosed) << "none is reset";
  EXPECT_EQ(ssd.erase({address(0, 0), address(0, 0)}).failed, 0b10u) << "the second time it would be free";
  EXPECT_TRUE(ssd.erase({address(0, 0)}).ok());
  EXPECT_EQ(ssd.copy({address(1, 0)}, {address(3, 0)}).status(), Status::kInvalidOpcode);
}

TEST_F(Ocssd20, ResetOfWhatDoesNotExist) {
  const auto result = ssd.erase({address(0, 0), 7u << 5, 1u << 10});
  EXPECT_EQ(result.status(), Status::kInvalidReset);
  EXPECT_EQ(result.failed, 0b110u);
}

TEST_F(Ocssd20, DeallocateOfExactlyOneChunkResetsIt) {
  fill(2);
  fill(3);
  ASSERT_TRUE(rig.driver.deallocate({{0, 23, address(2, 0)}, {0, 24, address(3, 0)}}).ok());
  EXPECT_EQ(state(2), ChunkState::kClosed) << "a part of it is a hint";
  EXPECT_EQ(state(3), ChunkState::kFree);
  EXPECT_EQ(rig.driver.deallocate({{0, 24, 1u << 20}}).status, Status::kLbaOutOfRange);
}

// ---- Copies

TEST_F(Ocssd20, CopyTakesDataAndMetadataAlong) {
  fill(0, 1);
  const Addresses from = {address(0, 9), address(0, 3), address(0, 20), address(0, 0)};
  ASSERT_TRUE(ssd.copy(from, range(11, 0, 4)).ok());
  EXPECT_EQ(ssd.chunk(11).wp, 4u);
  Addresses rest;
  for (u32 i = 0; i < 20; i++) rest.push_back(address(0, i));
  ASSERT_TRUE(ssd.copy(rest, range(11, 4, 20)).ok());
  const auto read = ssd.read(range(11, 0, 24));
  const u64 tags[] = {10, 4, 21, 1};
  for (u32 i = 0; i < 24; i++) expect_sector(read, i, i < 4 ? tags[i] : i - 3);
  const auto refused = ssd.copy({address(0, 0), address(0, 1)}, range(11, 0, 2));
  EXPECT_EQ(refused.status(), Status::kWriteFault);
  EXPECT_EQ(refused.failed, 0b11u);
  EXPECT_EQ(ssd.copy({1ull << 40, address(0, 1)}, range(12, 0, 2)).status(), Status::kLbaOutOfRange);
  ASSERT_TRUE(ssd.copy({address(9, 0), address(0, 1)}, range(12, 0, 2)).ok()) << "what is not written is copied as zeros";
  ASSERT_TRUE(ssd.set_feature(5, 1u << 16).ok());
  const auto unwritten = ssd.copy({address(0, 1), address(9, 0)}, range(13, 0, 2));
  EXPECT_EQ(unwritten.status(), Status::kUnwrittenBlock);
  EXPECT_EQ(unwritten.failed, 0b10u);
  EXPECT_EQ(state(13), ChunkState::kFree);
}

// ---- Faults

TEST_F(Faulty, WriteFailureClosesTheChunk) {
  const auto result = write(range(0, 0, 12) + range(4, 0, 2), 1);
  EXPECT_EQ(result.status(), Status::kChunkClosedEarly);
  EXPECT_EQ(result.failed, 0xfc0u) << "from the write unit of sector 7 to the end of the chunk's part";
  EXPECT_EQ(state(0), ChunkState::kClosed);
  EXPECT_EQ(ssd.chunk(0).wp, 6u);
  EXPECT_EQ(ssd.chunk(4).wp, 2u) << "the other chunk is none the worse";
  const auto read = ssd.read({address(0, 5), address(0, 6)});
  expect_sector(read, 0, 6);
  expect_sector(read, 1, 0);
  EXPECT_EQ(ssd.erase({address(0, 0)}).status(), Status::kInvalidReset) << "its next reset fails";
  EXPECT_EQ(state(0), ChunkState::kOffline);
  EXPECT_EQ(ssd.chunk(0).wp, ~0ull);
  EXPECT_EQ(ssd.erase({address(0, 0)}).status(), Status::kOfflineChunk);
}

TEST_F(Faulty, WriteNextUnitSkipsOne) {
  const auto result = write(range(1, 0, 10), 1);
  EXPECT_EQ(result.status(), Status::kWriteNextUnit);
  EXPECT_EQ(result.failed, 0b110000u);
  EXPECT_EQ(state(1), ChunkState::kOpen);
  EXPECT_EQ(ssd.chunk(1).wp, 10u);
  ASSERT_TRUE(write(range(1, 10, 14), 11).ok());
  const auto read = ssd.read({address(1, 3), address(1, 6), address(1, 23)});
  expect_sector(read, 0, 4);
  expect_sector(read, 1, 7);
  expect_sector(read, 2, 24);
}

TEST_F(Faulty, ResetFailureTakesTheChunkOffline) {
  const auto result = ssd.erase({address(1, 0), address(6, 0), address(2, 0)});
  EXPECT_EQ(result.status(), Status::kInvalidReset);
  EXPECT_EQ(result.failed, 0b010u);
  EXPECT_EQ(state(6), ChunkState::kOffline);
  EXPECT_EQ(state(2), ChunkState::kFree);
}

TEST_F(Faulty, ChunksStartInTheStatesGiven) {
  const auto chunks = ssd.chunks(4, 10);
  EXPECT_EQ(chunks[0].state, 8);
  EXPECT_EQ(chunks[0].wp, ~0ull);
  EXPECT_EQ(chunks[1].state, 2);
  EXPECT_EQ(chunks[1].wp, 10u);
  EXPECT_EQ(chunks[2].state, 4);
  EXPECT_EQ(chunks[2].wp, 8u);
  EXPECT_EQ(chunks[3].type, 2);
  EXPECT_EQ(chunks[3].wp, ~0ull);
  EXPECT_EQ(write(range(10, 0, 2)).status(), Status::kWriteFault) << "offline";
  EXPECT_TRUE(write(range(12, 8, 2)).ok());
  // A random chunk takes writes in any order.
  ASSERT_TRUE(write({address(13, 9), address(13, 2)}, 70).ok());
  EXPECT_EQ(ssd.chunk(13).state, 4);
  EXPECT_EQ(write({address(13, 9)}).status(), Status::kInvalidField) << "though not less than WS_MIN";
  const auto read = ssd.read({address(13, 2), address(13, 9), address(13, 5)});
  expect_sector(read, 0, 71);
  expect_sector(read, 1, 70);
  expect_sector(read, 2, 0);
}

TEST_F(Ocssd20, ChunkInformationCanBeOverwritten) {
  auto list = ssd.chunks(2, 4);
  list[0].state = 8;
  list[0].wp = ~0ull;
  list[1].state = 4;
  list[1].type = 1 | 16;
  list[1].cnlb = 12;
  list[1].wp = 4;
  list[1].wear_index = 200;
  ASSERT_TRUE(ssd.set_chunks(4, list).ok());
  const auto now = ssd.chunks(2, 4);
  EXPECT_EQ(std::memcmp(now.data(), list.data(), 64), 0);
  EXPECT_EQ(write(range(5, 4, 10)).status(), Status::kWriteFault) << "beyond its length";
  ASSERT_TRUE(write(range(5, 4, 8)).ok());
  EXPECT_EQ(state(5), ChunkState::kClosed);
  list[0].state = 3;
  EXPECT_EQ(ssd.set_chunks(4, list).status(), Status::kInvalidField) << "no such state";
  list[0] = ssd.chunk(4);
  list[1].wp = 13;
  EXPECT_EQ(ssd.set_chunks(4, list).status(), Status::kInvalidField) << "beyond the chunk";
  list[1].wp = 0;
  list[1].slba = 0;
  EXPECT_EQ(ssd.set_chunks(4, list).status(), Status::kInvalidField) << "another chunk";
  EXPECT_EQ(ssd.set_chunks(19, ssd.chunks(2)).status(), Status::kInvalidField) << "beyond the last";
  EXPECT_EQ(state(5), ChunkState::kClosed);
}

class Worn : public Ocssd20 {
 protected:
  Worn() : Ocssd20(small({{"pe_cycles", "10"}, {"wit", "60"}})) {}
};

TEST_F(Worn, ResetsWearAChunkOutAndTellOfIt) {
  rig.driver.submit(0, cmd::async_event());
  u32 resets = 0;
  Status status = Status::kSuccess;
  for (; status == Status::kSuccess && resets < 20; resets++) {
    const ChunkDescriptor chunk = ssd.chunk(3);
    EXPECT_EQ(chunk.wear_index, resets * 255 / 10);
    status = ssd.erase({address(3, 0)}).status();
    if (resets == 1) EXPECT_EQ(rig.driver.reaped().size(), 0u) << "an index of 51 is not beyond WIT";
  }
  EXPECT_EQ(resets, 10u);
  EXPECT_EQ(status, Status::kOfflineChunk);
  EXPECT_EQ(ssd.chunk(3).wear_index, 255);
  EXPECT_EQ(state(3), ChunkState::kOffline);
  rig.runner.settle();
  rig.driver.reap();
  const auto events = rig.driver.take();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].dw0 & 7, 7u) << "vendor specific";
  EXPECT_EQ(events[0].dw0 >> 16 & 0xff, 0xd0u) << "the log page to read";
  const auto log = ssd.log(0xd0, 4096);
  ASSERT_TRUE(log.ok());
  EXPECT_GE(le(log.data, 0, 8), 1u) << "newest first";
  EXPECT_EQ(le(log.data, 8, 8), address(3, 0));
  EXPECT_EQ(le(log.data, 16, 4), 1u) << "NSID";
  EXPECT_EQ(le(log.data, 20, 2), 256u) << "wear";
  EXPECT_EQ(log.data[22], 2) << "of a chunk";
}

class HighEcc : public Ocssd20 {
 protected:
  HighEcc()
      : Ocssd20(small({{"ecc_correctable", "10"}, {"ecc_errors_fresh", "14"}, {"read_retries", "3"}})) {}
};

TEST_F(HighEcc, IsToldWhereItIsWanted) {
  fill(0);
  const auto quiet = ssd.read(range(0, 0, 24));
  ASSERT_TRUE(quiet.ok()) << "no feedback wanted";
  ASSERT_TRUE(ssd.set_feature(0xca, 2).ok());
  const auto told = ssd.read(range(0, 0, 24));
  EXPECT_EQ(told.status(), Status::kHighEcc);
  EXPECT_NE(told.failed, 0u);
  for (u32 i = 0; i < 24; i++) expect_sector(told, i, i + 1);  // the data are good all the same
  EXPECT_TRUE(ssd.scalar(nvme::NvmOpcode::kRead, 0, 24, {}).ok()) << "wanted of vector reads alone";
  ASSERT_TRUE(ssd.set_feature(0xca, 1).ok());
  EXPECT_EQ(ssd.scalar(nvme::NvmOpcode::kRead, 0, 24, {}).status(), Status::kHighEcc);
  EXPECT_TRUE(ssd.read(range(0, 0, 24)).ok());
  EXPECT_EQ(ssd.set_feature(0xca, 4).status(), Status::kInvalidField);
  const auto log = ssd.log(0xd0, 64);
  EXPECT_EQ(le(log.data, 20, 2), 1u) << "refresh with low urgency";
}

class Uncorrectable : public Ocssd20 {
 protected:
  Uncorrectable()
      : Ocssd20(small({{"ecc_correctable", "10"}, {"ecc_errors_fresh", "1000"}, {"read_retries", "1"}})) {}
};

TEST_F(Uncorrectable, MovesNothing) {
  fill(0);
  const auto read = ssd.read(range(0, 0, 8) + range(9, 0, 4));
  EXPECT_EQ(read.status(), Status::kUnrecoveredReadError);
  EXPECT_EQ(read.failed, 0xffu);
  EXPECT_EQ(read.data, std::vector<u8>(12 * 4096, 0xee));
  EXPECT_EQ(le(ssd.log(0xd0, 64).data, 20, 2), 8u) << "unrecoverable";
}

TEST_F(Ocssd20, FormatMakesAllChunksFree) {
  fill(0);
  ASSERT_TRUE(write(range(1, 0, 4)).ok());
  ASSERT_TRUE(rig.admin(cmd::format(1, 3)).ok());
  EXPECT_EQ(state(0), ChunkState::kFree);
  EXPECT_EQ(state(1), ChunkState::kFree);
  fill(0, 9);
  expect_sector(ssd.read({address(0, 0)}), 0, 9);
  EXPECT_EQ(rig.admin(cmd::format(1, 0)).status, Status::kInvalidFormat) << "the sector size is fixed";
}

// ---- Against a plain model, from the specification

struct PlainChunk {
  u8 state = 1;
  u32 wp = 0;
  u32 erases = 0;
  std::map<u32, u64> tags;
};

constexpr u64 kZeros = ~0ull;  // tag

struct Expected {
  Status status = Status::kSuccess;
  u64 failed = 0;
};

class PlainModel {
 public:
  PlainChunk chunks[kChunks];

  static bool place(u64 a, u32* chunk, u32* sector) {
    const u64 group = a >> 9, unit = a >> 8 & 1, number = a >> 5 & 7;
    *sector = a & 31;
    *chunk = static_cast<u32>((group * 2 + unit) * 5 + number);
    return group < 2 && number < 5 && *sector < kSectors;
  }

  Expected write(const Addresses& to, u64 tag) {
    Expected e;
    u32 c, s;
    const auto fail = [&](Status status, size_t i) {
      e.status = status;
      e.failed |= 1ull << i;
    };
    for (size_t i = 0; i < to.size(); i++) {
      if (!place(to[i], &c, &s) || chunks[c].state == 2 || chunks[c].state == 8) fail(Status::kWriteFault, i);
    }
    if (e.failed != 0) return e;
    for (size_t i = 0; i < to.size();) {
      size_t end = i;
      while (end < to.size() && to[end] >> 5 == to[i] >> 5) end++;
      if ((end - i) % kUnit != 0) {
        for (; i < end; i++) fail(Status::kInvalidField, i);
      }
      i = end;
    }
    if (e.failed != 0) return e;
    std::map<u32, u32> next;
    for (size_t i = 0; i < to.size(); i++) {
      place(to[i], &c, &s);
      if (next.count(c) == 0) next[c] = chunks[c].wp;
      if (s == next[c]) {
        next[c]++;
      } else {
        fail(Status::kOutOfOrderWrite, i);
      }
    }
    if (e.failed != 0) return e;
    for (size_t i = 0; i < to.size(); i++) {
      place(to[i], &c, &s);
      chunks[c].tags[s] = tag + i;
      chunks[c].wp = s + 1;
      chunks[c].state = s + 1 == kSectors ? 2 : 4;
    }
    return e;
  }

  // 0: not readable.
  u64 tag(u64 a) {
    u32 c, s;
    if (!place(a, &c, &s)) return 0;
    const u32 limit = chunks[c].state == 2 ? kSectors : chunks[c].wp > kCached ? chunks[c].wp - kCached : 0;
    return s < limit ? chunks[c].tags.at(s) : 0;
  }

  Expected read(const Addresses& from, bool dulbe) {
    Expected e;
    u32 c, s;
    for (size_t i = 0; i < from.size(); i++) {
      if (!place(from[i], &c, &s)) e = {Status::kLbaOutOfRange, e.failed | 1ull << i};
    }
    if (e.failed != 0 || !dulbe) return e;
    for (size_t i = 0; i < from.size(); i++) {
      if (tag(from[i]) == 0) e = {Status::kUnwrittenBlock, e.failed | 1ull << i};
    }
    return e;
  }

  Expected erase(const Addresses& list) {
    Expected e;
    u32 c, s;
    for (size_t i = 0; i < list.size(); i++) {
      if (!place(list[i], &c, &s)) e = {Status::kInvalidReset, e.failed | 1ull << i};
    }
    if (e.failed != 0) return e;
    for (const u64 a : list) {
      place(a, &c, &s);
      chunks[c] = {1, 0, chunks[c].erases + 1, {}};
    }
    return e;
  }
};

class RandomVectors : public testing::TestWithParam<u32> {};

TEST_P(RandomVectors, BehaveAsThePlainModel) {
  Rig rig(small({{"dispatchers", GetParam() % 2 == 0 ? "1" : "2"}}), GetParam() % 3 + 1);
  rig.start(2);
  OpenChannelDriver ssd(rig);
  PlainModel model;
  std::mt19937 random(GetParam());
  const auto below = [&](u32 limit) { return static_cast<u32>(random() % limit); };
  std::map<Status, u32> seen;
  u64 tag = 1;
  bool dulbe = false;
  for (u32 round = 0; round < 1500; round++) {
    Addresses list;
    Expected expected;
    OpenChannelDriver::Result result{};
    // Mostly what could be right, now and then anything.
    const auto anywhere = [&] { return below(20) == 0 ? u64{random()} & 0x7ff : address(below(kChunks), below(kSectors)); };
    switch (below(8)) {
      case 0:
      case 1:
      case 2: {  // write
        for (u32 groups = 1 + below(3), g = 0; g < groups; g++) {
          const u32 c = below(kChunks);
          const u32 count = below(12) == 0 ? 1 + below(5) : 2 * (1 + below(8));
          for (u32 i = 0; i < count && list.size() < 64; i++) list.push_back(address(c, 0) + model.chunks[c].wp + i);
        }
        if (below(10) == 0) list[below(static_cast<u32>(list.size()))] = anywhere();
        std::vector<u8> data, metadata;
        for (size_t i = 0; i < list.size(); i++) {
          OpenChannelDriver::append(data, ssd.data_of(tag + i));
          OpenChannelDriver::append(metadata, ssd.metadata_of(tag + i));
        }
        result = ssd.write(list, data, metadata);
        expected = model.write(list, tag);
        tag += list.size();
        break;
      }
      case 3: {  // copy
        const u32 c = below(kChunks), count = 2 * (1 + below(6));
        Addresses to;
        std::vector<u64> tags;
        for (u32 i = 0; i < count; i++) {
          list.push_back(anywhere());
          to.push_back(address(c, 0) + model.chunks[c].wp + i);
          tags.push_back(model.tag(list[i]));
        }
        expected = model.read(list, dulbe);
        if (expected.status == Status::kSuccess) {
          expected = model.write(to, 0);
          if (expected.status == Status::kSuccess) {
            u32 chunk, sector;
            for (u32 i = 0; i < count; i++) {
              PlainModel::place(to[i], &chunk, &sector);
              // Zeros that were copied are there to be read.
              model.chunks[chunk].tags[sector] = tags[i] == 0 ? kZeros : tags[i];
            }
          }
        }
        result = ssd.copy(list, to);
        break;
      }
      case 4:  // reset
        for (u32 i = 0, count = 1 + below(3); i < count; i++) list.push_back(anywhere());
        result = ssd.erase(list);
        expected = model.erase(list);
        break;
      case 5:
        dulbe = below(2) != 0;
        ASSERT_TRUE(ssd.set_feature(5, dulbe ? 1u << 16 : 0).ok());
        continue;
      default:
        for (u32 i = 0, count = 1 + below(64); i < count; i++) list.push_back(anywhere());
        expected = model.read(list, dulbe);
        result = ssd.read(list);
        if (expected.status != Status::kSuccess) {
          ASSERT_EQ(result.data, std::vector<u8>(list.size() * 4096, 0xee)) << "round " << round;
          break;
        }
        for (size_t i = 0; i < list.size(); i++) {
          const u64 t = model.tag(list[i]) == kZeros ? 0 : model.tag(list[i]);
          const std::vector<u8> data = t == 0 ? std::vector<u8>(4096) : ssd.data_of(t);
          const std::vector<u8> metadata = t == 0 ? std::vector<u8>(16) : ssd.metadata_of(t);
          ASSERT_EQ(std::memcmp(&result.data[i * 4096], data.data(), 4096), 0) << "round " << round << " sector " << i;
          ASSERT_EQ(std::memcmp(&result.metadata[i * 16], metadata.data(), 16), 0) << "round " << round;
        }
    }
    ASSERT_EQ(result.status(), expected.status) << "round " << round;
    ASSERT_EQ(result.failed, expected.failed) << "round " << round;
    seen[expected.status]++;
    if (round % 16 == 0) {
      const auto chunks = ssd.chunks(kChunks);
      for (u32 c = 0; c < kChunks; c++) {
        ASSERT_EQ(chunks[c].state, model.chunks[c].state) << "round " << round << " chunk " << c;
        ASSERT_EQ(chunks[c].wp, model.chunks[c].wp) << "round " << round << " chunk " << c;
        ASSERT_EQ(chunks[c].wear_index, model.chunks[c].erases * 255 / 1000);
      }
    }
  }
  for (const Status status : {Status::kSuccess, Status::kWriteFault, Status::kInvalidField, Status::kOutOfOrderWrite,
                              Status::kLbaOutOfRange, Status::kUnwrittenBlock, Status::kInvalidReset}) {
    EXPECT_GT(seen[status], 0u) << "status " << static_cast<u32>(status) << " was never met";
  }
  EXPECT_EQ(rig.runner.fault(), "");
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomVectors, testing::Range(1u, 7u));

TEST(OcssdDeterminism, SameCommandsSameStateAndTimes) {
  u64 hash[2], time[2];
  for (u32 run = 0; run < 2; run++) {
    Rig rig(small({{"write_fail", "*/*/*/*/2"}, {"reset_fail", "*/*/*/2"}}));
    rig.start();
    OpenChannelDriver ssd(rig);
    std::mt19937 random(5);
    for (u32 i = 0; i < 400; i++) {
      const u32 chunk = static_cast<u32>(random() % kChunks);
      const u64 wp = ssd.chunk(chunk).wp;
      if (random() % 8 == 0) {
        ssd.erase({address(chunk, 0)});
      } else if (wp < kSectors) {
        ssd.write({address(chunk, 0) + wp, address(chunk, 0) + wp + 1}, std::vector<u8>(8192, 1));
      }
    }
    hash[run] = nvmev_dev_state_hash(rig.device.get());
    time[run] = rig.runner.now();
  }
  EXPECT_EQ(hash[0], hash[1]);
  EXPECT_EQ(time[0], time[1]);
  EXPECT_NE(hash[0], 0u);
}

TEST(OcssdTiming, UnitsWorkInParallelAndChunksOfAUnitDoNot) {
  Rig rig(small({{"mw_cunits", "0"}, {"nand_command", "0"}, {"channel_bandwidth", "64000"}, {"pcie_bandwidth", "64000"}}));
  rig.start();
  OpenChannelDriver ssd(rig);
  const auto time = [&](const Addresses& list, bool write) {
    const u64 before = rig.runner.now();
    const auto result = write ? ssd.write(list, std::vector<u8>(list.size() * 4096, 1)) : ssd.read(list);
    EXPECT_TRUE(result.ok());
    return rig.runner.now() - before;
  };
  const auto near = [](u64 actual, u64 expected) { return actual >= expected && actual < expected + expected / 10; };
  EXPECT_PRED2(near, time(range(0, 0, 4), true), 1900000u) << "WS_OPT: a program of all planes";
  EXPECT_PRED2(near, time(range(1, 0, 8), true), 2 * 1900000u) << "two of them on a unit";
  EXPECT_PRED2(near, time(range(2, 0, 4) + range(7, 0, 4) + range(12, 0, 4), true), 1900000u) << "three units";
  EXPECT_PRED2(near, time(range(1, 0, 4), false), 70000u);
  const u64 before = rig.runner.now();
  ASSERT_TRUE(ssd.erase({address(0, 0), address(5, 0)}).ok());
  EXPECT_PRED2(near, rig.runner.now() - before, 3000000u) << "two units erase at once";
}

}  // namespace
}  // namespace nvmev::test
