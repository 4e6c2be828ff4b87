// SPDX-License-Identifier: GPL-2.0-only
// How a controller stops: disable (CC.EN), shutdown (CC.SHN), and reset from outside. Every fetched command is given up
// before CSTS tells so; nothing of the requester's memory is touched afterwards.
#include "controller.h"
#include "nvmev/text.h"

namespace nvmev {

using nvme::Status;

void Controller::begin_stop(StopReason reason) {
  state_ = State::kStopping;
  stop_reason_ = reason;
  stop_stage_ = StopStage::kJobs;
  // At once, as a job may wait for what is behind commands of these queues.
  for (u32 id = 1; id < shared_->sqs.size(); id++) {
    stop_queue(shared_->sqs[id], reason != StopReason::kShutdown, Status::kAbortedPowerLoss);
  }
}

bool Controller::step_stop() {
  switch (stop_stage_) {
    case StopStage::kJobs:
      step_jobs();
      if (jobs_.any()) return false;
      stop_stage_ = StopStage::kQueues;
      return true;
    case StopStage::kQueues:
      if (!queues_drained()) return false;
      for (bool& sent : forget_sent_) sent = false;
      stop_stage_ = StopStage::kCompletionQueues;
      return true;
    case StopStage::kCompletionQueues:
      if (!completion_queues_forgotten()) return false;
      finish_stop();
      return true;
  }
  return false;
}

bool Controller::queues_drained() {
  for (u32 id = 1; id < shared_->sqs.size(); id++) {
    const SqState state = shared_->sqs[id].state.load(std::memory_order_acquire);
    if (state != SqState::kAbsent && state != SqState::kDrained) return false;
  }
  return true;
}

bool Controller::completion_queues_forgotten() {
  bool all = true;
  for (u32 id = 1; id < shared_->cqs.size(); id++) {
    CompletionQueue& cq = shared_->cqs[id];
    if (!cq.exists) continue;
    if (!forget_sent_[id]) {
      Task* task = (*dispatchers_)[0].reserve(cq.worker);
      if (task == nullptr) return false;
      forgotten_[id].store(Answer::kPending, std::memory_order_relaxed);
      task->kind = TaskKind::kForgetCq;
      task->cq_id = static_cast<u16>(id);
      task->answer = &forgotten_[id];
      (*dispatchers_)[0].commit(cq.worker);
      forget_sent_[id] = true;
    }
    if (forgotten_[id].load(std::memory_order_acquire) != Answer::kYes) all = false;
  }
  return all;
}

// The next queues start at 0, and so must the buffers, but Linux before 6.0 hands in the same ones again with the old
// values in them.
void Controller::forget_shadow_doorbells() {
  if (shadow_doorbells_ != nullptr && stop_reason_ != StopReason::kReset) {
    for (u32 i = 0; i < 2 * shared_->sqs.size(); i++) {
      store_relaxed(&shadow_doorbells_[i], 0);
      store_relaxed(&event_indexes_[i], 0);
    }
  }
  shadow_doorbells_ = event_indexes_ = nullptr;
}

// Beside data that stay where they are a state means nothing while another controller may change them.
bool Controller::may_save() {
  if (!nvmev_host_medium_stays(shared_->host)) return true;
  bool runs = false;
  subsystem().for_each_controller([&](const Controller& other) {
    runs |= &other != this && (other.state_ == State::kReady || other.state_ == State::kStopping);
  });
  return !runs;
}

void Controller::finish_stop() {
  shared_->sqs[0].state.store(SqState::kAbsent, std::memory_order_release);
  shared_->cqs[0].exists = false;
  for (u32 id = 1; id < shared_->sqs.size(); id++) {
    if (shared_->sqs[id].state.load(std::memory_order_relaxed) != SqState::kAbsent) remove_queue(shared_->sqs[id]);
    if (shared_->cqs[id].exists) remove_queue(shared_->cqs[id]);
  }
  forget_shadow_doorbells();
  backlog_count_ = 0;
  keep_alive_ends_ = NVMEV_NEVER;
  events_.reset();
  shared_->pending_events.store(0, std::memory_order_relaxed);
  if (stop_reason_ == StopReason::kShutdown) {
    save_over_.store(false, std::memory_order_relaxed);
    state_ = State::kSaving;
    if (!may_save() || !nvmev_host_save(shared_->host)) finish_saving();
    return;
  }
  if (stop_reason_ == StopReason::kKeepAlive) {
    state_ = State::kFailed;
    set_csts(nvme::csts::kReady | nvme::csts::kFatal);
    return;
  }
  reset_internals();
  if (is_primary(*shared_)) {
    take_secondaries_offline();
    if (stop_reason_ == StopReason::kReset) subsystem().virtualization.activate();
  }
  temperature_reported_ = spare_reported_ = group_has_event_ = false;
  group_reported_ = 0;
  memset(&changed_namespaces_, 0, sizeof(changed_namespaces_));
  kept_lba_status_.bytes = 0;
  clear_doorbells();
  if (stop_reason_ == StopReason::kReset) {
    clear_registers();
    shared_->memory.reset(power_cut_.load(std::memory_order_relaxed));
  }
  come_to_rest();
  if (stop_reason_ != StopReason::kReset) return;
  if (power_cut_.exchange(false, std::memory_order_relaxed)) {
    stopped_for_power_cut();
  } else {
    reset_requested_.store(false, std::memory_order_release);
  }
}

// Section 3.7.2: what a Controller Level Reset does to the controller's own state.
void Controller::reset_internals() {
  subsystem().reservations.reset(shared_->index);
  // An extended self-test goes on.
  update_self_test();
  if (self_test().code() == nvme::SelfTestCode::kShort && self_test().is_of(shared_->index)) {
    abort_self_test(nvme::SelfTestResult::kAbortedByReset);
  }
  restore_features();
  disable_streams();
  reset_at_ = now_;
  history().release(shared_->controller_id());
  record_start(firmware().reset());
  if (subsystem().has_one_controller()) shared_->fdp_events.reset();
}

// ---- Queues ------------------------------------------------------------------------------------------------

void Controller::stop_queue(SubmissionQueue& sq, bool silent, Status status) {
  if (sq.state.load(std::memory_order_relaxed) != SqState::kActive) return;
  sq.silent_end = silent;
  sq.end_status = status;
  sq.state.store(SqState::kStopping, std::memory_order_release);
}

void Controller::remove_queue(SubmissionQueue& sq) {
  shared_->cqs[sq.cq_id].users--;
  sq.state.store(SqState::kAbsent, std::memory_order_release);
  shared_->sq_generation.fetch_add(1, std::memory_order_release);
  store_relaxed(shared_->sq_doorbell(sq.id), 0);
}

void Controller::remove_queue(CompletionQueue& cq) {
  cq.exists = false;
  store_relaxed(shared_->cq_doorbell(cq.id), 0);
}

}  // namespace nvmev
