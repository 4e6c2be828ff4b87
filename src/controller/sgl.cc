// SPDX-License-Identifier: GPL-2.0-only
#include "sgl.h"

#include "data_buffer.h"
#include "nvmev/text.h"

namespace nvmev {

using nvme::SglDescriptor;
using nvme::SglType;
using nvme::Status;

namespace {

constexpr u32 kDescriptorBytes = sizeof(SglDescriptor);

SglDescriptor descriptor_of(const nvme::Sqe& sqe) {
  return {sqe.prp1, static_cast<u32>(sqe.prp2), {}, static_cast<u8>(sqe.prp2 >> 56)};
}

// Opcode bits 1:0: 10b is a transfer to the host.
bool is_to_host(const nvme::Sqe& sqe) { return (sqe.opcode & 3) == 2; }

bool points_to_segment(const SglDescriptor& descriptor) {
  return descriptor.type() == SglType::kSegment || descriptor.type() == SglType::kLastSegment;
}

// What can be said of a descriptor wherever it is.
Status check(const SglDescriptor& descriptor) {
  // Offsets, keys and transports are of fabrics.
  if (descriptor.sub_type() != 0) return Status::kSglDescriptorTypeInvalid;
  switch (descriptor.type()) {
    case SglType::kDataBlock:
    case SglType::kBitBucket:
      return Status::kSuccess;
    case SglType::kSegment:
    case SglType::kLastSegment:
      // Qword aligned and whole descriptors, at least one.
      if (descriptor.length == 0 || descriptor.length % kDescriptorBytes != 0 || descriptor.address % 8 != 0) {
        return Status::kInvalidSglSegmentDescriptor;
      }
      return Status::kSuccess;
  }
  return Status::kSglDescriptorTypeInvalid;
}

// A segment may cross pages, and a descriptor too.
bool fetch(const DataBuffer& buffer, u64 bus, SglDescriptor* descriptor) {
  for (u32 half = 0; half < kDescriptorBytes; half += 8) {
    const void* from = buffer.look(bus + half, 8);
    if (from == nullptr) return false;
    memcpy(reinterpret_cast<u8*>(descriptor) + half, from, 8);
  }
  return true;
}

// Walks one command's list.
class Walk {
 public:
  Walk(DataBuffer& buffer, u32 length, bool to_host) : buffer_(buffer), left_(length), to_host_(to_host) {}

  Status run(SglDescriptor descriptor) {
    if (const Status status = check(descriptor); status != Status::kSuccess) return status;
    while (points_to_segment(descriptor)) {
      bool more = false;
      if (const Status status = segment(descriptor, &more); status != Status::kSuccess) return status;
      if (!more) return over();
    }
    const Status status = take(descriptor);
    return status == Status::kSuccess ? over() : status;
  }

 private:
  Status over() const { return left_ == 0 ? Status::kSuccess : Status::kSglDataLengthInvalid; }

  // Walks the segment that the descriptor points to. *more: the descriptor is that of the next one now.
  Status segment(SglDescriptor& descriptor, bool* more) {
    const bool last_segment = descriptor.type() == SglType::kLastSegment;
    const u64 address = descriptor.address;
    const u32 count = descriptor.length / kDescriptorBytes;
    for (u32 i = 0; i < count; i++) {
      if (left_ == 0) return Status::kSuccess;
      if (++descriptors_ > kMaxSglDescriptors) return Status::kInvalidNumberOfSglDescriptors;
      if (!fetch(buffer_, address + static_cast<u64>(i) * kDescriptorBytes, &descriptor)) return Status::kDataTransferError;
      if (const Status status = check(descriptor); status != Status::kSuccess) return status;
      if (points_to_segment(descriptor)) {
        // It is the last of its segment, and there is none in the last segment.
        if (last_segment || i + 1 != count) return Status::kInvalidSglSegmentDescriptor;
        *more = true;
        return Status::kSuccess;
      }
      if (const Status status = take(descriptor); status != Status::kSuccess) return status;
    }
    return Status::kSuccess;
  }

  Status take(const SglDescriptor& descriptor) {
    const u32 bytes = descriptor.length < left_ ? descriptor.length : left_;
    if (descriptor.type() == SglType::kBitBucket) {
      // Of data from the host it means nothing.
      if (!to_host_) return Status::kSuccess;
      left_ -= bytes;
      return buffer_.add_bucket(bytes);
    }
    left_ -= bytes;
    return buffer_.add(descriptor.address, bytes);
  }

  DataBuffer& buffer_;
  u32 left_;
  const bool to_host_;
  u32 descriptors_ = 0;
};

}  // namespace

Status check_sgl(const nvme::Sqe& sqe) {
  if (sqe.psdt() != kPsdtSgl && sqe.psdt() != kPsdtMetadataSgl) return Status::kInvalidField;
  return check(descriptor_of(sqe));
}

Status walk_sgl(DataBuffer& buffer, const nvme::Sqe& sqe, u32 length) {
  if (const Status status = check_sgl(sqe); status != Status::kSuccess) return status;
  return Walk(buffer, length, is_to_host(sqe)).run(descriptor_of(sqe));
}

Status walk_metadata_sgl(DataBuffer& buffer, const nvme::Sqe& sqe, u32 length) {
  SglDescriptor first;
  if (!fetch(buffer, sqe.mptr, &first)) return Status::kDataTransferError;
  return Walk(buffer, length, is_to_host(sqe)).run(first);
}

}  // namespace nvmev
