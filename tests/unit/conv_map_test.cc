// SPDX-License-Identifier: GPL-2.0-only
// The page map never loses or duplicates a unit: against a plain reference, under millions of random operations.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "host/conv_device.h"

namespace nvmev {
namespace {

using test::ConvDevice;

// Two channels of two dies.
constexpr char kSmall[] =
    "capacity=16M channels=2 dies_per_channel=2 planes=1 page_size=16K program_pages=1 pages_per_block=16 "
    "blocks_per_plane=16 cell=mlc over_provisioning=60 write_buffer_size=256K ";

class ConvMapTest : public testing::TestWithParam<const char*> {};

TEST_P(ConvMapTest, AgreesWithAPlainMap) {
  ConvDevice device(std::string(kSmall) + GetParam());
  conv::Conv* ftl = &device.ftl();
  const u32 units = ftl->layout().logical_units;
  const u32 unit = ftl->layout().unit_bytes;
  const u32 handles = device.config.placement_handles != 0 ? device.config.placement_handles : 1;
  std::vector<bool> mapped(units);
  u64 count = 0;
  std::mt19937_64 random(42);
  u64 now = 0;
  // Some 15 units each.
  for (int i = 0; i < 60'000; i++) {
    now += random() % 200'000;
    const u32 first = static_cast<u32>(random() % units);
    const u32 length = static_cast<u32>(1 + random() % std::min<u64>(40, units - first));
    IoRequest request{now, static_cast<u64>(first) * unit, static_cast<u64>(length) * unit, IoOp::kWrite,
                      random() % 16 == 0, static_cast<u16>(random() % handles)};
    const u64 what = random() % 100;
    if (what < 60) {
      ASSERT_EQ(ftl->plan(request).status, nvme::Status::kSuccess) << i;
      for (u32 k = first; k < first + length; k++) {
        count += !mapped[k];
        mapped[k] = true;
      }
    } else if (what < 70) {  // part of a unit
      request.length = 512;
      request.offset += 512 * (random() % (unit / 512));
      ASSERT_EQ(ftl->plan(request).status, nvme::Status::kSuccess);
      count += !mapped[first];
      mapped[first] = true;
    } else if (what < 85) {
      request.op = IoOp::kRead;
      const IoPlan plan = ftl->plan(request);
      ASSERT_EQ(plan.status, nvme::Status::kSuccess);
      ASSERT_GT(plan.done, now);
    } else if (what < 95) {
      request.op = what < 92 ? IoOp::kDeallocate : IoOp::kWriteZeroes;
      ftl->plan(request);
      for (u32 k = first; k < first + length; k++) {
        count -= mapped[k];
        mapped[k] = false;
      }
    } else if (what < 99) {
      request.op = IoOp::kFlush;
      request.length = 0;
      ftl->plan(request);
      if (handles > 1) ftl->update(now, static_cast<u16>(random() % handles));
    } else if (random() % 300 == 0) {
      ftl->format();
      mapped.assign(units, false);
      count = 0;
    }
    for (u32 k = first; k < first + length; k++) ASSERT_EQ(ftl->map().find(k) != conv::kNone, mapped[k]) << i;
    if (i % 5'000 == 0) ASSERT_STREQ(ftl->inconsistency(), "") << "after " << i;
  }
  EXPECT_STREQ(ftl->inconsistency(), "");
  u64 found = 0;
  for (u32 k = 0; k < units; k++) {
    ASSERT_EQ(ftl->map().find(k) != conv::kNone, mapped[k]);
    found += mapped[k];
  }
  EXPECT_EQ(found, count);
  EXPECT_GT(ftl->statistics().collections.get(), 10u);
}

INSTANTIATE_TEST_SUITE_P(
    Variants, ConvMapTest,
    testing::Values("victim=greedy", "victim=cost-benefit", "victim=fifo", "victim=random", "victim=d-choices",
                    "victim=windowed", "superblock_dies=1", "superblock_dies=2 allocation=static",
                    "superblock_dies=1 allocation=least-busy nand_copyback=1", "superblock_dies=2 allocation=random",
                    "separation=none", "separation=none superblock_dies=2", "separation=frequency", "separation=size",
                    "separation=generation", "write_buffer=overwrite", "early_completion=0", "mapping_unit=16K",
                    "mapping_unit=8K page_size=8K planes=2 program_pages=2", "mapping_cache_size=8K",
                    "mapping_cache_size=8K mapping_cache=clock superblock_dies=2", "wear_leveling=5",
                    "placement_handles=3", "placement_handles=3 gc_isolation=1 separation=frequency over_provisioning=90",
                    "power_loss_protection=1 nand_suspend=0", "background_gc=50 gc_idle_delay=1000",
                    "stripe=way cell=tlc program_pages=3 pages_per_block=24"));

}  // namespace
}  // namespace nvmev
