// SPDX-License-Identifier: GPL-2.0-only
#include "../controller.h"
#include "../endurance_group.h"
#include "nvmev/error.h"
#include "nvmev/state_archive.h"

namespace nvmev {

void Controller::transfer(StateArchive& archive, u64 now) {
  LifeTotals life = totals(now);
  archive.value(life);
  if (archive.loading()) shared_->earlier = life;
  FeatureValues saved = saved_;
  archive.value(saved);
  if (!archive.loading() || !archive.ok()) return;
  bool sound = is_bool(saved.timestamp_by_host) && (saved.power & 0x1f) < kPowerStateCount;
  sound &= (saved.group_events & ~(nvme::kWarningSpare << 16)) == kEnduranceGroup;
  for (const IdleTransition& transition : saved.idle_transitions) sound &= transition.to < kPowerStateCount;
  if (!sound) return archive.refuse(err::kInvalid, "its saved features are none");
  saved.host_memory = {};  // of an earlier run of the host
  saved_ = saved;
  restore_error_recovery();
}

}  // namespace nvmev
