// SPDX-License-Identifier: GPL-2.0-only
// Sanitize operations (NVMe 2.0 section 8.21): they go on in the background, over resets, until nothing of what was ever written is
// left in the medium, and take as long as the modelled device would.
#pragma once

#include "nvmev/nvme/sanitize.h"
#include "nvmev/nvme/status.h"
#include "nvmev/state_archive.h"
#include "nvmev/types.h"
#include "bus.h"
#include "quiesce.h"

namespace nvmev {

class Controller;
struct Shared;

// SANICAP: what is deallocated cannot be kept from it (NDI).
inline constexpr u32 kSanicap = nvme::sanicap::kCryptoErase | nvme::sanicap::kBlockErase | nvme::sanicap::kOverwrite |
                                nvme::sanicap::kNoDeallocateInhibited | nvme::sanicap::kMediaNotModified;

class Sanitize {
 public:
  // Whether an operation is under way.
  bool busy() const { return stage_ != Stage::kIdle; }
  // Whether the controller carries the operation out, or the last one.
  bool is_of(const Controller& controller) const { return controller_ == &controller; }
  // Whether a pass would do something, but for waiting until wake_at().
  bool working() const { return busy() && stage_ != Stage::kWait; }
  // ns; NVMEV_NEVER when there is nothing to wait for.
  u64 wake_at() const { return stage_ == Stage::kWait ? ends_ : NVMEV_NEVER; }

  // Of the command that failed last, whether its failure may be left by Exit Failure Mode.
  bool failed() const { return failed_; }
  bool unrestricted() const { return (cdw10_ & nvme::sanitize_cdw10::kUnrestricted) != 0; }
  void exit_failure(Shared& shared);

  // Begins an operation; I/O commands are refused from now on. `fails`: it comes to nothing in the end.
  void start(Controller& controller, u32 cdw10, u32 pattern, bool fails);

  // Goes on with it. Returns how many things were done.
  u32 step(Controller& controller);

  void fill(const Shared& shared, nvme::SanitizeLog& log, u64 now) const;

  // While none is under way.
  void transfer(StateArchive& archive) {
    archive.value(status_);
    archive.flag(failed_);
    archive.value(cdw10_);
    archive.value(passes_done_);
    archive.value(writes_);
  }

 private:
  enum class Stage : u8 { kIdle, kQuiesce, kOverwrite, kErase, kEraseMetadata, kErasePmr, kForget, kWait };

  bool overwrite_step(Shared& shared, u8* page);
  bool erase_step(Shared& shared);
  bool erase_pmr_step(const nvmev_config& config);
  void finish(Controller& controller);
  u16 progress(u64 now) const;
  nvme::SanitizeAction action() const {
    return static_cast<nvme::SanitizeAction>(cdw10_ & nvme::sanitize_cdw10::kAction);
  }

  Stage stage_ = Stage::kIdle;
  const Controller* controller_ = nullptr;
  nvme::SanitizeStatus status_ = nvme::SanitizeStatus::kNever;
  bool failed_ = false;  // in a failure mode
  bool fails_ = false;
  u32 cdw10_ = 0;
  u32 pattern_ = 0;
  u32 passes_ = 0;
  u32 passes_done_ = 0;
  u64 at_ = 0;       // next byte of the medium, or of a region
  u32 region_ = 0;   // whose FTL forgets
  u64 started_ = 0;  // ns
  u64 ends_ = 0;     // ns, at the earliest
  u64 writes_ = 0;   // see writes_so_far(): when the last operation ended
  Quiesce quiesce_;
};

}  // namespace nvmev
