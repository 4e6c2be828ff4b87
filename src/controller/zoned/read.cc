// SPDX-License-Identifier: GPL-2.0-only
// Read, Compare and Verify: blocks of a zone that were never written are zeros, whatever the medium holds there.
#include "../io_check.h"
#include "../io_data.h"
#include "zoned.h"

namespace nvmev {

using nvme::Status;

namespace {

Status map(DataBuffer& buffer, const Task& task) {
  return buffer.map(task.sqe, static_cast<u32>(task.length));
}

// Calls `with(offset, pieces)` for each page of the medium in a part.
template <typename Function>
bool for_each_page(const DataBuffer& buffer, const Task& task, u64 offset, u64 length, Function with) {
  for (const u64 end = offset + length; offset < end;) {
    const u64 page_end = (offset | (kPageSize - 1)) + 1;
    const u64 to = page_end < end ? page_end : end;
    const Pieces pieces = buffer.pieces(static_cast<u32>(offset - task.offset), static_cast<u32>(to - offset));
    if (!with(offset, pieces)) return false;
    offset = to;
  }
  return true;
}

}  // namespace

bool is_good(const Shared& shared, const Region& region, u64 offset, u64 length) {
  return for_each_part(region, offset, length, [&](u64 at, u64 bytes, bool readable) {
    return !readable || !shared.uncorrectable.any(at, bytes);
  });
}

Status check_zone_read(const IoContext& context, Task& task) {
  task.op = IoOp::kRead;
  return check_transfer(context, task);
}

Status check_zone_compare(const IoContext& context, Task& task) {
  task.op = IoOp::kCompare;
  return check_transfer(context, task);
}

// No data come to the host; nothing limits the size.
Status check_zone_verify(const IoContext& context, Task& task) {
  task.op = IoOp::kRead;
  return check_blocks(context, task);
}

void act_zone_read(const IoContext& context, Task& task, u64 now) {
  Region& region = *context.ns->region;
  const bool unwritten_fails = context.ns->unwritten_fails.load(std::memory_order_relaxed);
  const IoPlan plan = region.model.carry_out(now, [&](Ftl& ftl, u64 at) {
    return ftl.zones()->read(at, task.offset - region.base, task.length, unwritten_fails);
  });
  task.target = plan.done;
  task.status = plan.status;
}

Status move_zone_read(Shared& shared, DataBuffer& buffer, Task& task) {
  if (const Status status = map(buffer, task); status != Status::kSuccess) return status;
  const Region& region = region_of(shared, task);
  if (!is_good(shared, region, task.offset, task.length)) return Status::kUnrecoveredReadError;
  for_each_part(region, task.offset, task.length, [&](u64 offset, u64 length, bool readable) {
    if (!readable) {
      buffer.clear(static_cast<u32>(offset - task.offset), static_cast<u32>(length));
      return true;
    }
    return for_each_page(buffer, task, offset, length, [&](u64 at, const Pieces& to) {
      shared.medium.read(at, to);
      return true;
    });
  });
  return Status::kSuccess;
}

Status move_zone_compare(Shared& shared, DataBuffer& buffer, Task& task) {
  if (const Status status = map(buffer, task); status != Status::kSuccess) return status;
  const Region& region = region_of(shared, task);
  if (!is_good(shared, region, task.offset, task.length)) return Status::kUnrecoveredReadError;
  const bool equal = for_each_part(region, task.offset, task.length, [&](u64 offset, u64 length, bool readable) {
    return for_each_page(buffer, task, offset, length, [&](u64 at, const Pieces& with) {
      if (readable) return shared.medium.equals(at, with);
      return with.all_zero();
    });
  });
  return equal ? Status::kSuccess : Status::kCompareFailure;
}

Status move_zone_verify(Shared& shared, DataBuffer&, Task& task) {
  const bool good = is_good(shared, region_of(shared, task), task.offset, task.length);
  return good ? Status::kSuccess : Status::kUnrecoveredReadError;
}

}  // namespace nvmev
