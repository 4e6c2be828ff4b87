// SPDX-License-Identifier: GPL-2.0-only
#include "quiesce.h"

#include "controller.h"

namespace nvmev {

void Quiesce::Part::begin(Controller& controller) {
  long_plans_noted = rings_noted = false;
  for (u32 d = 0; d < controller.shared().config.dispatchers; d++) passes[d] = controller.dispatchers()[d].pass_count();
}

// A pass that was under way at begin() may have checked a command before; a later one has not.
bool Quiesce::Part::dispatchers_passed(Controller& controller) {
  for (u32 d = 0; d < controller.shared().config.dispatchers; d++) {
    const u32 then = passes[d];
    if (then % 2 == 1 && controller.dispatchers()[d].pass_count() == then) return false;
  }
  return true;
}

void Quiesce::Part::note_long_plans(Controller& controller) {
  for (u32 d = 0; d < controller.shared().config.dispatchers; d++) {
    long_plans[d] = controller.dispatchers()[d].long_plan_count();
  }
  long_plans_noted = true;
}

bool Quiesce::Part::long_plans_passed(Controller& controller) {
  for (u32 d = 0; d < controller.shared().config.dispatchers; d++) {
    const u32 then = long_plans[d];
    if (then % 2 == 1 && controller.dispatchers()[d].long_plan_count() == then) return false;
  }
  return true;
}

void Quiesce::Part::note_rings(Controller& controller) {
  Shared& shared = controller.shared();
  for (std::size_t i = 0; i < shared.rings.size(); i++) published[i] = shared.rings[i].published();
  rings_noted = true;
}

bool Quiesce::Part::rings_passed(Controller& controller, bool skip_waiting) {
  Shared& shared = controller.shared();
  for (std::size_t i = 0; i < shared.rings.size(); i++) {
    if (static_cast<std::int32_t>(shared.rings[i].popped() - published[i]) >= 0) continue;
    const std::size_t worker = i % shared.config.workers;
    if (!skip_waiting || !controller.workers()[worker].waits_for_others()) return false;
  }
  return true;
}

bool Quiesce::Part::fetched_done(Controller& controller, bool skip_waiting) {
  if (!dispatchers_passed(controller)) return false;
  if (!long_plans_noted) note_long_plans(controller);
  if (!long_plans_passed(controller)) return false;
  if (!rings_noted) note_rings(controller);
  return rings_passed(controller, skip_waiting);
}

bool Quiesce::Part::done(Controller& controller) {
  if (!fetched_done(controller, false)) return false;
  for (const Worker& worker : controller.workers()) {
    if (worker.has_long_task()) return false;
  }
  return true;
}

void Quiesce::begin(Controller& controller) {
  Part* part = parts_.data();
  controller.subsystem().for_each_controller([&](Controller& other) { part++->begin(other); });
}

bool Quiesce::fetched_done(Controller& controller) {
  Part* part = parts_.data();
  bool all = true;
  controller.subsystem().for_each_controller([&](Controller& other) { all &= part++->fetched_done(other, true); });
  return all;
}

bool Quiesce::done(Controller& controller) {
  Part* part = parts_.data();
  bool all = true;
  controller.subsystem().for_each_controller([&](Controller& other) { all &= part++->done(other); });
  return all;
}

}  // namespace nvmev
