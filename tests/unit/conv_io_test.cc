// SPDX-License-Identifier: GPL-2.0-only
// Commands of the page-mapped FTL: their times, by the formulas, and what they do.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "host/conv_device.h"
#include "host/memory_archive.h"

namespace nvmev {
namespace {

using test::ConvDevice;

constexpr u64 kUs = 1000;

// Round numbers: a byte takes 1 ns on a channel and 0.5 ns on the link. A stripe unit is a page of 16 KiB.
constexpr char kRound[] =
    "capacity=64M channels=2 dies_per_channel=2 planes=1 page_size=16K program_pages=1 cell=slc pages_per_block=64 "
    "blocks_per_plane=16 over_provisioning=30 nand_read_lsb=50000 nand_read_saving=0 nand_program=500000 "
    "nand_erase=2000000 nand_command=0 nand_suspend=0 channel_bandwidth=1000 channel_transfer=16K pcie_bandwidth=2000 "
    "fw_read_4k=10000 fw_read=12000 fw_write=4000 fw_write_4k=500 fw_transfer_4k=0 write_buffer_size=128K "
    "background_gc=0 ";

TEST(ConvIo, ReadOfUnmappedUnitsCostsControllerTime) {
  ConvDevice device(kRound);
  EXPECT_EQ(device.read(0).done, 10 * kUs + 2048);
  device.now = 0;
  ConvDevice large(kRound);
  EXPECT_EQ(large.read(0, 8).done, 12 * kUs + 16384);
  EXPECT_EQ(large->statistics().unmapped_reads.get(), 8u);
  EXPECT_EQ(large->array().reads(), 0u);
}

TEST(ConvIo, BufferedWriteCompletesEarly) {
  ConvDevice device(kRound);
  EXPECT_EQ(device.write(0).done, 4 * kUs + 500 + 2048);
  EXPECT_EQ(device->array().programs(), 0u);
  // It is read from there.
  const u64 begun = device.now;
  EXPECT_EQ(device.read(0).done, begun + 10 * kUs + 2048);
  EXPECT_EQ(device->statistics().buffer_hits.get(), 1u);
}

TEST(ConvIo, ReadFromFlashTakesArrayChannelAndLink) {
  ConvDevice device(kRound);
  device.write(0, 4);
  EXPECT_EQ(device->array().programs(), 1u);
  device.now = 10'000 * kUs;
  EXPECT_EQ(device.read(0).done, device.config.fw_read_4k + 10'000 * kUs + 50 * kUs + 4096 + 2048);
  device.now = 20'000 * kUs;
  // The whole page: one array read.
  EXPECT_EQ(device.read(0, 4).done, 20'000 * kUs + 12 * kUs + 50 * kUs + 16384 + 8192);
  EXPECT_EQ(device->array().reads(), 2u);
}

TEST(ConvIo, PagesOfDifferentDiesAreReadInParallel) {
  ConvDevice device(kRound);
  device.write(0, 8);
  device.now = 10'000 * kUs;
  // Two channels; the link takes one after the other.
  EXPECT_EQ(device.read(0, 8).done, 10'000 * kUs + 12 * kUs + 50 * kUs + 16384 + 2 * 8192);
}

TEST(ConvIo, ForcedWriteWaitsForItsProgram) {
  ConvDevice device(kRound);
  const u64 admitted = 4 * kUs + 500 + 2048;
  EXPECT_EQ(device.run(IoOp::kWrite, 0, 4096, true).done, admitted + 16384 + 500 * kUs);
  EXPECT_EQ(device->statistics().padding_units.get(), 3u);
}

TEST(ConvIo, FlushWaitsForAllThatIsBuffered) {
  ConvDevice device(kRound);
  EXPECT_EQ(device.run(IoOp::kFlush, 0, 0).done, 0u);
  device.write(0);
  const u64 admitted = device.now;
  EXPECT_EQ(device.run(IoOp::kFlush, 0, 0).done, admitted + 16384 + 500 * kUs);
  EXPECT_EQ(device->statistics().padding_units.get(), 3u);
  const u64 now = device.now;
  EXPECT_EQ(device.run(IoOp::kFlush, 0, 0).done, now);
}

TEST(ConvIo, ProtectedBufferNeedsNeither) {
  ConvDevice device(std::string(kRound) + "power_loss_protection=1");
  EXPECT_FALSE(device->has_volatile_cache());
  EXPECT_EQ(device.run(IoOp::kWrite, 0, 4096, true).done, 4 * kUs + 500 + 2048);
  const u64 now = device.now;
  EXPECT_EQ(device.run(IoOp::kFlush, 0, 0).done, now);
  EXPECT_EQ(device->array().programs(), 0u);
}

TEST(ConvIo, WithoutEarlyCompletionOrCacheWritesGoThrough) {
  const u64 expected = 4 * kUs + 500 + 2048 + 16384 + 500 * kUs;
  ConvDevice late(std::string(kRound) + "early_completion=0");
  EXPECT_FALSE(late->has_volatile_cache());
  EXPECT_EQ(late.write(0).done, expected);
  ConvDevice off(kRound);
  EXPECT_TRUE(off->has_volatile_cache());
  off->set_volatile_cache(false);
  EXPECT_EQ(off.write(0).done, expected);
  off->set_volatile_cache(true);
  EXPECT_LT(off.write(1).done, 2 * expected);
}

TEST(ConvIo, FullBufferThrottlesWritesToTheSpeedOfFlash) {
  ConvDevice device(kRound);
  device.queued = true;
  // Four dies, each of which programs 16 KiB in 500 us and 16.384 us of transfer.
  const u64 stripes = 400;
  u64 last = 0;
  for (u64 i = 0; i < stripes; i++) last = device.write(i * 4, 4).done;
  const u64 each = (500 * kUs + 16384) / 4;
  EXPECT_NEAR(static_cast<double>(last), static_cast<double>((stripes - 8) * each), static_cast<double>(6 * each));
  const auto& waits = device->statistics().writes[static_cast<u32>(conv::WaitCause::kBufferFull)];
  EXPECT_GT(waits.count(), stripes - 12);
}

TEST(ConvIo, PartOfAUnitIsMergedWithTheOldData) {
  ConvDevice device(kRound);
  device.write(0, 4);
  device.now = 10'000 * kUs;
  // The write itself completes early; its stripe unit waits for the read.
  EXPECT_EQ(device.run(IoOp::kWrite, 512, 512).done, 10'000 * kUs + 4 * kUs + 500 + 256);
  EXPECT_EQ(device->statistics().merge_reads.get(), 1u);
  EXPECT_EQ(device->array().reads(), 1u);
  EXPECT_EQ(device->statistics().host_written_bytes.get(), 16384u + 512);
  EXPECT_EQ(device->statistics().host_units.get(), 5u);
  // Nothing to merge with.
  device.run(IoOp::kWrite, 100 * 4096 + 512, 512);
  EXPECT_EQ(device->statistics().merge_reads.get(), 1u);
  // Two parts of neighbours.
  device.run(IoOp::kWrite, 2 * 4096 + 2048, 4096);
  EXPECT_EQ(device->statistics().merge_reads.get(), 3u);
}

TEST(ConvIo, LargeUnitsMergeOften) {
  ConvDevice device(std::string(kRound) + "mapping_unit=16K");
  device.write(0);
  device.now = 10'000 * kUs;
  device.run(IoOp::kWrite, 4096, 4096);
  EXPECT_EQ(device->statistics().merge_reads.get(), 1u);
  EXPECT_EQ(device->layout().logical_units, 4096u);
}

TEST(ConvIo, OverwritesInTheBufferAreNotProgrammed) {
  ConvDevice device(std::string(kRound) + "write_buffer=overwrite");
  for (int i = 0; i < 100; i++) device.write(7);
  EXPECT_EQ(device->array().programs(), 0u);
  EXPECT_EQ(device->statistics().overwritten_units.get(), 99u);
  ConvDevice fifo(kRound);
  for (int i = 0; i < 100; i++) fifo.write(7);
  EXPECT_EQ(fifo->array().programs(), 25u);
}

TEST(ConvIo, WriteZeroesUnmapsAndReadsBackFast) {
  ConvDevice device(kRound);
  device.write(0, 8);
  device.run(IoOp::kWriteZeroes, 4096, 3 * 4096);
  EXPECT_EQ(device->map().mapped(), 5u);
  EXPECT_EQ(device->statistics().deallocated_units.get(), 3u);
  // A part of a unit is written.
  device.run(IoOp::kWriteZeroes, 4 * 4096 + 512, 512);
  EXPECT_EQ(device->map().mapped(), 5u);
  EXPECT_EQ(device->statistics().merge_reads.get(), 1u);
}

TEST(ConvIo, DeallocationKeepsUnitsThatAreOnlyPartlyInTheRange) {
  ConvDevice device(kRound);
  device.write(0, 8);
  device.run(IoOp::kDeallocate, 512, 3 * 4096);
  EXPECT_EQ(device->map().mapped(), 6u);
}

TEST(ConvIo, CommandsAreTakenNoMoreOftenThanTheControllerCan) {
  ConvDevice device(std::string(kRound) + "fw_interval=5000");
  device.queued = true;
  for (u64 i = 0; i < 100; i++) {
    EXPECT_EQ(device.read(i).done, i * 5 * kUs + 10 * kUs + 2048);
  }
}

TEST(ConvIo, LinkBandwidthIsExactUpTo64GB) {
  for (const char* bandwidth : {"100", "3360", "14000", "64000"}) {
    ConvDevice device(std::string(kRound) + "pcie_bandwidth=" + bandwidth);
    device.queued = true;
    // Unmapped: nothing but the link limits them.
    const u64 commands = 10'000;
    u64 last = 0;
    for (u64 i = 0; i < commands; i++) last = std::max(last, device.read(i % 500, 32).done);
    EXPECT_EQ(last, 12 * kUs + commands * 131072 * 1000 / std::stoull(bandwidth));
  }
}

TEST(ConvIo, TimesChangeWhileItRuns) {
  ConvDevice device(kRound);
  device.write(0, 4);
  nvmev_config config = device.config;
  config.fw_read_4k = 1000;
  config.nand_read_lsb = 2000;
  device->retune(config);
  device.now = 10'000 * kUs;
  EXPECT_EQ(device.read(0).done, 10'000 * kUs + 1000 + 2000 + 4096 + 2048);
}

TEST(ConvIo, RetriesAndFailuresOfWornFlash) {
  ConvDevice device(std::string(kRound) +
                    "ecc_correctable=40 ecc_errors_fresh=30 ecc_errors_day=1 read_retries=2 retention_speedup=86400");
  device.write(0, 4);
  device.now = 1'000'000 * kUs;  // a second, which stands for a day
  EXPECT_EQ(device.read(0).status, nvme::Status::kSuccess);
  device.now = 3'000'000'000 * kUs;  // 3000 days
  EXPECT_EQ(device.read(0).status, nvme::Status::kUnrecoveredReadError);
  EXPECT_GT(device->statistics().read_retries.get(), 0u);
  EXPECT_EQ(device->statistics().uncorrectable_reads.get(), 1u);
}

TEST(ConvIo, FormatForgetsAllButWear) {
  ConvDevice device(kRound);
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; i++) device.write(random() % device.units());
  const u64 hash = device->state_hash();
  const u64 used = device->array().erases();
  device->format();
  EXPECT_EQ(device->map().mapped(), 0u);
  EXPECT_NE(device->state_hash(), hash);
  EXPECT_STREQ(device->inconsistency(), "");
  for (int i = 0; i < 100'000; i++) device.write(random() % device.units());
  EXPECT_STREQ(device->inconsistency(), "");
  EXPECT_GT(device->array().erases(), used);
}

TEST(ConvIo, SameCommandsGiveTheSameState) {
  const auto run = [](const char* keys, u64 pause) {
    ConvDevice device(std::string(kRound) + keys);
    std::mt19937_64 random(1);
    for (int i = 0; i < 50'000; i++) {
      device.write(random() % device.units());
      device.now += pause;
    }
    return device->state_hash();
  };
  EXPECT_EQ(run("", 0), run("", 0));
  EXPECT_EQ(run("", 0), run("", 1000 * kUs));  // background_gc=0: time decides nothing
  EXPECT_NE(run("", 0), run("victim=fifo", 0));
  EXPECT_EQ(run("victim=random seed=5", 0), run("victim=random seed=5", 0));
  EXPECT_NE(run("victim=random seed=5", 0), run("victim=random seed=6", 0));
}

TEST(ConvIo, PlacementHandlesHaveReclaimUnitsOfTheirOwn) {
  ConvDevice device(std::string(kRound) + "placement_handles=2 over_provisioning=60");
  Placement* placement = device->placement();
  ASSERT_NE(placement, nullptr);
  ASSERT_EQ(placement->handles(), 2u);
  const u64 unit = placement->reclaim_unit_bytes();
  EXPECT_EQ(placement->remaining(0), unit);
  device.run(IoOp::kWrite, 0, 16384, false, 0);
  device.run(IoOp::kWrite, 65536, 32768, false, 1);
  const conv::Layout& layout = device->layout();
  const u64 first = layout.superblock_capacity(layout.superblock_of(device->map().find(0))) * 4096ull;
  const u64 second = layout.superblock_capacity(layout.superblock_of(device->map().find(16))) * 4096ull;
  EXPECT_EQ(placement->remaining(0), first - 16384);
  EXPECT_EQ(placement->remaining(1), second - 32768);
  EXPECT_NE(layout.superblock_of(device->map().find(0)), layout.superblock_of(device->map().find(16)));
  placement->update(device.now, 1);
  EXPECT_EQ(placement->remaining(1), unit);
  EXPECT_EQ(placement->remaining(0), first - 16384);
  bool left_early = false;
  for (PlacementEvent event; placement->take_event(&event);) {
    left_early |= event.kind == PlacementEvent::Kind::kNotFullyWritten && event.handle == 1;
  }
  EXPECT_TRUE(left_early);
  EXPECT_EQ(placement->counters().host_written, 49152u);
  EXPECT_EQ(ConvDevice(kRound)->placement(), nullptr);
}

TEST(ConvIo, AttachWithoutMemoryFailsCleanly) {
  const nvmev_config config = ConvDevice::configure(kRound);
  for (u64 n = 0;; n++) {
    test::TestHost host;
    host.fail_allocation(n);
    Ftl* ftl = conv::Conv::create(config, &host);
    if (ftl != nullptr) {
      ftl->destroy();
      EXPECT_GT(n, 15u);
      break;
    }
    EXPECT_EQ(host.allocated_blocks(), 0u);
  }
}

TEST(ConvIo, ReportHasWhatPeopleLookFor) {
  ConvDevice device(kRound);
  device.fill();
  device.now += 1'000'000 * kUs;
  device.read(0);
  const std::string report = device.report();
  for (const char* name :
       {"write_amplification ", "gc_moved_units ", "valid_histogram ", "die_busy_permille ", "free_superblocks ",
        "erases_most ", "write_buffer_hit_units ", "read_latency_host ", "write_latency_buffer_full ",
        "percentage_used "}) {
    EXPECT_NE(report.find(std::string("\n") + name), std::string::npos) << name;
  }
}

// Of this run: what the one before did is not counted again.
TEST(ConvIo, UtilisationIsOfTheTimeSinceTheStateWasLoaded) {
  const char* keys = "capacity=64M channels=1 dies_per_channel=1 over_provisioning=30";
  ConvDevice device(keys);
  device.write(0);
  device.now += 30ull * 86400 * 1'000'000'000;
  test::MemoryArchive saved;
  u64 now = device.now;
  device->transfer(saved, &now);
  ConvDevice next(keys);
  test::MemoryArchive loaded(saved.contents());
  next->transfer(loaded, &now);
  ASSERT_TRUE(loaded.ok()) << loaded.message();
  next.now = now;
  for (u32 i = 0; i < 50; i++) next.read(0);
  const std::string report = next.report();
  const std::string name = "die_busy_permille ";
  EXPECT_GT(std::stoul(report.substr(report.find(name) + name.size())), 100u);
}

}  // namespace
}  // namespace nvmev
