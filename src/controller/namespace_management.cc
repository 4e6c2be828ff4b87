// SPDX-License-Identifier: GPL-2.0-only
// Namespace Management and Namespace Attachment: NVMe 2.0 sections 5.22 and 5.23.
#include "admin.h"
#include "command_set.h"
#include "controller.h"
#include "endurance_group.h"
#include "eraser.h"
#include "identity.h"
#include "nvmev/nvme/identify.h"
#include "zoned/zoned.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;

namespace {

enum : u32 { kCreate = 0, kDelete = 1 };
enum : u32 { kAttach = 0, kDetach = 1 };

// Whether a namespace takes room of the region.
bool is_used(const Shared& shared, const Region& region) {
  for (const Namespace& ns : shared.namespaces) {
    if (ns.exists() && ns.region == &region) return true;
  }
  return false;
}

u32 select(const Sqe& sqe) { return sqe.cdw10 & 0xf; }

bool step_delete(Controller& controller, AdminJob& job, Status*, u32*);

// Whether the namespace is about to go. `nsid`: kNsidBroadcast for one that is to be created, which goes if all do.
bool is_being_deleted(Controller& controller, u32 nsid) {
  bool found = false;
  controller.subsystem().for_each_controller([&](Controller& other) {
    for (const AdminJob& job : other.jobs()) {
      if (job.step == step_delete) found |= job.sqe.nsid == nvme::kNsidBroadcast || job.sqe.nsid == nsid;
    }
  });
  return found;
}

// ---- Create ------------------------------------------------------------------------------------------------------

// Of the regions with that command set, the first that may have room.
Region* find_region(Shared& shared, u8 command_set) {
  Region* found = nullptr;
  for (Region& region : shared.regions) {
    if (static_cast<u8>(region.set->csi) != command_set) continue;
    if (!region.set->whole_region || !is_used(shared, region)) return &region;
    found = &region;
  }
  return found;
}

// What the host may choose of a namespace of blocks.
struct Wanted {
  u64 bytes = 0;
  FormatChoice format;
  bool shared = false;
  u32 ana_group = 1;
};

Status read_wanted_blocks(const Shared& of, const Region& region, const u8* page, Wanted* choice) {
  FormatChoice* format = &choice->format;
  const auto& wanted = *reinterpret_cast<const nvme::IdentifyNamespace*>(page);
  format->index = static_cast<u8>((wanted.flbas & 0xf) | (wanted.flbas >> 5 & 0x3) << 4);
  format->dps = wanted.dps;
  if ((wanted.dps & ~(kDpsType | kDpsFirst)) != 0) return Status::kInvalidFormat;
  if (const Status status = check_format(of, *region.set, *format); status != Status::kSuccess) return status;
  if ((wanted.dps & kDpsType) == 0) format->dps = 0;
  format->interleaved = (wanted.flbas >> 4 & 1) != 0 && kBlockFormats[format->index].metadata != 0;
  if ((wanted.nmic & ~nvme::kNmicShared) != 0 || wanted.nvmsetid > kNvmSet || wanted.endgid > kEnduranceGroup) {
    return Status::kInvalidField;
  }
  if (wanted.anagrpid != 0) {
    if (of.subsystem.has_one_controller()) return Status::kInvalidField;
    if (wanted.anagrpid > kAnaGroups) return Status::kAnaGroupIdInvalid;
    choice->ana_group = wanted.anagrpid;
  }
  const u32 shift = kBlockFormats[format->index].shift;
  if (wanted.nsze == 0 || wanted.ncap > wanted.nsze) return Status::kInvalidField;
  if (wanted.nsze > ~0ull >> shift) return Status::kInsufficientCapacity;
  choice->bytes = wanted.nsze << shift;
  // NSFEAT.THINP is 0: all of the size is backed by capacity, but for what lies between zones.
  if (wanted.ncap != wanted.nsze && wanted.ncap != writable_bytes(region, choice->bytes) >> shift) {
    return Status::kThinProvisioningNotSupported;
  }
  choice->shared = wanted.nmic != 0;
  return Status::kSuccess;
}

AdminResult create_namespace(Controller& controller, const Sqe& sqe) {
  const u8 command_set = static_cast<u8>(sqe.cdw11 >> 24);
  if (sqe.nsid != 0) return {Status::kInvalidField};
  // It would go with the others.
  if (is_being_deleted(controller, nvme::kNsidBroadcast)) return {Status::kNamespaceNotReady};
  Region* region = find_region(controller.shared(), command_set);
  if (region == nullptr) return {Status::kIoCommandSetNotSupported};
  u8* page = controller.scratch();
  Status status = controller.receive(sqe, page, kPageSize);
  if (status != Status::kSuccess) return {status};
  Wanted wanted;
  status = region->set->read_wanted != nullptr ? region->set->read_wanted(page, &wanted.bytes)
                                               : read_wanted_blocks(controller.shared(), *region, page, &wanted);
  if (status != Status::kSuccess) return {status};
  if (region->set->whole_region && wanted.bytes != region->whole) {
    return {wanted.bytes > region->bytes ? Status::kInsufficientCapacity : Status::kInvalidField};
  }
  if (wanted.shared && controller.subsystem().has_one_controller()) return {Status::kInvalidField};
  Namespace* ns =
      controller.subsystem().namespaces.create(*region, wanted.bytes, wanted.format, wanted.shared, wanted.ana_group, &status);
  if (ns == nullptr) return {status};
  controller.record_namespace(sqe.cdw10, *ns);
  return {Status::kSuccess, ns->id};
}

// ---- Delete ------------------------------------------------------------------------------------------------------

enum : u32 { kQuiesce, kErase, kForget };

// Erases the namespaces from job.nsid to job.last_nsid that were taken from their controller, one after another.
bool step_delete(Controller& controller, AdminJob& job, Status*, u32*) {
  Shared& shared = controller.shared();
  if (job.stage == kQuiesce) {
    if (!job.quiesce.done(controller)) return false;
    job.stage = kErase;
  }
  for (; job.nsid <= job.last_nsid; job.nsid++) {
    Namespace& ns = *shared.namespaces.find(job.nsid);
    if (!ns.exists() || ns.attached_to_any()) continue;
    if (job.stage == kErase) {
      if (!erase_step(shared, ns, &job.at)) return false;
      job.stage = kForget;
      job.at = 0;
    }
    if (!ns.region->model.erase_step(controller.now(), ns.base, ns.allocated(), &job.at)) return false;
    job.stage = kErase;
    controller.record_namespace(job.sqe.cdw10, ns);
    controller.subsystem().for_each_controller([&](Controller& each) { each.forget_namespace(ns.id); });
    controller.subsystem().reservations.forget(ns);
    ns.region->streams.forget(ns.id);
    shared.namespaces.all().remove(ns);
    job.at = 0;
  }
  return true;
}

AdminResult delete_namespace(Controller& controller, const Sqe& sqe) {
  Namespaces& namespaces = controller.subsystem().namespaces;
  const bool all = sqe.nsid == nvme::kNsidBroadcast;
  Namespace* one = namespaces.find(sqe.nsid);
  if (!all && (one == nullptr || !one->exists())) return {Status::kInvalidNamespaceOrFormat};
  for (const Namespace& ns : namespaces) {
    if (!all && &ns != one) continue;
    if (ns.formatting.load(std::memory_order_relaxed)) return {Status::kFormatInProgress};
    if (ns.exists() && ns.write_protected()) return {Status::kNamespaceWriteProtected};
    if (ns.exists() && !controller.may_write(ns)) return {Status::kReservationConflict};
  }
  if (controller.subsystem().count_jobs(step_delete) != 0) return {Status::kNamespaceNotReady};
  if (controller.self_test().tests(sqe.nsid)) controller.abort_self_test(nvme::SelfTestResult::kAbortedByRemoval);
  for (Namespace& ns : namespaces) {
    if (!all && &ns != one) continue;
    controller.tell_namespace_changed(ns);
    ns.controllers.store(0, std::memory_order_seq_cst);
  }
  AdminJob* job = controller.jobs().add(step_delete, sqe);
  job->nsid = all ? 1 : sqe.nsid;
  job->last_nsid = all ? kMaxNamespaces : sqe.nsid;
  job->quiesce.begin(controller);
  return AdminResult::later();
}

// ---- Attachment -----------------------------------------------------------------------------------------------------

bool step_detach(Controller& controller, AdminJob& job, Status*, u32*) { return job.quiesce.done(controller); }

// A Controller List (section 4.4.1): at least one, all of this subsystem, in ascending order. *controllers: a bit for each.
Status read_controller_list(Controller& controller, const Sqe& sqe, u32* controllers) {
  u16* list = reinterpret_cast<u16*>(controller.scratch());
  if (const Status status = controller.receive(sqe, list, kPageSize); status != Status::kSuccess) return status;
  const u32 count = controller.subsystem().controller_count;
  if (list[0] == 0 || list[0] > count) return Status::kControllerListInvalid;
  *controllers = 0;
  for (u32 i = 1; i <= list[0]; i++) {
    if (list[i] == 0 || list[i] > count || *controllers >> (list[i] - 1u) != 0) return Status::kControllerListInvalid;
    *controllers |= 1u << (list[i] - 1u);
  }
  return Status::kSuccess;
}

// Changes the attachment to those of `controllers`, and tells them.
void set_attachment(Controller& controller, Namespace& ns, u32 controllers, bool attached) {
  controller.subsystem().for_each_controller([&](Controller& other) {
    const u32 index = other.shared().index;
    if ((controllers >> index & 1) == 0) return;
    if (attached) {
      ns.attach(index);
    } else {
      if (ns.has_streams_enabled(index)) other.enable_streams(ns, false);
      ns.detach(index);
    }
    other.namespace_changed(ns.id);
  });
}

}  // namespace

AdminResult namespace_management(Controller& controller, const Sqe& sqe) {
  switch (select(sqe)) {
    case kCreate:
      return create_namespace(controller, sqe);
    case kDelete:
      return delete_namespace(controller, sqe);
    default:
      return {Status::kInvalidField};
  }
}

AdminResult namespace_attachment(Controller& controller, const Sqe& sqe) {
  Namespace* ns = controller.shared().namespaces.find(sqe.nsid);
  if (ns == nullptr || !ns->exists()) return {Status::kInvalidNamespaceOrFormat};
  if (select(sqe) > kDetach) return {Status::kInvalidField};
  u32 controllers = 0;
  if (const Status status = read_controller_list(controller, sqe, &controllers); status != Status::kSuccess) return {status};
  if (ns->formatting.load(std::memory_order_relaxed)) return {Status::kFormatInProgress};
  if (!controller.may_write(*ns)) return {Status::kReservationConflict};
  if (is_being_deleted(controller, ns->id)) return {Status::kNamespaceNotReady};
  const u32 attached = ns->controllers.load(std::memory_order_relaxed);
  if (select(sqe) == kAttach) {
    if ((attached & controllers) != 0) return {Status::kNamespaceAlreadyAttached};
    const u32 all = attached | controllers;
    if (!ns->shared && (all & (all - 1)) != 0) return {Status::kNamespaceIsPrivate};
    set_attachment(controller, *ns, controllers, true);
    return {};
  }
  if ((attached & controllers) != controllers) return {Status::kNamespaceNotAttached};
  set_attachment(controller, *ns, controllers, false);
  controller.jobs().add(step_detach, sqe)->quiesce.begin(controller);
  return AdminResult::later();
}

}  // namespace nvmev
