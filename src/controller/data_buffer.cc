// SPDX-License-Identifier: GPL-2.0-only
#include "data_buffer.h"

#include "block_format.h"
#include "nvmev/text.h"
#include "prp.h"
#include "sgl.h"

namespace nvmev {

using nvme::Status;

namespace {

u32 least(u32 a, u32 b) { return a < b ? a : b; }

}  // namespace

bool DataBuffer::allocate(nvmev_host* host, const Bus& bus, u32 mdts) {
  bus_ = &bus;
  // An SGL's data block may begin and end inside a page; of PRPs only the transfer as a whole may. Metadata have a list of their own.
  constexpr u64 kMetadataShare = 512 / kMaxMetadata;  // the smallest blocks have the most
  const u64 pages = (1ull << mdts) + (1ull << mdts) / kMetadataShare + 1;
  return fragments_.allocate(host, pages + 4ull * kMaxSglDescriptors) && bucket_.allocate(host, kPageSize);
}

Status DataBuffer::check(const nvme::Sqe& sqe, u32 length) {
  return sqe.psdt() == 0 ? check_prps(sqe.prp1, sqe.prp2, length) : check_sgl(sqe);
}

Status DataBuffer::map(const nvme::Sqe& sqe, u32 length) {
  count_ = length_ = 0;
  paged_ = sqe.psdt() == 0;
  return paged_ ? walk_prps(*this, sqe.prp1, sqe.prp2, length) : walk_sgl(*this, sqe, length);
}

Status DataBuffer::map_metadata(const nvme::Sqe& sqe, u32 length) { return walk_metadata_sgl(*this, sqe, length); }

Status DataBuffer::add(u64 bus, u32 bytes) {
  while (bytes != 0) {
    const u32 here = least(bytes, kPageSize - static_cast<u32>(bus & (kPageSize - 1)));
    if (count_ == fragments_.size()) return Status::kInvalidNumberOfSglDescriptors;
    u8* memory = static_cast<u8*>(bus_->map(bus, here));
    if (memory == nullptr) return Status::kDataTransferError;
    fragments_[count_++] = {memory, length_, here};
    length_ += here;
    bus += here;
    bytes -= here;
  }
  return Status::kSuccess;
}

Status DataBuffer::add_bucket(u32 bytes) {
  while (bytes != 0) {
    const u32 here = least(bytes, kPageSize);
    if (count_ == fragments_.size()) return Status::kInvalidNumberOfSglDescriptors;
    fragments_[count_++] = {bucket_.data(), length_, here};
    length_ += here;
    bytes -= here;
  }
  return Status::kSuccess;
}

const Fragment* DataBuffer::find(u32 at) const {
  const Fragment* fragments = fragments_.data();
  if (paged_) {
    const u32 first = fragments->length;
    return at < first ? fragments : fragments + 1 + ((at - first) >> kPageShift);
  }
  // The last one that begins at or before `at`.
  u32 low = 0;
  u32 high = count_;
  while (high - low > 1) {
    const u32 middle = low + (high - low) / 2;
    (fragments[middle].start <= at ? low : high) = middle;
  }
  return fragments + low;
}

Pieces DataBuffer::pieces(u32 at, u32 length) const {
  const Fragment* fragment = find(at);
  const u32 within = at - fragment->start;
  Pieces pieces{fragment->memory + within, least(length, fragment->length - within), nullptr, 0};
  u32 left = length - pieces.first_length;
  if (left == 0) return pieces;
  fragment++;
  pieces.second = fragment->memory;
  pieces.second_length = least(left, fragment->length);
  pieces.rest_length = left - pieces.second_length;
  pieces.rest = fragment + 1;
  return pieces;
}

void DataBuffer::copy_out(const void* data, u32 length, u32 at) const {
  const u8* from = static_cast<const u8*>(data);
  pieces(at, length).for_each([&](u8* to, u32 bytes) {
    memcpy(to, from, bytes);
    from += bytes;
  });
}

void DataBuffer::copy_in(void* data, u32 length, u32 at) const {
  u8* to = static_cast<u8*>(data);
  pieces(at, length).for_each([&](const u8* from, u32 bytes) {
    memcpy(to, from, bytes);
    to += bytes;
  });
}

void DataBuffer::clear(u32 at, u32 length) const {
  pieces(at, length).for_each([](u8* to, u32 bytes) { memset(to, 0, bytes); });
}

}  // namespace nvmev
