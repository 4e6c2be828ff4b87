// SPDX-License-Identifier: GPL-2.0-only
// Write atomicity: NVM Command Set 1.0 section 2.1.4.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>

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
    EXPECT_EQ(le16(controller, 528), le16(controller, 526)) << "AWUPF";
    EXPECT_EQ(le16(controller, 532), 0u) << "ACWU";
    EXPECT_EQ(ns[24] >> 1 & 1, kib != 0) << "NSFEAT";
    EXPECT_EQ(le16(ns, 34), kib != 0 ? kib * 2 - 1 : 0) << "NAWUN";
    EXPECT_EQ(le16(ns, 36), le16(ns, 34)) << "NAWUPF";
    for (const size_t at : {38, 40, 42, 44}) EXPECT_EQ(le16(ns, at), 0u) << "NACWU, NABSN, NABO, NABSPF";
    ASSERT_TRUE(rig.admin(cmd::format(1, 1)).ok());
    for (const size_t at : {34, 36}) EXPECT_EQ(le16(rig.driver.identify(Cns::kNamespace, 1).bytes, at), kib != 0 ? kib / 4 - 1 : 0);
  }
  // Zoned namespaces have none.
  Rig both({{"namespaces", "nvm:16M,zns:64M:zone_size=8M"}, {"capacity", "80M"}, {"atomic_write_unit", "64K"}});
  both.start();
  EXPECT_EQ(le16(both.driver.identify(Cns::kController).bytes, 526), 0u);
  EXPECT_EQ(le16(both.driver.identify(Cns::kNamespace, 1).bytes, 34), 127u);
  EXPECT_EQ(le16(both.driver.identify(Cns::kNamespace, 2).bytes, 34), 0u);
}

TEST(AtomicWrites, OfAPowerFailureMayBeSmaller) {
  for (const auto& [power_fail, kib] : {std::pair{"0", 0u}, {"4K", 4u}, {"16K", 16u}, {"64K", 64u}, {"128K", 64u}}) {
    Rig rig({{"atomic_write_unit", "64K"}, {"atomic_write_unit_power_fail", power_fail}});
    rig.start();
    const std::vector<u8> controller = rig.driver.identify(Cns::kController).bytes;
    EXPECT_EQ(le16(controller, 526), 15u);
    EXPECT_EQ(le16(controller, 528), kib != 0 ? kib / 4 - 1 : 0);
    const std::vector<u8> ns = rig.driver.identify(Cns::kNamespace, 1).bytes;
    EXPECT_EQ(le16(ns, 34), 127u);
    EXPECT_EQ(le16(ns, 36), kib != 0 ? kib * 2 - 1 : 0);
  }
}

TEST(AtomicWrites, BoundariesAreIdentified) {
  for (const u32 kib : {16u, 128u, 32768u}) {
    Rig rig({{"capacity", "64M"}, {"atomic_write_unit", "16K"}, {"atomic_boundary", std::to_string(kib) + "K"}, {"atomic_boundary_offset", "8K"}});
    rig.start();
    const std::vector<u8> controller = rig.driver.identify(Cns::kController).bytes;
    for (const size_t at : {526, 528}) EXPECT_EQ(le16(controller, at), 0u) << "AWUN, AWUPF: what holds across boundaries, too";
    for (const u32 lba : {512u, 4096u}) {
      if (lba == 4096) ASSERT_TRUE(rig.admin(cmd::format(1, 1)).ok());
      const std::vector<u8> ns = rig.driver.identify(Cns::kNamespace, 1).bytes;
      EXPECT_EQ(ns[24] >> 1 & 1, 1) << "NSFEAT";
      for (const size_t at : {34, 36}) EXPECT_EQ(le16(ns, at), 16384 / lba - 1) << "NAWUN, NAWUPF";
      for (const size_t at : {40, 44}) EXPECT_EQ(le16(ns, at), kib * 1024 / lba - 1) << "NABSN, NABSPF";
      EXPECT_EQ(le16(ns, 42), 8192 / lba) << "NABO";
    }
  }
}

TEST(AtomicWrites, KeysThatContradictEachOther) {
  const auto refusal = [](const char* unit, const char* boundary, const char* offset) -> std::string {
    nvmev_config config = make_config({});
    nvmev_error error{};
    for (const auto& [key, value] : {std::pair{"atomic_write_unit", unit}, {"atomic_boundary", boundary}, {"atomic_boundary_offset", offset}}) {
      EXPECT_EQ(nvmev_config_set(&config, key, value, &error), 0) << error.text;
    }
    return nvmev_config_check(&config, &error) != 0 ? error.text : "";
  };
  EXPECT_EQ(refusal("16K", "16K", "12K"), "");
  EXPECT_NE(refusal("0", "64K", "0").find("atomic_boundary=65536 with atomic_write_unit=0"), std::string::npos);
  EXPECT_NE(refusal("64K", "32K", "0").find("atomic_boundary=32768 with atomic_write_unit=65536"), std::string::npos);
  for (const char* offset : {"64K", "6K", "1M"}) {
    EXPECT_NE(refusal("16K", "64K", offset).find("less than atomic_boundary=65536, is right"), std::string::npos) << offset;
  }
  EXPECT_NE(refusal("16K", "0", "4K").find("atomic_boundary_offset=4096"), std::string::npos);
}

TEST(AtomicWrites, UnitsThatSurviveCrossNoBoundary) {
  constexpr u64 k = 1024;
  TestHost host;
  AtomicUnits units;
  ASSERT_TRUE(units.init(&host, 64 * k, 16 * k, 0, 0));
  EXPECT_TRUE(units.survive_whole(63 * k, 16 * k));
  EXPECT_FALSE(units.survive_whole(0, 16 * k + 512));
  for (const u64 offset : {u64{0}, 4 * k, 60 * k}) {
    AtomicUnits bounded;
    ASSERT_TRUE(bounded.init(&host, 64 * k, 64 * k, 64 * k, static_cast<u32>(offset)));
    for (const u64 boundary : {offset, offset + 64 * k, offset + (64 * k << 20)}) {
      EXPECT_TRUE(bounded.survive_whole(boundary, 64 * k));
      if (boundary == 0) continue;
      EXPECT_TRUE(bounded.survive_whole(boundary - 4 * k, 4 * k));
      EXPECT_FALSE(bounded.survive_whole(boundary - 512, 1024));
      EXPECT_FALSE(bounded.survive_whole(boundary - 4 * k, 64 * k));
    }
    if (offset != 0) EXPECT_TRUE(bounded.survive_whole(0, offset)) << "the first section is shorter";
  }
}

TEST(AtomicWrites, SpansThatMeetExcludeEachOther) {
  TestHost host;
  AtomicUnits units;
  ASSERT_TRUE(units.init(&host, 64 << 10, 0, 0, 0));
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

constexpr u32 kBytes = 128 << 10, kBlocks = kBytes / 512;
constexpr u64 kFirst = 77, kCopied = 10'000;  // in the middle of a page

// Two workers, one of which comes in between at any place where the other could be interrupted.
class Interleaved {
 public:
  explicit Interleaved(const char* unit)
      : rig_({{"queues", "2"}, {"atomic_write_unit", unit}}, 2),
        old_(buffer(0xaa)), fresh_(buffer(0xbb)), read_(buffer(0)), list_(buffer(0)) {
    rig_.start(2);
    std::vector<u8> descriptor(32);
    const u64 from = kCopied;
    const u16 nlb = kBlocks - 1;
    std::memcpy(&descriptor[8], &from, 8);
    std::memcpy(&descriptor[16], &nlb, 2);
    list_.first.write(descriptor);
    run(1, at(cmd::write(kCopied, kBlocks), fresh_));
  }

  // The command writes while the blocks are read; `nth`: where the other worker comes in, which is the reader's or the writer's. Whether
  // one of the two saw, or left behind, a part of the other.
  bool tears(nvme::Sqe sqe, u32 nth, bool reader_comes) {
    run(1, at(cmd::write(kFirst, kBlocks), old_));
    sqe = sqe.opcode == static_cast<u8>(NvmOpcode::kCopy) ? at(sqe, list_) : at(sqe, fresh_);
    // Queue q belongs to worker q % 2.
    const u16 first_queue = reader_comes ? 1 : 2;
    rig_.driver.submit(first_queue, reader_comes ? sqe : at(cmd::read(kFirst, kBlocks), read_));
    rig_.driver.submit(static_cast<u16>(3 - first_queue), reader_comes ? at(cmd::read(kFirst, kBlocks), read_) : sqe);
    rig_.runner.dispatch(0);
    u32 calls = 0;
    rig_.host.on_critical = [&] {
      if (calls++ != nth) return;
      for (u32 i = 0; i < 3; i++) rig_.runner.work((first_queue + 1) % 2);
    };
    rig_.runner.work(first_queue % 2);
    rig_.host.on_critical = nullptr;
    EXPECT_TRUE(rig_.driver.wait_for(2));
    for (const Completion& completion : rig_.driver.take()) EXPECT_TRUE(completion.ok());
    EXPECT_EQ(rig_.runner.fault(), "");
    const std::vector<u8> seen = read_.first.read();
    return !is_uniform(seen) || !is_uniform(rig_.driver.read(kFirst, kBlocks).bytes);
  }

 private:
  using Memory = std::pair<DmaBuffer&, std::unique_ptr<Prps>>;

  Memory buffer(u8 fill) {
    buffers_.emplace_back(rig_.driver.arena(), kBytes);
    buffers_.back().fill(fill);
    return {buffers_.back(), std::make_unique<Prps>(rig_.driver.arena(), buffers_.back())};
  }
  static nvme::Sqe at(const nvme::Sqe& sqe, const Memory& buffer) {
    return cmd::with_prps(sqe, *buffer.second);
  }
  void run(u16 queue, const nvme::Sqe& sqe) { ASSERT_TRUE(rig_.driver.run(queue, sqe).ok()); }
  static bool is_uniform(const std::vector<u8>& bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [&](u8 byte) { return byte == bytes[0]; });
  }

  Rig rig_;
  std::deque<DmaBuffer> buffers_;
  Memory old_, fresh_, read_, list_;
};

u32 torn(const char* unit, const nvme::Sqe& sqe) {
  Interleaved workers(unit);
  u32 torn = 0;
  for (u32 nth = 0; nth < 40; nth++) {
    for (const bool reader_comes : {true, false}) torn += workers.tears(sqe, nth, reader_comes);
  }
  return torn;
}

TEST(AtomicWrites, AreNeverSeenInPart) {
  nvme::Sqe copy = cmd::io(NvmOpcode::kCopy, kFirst, 1);
  copy.cdw12 = 0;
  for (const nvme::Sqe& sqe : {cmd::write(kFirst, kBlocks), cmd::write_zeroes(kFirst, kBlocks), copy}) {
    SCOPED_TRACE(int{sqe.opcode});
    EXPECT_GT(torn("0", sqe), 0u) << "a unit of one block: the workers do meet";
    EXPECT_EQ(torn("128K", sqe), 0u);
  }
}

}  // namespace
}  // namespace nvmev::test
