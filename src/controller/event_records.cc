// SPDX-License-Identifier: GPL-2.0-only
// What the controller has recorded in its Persistent Event log.
#include "controller.h"
#include "endurance_group.h"
#include "identity.h"
#include "nvmev/nvme/identify.h"
#include "nvmev/text.h"

namespace nvmev {

using nvme::PersistentEventType;

namespace {

constexpr u64 kNsPerMs = 1000 * 1000;

}  // namespace

void Controller::record_smart() {
  smart_recorded_ = now_;
  nvme::SmartLog smart{};
  fill_smart(smart);
  record(PersistentEventType::kSmartSnapshot, smart);
}

void Controller::record_start(bool firmware_activated) {
  constexpr u8 kFormat = 1u << 0, kSanitize = 1u << 1;
  nvme::PowerOnOrResetEvent event{};
  memcpy(event.revision, firmware().revision(), sizeof(event.revision));
  event.cntlid = shared_->controller_id();
  event.firmware_activation = firmware_activated;
  for (const Namespace& ns : shared_->namespaces) {
    if (ns.exists() && ns.formatting.load(std::memory_order_relaxed)) event.operations |= kFormat;
  }
  if (sanitize().busy()) event.operations |= kSanitize;
  event.power_cycle = totals(now_).power_cycles;
  event.power_on = (now_ - created_) / kNsPerMs;
  event.timestamp = timestamp();
  record(PersistentEventType::kPowerOnOrReset, event);
}

void Controller::record_namespace(u32 cdw10, const Namespace& ns) {
  nvme::ChangeNamespaceEvent event{};
  event.cdw10 = cdw10;
  event.nsze = event.ncap = ns.blocks();
  event.flbas = ns.flbas();
  event.dps = ns.dps.load(std::memory_order_relaxed);
  if (ns.shared) event.nmic = nvme::kNmicShared;
  if (!subsystem().has_one_controller()) event.anagrpid = ns.ana_group;
  event.nvmsetid = kNvmSet;
  event.nsid = ns.id;
  record(PersistentEventType::kChangeNamespace, event);
}

void Controller::timestamp_changes() {
  record(PersistentEventType::kTimestampChange,
         nvme::TimestampChangeEvent{timestamp(), (now_ - reset_at_) / kNsPerMs});
}

bool Controller::establish_event_context() {
  if (history().has_context()) return false;
  record_smart();
  nvme::PersistentEventHeader header{};
  header.timestamp = timestamp();
  header.power_on_hours.low = power_on_hours();
  header.power_cycles = totals(now_).power_cycles;
  header.vid = header.ssvid = NVMEV_PCI_VENDOR_ID;
  set_padded(header.sn, sizeof(header.sn), shared_->config.serial);
  set_padded(header.mn, sizeof(header.mn), shared_->config.model);
  format_subnqn(shared_->config.serial, header.subnqn);
  return history().establish(header, shared_->controller_id());
}

}  // namespace nvmev
