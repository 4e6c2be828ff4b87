// SPDX-License-Identifier: GPL-2.0-only
// Format NVM: NVMe 2.0 section 5.14.
#include "admin.h"
#include "controller.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;

namespace {

enum : u32 { kQuiesce, kErase };
constexpr u32 kPagesPerStep = 1024;

u32 format_index(const Sqe& sqe) { return (sqe.cdw10 & 0xf) | (sqe.cdw10 >> 12 & 0x3) << 4; }

// Erases a part; true when the end is reached.
bool erase(Medium& medium, u64 capacity, u64* at) {
  for (u32 pages = 0; pages < kPagesPerStep && *at < capacity; pages++) {
    const u64 next = medium.skip_unwritten(*at);
    if (next > *at) {
      *at = next;
      continue;
    }
    if (medium.thin()) {
      medium.discard(*at, kPageSize);
    } else {
      medium.zero(*at, kPageSize);
    }
    *at += kPageSize;
  }
  return *at >= capacity;
}

bool step_format(Controller& controller, AdminJob& job, Status*, u32*) {
  Shared& shared = controller.shared();
  Namespace& ns = shared.ns;
  if (job.stage == kQuiesce) {
    if (!job.quiesce.done(controller)) return false;
    job.stage = kErase;
  }
  if (!erase(shared.medium, ns.bytes, &job.at)) return false;
  shared.model.format();
  const u8 index = static_cast<u8>(format_index(job.sqe));
  const bool changed = ns.format.exchange(index, std::memory_order_relaxed) != index;
  ns.formatting.store(false, std::memory_order_release);
  if (changed) controller.namespace_changed();
  return true;
}

}  // namespace

AdminResult format_nvm(Controller& controller, const Sqe& sqe) {
  const u32 protection = sqe.cdw10 >> 5 & 0x7;
  const u32 erase_setting = sqe.cdw10 >> 9 & 0x7;
  constexpr u32 kUserDataErase = 1;
  Namespace& ns = controller.shared().ns;
  if (sqe.nsid != ns.id && sqe.nsid != nvme::kNsidBroadcast) return {Status::kInvalidNamespaceOrFormat};
  if (erase_setting > kUserDataErase) return {Status::kInvalidField};  // no cryptographic erase (FNA bit 2)
  if (format_index(sqe) >= sizeof(kLbaShifts) || protection != 0) return {Status::kInvalidFormat};
  if (ns.formatting.load(std::memory_order_relaxed)) return {Status::kFormatInProgress};
  AdminJob* job = controller.jobs().add(step_format, sqe);
  ns.formatting.store(true, std::memory_order_seq_cst);
  job->quiesce.begin(controller);
  return AdminResult::later();
}

}  // namespace nvmev
