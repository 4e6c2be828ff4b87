// SPDX-License-Identifier: GPL-2.0-only
// Creation and deletion of I/O queues, and shadow doorbells: NVMe 2.0 sections 5.4 to 5.8, NVMe over PCIe Transport 1.0
// section 3.2.
#include "admin.h"
#include "controller.h"
#include "nvmev/nvme/registers.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;

namespace {

// CDW10 and CDW11 of the Create commands.
u16 queue_id(const Sqe& sqe) { return static_cast<u16>(sqe.cdw10); }
u32 queue_size(const Sqe& sqe) { return (sqe.cdw10 >> 16) + 1; }
bool contiguous(const Sqe& sqe) { return sqe.cdw11 & 1; }
bool interrupts(const Sqe& sqe) { return sqe.cdw11 & 2; }
u16 upper_cdw11(const Sqe& sqe) { return static_cast<u16>(sqe.cdw11 >> 16); }

// What both Create commands ask for; `shift` is the log2 of an entry's bytes, as set in CC.
Status check_create(Controller& controller, const Sqe& sqe, bool exists, u32 shift, u32 expected_shift) {
  const Shared& shared = controller.shared();
  if (queue_id(sqe) == 0 || queue_id(sqe) > controller.queues() || exists) return Status::kInvalidQueueIdentifier;
  if (queue_size(sqe) < 2 || queue_size(sqe) > shared.config.queue_entries) return Status::kInvalidQueueSize;
  if (!contiguous(sqe)) return Status::kInvalidField;  // CAP.CQR
  if (shift != expected_shift) return Status::kInvalidField;
  if (sqe.prp1 & (kPageSize - 1)) return Status::kInvalidPrpOffset;
  return Status::kSuccess;
}

bool sq_exists(const Shared& shared, u16 id) {
  return id < shared.sqs.size() && shared.sqs[id].state.load(std::memory_order_relaxed) != SqState::kAbsent;
}

bool cq_exists(const Shared& shared, u16 id) { return id < shared.cqs.size() && shared.cqs[id].exists; }

bool step_delete_sq(Controller& controller, AdminJob& job, Status*, u32*) {
  SubmissionQueue& sq = controller.shared().sqs[queue_id(job.sqe)];
  if (sq.state.load(std::memory_order_acquire) != SqState::kDrained) return false;
  controller.remove_queue(sq);
  return true;
}

bool step_delete_cq(Controller& controller, AdminJob& job, Status*, u32*) {
  enum : u32 { kSend, kWait };
  CompletionQueue& cq = controller.shared().cqs[queue_id(job.sqe)];
  if (job.stage == kSend) {
    Dispatcher& dispatcher = controller.dispatchers()[0];
    Task* task = dispatcher.reserve(cq.worker);
    if (task == nullptr) return false;
    task->kind = TaskKind::kForgetCq;
    task->cq_id = cq.id;
    task->answer = &job.answer;
    dispatcher.commit(cq.worker);
    job.stage = kWait;
  }
  if (job.answer.load(std::memory_order_acquire) == Answer::kPending) return false;
  controller.remove_queue(cq);
  return true;
}

}  // namespace

AdminResult create_io_cq(Controller& controller, const Sqe& sqe) {
  Shared& shared = controller.shared();
  const u16 id = queue_id(sqe);
  const Status status = check_create(controller, sqe, cq_exists(shared, id), nvme::cc::iocqes(controller.cc()),
                                     nvme::kCqeShift);
  if (status != Status::kSuccess) return {status};
  if (upper_cdw11(sqe) >= controller.vectors()) return {Status::kInvalidInterruptVector};
  CompletionQueue& cq = shared.cqs[id];
  cq.size = queue_size(sqe);
  const Status mapped = cq.memory.map(shared.bus, sqe.prp1, static_cast<u64>(cq.size) * sizeof(nvme::Cqe));
  if (mapped != Status::kSuccess) return {mapped};
  cq.interrupts = interrupts(sqe);
  cq.vector = upper_cdw11(sqe);
  cq.worker = id % shared.config.workers;
  cq.users = 0;
  cq.deleting = false;
  cq.reset_pointers();
  controller.attach_doorbells(cq);
  controller.clear_doorbell(cq);
  cq.exists = true;
  return {};
}

AdminResult create_io_sq(Controller& controller, const Sqe& sqe) {
  Shared& shared = controller.shared();
  const u16 id = queue_id(sqe);
  const u16 cq_id = upper_cdw11(sqe);
  const Status status = check_create(controller, sqe, sq_exists(shared, id), nvme::cc::iosqes(controller.cc()),
                                     nvme::kSqeShift);
  if (status != Status::kSuccess) return {status};
  if (cq_id == 0 || cq_id > controller.queues()) return {Status::kInvalidQueueIdentifier};
  if (!cq_exists(shared, cq_id) || shared.cqs[cq_id].deleting) return {Status::kCompletionQueueInvalid};
  SubmissionQueue& sq = shared.sqs[id];
  sq.size = queue_size(sqe);
  const Status mapped = sq.memory.map(shared.bus, sqe.prp1, static_cast<u64>(sq.size) * sizeof(Sqe));
  if (mapped != Status::kSuccess) return {mapped};
  sq.cq_id = cq_id;
  sq.worker = shared.cqs[cq_id].worker;
  sq.priority = static_cast<nvme::QueuePriority>(sqe.cdw11 >> 1 & 3);
  sq.reset_pointers();
  controller.attach_doorbells(sq);
  controller.clear_doorbell(sq);
  shared.cqs[cq_id].users++;
  sq.state.store(SqState::kActive, std::memory_order_release);
  shared.sq_generation.fetch_add(1, std::memory_order_release);
  return {};
}

AdminResult delete_io_sq(Controller& controller, const Sqe& sqe) {
  Shared& shared = controller.shared();
  const u16 id = queue_id(sqe);
  if (id == 0 || !sq_exists(shared, id)) return {Status::kInvalidQueueIdentifier};
  SubmissionQueue& sq = shared.sqs[id];
  if (sq.state.load(std::memory_order_relaxed) != SqState::kActive) return {Status::kInvalidQueueIdentifier};
  controller.stop_queue(sq, false, Status::kAbortedSqDeletion);
  controller.jobs().add(step_delete_sq, sqe);
  return AdminResult::later();
}

AdminResult delete_io_cq(Controller& controller, const Sqe& sqe) {
  Shared& shared = controller.shared();
  const u16 id = queue_id(sqe);
  if (id == 0 || !cq_exists(shared, id)) return {Status::kInvalidQueueIdentifier};
  if (shared.cqs[id].users != 0) return {Status::kInvalidQueueDeletion};
  if (shared.cqs[id].deleting) return {Status::kInvalidQueueIdentifier};
  shared.cqs[id].deleting = true;
  controller.jobs().add(step_delete_cq, sqe);
  return AdminResult::later();
}

// ---- Doorbells -----------------------------------------------------------------------------------------------

// The shadow buffers are laid out as the doorbells in the BAR are (section 5.8).
void Controller::attach_doorbells(SubmissionQueue& sq) {
  const bool shadow = shadow_doorbells_ != nullptr && sq.id != 0;
  sq.event_index.store(shadow ? &event_indexes_[2 * sq.id] : nullptr, std::memory_order_relaxed);
  sq.doorbell.store(shadow ? &shadow_doorbells_[2 * sq.id] : shared_->sq_doorbell(sq.id), std::memory_order_release);
  if (shadow) store_relaxed(&event_indexes_[2 * sq.id], quiet_event_index(sq.head.load(std::memory_order_relaxed)));
}

void Controller::attach_doorbells(CompletionQueue& cq) {
  const bool shadow = shadow_doorbells_ != nullptr && cq.id != 0;
  cq.event_index.store(shadow ? &event_indexes_[2 * cq.id + 1] : nullptr, std::memory_order_relaxed);
  cq.doorbell.store(shadow ? &shadow_doorbells_[2 * cq.id + 1] : shared_->cq_doorbell(cq.id), std::memory_order_release);
  if (shadow) store_relaxed(&event_indexes_[2 * cq.id + 1], quiet_event_index(0));
}

// A new queue starts at 0, whatever the one before it with this id has left.
void Controller::clear_doorbell(const SubmissionQueue& sq) {
  store_relaxed(shared_->sq_doorbell(sq.id), 0);
  if (shadow_doorbells_ != nullptr) store_relaxed(&shadow_doorbells_[2 * sq.id], 0);
}

void Controller::clear_doorbell(const CompletionQueue& cq) {
  store_relaxed(shared_->cq_doorbell(cq.id), 0);
  if (shadow_doorbells_ != nullptr) store_relaxed(&shadow_doorbells_[2 * cq.id + 1], 0);
}

// Queues that exist go on from where the requester has written last: into the buffer already, or into the BAR.
void Controller::use_shadow_doorbells(u32* shadow, u32* event_index) {
  shadow_doorbells_ = shadow;
  event_indexes_ = event_index;
  const auto take_over = [&](const u32* doorbell, u32* buffer) {
    const u32 written = load_relaxed(doorbell);
    if (written != 0 && load_relaxed(buffer) == 0) store_relaxed(buffer, written);
  };
  for (u32 id = 1; id < shared_->sqs.size(); id++) {
    if (sq_exists(*shared_, static_cast<u16>(id))) {
      take_over(shared_->sq_doorbell(id), &shadow[2 * id]);
      attach_doorbells(shared_->sqs[id]);
    }
    if (shared_->cqs[id].exists) {
      take_over(shared_->cq_doorbell(id), &shadow[2 * id + 1]);
      attach_doorbells(shared_->cqs[id]);
    }
  }
}

bool has_shadow_doorbells(const Shared& shared) { return shared.config.shadow_doorbells != 0; }

AdminResult doorbell_buffer_config(Controller& controller, const Sqe& sqe) {
  if ((sqe.prp1 | sqe.prp2) & (kPageSize - 1)) return {Status::kInvalidPrpOffset};
  const Bus& bus = controller.shared().bus;
  u32* shadow = static_cast<u32*>(bus.map_structure(sqe.prp1, kPageSize));
  u32* event_index = static_cast<u32*>(bus.map_structure(sqe.prp2, kPageSize));
  if (shadow == nullptr || event_index == nullptr) return {Status::kInvalidField};
  controller.use_shadow_doorbells(shadow, event_index);
  return {};
}

}  // namespace nvmev
