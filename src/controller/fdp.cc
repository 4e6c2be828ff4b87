// SPDX-License-Identifier: GPL-2.0-only
#include "fdp.h"

#include "io_check.h"
#include "io_commands.h"
#include "shared.h"

namespace nvmev {

using nvme::FdpEventType;
using nvme::Sqe;
using nvme::Status;

// ---- Events --------------------------------------------------------------------------------------------------

u32 FdpEvents::type_index(FdpEventType type) {
  u32 index = 0;
  while (kFdpEventTypes[index] != type) index++;
  return index;
}

void FdpEvents::reset() {
  SpinGuard guard(host_, lock_);
  enabled_.fill(0);
}

bool FdpEvents::enabled(FdpEventType type, u16 handle) {
  SpinGuard guard(host_, lock_);
  return enabled_[handle] >> type_index(type) & 1;
}

void FdpEvents::enable(FdpEventType type, u16 handle, bool on) {
  SpinGuard guard(host_, lock_);
  const u8 bit = static_cast<u8>(1u << type_index(type));
  enabled_[handle] = static_cast<u8>(on ? enabled_[handle] | bit : enabled_[handle] & ~bit);
}

void FdpEvents::add(FdpEventType type, u16 handle, u32 nsid, u64 at, u64 lbas) {
  SpinGuard guard(host_, lock_);
  // A write with an invalid identifier goes to the default handle, whose wishes count then.
  const bool known = type != FdpEventType::kInvalidPlacementId;
  if ((enabled_[known ? handle : 0] >> type_index(type) & 1) == 0) return;
  Ring& ring = is_host_event(type) ? host_ring_ : controller_ring_;
  nvme::FdpEvent& event = ring.events[ring.count++ % kEvents];
  event = {};
  event.type = static_cast<u8>(type);
  event.flags = nvme::kFdpEventPidValid;
  event.pid = handle;
  event.timestamp = at;
  if (nsid != 0) {
    event.flags |= nvme::kFdpEventNsidValid;
    event.nsid = nsid;
  }
  if (known) {
    event.flags |= nvme::kFdpEventLocationValid;
    event.ruhid = static_cast<u8>(handle);
  }
  if (type == FdpEventType::kMediaReallocated) {
    // Flags in byte 0 (no LBA is given), number of logical blocks moved in bytes 2 and 3.
    const u16 moved = lbas < 0xffff ? static_cast<u16>(lbas) : 0xffff;
    memcpy(event.type_specific + 2, &moved, sizeof(moved));
  }
}

u32 FdpEvents::read_log(bool host_events, u64 now, u64 timestamp, u8* page) {
  constexpr u64 kNsPerMs = 1000 * 1000;
  constexpr u64 kMilliseconds = (1ull << 48) - 1;  // of a timestamp; its origin is above
  SpinGuard guard(host_, lock_);
  const Ring& ring = host_events ? host_ring_ : controller_ring_;
  const u32 events = ring.count < kEvents ? static_cast<u32>(ring.count) : kEvents;
  const nvme::FdpEventsHeader header{events, {}};
  memcpy(page, &header, sizeof(header));
  for (u32 i = 0; i < events; i++) {
    nvme::FdpEvent event = ring.events[(ring.count - events + i) % kEvents];
    const u64 age = now > event.timestamp ? (now - event.timestamp) / kNsPerMs : 0;
    event.timestamp = timestamp - (age < (timestamp & kMilliseconds) ? age : timestamp & kMilliseconds);
    memcpy(page + sizeof(header) + i * sizeof(event), &event, sizeof(event));
  }
  return static_cast<u32>(sizeof(header) + events * sizeof(nvme::FdpEvent));
}

// ---- Writes ------------------------------------------------------------------------------------------------------

bool has_placement(const Shared& shared) { return shared.regions.placement() != nullptr; }

Status check_placement(const IoContext& context, Task& task) {
  const u8 type = task.sqe.cdw12 >> 20 & 0xf;
  if (type == 0) return Status::kSuccess;
  const Placement* placement = context.ns->region->model.placement();
  if (type != nvme::kDirectiveDataPlacement || placement == nullptr) return Status::kInvalidField;
  const u16 id = static_cast<u16>(task.sqe.cdw13 >> 16);
  if (id < placement->handles()) {
    task.placement = id;
  } else {
    context.shared.fdp_events.add(FdpEventType::kInvalidPlacementId, id, task.sqe.nsid, task.target, 0);
  }
  return Status::kSuccess;
}

// ---- I/O Management ----------------------------------------------------------------------------------------------

namespace {

u8 operation(const Sqe& sqe) { return static_cast<u8>(sqe.cdw10); }
u16 operation_specific(const Sqe& sqe) { return static_cast<u16>(sqe.cdw10 >> 16); }

// The namespace is one of a region that has placement.
Status check_managed(const IoContext& context, const Sqe& sqe) {
  if (const Status status = check_common(context, sqe); status != Status::kSuccess) return status;
  return context.ns->region->model.placement() != nullptr ? Status::kSuccess : Status::kInvalidOpcode;
}

}  // namespace

void act_nothing(const IoContext&, Task&, u64) {}

Status check_io_management_receive(const IoContext& context, Task& task) {
  task.op = IoOp::kFlush;
  task.offset = 0;
  if (const Status status = check_managed(context, task.sqe); status != Status::kSuccess) return status;
  if (operation(task.sqe) != nvme::kRuhStatus) return Status::kInvalidField;
  task.length = (task.sqe.cdw11 + 1ull) * sizeof(u32);
  if (task.length > context.shared.max_transfer()) return Status::kInvalidField;
  return DataBuffer::check(task.sqe, static_cast<u32>(task.length));
}

Status move_ruh_status(Shared& shared, DataBuffer& buffer, Task& task) {
  const u32 length = static_cast<u32>(task.length);
  if (const Status status = buffer.map(task.sqe, length); status != Status::kSuccess) return status;
  const Namespace& ns = *shared.namespaces.find(task.sqe.nsid);
  const Placement& placement = *ns.region->model.placement();
  const u32 shift = ns.lba_shift();
  u32 at = 0;
  const auto put = [&](const auto& part) {
    const u32 bytes = length - at < sizeof(part) ? length - at : static_cast<u32>(sizeof(part));
    buffer.copy_out(&part, bytes, at);
    at += bytes;
  };
  nvme::RuhStatusHeader header{};
  header.nruhsd = static_cast<u16>(placement.handles());
  put(header);
  for (u16 handle = 0; handle < placement.handles(); handle++) {
    nvme::RuhStatusDescriptor descriptor{};
    descriptor.pid = handle;
    descriptor.ruhid = handle;
    descriptor.ruamw = placement.remaining(handle) >> shift;
    put(descriptor);
  }
  buffer.clear(at, length - at);
  return Status::kSuccess;
}

Status check_io_management_send(const IoContext& context, Task& task) {
  task.op = IoOp::kFlush;
  task.offset = task.length = 0;
  if (const Status status = check_managed(context, task.sqe); status != Status::kSuccess) return status;
  if (operation(task.sqe) != nvme::kRuhUpdate) return Status::kInvalidField;
  CommandList& list = *context.list;
  list.count = operation_specific(task.sqe) + 1u;
  if (list.count > kMaxPlacementHandles) return Status::kInvalidField;
  const Status fetched = fetch_list(context, task.sqe, list.placement_ids, list.count * sizeof(u16));
  if (fetched != Status::kSuccess) return fetched;
  for (u32 i = 0; i < list.count; i++) {
    if (list.placement_ids[i] >= context.ns->region->model.placement()->handles()) return Status::kInvalidField;
  }
  task.list = &list;
  return Status::kSuccess;
}

void act_ruh_update(const IoContext& context, Task& task, u64 now) {
  Model& model = context.ns->region->model;
  for (u32 i = 0; i < task.list->count; i++) model.update_placement(now, task.list->placement_ids[i]);
  collect_placement_events(context.shared);
  task.list = nullptr;
}

}  // namespace nvmev
