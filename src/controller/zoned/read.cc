// SPDX-License-Identifier: GPL-2.0-only
// Read and Compare: blocks of a zone that were never written are zeros, whatever the medium holds there.
#include "../io_check.h"
#include "../io_data.h"
#include "zoned.h"

namespace nvmev {

using nvme::Status;

namespace {

// Calls `with(offset, length, readable)` for the parts of a transfer, bytes of the device's address space, which hold data or
// were never written. Stops when that returns false.
template <typename Function>
bool for_each_part(const Region& region, const Task& task, Function with) {
  const Zones& zones = *region.model.zones();
  const u64 zone_bytes = zones.limits().zone_bytes;
  const u64 end = task.offset + task.length;
  for (u64 at = task.offset; at < end;) {
    const u64 in_region = at - region.base;
    const u32 zone = static_cast<u32>(in_region / zone_bytes);
    const u64 zone_start = region.base + zone * zone_bytes;
    const u64 readable_end = zone_start + zones.readable(zone);
    const bool readable = at < readable_end;
    u64 to = readable ? readable_end : zone_start + zone_bytes;
    if (to > end) to = end;
    if (!with(at, to - at, readable)) return false;
    at = to;
  }
  return true;
}

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

Status check_zone_read(const IoContext& context, Task& task) {
  task.op = IoOp::kRead;
  return check_transfer(context, task);
}

Status check_zone_compare(const IoContext& context, Task& task) {
  task.op = IoOp::kCompare;
  return check_transfer(context, task);
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
  for_each_part(region_of(shared, task), task, [&](u64 offset, u64 length, bool readable) {
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
  const bool equal = for_each_part(region_of(shared, task), task, [&](u64 offset, u64 length, bool readable) {
    return for_each_page(buffer, task, offset, length, [&](u64 at, const Pieces& with) {
      if (readable) return shared.medium.equals(at, with);
      return with.all_zero();
    });
  });
  return equal ? Status::kSuccess : Status::kCompareFailure;
}

}  // namespace nvmev
