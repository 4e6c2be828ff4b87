// SPDX-License-Identifier: GPL-2.0-only
// The times of flash operations, by the formulas of ftl/flash/array.cc.
#include "ftl/flash/array.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

#include "host/test_host.h"
#include "nvmev/text.h"

namespace nvmev::flash {
namespace {

constexpr u64 kUs = 1000;

class FlashArrayTest : public testing::Test {
 protected:
  FlashArrayTest() {
    nvmev_config_init(&config_);
    set("channels", "2");
    set("dies_per_channel", "2");
    set("planes", "2");
    set("page_size", "16384");
    set("cell", "tlc");
    set("nand_read_lsb", "40000");
    set("nand_read_csb", "60000");
    set("nand_read_msb", "80000");
    set("nand_read_saving", "10000");
    set("nand_program", "600000");
    set("nand_erase", "3000000");
    set("nand_command", "100");
    set("nand_suspend", "0");
    set("channel_bandwidth", "1000");  // 1 ns a byte
    set("channel_transfer", "16384");
  }

  void set(const char* key, const char* value) {
    nvmev_error error;
    ASSERT_EQ(nvmev_config_set(&config_, key, value, &error), 0) << error.text;
  }

  Array& make() {
    Geometry geometry = Geometry::of(config_);
    array_ = std::make_unique<Array>();
    EXPECT_TRUE(array_->init(geometry, config_, &host_));
    return *array_;
  }

  u64 read(u32 die, u32 row, u32 bytes, u64 at, Cause cause = Cause::kHost) {
    return array_->read(die, row, bytes, 1, 1, at, cause, nullptr).end;
  }

  test::TestHost host_;
  nvmev_config config_;
  std::unique_ptr<Array> array_;
};

TEST_F(FlashArrayTest, ReadTakesCommandArrayAndTransfer) {
  make();
  EXPECT_EQ(read(0, 0, 16384, 0), 100 + 40 * kUs + 16384);
  EXPECT_EQ(read(1, 1, 16384, 0), 100 + 60 * kUs + 16384);
  EXPECT_EQ(read(2, 2, 4096, 1'000'000), 1'000'000 + 100 + 70 * kUs + 4096);  // small: 10 us less
}

TEST_F(FlashArrayTest, PageTypesFollowTheCell) {
  set("cell", "mlc");
  make();
  EXPECT_EQ(read(0, 0, 16384, 0), 100 + 40 * kUs + 16384);
  EXPECT_EQ(read(1, 1, 16384, 0), 100 + 80 * kUs + 16384);
  set("cell", "slc");
  make();
  EXPECT_EQ(read(1, 1, 16384, 0), 100 + 40 * kUs + 16384);
}

TEST_F(FlashArrayTest, ProgramTransfersThenOccupiesTheDie) {
  make();
  const ProgramDone done = array_->program(0, 65536, 2, 0, Cause::kHost);
  EXPECT_EQ(done.end, 100 + 65536 + 600 * kUs);
  // The die is busy, the channel is not.
  EXPECT_EQ(read(0, 0, 16384, 50 * kUs), done.end + 100 + 40 * kUs + 16384);
  EXPECT_EQ(read(2, 0, 16384, 100 * kUs), 100 * kUs + 100 + 40 * kUs + 16384);
}

TEST_F(FlashArrayTest, DiesOfAChannelShareItAndOthersDoNot) {
  make();
  // Dies 0 and 2 are on channel 0, 1 and 3 on channel 1.
  const u64 alone = 100 + 65536 + 600 * kUs;
  EXPECT_EQ(array_->program(0, 65536, 2, 0, Cause::kHost).end, alone);
  EXPECT_EQ(array_->program(1, 65536, 2, 0, Cause::kHost).end, alone);
  EXPECT_EQ(array_->program(2, 65536, 2, 0, Cause::kHost).end, alone + 100 + 65536);
}

TEST_F(FlashArrayTest, WayFirstNumbersAlongTheChannel) {
  set("stripe", "way");
  make();
  const u64 alone = 100 + 65536 + 600 * kUs;
  EXPECT_EQ(array_->program(0, 65536, 2, 0, Cause::kHost).end, alone);
  EXPECT_EQ(array_->program(1, 65536, 2, 0, Cause::kHost).end, alone + 100 + 65536);
  EXPECT_EQ(array_->program(2, 65536, 2, 0, Cause::kHost).end, alone);
}

TEST_F(FlashArrayTest, CacheRegisterLoadsDuringTheProgramBefore) {
  set("nand_cache", "1");
  make();
  const u64 first = array_->program(0, 65536, 2, 0, Cause::kHost).end;
  EXPECT_EQ(array_->program(0, 65536, 2, 0, Cause::kHost).end, first + 600 * kUs);
  // Only one operation ahead.
  EXPECT_EQ(array_->program(0, 65536, 2, 0, Cause::kHost).end, first + 1200 * kUs);
  set("nand_cache", "0");
  make();
  array_->program(0, 65536, 2, 0, Cause::kHost);
  EXPECT_EQ(array_->program(0, 65536, 2, 0, Cause::kHost).end, 2 * first);
}

TEST_F(FlashArrayTest, PlanesAreProgrammedTogetherOrOneAfterTheOther) {
  set("nand_multiplane", "0");
  make();
  EXPECT_EQ(array_->program(0, 65536, 2, 0, Cause::kHost).end, 100 + 65536 + 2 * 600 * kUs);
}

TEST_F(FlashArrayTest, ReadSuspendsAProgram) {
  set("nand_suspend", "5000");
  make();
  const ProgramDone program = array_->program(0, 65536, 2, 0, Cause::kHost);
  const u64 took = 100 + 40 * kUs + 16384;
  const u64 at = 200 * kUs;
  EXPECT_EQ(read(0, 0, 16384, at), at + 5 * kUs + took);
  // The program loses that time, and takes as long to resume.
  EXPECT_EQ(array_->end_of(0, program.ticket), program.end + 5 * kUs + took + 5 * kUs);
  // A second read waits for the first one only.
  EXPECT_EQ(read(0, 0, 16384, at + 1000), at + 5 * kUs + 2 * took);
}

TEST_F(FlashArrayTest, ErasesAreSuspendedToo) {
  set("nand_suspend", "5000");
  make();
  EXPECT_EQ(array_->erase(0, 0), 100 + 3000 * kUs);
  const ReadDone done = array_->read(0, 0, 16384, 1, 1, 1000 * kUs, Cause::kHost, nullptr);
  EXPECT_EQ(done.end, 1005 * kUs + 100 + 40 * kUs + 16384);
  EXPECT_TRUE(done.behind_background);
}

TEST_F(FlashArrayTest, WithoutSuspensionAReadPassesWhatHasNotBegun) {
  make();
  const ProgramDone first = array_->program(0, 65536, 2, 0, Cause::kBackground);
  const ProgramDone second = array_->program(0, 65536, 2, 0, Cause::kBackground);
  EXPECT_EQ(second.end, 2 * first.end);
  // The channel is promised to the data of the second program: the read's command comes after them.
  const u64 took = 100 + 65536 + 100 + 40 * kUs + 16384;
  EXPECT_EQ(read(0, 0, 16384, 10 * kUs), first.end + took);
  EXPECT_EQ(array_->end_of(0, second.ticket), second.end + took);
}

TEST_F(FlashArrayTest, ProgramIsNotSuspendedForEver) {
  set("nand_suspend", "5000");
  make();
  const ProgramDone program = array_->program(0, 65536, 2, 0, Cause::kHost);
  u64 at = 100 * kUs;
  for (int i = 0; i < 1000; i++) {
    read(0, 0, 4096, at);
    at += 60 * kUs;
  }
  EXPECT_LT(array_->end_of(0, program.ticket), 100 * kUs + 20 * 200 * kUs);
}

TEST_F(FlashArrayTest, CopybackKeepsOffTheChannel) {
  make();
  const u64 reads = (40 + 60 + 80) * kUs;
  EXPECT_EQ(array_->copyback(0, 0, 3, 0).end, 200 + reads + 600 * kUs);
  EXPECT_EQ(read(2, 0, 16384, 100 * kUs), 100 * kUs + 100 + 40 * kUs + 16384);
}

TEST_F(FlashArrayTest, RetriesRepeatTheArrayTime) {
  make();
  EXPECT_EQ(array_->read(0, 0, 16384, 1, 3, 0, Cause::kHost, nullptr).end, 100 + 120 * kUs + 16384);
}

TEST_F(FlashArrayTest, IndependentPlanesReadAtOnce) {
  set("nand_plane_reads", "1");
  set("nand_command", "0");
  make();
  const u64 took = 40 * kUs + 16384;
  EXPECT_EQ(read(0, 0, 16384, 0), took);
  // Half of the die is free all the time, the channel is not.
  EXPECT_EQ(read(0, 0, 16384, took / 2), took / 2 + took);
  EXPECT_EQ(read(0, 0, 16384, took), took + took);
  // A program needs all of it; its data wait for the channel, which the third read has.
  EXPECT_EQ(array_->program(0, 65536, 2, took, Cause::kHost).end, 2 * took + 65536 + 600 * kUs);
}

TEST_F(FlashArrayTest, DataGoOnOverTheLinkPieceByPiece) {
  make();
  Link pcie;
  pcie.init(500, 16384);  // 2 ns a byte
  EXPECT_EQ(array_->read(0, 0, 32768, 2, 1, 0, Cause::kHost, &pcie).end, 100 + 40 * kUs + 16384 + 2 * 32768);
}

TEST_F(FlashArrayTest, ShortBlocksAreErasedInProportion) {
  Geometry geometry = Geometry::of(config_);
  geometry.block_rows = geometry.full_rows / 4;
  array_ = std::make_unique<Array>();
  ASSERT_TRUE(array_->init(geometry, config_, &host_));
  EXPECT_EQ(array_->erase(0, 0), 100 + 750 * kUs);
}

// A die does one thing at a time, whatever comes when: the time that operations take is the time that passes.
TEST_F(FlashArrayTest, OccupancyIsExactUnderLoad) {
  for (const char* suspend : {"0", "5000"}) {
    set("nand_suspend", suspend);
    make();
    std::mt19937_64 random(7);
    u64 now = 0, work = 0;
    for (int i = 0; i < 20'000; i++) {
      now += random() % (20 * kUs);
      array_->set_floor(now);
      switch (random() % 4) {
        case 0:
          array_->program(0, 65536, 2, now, Cause::kHost);
          work += 600 * kUs;
          break;
        case 1:
          read(0, static_cast<u32>(random() % 3), 16384, now, Cause::kBackground);
          work += 40 * kUs;
          break;
        default:
          ASSERT_GE(read(0, 0, 16384, now), now + 100 + 40 * kUs + 16384);
          work += 40 * kUs;
      }
    }
    EXPECT_GE(array_->die_free_at(0), work);
  }
}

TEST_F(FlashArrayTest, ReportTellsUtilisation) {
  make();
  array_->program(0, 4096, 1, 0, Cause::kHost);
  char text[1024];
  TextWriter writer(text, sizeof(text));
  array_->report(writer, 1200 * kUs);
  EXPECT_NE(std::string(text).find("die_busy_permille 500 0 0 0\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace nvmev::flash
