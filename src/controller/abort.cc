// SPDX-License-Identifier: GPL-2.0-only
// Abort: NVMe 2.0 section 5.1.
#include "admin.h"
#include "controller.h"

namespace nvmev {

using nvme::Status;

namespace {

constexpr u32 kNotAborted = 1;
constexpr u32 kLimit = 4;  // ACL + 1

bool step_abort(Controller& controller, AdminJob& job, Status*, u32* dw0) {
  enum : u32 { kSend, kWait };
  const u16 sq_id = static_cast<u16>(job.sqe.cdw10);
  SubmissionQueue& sq = controller.shared().sqs[sq_id];
  if (job.stage == kSend) {
    if (sq.state.load(std::memory_order_acquire) != SqState::kActive) {
      *dw0 = kNotAborted;
      return true;
    }
    Dispatcher& dispatcher = controller.dispatchers()[0];
    Task* task = dispatcher.reserve(sq.worker);
    if (task == nullptr) return false;
    task->kind = TaskKind::kAbort;
    task->sq_id = sq_id;
    task->cid = static_cast<u16>(job.sqe.cdw10 >> 16);
    task->answer = &job.answer;
    dispatcher.commit(sq.worker);
    job.stage = kWait;
  }
  const Answer answer = job.answer.load(std::memory_order_acquire);
  if (answer == Answer::kPending) return false;
  *dw0 = answer == Answer::kYes ? 0 : kNotAborted;
  return true;
}

}  // namespace

AdminResult abort_command(Controller& controller, const nvme::Sqe& sqe) {
  const u16 sq_id = static_cast<u16>(sqe.cdw10);
  const u16 cid = static_cast<u16>(sqe.cdw10 >> 16);
  if (sq_id == 0) {
    // Of the admin commands only event requests wait for long.
    if (!controller.events().remove_request(cid)) return {Status::kSuccess, kNotAborted};
    controller.complete_admin(cid, Status::kAbortRequested, 0);
    return {};
  }
  const Shared& shared = controller.shared();
  if (sq_id >= shared.sqs.size() || shared.sqs[sq_id].state.load(std::memory_order_relaxed) == SqState::kAbsent) {
    return {Status::kInvalidField};
  }
  if (controller.jobs().count(step_abort) == kLimit) return {Status::kAbortLimitExceeded};
  controller.jobs().add(step_abort, sqe);
  return AdminResult::later();
}

}  // namespace nvmev
