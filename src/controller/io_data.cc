// SPDX-License-Identifier: GPL-2.0-only
#include "io_data.h"

namespace nvmev {

using nvme::Status;

namespace {

// Calls `with(offset, pieces)` for each page of the medium; stops when that returns false.
template <typename Function>
bool for_each_page(const PrpBuffer& buffer, u64 offset, u32 length, Function with) {
  for (u32 at = 0; at < length;) {
    const u32 to_page_end = kPageSize - static_cast<u32>((offset + at) & (kPageSize - 1));
    const u32 bytes = length - at < to_page_end ? length - at : to_page_end;
    if (!with(offset + at, buffer.pieces(at, bytes))) return false;
    at += bytes;
  }
  return true;
}

Status read(Medium& medium, const PrpBuffer& buffer, u64 offset, u32 length) {
  for_each_page(buffer, offset, length, [&](u64 at, const Pieces& to) {
    medium.read(at, to);
    return true;
  });
  return Status::kSuccess;
}

Status write(Medium& medium, const PrpBuffer& buffer, u64 offset, u32 length) {
  // All memory first, so that running out of it leaves the blocks as they were.
  const u64 end = offset + length;
  for (u64 at = offset; at < end; at = (at | (kPageSize - 1)) + 1) {
    if (!medium.prepare(at)) return Status::kWriteFault;
  }
  const bool written = for_each_page(buffer, offset, length,
                                     [&](u64 at, const Pieces& from) { return medium.write(at, from); });
  return written ? Status::kSuccess : Status::kWriteFault;
}

Status compare(Medium& medium, const PrpBuffer& buffer, u64 offset, u32 length) {
  const bool equal = for_each_page(buffer, offset, length,
                                   [&](u64 at, const Pieces& with) { return medium.equals(at, with); });
  return equal ? Status::kSuccess : Status::kCompareFailure;
}

using Mover = Status (*)(Medium&, const PrpBuffer&, u64 offset, u32 length);

constexpr Mover mover_of(IoOp op) {
  switch (op) {
    case IoOp::kRead:
      return read;
    case IoOp::kWrite:
      return write;
    case IoOp::kCompare:
      return compare;
    default:
      return nullptr;
  }
}

}  // namespace

bool moves_data(IoOp op) { return mover_of(op) != nullptr; }

Status move_data(Shared& shared, PrpBuffer& buffer, const Task& task) {
  const u32 length = static_cast<u32>(task.length);
  if (const Status status = buffer.map(task.sqe.prp1, task.sqe.prp2, length); status != Status::kSuccess) return status;
  return mover_of(task.op)(shared.medium, buffer, task.offset, length);
}

}  // namespace nvmev
