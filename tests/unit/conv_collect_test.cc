// SPDX-License-Identifier: GPL-2.0-only
// Garbage collection and wear: what they cost, against what is published, and that they do what they are for.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>

#include "host/conv_device.h"

namespace nvmev {
namespace {

using test::ConvDevice;

// One die whose superblocks are blocks of 128 units: many superblocks on a small device, as theory has it.
constexpr char kOneDie[] =
    "channels=1 dies_per_channel=1 planes=1 page_size=4K program_pages=1 cell=slc pages_per_block=128 "
    "blocks_per_plane=16 write_buffer_size=64K background_gc=0 ";

// Writes per unit of the host over `writes` units.
double amplification(ConvDevice& device, u64 writes, std::mt19937_64& random) {
  const conv::Statistics& statistics = device->statistics();
  const u64 before = statistics.collected_units.get();
  const u64 units = device.units();
  for (u64 i = 0; i < writes; i++) EXPECT_EQ(device.write(random() % units).status, nvme::Status::kSuccess);
  return 1.0 + static_cast<double>(statistics.collected_units.get() - before) / static_cast<double>(writes);
}

// Greedy collection of uniformly random writes in blocks of b units, with T / U = `ratio` times as much flash as data.
// Desnoyers, "Analytic Modeling of SSD Write Performance", SYSTOR 2012: blocks lose valid units one by one, at a rate in
// proportion to how many are left, and are collected when x are: so they spend a time in proportion to 1 / i with i of
// them, and
//
//   U b / T = (b - x) / (H(b) - H(x)),   write amplification = b / (b - x)
//
// which for large b is the closed form of Xiang and Kurkoski, "An Improved Analytical Expression for Write Amplification
// in NAND Flash", ICNC 2012 (arXiv:1110.4245). H are the harmonic numbers, continued between integers.
double greedy_amplification(double b, double ratio) {
  const auto harmonic = [](double x) { return std::log(x) + 0.57721566490153 + 1 / (2 * x) - 1 / (12 * x * x); };
  double low = 1e-3, high = b * (1 - 1e-9);
  for (int i = 0; i < 200; i++) {
    const double x = (low + high) / 2;
    ((b - x) / (harmonic(b) - harmonic(x)) < b / ratio ? low : high) = x;
  }
  return b / (b - low);
}

TEST(GreedyTheory, AgreesWithThePublishedFigure) {
  // arXiv:1110.4245, abstract: 2.36 for an over-provisioning factor of 0.3.
  EXPECT_NEAR(greedy_amplification(1e6, 1.3), 2.36, 0.005);
}

class GreedyTest : public testing::TestWithParam<int> {};

TEST_P(GreedyTest, WriteAmplificationIsWithinThreePercentOfTheory) {
  ConvDevice device(std::string(kOneDie) + "capacity=512M over_provisioning=" + std::to_string(GetParam()));
  std::mt19937_64 random(GetParam());
  device.fill();
  const conv::Layout& layout = device->layout();
  const u64 units = device.units();
  amplification(device, 2 * units, random);
  const double simulated = amplification(device, 2 * units, random);
  // Superblocks that are free hold nothing that theory counts.
  const double free = 2;
  const double ratio = static_cast<double>(layout.flash_units - free * layout.superblock_units) / static_cast<double>(units);
  const double expected = greedy_amplification(layout.superblock_units, ratio);
  EXPECT_NEAR(simulated / expected, 1.0, 0.03) << simulated << " where theory has " << expected;
  RecordProperty("simulated", std::to_string(simulated));
  RecordProperty("expected", std::to_string(expected));
}

INSTANTIATE_TEST_SUITE_P(OverProvisioningPerCent, GreedyTest, testing::Values(7, 10, 20, 30, 50));

TEST(ConvCollect, CapacityAndOverProvisioningAreExact) {
  for (const char* capacity : {"1G", "1023M", "64M", "1000000K"}) {
    for (const char* share : {"7", "12.5", "28"}) {
      ConvDevice device(std::string("capacity=") + capacity + " over_provisioning=" + share +
                        " channels=4 dies_per_channel=1 page_size=4K planes=1 program_pages=1");
      const conv::Layout& layout = device->layout();
      u64 all = 0;
      for (u32 i = 0; i < layout.superblocks; i++) all += layout.superblock_capacity(i);
      const u64 exact = device.units() + device.units() * device.config.over_provisioning / 100000;
      EXPECT_EQ(layout.flash_units, exact);
      EXPECT_GE(all, exact);
      EXPECT_LT(all - exact, layout.stripe_units);
      EXPECT_EQ(static_cast<u64>(layout.logical_units) * 4096, device.config.capacity);
    }
  }
}

// A small device of a profile collects garbage like a large one.
TEST(ConvCollect, SmallDevicesCollectGarbageLikeLargeOnes) {
  double small = 0;
  for (const char* capacity : {"256M", "1G"}) {
    ConvDevice device(std::string("background_gc=0 capacity=") + capacity, "samsung-970-pro");
    std::mt19937_64 random(3);
    device.fill();
    EXPECT_EQ(device->statistics().collections.get(), 0u);
    amplification(device, device.units(), random);
    const double here = amplification(device, device.units(), random);
    EXPECT_GT(here, 3.0);
    if (small == 0) {
      small = here;
    } else {
      EXPECT_NEAR(here / small, 1.0, 0.35) << small << " and " << here;
    }
  }
}

TEST(ConvCollect, TooLittleSpareAreaIsRefusedWithTheFigureThatWouldDo) {
  nvmev_config config = ConvDevice::configure("capacity=2M", "samsung-970-pro");
  nvmev_error error;
  EXPECT_LT(conv::Conv::check(config, &error), 0);
  EXPECT_NE(std::string(error.text).find("over_provisioning=7.000"), std::string::npos) << error.text;
  EXPECT_NE(std::string(error.text).find("is right"), std::string::npos) << error.text;
}

TEST(ConvCollect, BadBlocksThatNothingReplacesAreRefused) {
  nvmev_error error{};
  EXPECT_EQ(conv::Conv::check(ConvDevice::configure("capacity=64M bad_blocks=2 spare_blocks=2.5"), &error), 0) << error.text;
  EXPECT_LT(conv::Conv::check(ConvDevice::configure("capacity=64M bad_blocks=2 spare_blocks=1.5"), &error), 0);
  EXPECT_STREQ(error.text, "bad_blocks=2.000 with spare_blocks=1.500: not more than that is right");
}

TEST(ConvCollect, SequentialOverwritesCostNothing) {
  ConvDevice device(std::string(kOneDie) + "capacity=64M over_provisioning=10");
  device.fill();
  device.fill();
  device.fill();
  EXPECT_GT(device->statistics().collections.get(), 0u);
  EXPECT_EQ(device->statistics().collected_units.get(), 0u);
}

TEST(ConvCollect, DeallocationMakesCollectionCheap) {
  ConvDevice device(std::string(kOneDie) + "capacity=64M over_provisioning=10");
  std::mt19937_64 random(5);
  device.fill();
  const double full = amplification(device, 2 * device.units(), random);
  device.deallocate(0, device.units());
  EXPECT_EQ(device->map().mapped(), 0u);
  // Half the device in use: over-provisioning of 120 %.
  const u64 units = device.units();
  for (u64 i = 0; i < units; i++) device.write(random() % (units / 2));
  const u64 before = device->statistics().collected_units.get();
  for (u64 i = 0; i < units; i++) device.write(random() % (units / 2));
  const double half =
      1.0 + static_cast<double>(device->statistics().collected_units.get() - before) / static_cast<double>(units);
  EXPECT_GT(full, 4.0);
  EXPECT_LT(half, 1.3);
}

// The order that theory and practice have: greedy best under uniform writes, then more and fewer choices, then chance;
// FIFO like chance there.
TEST(ConvCollect, PoliciesDifferAsTheyShould) {
  const auto of = [](const char* policy) {
    ConvDevice device(std::string(kOneDie) + "capacity=64M over_provisioning=15 " + policy);
    std::mt19937_64 random(11);
    device.fill();
    amplification(device, 2 * device.units(), random);
    return amplification(device, 2 * device.units(), random);
  };
  const double greedy = of("victim=greedy");
  const double ten = of("victim=d-choices victim_choices=10");
  const double two = of("victim=d-choices victim_choices=2");
  const double chance = of("victim=random");
  const double fifo = of("victim=fifo");
  EXPECT_LT(greedy, ten * 1.01);
  EXPECT_LT(ten, two);
  EXPECT_LT(two, chance);
  EXPECT_GT(fifo, greedy * 0.99);
  EXPECT_LT(fifo, chance);
  const double windowed = of("victim=windowed victim_choices=50");
  EXPECT_LE(greedy, windowed * 1.01);
  EXPECT_LE(windowed, fifo * 1.01);
}

// 90 % of writes go to 10 % of the data.
void write_skewed(ConvDevice& device, u64 writes, std::mt19937_64& random, u16 hot_handle = 0) {
  const u64 units = device.units();
  for (u64 i = 0; i < writes; i++) {
    const bool hot = random() % 10 != 0;
    const u64 unit = hot ? random() % (units / 10) : units / 10 + random() % (units - units / 10);
    device.run(IoOp::kWrite, unit * 4096, 4096, false, hot ? hot_handle : 0);
  }
}

double skewed_amplification(const std::string& keys, u16 hot_handle = 0) {
  ConvDevice device(std::string(kOneDie) + "capacity=64M over_provisioning=15 " + keys);
  std::mt19937_64 random(17);
  device.fill();
  write_skewed(device, 3 * device.units(), random, hot_handle);
  const u64 before = device->statistics().collected_units.get();
  const u64 writes = 2 * device.units();
  write_skewed(device, writes, random, hot_handle);
  return 1.0 + static_cast<double>(device->statistics().collected_units.get() - before) / static_cast<double>(writes);
}

TEST(ConvCollect, SeparatingHotFromColdLowersWriteAmplification) {
  const double together = skewed_amplification("separation=none");
  EXPECT_LT(skewed_amplification("separation=gc"), together);
  EXPECT_LT(skewed_amplification("separation=frequency"), together * 0.9);
}

TEST(ConvCollect, PlacementOfTwoStreamsLowersWriteAmplification) {
  const double together = skewed_amplification("placement_handles=2 separation=gc");
  const double apart = skewed_amplification("placement_handles=2 separation=gc gc_isolation=1", 1);
  EXPECT_LT(apart, together * 0.9) << together << " together";
}

TEST(ConvCollect, StaticWearLevelingBoundsTheSpread) {
  const auto spread = [](const char* keys) {
    ConvDevice device(std::string(kOneDie) + "capacity=16M over_provisioning=25 " + keys);
    std::mt19937_64 random(23);
    device.fill();
    // Nine tenths of the data never change.
    for (u64 i = 0; i < 200 * device.units(); i++) device.write(random() % (device.units() / 10));
    u32 least = ~0u, most = 0;
    for (u32 i = 0; i < device->superblocks().count(); i++) {
      least = std::min(least, device->superblocks()[i].erases);
      most = std::max(most, device->superblocks()[i].erases);
    }
    return most - least;
  };
  EXPECT_GT(spread("wear_leveling=0"), 200u);
  EXPECT_LT(spread("wear_leveling=20"), 40u);
}

TEST(ConvCollect, IdleTimeIsUsed) {
  const auto latency_after_pause = [](const char* keys) {
    ConvDevice device(std::string("capacity=256M ") + keys, "samsung-970-pro");
    std::mt19937_64 random(29);
    device.fill();
    for (u64 i = 0; i < device.units(); i++) device.write(random() % device.units());
    const u64 forced = device->statistics().background_collections.get();
    device.now += 20ull * 1000 * 1000 * 1000;
    const u64 begun = device.now;
    for (u64 i = 0; i < 1000; i++) device.write(random() % device.units());
    const u64 background = device->statistics().background_collections.get() - forced;
    EXPECT_STREQ(device->inconsistency(), "");
    return std::pair(device.now - begun, background);
  };
  const auto [without, none] = latency_after_pause("background_gc=0");
  const auto [with, some] = latency_after_pause("background_gc=60 gc_idle_delay=1000000");
  EXPECT_EQ(none, 0u);
  EXPECT_GT(some, 0u);
  EXPECT_LT(with * 2, without);
}

// Fill, then overwrite at random: fast until the spare area is used up, then at the pace of garbage collection.
TEST(ConvCollect, WriteCliff) {
  ConvDevice device("capacity=512M background_gc=0", "samsung-970-pro");
  std::mt19937_64 random(31);
  device.fill();
  const auto time_of = [&](u64 writes) {
    const u64 begun = device.now;
    for (u64 i = 0; i < writes; i++) device.write(random() % device.units());
    return device.now - begun;
  };
  const u64 spare = device.units() * 7 / 100;
  const u64 before = time_of(spare / 4);
  for (int i = 0; i < 8; i++) time_of(spare);
  const u64 after = time_of(spare / 4);
  EXPECT_GT(after, 3 * before);
  EXPECT_GT(device->statistics().writes[static_cast<u32>(conv::WaitCause::kCollection)].count(), 0u);
}

TEST(ConvCollect, CollectionDelaysReads) {
  ConvDevice device("capacity=256M background_gc=0 nand_suspend=0", "samsung-970-pro");
  std::mt19937_64 random(37);
  device.fill();
  for (u64 i = 0; i < device.units(); i++) device.write(random() % device.units());
  for (u64 i = 0; i < 20'000; i++) {
    device.write(random() % device.units());
    device.read(random() % device.units());
  }
  const auto& reads = device->statistics().reads;
  const auto& behind = reads[static_cast<u32>(conv::WaitCause::kCollection)];
  const auto& free = reads[static_cast<u32>(conv::WaitCause::kHost)];
  EXPECT_GT(behind.count(), 100u);
  EXPECT_GT(behind.mean(), 2 * free.percentile(5000));
}

TEST(ConvCollect, WornBlocksAreReplacedThenWritesAreRefused) {
  ConvDevice device(std::string(kOneDie) + "capacity=4M over_provisioning=50 pe_cycles=20 spare_blocks=10");
  std::mt19937_64 random(41);
  u64 written = 0;
  IoPlan plan{};
  do {
    plan = device.write(random() % device.units());
    written++;
  } while (plan.status == nvme::Status::kSuccess && written < 10'000'000);
  EXPECT_EQ(plan.status, nvme::Status::kWriteFault);
  EXPECT_STREQ(device->inconsistency(), "");
  EXPECT_EQ(device->health().available_spare, 0u);
  EXPECT_GE(device->health().percentage_used, 90u);
  // What is there can still be read.
  EXPECT_EQ(device.read(0, 8).status, nvme::Status::kSuccess);
}

TEST(ConvCollect, MapMissesCostFlashReadsAndWrites) {
  const auto run = [](const char* keys) {
    ConvDevice device(std::string("capacity=256M background_gc=0 ") + keys, "samsung-970-pro");
    std::mt19937_64 random(43);
    device.fill();
    for (u64 i = 0; i < 20'000; i++) device.write(random() % device.units());
    const u64 begun = device.now;
    for (u64 i = 0; i < 20'000; i++) device.read(random() % device.units());
    return std::tuple((device.now - begun) / 20'000, device->statistics().map_reads.get(),
                      device->statistics().map_writes.get());
  };
  const auto [all, none, no_writes] = run("");
  const auto [tenth, reads, writes] = run("mapping_cache_size=24K");
  EXPECT_EQ(none, 0u);
  EXPECT_EQ(no_writes, 0u);
  EXPECT_GT(reads, 20'000u);
  EXPECT_GT(writes, 10'000u);
  EXPECT_GT(tenth, all + 10'000);  // a flash read more, but where the map page is still in memory
}

}  // namespace
}  // namespace nvmev
