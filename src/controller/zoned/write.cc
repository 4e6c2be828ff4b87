// SPDX-License-Identifier: GPL-2.0-only
// Write, Zone Append and Write Zeroes. A write that fails leaves data and write pointer as they were: the requester's
// memory is walked, and the medium's memory taken, before the model carries the command out. Data then follow in a worker.
#include "../io_check.h"
#include "../io_data.h"
#include "../fdp.h"
#include "zoned.h"

namespace nvmev {

using nvme::Status;

u64 append_limit(const Shared& shared) {
  u64 limit = shared.max_transfer();
  for (const Region& region : shared.regions) {
    const Zones* zones = region.model.zones();
    if (zones == nullptr || zones->limits().append_limit == 0) continue;
    if (zones->limits().append_limit < limit) limit = zones->limits().append_limit;
  }
  return limit;
}

namespace {

ZoneWrite::Kind kind_of(const Task& task) {
  if (task.op == IoOp::kWriteZeroes) return ZoneWrite::Kind::kZeroes;
  const bool append = task.sqe.opcode == static_cast<u8>(nvme::ZnsOpcode::kZoneAppend);
  return append ? ZoneWrite::Kind::kAppend : ZoneWrite::Kind::kWrite;
}

Status check_data(const IoContext& context, Task& task) {
  task.op = IoOp::kWrite;
  if (const Status status = check_transfer(context, task); status != Status::kSuccess) return status;
  if (const Status status = check_placement(context, task); status != Status::kSuccess) return status;
  return context.buffer->map(task.sqe, static_cast<u32>(task.length));
}

}  // namespace

bool prepare(Medium& medium, u64 offset, u64 length) {
  for (u64 at = offset; at < offset + length; at = (at | (kPageSize - 1)) + 1) {
    if (!medium.prepare(at)) return false;
  }
  return true;
}

void zero_gap(Shared& shared, u64 offset, u64 length) {
  Medium& medium = shared.medium;
  shared.uncorrectable.clear(offset, length);
  if (medium.thin()) return;  // pages that were never written are not there
  for (const u64 end = offset + length; offset < end;) {
    const u64 page_end = (offset | (kPageSize - 1)) + 1;
    const u64 to = page_end < end ? page_end : end;
    medium.zero(offset, static_cast<u32>(to - offset));
    offset = to;
  }
}

Status check_zone_write(const IoContext& context, Task& task) { return check_data(context, task); }

Status check_zone_append(const IoContext& context, Task& task) {
  task.op = IoOp::kWrite;
  if (const Status status = check_common(context, task.sqe); status != Status::kSuccess) return status;
  const Namespace& ns = *context.ns;
  const u64 blocks = (task.sqe.cdw12 & 0xffff) + 1ull;
  if (task.sqe.slba() >= ns.blocks()) return Status::kLbaOutOfRange;
  // ZSLBA, CDW10-11, is the zone's first block (section 3.4.1).
  if ((task.sqe.slba() << ns.lba_shift()) % ns.region->model.zones()->limits().zone_bytes != 0) {
    return Status::kInvalidField;
  }
  if (blocks << ns.lba_shift() > append_limit(context.shared)) return Status::kInvalidField;
  // What is larger than a zone crosses its boundary, also in the last one.
  if (blocks << ns.lba_shift() > ns.region->model.zones()->limits().zone_capacity) return Status::kZoneBoundaryError;
  return check_data(context, task);
}

Status check_zone_zeroes(const IoContext& context, Task& task) {
  task.op = IoOp::kWriteZeroes;
  return check_blocks(context, task);
}

// As Write Zeroes: an address-specific write without data.
Status check_zone_uncorrectable(const IoContext& context, Task& task) {
  if (const Status status = check_zone_zeroes(context, task); status != Status::kSuccess) return status;
  return context.shared.uncorrectable.prepare(task.offset, task.length) ? Status::kSuccess : Status::kWriteFault;
}

void act_zone_write(const IoContext& context, Task& task, u64 now) {
  Medium& medium = context.shared.medium;
  Region& region = *context.ns->region;
  const ZoneWrite wanted{kind_of(task), task.offset - region.base, task.length};
  for (;;) {
    ZoneWrite place = wanted;
    ZoneAnswer answer{};
    region.model.carry_out(now, [&](Ftl& ftl, u64 at) {
      ftl.zones()->advance(at);
      answer = ftl.zones()->find_place(place);
      return IoPlan{at, answer.status};
    });
    task.wait = answer.wait;
    task.status = answer.status;
    if (answer.wait || answer.status != Status::kSuccess) return;
    if (wanted.kind != ZoneWrite::Kind::kZeroes && !prepare(medium, region.base + place.offset, place.length)) {
      task.status = Status::kWriteFault;
      return;
    }
    ZoneWrite write = wanted;
    bool moved = false;
    const IoPlan plan = region.model.carry_out(now, [&](Ftl& ftl, u64 at) {
      ZoneWrite again = wanted;
      answer = ftl.zones()->find_place(again);
      moved = answer.wait || (answer.status == Status::kSuccess && again.offset != place.offset);
      u64 done = at;
      if (!moved) {
        answer = ftl.zones()->write(at, write, &done);
        if (answer.status == Status::kSuccess) zero_gap(context.shared, region.base + write.offset - write.gap, write.gap);
      }
      return IoPlan{done, answer.status};
    });
    // Another dispatcher's append, or reset, came between.
    if (moved || answer.wait) continue;
    task.status = plan.status;
    if (plan.status != Status::kSuccess) return;
    task.target = plan.done;
    task.offset = region.base + write.offset;
    if (wanted.kind == ZoneWrite::Kind::kAppend) task.result = write.offset >> context.ns->lba_shift();
    return;
  }
}

Status move_zone_write(Shared& shared, DataBuffer& buffer, Task& task) {
  const Status status = move_write(shared, buffer, task);
  const Region& region = region_of(shared, task);
  region.model.zones()->settle(task.offset - region.base);
  return status;
}

Status move_zone_uncorrectable(Shared& shared, DataBuffer&, Task& task) {
  const bool marked = shared.uncorrectable.mark(task.offset, task.length);
  const Region& region = region_of(shared, task);
  region.model.zones()->settle(task.offset - region.base);
  return marked ? Status::kSuccess : Status::kWriteFault;
}

bool step_zone_zeroes(Shared& shared, Task& task, u64* at) {
  constexpr u32 kPages = 64;
  const u64 end = task.offset + task.length;
  if (*at == task.offset) shared.uncorrectable.clear(task.offset, task.length);
  for (u32 pages = 0; pages < kPages && *at < end; pages++) {
    const u64 written = shared.medium.skip_unwritten(*at);
    if (written > *at) {
      *at = written;
      continue;
    }
    const u64 page_end = (*at | (kPageSize - 1)) + 1;
    const u64 to = page_end < end ? page_end : end;
    shared.medium.zero(*at, static_cast<u32>(to - *at));
    *at = to;
  }
  if (*at < end) return false;
  const Region& region = region_of(shared, task);
  region.model.zones()->settle(task.offset - region.base);
  return true;
}

}  // namespace nvmev
