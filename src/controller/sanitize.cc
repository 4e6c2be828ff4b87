// SPDX-License-Identifier: GPL-2.0-only
#include "sanitize.h"

#include "admin.h"
#include "controller.h"
#include "eraser.h"
#include "nvmev/text.h"

namespace nvmev {

using nvme::SanitizeAction;
using nvme::SanitizeStatus;
using nvme::Sqe;
using nvme::Status;

namespace cdw10 = nvme::sanitize_cdw10;

namespace {

constexpr u64 kNsPerSecond = 1000ull * 1000 * 1000;
constexpr u32 kPagesAtATime = 1024;

// How long the modelled device takes, ns: a new key at once, erasure and overwriting at the rate of its flash.
u64 duration(u64 capacity, SanitizeAction action, u32 passes) {
  constexpr u64 kEraseRate = 64ull << 30, kWriteRate = 2ull << 30;  // bytes a second
  const auto at_rate = [&](u64 bytes, u64 rate) {
    return bytes / rate * kNsPerSecond + bytes % rate * (kNsPerSecond >> 10) / (rate >> 10);
  };
  constexpr u64 kOverhead = kNsPerSecond;
  switch (action) {
    case SanitizeAction::kBlockErase:
      return kOverhead + at_rate(capacity, kEraseRate);
    case SanitizeAction::kOverwrite:
      return kOverhead + passes * at_rate(capacity, kWriteRate);
    default:
      return kOverhead;
  }
}

u32 estimate(const Shared& shared, SanitizeAction action) {
  constexpr u32 kAllPasses = 16;
  const u64 ns = shared.live.scaled(duration(shared.medium.capacity(), action, kAllPasses));
  const u64 seconds = ns / kNsPerSecond + 1;
  return seconds < ~0u ? static_cast<u32>(seconds) : ~0u - 1;
}

// Commands so far that may have changed blocks, and times that the Persistent Memory Region was enabled.
u64 writes_so_far(const Shared& shared) {
  u64 writes = 0;
  shared.subsystem.for_each_controller([&](Controller& controller) {
    for (const WorkerStats& stats : controller.shared().worker_stats) {
      writes += stats.writes.get() + stats.write_zeroes.get();
    }
    writes += controller.shared().memory.pmr_enables();
  });
  return writes;
}

}  // namespace

void Sanitize::exit_failure(Shared& shared) {
  failed_ = false;
  shared.sanitize_gate.store(Status::kSuccess, std::memory_order_seq_cst);
}

void Sanitize::start(Controller& controller, u32 cdw10_value, u32 pattern, bool fails) {
  constexpr u32 kMaxPasses = 16;
  Shared& shared = controller.shared();
  controller_ = &controller;
  cdw10_ = cdw10_value;
  pattern_ = pattern;
  fails_ = fails;
  failed_ = false;
  passes_ = action() == SanitizeAction::kOverwrite ? cdw10::passes(cdw10_) : 0;
  if (action() == SanitizeAction::kOverwrite && passes_ == 0) passes_ = kMaxPasses;
  passes_done_ = 0;
  at_ = 0;
  started_ = controller.now();
  ends_ = started_ + controller.scaled(duration(shared.medium.capacity(), action(), passes_));
  status_ = SanitizeStatus::kInProgress;
  stage_ = Stage::kQuiesce;
  shared.sanitize_gate.store(Status::kSanitizeInProgress, std::memory_order_seq_cst);
  quiesce_.begin(controller);
}

// One pass of overwriting; where nothing was written there is nothing to overwrite. True when the pass is over.
bool Sanitize::overwrite_step(Shared& shared, u8* page) {
  Medium& medium = shared.medium;
  // With OIPBP consecutive passes write inverses; the last one writes the pattern itself.
  const bool inverted = (cdw10_ & cdw10::kInvert) != 0 && (passes_ - 1 - passes_done_) % 2 == 1;
  const u32 word = inverted ? ~pattern_ : pattern_;
  for (u32 i = 0; i < kPageSize; i += sizeof(word)) memcpy(page + i, &word, sizeof(word));
  for (u32 pages = 0; pages < kPagesAtATime && at_ < medium.capacity(); pages++) {
    const u64 written = medium.skip_unwritten(at_);
    if (written > at_) {
      at_ = written;
      continue;
    }
    medium.write(at_, {page, kPageSize, page, 0});
    at_ += kPageSize;
  }
  return at_ >= medium.capacity();
}

// Deallocates. A medium that cannot is zeroed, or keeps what it was overwritten with.
bool Sanitize::erase_step(Shared& shared) {
  Medium& medium = shared.medium;
  if (!medium.thin() && action() == SanitizeAction::kOverwrite) return true;
  for (u32 pages = 0; pages < kPagesAtATime && at_ < medium.capacity(); pages++) {
    const u64 written = medium.skip_unwritten(at_);
    if (written > at_) {
      at_ = written;
      continue;
    }
    if (medium.thin()) {
      medium.discard(at_, kPageSize);
    } else {
      medium.zero(at_, kPageSize);
    }
    at_ += kPageSize;
  }
  return at_ >= medium.capacity();
}

// Of all controllers. Nobody reaches them meanwhile: they are not ready, see ControllerMemory.
bool Sanitize::erase_pmr_step(const nvmev_config& config) {
  constexpr u64 kBytesAtATime = static_cast<u64>(kPagesAtATime) << kPageShift;
  const u64 left = pmr_bytes(config) - at_;
  const u64 bytes = left < kBytesAtATime ? left : kBytesAtATime;
  memset(static_cast<u8*>(config.pmr_base) + at_, 0, bytes);
  at_ += bytes;
  return at_ == pmr_bytes(config);
}

u32 Sanitize::step(Controller& controller) {
  Shared& shared = controller.shared();
  switch (stage_) {
    case Stage::kIdle:
      return 0;
    case Stage::kQuiesce:
      if (!quiesce_.done(controller)) return 0;
      // An operation that is made to fail leaves the medium as it is.
      stage_ = fails_ ? Stage::kWait : passes_ != 0 ? Stage::kOverwrite : Stage::kErase;
      return 1;
    case Stage::kOverwrite:
      if (!overwrite_step(shared, controller.scratch())) return 1;
      at_ = 0;
      if (++passes_done_ == passes_) stage_ = Stage::kErase;
      return 1;
    case Stage::kErase:
      if (!erase_step(shared)) return 1;
      shared.uncorrectable.clear(0, shared.medium.capacity());
      shared.undo_log.clear();
      at_ = region_ = 0;
      stage_ = shared.metadata.room() != 0 ? Stage::kEraseMetadata : Stage::kErasePmr;
      return 1;
    case Stage::kEraseMetadata: {
      // Whatever happens to the data: their protection information is that of deallocated blocks then.
      Medium& metadata = shared.metadata.medium();
      if (!nvmev::erase_step(metadata, 0, metadata.capacity(), &at_)) return 1;
      at_ = 0;
      stage_ = Stage::kErasePmr;
      return 1;
    }
    case Stage::kErasePmr:
      if (shared.config.pmr_size != 0 && !erase_pmr_step(shared.config)) return 1;
      at_ = 0;
      stage_ = Stage::kForget;
      return 1;
    case Stage::kForget: {
      Region& region = shared.regions[region_];
      if (!region.model.erase_step(controller.now(), region.base, region.bytes, &at_)) return 1;
      at_ = 0;
      if (++region_ == shared.regions.size()) stage_ = Stage::kWait;
      return 1;
    }
    case Stage::kWait:
      if (controller.now() < ends_) return 0;
      finish(controller);
      return 1;
  }
  return 0;
}

void Sanitize::finish(Controller& controller) {
  Shared& shared = controller.shared();
  stage_ = Stage::kIdle;
  failed_ = fails_;
  writes_ = writes_so_far(shared);
  // Deallocation although NDAS was set is what NODRM allows it to do.
  const bool deallocated_anyway = (cdw10_ & cdw10::kNoDeallocate) != 0;
  status_ = fails_               ? SanitizeStatus::kFailed
            : deallocated_anyway ? SanitizeStatus::kDoneUnexpectedDeallocation
                                 : SanitizeStatus::kDone;
  shared.sanitize_gate.store(fails_ ? Status::kSanitizeFailed : Status::kSuccess, std::memory_order_seq_cst);
  nvme::SanitizeLog log{};
  fill(shared, log, controller.now());
  controller.record(nvme::PersistentEventType::kSanitizeCompletion,
                    nvme::SanitizeCompletionEvent{log.progress, log.status, 0, {}});
  controller.events().raise(deallocated_anyway && !fails_ ? nvme::kEventSanitizeDeallocated
                                                          : nvme::kEventSanitizeCompleted);
}

// By time or by work, whichever is behind.
u16 Sanitize::progress(u64 now) const {
  if (!busy()) return nvme::kNoProgress;
  constexpr u64 kWhole = 65536;
  const u64 share = now < ends_ ? (now - started_) / ((ends_ - started_) / kWhole + 1) : kWhole - 2;
  return static_cast<u16>(share < kWhole - 2 ? share : kWhole - 2);
}

void Sanitize::fill(const Shared& shared, nvme::SanitizeLog& log, u64 now) const {
  constexpr u32 kNoEstimate = 0xffffffff;
  log.progress = progress(now);
  log.status = static_cast<u16>(static_cast<u16>(status_) | passes_done_ << 3);
  const bool never_written =
      status_ == SanitizeStatus::kNever ? shared.medium.thin() : !busy() && status_ != SanitizeStatus::kFailed;
  if (never_written && writes_so_far(shared) == writes_) log.status |= nvme::kGlobalDataErased;
  log.cdw10 = cdw10_;
  log.overwrite_seconds = estimate(shared, SanitizeAction::kOverwrite);
  log.block_erase_seconds = estimate(shared, SanitizeAction::kBlockErase);
  log.crypto_erase_seconds = estimate(shared, SanitizeAction::kCryptoErase);
  log.overwrite_no_deallocate_seconds = kNoEstimate;
  log.block_erase_no_deallocate_seconds = kNoEstimate;
  log.crypto_erase_no_deallocate_seconds = kNoEstimate;
}

// ---- The command -------------------------------------------------------------------------------------------------

namespace {

bool has_pmr_enabled(Subsystem& subsystem) {
  bool enabled = false;
  subsystem.for_each_controller([&](Controller& controller) { enabled |= controller.shared().memory.pmr_enabled(); });
  return enabled;
}

Status check_sanitize(Controller& controller, const Sqe& sqe, SanitizeAction action) {
  const Sanitize& sanitize = controller.sanitize();
  if (sqe.cdw10 & cdw10::kReserved) return Status::kInvalidField;
  if (action < SanitizeAction::kExitFailureMode || action > SanitizeAction::kCryptoErase) return Status::kInvalidField;
  if (sanitize.busy()) return Status::kSanitizeInProgress;
  if (action == SanitizeAction::kExitFailureMode) {
    return sanitize.failed() && !sanitize.unrestricted() ? Status::kSanitizeFailed : Status::kSuccess;
  }
  // What failed in restricted mode is only made good in restricted mode.
  const bool unrestricted = (sqe.cdw10 & cdw10::kUnrestricted) != 0;
  if (sanitize.failed() && !sanitize.unrestricted() && unrestricted) return Status::kSanitizeFailed;
  if ((sqe.cdw10 & cdw10::kNoDeallocate) != 0 && controller.features().sanitize_warning == 0) {
    return Status::kInvalidField;  // SANICAP.NDI
  }
  if (controller.firmware().activation_pending()) return Status::kFirmwareNeedsReset;
  if (has_pmr_enabled(controller.subsystem())) return Status::kSanitizeWithPmr;
  for (const Namespace& ns : controller.shared().namespaces) {
    if (!ns.exists()) continue;
    if (!controller.may_write(ns)) return Status::kReservationConflict;
    if (ns.write_protected()) return Status::kNamespaceWriteProtected;
    if (ns.formatting.load(std::memory_order_relaxed)) return Status::kFormatInProgress;
  }
  return Status::kSuccess;
}

}  // namespace

AdminResult sanitize_command(Controller& controller, const Sqe& sqe) {
  const SanitizeAction action = static_cast<SanitizeAction>(sqe.cdw10 & cdw10::kAction);
  if (const Status status = check_sanitize(controller, sqe, action); status != Status::kSuccess) return {status};
  Sanitize& sanitize = controller.sanitize();
  Shared& shared = controller.shared();
  if (action == SanitizeAction::kExitFailureMode) {
    sanitize.exit_failure(shared);
    return {};
  }
  controller.events().withdraw(nvme::kEventSanitizeCompleted);
  controller.events().withdraw(nvme::kEventSanitizeDeallocated);
  controller.abort_self_test(nvme::SelfTestResult::kAbortedBySanitize);
  controller.record(nvme::PersistentEventType::kSanitizeStart,
                    nvme::SanitizeStartEvent{kSanicap, sqe.cdw10, sqe.cdw11});
  sanitize.start(controller, sqe.cdw10, sqe.cdw11, shared.live.sanitize_fail.load(std::memory_order_relaxed) != 0);
  return {};
}

}  // namespace nvmev
