// SPDX-License-Identifier: GPL-2.0-only
// Physical Region Pages: NVMe 2.0 section 4.1.1.
#include <gtest/gtest.h>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Sqe;
using nvme::Status;

struct Shape {
  u32 blocks;       // of 512 bytes
  u32 offset;       // of the data in its first page
  u32 list_offset;  // of the list in its first page
};

const Shape kShapes[] = {
    {1, 0, 0},          {1, 4, 0},    {1, 3584, 0},      {1, 3588, 0},  {1, 4092, 0},    {8, 0, 0},
    {8, 4, 0},          {8, 4092, 0}, {9, 0, 0},         {16, 0, 0},    {16, 4, 0},      {16, 4, 4088},
    {17, 0, 0},         {24, 0, 8},   {24, 512, 4080},   {24, 0, 4088}, {25, 4, 4088},   {64, 0, 4072},
    {100, 1024, 16},    {256, 0, 0},  {256, 2048, 2048}, {1024, 0, 0},  {1024, 0, 4000}, {1024, 4, 4088},
    {1024, 4092, 3960}, {4096, 0, 0}, {4096, 4, 0},      {4096, 0, 8},  {4096, 4, 8},    {4096, 4092, 4088},
    {4096, 2048, 2048},
};

TEST(Prp, ShapesMoveTheRightBytes) {
  Rig rig({{"mdts", "9"}});
  rig.start();
  Arena& arena = rig.driver.arena();
  u64 seed = 1;
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(std::to_string(shape.blocks) + " blocks at " + std::to_string(shape.offset) + ", list at " +
                 std::to_string(shape.list_offset));
    const std::vector<u8> data = pattern(shape.blocks * 512, seed++);
    {
      DmaBuffer from(arena, data.size(), shape.offset);
      from.write(data);
      const Prps prps(arena, from, shape.list_offset);
      ASSERT_TRUE(rig.io(cmd::with_prps(cmd::write(3, shape.blocks), prps)).ok());
    }
    DmaBuffer to(arena, data.size(), shape.offset);
    const Prps prps(arena, to, shape.list_offset);
    ASSERT_TRUE(rig.io(cmd::with_prps(cmd::read(3, shape.blocks), prps)).ok());
    EXPECT_EQ(to.read(), data);
    EXPECT_TRUE(to.margins_intact());
    EXPECT_TRUE(rig.io(cmd::with_prps(cmd::compare(3, shape.blocks), prps)).ok());
  }
}

TEST(Prp, ChainedListsAreFollowed) {
  Rig rig({{"mdts", "9"}});
  rig.start();
  DmaBuffer buffer(rig.driver.arena(), 2 << 20);
  const Prps prps(rig.driver.arena(), buffer, 4088);
  EXPECT_EQ(prps.chains(), 1u) << "the first list holds a pointer to the second alone";
  EXPECT_TRUE(rig.io(cmd::with_prps(cmd::read(0, 4096), prps)).ok());
}

class PrpFaults : public testing::Test {
 protected:
  static constexpr u32 kBlocks = 128;  // 16 pages
  PrpFaults() {
    rig_.start();
    EXPECT_TRUE(rig_.driver.write(0, pattern(kBlocks * 512, 1)).ok());
  }

  // The command fails with `status`; no byte of the buffer or of the medium changes.
  void expect_refused(const Prps& prps, const DmaBuffer& buffer, Status status) {
    const std::vector<u8> before = buffer.read();
    EXPECT_EQ(rig_.io(cmd::with_prps(cmd::read(0, kBlocks), prps)).status, status);
    EXPECT_EQ(buffer.read(), before) << "read moved data";
    EXPECT_EQ(rig_.io(cmd::with_prps(cmd::write(0, kBlocks), prps)).status, status);
    EXPECT_EQ(rig_.driver.read(0, kBlocks).bytes, pattern(kBlocks * 512, 1)) << "write moved data";
    EXPECT_EQ(rig_.io(cmd::with_prps(cmd::compare(0, kBlocks), prps)).status, status);
  }

  Rig rig_;
};

TEST_F(PrpFaults, UnmappedDataPages) {
  Arena& arena = rig_.driver.arena();
  for (const size_t page : {0u, 1u, 7u, 15u}) {
    SCOPED_TRACE(page);
    DmaBuffer buffer(arena, kBlocks * 512);
    buffer.fill(0x77);
    const Prps prps(arena, buffer);
    arena.punch(buffer.pages()[page]);
    expect_refused(prps, buffer, Status::kDataTransferError);
    arena.mend(buffer.pages()[page]);
  }
}

TEST_F(PrpFaults, UnmappedListPages) {
  Arena& arena = rig_.driver.arena();
  for (const size_t list : {0u, 1u}) {
    SCOPED_TRACE(list);
    DmaBuffer buffer(arena, kBlocks * 512);
    buffer.fill(0x77);
    const Prps prps(arena, buffer, 4096 - 4 * 8);
    ASSERT_EQ(prps.list_pages().size(), 2u);
    arena.punch(prps.list_pages()[list]);
    expect_refused(prps, buffer, Status::kDataTransferError);
    arena.mend(prps.list_pages()[list]);
  }
}

TEST_F(PrpFaults, EntryWithOffset) {
  Arena& arena = rig_.driver.arena();
  for (const size_t entry : {0u, 5u, 14u}) {
    SCOPED_TRACE(entry);
    DmaBuffer buffer(arena, kBlocks * 512);
    buffer.fill(0x77);
    const Prps prps(arena, buffer);
    *prps.entry(entry) += 512;
    expect_refused(prps, buffer, Status::kInvalidPrpOffset);
  }
}

TEST_F(PrpFaults, PointersOfWrongForm) {
  Arena& arena = rig_.driver.arena();
  const u64 page = arena.alloc(4);
  struct Case {
    const char* what;
    u32 blocks;
    u64 prp1, prp2;
    Status status;
  };
  const Case cases[] = {
      {"PRP1 not dword aligned", 1, page + 2, 0, Status::kInvalidPrpOffset},
      {"PRP2 with offset, two pages", 16, page, page + kPageSize + 512, Status::kInvalidPrpOffset},
      {"list not qword aligned", 24, page, page + kPageSize + 4, Status::kInvalidPrpOffset},
      {"PRP2 zero, two pages", 16, page, 0, Status::kDataTransferError},
      {"PRP2 zero, list", 24, page, 0, Status::kDataTransferError},
      {"PRP1 zero", 1, 0, 0, Status::kDataTransferError},
      {"PRP1 beyond memory", 1, arena.end(), 0, Status::kDataTransferError},
      {"PRP1 at the end of the address space", 1, ~0xfffull, 0, Status::kDataTransferError},
      {"PRP2 at the end of the address space", 16, page, ~0xfffull, Status::kDataTransferError},
      {"list of zeros", 24, page, page + kPageSize, Status::kDataTransferError},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    const Prps prps(arena, c.prp1, c.prp2);
    EXPECT_EQ(rig_.io(cmd::with_prps(cmd::read(0, c.blocks), prps)).status, c.status);
    EXPECT_EQ(rig_.io(cmd::with_prps(cmd::write(0, c.blocks), prps)).status, c.status);
  }
  // PRP2 is not looked at when PRP1 covers everything.
  EXPECT_TRUE(rig_.io(cmd::with_prps(cmd::read(0, 8), Prps(arena, page, 0x123))).ok());
  arena.free(page, 4);
}

TEST_F(PrpFaults, ListThatPointsToItself) {
  Arena& arena = rig_.driver.arena();
  const u64 list = arena.alloc();
  const u64 data = arena.alloc();
  // One slot only in the first list: a chain to itself, for ever.
  u64* last = reinterpret_cast<u64*>(arena.at(list + 4088));
  *last = list + 4088;
  EXPECT_NE(rig_.io(cmd::with_prps(cmd::read(0, kBlocks), Prps(arena, data, list + 4088))).status, Status::kSuccess);
  *last = list;
  EXPECT_NE(rig_.io(cmd::with_prps(cmd::read(0, kBlocks), Prps(arena, data, list + 4088))).status, Status::kSuccess);
  arena.free(list);
  arena.free(data);
}

TEST_F(PrpFaults, SamePageManyTimes) {
  Arena& arena = rig_.driver.arena();
  DmaBuffer buffer(arena, kBlocks * 512);
  const Prps prps(arena, buffer);
  for (size_t i = 0; i < 15; i++) *prps.entry(i) = buffer.pages()[0];
  EXPECT_TRUE(rig_.io(cmd::with_prps(cmd::read(0, kBlocks), prps)).ok());
}

}  // namespace
}  // namespace nvmev::test
