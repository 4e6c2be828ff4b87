// SPDX-License-Identifier: GPL-2.0-only
#include "self_test.h"

#include "admin.h"
#include "controller.h"

namespace nvmev {

using nvme::SelfTestCode;
using nvme::SelfTestResult;
using nvme::SelfTestSegment;
using nvme::Sqe;
using nvme::Status;

bool SelfTest::tests(u32 nsid) const {
  return running() && nsid_ != 0 && (nsid_ == nvme::kNsidBroadcast || nsid == nvme::kNsidBroadcast || nsid_ == nsid);
}

void SelfTest::start(SelfTestCode code, u32 nsid, u32 controller, u64 now, u64 duration) {
  code_ = code;
  nsid_ = nsid;
  controller_ = controller;
  started_ = now;
  duration_ = duration;
}

void SelfTest::end(SelfTestResult result, SelfTestSegment segment, u64 power_on_hours) {
  nvme::SelfTestEntry& entry = entries_[results_++ % kResults];
  entry = {};
  entry.status = static_cast<u8>(static_cast<u8>(result) | static_cast<u8>(code_) << 4);
  if (result == SelfTestResult::kFailedSegment) entry.segment = static_cast<u8>(segment);
  entry.power_on_hours = power_on_hours;
  if (nsid_ != 0) {
    entry.valid = nvme::self_test_valid::kNsid;
    entry.nsid = nsid_;
  }
  code_ = SelfTestCode::kNone;
}

void SelfTest::fill(nvme::SelfTestLog& log, u64 now) const {
  log.current = static_cast<u8>(code_);
  if (running()) log.completion = static_cast<u8>((now - started_) / (duration_ / 100 + 1));
  for (u32 i = 0; i < kResults; i++) {
    if (i < results_) {
      log.entries[i] = entries_[(results_ - 1 - i) % kResults];
    } else {
      log.entries[i].status = static_cast<u8>(SelfTestResult::kUnused);
    }
  }
}

// ---- The controller's part ---------------------------------------------------------------------------------------

// What can be wrong with this device is what its SMART log says.
SelfTestFinding Controller::examine() {
  nvme::SmartLog smart{};
  fill_smart(smart);
  if (smart.available_spare < smart.available_spare_threshold) return {true, SelfTestSegment::kSmart};
  const bool thorough = self_test().code() == SelfTestCode::kExtended;
  if (thorough && smart.percentage_used >= 100) return {true, SelfTestSegment::kDriveLife};
  return {};
}

void Controller::update_self_test() {
  if (!self_test().due(now_)) return;
  const SelfTestFinding finding = examine();
  self_test().end(finding.failed ? SelfTestResult::kFailedSegment : SelfTestResult::kPassed, finding.segment,
                 power_on_hours());
}

void Controller::abort_self_test(SelfTestResult why) {
  update_self_test();
  if (self_test().running()) self_test().end(why, SelfTestSegment::kSmart, power_on_hours());
}

AdminResult device_self_test(Controller& controller, const Sqe& sqe) {
  constexpr u64 kNsPerSecond = 1000ull * 1000 * 1000;
  const SelfTestCode code = static_cast<SelfTestCode>(sqe.cdw10 & 0xf);
  SelfTest& test = controller.self_test();
  const ControllerNamespaces& namespaces = controller.shared().namespaces;
  if (sqe.nsid != 0 && sqe.nsid != nvme::kNsidBroadcast) {
    if (namespaces.find(sqe.nsid) == nullptr) return {Status::kInvalidNamespaceOrFormat};
    if (namespaces.find_attached(sqe.nsid) == nullptr) return {Status::kInvalidField};
  }
  controller.update_self_test();
  switch (code) {
    case SelfTestCode::kShort:
    case SelfTestCode::kExtended: {
      if (test.running()) return {Status::kSelfTestInProgress};
      const u64 seconds = code == SelfTestCode::kShort ? SelfTest::kShortSeconds : SelfTest::kExtendedMinutes * 60;
      test.start(code, sqe.nsid, controller.shared().index, controller.now(), controller.scaled(seconds * kNsPerSecond));
      return {};
    }
    case SelfTestCode::kAbort:
      controller.abort_self_test(SelfTestResult::kAbortedByCommand);
      return {};
    default:
      return {Status::kInvalidField};
  }
}

}  // namespace nvmev
