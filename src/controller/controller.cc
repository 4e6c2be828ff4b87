// SPDX-License-Identifier: GPL-2.0-only
#include "controller.h"

#include "nvmev/text.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;

bool Controller::init(Shared& shared, HostArray<Dispatcher>& dispatchers, HostArray<Worker>& workers) {
  shared_ = &shared;
  dispatchers_ = &dispatchers;
  workers_ = &workers;
  const nvmev_config& config = shared.config;

  const u32 entries = config.queue_entries > nvme::aqa::kMaxEntries ? config.queue_entries : nvme::aqa::kMaxEntries;
  const std::size_t sq_pages = (static_cast<std::size_t>(entries) * sizeof(Sqe) + kPageSize - 1) / kPageSize;
  const std::size_t cq_pages = (static_cast<std::size_t>(entries) * sizeof(nvme::Cqe) + kPageSize - 1) / kPageSize;
  if (!queue_pages_.allocate(shared.host, shared.sqs.size() * (sq_pages + cq_pages)) ||
      !host_telemetry_.init(shared.host) || !controller_telemetry_.init(shared.host) ||
      !scratch_.allocate(shared.host, kPageSize) || !buffer_.allocate(shared.host, shared.bus, config.mdts) ||
      !forgotten_.allocate(shared.host, shared.cqs.size()) || !forget_sent_.allocate(shared.host, shared.cqs.size())) {
    return false;
  }
  void** pages = queue_pages_.data();
  for (std::size_t id = 0; id < shared.sqs.size(); id++) {
    shared.sqs[id].id = static_cast<u16>(id);
    shared.sqs[id].memory.init(pages);
    pages += sq_pages;
    shared.cqs[id].id = static_cast<u16>(id);
    shared.cqs[id].memory.init(pages);
    pages += cq_pages;
  }
  come_to_rest();
  return true;
}

u32 Controller::pass(u64 now) {
  now_ = now;
  if (created_ == 0) begin_life(now);
  // On hardware a register read costs as much as a command: while commands flow, look less often.
  constexpr u32 kRegisterInterval = 8;
  u32 done = 0;
  const bool hold = step_hold();
  if (hold_stage_ != HoldStage::kNone) return 0;
  if (state_ == State::kSaving) {
    if (!save_over_.load(std::memory_order_acquire)) return 0;
    finish_saving();
    done++;
  }
  if (state_ != State::kReady || passes_++ % kRegisterInterval == 0 || !reset_done()) done += poll_registers();
  done += poll_deadlines();
  if (state_ == State::kReady) {
    done += post_admin();
    done += poll_events();
    done += step_jobs();
    if (!hold) done += poll_admin_queue();
    CompletionQueue& cq = shared_->cqs[0];
    if (cq.unsignalled != 0) {
      cq.unsignalled = 0;
      nvmev_host_interrupt(shared_->function, cq.vector);
    }
  } else if (shared_->pending_events.load(std::memory_order_relaxed) != 0) {
    // Nobody is there to be told; what they stand for is looked at when the controller is enabled.
    shared_->pending_events.store(0, std::memory_order_relaxed);
  }
  u64 wake = keep_alive_ends_;
  if (sanitizes() && sanitize().wake_at() < wake) wake = sanitize().wake_at();
  if (const u64 zones = zones_wake_at(); zones < wake) wake = zones;
  if (const u64 status = lba_status_wake_at(); status < wake) wake = status;
  alarm_.set(shared_->host, wake);
  unfinished_.store(state_ == State::kStopping || state_ == State::kSaving || jobs_.any() || backlog_count_ != 0 ||
                        (sanitizes() && sanitize().working()),
                    std::memory_order_relaxed);
  return done;
}

void Controller::begin_life(u64 now) {
  created_ = reset_at_ = now;
  restore_features();
  apply_ana();
  record_start(false);
  record_smart();
}

u64 Controller::power_on_hours() const {
  constexpr u64 kNsPerHour = 3600ull * 1000 * 1000 * 1000;
  return totals(now_).power_on / kNsPerHour;
}

u32 Controller::poll_deadlines() {
  const bool due = alarm_.stop();
  u32 done = sanitizes() && (due || sanitize().working()) ? sanitize().step(*this) : 0;
  if (due && keep_alive_expired()) {
    end_of_keep_alive();
    done++;
  }
  return done;
}

bool Controller::pending() const {
  if (unfinished_.load(std::memory_order_relaxed) || !reset_done() || alarm_.ringing()) return true;
  if (shared_->hold.load(std::memory_order_relaxed) != held()) return true;
  if (load_relaxed(&registers()->cc) != seen_cc_.load(std::memory_order_relaxed)) return true;
  if (shared_->pending_events.load(std::memory_order_relaxed) != 0 || shared_->memory.changed()) return true;
  const SubmissionQueue& sq = shared_->sqs[0];
  return sq.state.load(std::memory_order_acquire) == SqState::kActive && sq.has_news();
}

// ---- Admin queue -----------------------------------------------------------------------------------

u32 Controller::poll_admin_queue() {
  SubmissionQueue& sq = shared_->sqs[0];
  const u32 tail = load_acquire(sq.doorbell.load(std::memory_order_relaxed));
  u32 head = sq.head.load(std::memory_order_relaxed);
  if (tail == head) return 0;
  shared_->memory.look();
  if (tail >= sq.size) {
    if (tail != sq.refused_tail) {
      sq.refused_tail = tail;
      shared_->dispatcher_stats[0].refused_doorbells.add(1);
      shared_->raise(PendingEvent::kInvalidDoorbellValue);
    }
    return 0;
  }
  sq.refused_tail = 0;
  u32 done = 0;
  // A command whose completion finds no room, or which needs a job slot, waits in the queue.
  while (head != tail && backlog_count_ == 0 && !jobs_.full()) {
    const Sqe sqe = *sq.memory.entry<Sqe>(head);
    head = head + 1 == sq.size ? 0 : head + 1;
    sq.head.store(head, std::memory_order_relaxed);
    run_admin(sqe);
    done++;
  }
  shared_->dispatcher_stats[0].admin.add(done);
  return done;
}

void Controller::run_admin(const Sqe& sqe) {
  const AdminCommand& command = admin_command(sqe.opcode);
  AdminResult result;
  const Status gate = shared_->sanitize_gate.load(std::memory_order_relaxed);
  if (!supports(*shared_, command)) {
    result.status = Status::kInvalidOpcode;
  } else if (gate != Status::kSuccess && !command.while_sanitizing) {
    result.status = gate;
  } else if (sqe.fuse() != 0 || sqe.psdt() != 0) {
    result.status = Status::kInvalidField;  // neither fused commands nor SGLs
  } else {
    result = command.handler(*this, sqe);
  }
  if (result.deferred) return;
  if (result.status != Status::kSuccess) shared_->error_log.add(0, sqe.cid, result.status, 0, sqe.nsid);
  complete_admin(sqe.cid, result.status, result.dw0);
}

void Controller::complete_admin(u16 cid, Status status, u32 dw0, u32 dw1) {
  // The bound of the backlog holds because nothing is fetched while it is not empty.
  backlog_[backlog_count_++] = {cid, nvme::status_field(status), dw0, dw1};
  post_admin();
}

u32 Controller::post_admin() {
  CompletionQueue& cq = shared_->cqs[0];
  u32 posted = 0;
  bool invalid = false;
  while (posted < backlog_count_ && cq.has_room(&invalid)) {
    const AdminCompletion& completion = backlog_[posted++];
    const u16 head = static_cast<u16>(shared_->sqs[0].head.load(std::memory_order_relaxed));
    cq.post(completion.dw0, completion.dw1, head, 0, completion.cid, completion.status);
    cq.unsignalled++;
  }
  for (u32 i = posted; i < backlog_count_; i++) backlog_[i - posted] = backlog_[i];
  backlog_count_ -= posted;
  if (invalid) shared_->raise(PendingEvent::kInvalidDoorbellValue);
  return posted;
}

u32 Controller::step_jobs() {
  u32 done = 0;
  for (AdminJob& job : jobs_) {
    if (job.step == nullptr) continue;
    Status status = Status::kSuccess;
    u32 dw0 = 0;
    if (!job.step(*this, job, &status, &dw0)) continue;
    job.step = nullptr;
    if (status != Status::kSuccess) shared_->error_log.add(0, job.sqe.cid, status, 0, job.sqe.nsid);
    // While the controller stops nobody waits for completions any more.
    if (state_ == State::kReady) complete_admin(job.sqe.cid, status, dw0);
    done++;
  }
  return done;
}

// ---- Data of admin commands ----------------------------------------------------------------------------

u8* Controller::scratch() {
  memset(scratch_.data(), 0, kPageSize);
  return scratch_.data();
}

Status Controller::send(const Sqe& sqe, const void* data, u32 length) {
  if (const Status status = buffer_.map(sqe, length); status != Status::kSuccess) return status;
  buffer_.copy_out(data, length);
  return Status::kSuccess;
}

Status Controller::send_padded(const Sqe& sqe, const void* data, u32 length, u32 total) {
  if (length > total) length = total;
  if (const Status status = buffer_.map(sqe, total); status != Status::kSuccess) return status;
  buffer_.copy_out(data, length);
  buffer_.clear(length, total - length);
  return Status::kSuccess;
}

Status Controller::receive(const Sqe& sqe, void* data, u32 length) {
  if (const Status status = buffer_.map(sqe, length); status != Status::kSuccess) return status;
  buffer_.copy_in(data, length);
  return Status::kSuccess;
}

}  // namespace nvmev
