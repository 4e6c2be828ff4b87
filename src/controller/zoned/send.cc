// SPDX-License-Identifier: GPL-2.0-only
// Zone Management Send: section 3.4.3. Dispatchers have the model change zones; data of zones that were reset are
// discarded by a worker, and until that is done writes to these zones wait in their queues.
#include "../io_check.h"
#include "zoned.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;
using nvme::ZoneSendAction;

namespace {

ZoneSendAction action_of(const Sqe& sqe) { return static_cast<ZoneSendAction>(sqe.cdw13 & 0xff); }
bool selects_all(const Sqe& sqe) { return (sqe.cdw13 & nvme::kSendSelectAll) != 0; }

bool is_known(ZoneSendAction action) {
  switch (action) {
    case ZoneSendAction::kClose:
    case ZoneSendAction::kFinish:
    case ZoneSendAction::kOpen:
    case ZoneSendAction::kReset:
    case ZoneSendAction::kOffline:
    case ZoneSendAction::kSetDescriptorExtension:
    case ZoneSendAction::kFlushZrwa:
      return true;
  }
  return false;
}

bool may_select_all(const Sqe& sqe) {
  const ZoneSendAction action = action_of(sqe);
  if (action == ZoneSendAction::kSetDescriptorExtension || action == ZoneSendAction::kFlushZrwa) return false;
  return action != ZoneSendAction::kOpen || (sqe.cdw13 & nvme::kSendAllocateZrwa) == 0;
}

}  // namespace

Status check_zone_send(const IoContext& context, Task& task) {
  const Sqe& sqe = task.sqe;
  task.op = IoOp::kFlush;
  task.offset = task.length = 0;
  if (const Status status = check_common(context, sqe); status != Status::kSuccess) return status;
  const Namespace& ns = *context.ns;
  const ZoneLimits& limits = ns.region->model.zones()->limits();
  const ZoneSendAction action = action_of(sqe);
  if (!is_known(action)) return Status::kInvalidField;
  if (selects_all(sqe)) return may_select_all(sqe) ? Status::kSuccess : Status::kInvalidField;
  if (sqe.slba() >= ns.blocks()) return Status::kLbaOutOfRange;
  task.offset = sqe.slba() << ns.lba_shift();
  if (action == ZoneSendAction::kFlushZrwa) return Status::kSuccess;  // SLBA is the last block of the range
  if (task.offset % limits.zone_bytes != 0) return Status::kInvalidField;
  if (action != ZoneSendAction::kSetDescriptorExtension) return Status::kSuccess;
  if (limits.extension_bytes == 0) return Status::kInvalidField;
  return fetch_list(context, sqe, context.list->bytes, limits.extension_bytes);
}

void act_zone_send(const IoContext& context, Task& task, u64 now) {
  Region& region = *context.ns->region;
  const ZoneLimits& limits = region.model.zones()->limits();
  ZoneSend send;
  send.action = action_of(task.sqe);
  send.all = selects_all(task.sqe);
  send.zone = static_cast<u32>(task.offset / limits.zone_bytes);
  send.allocate_zrwa = (task.sqe.cdw13 & nvme::kSendAllocateZrwa) != 0;
  send.discard = context.shared.medium.thin();
  send.flush_end = task.offset + (1ull << context.ns->lba_shift());
  send.extension = reinterpret_cast<const u8*>(context.list->bytes);
  const IoPlan plan = region.model.carry_out(now, [&](Ftl& ftl, u64 at) {
    u64 done = at;
    const ZoneAnswer answer = ftl.zones()->send(at, send, &done);
    if (send.gap != 0) zero_gap(context.shared, region.base + send.gap_offset, send.gap);
    return IoPlan{answer.status == Status::kSuccess ? done : at, answer.status};
  });
  task.status = plan.status;
  task.target = plan.done;
  task.length = 0;
  if (plan.status != Status::kSuccess || send.reset == 0) return;
  task.length = send.all ? context.ns->bytes : limits.zone_bytes;
  task.offset = region.base + (send.all ? 0 : task.offset);
  task.result = send.reset;
}

// Data of writes that came before a reset are on their way, in this worker or another: they come first.
bool zone_send_ready(Shared& shared, const Task& task) {
  if (task.length == 0) return true;
  const Region& region = region_of(shared, task);
  const Zones& zones = *region.model.zones();
  const u64 zone_bytes = zones.limits().zone_bytes;
  const u32 first = static_cast<u32>((task.offset - region.base) / zone_bytes);
  const u32 count = static_cast<u32>(task.length / zone_bytes);
  for (u32 zone = first; zone < first + count; zone++) {
    if (zones.discards(zone, static_cast<u32>(task.result)) && zones.unsettled(zone)) return false;
  }
  return true;
}

bool step_zone_reset(Shared& shared, Task& task, u64* at) {
  constexpr u32 kPages = 64;
  const Region& region = region_of(shared, task);
  Zones& zones = *region.model.zones();
  const u64 zone_bytes = zones.limits().zone_bytes;
  const u64 end = task.offset + task.length;
  for (u32 pages = 0; pages < kPages; pages++) {
    if (*at >= end) {
      task.result = 0;
      return true;
    }
    const u32 zone = static_cast<u32>((*at - region.base) / zone_bytes);
    const u64 zone_end = region.base + (zone + 1) * zone_bytes;
    if (!zones.discards(zone, static_cast<u32>(task.result))) {
      *at = zone_end;
      continue;
    }
    const u64 written = shared.medium.skip_unwritten(*at);
    if (written >= zone_end) {
      zones.discarded(zone);
      *at = zone_end;
    } else if (written > *at) {
      *at = written;
    } else {
      shared.medium.discard(*at, kPageSize);
      *at += kPageSize;
      if (*at == zone_end) zones.discarded(zone);
    }
  }
  return false;
}

}  // namespace nvmev
