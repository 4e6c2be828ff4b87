// SPDX-License-Identifier: GPL-2.0-only
// What the page-mapped FTL takes of its host's memory.
#include <gtest/gtest.h>

#include <string>

#include "host/conv_device.h"

namespace nvmev {
namespace {

using test::ConvDevice;

struct Case {
  const char* capacity;
  const char* over_provisioning;
};

class ConvMemoryTest : public testing::TestWithParam<Case> {};

// Of exported capacity, over-provisioning included. Capacities just above a power of two need a bit more for each unit.
TEST_P(ConvMemoryTest, MapAndInverseMapTakeEightBytesFor4KiB) {
  const std::string keys = std::string("capacity=") + GetParam().capacity + " over_provisioning=" + GetParam().over_provisioning;
  ConvDevice device(keys, "samsung-970-pro");
  const double units = static_cast<double>(device.config.capacity) / 4096;
  const double map = static_cast<double>(device->map().bytes()) / units;
  EXPECT_LE(map, 8.0);
  // And little else grows with the capacity.
  EXPECT_LE(static_cast<double>(device.host.allocated_bytes()), 8.05 * units + (2 << 20));
  RecordProperty("map_bytes_per_4k", std::to_string(map));
}

INSTANTIATE_TEST_SUITE_P(Devices, ConvMemoryTest,
                         testing::Values(Case{"1G", "28"}, Case{"1025M", "28"}, Case{"257G", "28"}, Case{"1T", "7"},
                                         Case{"1T", "28"}));

TEST(ConvMemory, EraseCountsAreOfEveryBlock) {
  ConvDevice device("capacity=64M spare_blocks=5 background_gc=0", "samsung-970-pro");
  const flash::Geometry& geometry = device->layout().geometry;
  for (int pass = 0; pass < 3; pass++) device.fill();
  u64 sum = 0;
  for (u32 die = 0; die < geometry.dies; die++) {
    ASSERT_EQ(device->erase_counts(die, nullptr, 0), geometry.die_blocks);
    std::vector<u32> counts(geometry.die_blocks);
    EXPECT_EQ(device->erase_counts(die, counts.data(), geometry.die_blocks), geometry.die_blocks);
    for (const u32 count : counts) sum += count;
    std::vector<u32> some(2, 77);
    device->erase_counts(die, some.data(), 1);
    EXPECT_EQ(some, (std::vector<u32>{counts[0], 77}));
  }
  EXPECT_EQ(device->erase_counts(geometry.dies, nullptr, 0), 0u);
  EXPECT_GT(sum, 0u);
  EXPECT_EQ(sum, device->array().erases());
}

}  // namespace
}  // namespace nvmev
