// SPDX-License-Identifier: GPL-2.0-only
// Reservation Register, Acquire, Release and Report: NVMe 2.0 sections 7.2 to 7.5.
#include "reservation_commands.h"

#include "controller.h"
#include "io_check.h"

namespace nvmev {

using nvme::AcquireAction;
using nvme::RegisterAction;
using nvme::ReleaseAction;
using nvme::ReservationType;
using nvme::Sqe;
using nvme::Status;

namespace cdw10 = nvme::reservation_cdw10;

namespace {

u32 action(const Sqe& sqe) { return sqe.cdw10 & cdw10::kAction; }
bool ignores_key(const Sqe& sqe) { return (sqe.cdw10 & cdw10::kIgnoreKey) != 0; }
ReservationType type(const Sqe& sqe) { return static_cast<ReservationType>(cdw10::type(sqe.cdw10)); }

bool is_type(const Sqe& sqe) {
  const u8 value = cdw10::type(sqe.cdw10);
  return value >= static_cast<u8>(ReservationType::kWriteExclusive) &&
         value <= static_cast<u8>(ReservationType::kExclusiveAccessAllRegistrants);
}

Reservations& reservations(const IoContext& context) { return context.shared.subsystem.reservations; }

// The one or two keys of the command, in task.offset and task.length until it is carried out.
Status fetch_keys(const IoContext& context, Task& task, u32 count) {
  u64 keys[2] = {};
  const Status status = fetch_list(context, task.sqe, keys, static_cast<u32>(count * sizeof(u64)));
  task.offset = keys[0];
  task.length = keys[1];
  return status;
}

Status begin_check(const IoContext& context, Task& task, u32 actions) {
  task.op = IoOp::kFlush;
  task.offset = task.length = 0;
  if (const Status status = check_common(context, task.sqe); status != Status::kSuccess) return status;
  return action(task.sqe) < actions ? Status::kSuccess : Status::kInvalidField;
}

// Nothing is left for the data phase.
void finish(Task& task, Status status) {
  task.status = status;
  task.offset = task.length = 0;
}

}  // namespace

Status check_reservation_register(const IoContext& context, Task& task) {
  constexpr u32 kActions = 3, kReserved = 1;
  if (const Status status = begin_check(context, task, kActions); status != Status::kSuccess) return status;
  if (cdw10::persistence(task.sqe.cdw10) == kReserved) return Status::kInvalidField;
  return fetch_keys(context, task, 2);
}

void act_reservation_register(const IoContext& context, Task& task, u64) {
  const Sqe& sqe = task.sqe;
  finish(task, reservations(context).register_host(*context.ns, context.shared.index,
                                                   static_cast<RegisterAction>(action(sqe)), ignores_key(sqe), task.offset,
                                                   task.length, cdw10::persistence(sqe.cdw10)));
}

// IEKEY is not for Acquire and Release.
Status check_reservation_acquire(const IoContext& context, Task& task) {
  constexpr u32 kActions = 3;
  if (const Status status = begin_check(context, task, kActions); status != Status::kSuccess) return status;
  if (ignores_key(task.sqe) || !is_type(task.sqe)) return Status::kInvalidField;
  return fetch_keys(context, task, 2);
}

void act_reservation_acquire(const IoContext& context, Task& task, u64) {
  const AcquireAction what = static_cast<AcquireAction>(action(task.sqe));
  const u32 registered = reservations(context).registered(*context.ns);
  finish(task, reservations(context).acquire(*context.ns, context.shared.index, what, type(task.sqe), task.offset,
                                             task.length));
  // The worker then deals with what others have under way.
  if (what == AcquireAction::kPreemptAndAbort && task.status == Status::kSuccess) {
    task.length = 1;
    task.placement = static_cast<u16>(registered & ~reservations(context).registered(*context.ns));
  }
}

namespace {

// Whether workers of these controllers have yet to abort the namespace's commands; `ask`: tells them to.
bool aborts_pending(Subsystem& subsystem, u32 controllers, u32 nsid, bool ask) {
  const u32 bit = 1u << (nsid - 1);
  bool pending = false;
  subsystem.for_each_controller([&](Controller& controller) {
    Shared& shared = controller.shared();
    if ((controllers >> shared.index & 1) == 0) return;
    for (u32 w = 0; w < shared.config.workers; w++) {
      if (ask) {
        shared.aborts[w].fetch_or(bit, std::memory_order_release);
        nvmev_host_wake(shared.host, w);
      }
      pending |= (shared.aborts[w].load(std::memory_order_acquire) & bit) != 0;
    }
  });
  return pending;
}

}  // namespace

// Commands that were let through before have moved their data when this one completes, and those of hosts that are no registrants any
// more are over. Commands of others that take long (Dataset Management) are not waited for.
bool step_preempt_and_abort(Shared& shared, Task& task, u64* at) {
  enum : u64 { kBegin, kWait, kAbort };
  Subsystem& subsystem = shared.subsystem;
  if (*at == kAbort) return !aborts_pending(subsystem, task.placement, task.sqe.nsid, false);
  Controller& controller = *subsystem.controllers[shared.index];
  if (*at == kBegin) {
    if (!subsystem.reservations.begin_abort()) return false;
    subsystem.abort_quiesce.begin(controller);
    *at = kWait;
  }
  if (!subsystem.abort_quiesce.fetched_done(controller)) return false;
  subsystem.reservations.end_abort();
  *at = kAbort;
  return !aborts_pending(subsystem, task.placement, task.sqe.nsid, true);
}

Status check_reservation_release(const IoContext& context, Task& task) {
  constexpr u32 kActions = 2;
  if (const Status status = begin_check(context, task, kActions); status != Status::kSuccess) return status;
  const bool clears = action(task.sqe) == static_cast<u32>(ReleaseAction::kClear);
  if (ignores_key(task.sqe) || (!clears && !is_type(task.sqe))) return Status::kInvalidField;
  return fetch_keys(context, task, 1);
}

void act_reservation_release(const IoContext& context, Task& task, u64) {
  finish(task, reservations(context).release(*context.ns, context.shared.index,
                                             static_cast<ReleaseAction>(action(task.sqe)), type(task.sqe), task.offset));
}

Status check_reservation_report(const IoContext& context, Task& task) {
  task.op = IoOp::kFlush;
  task.offset = task.length = 0;
  if (const Status status = check_common(context, task.sqe); status != Status::kSuccess) return status;
  const bool extended = (task.sqe.cdw11 & nvme::kReportExtended) != 0;
  for (u32 c = 0; c < context.shared.subsystem.controller_count; c++) {
    const HostId host = reservations(context).host(c);
    // Identifiers of 128 bits do not fit the other structure, and those of 64 bits are not told in the extended one.
    if (host.given() && host.extended != extended) return Status::kHostIdInconsistentFormat;
  }
  task.length = (task.sqe.cdw10 + 1ull) * sizeof(u32);
  if (task.length > context.shared.max_transfer()) return Status::kInvalidField;
  return DataBuffer::check(task.sqe, static_cast<u32>(task.length));
}

void act_reservation_report(const IoContext&, Task&, u64) {}

Status move_reservation_report(Shared& shared, DataBuffer& buffer, Task& task) {
  const u32 length = static_cast<u32>(task.length);
  if (const Status status = buffer.map(task.sqe, length); status != Status::kSuccess) return status;
  const Namespace& ns = *shared.namespaces.find(task.sqe.nsid);
  u32 at = 0;
  shared.subsystem.reservations.report(ns, (task.sqe.cdw11 & nvme::kReportExtended) != 0,
                                       [&](const void* data, u32 bytes) {
                                         const u32 here = bytes < length - at ? bytes : length - at;
                                         if (here != 0) buffer.copy_out(data, here, at);
                                         at += here;
                                       });
  return Status::kSuccess;
}

}  // namespace nvmev
