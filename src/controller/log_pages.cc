// SPDX-License-Identifier: GPL-2.0-only
// Get Log Page: NVMe 2.0 section 5.16.
#include "admin.h"
#include "command_set.h"
#include "controller.h"
#include "fdp.h"
#include "fdp_logs.h"
#include "identity.h"
#include "nvmev/text.h"

namespace nvmev {

using nvme::LogPage;
using nvme::Sqe;
using nvme::Status;

namespace {

// Each fills at most kPageSize zeroed bytes and returns the log's size.

u32 error_log(Controller& controller, const Sqe&, u8* data) {
  using Entries = nvme::ErrorLogEntry[ErrorLog::kEntries];
  controller.shared().error_log.read(*reinterpret_cast<Entries*>(data));
  return sizeof(Entries);
}

u32 smart_log(Controller& controller, const Sqe&, u8* data) {
  controller.fill_smart(*reinterpret_cast<nvme::SmartLog*>(data));
  return sizeof(nvme::SmartLog);
}

u32 firmware_slot_log(Controller&, const Sqe&, u8* data) {
  auto& log = *reinterpret_cast<nvme::FirmwareSlotLog*>(data);
  log.afi = 1;  // slot 1 is active
  set_padded(log.revision[0], sizeof(log.revision[0]), kFirmwareRevision);
  return sizeof(log);
}

u32 changed_namespaces_log(Controller& controller, const Sqe&, u8* data) {
  memcpy(data, &controller.changed_namespaces(), sizeof(nvme::ChangedNamespacesLog));
  return sizeof(nvme::ChangedNamespacesLog);
}

u32 command_effects_log(Controller& controller, const Sqe& sqe, u8* data) {
  const Shared& shared = controller.shared();
  auto& log = *reinterpret_cast<nvme::CommandEffectsLog*>(data);
  for (u32 opcode = 0; opcode < 256; opcode++) {
    const AdminCommand& admin = admin_command(static_cast<u8>(opcode));
    if (supports(shared, admin)) log.admin[opcode] = admin.effects;
    for (const Region& region : shared.regions) {
      if (static_cast<u8>(region.set->csi) != sqe.cdw14 >> 24) continue;
      const IoCommand& io = find_command(*region.set, static_cast<u8>(opcode));
      if (supports(shared, io)) log.io[opcode] |= io.effects;
    }
  }
  return sizeof(log);
}

void changed_namespaces_read(Controller& controller) {
  memset(&controller.changed_namespaces(), 0, sizeof(nvme::ChangedNamespacesLog));
}

enum class LogScope : u8 {
  kController,
  kCommandSet,      // CDW14.CSI chooses
  kEnduranceGroup,  // CDW11.LSI chooses; with Flexible Data Placement only
};

struct LogRow {
  LogPage id;
  LogScope scope;
  u32 (*fill)(Controller&, const Sqe&, u8* data);
  void (*when_read)(Controller&);  // without Retain Asynchronous Event; may be nullptr
};

constexpr LogRow kRows[] = {
    {LogPage::kError, LogScope::kController, error_log, nullptr},
    {LogPage::kSmart, LogScope::kController, smart_log, nullptr},
    {LogPage::kFirmwareSlot, LogScope::kController, firmware_slot_log, nullptr},
    {LogPage::kChangedNamespaces, LogScope::kController, changed_namespaces_log, changed_namespaces_read},
    {LogPage::kCommandEffects, LogScope::kCommandSet, command_effects_log, nullptr},
    {LogPage::kEnduranceGroup, LogScope::kEnduranceGroup, endurance_group_log, nullptr},
    {LogPage::kFdpConfigurations, LogScope::kEnduranceGroup, fdp_configurations_log, nullptr},
    {LogPage::kRuhUsage, LogScope::kEnduranceGroup, ruh_usage_log, nullptr},
    {LogPage::kFdpStatistics, LogScope::kEnduranceGroup, fdp_statistics_log, nullptr},
    {LogPage::kFdpEvents, LogScope::kEnduranceGroup, fdp_events_log, nullptr},
};

const LogRow* find_row(const Shared& shared, const Sqe& sqe) {
  for (const LogRow& row : kRows) {
    if (static_cast<u8>(row.id) != static_cast<u8>(sqe.cdw10)) continue;
    return row.scope != LogScope::kEnduranceGroup || has_placement(shared) ? &row : nullptr;
  }
  return nullptr;
}

u64 log_dwords(const Sqe& sqe) { return (sqe.cdw10 >> 16 | static_cast<u64>(sqe.cdw11 & 0xffff) << 16) + 1; }
u64 log_offset(const Sqe& sqe) { return sqe.cdw12 | static_cast<u64>(sqe.cdw13) << 32; }

}  // namespace

AdminResult get_log_page(Controller& controller, const Sqe& sqe) {
  constexpr u32 kRetainEvent = 1u << 15;
  constexpr u32 kOffsetType = 1u << 23;
  constexpr u32 kUuidIndex = 0x7f;
  const LogRow* row = find_row(controller.shared(), sqe);
  if (row == nullptr) return {Status::kInvalidLogPage};
  // None of the logs belongs to a single namespace (LPA bit 0 is 0).
  if (sqe.nsid != 0 && sqe.nsid != nvme::kNsidBroadcast) return {Status::kInvalidField};
  if (sqe.cdw14 & (kOffsetType | kUuidIndex)) return {Status::kInvalidField};
  const u64 bytes = log_dwords(sqe) * sizeof(u32);
  const u64 offset = log_offset(sqe);
  if (bytes > controller.shared().max_transfer() || offset % sizeof(u32) != 0) return {Status::kInvalidField};
  if (row->scope == LogScope::kCommandSet && !has_command_set(controller.shared(), static_cast<u8>(sqe.cdw14 >> 24))) {
    return {Status::kInvalidField};
  }
  if (row->scope == LogScope::kEnduranceGroup && sqe.cdw11 >> 16 != kEnduranceGroup) return {Status::kInvalidField};
  u8* data = controller.scratch();
  const u32 size = row->fill(controller, sqe, data);
  if (offset > size) return {Status::kInvalidField};
  const u32 from = static_cast<u32>(offset);
  const Status status = controller.send_padded(sqe, data + from, size - from, static_cast<u32>(bytes));
  if (status == Status::kSuccess && (sqe.cdw10 & kRetainEvent) == 0) {
    if (row->when_read != nullptr) row->when_read(controller);
    controller.events().clear(row->id);
  }
  return {status};
}

// Section 5.16.1.3.
void Controller::fill_smart(nvme::SmartLog& log) {
  constexpr u64 kNsPerMinute = 60ull * 1000 * 1000 * 1000;
  u64 read = 0, written = 0, reads = 0, writes = 0, busy = 0, media_errors = 0;
  for (const WorkerStats& stats : shared_->worker_stats) {
    read += stats.blocks_read.get();
    written += stats.blocks_written.get();
    reads += stats.reads.get() + stats.compares.get();
    writes += stats.writes.get();
    media_errors += stats.media_errors.get();
    if (stats.busy.get() > busy) busy = stats.busy.get();
  }
  const auto thousands = [](u64 blocks) { return (blocks + 999) / 1000; };
  log.critical_warning = features_.temperature_warning() ? nvme::kWarningTemperature : 0;
  log.composite_temperature = kCompositeTemperature;
  const FtlHealth health = shared_->regions.health();
  log.available_spare = health.available_spare;
  log.percentage_used = health.percentage_used;
  log.available_spare_threshold = 10;
  log.data_units_read.low = thousands(read);
  log.data_units_written.low = thousands(written);
  log.host_reads.low = reads;
  log.host_writes.low = writes;
  log.busy_minutes.low = busy / kNsPerMinute;
  log.power_cycles.low = 1;
  log.power_on_hours.low = (now_ - created_) / (60 * kNsPerMinute);
  log.media_errors.low = media_errors;
  log.error_log_entries.low = shared_->error_log.count();
}

}  // namespace nvmev
