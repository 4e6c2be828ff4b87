// SPDX-License-Identifier: GPL-2.0-only
// Copy within a zoned namespace: its sources are read as Read reads them, and its destination is an address-specific write
// (Zoned Namespace Command Set 1.1, section 1.4.1): at the write pointer of its zone, which moves.
#include "../copy.h"
#include "../io_check.h"
#include "nvmev/text.h"
#include "zoned.h"

namespace nvmev {

using nvme::Status;

namespace {

constexpr u32 kUnit = 512;  // bytes moved at a time: divides every logical block, and no page's boundary is within

// Whether the destination can be written now. Changes nothing.
ZoneAnswer find_destination(Region& region, const Task& task, u64 now) {
  ZoneAnswer answer{};
  region.model.carry_out(now, [&](Ftl& ftl, u64 at) {
    ftl.zones()->advance(at);
    ZoneWrite place{ZoneWrite::Kind::kWrite, task.offset - region.base, task.length};
    answer = ftl.zones()->find_place(place);
    return IoPlan{at, answer.status};
  });
  return answer;
}

// All sources at once. *done: when the device has them.
Status read_sources(const IoContext& context, const Task& task, u64 now, u64* done) {
  Region& region = *context.ns->region;
  const bool unwritten_fails = context.ns->unwritten_fails.load(std::memory_order_relaxed);
  for (u32 i = 0; i < task.list->count; i++) {
    const ByteRange& source = task.list->bytes[i];
    const IoPlan plan = region.model.carry_out(now, [&](Ftl& ftl, u64 at) {
      return ftl.zones()->read(at, source.offset - region.base, source.length, unwritten_fails);
    });
    if (plan.status != Status::kSuccess) return plan.status;
    if (!is_good(context.shared, region, source.offset, source.length)) return Status::kUnrecoveredReadError;
    if (plan.done > *done) *done = plan.done;
  }
  return Status::kSuccess;
}

}  // namespace

// Sources are of the namespace itself, in the form that the other functions want.
Status check_zone_copy(const IoContext& context, Task& task) {
  if (const Status status = check_copy(context, task); status != Status::kSuccess) return status;
  CommandList& list = *task.list;
  for (u32 i = 0; i < list.count; i++) {
    const CopySource source = list.sources[i];  // its place is about to be reused
    if (source.nsid != task.sqe.nsid) return Status::kIncompatibleNamespaceOrFormat;
    list.bytes[i] = {source.offset, static_cast<u64>(source.blocks) << context.ns->lba_shift()};
  }
  return Status::kSuccess;
}

void act_zone_copy(const IoContext& context, Task& task, u64 now) {
  Region& region = *context.ns->region;
  const Zones& zones = *region.model.zones();
  CommandList& list = *task.list;
  const ZoneAnswer answer = find_destination(region, task, now);
  task.wait = answer.wait;
  task.status = answer.status;
  if (task.wait) return;
  u64 read = now;
  if (task.status == Status::kSuccess) task.status = read_sources(context, task, now, &read);
  if (task.status == Status::kSuccess) {
    list.base = zones.readable(static_cast<u32>((task.offset - region.base) / zones.limits().zone_bytes));
    act_zone_write(context, task, now);
    task.target += read - now;
  }
  if (task.status != Status::kSuccess) task.list = nullptr;
}

Status move_zone_copy(Shared& shared, DataBuffer&, Task& task) {
  const Region& region = region_of(shared, task);
  Medium& medium = shared.medium;
  CommandList& list = *task.list;
  const u64 zone_bytes = region.model.zones()->limits().zone_bytes;
  const u64 zone_start = region.base + (task.offset - region.base) / zone_bytes * zone_bytes;
  // What of the destination's zone held data before: a source that overlaps the destination is read as it was.
  const u64 written_end = zone_start + list.base;
  u8 unit[kUnit];
  u64 to = task.offset;
  bool written = true;
  for (u32 i = 0; i < list.count; i++) {
    written &= for_each_part(region, list.bytes[i].offset, list.bytes[i].length, [&](u64 from, u64 length, bool readable) {
      for (const u64 end = from + length; from < end; from += kUnit, to += kUnit) {
        const bool holds_data = readable && (from < written_end || from >= zone_start + zone_bytes);
        if (holds_data) {
          medium.read(from, {unit, kUnit, unit, 0});
        } else {
          memset(unit, 0, sizeof(unit));
        }
        if (!medium.write(to, {unit, kUnit, unit, 0})) return false;
      }
      return true;
    });
  }
  shared.uncorrectable.clear(task.offset, task.length);
  region.model.zones()->settle(task.offset - region.base);
  list.give_back();
  return written ? Status::kSuccess : Status::kWriteFault;
}

}  // namespace nvmev
