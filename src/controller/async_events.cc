// SPDX-License-Identifier: GPL-2.0-only
#include "async_events.h"

#include "admin.h"
#include "controller.h"
#include "nvmev/nvme/feature.h"

namespace nvmev {

using nvme::Status;

AdminResult async_event_request(Controller& controller, const nvme::Sqe& sqe) {
  if (!controller.events().add_request(sqe.cid)) return {Status::kAsyncEventLimitExceeded};
  return AdminResult::later();
}

// Turns what has happened into events, and events into completions.
u32 Controller::poll_events() {
  const u32 pending = shared_->pending_events.exchange(0, std::memory_order_acquire);
  if (pending & static_cast<u32>(PendingEvent::kInvalidDoorbellRegister)) events_.raise(nvme::kEventInvalidDoorbellRegister);
  if (pending & static_cast<u32>(PendingEvent::kInvalidDoorbellValue)) events_.raise(nvme::kEventInvalidDoorbellValue);
  if (pending & static_cast<u32>(PendingEvent::kTuned)) apply_ana();
  if ((pending & static_cast<u32>(PendingEvent::kReservation)) && subsystem().reservations.has_notice(shared_->index)) {
    events_.raise(nvme::kEventReservation);
  }
  look_at_health();
  look_at_zones((pending & static_cast<u32>(PendingEvent::kTuned)) != 0);
  report_lba_status((pending & static_cast<u32>(PendingEvent::kLbaStatus)) != 0);
  if (pending & static_cast<u32>(PendingEvent::kChunkNotification)) events_.raise(nvme::kEventChunkNotification);
  u32 done = 0;
  u16 cid;
  u32 dw0, dw1;
  while (backlog_count_ == 0 && events_.next(&cid, &dw0, &dw1)) {
    complete_admin(cid, Status::kSuccess, dw0, dw1);
    done++;
  }
  return done;
}

void Controller::check_temperature() {
  if (!features_.temperature_warning()) {
    temperature_reported_ = false;
    return;
  }
  if (temperature_reported_ || (features_.async_config & nvme::async_config::kSmartTemperature) == 0) return;
  temperature_reported_ = true;
  events_.raise(nvme::kEventTemperature);
}

void Controller::firmware_activated() {
  if (features_.async_config & nvme::async_config::kFirmwareActivation) events_.raise(nvme::kEventFirmwareActivation);
}

void Controller::tell_namespace_changed(const Namespace& ns) {
  subsystem().for_each_controller([&](Controller& controller) {
    if (controller.shared_->namespaces.attached(ns)) controller.namespace_changed(ns.id);
  });
}

// Section 5.16.1.5: ids in ascending order. There are fewer namespaces than the log has room for.
void Controller::namespace_changed(u32 nsid) {
  u32* list = changed_namespaces_.nsid;
  u32 at = 0;
  while (list[at] != 0 && list[at] < nsid) at++;
  if (list[at] != nsid) {
    for (u32 moved = nsid; moved != 0; at++) {
      const u32 next = list[at];
      list[at] = moved;
      moved = next;
    }
  }
  if (features_.async_config & nvme::async_config::kNamespaceAttribute) events_.raise(nvme::kEventNamespaceAttribute);
}

}  // namespace nvmev
