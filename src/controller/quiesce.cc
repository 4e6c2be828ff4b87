// SPDX-License-Identifier: GPL-2.0-only
#include "quiesce.h"

#include "controller.h"

namespace nvmev {

void Quiesce::begin(Controller& controller) {
  long_plans_noted_ = rings_noted_ = false;
  for (u32 d = 0; d < controller.shared().config.dispatchers; d++) passes_[d] = controller.dispatchers()[d].pass_count();
}

// A pass that was under way at begin() may have checked a command before; a later one has not.
bool Quiesce::dispatchers_passed(Controller& controller) {
  for (u32 d = 0; d < controller.shared().config.dispatchers; d++) {
    const u32 then = passes_[d];
    if (then % 2 == 1 && controller.dispatchers()[d].pass_count() == then) return false;
  }
  return true;
}

void Quiesce::note_long_plans(Controller& controller) {
  for (u32 d = 0; d < controller.shared().config.dispatchers; d++) {
    long_plans_[d] = controller.dispatchers()[d].long_plan_count();
  }
  long_plans_noted_ = true;
}

bool Quiesce::long_plans_passed(Controller& controller) {
  for (u32 d = 0; d < controller.shared().config.dispatchers; d++) {
    const u32 then = long_plans_[d];
    if (then % 2 == 1 && controller.dispatchers()[d].long_plan_count() == then) return false;
  }
  return true;
}

void Quiesce::note_rings(Controller& controller) {
  Shared& shared = controller.shared();
  for (std::size_t i = 0; i < shared.rings.size(); i++) published_[i] = shared.rings[i].published();
  rings_noted_ = true;
}

bool Quiesce::rings_passed(Controller& controller) {
  Shared& shared = controller.shared();
  for (std::size_t i = 0; i < shared.rings.size(); i++) {
    if (static_cast<std::int32_t>(shared.rings[i].popped() - published_[i]) < 0) return false;
  }
  return true;
}

bool Quiesce::done(Controller& controller) {
  if (!dispatchers_passed(controller)) return false;
  if (!long_plans_noted_) note_long_plans(controller);
  if (!long_plans_passed(controller)) return false;
  if (!rings_noted_) note_rings(controller);
  if (!rings_passed(controller)) return false;
  for (const Worker& worker : controller.workers()) {
    if (worker.has_long_task()) return false;
  }
  return true;
}

}  // namespace nvmev
