// SPDX-License-Identifier: GPL-2.0-only
// Asymmetric Namespace Access (NVMe 2.0 section 8.1): how each controller of a subsystem reaches the namespaces. They are in ANA
// groups; which state a group has at which controller, the live key `ana` says.
#pragma once

#include <array>
#include <atomic>

#include "namespace.h"
#include "nvmev/nvme/ana.h"
#include "nvmev/nvme/status.h"
#include "nvmev/types.h"

namespace nvmev {

inline constexpr u32 kAnaGroups = 4;  // ANAGRPMAX and NANAGRPID; ids count from 1
inline constexpr u8 kAnaTransitionTime = 10;  // ANATT, s

// nvmev_config.ana: 4 bits for each controller, from the lowest, 16 bits for each group; 0 is optimized.
constexpr u32 ana_shift(u32 controller, u32 group) { return 16 * (group - 1) + 4 * controller; }
constexpr nvme::AnaState ana_state(u64 states, u32 controller, u32 group) {
  const u64 state = states >> ana_shift(controller, group) & 0xf;
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

// The states at one controller. Written by dispatcher 0, read by any thread.
class AnaAccess {
 public:
  nvme::AnaState state(u32 group) const { return groups_[group - 1].state.load(std::memory_order_relaxed); }
  nvme::Status gate(const Namespace& ns) const { return ana_status(state(ns.ana_group)); }
  // Of a command for all namespaces that are attached to the controller: one that cannot be reached is in its way.
  nvme::Status gate(const ControllerNamespaces& namespaces) const {
    for (const Namespace& ns : namespaces) {
      if (!ns.exists() || !namespaces.attached(ns)) continue;
      if (const nvme::Status status = gate(ns); status != nvme::Status::kSuccess) return status;
    }
    return nvme::Status::kSuccess;
  }
  u64 changes() const { return changes_; }
  u64 changes(u32 group) const { return groups_[group - 1].changes; }

  // Whether that is a change.
  bool set(u32 group, nvme::AnaState state) {
    if (state == this->state(group)) return false;
    groups_[group - 1].state.store(state, std::memory_order_relaxed);
    groups_[group - 1].changes++;
    return true;
  }
  // Some of them have changed together.
  void count_change() { changes_++; }

 private:
  struct Group {
    std::atomic<nvme::AnaState> state{nvme::AnaState::kOptimized};
    u64 changes = 0;
  };

  std::array<Group, kAnaGroups> groups_;
  u64 changes_ = 0;
};

}  // namespace nvmev
