// SPDX-License-Identifier: GPL-2.0-only
// SGLs of the requester: descriptors, and segments in its memory.
#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "host/arena.h"
#include "nvmev/nvme/command.h"

namespace nvmev::test {

inline nvme::SglDescriptor sgl(nvme::SglType type, u64 address, u32 length, u8 sub_type = 0) {
  return {address, length, {}, static_cast<u8>(static_cast<u8>(type) << 4 | sub_type)};
}
inline nvme::SglDescriptor data_block(u64 address, u32 length) { return sgl(nvme::SglType::kDataBlock, address, length); }
inline nvme::SglDescriptor bit_bucket(u32 length) { return sgl(nvme::SglType::kBitBucket, 0, length); }

// The command with the descriptor as its SGL1.
inline nvme::Sqe with_sgl(nvme::Sqe sqe, const nvme::SglDescriptor& descriptor) {
  sqe.flags = 1 << 6;
  std::memcpy(&sqe.prp1, &descriptor.address, 8);
  std::memcpy(&sqe.prp2, &descriptor.length, 8);
  return sqe;
}

// Contiguous descriptors in memory of their own.
class SglSegment {
 public:
  SglSegment(Arena& arena, const std::vector<nvme::SglDescriptor>& descriptors, u32 offset = 0)
      : arena_(arena), bytes_(static_cast<u32>(descriptors.size() * sizeof(nvme::SglDescriptor))), offset_(offset) {
    pages_ = (offset + bytes_ + kPageSize - 1) / kPageSize;
    base_ = arena.alloc(pages_);
    if (bytes_ != 0) std::memcpy(arena.at(base_) + offset, descriptors.data(), bytes_);
  }
  ~SglSegment() { arena_.free(base_, pages_); }
  SglSegment(const SglSegment&) = delete;
  SglSegment& operator=(const SglSegment&) = delete;

  u64 bus() const { return base_ + offset_; }
  u32 bytes() const { return bytes_; }
  nvme::SglDescriptor* at(u32 n) const { return reinterpret_cast<nvme::SglDescriptor*>(arena_.at(bus())) + n; }
  // What points to it.
  nvme::SglDescriptor segment() const { return sgl(nvme::SglType::kSegment, bus(), bytes_); }
  nvme::SglDescriptor last_segment() const { return sgl(nvme::SglType::kLastSegment, bus(), bytes_); }

 private:
  Arena& arena_;
  u32 bytes_;
  u32 offset_;
  u32 pages_;
  u64 base_;
};

}  // namespace nvmev::test
