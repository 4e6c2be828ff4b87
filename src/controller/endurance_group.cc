// SPDX-License-Identifier: GPL-2.0-only
#include "endurance_group.h"

#include "controller.h"
#include "fdp.h"
#include "nvmev/nvme/feature.h"
#include "nvmev/nvme/identify.h"
#include "nvmev/text.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;

namespace {

// CNSSID
u16 first_listed(const Sqe& sqe) { return static_cast<u16>(sqe.cdw11); }

}  // namespace

u8 group_warnings(const FtlHealth& health) {
  return health.available_spare < kSpareThreshold ? nvme::kWarningSpare : u8{0};
}

u32 endurance_group_log(Controller& controller, const nvme::Sqe&, u8* data) {
  // Section 5.16.1.10: units of 10^9 bytes, rounded up.
  constexpr u64 kUnit = 1000ull * 1000 * 1000;
  const auto units = [](u64 bytes) { return bytes / kUnit + (bytes % kUnit != 0); };
  const Shared& shared = controller.shared();
  const FtlHealth health = shared.regions.health();
  LifeTotals all{};
  controller.subsystem().for_each_controller([&](Controller& other) {
    const LifeTotals totals = other.totals(controller.now());
    all.blocks_read += totals.blocks_read;
    all.blocks_written += totals.blocks_written;
    all.media_written += totals.media_written;
    all.reads += totals.reads;
    all.writes += totals.writes;
    all.media_errors += totals.media_errors;
    all.error_log_entries += totals.error_log_entries;
  });
  auto& log = *reinterpret_cast<nvme::EnduranceGroupLog*>(data);
  log.critical_warning = group_warnings(health);
  log.available_spare = health.available_spare;
  log.available_spare_threshold = kSpareThreshold;
  log.percentage_used = health.percentage_used;
  log.domain_id = kDomain;
  log.data_units_read.low = units(all.blocks_read << 9);
  log.data_units_written.low = units(all.blocks_written << 9);
  log.media_units_written.low = units(all.media_written);
  log.host_reads.low = all.reads;
  log.host_writes.low = all.writes;
  log.media_errors.low = all.media_errors;
  log.error_log_entries.low = all.error_log_entries;
  log.total_capacity.low = shared.namespaces.capacity();
  log.unallocated_capacity.low = shared.namespaces.unallocated();
  return sizeof(log);
}

// The event may come again once the group's log was read.
void endurance_group_read(Controller& controller) { controller.group_was_read(); }

u32 endurance_group_events_log(Controller& controller, const Sqe&, u8* data) {
  auto& log = *reinterpret_cast<nvme::EnduranceGroupEventsLog*>(data);
  if (controller.group_has_event()) {
    log.count = 1;
    log.group[0] = kEnduranceGroup;
  }
  return sizeof(log);
}

Status identify_nvm_sets(Controller& controller, const Sqe& sqe, u8* data) {
  if (first_listed(sqe) > kNvmSet) return Status::kSuccess;
  auto& list = *reinterpret_cast<nvme::NvmSetList*>(data);
  list.count = 1;
  nvme::NvmSetList::Entry& set = list.entry[0];
  set.nvmsetid = kNvmSet;
  set.endgid = kEnduranceGroup;
  put_u128(set.total_capacity, controller.shared().namespaces.capacity());
  put_u128(set.unallocated_capacity, controller.shared().namespaces.unallocated());
  return Status::kSuccess;
}

Status identify_domains(Controller& controller, const Sqe& sqe, u8* data) {
  if (first_listed(sqe) > kDomain) return Status::kSuccess;
  auto& list = *reinterpret_cast<nvme::DomainList*>(data);
  list.count = 1;
  nvme::DomainList::Entry& domain = list.entry[0];
  domain.domain_id = kDomain;
  put_u128(domain.total_capacity, controller.shared().namespaces.capacity());
  put_u128(domain.unallocated_capacity, controller.shared().namespaces.unallocated());
  put_u128(domain.max_group_capacity, controller.shared().namespaces.capacity());
  return Status::kSuccess;
}

// Section 5.17.2.20: a count, then the identifiers above CNSSID.
Status identify_endurance_groups(Controller&, const Sqe& sqe, u8* data) {
  const u16 list[2] = {1, kEnduranceGroup};
  if (first_listed(sqe) < kEnduranceGroup) memcpy(data, list, sizeof(list));
  return Status::kSuccess;
}

// ---- Events ---------------------------------------------------------------------------------------------------

// Health changes with writes, so that there is a pass soon after.
void Controller::look_at_health() {
  constexpr u64 kInterval = 1000 * 1000;  // ns
  if (now_ - health_looked_at_ < kInterval) return;
  health_looked_at_ = now_;
  // Section 5.16.1.14: at least every 24 hours.
  constexpr u64 kDay = 24ull * 3600 * 1000 * 1000 * 1000;
  if (now_ - smart_recorded_ >= kDay) record_smart();
  const u8 warnings = group_warnings(shared_->regions.health());
  tell_spare((warnings & nvme::kWarningSpare) != 0);
  tell_group_event(warnings & static_cast<u8>(features_.group_events >> 16));
}

void Controller::tell_spare(bool low) {
  if (!low || (features_.async_config & nvme::async_config::kSmartSpare) == 0) {
    spare_reported_ = false;
    return;
  }
  if (spare_reported_) return;
  spare_reported_ = true;
  events_.raise(nvme::kEventSpare);
}

// Section 3.2.3: an event when the group comes into the log.
void Controller::tell_group_event(u8 warnings) {
  const bool news = (warnings & ~group_reported_) != 0;
  group_reported_ = warnings;
  if (!news || group_has_event_) return;
  group_has_event_ = true;
  if (features_.async_config & nvme::async_config::kEnduranceGroup) events_.raise(nvme::kEventEnduranceGroup);
}

}  // namespace nvmev
