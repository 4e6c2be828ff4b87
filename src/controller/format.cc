// SPDX-License-Identifier: GPL-2.0-only
// Format NVM: NVMe 2.0 section 5.14.
#include "admin.h"
#include "command_set.h"
#include "controller.h"
#include "eraser.h"
#include "nvmev/nvme/identify.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;

namespace {

enum : u32 { kQuiesce, kErase, kForget };

// LBAF, LBAFU, MSET, PI and PIL.
FormatChoice choice_of(const Sqe& sqe) {
  FormatChoice choice;
  choice.index = static_cast<u8>((sqe.cdw10 & 0xf) | (sqe.cdw10 >> 12 & 0x3) << 4);
  choice.dps = static_cast<u8>((sqe.cdw10 >> 5 & kDpsType) | ((sqe.cdw10 >> 8 & 1) != 0 ? kDpsFirst : 0));
  choice.interleaved = (sqe.cdw10 >> 4 & 1) != 0;
  return choice;
}

// Where something means nothing it is ignored.
FormatChoice meaningful(FormatChoice choice) {
  if (kBlockFormats[choice.index].metadata == 0) choice.interleaved = false;
  if ((choice.dps & kDpsType) == 0) choice.dps = 0;
  return choice;
}

bool is_fixed(const Namespace& ns) { return command_set_of(&ns).fixed_format != nullptr; }

Status check_choice(const Shared& shared, const Namespace& ns, const FormatChoice& choice) {
  if (is_fixed(ns)) {
    return choice.index == command_set_of(&ns).fixed_format(ns) && choice.dps == 0 ? Status::kSuccess : Status::kInvalidFormat;
  }
  if (const Status status = check_format(shared, *ns.region->set, choice); status != Status::kSuccess) return status;
  // A namespace may be smaller than a block of the format.
  return ns.bytes >> kBlockFormats[choice.index].shift != 0 ? Status::kSuccess : Status::kInvalidFormat;
}

// Formats the namespaces from job.nsid to job.last_nsid that are marked so, one after another.
bool step_format(Controller& controller, AdminJob& job, Status*, u32*) {
  Shared& shared = controller.shared();
  if (job.stage == kQuiesce) {
    if (!job.quiesce.done(controller)) return false;
    job.stage = kErase;
  }
  for (; job.nsid <= job.last_nsid; job.nsid++) {
    Namespace& ns = *shared.namespaces.find(job.nsid);
    if (!ns.formatting.load(std::memory_order_relaxed)) continue;
    if (job.stage == kErase) {
      if (!erase_step(shared, ns, &job.at)) return false;
      job.stage = kForget;
      job.at = 0;
    }
    if (!ns.region->model.erase_step(controller.now(), ns.base, ns.allocated(), &job.at)) return false;
    job.stage = kErase;
    const FormatChoice before = ns.format_choice();
    const FormatChoice after = is_fixed(ns) ? before : meaningful(choice_of(job.sqe));
    const bool changed = !(after == before);
    ns.set_format(after);
    ns.formatting.store(false, std::memory_order_release);
    if (changed) controller.tell_namespace_changed(ns);
    job.at = 0;
  }
  controller.record(nvme::PersistentEventType::kFormatCompletion, nvme::FormatCompletionEvent{job.sqe.nsid, 0, 0, 0, 0});
  return true;
}

}  // namespace

AdminResult format_nvm(Controller& controller, const Sqe& sqe) {
  const u32 erase_setting = sqe.cdw10 >> 9 & 0x7;
  constexpr u32 kCryptographicErase = 2;
  ControllerNamespaces& namespaces = controller.shared().namespaces;
  const bool all = sqe.nsid == nvme::kNsidBroadcast;
  Namespace* one = namespaces.find_attached(sqe.nsid);
  if (!all && one == nullptr) return {Status::kInvalidNamespaceOrFormat};
  const AnaAccess& ana = controller.shared().ana;
  if (const Status gate = all ? ana.gate(namespaces) : ana.gate(*one); gate != Status::kSuccess) return {gate};
  // Without its key a namespace is as one whose data are gone: all settings leave nothing that could be read again.
  if (erase_setting > kCryptographicErase) return {Status::kInvalidField};
  for (const Namespace& ns : namespaces) {
    if ((!all && &ns != one) || !namespaces.attached(ns)) continue;
    if (const Status status = check_choice(controller.shared(), ns, choice_of(sqe)); status != Status::kSuccess) return {status};
    if (!controller.may_write(ns)) return {Status::kReservationConflict};
    if (ns.write_protected()) return {Status::kNamespaceWriteProtected};
  }
  // One at a time, so that a job's marks are its own.
  if (controller.subsystem().count_jobs(step_format) != 0) return {Status::kFormatInProgress};
  for (Namespace& ns : namespaces) {
    if ((all || &ns == one) && namespaces.attached(ns)) ns.formatting.store(true, std::memory_order_seq_cst);
  }
  if (controller.self_test().tests(sqe.nsid)) controller.abort_self_test(nvme::SelfTestResult::kAbortedByFormat);
  controller.record(nvme::PersistentEventType::kFormatStart, nvme::FormatStartEvent{sqe.nsid, nvme::kFnaCryptographicErase, {}, sqe.cdw10});
  AdminJob* job = controller.jobs().add(step_format, sqe);
  job->nsid = all ? 1 : sqe.nsid;
  job->last_nsid = all ? kMaxNamespaces : sqe.nsid;
  job->quiesce.begin(controller);
  return AdminResult::later();
}

}  // namespace nvmev
