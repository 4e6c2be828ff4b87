// SPDX-License-Identifier: GPL-2.0-only
#include "power.h"

namespace nvmev {

namespace {

constexpr u64 kNsPerMs = 1000 * 1000;
constexpr u64 kNsPerUs = 1000;

}  // namespace

void Power::update_watching() {
  watching_.store(enabled_ || !kPowerStates[state_].operational, std::memory_order_relaxed);
}

void Power::set_state(u8 state, u64 now) {
  SpinGuard guard(host_, lock_);
  enter(state);
  if (kPowerStates[state].operational) operational_ = state;
  since_ = now;
  update_watching();
}

void Power::set_transitions(bool enabled, const IdleTransitions& transitions, u64 now) {
  SpinGuard guard(host_, lock_);
  fall_asleep(now);
  enabled_ = enabled;
  transitions_ = transitions;
  since_ = now;
  update_watching();
}

// Makes the transitions whose idle time is over. Each leads to a deeper state, so there are few.
void Power::fall_asleep(u64 now) {
  while (enabled_) {
    const IdleTransition& transition = transitions_[state_];
    if (transition.after == 0 || transition.to <= state_) return;
    if (now < since_ || now - since_ < transition.after * kNsPerMs) return;
    since_ += transition.after * kNsPerMs;
    enter(transition.to);
  }
}

u8 Power::state(u64 now) {
  SpinGuard guard(host_, lock_);
  fall_asleep(now);
  return state_;
}

u64 Power::wake_slowly(u64 now, const LiveConfig& live) {
  SpinGuard guard(host_, lock_);
  fall_asleep(now);
  const PowerStateRow& row = kPowerStates[state_];
  if (!row.operational) {
    // What is on its way into a state must get there first.
    const u64 entered = since_ + live.scaled(row.entry_latency * kNsPerUs);
    awake_at_ = (now > entered ? now : entered) + live.scaled(row.exit_latency * kNsPerUs);
    enter(operational_);
    update_watching();
  }
  if (now > since_) since_ = now;
  return now > awake_at_ ? now : awake_at_;
}

}  // namespace nvmev
