// SPDX-License-Identifier: GPL-2.0-only
// State of key-value, zoned and open-channel SSDs: through state files with commands of their own, and what their FTLs do with bytes that
// nobody of ours wrote.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "ftl/ocssd/ocssd12.h"
#include "ftl/ocssd/ocssd20.h"
#include "host/attached.h"
#include "host/damage.h"
#include "host/kv_commands.h"
#include "host/kv_device.h"
#include "host/memory_archive.h"
#include "host/open_channel.h"
#include "nvmev/nvme/zns.h"

namespace nvmev::test {
namespace {

using nvme::Status;

// What was stored where, in terms of each kind: a number of the place, and what its bytes are made of.
using Contents = std::map<u64, u64>;

struct Kind {
  const char* name;
  Settings settings;
  u32 format;  // as Format NVM wants it
  void (*change)(Rig&, Contents&, u64 seed, u32 count);
  bool (*holds)(Rig&, const Contents&);
  Settings other;  // in which it differs
  const char* refusal;
};

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

// ---- Key-value: key number -> seed of the value

std::string key_of(u64 number) { return "key" + std::to_string(number * 7919); }
std::vector<u8> value_of(u64 seed) { return pattern(seed * 2654435761u % 9000, seed); }

void change_kv(Rig& rig, Contents& contents, u64 seed, u32 count) {
  KvDriver driver(rig);
  std::mt19937_64 random(seed);
  for (u32 i = 0; i < count; i++) {
    const u64 number = random() % 300;
    if (random() % 4 == 0) {
      const Status status = driver.remove(key_of(number));
      ASSERT_EQ(status, contents.erase(number) != 0 ? Status::kSuccess : Status::kKeyDoesNotExist);
    } else {
      contents[number] = seed * 1000 + i;
      ASSERT_EQ(driver.store(key_of(number), value_of(contents[number])), Status::kSuccess);
    }
  }
}

bool holds_kv(Rig& rig, const Contents& contents) {
  KvDriver driver(rig);
  std::vector<std::string> keys;
  for (const auto& [number, seed] : contents) {
    const std::vector<u8> value = value_of(seed);
    const KvDriver::Result result = driver.retrieve(key_of(number), std::max<u32>(static_cast<u32>(value.size()), 1));
    if (!result.completion.ok() || result.completion.dw0 != value.size()) return false;
    if (!std::equal(value.begin(), value.end(), result.bytes.begin())) return false;
    keys.push_back(key_of(number));
  }
  std::sort(keys.begin(), keys.end());
  return driver.list_all(4096) == keys;
}

// ---- Open-channel 2.0: sector -> tag. 2 groups of 2 units with 4 chunks of 16 sectors.

constexpr u32 kChunks20 = 16, kSectors20 = 16;

u64 address20(u32 chunk, u32 sector) { return static_cast<u64>(chunk) << 4 | sector; }

void append_sector(const OpenChannelDriver& ssd, u64 tag, std::vector<u8>& data, std::vector<u8>& metadata) {
  OpenChannelDriver::append(data, ssd.data_of(tag));
  OpenChannelDriver::append(metadata, ssd.metadata_of(tag));
}

// Writes at the write pointer of some chunk, or resets it where it is full.
void change_oc20(Rig& rig, Contents& contents, u64 seed, u32 count) {
  OpenChannelDriver ssd(rig);
  std::mt19937_64 random(seed);
  for (u32 i = 0; i < count; i++) {
    const u32 chunk = static_cast<u32>(random() % kChunks20);
    const nvme::ChunkDescriptor at = ssd.chunk(chunk);
    if (at.state == static_cast<u8>(nvme::ChunkState::kClosed)) {
      ASSERT_TRUE(ssd.erase({address20(chunk, 0)}).ok());
      for (u32 s = 0; s < kSectors20; s++) contents.erase(address20(chunk, s));
      continue;
    }
    Addresses to;
    std::vector<u8> data, metadata;
    const u32 units = 1 + static_cast<u32>(random() % (kSectors20 - at.wp));
    for (u32 s = 0; s < units; s++) {
      to.push_back(address20(chunk, static_cast<u32>(at.wp) + s));
      contents[to.back()] = seed * 1000000 + i * 1000 + s;
      append_sector(ssd, contents[to.back()], data, metadata);
    }
    ASSERT_TRUE(ssd.write(to, data, metadata).ok());
  }
}

bool holds_oc20(Rig& rig, const Contents& contents) {
  OpenChannelDriver ssd(rig);
  for (u32 chunk = 0; chunk < kChunks20; chunk++) {
    u32 wp = 0;
    while (wp < kSectors20 && contents.count(address20(chunk, wp)) != 0) wp++;
    if (ssd.chunk(chunk).wp != wp) return false;
    Addresses from;
    std::vector<u8> data, metadata;
    for (u32 s = 0; s < wp; s++) {
      from.push_back(address20(chunk, s));
      append_sector(ssd, contents.at(from.back()), data, metadata);
    }
    if (from.empty()) continue;
    const OpenChannelDriver::Result result = ssd.read(from);
    if (!result.ok() || result.data != data || result.metadata != metadata) return false;
  }
  return true;
}

// ---- Open-channel 1.2: sector address -> tag. 2 channels of 2 LUNs with 8 blocks of 8 pages of 2 sectors. Each logical block has the
// number of the sector that it was written to last.

constexpr u32 kBlocks12 = 32, kPages12 = 8;

u64 address12(u32 block, u32 page, u32 sector) { return static_cast<u64>(block) << 4 | page << 1 | sector; }

void change_oc12(Rig& rig, Contents& contents, u64 seed, u32 count) {
  OpenChannelDriver ssd(rig);
  std::mt19937_64 random(seed);
  for (u32 i = 0; i < count; i++) {
    const u32 block = static_cast<u32>(random() % kBlocks12);
    u32 page = 0;
    while (page < kPages12 && contents.count(address12(block, page, 0)) != 0) page++;
    if (page == kPages12) {
      ASSERT_TRUE(ssd.erase({address12(block, 0, 0)}).ok());
      for (u32 s = 0; s < 2 * kPages12; s++) contents.erase(address12(block, 0, 0) + s);
      continue;
    }
    const Addresses to{address12(block, page, 0), address12(block, page, 1)};
    std::vector<u8> data, metadata;
    for (u32 s = 0; s < 2; s++) {
      contents[to[s]] = seed * 1000000 + i * 1000 + s;
      append_sector(ssd, contents[to[s]], data, metadata);
    }
    ASSERT_TRUE(ssd.write(to, data, metadata, 0, nvme::kHybridWrite, to[0]).ok());
  }
}

bool holds_oc12(Rig& rig, const Contents& contents) {
  OpenChannelDriver ssd(rig);
  for (const auto& [address, tag] : contents) {
    const OpenChannelDriver::Result result = ssd.read({address});
    if (!result.ok() || result.data != ssd.data_of(tag) || result.metadata != ssd.metadata_of(tag)) return false;
    // Through the map.
    if (ssd.scalar(nvme::NvmOpcode::kRead, address, 1, {}).data != ssd.data_of(tag)) return false;
  }
  return true;
}

// ---- Zoned: block -> seed. 16 zones of 48 blocks of 4 KiB, 64 blocks apart, of which 6 are used.

constexpr u32 kZones = 6, kZoneBlocks = 48, kZoneStride = 64;

// Written up to there, as the report has it; full zones: to the end.
u32 written_zns(Rig& rig, u32 zone) {
  DmaBuffer buffer(rig.driver.arena(), 128);
  nvme::Sqe sqe{};
  sqe.opcode = static_cast<u8>(nvme::ZnsOpcode::kZoneManagementReceive);
  sqe.nsid = 1;
  sqe.cdw10 = zone * kZoneStride;
  sqe.cdw12 = 128 / 4 - 1;
  sqe.prp1 = buffer.bus(0);
  EXPECT_TRUE(rig.io(sqe).ok());
  nvme::ZoneDescriptor descriptor;
  std::memcpy(&descriptor, buffer.read().data() + 64, sizeof(descriptor));
  if (descriptor.state >> 4 == static_cast<u8>(nvme::ZoneState::kFull)) return kZoneBlocks;
  return static_cast<u32>(descriptor.write_pointer - zone * kZoneStride);
}

void change_zns(Rig& rig, Contents& contents, u64 seed, u32 count) {
  rig.driver.lba_size = 4096;
  std::mt19937_64 random(seed);
  for (u32 i = 0; i < count; i++) {
    const u32 zone = static_cast<u32>(random() % kZones);
    const u64 start = zone * kZoneStride;
    const u32 at = written_zns(rig, zone);
    if (at == kZoneBlocks) {
      nvme::Sqe reset{};
      reset.opcode = static_cast<u8>(nvme::ZnsOpcode::kZoneManagementSend);
      reset.nsid = 1;
      reset.cdw10 = static_cast<u32>(start);
      reset.cdw13 = static_cast<u32>(nvme::ZoneSendAction::kReset);
      ASSERT_TRUE(rig.io(reset).ok());
      for (u32 b = 0; b < kZoneBlocks; b++) contents.erase(start + b);
      continue;
    }
    std::vector<u8> data;
    for (u64 blocks = 1 + random() % (kZoneBlocks - at); blocks != 0; blocks--) {
      const u64 block = start + at + data.size() / 4096;
      contents[block] = seed * 1000000 + block;
      const std::vector<u8> bytes = pattern(4096, contents[block]);
      data.insert(data.end(), bytes.begin(), bytes.end());
    }
    ASSERT_TRUE(rig.driver.write(start + at, data).ok());
  }
  // Power would do that: the next run finds the same.
  nvme::Sqe close{};
  close.opcode = static_cast<u8>(nvme::ZnsOpcode::kZoneManagementSend);
  close.nsid = 1;
  close.cdw13 = static_cast<u32>(nvme::ZoneSendAction::kClose) | nvme::kSendSelectAll;
  ASSERT_TRUE(rig.io(close).ok());
}

bool holds_zns(Rig& rig, const Contents& contents) {
  rig.driver.lba_size = 4096;
  for (u32 zone = 0; zone < kZones; zone++) {
    u32 end = 0;
    while (end < kZoneBlocks && contents.count(zone * kZoneStride + end) != 0) end++;
    if (written_zns(rig, zone) != end) return false;
  }
  for (const auto& [block, seed] : contents) {
    if (rig.driver.read(block, 1).bytes != pattern(4096, seed)) return false;
  }
  return true;
}

const Settings kZns{{"type", "zns"},       {"capacity", "4M"},       {"lba_size", "4096"},        {"channels", "2"},
                    {"planes", "1"},       {"page_size", "16K"},     {"dies_per_channel", "2"},   {"program_pages", "1"},
                    {"pages_per_block", "16"}, {"zone_size", "256K"}, {"zone_capacity", "192K"}, {"zone_write_buffer", "64K"}};
const Settings kKv{{"type", "kv"}, {"capacity", "32M"}, {"channels", "2"}, {"dies_per_channel", "1"}, {"write_buffer_size", "256K"}};
const Settings kOc20{{"type", "ocssd"}, {"capacity", "2M"}, {"num_grp", "2"}, {"num_pu", "2"},    {"num_chk", "4"},
                     {"num_sec", "16"}, {"ws_min", "1"},    {"ws_opt", "1"},  {"mw_cunits", "0"}};
const Settings kOc12{{"type", "ocssd"}, {"lver", "1"},         {"capacity", "2200K"}, {"lnum_ch", "2"},
                     {"lnum_lun", "2"}, {"lsecs_per_pg", "2"}, {"lpgs_per_blk", "8"}};

Settings operator+(Settings settings, const Settings& more) {
  for (const auto& [key, value] : more) settings.add(key, value);
  return settings;
}

const Kind kKinds[] = {
    {"kv", kKv, 0, change_kv, holds_kv, {{"value_unit", "1024"}}, "the size of a unit of values is 512 there and 1024 here"},
    {"kv_flash_index", kKv + Settings{{"index_cache_size", "8192"}}, 0, change_kv, holds_kv, {{"index_cache_size", "0"}},
     "whether the index is in flash is 1 there and 0 here"},
    {"kv_nvm", kKv + Settings{{"kv_timing", "nvm"}}, 0, change_kv, holds_kv, {{"kv_timing", "conv"}},
     "kv_timing is 1 there and 0 here"},
    {"zns", kZns, 1, change_zns, holds_zns, {{"zone_capacity", "256K"}}, "the capacity of a zone is 196608 there and 262144 here"},
    {"ocssd20", kOc20, 3, change_oc20, holds_oc20, {{"num_grp", "1"}, {"num_pu", "4"}}, "the number of groups is 2 there and 1 here"},
    {"ocssd12", kOc12, 3, change_oc12, holds_oc12, {{"lnum_ch", "4"}, {"lnum_lun", "1"}}, "the number of groups is 2 there and 4 here"},
};

class StateOf : public testing::TestWithParam<Kind> {
 protected:
  static bool holds(Attached& run, const Contents& contents) { return GetParam().holds(run.rig, contents); }
  static void change(Attached& run, Contents& contents, u64 seed, u32 count) {
    GetParam().change(run.rig, contents, seed, count);
  }
};

TEST_P(StateOf, DataAndDecisionsSurvive) {
  TestFile file;
  Contents contents;
  u64 hash = 0;
  for (u32 i = 1; i < 6; i++) {
    Attached run(file, GetParam().settings);
    ASSERT_EQ(run.loaded, 0) << run.message;
    if (i != 1) EXPECT_EQ(nvmev_dev_state_hash(run.rig.device.get()), hash);
    ASSERT_TRUE(holds(run, contents)) << i;
    change(run, contents, i, 150);
    ASSERT_TRUE(holds(run, contents)) << i;
    ASSERT_EQ(run.save(), 0) << run.message;
    hash = nvmev_dev_state_hash(run.rig.device.get());
    EXPECT_NE(hash, 0u);
    // A save on demand, after which life goes on.
    change(run, contents, 100 + i, 20);
    ASSERT_EQ(run.save(), 0) << run.message;
    hash = nvmev_dev_state_hash(run.rig.device.get());
  }
}

TEST_P(StateOf, InterruptedSavesLoseNothing) {
  std::mt19937_64 random(7);
  TestFile file;
  Contents saved;
  u32 failures = 0;
  for (u32 i = 0; i < 200; i++) {
    Attached run(file, GetParam().settings);
    ASSERT_EQ(run.loaded, 0) << "run " << i << ": " << run.message;
    ASSERT_TRUE(holds(run, saved)) << "run " << i;
    Contents contents = saved;
    if (i % 20 == 0) {
      contents.clear();
      nvme::Sqe format = cmd::admin(nvme::AdminOpcode::kFormatNvm, 1);
      format.cdw10 = GetParam().format;
      ASSERT_TRUE(run.rig.admin(format).ok());
    }
    change(run, contents, i + 1, 5);
    if (i != 0) run.rig.host.file.fail_after(random() % 8);
    const bool ok = run.save() == 0;
    if (run.rig.host.file.operations() != 0) file.crash(random);
    if (ok) saved = contents;
    failures += !ok;
    if (ok) continue;
    // A save that failed at its very end may still have come to be.
    Attached look(file, GetParam().settings);
    ASSERT_EQ(look.loaded, 0) << look.message;
    if (holds(look, contents)) saved = contents;
  }
  EXPECT_GT(failures, 50u);
}

TEST_P(StateOf, WhatIsDamagedIsRefused) {
  TestFile good;
  Contents contents;
  {
    Attached run(good, GetParam().settings);
    change(run, contents, 1, 100);
    ASSERT_EQ(run.save(), 0);
  }
  std::mt19937_64 random(3);
  for (u32 i = 0; i < 40; i++) {
    TestFile file = good;
    std::vector<u8> bytes = good.bytes();
    const u64 bit = (8192 + random() % (bytes.size() - 8192)) * 8 + random() % 8;
    bytes[bit / 8] ^= static_cast<u8>(1u << bit % 8);
    file.replace(bytes);
    Attached run(file, GetParam().settings);
    EXPECT_NE(run.message.find("it is damaged: its checksum is"), std::string::npos) << run.message;
    EXPECT_EQ(run.rig.host.file.bytes(), bytes);
  }
  std::vector<u8> bytes = good.bytes();
  bytes.resize(bytes.size() - 1);
  good.replace(bytes);
  EXPECT_NE(Attached(good, GetParam().settings).message.find("it is cut off"), std::string::npos);
}

TEST_P(StateOf, OtherGeometriesAreRefused) {
  TestFile file;
  Contents contents;
  {
    Attached run(file, GetParam().settings);
    change(run, contents, 1, 10);
    ASSERT_EQ(run.save(), 0);
  }
  const Attached other(file, GetParam().settings + GetParam().other);
  EXPECT_NE(other.loaded, 0);
  EXPECT_NE(other.message.find(GetParam().refusal), std::string::npos) << other.message;
}

TEST_P(StateOf, AllocationFailuresAreErrors) {
  TestFile file;
  Contents contents;
  {
    Attached run(file, GetParam().settings);
    change(run, contents, 1, 50);
    ASSERT_EQ(run.save(), 0);
  }
  Rig rig(GetParam().settings);
  rig.host.file = file;
  rig.host.limit_medium_pages(0);
  nvmev_error error{};
  EXPECT_NE(nvmev_dev_load(rig.device.get(), &error), 0);
  EXPECT_NE(std::string(error.text).find("no memory"), std::string::npos) << error.text;
}

INSTANTIATE_TEST_SUITE_P(Types, StateOf, testing::ValuesIn(kKinds), [](const auto& kind) { return kind.param.name; });

// ---- What else there is of each

u64 statistic(Rig& rig, const std::string& name) {
  const std::string text = "\n" + rig.device.report();
  const size_t at = text.find("\n" + name + " ");
  return at != std::string::npos ? std::stoull(text.substr(at + name.size() + 2)) : ~0ull;
}

TEST(StateOfKv, StatisticsGoOnAndIteratorsEnd) {
  TestFile file;
  Contents contents;
  const auto iterator = [](Rig& rig) {
    nvme::Sqe sqe{};
    sqe.opcode = static_cast<u8>(nvme::KvVendorOpcode::kIteratorRequest);
    sqe.nsid = 1;
    sqe.cdw11 = nvme::kv_vendor::kIteratorOpen << 8;
    return rig.io(sqe);
  };
  {
    Attached run(file, kKv);
    change_kv(run.rig, contents, 1, 100);
    for (u32 i = 0; i < 16; i++) ASSERT_TRUE(iterator(run.rig).ok());
    ASSERT_FALSE(iterator(run.rig).ok());
    ASSERT_EQ(run.save(), 0);
  }
  Attached run(file, kKv);
  EXPECT_EQ(statistic(run.rig, "kv_keys"), contents.size());
  EXPECT_GT(statistic(run.rig, "kv_stores"), 50u);
  for (u32 i = 0; i < 16; i++) EXPECT_TRUE(iterator(run.rig).ok());
}

TEST(StateOfOcssd, WearNotificationsAndFaultsSurvive) {
  TestFile file;
  const Settings settings = kOc20 + Settings{{"pe_cycles", "20"}, {"wit", "5"}, {"write_fail", "0/0/1/*/100"}, {"chunk_state", "0/0/2/offline"}};
  std::vector<u8> notices;
  std::vector<nvme::ChunkDescriptor> chunks;
  {
    Attached run(file, settings);
    OpenChannelDriver ssd(run.rig);
    for (u32 i = 0; i < 10; i++) {
      Addresses to;
      std::vector<u8> data(16 * 4096), metadata(16 * 16);
      for (u32 s = 0; s < 16; s++) to.push_back(address20(0, s));
      ASSERT_TRUE(ssd.write(to, data, metadata).ok());
      ASSERT_TRUE(ssd.erase({address20(0, 0)}).ok());
    }
    // The chunk closes at once, and its next reset takes it offline.
    EXPECT_EQ(ssd.write({address20(1, 0)}, std::vector<u8>(4096), std::vector<u8>(16)).status(), Status::kChunkClosedEarly);
    chunks = ssd.chunks(kChunks20);
    notices = ssd.log(0xd0, 4096).data;
    ASSERT_NE(notices[0], 0);
    ASSERT_EQ(run.save(), 0);
  }
  // What chunk_state says is of a new device.
  Attached run(file, kOc20 + Settings{{"pe_cycles", "20"}, {"wit", "5"}, {"chunk_state", "*/*/*/free"}});
  ASSERT_EQ(run.loaded, 0) << run.message;
  OpenChannelDriver ssd(run.rig);
  const std::vector<nvme::ChunkDescriptor> now = ssd.chunks(kChunks20);
  EXPECT_EQ(std::memcmp(now.data(), chunks.data(), now.size() * sizeof(now[0])), 0);
  EXPECT_EQ(ssd.log(0xd0, 4096).data, notices);
  EXPECT_FALSE(ssd.erase({address20(1, 0)}).ok());
  EXPECT_EQ(ssd.chunk(1).state, static_cast<u8>(nvme::ChunkState::kOffline));
  EXPECT_EQ(statistic(run.rig, "chunks_offline"), 2u);
  EXPECT_EQ(statistic(run.rig, "chunks_open"), 0u);
}

TEST(StateOfOcssd, BadBlocksSurvive) {
  TestFile file;
  {
    Attached run(file, kOc12);
    OpenChannelDriver ssd(run.rig);
    // Set bad-block table: block 3 is a grown bad one.
    const u64 address = address12(3, 0, 0);
    nvme::Sqe sqe{};
    sqe.opcode = nvme::kSetBadBlockTable;
    sqe.nsid = 1;
    sqe.cdw10 = static_cast<u32>(address);
    sqe.cdw12 = nvme::block_type::kGrownBad << 16;
    ASSERT_TRUE(run.rig.admin(sqe).ok());
    EXPECT_FALSE(ssd.erase({address}).ok());
    ASSERT_EQ(run.save(), 0);
  }
  Attached run(file, kOc12);
  OpenChannelDriver ssd(run.rig);
  EXPECT_FALSE(ssd.erase({address12(3, 0, 0)}).ok());
  EXPECT_TRUE(ssd.erase({address12(2, 0, 0)}).ok());
}

// ---- Bytes that nobody of ours wrote: they are refused, or the FTL goes on as one of its own.

class HostileKv : public testing::TestWithParam<const char*> {};

TEST_P(HostileKv, BytesAreRefusedOrMakeAStore) {
  std::mt19937_64 random(11);
  const std::string keys = std::string("capacity=1M kv_timing=nvm ") + GetParam();
  const auto work = [](KvDevice& device, u64 seed, u32 count) {
    std::mt19937_64 choice(seed);
    for (u32 i = 0; i < count; i++) {
      std::string key(1 + choice() % (choice() % 3 == 0 ? 255 : 16), '\0');
      for (char& c : key) c = static_cast<char>('a' + choice() % 3);
      u32 length;
      switch (choice() % 3) {
        case 0:
          device.remove(key);
          break;
        case 1:
          device.get(key, &length);
          break;
        default:
          device.put(key, static_cast<u32>(choice() % 5000));
      }
    }
  };
  KvDevice good(keys);
  work(good, 1, 1200);
  ASSERT_STREQ(good->inconsistency(), "");
  MemoryArchive saved;
  u64 now = good.now;
  good->transfer(saved, &now);
  ASSERT_TRUE(saved.ok());
  {
    KvDevice same(keys);
    MemoryArchive archive(saved.contents());
    same->transfer(archive, &now);
    ASSERT_TRUE(archive.ok()) << archive.message();
    EXPECT_TRUE(archive.at_end());
    EXPECT_STREQ(same->inconsistency(), "");
    EXPECT_EQ(same->state_hash(), good->state_hash());
    EXPECT_EQ(same->usage().keys, good->usage().keys);
    EXPECT_EQ(same->usage().key_bytes, good->usage().key_bytes);
    EXPECT_EQ(same->usage().used_bytes, good->usage().used_bytes);
  }
  u32 refused = 0, taken = 0;
  for (u32 i = 0; i < 1500; i++) {
    KvDevice device(keys);
    MemoryArchive archive(damaged(saved.contents(), random));
    device->transfer(archive, &now);
    refused += !archive.ok();
    if (!archive.ok()) continue;
    taken++;
    ASSERT_STREQ(device->inconsistency(), "") << i;
    device.now = now;
    work(device, i, 40);
    ASSERT_STREQ(device->inconsistency(), "") << i;
  }
  EXPECT_GT(refused, 100u);
  EXPECT_GT(taken, 10u);
}

INSTANTIATE_TEST_SUITE_P(Keys, HostileKv, testing::Values("", "value_unit=4096", "index_cache_size=8192"));

template <typename Type>
class OcDevice : public FtlDevice<Type> {
 public:
  explicit OcDevice(const std::string& keys) : FtlDevice<Type>(FtlDevice<Type>::configure("ocssd", keys, nullptr)) {}

  // Writes, reads and erases at random addresses, some of them in order.
  void work(u64 seed, u32 count) {
    std::mt19937_64 random(seed);
    SectorRun runs[kMaxRuns];
    u64 list[16];
    for (u32 i = 0; i < count; i++) {
      const u64 chunk = random() % 18;
      const u32 first = static_cast<u32>(random() % 3 == 0 ? random() % 17 : 0);
      for (u32 k = 0; k < 16; k++) list[k] = chunk << 4 | ((first + k) & 31);
      VectorRequest request{};
      const VectorOp ops[] = {VectorOp::kWrite, VectorOp::kRead, VectorOp::kErase, VectorOp::kHybridWrite};
      request.op = ops[random() % 4];
      if (request.op == VectorOp::kHybridWrite && !(*this)->has_l2p_table()) request.op = VectorOp::kScalarRead;
      request.from = {list, 0, 1 + static_cast<u32>(random() % 16)};
      request.logical = random() % 64;
      const VectorOutcome outcome = (*this)->execute(this->now, request, runs);
      this->now = outcome.done;
      // Where the controller would move data.
      for (u32 r = 0; outcome.moves && r < outcome.runs; r++) {
        if (runs[r].sector != kNoSector) ASSERT_LE(runs[r].sector + runs[r].count, (*this)->layout().sectors);
      }
      if ((*this)->has_l2p_table()) (*this)->mapped(random() % (*this)->blocks());
      nvme::ChunkNotification notification;
      while ((*this)->take_notification(&notification)) {
      }
    }
  }
};

template <typename Type>
void feed_damaged(const std::string& keys) {
  std::mt19937_64 random(13);
  OcDevice<Type> good(keys);
  good.work(1, 400);
  MemoryArchive saved;
  u64 now = good.now;
  good->transfer(saved, &now);
  ASSERT_TRUE(saved.ok());
  u32 refused = 0, taken = 0;
  for (u32 i = 0; i < 2000; i++) {
    OcDevice<Type> device(keys);
    MemoryArchive archive(i == 0 ? saved.contents() : damaged(saved.contents(), random));
    device->transfer(archive, &now);
    refused += !archive.ok();
    if (!archive.ok()) continue;
    taken++;
    if (i == 0) ASSERT_EQ(device->state_hash(), good->state_hash());
    device.now = now;
    device.work(i, 30);
  }
  EXPECT_GT(refused, 100u);
  EXPECT_GT(taken, 10u);
}

TEST(HostileOcssd, BytesAreRefusedOrMakeChunks) {
  feed_damaged<ocssd::Ocssd20>("capacity=2M num_grp=2 num_pu=2 num_chk=4 num_sec=16 ws_min=1 ws_opt=1 mw_cunits=0 maxoc=6 maxocpu=3 pe_cycles=40 wit=3");
}

TEST(HostileOcssd, BytesAreRefusedOrMakeBlocks) {
  feed_damaged<ocssd::Ocssd12>("lver=1 capacity=2M lnum_ch=2 lnum_lun=2 lsecs_per_pg=2 lpgs_per_blk=8");
}

}  // namespace
}  // namespace nvmev::test
