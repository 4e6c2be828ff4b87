// SPDX-License-Identifier: GPL-2.0-only
// What a power failure may take from a page-mapped SSD, and what not. conv_map_test.cc has the same among millions of
// other commands.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "host/conv_device.h"

namespace nvmev {
namespace {

using test::ConvDevice;

constexpr u64 kUs = 1000;
constexpr u64 kSeeds = 64;

// Four dies, stripe units of 4 units, 500 us for a program.
constexpr char kRound[] =
    "capacity=64M channels=2 dies_per_channel=2 planes=1 page_size=16K program_pages=1 cell=slc pages_per_block=64 "
    "blocks_per_plane=16 over_provisioning=30 nand_read_lsb=50000 nand_program=500000 nand_erase=2000000 "
    "nand_command=0 nand_suspend=20000 channel_bandwidth=1000 pcie_bandwidth=2000 write_buffer_size=128K "
    "background_gc=0 ";

class Losses final : public PowerLossSink {
 public:
  void lost(const PowerLoss& loss) override { all.push_back(loss); }
  std::vector<PowerLoss> all;
};

Losses cut(ConvDevice& device, u64 now, u64 seed) {
  Losses losses;
  const u64 before = device->statistics().lost_units.get();
  device->power_cycle(now, seed, losses);
  EXPECT_STREQ(device->inconsistency(), "");
  EXPECT_EQ(device->statistics().lost_units.get() - before, losses.all.size());
  return losses;
}

TEST(ConvPower, UnflushedWritesAreLostOrNot) {
  u64 lost = 0;
  for (u64 seed = 0; seed < kSeeds; seed++) {
    ConvDevice device(kRound);
    device.write(7);
    const Losses losses = cut(device, device.now, seed);
    lost += losses.all.size();
    EXPECT_EQ(device->map().find(7) == conv::kNone, losses.all.size() == 1);
    if (losses.all.empty()) continue;
    EXPECT_EQ(losses.all[0].offset, 7u * 4096);
    EXPECT_EQ(losses.all[0].length, 4096u);
    EXPECT_EQ(losses.all[0].since, 0u);
    EXPECT_TRUE(losses.all[0].deallocated);
  }
  EXPECT_GT(lost, kSeeds / 4);
  EXPECT_LT(lost, kSeeds * 3 / 4);
}

TEST(ConvPower, TheSameSeedTakesTheSame) {
  std::vector<u64> hashes;
  for (const u64 seed : {1, 1, 2}) {
    ConvDevice device(kRound);
    device.write(0, 30);
    cut(device, device.now, seed);
    hashes.push_back(device->state_hash());
  }
  EXPECT_EQ(hashes[0], hashes[1]);
  EXPECT_NE(hashes[0], hashes[2]);
}

TEST(ConvPower, WhatWasProgrammedStays) {
  for (u64 seed = 0; seed < kSeeds; seed++) {
    ConvDevice device(kRound);
    device.write(0, 8);
    // The last program ends so long after the data came.
    EXPECT_TRUE(cut(device, device.now + 600 * kUs, seed).all.empty());
  }
}

TEST(ConvPower, LostDataGoBackToTheVersionBefore) {
  // Units that go back to: nothing, the first version (which is in flash), the second, and those that stay.
  std::map<u64, u64> outcomes;
  for (u64 seed = 0; seed < kSeeds; seed++) {
    ConvDevice device(kRound);
    device.write(0);
    device.run(IoOp::kFlush, 0, 0);
    const u32 first = device->map().find(0);
    device.write(0);  // request 2
    const u32 second = device->map().find(0);
    device.write(0);  // request 3
    const u32 third = device->map().find(0);
    const Losses losses = cut(device, device.now, seed);
    ASSERT_LE(losses.all.size(), 1u);
    const u64 since = losses.all.empty() ? 4 : losses.all[0].since;
    outcomes[since]++;
    EXPECT_EQ(device->map().find(0), since == 2 ? first : since == 3 ? second : third);
    if (!losses.all.empty()) {
      EXPECT_FALSE(losses.all[0].deallocated);
    }
    EXPECT_EQ(device->map().mapped(), 1u);
  }
  EXPECT_EQ(outcomes.size(), 3u);
  EXPECT_EQ(outcomes.begin()->first, 2u);
}

TEST(ConvPower, WritesThatReplaceEachOtherInTheBufferAreLostTogether) {
  std::set<u64> since;
  for (u64 seed = 0; seed < kSeeds; seed++) {
    ConvDevice device(std::string(kRound) + "write_buffer=overwrite");
    device.write(0);
    device.write(0);
    for (const PowerLoss& loss : cut(device, device.now, seed).all) since.insert(loss.since);
  }
  EXPECT_EQ(since, std::set<u64>{0});
}

TEST(ConvPower, FlushedAndForcedDataSurvive) {
  for (const bool flush : {true, false}) {
    for (u64 seed = 0; seed < kSeeds; seed++) {
      ConvDevice device(kRound);
      device.run(IoOp::kWrite, 0, 6 * 4096, !flush);
      if (flush) device.run(IoOp::kFlush, 0, 0);
      EXPECT_TRUE(cut(device, device.now, seed).all.empty());
      EXPECT_EQ(device->map().mapped(), 6u);
    }
  }
}

// A read suspends a program after a Flush was told when it would be over.
TEST(ConvPower, FlushedDataSurviveEvenIfReadsDelayTheirProgram) {
  for (const bool flush : {true, false}) {
    u64 lost = 0;
    for (u64 seed = 0; seed < kSeeds; seed++) {
      ConvDevice device(kRound);
      device.queued = true;
      device.write(0, 4);
      device.now = 10'000 * kUs;
      device.write(16, 16);  // to all four dies
      const u64 done = flush ? device.run(IoOp::kFlush, 0, 0).done : 0;
      // The old data of the first die, again and again, while it programs.
      for (u64 i = 0; i < 8; i++) {
        device.now += 40 * kUs;
        device.read(0);
      }
      if (flush) {
        ASSERT_GT(device.run(IoOp::kFlush, 0, 0).done, done);
      }
      lost += cut(device, flush ? done : device.now, seed).all.size();
    }
    EXPECT_EQ(lost == 0, flush) << "flush " << flush;
  }
}

TEST(ConvPower, AProtectedBufferLosesNothing) {
  for (u64 seed = 0; seed < kSeeds; seed++) {
    ConvDevice device(std::string(kRound) + "power_loss_protection=1");
    device.write(0, 30);
    EXPECT_TRUE(cut(device, device.now, seed).all.empty());
    EXPECT_EQ(device->map().mapped(), 30u);
  }
}

TEST(ConvPower, DeallocationsStay) {
  u64 lost = 0;
  for (u64 seed = 0; seed < kSeeds; seed++) {
    ConvDevice device(kRound);
    device.write(0, 2);
    device.run(IoOp::kFlush, 0, 0);
    device.write(0, 2);
    device.deallocate(0, 2);
    device.write(1);
    // Unit 0 is gone; unit 1 holds its newest data or nothing, not what was there before the deallocation.
    for (const PowerLoss& loss : cut(device, device.now, seed).all) {
      EXPECT_EQ(loss.offset, 4096u);
      EXPECT_TRUE(loss.deallocated);
      lost++;
    }
    EXPECT_EQ(device->map().find(0), conv::kNone);
  }
  EXPECT_GT(lost, 0u);
}

// Among garbage collections that move what is not in flash yet: as the controller has it, each unit holds what its last surviving
// write has left, and what earlier ones have in the rest of it.
TEST(ConvPower, AtomicRequestsSurviveAsAWhole) {
  struct Write {
    u64 request, first, end;  // units
    bool merges;              // the first unit holds what was there before as well
    u64 there = 0, covered = 0;
  };
  u64 whole = 0, absent = 0;
  for (const char* victim : {"greedy", "random"}) {
    ConvDevice device("capacity=4M channels=2 dies_per_channel=1 planes=1 page_size=16K program_pages=1 cell=slc pages_per_block=4 "
                      "over_provisioning=20 nand_program=4000000 write_buffer_size=512K victim=" + std::string(victim));
    flash::Random random(1);
    u64 requests = 0;
    const auto run = [&](u64 first, u64 from, u64 bytes) {
      device.now = device->plan({device.now, first * 4096 + from, bytes, IoOp::kWrite, false, 0, true}).done;
      requests++;
    };
    for (u64 i = 0; i < device.units(); i++) run(i, 0, 4096);
    for (u64 round = 0; round < 1000; round++) {
      std::vector<Write> writes;
      for (u64 count = random.below(40); count != 0; count--) {
        const u64 units = 1 + random.below(12), first = random.below(static_cast<u32>(device.units() - units));
        const u64 from = random.below(4) == 0 ? 512 : 0;
        writes.push_back({requests, first, first + units, from != 0});
        run(first, from, units * 4096 - from);
      }
      std::map<u64, u64> since;
      for (const PowerLoss& loss : cut(device, device.now, round).all) {
        for (u64 at = 0; at < loss.length; at += 4096) since[(loss.offset + at) / 4096] = loss.since;
      }
      for (u64 unit = 0; unit < device.units(); unit++) {
        const u64 end = since.contains(unit) ? since[unit] : ~0ull;
        bool over = false;
        for (auto write = writes.rbegin(); write != writes.rend(); ++write) {
          if (write->request >= end || unit < write->first || unit >= write->end) continue;
          (over ? write->covered : write->there)++;
          over |= !(write->merges && unit == write->first);
        }
      }
      for (const Write& write : writes) {
        ASSERT_TRUE(write.there == 0 || write.there + write.covered == write.end - write.first)
            << victim << ", round " << round << ": " << write.there << " + " << write.covered << " of " << write.end - write.first;
        (write.there != 0 ? whole : absent)++;
      }
    }
    EXPECT_GT(device->statistics().collections.get(), 1000u);
  }
  EXPECT_GT(whole, 1000u);
  EXPECT_GT(absent, 1000u);
}

// The drive works on, and open stripe units are closed.
TEST(ConvPower, WritesGoOnAfterwards) {
  ConvDevice device(kRound);
  for (u64 round = 0; round < 50; round++) {
    for (u64 i = 0; i < device.units(); i += 37) ASSERT_EQ(device.write(i, 3).status, nvme::Status::kSuccess);
    cut(device, device.now, round);
    EXPECT_EQ(device.run(IoOp::kFlush, 0, 0).done, device.now) << "something is still buffered";
  }
  EXPECT_GT(device->statistics().collections.get(), 0u);
  EXPECT_GT(device->statistics().lost_units.get(), 100u);
}

// Padding what was open takes room that a collection under way may count on: with as little flash as the drive can live with.
TEST(ConvPower, CollectionsUnderWayKeepTheirRoom) {
  ConvDevice device("capacity=8M channels=1 dies_per_channel=2 superblock_dies=1 planes=2 page_size=16K program_pages=3 cell=slc "
                    "pages_per_block=48 blocks_per_plane=16 write_buffer_size=512K background_gc=0 separation=none "
                    "victim=random over_provisioning=22");
  device.fill();
  flash::Random random(1);
  for (u64 round = 0; round < 2000; round++) {
    for (u32 i = random.below(60); i != 0; i--) device.write(random.below(static_cast<u32>(device.units())));
    cut(device, device.now, round);
    ASSERT_FALSE(HasFailure()) << "round " << round;
  }
}

}  // namespace
}  // namespace nvmev
