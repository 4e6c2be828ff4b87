// SPDX-License-Identifier: GPL-2.0-only
#include "ana.h"

#include "admin.h"
#include "controller.h"
#include "nvmev/nvme/feature.h"
#include "nvmev/text.h"

namespace nvmev {

// Only namespaces that are attached count, and a group is there only if it has one.
u32 ana_log(Controller& controller, const nvme::Sqe& sqe, u8* data) {
  const Shared& shared = controller.shared();
  const bool groups_only = (sqe.cdw10 >> 8 & nvme::kAnaGroupsOnly) != 0;
  nvme::AnaLogHeader header{};
  header.changes = shared.ana.changes();
  u32 size = sizeof(header);
  for (u32 id = 1; id <= kAnaGroups; id++) {
    nvme::AnaGroupDescriptor group{};
    group.group = id;
    group.changes = shared.ana.changes(id);
    group.state = static_cast<u8>(shared.ana.state(id));
    u8* ids = data + size + sizeof(group);
    bool any = false;
    for (const Namespace& ns : shared.namespaces) {
      if (!ns.exists() || !shared.namespaces.attached(ns) || ns.ana_group != id) continue;
      any = true;
      if (groups_only) continue;
      memcpy(ids + group.namespaces++ * sizeof(ns.id), &ns.id, sizeof(ns.id));
    }
    if (!any) continue;
    header.groups++;
    memcpy(data + size, &group, sizeof(group));
    size += static_cast<u32>(sizeof(group) + group.namespaces * sizeof(u32));
  }
  memcpy(data, &header, sizeof(header));
  return size;
}

void Controller::apply_ana() {
  const u64 states = shared_->live.ana.load(std::memory_order_relaxed);
  bool changed = false;
  for (u32 group = 1; group <= kAnaGroups; group++) changed |= shared_->ana.set(group, ana_state(states, shared_->index, group));
  if (!changed) return;
  shared_->ana.count_change();
  if (features_.async_config & nvme::async_config::kAnaChange) events_.raise(nvme::kEventAnaChange);
}

}  // namespace nvmev
