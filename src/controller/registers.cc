// SPDX-License-Identifier: GPL-2.0-only
// The register file: plain memory that the requester may write anywhere at any time. What may not be written is put
// back; what may is looked at.
#include "controller.h"
#include "nvmev/text.h"

namespace nvmev {

namespace cc = nvme::cc;
namespace csts = nvme::csts;

namespace {

// CAP.TO and CRTO.CRWMT, half seconds. Everything is ready within a pass, but a Format NVM under way is finished before a reset.
constexpr u8 kTimeout = 60;
constexpr u32 kReadyTimeouts = nvme::crto::with_media(kTimeout);

}  // namespace

void Controller::write_constant_registers() {
  const bool offline = state_ == State::kOffline;
  cap_ = nvme::cap::mqes(shared_->config.queue_entries) | nvme::cap::kCqr | nvme::cap::kWeighted | nvme::cap::timeout(kTimeout) |
         nvme::cap::kCssNvm | nvme::cap::kCssIocs | nvme::cap::kCrwms | shared_->memory.capabilities();
  if (offline) cap_ = 0;
  store_relaxed(&registers()->cap, cap_);
  store_relaxed(&registers()->vs, nvme::kVersion20);
  store_relaxed(&registers()->crto, kReadyTimeouts);
  set_csts(offline ? csts::kFatal : 0);
}

// What a reset other than a Controller Reset does.
void Controller::clear_registers() {
  store_relaxed(&registers()->cc, 0);
  store_relaxed(&registers()->aqa, 0);
  store_relaxed(&registers()->asq, 0);
  store_relaxed(&registers()->acq, 0);
  seen_cc_.store(0, std::memory_order_relaxed);
  interrupt_mask_ = 0;
  store_relaxed(&registers()->intms, 0);
  store_relaxed(&registers()->intmc, 0);
}

void Controller::set_csts(u32 value) {
  csts_ = value;
  store_release(&registers()->csts, value);
}

u32 Controller::poll_registers() {
  u32 done = 0;
  const u32 value = load_acquire(&registers()->cc);
  const u32 before = seen_cc_.exchange(value, std::memory_order_relaxed);
  shared_->memory.look();
  const bool enabled = value & cc::kEnable;
  if (waits_for_cut_) return 0;
  if (!reset_done() && state_ != State::kStopping) {
    begin_stop(StopReason::kReset);
    done++;
  }
  switch (state_) {
    case State::kDisabled:
      if (enabled) {
        enable();
        done++;
      } else if (cc::shn(value) != 0 && (csts_ & csts::kShutdownMask) == 0) {
        set_csts(csts_ | csts::kShutdownComplete);
        done++;
      } else if (cc::shn(value) == 0 && (before & value & cc::kEnable) == 0 && (csts_ & csts::kShutdownMask) != 0) {
        set_csts(csts_ & ~csts::kShutdownMask);
      }
      break;
    case State::kReady:
      if (!enabled) {
        begin_stop(StopReason::kDisable);
        done++;
      } else if (cc::shn(value) != 0) {
        set_csts(csts_ | csts::kShutdownOccurring);
        begin_stop(StopReason::kShutdown);
        done++;
      }
      break;
    case State::kShutDown:
    case State::kFailed:
      if (!enabled) {
        begin_stop(StopReason::kDisable);
        done++;
      }
      break;
    case State::kStopping:
    case State::kSaving:
    case State::kOffline:
      break;
  }
  if (state_ == State::kStopping) done += step_stop();
  done += restore_registers();
  poll_interrupt_mask();
  if (state_ == State::kReady) {
    look_for_stray_doorbell();
    look_for_stray_head();
  }
  return done;
}

// Read-only registers that were written.
bool Controller::restore_registers() {
  bool restored = false;
  if (load_relaxed(&registers()->cap) != cap_) {
    store_relaxed(&registers()->cap, cap_);
    restored = true;
  }
  if (load_relaxed(&registers()->vs) != nvme::kVersion20) {
    store_relaxed(&registers()->vs, nvme::kVersion20);
    restored = true;
  }
  if (load_relaxed(&registers()->crto) != kReadyTimeouts) {
    store_relaxed(&registers()->crto, kReadyTimeouts);
    restored = true;
  }
  if (load_relaxed(&registers()->csts) != csts_) {
    set_csts(csts_);
    restored = true;
  }
  return shared_->memory.restore() || restored;
}

// Interrupt Mask Set and Clear (sections 3.1.3.3 and 3.1.3.4): both read as the mask. It applies to pin and
// MSI interrupts only, which this device does not have.
void Controller::poll_interrupt_mask() {
  const u32 set = load_relaxed(&registers()->intms);
  const u32 clear = load_relaxed(&registers()->intmc);
  if (set == interrupt_mask_ && clear == interrupt_mask_) return;
  if (set != interrupt_mask_) interrupt_mask_ |= set;
  if (clear != interrupt_mask_) interrupt_mask_ &= ~clear;
  store_relaxed(&registers()->intms, interrupt_mask_);
  store_relaxed(&registers()->intmc, interrupt_mask_);
}

// ---- Enabling --------------------------------------------------------------------------------------------

void Controller::enable() {
  const u32 value = seen_cc_.load(std::memory_order_relaxed);
  if (cc::mps(value) != 0) return fail("CC.MPS: only 0 (4 KiB pages) is right");
  if (cc::ams(value) > cc::kAmsWeighted) return fail("CC.AMS: 0 (round robin) or 1 (weighted round robin) is right");
  if (cc::css(value) != cc::kCssNvm && cc::css(value) != cc::kCssAllIocs) {
    return fail("CC.CSS: 0 (NVM) or 6 (all I/O command sets) is right");
  }
  const char* why;
  if (!set_up_admin_queue(&why)) return fail(why);
  shared_->weighted.store(cc::ams(value) == cc::kAmsWeighted, std::memory_order_relaxed);
  shared_->all_command_sets.store(cc::css(value) == cc::kCssAllIocs, std::memory_order_relaxed);
  apply_ana();
  nvmev_host_enabled(shared_->host);
  state_ = State::kReady;
  passes_ = 0;
  set_csts(csts::kReady);
}

// Section 3.1.3.8 to 3.1.3.10.
bool Controller::set_up_admin_queue(const char** why) {
  const u32 sizes = load_relaxed(&registers()->aqa);
  const u64 asq = load_relaxed(&registers()->asq);
  const u64 acq = load_relaxed(&registers()->acq);
  SubmissionQueue& sq = shared_->sqs[0];
  CompletionQueue& cq = shared_->cqs[0];
  sq.size = nvme::aqa::asqs(sizes);
  cq.size = nvme::aqa::acqs(sizes);
  if (sq.size < 2 || cq.size < 2) {
    *why = "AQA: at least 2 entries in each queue are right";
    return false;
  }
  if ((asq | acq) & (kPageSize - 1)) {
    *why = "ASQ, ACQ: addresses of pages are right";
    return false;
  }
  if (sq.memory.map(shared_->bus, asq, static_cast<u64>(sq.size) * sizeof(nvme::Sqe)) != nvme::Status::kSuccess ||
      cq.memory.map(shared_->bus, acq, static_cast<u64>(cq.size) * sizeof(nvme::Cqe)) != nvme::Status::kSuccess) {
    *why = "ASQ, ACQ: addresses of memory are right";
    return false;
  }
  clear_doorbells();
  sq.cq_id = 0;
  sq.reset_pointers();
  cq.exists = true;
  cq.interrupts = true;
  cq.vector = 0;
  cq.reset_pointers();
  attach_doorbells(sq);
  attach_doorbells(cq);
  sq.state.store(SqState::kActive, std::memory_order_release);
  return true;
}

void Controller::fail(const char* why) {
  nvmev_host_log(shared_->host, NVMEV_LOG_WARNING,
                 "controller not enabled (CC 0x%08x, AQA 0x%08x, ASQ 0x%llx, ACQ 0x%llx): %s",
                 seen_cc_.load(std::memory_order_relaxed), load_relaxed(&registers()->aqa),
                 static_cast<unsigned long long>(load_relaxed(&registers()->asq)),
                 static_cast<unsigned long long>(load_relaxed(&registers()->acq)), why);
  create_controller_telemetry(why);
  state_ = State::kFailed;
  set_csts(csts::kFatal);
}

// ---- Doorbells -------------------------------------------------------------------------------------------

void Controller::clear_doorbells() {
  u32* doorbells = shared_->sq_doorbell(0);
  constexpr u32 kWords = (NVMEV_BAR_MSIX_TABLE - NVMEV_BAR_DOORBELLS) / sizeof(u32);
  for (u32 i = 0; i < kWords; i++) store_relaxed(&doorbells[i], 0);
}

// Each call looks at the next queue id: a doorbell of a queue that does not exist must stay 0.
void Controller::look_for_stray_doorbell() {
  constexpr u32 kPairs = (NVMEV_BAR_MSIX_TABLE - NVMEV_BAR_DOORBELLS) / (2 * sizeof(u32));
  const u32 id = stray_at_;
  stray_at_ = (stray_at_ + 1) % kPairs;
  const bool sq_exists =
      id < shared_->sqs.size() && shared_->sqs[id].state.load(std::memory_order_relaxed) != SqState::kAbsent;
  const bool cq_exists = id < shared_->cqs.size() && shared_->cqs[id].exists;
  const auto check = [&](bool exists, u32* doorbell) {
    if (exists || load_relaxed(doorbell) == 0) return;
    store_relaxed(doorbell, 0);
    shared_->dispatcher_stats[0].refused_doorbells.add(1);
    shared_->raise(PendingEvent::kInvalidDoorbellRegister);
  };
  check(sq_exists, shared_->sq_doorbell(id));
  check(cq_exists, shared_->cq_doorbell(id));
}

// Each call looks at the next completion queue: its head must stay below its size. (Workers look at heads only when they need
// room.)
void Controller::look_for_stray_head() {
  stray_head_at_ = (stray_head_at_ + 1) % static_cast<u32>(shared_->cqs.size());
  CompletionQueue& cq = shared_->cqs[stray_head_at_];
  if (!cq.exists) return;
  const u32 head = load_relaxed(cq.doorbell.load(std::memory_order_relaxed));
  const u32 beyond = head >= cq.size ? head : 0;
  if (beyond != 0 && beyond != cq.stray_head) {
    shared_->dispatcher_stats[0].refused_doorbells.add(1);
    shared_->raise(PendingEvent::kInvalidDoorbellValue);
  }
  cq.stray_head = beyond;
}

}  // namespace nvmev
