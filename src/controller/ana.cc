// SPDX-License-Identifier: GPL-2.0-only
#include "ana.h"

#include "admin.h"
#include "controller.h"
#include "nvmev/nvme/feature.h"
#include "nvmev/text.h"

namespace nvmev {

// Only namespaces that are attached count, and the group is there only if there is one.
u32 ana_log(Controller& controller, const nvme::Sqe& sqe, u8* data) {
  const Shared& shared = controller.shared();
  const bool groups_only = (sqe.cdw10 >> 8 & nvme::kAnaGroupsOnly) != 0;
  nvme::AnaLogHeader header{};
  nvme::AnaGroupDescriptor group{};
  header.changes = group.changes = shared.ana.changes();
  group.group = kAnaGroup;
  group.state = static_cast<u8>(shared.ana.state());
  u8* ids = data + sizeof(header) + sizeof(group);
  for (const Namespace& ns : shared.namespaces) {
    if (!shared.namespaces.attached(ns)) continue;
    header.groups = 1;
    if (groups_only) continue;
    memcpy(ids + group.namespaces++ * sizeof(ns.id), &ns.id, sizeof(ns.id));
  }
  u32 size = sizeof(header);
  memcpy(data, &header, sizeof(header));
  if (header.groups != 0) {
    memcpy(data + sizeof(header), &group, sizeof(group));
    size += static_cast<u32>(sizeof(group) + group.namespaces * sizeof(u32));
  }
  return size;
}

void Controller::apply_ana() {
  const u32 states = shared_->live.ana.load(std::memory_order_relaxed);
  if (!shared_->ana.set(ana_state(states, shared_->index))) return;
  if (features_.async_config & nvme::async_config::kAnaChange) events_.raise(nvme::kEventAnaChange);
}

}  // namespace nvmev
