// SPDX-License-Identifier: GPL-2.0-only
// Scatter Gather Lists: NVMe 2.0 section 4.1.2.
#include "host/sgl.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::NvmOpcode;
using nvme::SglDescriptor;
using nvme::SglType;
using nvme::Sqe;
using nvme::Status;

constexpr u32 kBlocks = 64;
constexpr u32 kBytes = kBlocks * 512;

class Sgl : public testing::Test {
 protected:
  Sgl() { rig_.start(); }

  Driver& driver() { return rig_.driver; }
  Arena& arena() { return rig_.driver.arena(); }
  Completion io(NvmOpcode opcode, const SglDescriptor& descriptor, u32 blocks = kBlocks, u64 slba = 0) {
    return rig_.io(with_sgl(cmd::io(opcode, slba, blocks), descriptor));
  }

  Rig rig_{{{"mdts", "8"}}};
};

// Requester memory in parts of the given lengths, each from an odd place in pages of its own.
class Parts {
 public:
  Parts(Arena& arena, const std::vector<u32>& lengths) {
    for (u32 i = 0; i < lengths.size(); i++) parts_.emplace_back(arena, lengths[i], (i * 1237 + 1) % kPageSize);
  }

  // A data block crosses pages only where those are neighbours, which these never are.
  std::vector<SglDescriptor> descriptors() const {
    std::vector<SglDescriptor> descriptors;
    for (const DmaBuffer& part : parts_) {
      for (size_t at = 0; at < part.size();) {
        const size_t to_page_end = kPageSize - part.bus(at) % kPageSize;
        const size_t length = std::min(part.size() - at, to_page_end);
        descriptors.push_back(data_block(part.bus(at), static_cast<u32>(length)));
        at += length;
      }
    }
    return descriptors;
  }
  void write(const std::vector<u8>& bytes) {
    size_t at = 0;
    for (DmaBuffer& part : parts_) {
      part.write({bytes.begin() + static_cast<long>(at), bytes.begin() + static_cast<long>(at + part.size())});
      at += part.size();
    }
  }
  std::vector<u8> read() const {
    std::vector<u8> bytes;
    for (const DmaBuffer& part : parts_) {
      const std::vector<u8> more = part.read();
      bytes.insert(bytes.end(), more.begin(), more.end());
    }
    return bytes;
  }
  void fill(u8 byte) {
    for (DmaBuffer& part : parts_) part.fill(byte);
  }
  bool margins_intact() const {
    return std::all_of(parts_.begin(), parts_.end(), [](const DmaBuffer& part) { return part.margins_intact(); });
  }

 private:
  std::deque<DmaBuffer> parts_;
};

TEST_F(Sgl, OneDataBlockOverNeighbouringPages) {
  const std::vector<u8> data = pattern(kBytes, 1);
  const u64 memory = arena().alloc(kBytes / kPageSize + 2);
  std::memcpy(arena().at(memory + 4001), data.data(), kBytes);
  ASSERT_TRUE(io(NvmOpcode::kWrite, data_block(memory + 4001, kBytes)).ok());
  EXPECT_EQ(driver().read(0, kBlocks).bytes, data);
  EXPECT_TRUE(io(NvmOpcode::kCompare, data_block(memory + 4001, kBytes)).ok());
  std::memset(arena().at(memory), 0, kBytes + 2 * kPageSize);
  ASSERT_TRUE(io(NvmOpcode::kRead, data_block(memory + 3, kBytes)).ok());
  EXPECT_EQ(std::memcmp(arena().at(memory + 3), data.data(), kBytes), 0);
  EXPECT_EQ(arena().at(memory)[2], 0);
  EXPECT_EQ(arena().at(memory)[3 + kBytes], 0);
  arena().free(memory, kBytes / kPageSize + 2);
}

// Segments of random sizes, parts of random lengths, ranges of any alignment, against what PRPs make of it.
TEST_F(Sgl, RandomLists) {
  std::mt19937 random(7);
  std::vector<u8> expected(kBytes, 0);
  for (u32 round = 0; round < 60; round++) {
    const u32 blocks = 1 + random() % 32;
    const u64 slba = random() % (kBlocks - blocks);
    std::vector<u32> lengths;
    for (u32 left = blocks * 512; left != 0; left -= lengths.back()) {
      const u32 most = round % 3 == 0 ? 700u : 9000u;
      lengths.push_back(std::min<u32>(left, 1 + random() % most));
    }
    Parts parts(arena(), lengths);
    const std::vector<u8> data = pattern(blocks * 512, round);
    parts.write(data);

    std::vector<SglDescriptor> all = parts.descriptors();
    std::deque<SglSegment> segments;
    SglDescriptor head{};
    // From the last segment to the first, each pointing to the next.
    bool last = true;
    while (!all.empty()) {
      const size_t take = std::min<size_t>(all.size(), 1 + random() % 20);
      std::vector<SglDescriptor> here(all.end() - static_cast<long>(take), all.end());
      all.resize(all.size() - take);
      if (!last) here.push_back(head);
      segments.emplace_back(arena(), here, random() % 512 * 8);
      head = last ? segments.back().last_segment() : segments.back().segment();
      last = false;
    }
    ASSERT_EQ(io(NvmOpcode::kWrite, head, blocks, slba).status, Status::kSuccess);
    std::copy(data.begin(), data.end(), expected.begin() + static_cast<long>(slba * 512));
    ASSERT_EQ(io(NvmOpcode::kCompare, head, blocks, slba).status, Status::kSuccess);
    parts.fill(0xee);
    ASSERT_EQ(io(NvmOpcode::kCompare, head, blocks, slba).status, Status::kCompareFailure);
    ASSERT_EQ(io(NvmOpcode::kRead, head, blocks, slba).status, Status::kSuccess);
    ASSERT_EQ(parts.read(), data) << "round " << round;
    EXPECT_TRUE(parts.margins_intact());
  }
  EXPECT_EQ(driver().read(0, kBlocks).bytes, expected);
}

TEST_F(Sgl, BitBucketsSwallowWhatIsRead) {
  const std::vector<u8> data = pattern(kBytes, 3);
  ASSERT_TRUE(driver().write(0, data).ok());
  Parts parts(arena(), {100, 512});
  std::vector<SglDescriptor> list = parts.descriptors();
  list.insert(list.begin() + 1, bit_bucket(20000));
  list.push_back(bit_bucket(kBytes - 20612));
  const SglSegment segment(arena(), list);
  ASSERT_TRUE(io(NvmOpcode::kRead, segment.last_segment()).ok());
  std::vector<u8> expected(data.begin(), data.begin() + 100);
  expected.insert(expected.end(), data.begin() + 20100, data.begin() + 20612);
  EXPECT_EQ(parts.read(), expected);
  EXPECT_TRUE(io(NvmOpcode::kRead, bit_bucket(kBytes)).ok());
}

TEST_F(Sgl, BitBucketsMeanNothingForWrites) {
  const std::vector<u8> data = pattern(1024, 4);
  Parts parts(arena(), {500, 524});
  parts.write(data);
  std::vector<SglDescriptor> list = parts.descriptors();
  list.insert(list.begin() + 1, bit_bucket(4096));
  const SglSegment segment(arena(), list);
  ASSERT_TRUE(io(NvmOpcode::kWrite, segment.last_segment(), 2).ok());
  EXPECT_EQ(driver().read(0, 2).bytes, data);
  EXPECT_EQ(io(NvmOpcode::kWrite, bit_bucket(1024), 2).status, Status::kSglDataLengthInvalid);
}

TEST_F(Sgl, LongerThanTheData) {
  Parts parts(arena(), {1000, 1000});
  const std::vector<SglDescriptor> list = parts.descriptors();
  const SglSegment segment(arena(), list);
  ASSERT_TRUE(driver().write(0, pattern(1024, 5)).ok());
  ASSERT_TRUE(io(NvmOpcode::kRead, segment.last_segment(), 2).ok());
  std::vector<u8> expected = pattern(1024, 5);
  expected.resize(2000, 0);
  EXPECT_EQ(parts.read(), expected) << "nothing beyond the data is touched";
}

TEST_F(Sgl, OfDatasetManagement) {
  ASSERT_TRUE(driver().write(0, pattern(kBytes, 6)).ok());
  const nvme::DsmRange ranges[2] = {{0, 8, 0}, {0, 8, 16}};
  Parts parts(arena(), {5, 27});
  parts.write({reinterpret_cast<const u8*>(ranges), reinterpret_cast<const u8*>(ranges) + sizeof(ranges)});
  const SglSegment segment(arena(), parts.descriptors());
  Sqe sqe = cmd::io(NvmOpcode::kDatasetManagement, 0, 0);
  sqe.cdw10 = 1;
  sqe.cdw11 = 4;
  sqe.cdw12 = 0;
  ASSERT_TRUE(rig_.io(with_sgl(sqe, segment.last_segment())).ok());
  std::vector<u8> expected = pattern(kBytes, 6);
  std::fill_n(expected.begin(), 4096, u8{0});
  std::fill_n(expected.begin() + 8192, 4096, u8{0});
  EXPECT_EQ(driver().read(0, kBlocks).bytes, expected);
}

TEST_F(Sgl, RefusalsMoveNothing) {
  const std::vector<u8> before = pattern(4096, 8);
  ASSERT_TRUE(driver().write(0, before).ok());
  const u64 memory = arena().alloc(2);
  std::memset(arena().at(memory), 0x55, 2 * kPageSize);
  const u64 nowhere = 0xdead'0000'0000;
  const SglDescriptor good = data_block(memory, 4096);
  const SglSegment one(arena(), {good});
  const SglSegment short_list(arena(), {data_block(memory, 4095)});
  const SglSegment segment_within(arena(), {data_block(memory, 100), one.last_segment(), good});
  const SglSegment segment_in_last(arena(), {data_block(memory, 100), one.last_segment()});
  const SglSegment keyed(arena(), {data_block(memory, 100), sgl(static_cast<SglType>(4), memory, 4096)});
  const SglSegment unreachable(arena(), {data_block(memory, 4000), data_block(nowhere, 4096)});
  const SglSegment empty_blocks(arena(), std::vector<SglDescriptor>(600, data_block(memory, 0)));
  SglSegment endless(arena(), {data_block(memory, 0), good});
  *endless.at(1) = endless.segment();

  struct Case {
    const char* what;
    SglDescriptor descriptor;
    Status status;
  };
  const Case cases[] = {
      {"keyed", sgl(static_cast<SglType>(4), memory, 4096), Status::kSglDescriptorTypeInvalid},
      {"transport", sgl(static_cast<SglType>(5), memory, 4096), Status::kSglDescriptorTypeInvalid},
      {"vendor specific", sgl(static_cast<SglType>(15), memory, 4096), Status::kSglDescriptorTypeInvalid},
      {"offset", sgl(SglType::kDataBlock, 0, 4096, 1), Status::kSglDescriptorTypeInvalid},
      {"too short", data_block(memory, 4095), Status::kSglDataLengthInvalid},
      {"empty", data_block(memory, 0), Status::kSglDataLengthInvalid},
      {"unreachable", data_block(nowhere, 4096), Status::kDataTransferError},
      {"address that wraps", data_block(~0ull - 100, 4096), Status::kDataTransferError},
      {"empty segment", sgl(SglType::kLastSegment, one.bus(), 0), Status::kInvalidSglSegmentDescriptor},
      {"part of a descriptor", sgl(SglType::kLastSegment, one.bus(), 24), Status::kInvalidSglSegmentDescriptor},
      {"alignment of a segment", sgl(SglType::kLastSegment, one.bus() + 4, 16), Status::kInvalidSglSegmentDescriptor},
      {"segment that cannot be read", sgl(SglType::kLastSegment, nowhere, 16), Status::kDataTransferError},
      {"huge segment", sgl(SglType::kLastSegment, empty_blocks.bus(), 0xfffffff0), Status::kInvalidNumberOfSglDescriptors},
      {"list too short", short_list.last_segment(), Status::kSglDataLengthInvalid},
      {"no segment behind the first", short_list.segment(), Status::kSglDataLengthInvalid},
      {"segment before the end", segment_within.segment(), Status::kInvalidSglSegmentDescriptor},
      {"segment in the last segment", segment_in_last.last_segment(), Status::kInvalidSglSegmentDescriptor},
      {"keyed within", keyed.last_segment(), Status::kSglDescriptorTypeInvalid},
      {"unreachable within", unreachable.last_segment(), Status::kDataTransferError},
      {"too many", empty_blocks.last_segment(), Status::kInvalidNumberOfSglDescriptors},
      {"endless", endless.segment(), Status::kInvalidNumberOfSglDescriptors},
  };
  for (const NvmOpcode opcode : {NvmOpcode::kRead, NvmOpcode::kWrite, NvmOpcode::kCompare}) {
    for (const Case& c : cases) {
      SCOPED_TRACE(std::string(c.what) + ", opcode " + std::to_string(static_cast<int>(opcode)));
      EXPECT_EQ(io(opcode, c.descriptor, 8).status, c.status);
    }
  }
  EXPECT_EQ(driver().read(0, 8).bytes, before);
  EXPECT_EQ(arena().at(memory)[0], 0x55) << "a read that fails moves nothing";
  arena().free(memory, 2);
}

// Over PCIe admin commands have PRPs only.
TEST_F(Sgl, NotOfAdminCommands) {
  const u64 memory = arena().alloc();
  Sqe sqe = cmd::identify(nvme::Cns::kController, 0, memory);
  EXPECT_EQ(rig_.admin(with_sgl(sqe, data_block(memory, 4096))).status, Status::kInvalidField);
  arena().free(memory);
}

}  // namespace
}  // namespace nvmev::test
