// SPDX-License-Identifier: GPL-2.0-only
// Device self-test operations and their results (NVMe 2.0 section 8.6). An operation takes its time on the host's clock and is
// then over; nothing waits for it, so it is brought up to date whenever somebody looks.
#pragma once

#include "nvmev/nvme/self_test.h"
#include "nvmev/state_archive.h"
#include "nvmev/types.h"

namespace nvmev {

// What a test finds wrong with the device; kNone: nothing.
struct SelfTestFinding {
  bool failed = false;
  nvme::SelfTestSegment segment = nvme::SelfTestSegment::kSmart;
};

class SelfTest {
 public:
  static constexpr u32 kShortSeconds = 10;
  static constexpr u32 kExtendedMinutes = 1;  // EDSTT

  bool running() const { return code_ != nvme::SelfTestCode::kNone; }
  // Whether the operation tests the namespace.
  bool tests(u32 nsid) const;

  // None is running. `duration`: ns.
  void start(nvme::SelfTestCode code, u32 nsid, u32 controller, u64 now, u64 duration);
  // Whether controller number `controller` was told to do what is running or was last.
  bool is_of(u32 controller) const { return controller_ == controller; }

  // Whether the operation's time is over.
  bool due(u64 now) const { return running() && now - started_ >= duration_; }

  // Ends the operation that is running and adds its result to the log.
  void end(nvme::SelfTestResult result, nvme::SelfTestSegment segment, u64 power_on_hours);

  nvme::SelfTestCode code() const { return code_; }
  void fill(nvme::SelfTestLog& log, u64 now) const;

  // The results.
  void transfer(StateArchive& archive) {
    archive.value(results_);
    archive.value(entries_);
  }

 private:
  static constexpr u32 kResults = 20;

  nvme::SelfTestCode code_ = nvme::SelfTestCode::kNone;
  u32 nsid_ = 0;
  u32 controller_ = 0;
  u64 started_ = 0;
  u64 duration_ = 0;  // ns
  u32 results_ = 0;   // so far, without a bound
  nvme::SelfTestEntry entries_[kResults] = {};
};

}  // namespace nvmev
