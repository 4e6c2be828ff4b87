// SPDX-License-Identifier: GPL-2.0-only
// What zones cost: dies, buffers, program units, erases, padding; and that nothing of it leaks.
#include <gtest/gtest.h>

#include <random>

#include "host/zns_device.h"

namespace nvmev::test {
namespace {

using nvme::Status;
using nvme::ZoneSendAction;
using nvme::ZoneState;

constexpr u64 kUs = 1000;
constexpr u64 kUnit = 65536;

// Round numbers: a program unit of 64 KiB takes 65,536 ns over the channel and 1 ms to program.
constexpr char kRound[] =
    "capacity=64M channels=2 dies_per_channel=2 planes=1 page_size=32K program_pages=2 pages_per_block=32 cell=slc "
    "zone_size=4M zone_write_buffer=128K nand_read_lsb=50000 nand_read_saving=0 nand_program=1000000 "
    "nand_erase=4000000 nand_command=0 nand_suspend=0 channel_bandwidth=1000 pcie_bandwidth=2000 channel_transfer=64K "
    "fw_read_4k=10000 fw_read=10000 fw_write=5000 fw_write_4k=0 ";

std::string round_with(const std::string& keys) { return kRound + keys; }

TEST(ZnsTiming, AWriteFinishesInTheBuffer) {
  ZnsDevice device(kRound);
  EXPECT_EQ(device.write(0, 0, 4096).done, 5 * kUs + 2048);
  EXPECT_EQ(device->array().programs(), 0u);
  device.write(0, 4096, kUnit - 4096);
  EXPECT_EQ(device->array().programs(), 1u);
}

TEST(ZnsTiming, AFullBufferWaitsForFlash) {
  ZnsDevice device(round_with("zone_dies=1 "));
  device.queued = true;
  std::vector<u64> done;
  for (u32 i = 0; i < 10; i++) done.push_back(device.write(0, i * kUnit, kUnit).done);
  // Two units fit; the third comes when the first is in flash, and so on: one program after another on one die.
  EXPECT_LT(done[1], 100 * kUs);
  for (u32 i = 3; i < 10; i++) EXPECT_EQ(done[i] - done[i - 1], 1'000 * kUs + 65'536);
}

u64 bandwidth(const std::string& keys, u32 zones) {
  ZnsDevice device(round_with(keys));
  device.queued = true;
  u64 last = 0;
  const u64 units = 4'194'304 / kUnit;
  for (u64 unit = 0; unit < units; unit++) {
    for (u32 zone = 0; zone < zones; zone++) last = std::max(last, device.write(zone, unit * kUnit, kUnit).done);
  }
  return zones * units * kUnit * 1000 / last;  // MB/s
}

TEST(ZnsTiming, WiderZonesWriteFaster) {
  const u64 one = bandwidth("zone_dies=1 ", 1), two = bandwidth("zone_dies=2 ", 1), four = bandwidth("zone_dies=4 ", 1);
  EXPECT_NEAR(one, 62, 3);  // 64 KiB in 1.066 ms
  // A buffer of two units keeps two dies busy.
  EXPECT_NEAR(two, 124, 8);
  // The last writes finish in the buffer.
  EXPECT_NEAR(bandwidth("zone_dies=4 zone_write_buffer=512K ", 1), 262, 30);
  EXPECT_GE(four, two - 8);
}

TEST(ZnsTiming, NarrowZonesOnOtherDiesDoNotMeet) {
  const u64 one = bandwidth("zone_dies=1 ", 1);
  EXPECT_NEAR(bandwidth("zone_dies=1 ", 2), 2 * one, 5);
  EXPECT_NEAR(bandwidth("zone_dies=1 ", 4), 4 * one, 12);
  // Eight zones on four dies are as fast as four.
  EXPECT_NEAR(bandwidth("zone_dies=1 ", 8), 4 * one, 12);
}

TEST(ZnsTiming, WithoutEarlyCompletionAWriteFinishesInFlash) {
  ZnsDevice device(round_with("early_completion=0 "));
  EXPECT_EQ(device.write(0, 0, kUnit).done, 5 * kUs + 32768 + 65536 + 1'000 * kUs);
  // What fills no program unit waits in the buffer for the rest, which power failures do not reach.
  const u64 before = device.now;
  EXPECT_EQ(device.write(0, kUnit, 4096).done, before + 5 * kUs + 2048);
}

TEST(ZnsTiming, ReadsFromTheBufferFromFlashAndOfNothing) {
  ZnsDevice device(kRound);
  device.write(0, 0, kUnit + 4096);
  u64 before = device.now;
  EXPECT_EQ(device.read(0, kUnit, 4096).done, before + 10 * kUs + 2048);  // waits for its program unit
  before = device.now;
  EXPECT_EQ(device.read(0, 0, 4096).done, before + 10 * kUs + 2048);  // is being programmed
  before = device.now;
  EXPECT_EQ(device.read(0, 1 << 20, 4096).done, before + 10 * kUs + 2048);  // was never written
  device.now = 10'000 * kUs;
  EXPECT_EQ(device.read(0, 0, 4096).done, 10'000 * kUs + 10 * kUs + 50 * kUs + 4096 + 2048);
  EXPECT_EQ(device->statistics().flash_read_rows.get(), 1u);
  EXPECT_EQ(device->statistics().buffered_read_bytes.get(), 8192u);
  EXPECT_EQ(device->statistics().unwritten_read_bytes.get(), 4096u);
}

TEST(ZnsTiming, AResetCostsTheErasesOfWhatWasWritten) {
  ZnsDevice device(round_with("zone_dies=4 "));
  // Zones of 4 MiB on 4 dies: one block of 16 lines on each, half as large as a real one.
  u64 before = device.now;
  EXPECT_EQ(device.send(ZoneSendAction::kReset, 0).done, before + 5 * kUs);
  device.write(0, 0, 4096);
  before = device.now;
  EXPECT_EQ(device.send(ZoneSendAction::kReset, 0).done, before + 5 * kUs);  // nothing has reached flash
  device.write(0, 0, 2 * kUnit);
  device.now += 10'000 * kUs;
  before = device.now;
  EXPECT_EQ(device.send(ZoneSendAction::kReset, 0).done, before + 5 * kUs + 4'000 * kUs);
  EXPECT_EQ(device->array().erases(), 2u);
  device.fill(0);
  device.now += 100'000 * kUs;
  device.send(ZoneSendAction::kReset, 0);
  EXPECT_EQ(device->array().erases(), 6u);
}

TEST(ZnsTiming, FinishPadsTheRestOfTheZone) {
  ZnsDevice device(round_with("zone_dies=4 "));
  u64 before = device.now;
  EXPECT_EQ(device.send(ZoneSendAction::kFinish, 1).done, before + 5 * kUs);  // empty: nothing to pad
  device.write(0, 0, kUnit);
  device.now += 10'000 * kUs;
  before = device.now;
  // 63 program units are left: 16 on three dies.
  EXPECT_EQ(device.send(ZoneSendAction::kFinish, 0).done, before + 5 * kUs + 16'000 * kUs);
  EXPECT_EQ(device->statistics().padding_units.get(), 63u);
  device.fill(2);
  device.now += 100'000 * kUs;
  before = device.now;
  EXPECT_EQ(device.send(ZoneSendAction::kFinish, 2).done, before + 5 * kUs);
}

TEST(ZnsTiming, NeighboursDisturbEachOther) {
  ZnsDevice alone(round_with("zone_dies=4 ")), beside(round_with("zone_dies=4 "));
  for (ZnsDevice* device : {&alone, &beside}) {
    device->fill(0);
    device->now = 1'000'000 * kUs;
    device->queued = true;
  }
  beside.write(1, 0, 32 * kUnit);
  u64 alone_time = 0, beside_time = 0;
  for (u32 i = 0; i < 16; i++) {
    alone.now += 500 * kUs;
    beside.now += 500 * kUs;
    alone_time += alone.read(0, i * kUnit, 4096).done - alone.now;
    beside_time += beside.read(0, i * kUnit, 4096).done - beside.now;
  }
  EXPECT_EQ(alone_time, 16 * (10 * kUs + 50 * kUs + 4096 + 2048));
  EXPECT_GT(beside_time, 2 * alone_time);
}

TEST(ZnsTiming, AMillionWritesThatFailCostNothing) {
  ZnsDevice device(round_with("max_active_zones=2 max_open_zones=2 "));
  device.write(0, 0, kUnit);
  device.write(1, 0, 4096);
  for (u32 i = 0; i < 1'000'000; i++) {
    switch (i % 4) {
      case 0:
        ASSERT_EQ(device.write(0, 0, kUnit).status, Status::kZoneInvalidWrite);
        break;
      case 1:
        ASSERT_EQ(device.write(2, 0, kUnit).status, Status::kTooManyActiveZones);
        break;
      case 2:
        ASSERT_EQ(device.append(0, 8 << 20).status, Status::kZoneBoundaryError);
        break;
      default:
        ASSERT_EQ(device.append(3, 4096).status, Status::kTooManyActiveZones);
        break;
    }
  }
  device.now += 1'000'000 * kUs;
  ZnsDevice fresh(round_with("max_active_zones=2 max_open_zones=2 "));
  fresh.write(0, 0, kUnit);
  fresh.write(1, 0, 4096);
  fresh.now += 1'000'000 * kUs;
  const u64 begin = device.now, fresh_begin = fresh.now;
  for (u64 at = kUnit; at < 4 << 20; at += kUnit) {
    ASSERT_EQ(device.write(0, at, kUnit).done - begin, fresh.write(0, at, kUnit).done - fresh_begin);
  }
}

TEST(ZnsTiming, BuffersAreGivenBack) {
  ZnsDevice device(round_with("max_active_zones=4 max_open_zones=4 "));
  std::mt19937_64 random(3);
  for (u32 i = 0; i < 50'000; i++) {
    const u32 zone = static_cast<u32>(random() % 8);
    switch (random() % 12) {
      case 0:
        device.send(ZoneSendAction::kReset, zone);
        break;
      case 1:
        if (random() % 4 == 0) device.send(ZoneSendAction::kFinish, zone);
        break;
      default:
        device.append(zone, 4096 * (1 + random() % 16));
        break;
    }
  }
  ZoneSend all{};
  all.action = ZoneSendAction::kReset;
  all.all = true;
  EXPECT_EQ(device.send(all).status, Status::kSuccess);
  // Only what is being programmed may be left, and that not for ever.
  device.now += 10'000'000 * kUs;
  for (u32 zone = 0; zone < 4; zone++) device.fill(zone, kUnit);
  device.now += 10'000'000 * kUs;
  EXPECT_LE(device->buffered_bytes(), 4 * 128u * 1024);
}

TEST(ZnsTiming, WornBlocksTakeTheirZonesAway) {
  ZnsDevice device(round_with("zone_dies=1 pe_cycles=20 spare_blocks=0 bad_blocks=0 "));
  u32 dead = 0;
  for (u32 i = 0; i < 60 && dead == 0; i++) {
    device.write(0, 0, kUnit);
    device.send(ZoneSendAction::kReset, 0);
    dead = device->view(0).state == ZoneState::kOffline;
    device.now += 100'000 * kUs;
  }
  EXPECT_EQ(dead, 1u);
  EXPECT_EQ(device->changes(), 1u);
}

TEST(ZnsTiming, ProfilesWork) {
  ZnsDevice zn540("capacity=16G", "wd-zn540");
  EXPECT_EQ(zn540->limits().zones, 8u);
  EXPECT_EQ(zn540->layout().units, 359u * 32);
  EXPECT_EQ(zn540->layout().blocks, 1u);
  zn540.write(0, 0, 4096);
  EXPECT_EQ(zn540.now, 5600u + 600 + 4096 * 1000 / 3050);
  ZnsDevice prototype("capacity=1G", "zns-prototype");
  EXPECT_EQ(prototype->limits().zones, 32u);
  EXPECT_EQ(prototype->layout().width, 1u);
  prototype.write(0, 0, 131072);
  EXPECT_GT(prototype.now, 1'913'640u);
}

// Spare blocks, and those that they stand for, included.
TEST(ZnsTiming, EraseCountsAreOfEveryBlock) {
  ZnsDevice device(round_with("spare_blocks=20 pe_cycles=2"));
  const flash::Geometry& geometry = device->layout().geometry;
  const u64 fresh = device->state_hash();
  for (int pass = 0; pass < 5; pass++) {
    device.fill(0);
    device.send(ZoneSendAction::kReset, 0);
  }
  u64 sum = 0;
  for (u32 die = 0; die < geometry.dies; die++) {
    ASSERT_EQ(device->erase_counts(die, nullptr, 0), geometry.die_blocks);
    std::vector<u32> counts(geometry.die_blocks);
    device->erase_counts(die, counts.data(), geometry.die_blocks);
    for (const u32 count : counts) sum += count;
  }
  EXPECT_EQ(device->erase_counts(geometry.dies, nullptr, 0), 0u);
  EXPECT_GT(sum, 0u);
  EXPECT_EQ(sum, device->array().erases());
  EXPECT_NE(device->state_hash(), fresh);
}

TEST(ZnsTiming, BadKeysAreRefused) {
  for (const char* keys : {"zone_capacity=8M", "zone_size=100000", "zone_dies=3", "zone_write_buffer=4096",
                           "max_active_zones=4 max_open_zones=5", "zrwa_zones=2", "zone_descriptor_extension=100",
                           "zrwa_size=64K zrwa_flush_granularity=0", "capacity=1M"}) {
    const nvmev_config config = ZnsDevice::configure(round_with(keys));
    nvmev_error error{};
    EXPECT_NE(zns::Zns::check(config, &error), 0) << keys;
    EXPECT_NE(std::string(error.text).find("is right"), std::string::npos) << error.text;
  }
}

TEST(ZnsTiming, AttachWithoutMemoryFailsCleanly) {
  const nvmev_config config = ZnsDevice::configure(round_with("zone_descriptor_extension=64"));
  for (u64 n = 0;; n++) {
    TestHost host;
    host.fail_allocation(n);
    Ftl* ftl = zns::Zns::create(config, &host);
    if (ftl != nullptr) {
      ftl->destroy();
      EXPECT_GT(n, 10u);
      break;
    }
    EXPECT_EQ(host.allocated_blocks(), 0u);
  }
}

}  // namespace
}  // namespace nvmev::test
