// SPDX-License-Identifier: GPL-2.0-only
// Write atomicity: NVM Command Set 1.0 section 2.1.4.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <deque>

#include "host/rig.h"
#include "src/controller/atomic_units.h"

namespace nvmev::test {
namespace {

using nvme::Cns;
using nvme::NvmOpcode;

u32 le16(const std::vector<u8>& data, size_t at) { return data[at] | data[at + 1] << 8; }

TEST(AtomicWrites, AreIdentified) {
  for (const u32 kib : {0u, 4u, 64u, 128u}) {
    Rig rig({{"atomic_write_unit", std::to_string(kib) + "K"}});
    rig.start();
    const std::vector<u8> controller = rig.driver.identify(Cns::kController).bytes;
    const std::vector<u8> ns = rig.driver.identify(Cns::kNamespace, 1).bytes;
    EXPECT_EQ(le16(controller, 526), kib != 0 ? kib / 4 - 1 : 0) << "AWUN: blocks of 4 KiB, the largest";
    EXPECT_EQ(le16(controller, 528), 0u) << "AWUPF";
    EXPECT_EQ(ns[24] >> 1 & 1, kib != 0) << "NSFEAT";
    EXPECT_EQ(le16(ns, 34), kib != 0 ? kib * 2 - 1 : 0) << "NAWUN";
    EXPECT_EQ(le16(ns, 36), 0u) << "NAWUPF";
    ASSERT_TRUE(rig.admin(cmd::format(1, 1)).ok());
    EXPECT_EQ(le16(rig.driver.identify(Cns::kNamespace, 1).bytes, 34), kib != 0 ? kib / 4 - 1 : 0);
  }
  // Zoned namespaces have none.
  Rig both({{"namespaces", "nvm:16M,zns:64M:zone_size=8M"}, {"capacity", "80M"}, {"atomic_write_unit", "64K"}});
  both.start();
  EXPECT_EQ(le16(both.driver.identify(Cns::kController).bytes, 526), 0u);
  EXPECT_EQ(le16(both.driver.identify(Cns::kNamespace, 1).bytes, 34), 127u);
  EXPECT_EQ(le16(both.driver.identify(Cns::kNamespace, 2).bytes, 34), 0u);
}

TEST(AtomicWrites, SpansThatMeetExcludeEachOther) {
  TestHost host;
  AtomicUnits units;
  ASSERT_TRUE(units.init(&host, 64 << 10));
  const auto free_of = [&](u64 offset, u64 length) {
    AtomicUnits::Span other(units);
    other.add(offset, length);
    return other.try_take();
  };
  {
    AtomicUnits::Span span(units);
    span.add(0xf000, 0x2000);
    span.add(5 << 20, 512);
    ASSERT_TRUE(span.try_take());
    EXPECT_FALSE(free_of(0x1ffff, 1));
    EXPECT_FALSE(free_of(0, 1));
    EXPECT_FALSE(free_of(4 << 20, 2 << 20));
    EXPECT_FALSE(free_of(0, ~0ull)) << "all of it";
    EXPECT_TRUE(free_of(0x20000, 0x10000));
    EXPECT_TRUE(free_of(0x20000, 0));
    EXPECT_FALSE(free_of(0x12000, 0x10000)) << "and what was taken before it failed is given back";
    EXPECT_TRUE(free_of(0x20000, 0x10000));
  }
  EXPECT_TRUE(free_of(0, ~0ull));
  EXPECT_TRUE(free_of(0, ~0ull)) << "it was given back";
}

// Writes of the unit from several queues, by all commands that write, against reads: nobody sees a part of one. Real threads.
TEST(AtomicWrites, AreNeverSeenInPart) {
  constexpr u32 kBytes = 128 << 10, kBlocks = kBytes / 512, kRounds = 300;
  constexpr u64 kFirst = 77;  // in the middle of a page
  TestHost host;
  Device device(host, make_config({{"queues", "4"}, {"dispatchers", "2"}, {"atomic_write_unit", "128K"}, {"time_scale", "0.001"}}, 2));
  ThreadRunner runner(device, 4);
  Driver driver(device, runner);
  ASSERT_TRUE(driver.enable());
  for (u16 queue = 1; queue <= 4; queue++) driver.create_queue_pair(queue, 32);
  std::deque<DmaBuffer> buffers;
  std::deque<Prps> lists;
  const auto memory = [&](u8 fill) -> Prps& {
    buffers.emplace_back(host.arena, kBytes);
    buffers.back().fill(fill);
    return lists.emplace_back(host.arena, buffers.back());
  };
  // What Copy takes from.
  ASSERT_TRUE(driver.run(1, cmd::with_prps(cmd::write(10'000, kBlocks), memory(0xcc))).ok());
  ASSERT_TRUE(driver.run(1, cmd::with_prps(cmd::write(kFirst, kBlocks), memory(0xdd))).ok());
  const nvme::Sqe writes[] = {cmd::with_prps(cmd::write(kFirst, kBlocks), memory(0xaa)),
                              cmd::with_prps(cmd::write(kFirst, kBlocks), memory(0xbb)), cmd::write_zeroes(kFirst, kBlocks)};
  DmaBuffer list(host.arena, 32);
  std::vector<u8> descriptor(32);
  const u64 from = 10'000;
  std::memcpy(&descriptor[8], &from, 8);
  const u16 nlb = kBlocks - 1;
  std::memcpy(&descriptor[16], &nlb, 2);
  list.write(descriptor);
  const Prps list_prps(host.arena, list);
  nvme::Sqe copy = cmd::with_prps(cmd::io(NvmOpcode::kCopy, kFirst, 1), list_prps);
  copy.cdw12 = 0;
  std::vector<std::pair<DmaBuffer*, nvme::Sqe>> reads;
  for (u32 i = 0; i < 4; i++) {
    const nvme::Sqe read = cmd::with_prps(cmd::read(kFirst, kBlocks), memory(0));
    reads.emplace_back(&buffers.back(), read);
  }
  u32 seen[256] = {};
  for (u32 round = 0; round < kRounds; round++) {
    std::vector<std::pair<u16, u16>> waiting;
    const auto submit = [&](u16 queue, const nvme::Sqe& sqe) { waiting.emplace_back(queue, driver.submit(queue, sqe)); };
    for (u32 i = 0; i < 4; i++) {
      submit(static_cast<u16>(1 + i % 2), round % 4 == i ? copy : writes[(round + i) % 3]);
      submit(static_cast<u16>(4 - i % 2), reads[i].second);
    }
    for (const auto& [queue, cid] : waiting) ASSERT_TRUE(driver.wait(queue, cid).ok());
    for (const auto& [buffer, sqe] : reads) {
      const std::vector<u8> bytes = buffer->read();
      ASSERT_TRUE(std::all_of(bytes.begin(), bytes.end(), [&](u8 byte) { return byte == bytes[0]; })) << "round " << round;
      seen[bytes[0]]++;
    }
  }
  for (const u8 one : {0x00, 0xaa, 0xbb, 0xcc}) EXPECT_GT(seen[one], 0u) << int{one};
  driver.disable();
}

}  // namespace
}  // namespace nvmev::test
