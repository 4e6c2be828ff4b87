// SPDX-License-Identifier: GPL-2.0-only
#include "../controller.h"
#include "nvmev/state_archive.h"

namespace nvmev {

void Controller::transfer(StateArchive& archive, u64 now) {
  LifeTotals life = totals(now);
  archive.value(life);
  if (archive.loading()) shared_->earlier = life;
  archive.value(saved_);
  firmware_.transfer(archive);
  history_.transfer(archive);
  sanitize_.transfer(archive);
  self_test_.transfer(archive);
  if (archive.loading() && sanitize_.failed()) {
    shared_->sanitize_gate.store(nvme::Status::kSanitizeFailed, std::memory_order_relaxed);
  }
}

}  // namespace nvmev
