// SPDX-License-Identifier: GPL-2.0-only
// Holding the device: no command is fetched, and those that were have moved their data.
#include "controller.h"

namespace nvmev {

// Goes on with a hold that was asked for. True: nothing else is to be done in this pass.
bool Controller::step_hold() {
  if (!shared_->hold.load(std::memory_order_seq_cst)) {
    hold_stage_ = HoldStage::kNone;
    return false;
  }
  switch (hold_stage_) {
    case HoldStage::kNone:
      // What is under way comes to its end first.
      if (state_ == State::kStopping || jobs_.any() || sanitize().working()) return false;
      hold_quiesce_.begin(*this);
      hold_stage_ = HoldStage::kQuiesce;
      return true;
    case HoldStage::kQuiesce:
      if (!hold_quiesce_.done(*this)) return true;
      hold_stage_ = HoldStage::kHeld;
      held_.store(true, std::memory_order_release);
      return true;
    case HoldStage::kHeld:
      return true;
  }
  return true;
}

void Controller::release() {
  held_.store(false, std::memory_order_relaxed);
  save_over_.store(true, std::memory_order_release);
}

// The host has saved the state of a device that was shut down, or does not.
void Controller::finish_saving() {
  state_ = State::kShutDown;
  set_csts(nvme::csts::kReady | nvme::csts::kShutdownComplete);
}

}  // namespace nvmev
