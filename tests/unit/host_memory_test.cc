// SPDX-License-Identifier: GPL-2.0-only
// Host Memory Buffer: NVMe 2.0 sections 5.27.1.10 and 8.9.
#include <gtest/gtest.h>

#include <random>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Feature;
using nvme::Sqe;
using nvme::Status;

constexpr u32 kBufferPages = 32;  // 128 KiB: map pages for all of the device

struct Descriptor {
  u64 address;
  u32 pages;
  u32 reserved;
};

class HostMemory : public testing::Test {
 protected:
  HostMemory() { rig_.start(); }

  Arena& arena() { return rig_.driver.arena(); }

  // Set Features with a list of these.
  Completion enable(const std::vector<Descriptor>& list, u32 pages, u32 flags = 1, u32 shift = 0) {
    if (!list.empty()) std::memcpy(arena().at(list_) + shift, list.data(), list.size() * sizeof(Descriptor));
    Sqe sqe = cmd::set_feature(Feature::kHostMemoryBuffer, flags);
    sqe.cdw12 = pages;
    sqe.cdw13 = static_cast<u32>(list_) + shift;
    sqe.cdw14 = static_cast<u32>(list_ >> 32);
    sqe.cdw15 = static_cast<u32>(list.size());
    return rig_.admin(sqe);
  }
  Completion disable() { return rig_.driver.set_feature(Feature::kHostMemoryBuffer, 0); }
  std::vector<Descriptor> whole() const { return {{memory_, kBufferPages / 2, 0}, {memory_ + kBufferPages / 2 * kPageSize, kBufferPages / 2, 0}}; }

  u64 misses() {
    const std::string report = rig_.device.report();
    return std::stoull(report.substr(report.find("mapping_cache_misses ") + 21));
  }
  // Misses of reads of all the map, in some order.
  u64 misses_of_a_scan() {
    const u64 before = misses();
    std::mt19937 random(3);
    for (u32 i = 0; i < 400; i++) EXPECT_TRUE(rig_.driver.read(random() % (kCapacity / 4096) * 8, 8).completion.ok());
    return misses() - before;
  }

  static constexpr u64 kCapacity = 128ull << 20;
  Rig rig_{{{"type", "conv"},
            {"capacity", "128M"},
            {"channels", "2"},
            {"dies_per_channel", "2"},
            {"planes", "1"}, {"page_size", "16K"}, {"program_pages", "1"}, {"pages_per_block", "64"},
            {"mapping_cache_size", "16K"},
            {"host_memory_buffer", "128K"}}};
  u64 list_ = arena().alloc(2);
  u64 memory_ = arena().alloc(kBufferPages);
};

TEST_F(HostMemory, IdentifyAsksForIt) {
  const std::vector<u8> id = rig_.driver.identify(nvme::Cns::kController).bytes;
  u32 preferred, minimum;
  std::memcpy(&preferred, &id[272], 4);
  std::memcpy(&minimum, &id[276], 4);
  EXPECT_EQ(preferred, kBufferPages);
  EXPECT_EQ(minimum, kBufferPages / 4);
}

TEST_F(HostMemory, HoldsTheMap) {
  for (u64 at = 0; at < kCapacity; at += 128 << 10) {
    ASSERT_TRUE(rig_.driver.write(at / 512, pattern(4096, at)).ok());
  }
  const u64 without = misses_of_a_scan();
  EXPECT_GT(without, 200u);
  ASSERT_TRUE(enable(whole(), kBufferPages).ok());
  misses_of_a_scan();  // fills it
  EXPECT_EQ(misses_of_a_scan(), 0u);
  // Changed pages are in it when it goes.
  for (u64 at = 0; at < kCapacity; at += 256 << 10) ASSERT_TRUE(rig_.driver.write(at / 512, pattern(4096, at + 1)).ok());
  ASSERT_TRUE(disable().ok());
  EXPECT_GT(misses_of_a_scan(), without / 2);
  for (u64 at = 0; at < kCapacity; at += 128 << 10) {
    ASSERT_EQ(rig_.driver.read(at / 512, 8).bytes, pattern(4096, at % (256 << 10) == 0 ? at + 1 : at));
  }
  ASSERT_TRUE(enable(whole(), kBufferPages, 3).ok()) << "memory return";
}

TEST_F(HostMemory, AttributesAndReset) {
  const auto attributes = [&] {
    DmaBuffer buffer(arena(), 4096);
    Sqe sqe = cmd::get_feature(Feature::kHostMemoryBuffer);
    sqe.prp1 = buffer.bus();
    const Completion completion = rig_.admin(sqe);
    EXPECT_TRUE(completion.ok());
    std::vector<u32> words(4);
    std::memcpy(words.data(), buffer.read().data(), 16);
    return std::pair(completion.dw0, words);
  };
  EXPECT_EQ(attributes(), std::pair(0u, std::vector<u32>(4, 0)));
  ASSERT_TRUE(enable(whole(), kBufferPages).ok());
  const std::vector<u32> expected = {kBufferPages, static_cast<u32>(list_), static_cast<u32>(list_ >> 32), 2};
  EXPECT_EQ(attributes(), std::pair(1u, expected));
  EXPECT_EQ(enable(whole(), kBufferPages).status, Status::kCommandSequenceError) << "enabled already";
  EXPECT_EQ(attributes(), std::pair(1u, expected));
  rig_.driver.disable();
  arena().forbid();
  rig_.runner.run_for(1'000'000'000);
  arena().allow();
  rig_.start();
  EXPECT_EQ(attributes(), std::pair(0u, std::vector<u32>(4, 0))) << "a reset gives it back";
  EXPECT_GT(misses_of_a_scan(), 200u);
}

TEST_F(HostMemory, Refusals) {
  const u64 nowhere = 0xdead'0000'0000;
  EXPECT_EQ(enable(whole(), kBufferPages, 5).status, Status::kInvalidField) << "non-operational access restriction";
  EXPECT_EQ(enable(whole(), kBufferPages / 4 - 1).status, Status::kInvalidField) << "less than HMMIN";
  EXPECT_EQ(enable(whole(), kBufferPages + 1).status, Status::kInvalidField) << "more than the list has";
  EXPECT_EQ(enable({}, kBufferPages).status, Status::kInvalidField) << "no list";
  EXPECT_EQ(enable(std::vector<Descriptor>(1025), kBufferPages).status, Status::kInvalidField) << "more than HMMAXD";
  EXPECT_EQ(enable(whole(), kBufferPages, 1, 8).status, Status::kInvalidField) << "alignment of the list";
  EXPECT_EQ(enable({{memory_ + 512, kBufferPages, 0}}, kBufferPages).status, Status::kInvalidField) << "alignment";
  EXPECT_EQ(enable({{nowhere, kBufferPages, 0}}, kBufferPages).status, Status::kDataTransferError) << "unreachable";
  EXPECT_EQ(enable({{~0ull - 4095, 0xffffffff, 0}}, kBufferPages).status, Status::kDataTransferError) << "wraps";
  Sqe sqe = cmd::set_feature(Feature::kHostMemoryBuffer, 1, true);
  EXPECT_EQ(rig_.admin(sqe).status, Status::kFeatureNotSaveable);
  EXPECT_GT(misses_of_a_scan(), 200u) << "none of them enabled it";
  EXPECT_TRUE(enable({{memory_, kBufferPages, 0}, {memory_, 0, 0}}, kBufferPages).ok()) << "an empty part is none";
}

TEST(NoHostMemory, WhereNothingWouldUseIt) {
  Rig rig({{"type", "conv"}, {"mapping_cache_size", "64K"}});
  rig.start();
  EXPECT_EQ(rig.driver.set_feature(Feature::kHostMemoryBuffer, 0).status, Status::kInvalidField);
}

}  // namespace
}  // namespace nvmev::test
