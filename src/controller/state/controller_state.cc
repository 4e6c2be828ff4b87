// SPDX-License-Identifier: GPL-2.0-only
#include "../controller.h"
#include "nvmev/state_archive.h"

namespace nvmev {

void Controller::transfer(StateArchive& archive, u64 now) {
  LifeTotals life = totals(now);
  archive.value(life);
  if (archive.loading()) shared_->earlier = life;
  archive.value(saved_);
  if (archive.loading()) restore_error_recovery();
}

}  // namespace nvmev
