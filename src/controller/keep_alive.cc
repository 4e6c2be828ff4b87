// SPDX-License-Identifier: GPL-2.0-only
// Keep Alive: NVMe 2.0 sections 3.9 and 5.18. A host that has set the timer and then falls silent finds the controller stopped.
#include "admin.h"
#include "controller.h"

namespace nvmev {

using nvme::Status;

void Controller::restart_keep_alive() {
  constexpr u64 kNsPerMs = 1000 * 1000;
  keep_alive_ends_ = features_.keep_alive == 0 ? NVMEV_NEVER : now_ + features_.keep_alive * kNsPerMs;
}

// Over PCI Express: an entry in the Error Information log, no more commands, CSTS.CFS.
void Controller::end_of_keep_alive() {
  keep_alive_ends_ = NVMEV_NEVER;
  shared_->error_log.add(0xffff, 0xffff, Status::kKeepAliveExpired, 0, 0);
  nvmev_host_log(shared_->host, NVMEV_LOG_WARNING, "keep alive timer (%u ms) expired: controller stopped",
                 features_.keep_alive);
  create_controller_telemetry("keep alive timer expired");
  begin_stop(StopReason::kKeepAlive);
}

AdminResult keep_alive(Controller& controller, const nvme::Sqe&) {
  controller.restart_keep_alive();
  return {};
}

}  // namespace nvmev
