// SPDX-License-Identifier: GPL-2.0-only
// Power states (NVMe 2.0 section 8.15): which there are, how long leaving one takes, and the transitions that the device makes by
// itself when it is idle.
#pragma once

#include <array>
#include <atomic>

#include "live_config.h"
#include "nvmev/counter.h"
#include "nvmev/host.h"
#include "nvmev/types.h"
#include "nvmev/spinlock.h"

namespace nvmev {

struct PowerStateRow {
  u16 max_power;       // centiwatts, or units of 0.0001 W in non-operational states
  bool operational;
  u32 entry_latency;   // us
  u32 exit_latency;    // us
};

inline constexpr PowerStateRow kPowerStates[] = {
    {2500, true, 0, 0}, {1600, true, 0, 0}, {900, true, 0, 0}, {500, false, 500, 1000}, {50, false, 2000, 8000},
};
inline constexpr u8 kPowerStateCount = sizeof(kPowerStates) / sizeof(kPowerStates[0]);

// Feature 0Ch: entry n is about state n.
struct IdleTransition {
  u8 to = 0;
  u32 after = 0;  // ms of idle time; 0: none
};
using IdleTransitions = std::array<IdleTransition, kPowerStateCount>;

class Power {
 public:
  void init(nvmev_host* host) { host_ = host; }

  // Feature 02h. Dispatcher 0.
  void set_state(u8 state, u64 now);
  // Feature 0Ch. Dispatcher 0.
  void set_transitions(bool enabled, const IdleTransitions& transitions, u64 now);

  // Times that the state has changed. Any thread.
  u64 changes() const { return changes_.get(); }

  // The state at `now`. Dispatcher 0.
  u8 state(u64 now);

  // I/O commands have arrived at `now`: when the device can begin with them. Any thread.
  u64 wake(u64 now, const LiveConfig& live) {
    if (!watching_.load(std::memory_order_relaxed)) return now;
    return wake_slowly(now, live);
  }

 private:
  u64 wake_slowly(u64 now, const LiveConfig& live);
  void fall_asleep(u64 now);
  void enter(u8 state) {
    if (state != state_) changes_.add(1);
    state_ = state;
  }
  void update_watching();

  nvmev_host* host_ = nullptr;
  Spinlock lock_;
  std::atomic<bool> watching_{false};  // commands may find the device asleep
  bool enabled_ = false;
  IdleTransitions transitions_{};
  u8 state_ = 0;
  u8 operational_ = 0;   // the last operational state
  Counter changes_;
  u64 since_ = 0;        // ns: last command, or transition
  u64 awake_at_ = 0;     // ns: end of the last wake-up
};

}  // namespace nvmev
