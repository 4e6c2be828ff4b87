// SPDX-License-Identifier: GPL-2.0-only
// Power cuts: what was flushed or forced is there afterwards, what was not may be gone, and some of it is.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <numeric>
#include <random>

#include "host/kv_commands.h"
#include "host/open_channel.h"
#include "host/rig.h"

namespace nvmev::test {
namespace {

constexpr u32 kBlocks = 200;  // of 4 KiB, that the writes choose from

// A drive whose buffer holds much longer than it takes to write to it.
const Settings kDrive{{"type", "conv"},         {"channels", "2"},        {"dies_per_channel", "1"},
                      {"power_cuts", "1"},      {"early_completion", "1"}, {"write_buffer_size", "1M"},
                      {"program_pages", "1"},   {"planes", "1"},          {"page_size", "16K"},
                      {"nand_program", "2000000"}};

std::vector<u8> contents(u64 version) {
  std::vector<u8> data(4096);
  std::mt19937_64 random(version);
  for (size_t i = 0; i < data.size(); i += 8) {
    const u64 word = random();
    std::memcpy(&data[i], &word, 8);
  }
  return version != 0 ? data : std::vector<u8>(4096);
}

// What each block may hold after a cut: all versions from the last durable one on.
class History {
 public:
  void acknowledged(u32 block, u64 version, bool forced) {
    auto& versions = versions_[block];
    if (forced) versions.clear();
    versions.push_back(version);
  }
  void under_way(u32 block, u64 version) { versions_[block].push_back(version); }
  void flushed() {
    for (auto& [block, versions] : versions_) versions = {versions.back()};
  }

  // Takes what is there as the new truth. Returns how many blocks have lost something.
  u32 check(Rig& rig) {
    u32 lost = 0;
    for (auto& [block, versions] : versions_) {
      const std::vector<u8> found = rig.driver.read(block * 8ull, 8).bytes;
      u64 which = ~0ull;
      for (const u64 version : versions) {
        if (found == contents(version)) which = version;
      }
      EXPECT_NE(which, ~0ull) << "block " << block << " holds none of its " << versions.size() << " versions";
      lost += which != versions.back();
      versions = {which};
    }
    return lost;
  }

 private:
  std::map<u32, std::vector<u64>> versions_ = [] {
    std::map<u32, std::vector<u64>> all;
    for (u32 block = 0; block < kBlocks; block++) all[block] = {0};
    return all;
  }();
};

void cut(Rig& rig, u64 seed) {
  ASSERT_EQ(nvmev_dev_power_cut(rig.device.get(), seed, nullptr), 0);
  for (u32 i = 0; i < 1000 && !nvmev_dev_reset_done(rig.device.get(), 0); i++) rig.runner.step();
  ASSERT_TRUE(nvmev_dev_reset_done(rig.device.get(), 0));
  rig.driver.forget_queues();
  rig.start();
}

Completion write(Rig& rig, u32 block, u64 version, bool forced) {
  DmaBuffer buffer(rig.driver.arena(), 4096);
  buffer.write(contents(version));
  const Prps prps(rig.driver.arena(), buffer);
  nvme::Sqe sqe = cmd::with_prps(cmd::write(block * 8ull, 8), prps);
  if (forced) sqe.cdw12 |= 1u << 30;
  return rig.io(sqe);
}

TEST(PowerCut, NothingDurableIsLostAndSomethingElseIs) {
  Rig rig(kDrive);
  rig.start();
  std::mt19937_64 random(5);
  History history;
  u64 version = 0;
  u32 cuts_with_loss = 0;
  for (u32 round = 0; round < 200; round++) {
    const u32 writes = random() % 100;
    for (u32 i = 0; i < writes; i++) {
      const u32 block = static_cast<u32>(random() % kBlocks);
      const bool forced = random() % 10 == 0;
      ASSERT_TRUE(write(rig, block, ++version, forced).ok());
      history.acknowledged(block, version, forced);
      if (random() % 40 == 0) {
        ASSERT_TRUE(rig.io(cmd::flush()).ok());
        history.flushed();
      }
    }
    ASSERT_NO_FATAL_FAILURE(cut(rig, round));
    cuts_with_loss += history.check(rig) != 0;
  }
  EXPECT_GT(cuts_with_loss, 50u);
}

TEST(PowerCut, CommandsUnderWayEndWithoutACompletion) {
  Rig rig(kDrive);
  rig.start();
  History history;
  std::vector<std::unique_ptr<DmaBuffer>> buffers;
  std::vector<std::unique_ptr<Prps>> lists;
  for (u32 i = 0; i < 20; i++) {
    buffers.push_back(std::make_unique<DmaBuffer>(rig.driver.arena(), 4096));
    buffers.back()->write(contents(i + 1));
    lists.push_back(std::make_unique<Prps>(rig.driver.arena(), *buffers.back()));
    nvme::Sqe sqe = cmd::with_prps(cmd::write(i * 8ull, 8), *lists.back());
    sqe.cdw12 |= 1u << 30;
    rig.driver.submit(1, sqe);
    history.under_way(i, i + 1);
  }
  rig.runner.step();
  ASSERT_NO_FATAL_FAILURE(cut(rig, 1));
  EXPECT_TRUE(rig.driver.reaped().empty());
  history.check(rig);
}

TEST(PowerCut, WithoutAVolatileCacheAllThatIsAcknowledgedIsDurable) {
  for (const Settings::Pair& protection :
       {Settings::Pair{"power_loss_protection", "1"}, Settings::Pair{"early_completion", "0"}}) {
    Settings settings = kDrive;
    if (protection.first == "power_loss_protection") settings.add(protection.first, protection.second);
    Rig rig(settings);
    rig.start();
    if (protection.first == "early_completion") {
      ASSERT_TRUE(rig.driver.set_feature(nvme::Feature::kVolatileWriteCache, 0).ok());
    }
    for (u32 i = 0; i < 100; i++) ASSERT_TRUE(write(rig, i, i + 1, false).ok());
    ASSERT_NO_FATAL_FAILURE(cut(rig, 3));
    for (u32 i = 0; i < 100; i++) ASSERT_EQ(rig.driver.read(i * 8ull, 8).bytes, contents(i + 1)) << i;
    EXPECT_EQ(nvmev_dev_power_cut_lost(rig.device.get()), 0u);
  }
}

TEST(PowerCut, TheSameSeedLosesTheSame) {
  const auto lost = [](u64 seed) {
    Rig rig(kDrive);
    rig.start();
    for (u32 i = 0; i < 100; i++) EXPECT_TRUE(write(rig, i, i + 1, false).ok());
    cut(rig, seed);
    std::vector<bool> there;
    for (u32 i = 0; i < 100; i++) there.push_back(rig.driver.read(i * 8ull, 8).bytes == contents(i + 1));
    return there;
  };
  EXPECT_EQ(lost(1), lost(1));
  EXPECT_NE(lost(1), lost(2));
}

// A write that is lost has not made its blocks readable either.
TEST(PowerCut, UnreadableBlocksStaySoWhereTheWriteIsLost) {
  Rig rig(kDrive);
  rig.start();
  for (u32 i = 0; i < 100; i++) ASSERT_TRUE(write(rig, i, 1000 + i, true).ok());
  // One block of 512 bytes in some, all eight in the others.
  for (u32 i = 0; i < 100; i++) {
    const bool one = i % 2 == 0;
    ASSERT_TRUE(rig.io(cmd::io(nvme::NvmOpcode::kWriteUncorrectable, i * 8ull + (one ? 3 : 0), one ? 1 : 8)).ok());
  }
  ASSERT_TRUE(rig.io(cmd::flush()).ok());
  for (u32 i = 0; i < 100; i++) ASSERT_TRUE(write(rig, i, i + 1, false).ok());
  ASSERT_NO_FATAL_FAILURE(cut(rig, 3));
  u32 lost = 0;
  for (u32 i = 0; i < 100; i++) {
    const Driver::Data found = rig.driver.read(i * 8ull, 8);
    if (found.completion.ok()) {
      EXPECT_EQ(found.bytes, contents(i + 1)) << i;
      continue;
    }
    lost++;
    EXPECT_EQ(found.completion.status, nvme::Status::kUnrecoveredReadError);
    for (u32 block = 0; block < 8; block++) {
      const bool marked = i % 2 != 0 || block == 3;
      EXPECT_EQ(rig.driver.read(i * 8ull + block, 1).completion.ok(), !marked) << i << "." << block;
    }
  }
  EXPECT_GT(lost, 0u);
  EXPECT_LT(lost, 100u);
}

// What a write has replaced, that the cut would bring back, was erased with the rest: also where the last mapping unit is shared with
// another namespace, which is not deallocated then.
TEST(PowerCut, BringsNothingBackThatWasErased) {
  for (const u32 setting : {0u, 1u, 2u}) {
    Settings settings = kDrive;
    settings.add("mapping_unit", "16K");
    Rig rig(settings);
    rig.start();
    ASSERT_TRUE(rig.admin(cmd::manage_namespace(1, cmd::kDeleteNamespace)).ok());
    DmaBuffer data(rig.driver.arena(), 4096);
    constexpr u32 kLast = 4096;
    const u64 blocks = (kLast + 1) * 8;
    std::vector<u32> written(20);
    std::iota(written.begin(), written.end(), 0);
    written.push_back(kLast);  // most likely to be lost
    std::vector<u8> wanted(4096);
    std::memcpy(&wanted[0], &blocks, 8);
    std::memcpy(&wanted[8], &blocks, 8);
    for (u32 id = 1; id <= 2; id++) {
      data.write(wanted);
      const Prps prps(rig.driver.arena(), data);
      ASSERT_TRUE(rig.admin(cmd::with_prps(cmd::manage_namespace(0, cmd::kCreateNamespace), prps)).ok());
      const u16 list[2] = {1, 1};
      data.write(std::vector<u8>(reinterpret_cast<const u8*>(list), reinterpret_cast<const u8*>(list + 2)));
      ASSERT_TRUE(rig.admin(cmd::with_prps(cmd::attach_namespace(id), prps)).ok());
    }
    for (const u64 seed : {1, 2, 3, 4}) {
      for (const u32 i : written) ASSERT_TRUE(write(rig, i, 1000 + i, true).ok());
      for (const u32 i : written) ASSERT_TRUE(write(rig, i, i + 1, false).ok());
      ASSERT_TRUE(rig.admin(cmd::format(1, 0, setting << 9)).ok());
      ASSERT_NO_FATAL_FAILURE(cut(rig, seed));
      for (const u32 i : written) ASSERT_EQ(rig.driver.read(i * 8ull, 8).bytes, contents(0)) << i;
    }
  }
}

TEST(PowerCut, SmartCountsIt) {
  Rig rig(kDrive);
  rig.start();
  ASSERT_NO_FATAL_FAILURE(cut(rig, 1));
  const std::vector<u8> log = rig.driver.get_log(nvme::LogPage::kSmart, 512).bytes;
  EXPECT_EQ(log[112], 2);  // Power Cycles
  EXPECT_EQ(log[144], 1);  // Unsafe Shutdowns
}

TEST(PowerCut, EndsWriteProtectionUntilThePowerCycle) {
  Rig rig(kDrive);
  rig.start();
  for (const auto& [state, status] : {std::pair{nvme::WriteProtection::kUntilPowerCycle, nvme::Status::kSuccess},
                                      {nvme::WriteProtection::kProtected, nvme::Status::kNamespaceWriteProtected}}) {
    nvme::Sqe sqe = cmd::set_feature(nvme::Feature::kWriteProtection, static_cast<u32>(state));
    sqe.nsid = 1;
    ASSERT_TRUE(rig.admin(sqe).ok());
    EXPECT_EQ(write(rig, 1, 1, false).status, nvme::Status::kNamespaceWriteProtected);
    ASSERT_NO_FATAL_FAILURE(cut(rig, 1));
    EXPECT_EQ(write(rig, 1, 1, false).status, status);
  }
}

// Types without a volatile write cache.
TEST(PowerCut, TypesWithoutACacheLoseNothing) {
  for (const char* type : {"nvm", "zns"}) {
    Settings settings{{"type", type}, {"power_cuts", "1"}};
    if (settings.begin()->second == "zns") settings.add("zone_size", "1M");
    Rig rig(settings);
    rig.start();
    for (u32 i = 0; i < 20; i++) ASSERT_TRUE(write(rig, i, i + 1, false).ok());
    ASSERT_NO_FATAL_FAILURE(cut(rig, 3));
    for (u32 i = 0; i < 20; i++) ASSERT_EQ(rig.driver.read(i * 8ull, 8).bytes, contents(i + 1)) << type << " " << i;
    EXPECT_EQ(nvmev_dev_power_cut_lost(rig.device.get()), 0u);
  }
}

TEST(PowerCut, KeysAndValuesSurviveAndIteratorsEnd) {
  Settings settings = kDrive;
  settings.add("type", "kv");
  settings.add("index_cache_size", "8192");
  Rig rig(settings);
  rig.start();
  KvDriver driver(rig);
  nvme::Sqe open{};
  open.opcode = static_cast<u8>(nvme::KvVendorOpcode::kIteratorRequest);
  open.nsid = 1;
  open.cdw11 = nvme::kv_vendor::kIteratorOpen << 8;
  for (u32 round = 0; round < 3; round++) {
    for (u32 i = 0; i < 16; i++) ASSERT_TRUE(rig.io(open).ok());
    ASSERT_FALSE(rig.io(open).ok());
    for (u32 i = 0; i < 300; i++) {
      ASSERT_EQ(driver.store("key" + std::to_string(i), pattern(i * 7, round * 1000 + i)), nvme::Status::kSuccess);
    }
    ASSERT_NO_FATAL_FAILURE(cut(rig, round));
    for (u32 i = 0; i < 300; i++) {
      const KvDriver::Result result = driver.retrieve("key" + std::to_string(i), std::max(i * 7, 1u));
      ASSERT_EQ(result.completion.dw0, i * 7);
      if (i == 0) continue;
      ASSERT_EQ(result.bytes, pattern(i * 7, round * 1000 + i));
    }
  }
}

// Of an open chunk of an open-channel SSD, the last MW_CUNITS sectors may be lost, whole write units from the end.
TEST(PowerCut, OpenChunksGoBackByMwCunitsAtMost) {
  constexpr u32 kSectors = 64, kCached = 24, kUnit = 4;
  Rig rig({{"type", "ocssd"}, {"capacity", "16M"}, {"num_grp", "2"}, {"num_pu", "2"}, {"num_chk", "4"},
           {"num_sec", "64"}, {"ws_min", "4"}, {"ws_opt", "8"}, {"mw_cunits", "24"}, {"power_cuts", "1"}});
  rig.start();
  OpenChannelDriver ssd(rig);
  const auto write_to = [&](u32 chunk, u32 from, u32 count) {
    Addresses to;
    std::vector<u8> data, metadata;
    for (u32 s = from; s < from + count; s++) {
      to.push_back(chunk << 6 | s);
      OpenChannelDriver::append(data, ssd.data_of(to.back()));
      OpenChannelDriver::append(metadata, ssd.metadata_of(to.back()));
    }
    ASSERT_TRUE(ssd.write(to, data, metadata).ok()) << chunk << " " << from;
  };
  u32 whole = 0, part = 0, freed = 0;
  for (u64 seed = 0; seed < 40; seed++) {
    const u32 written = 4 + static_cast<u32>(seed * 4 % 56);
    write_to(0, 0, written);
    write_to(1, 0, kSectors);
    ASSERT_NO_FATAL_FAILURE(cut(rig, seed));
    const nvme::ChunkDescriptor chunk = ssd.chunk(0);
    ASSERT_LE(chunk.wp, written);
    ASSERT_LE(written - chunk.wp, kCached);
    ASSERT_EQ(chunk.wp % kUnit, 0u);
    EXPECT_EQ(chunk.state, static_cast<u8>(chunk.wp == 0 ? nvme::ChunkState::kFree : nvme::ChunkState::kOpen));
    EXPECT_EQ(nvmev_dev_power_cut_lost(rig.device.get()), (written - chunk.wp) * 4096);
    whole += chunk.wp == written;
    part += chunk.wp != written;
    freed += chunk.wp == 0;
    EXPECT_EQ(ssd.chunk(1).wp, kSectors) << "a closed chunk keeps all";
    // The host goes on at the write pointer, and finds all of it.
    write_to(0, static_cast<u32>(chunk.wp), kSectors - static_cast<u32>(chunk.wp));
    for (u32 s = 0; s < kSectors; s++) {
      const OpenChannelDriver::Result sector = ssd.read({s});
      ASSERT_EQ(sector.data, ssd.data_of(s)) << s;
      ASSERT_EQ(sector.metadata, ssd.metadata_of(s)) << s;
    }
    ASSERT_TRUE(ssd.erase({0, 1 << 6}).ok());
  }
  EXPECT_GT(whole, 0u);
  EXPECT_GT(part, 10u);
  EXPECT_GT(freed, 0u);
}

TEST(PowerCut, NeedsItsKey) {
  Rig rig;
  nvmev_error error{};
  EXPECT_NE(nvmev_dev_power_cut(rig.device.get(), 1, &error), 0);
  EXPECT_NE(std::string(error.text).find("power_cuts=0: 1 is right"), std::string::npos);
}

}  // namespace
}  // namespace nvmev::test
