// SPDX-License-Identifier: GPL-2.0-only
// A checked command of one range, as a request to its region's model.
#pragma once

#include "fdp.h"
#include "shared.h"
#include "task.h"

namespace nvmev {

// FUA, CDW12 of the commands that write.
inline bool forces_unit_access(const Task& task) { return (task.sqe.cdw12 >> 30 & 1) != 0; }

// Plans the task as its check left it: its target, and the status that it returns. *number: see Model::plan().
inline nvme::Status plan_task(Shared& shared, const Namespace& ns, Task& task, u64 now, u64* number) {
  const bool fua = task.op == IoOp::kWrite && forces_unit_access(task);
  const bool atomic = shared.atomic_units.survive_whole(task.offset - ns.base, task.length);
  const IoPlan plan = ns.region->model.plan({now, task.offset, task.length, task.op, fua, task.placement, atomic}, number);
  if (ns.region->model.placement() != nullptr) collect_placement_events(shared);
  task.target = plan.done;
  return plan.status;
}

}  // namespace nvmev
