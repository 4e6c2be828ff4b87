// SPDX-License-Identifier: GPL-2.0-only
// Asymmetric Namespace Access (NVMe 2.0 section 8.1): how each controller of a subsystem reaches the namespaces. All of them are in one
// ANA group; which state it has at which controller, the live key `ana` says.
#pragma once

#include <atomic>

#include "nvmev/nvme/ana.h"
#include "nvmev/nvme/status.h"
#include "nvmev/types.h"

namespace nvmev {

inline constexpr u32 kAnaGroup = 1;           // ANAGRPID of all namespaces; ANAGRPMAX and NANAGRPID are 1
inline constexpr u8 kAnaTransitionTime = 10;  // ANATT, s

// nvmev_config.ana: 4 bits for each controller, from the lowest; 0 is optimized.
constexpr nvme::AnaState ana_state(u32 states, u32 controller) {
  const u32 state = states >> 4 * controller & 0xf;
  return state == 0 ? nvme::AnaState::kOptimized : static_cast<nvme::AnaState>(state);
}

// What commands for a namespace are answered in the state; kSuccess: they are carried out.
constexpr nvme::Status ana_status(nvme::AnaState state) {
  switch (state) {
    case nvme::AnaState::kInaccessible:
      return nvme::Status::kAnaInaccessible;
    case nvme::AnaState::kPersistentLoss:
      return nvme::Status::kAnaPersistentLoss;
    case nvme::AnaState::kChange:
      return nvme::Status::kAnaTransition;
    default:
      return nvme::Status::kSuccess;
  }
}

// The state at one controller. Written by dispatcher 0, read by any thread.
class AnaAccess {
 public:
  nvme::AnaState state() const { return state_.load(std::memory_order_relaxed); }
  nvme::Status gate() const { return ana_status(state()); }
  u64 changes() const { return changes_; }

  // Whether that is a change.
  bool set(nvme::AnaState state) {
    if (state == this->state()) return false;
    state_.store(state, std::memory_order_relaxed);
    changes_++;
    return true;
  }

 private:
  std::atomic<nvme::AnaState> state_{nvme::AnaState::kOptimized};
  u64 changes_ = 0;
};

}  // namespace nvmev
