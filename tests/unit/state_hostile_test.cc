// SPDX-License-Identifier: GPL-2.0-only
// What the FTLs of conventional and zoned SSDs do with saved states, their own and those that somebody has changed: the first are
// taken, the others are refused, or as good as any.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "host/conv_device.h"
#include "host/damage.h"
#include "host/memory_archive.h"
#include "host/zns_device.h"

namespace nvmev::test {
namespace {

using nvme::Status;
using nvme::ZoneState;

template <typename Device>
std::vector<u8> save(Device& device) {
  MemoryArchive archive;
  device->transfer(archive, &device.now);
  EXPECT_TRUE(archive.ok()) << archive.message();
  return archive.contents();
}

// The reason why the device does not take the bytes; "".
template <typename Device>
std::string load(Device& device, const std::vector<u8>& bytes, u64 now) {
  MemoryArchive archive(bytes);
  device.now = now;
  device->transfer(archive, &device.now);
  EXPECT_EQ(archive.ok(), archive.message().empty());
  // What is left of a file is refused above the FTL.
  return archive.ok() && !archive.at_end() ? "bytes are left" : archive.message();
}

// With what differs from file to file taken out.
std::string family(const std::string& message) {
  std::string text;
  for (const char c : message) {
    if (c < '0' || c > '9') text += c;
  }
  return text;
}

// ---- Conventional

constexpr char kConv[] =
    "capacity=8M channels=2 dies_per_channel=2 planes=1 page_size=16K program_pages=1 pages_per_block=16 "
    "blocks_per_plane=16 cell=mlc over_provisioning=90 write_buffer_size=256K ";

constexpr const char* kConvVariants[] = {
    "victim=greedy",
    "superblock_dies=1 nand_copyback=1",
    "separation=none superblock_dies=2 victim=cost-benefit",
    "separation=frequency write_buffer=overwrite victim=fifo",
    "separation=generation victim=d-choices",
    "mapping_unit=16K",
    "mapping_cache_size=8K",
    "mapping_cache_size=8K mapping_cache=clock superblock_dies=2 host_memory_buffer=4K",
    "wear_leveling=5 victim=windowed",
    "placement_handles=3 gc_isolation=1 separation=none",
    "background_gc=50 gc_idle_delay=1000",
    "pe_cycles=60 spare_blocks=10 bad_blocks=5 over_provisioning=150",
    "capacity=7M over_provisioning=97.3 stripe=way cell=tlc program_pages=3 pages_per_block=24",
};

class Forgotten final : public PowerLossSink {
 public:
  void lost(const PowerLoss&) override {}
};

void work(ConvDevice& device, u64 seed, u32 count) {
  std::mt19937_64 random(seed);
  conv::Conv& ftl = device.ftl();
  const u64 units = device.units();
  const u32 handles = std::max<u32>(device.config.placement_handles, 1);
  for (u32 i = 0; i < count; i++) {
    device.now += random() % 100'000;
    const u64 first = random() % units;
    const u64 length = 1 + random() % std::min<u64>(30, units - first);
    const u64 offset = first * device.unit(), bytes = length * device.unit();
    switch (random() % 16) {
      case 0:
        device.read(first, length);
        break;
      case 1:
        device.deallocate(first, length);
        break;
      case 2:
        device.run(IoOp::kFlush, 0, 0);
        if (device.config.placement_handles != 0) ftl.update(device.now, static_cast<u16>(random() % handles));
        break;
      case 3:
        device.run(IoOp::kWriteZeroes, offset + 512, bytes - 512);
        break;
      case 4:
        if (random() % 8 == 0) ftl.set_host_memory(random() % 3 * 4096);
        if (random() % 64 == 0) {
          Forgotten lost;
          ftl.power_cycle(device.now, random(), lost);
        }
        break;
      default:
        device.run(IoOp::kWrite, offset, bytes, random() % 8 == 0, static_cast<u16>(random() % handles));
    }
  }
}

class HostileConv : public testing::TestWithParam<const char*> {
 protected:
  static std::string keys() { return std::string(kConv) + GetParam(); }
};

TEST_P(HostileConv, WhatItSavesItTakes) {
  ConvDevice device(keys());
  for (u32 i = 0; i < 60; i++) {
    const std::vector<u8> bytes = save(device);
    ConvDevice next(keys());
    ASSERT_EQ(load(next, bytes, device.now), "") << i;
    ASSERT_STREQ(next.ftl().inconsistency(), "") << i;
    ASSERT_EQ(next->state_hash(), device->state_hash());
    if (i % 20 == 19) device.ftl().format();
    work(i % 2 == 0 ? device : next, i, 150);
    ASSERT_STREQ(next.ftl().inconsistency(), "") << i;
  }
  EXPECT_GT(device.ftl().statistics().collections.get(), 10u);
}

TEST_P(HostileConv, BytesAreRefusedOrMakeAMap) {
  ConvDevice good(keys());
  work(good, 1, 1500);
  const std::vector<u8> bytes = save(good);
  std::mt19937_64 random(5);
  u32 refused = 0, taken = 0;
  for (u32 i = 0; i < 700; i++) {
    ConvDevice device(keys());
    if (load(device, damaged(bytes, random), good.now) != "") {
      refused++;
      continue;
    }
    taken++;
    ASSERT_STREQ(device.ftl().inconsistency(), "") << i;
    work(device, i, 60);
    ASSERT_STREQ(device.ftl().inconsistency(), "") << i;
  }
  EXPECT_GT(refused, 100u);
  EXPECT_GT(taken, 10u);
}

INSTANTIATE_TEST_SUITE_P(Keys, HostileConv, testing::ValuesIn(kConvVariants));

// Each byte in turn: all that is looked at has a line of its own.
TEST(HostileConvTables, EachRefusalNamesWhatIsWrong) {
  const std::string keys = std::string(kConv) +
                           "capacity=4M over_provisioning=200 mapping_cache_size=4K "
                           "pe_cycles=40 spare_blocks=10 bad_blocks=5 placement_handles=2 gc_free_blocks=3 ";
  ConvDevice good(keys);
  for (u32 i = 0; i < 3000 && good.ftl().health().available_spare > 60; i++) work(good, i, 20);
  const std::vector<u8> bytes = save(good);
  std::set<std::string> families;
  std::mt19937_64 random(3);
  for (size_t at = 0; at < bytes.size(); at += 1 + random() % 3) {
    std::vector<u8> other = bytes;
    other[at] ^= static_cast<u8>(1u << random() % 8);
    ConvDevice device(keys);
    const std::string message = load(device, other, good.now);
    if (message != "") {
      families.insert(family(message));
      continue;
    }
    ASSERT_STREQ(device.ftl().inconsistency(), "") << at;
    work(device, at, 3);
    ASSERT_STREQ(device.ftl().inconsistency(), "") << at;
  }
  std::string all;
  for (const std::string& each : families) all += each + "\n";
  for (const char* part :
       {"is mapped", "lies in unit  of", "which is not valid", "which is another's", "are mapped, and", "units valid, and",
        "is none of this device", "valid ones, and", "as a closed one", "invalid units", "as a free one", "do not agree with its",
        "entry  of its mapping cache", "is not open for it", "beyond its superblock", "another stripe unit", "write buffer",
        "is ready too late", "spare block", "erases and of bad", "reclaim unit", "events of placement", "it ended at"}) {
    EXPECT_NE(all.find(part), std::string::npos) << part << "\n" << all;
  }
}

// ---- Zoned

constexpr char kZns[] =
    "capacity=16M channels=2 dies_per_channel=2 planes=1 page_size=16K program_pages=1 pages_per_block=16 zone_size=256K "
    "write_buffer_size=256K zone_descriptor_extension=64 ";

constexpr const char* kZnsVariants[] = {
    "max_active_zones=6 max_open_zones=3",
    "zone_capacity=200K zrwa_size=32K zrwa_flush_granularity=8K max_active_zones=8 zrwa_zones=4",
    "zone_write_buffer=64K zone_dies=2 zrwa_size=16K zrwa_flush_granularity=16K",
    "pe_cycles=10 spare_blocks=5 bad_blocks=1 zone_dies=1",
};

void work(ZnsDevice& device, u64 seed, u32 count) {
  constexpr nvme::ZoneSendAction kActions[] = {
      nvme::ZoneSendAction::kClose, nvme::ZoneSendAction::kFinish, nvme::ZoneSendAction::kOpen, nvme::ZoneSendAction::kReset,
      nvme::ZoneSendAction::kReset, nvme::ZoneSendAction::kSetDescriptorExtension, nvme::ZoneSendAction::kFlushZrwa};
  constexpr const char* kFaults[] = {"read-only", "offline", "full", "finish-recommended", "reset-recommended"};
  const u8 extension[64] = {4, 5, 6};
  std::mt19937_64 random(seed);
  const u32 zones = device->limits().zones;
  for (u32 i = 0; i < count; i++) {
    const u32 z = static_cast<u32>(random() % (random() % 2 == 0 ? 6 : zones));
    const u64 kind = random() % 100;
    if (kind < 50) {
      const ZoneView view = device->view(z);
      const u64 room = device->limits().zone_bytes - view.written;
      if (room == 0 || view.written >= device->limits().zone_bytes) continue;
      device.write(z, view.written, std::min<u64>(4096 * (1 + random() % 16), room));
    } else if (kind < 60) {
      device.append(z, 4096 * (1 + random() % 4));
    } else if (kind < 75) {
      device.read(z, 4096 * (random() % 32), 4096 * (1 + random() % 16));
    } else if (kind < 98) {
      ZoneSend send{};
      send.action = kActions[random() % 7];
      send.zone = z;
      send.allocate_zrwa = send.action == nvme::ZoneSendAction::kOpen && device->limits().zrwa_bytes != 0 && random() % 2 == 0;
      send.flush_end = device.start(z) + device->view(z).written + device->limits().zrwa_granularity;
      send.extension = extension;
      device.send(send);
    } else if (random() % 4 == 0) {
      device.tune("zone_fault", (std::to_string(z) + ":" + kFaults[random() % 5]).c_str());
      device->advance(device.now);
    }
  }
}

std::string inconsistency(ZnsDevice& device) {
  const ZoneLimits& limits = device->limits();
  u32 active = 0, open = 0, areas = 0;
  for (u32 z = 0; z < limits.zones; z++) {
    const ZoneView view = device->view(z);
    active += zns::is_active(view.state);
    open += zns::is_open(view.state);
    areas += (view.attributes & nvme::zone_attributes::kZrwaValid) != 0;
    if (view.written > limits.zone_capacity) return "a write pointer is beyond its zone";
    if (device->readable(z) > limits.zone_capacity) return "more than a zone can be read";
  }
  if (active != device->table().active() || open != device->table().opened() || areas != device->table().zrwas()) return "counts";
  if (limits.max_active != 0 && active > limits.max_active) return "too many active zones";
  if (limits.max_open != 0 && open > limits.max_open) return "too many open zones";
  return "";
}

class HostileZns : public testing::TestWithParam<const char*> {
 protected:
  static std::string keys() { return std::string(kZns) + GetParam(); }
};

TEST_P(HostileZns, WhatItSavesItTakes) {
  ZnsDevice device(keys());
  for (u32 i = 0; i < 200; i++) {
    const std::vector<u8> bytes = save(device);
    ZnsDevice next(keys());
    ASSERT_EQ(load(next, bytes, device.now), "") << i;
    ASSERT_EQ(inconsistency(next), "") << i;
    for (u32 z = 0; z < device->limits().zones; z++) ASSERT_EQ(next->readable(z), device->readable(z)) << z;
    // What it makes of them it takes as well.
    work(next, i, 30);
    ZnsDevice third(keys());
    ASSERT_EQ(load(third, save(next), next.now), "") << i;
    ASSERT_EQ(inconsistency(third), "") << i;
    work(device, i, 40);
  }
}

TEST_P(HostileZns, BytesAreRefusedOrMakeZones) {
  std::mt19937_64 random(5);
  std::set<std::string> families;
  u32 refused = 0, taken = 0;
  for (u32 seed = 1; seed < 7; seed++) {
    ZnsDevice good(keys());
    work(good, seed, 300);
    const std::vector<u8> bytes = save(good);
    for (u32 i = 0; i < 300; i++) {
      ZnsDevice device(keys());
      if (const std::string message = load(device, damaged(bytes, random), good.now); message != "") {
        refused++;
        families.insert(family(message));
        continue;
      }
      taken++;
      ASSERT_EQ(inconsistency(device), "") << i;
      work(device, i, 60);
      ASSERT_EQ(inconsistency(device), "") << i;
    }
  }
  EXPECT_GT(refused, 200u);
  EXPECT_GT(taken, 10u);
  std::string all;
  for (const std::string& each : families) all += each + "\n";
  for (const char* part : {"beyond its capacity", "within a block", "its attributes are not", "its program units are not", "its state is none",
                           "holds data", "erases and of bad"}) {
    EXPECT_NE(all.find(part), std::string::npos) << part << "\n" << all;
  }
}

INSTANTIATE_TEST_SUITE_P(Keys, HostileZns, testing::ValuesIn(kZnsVariants));

TEST(HostileZnsTables, MoreActiveZonesThanTheLimitAreRefused) {
  ZnsDevice good(std::string(kZns) + "max_active_zones=6 max_open_zones=3");
  for (u32 z = 0; z < 6; z++) good.write(z, 0, 4096);
  const std::vector<u8> bytes = save(good);
  ZnsDevice fewer(std::string(kZns) + "max_active_zones=5 max_open_zones=3");
  EXPECT_EQ(load(fewer, bytes, good.now), "6 of its zones are active, and max_active_zones is 5");
}

}  // namespace
}  // namespace nvmev::test
