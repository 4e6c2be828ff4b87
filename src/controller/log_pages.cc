// SPDX-License-Identifier: GPL-2.0-only
// Get Log Page: NVMe 2.0 section 5.16.
#include "admin.h"
#include "command_set.h"
#include "controller.h"
#include "endurance_group.h"
#include "fdp.h"
#include "fdp_logs.h"
#include "lba_status.h"
#include "nvmev/text.h"
#include "ocp.h"
#include "zoned/zoned.h"
#include "open_channel/open_channel.h"

namespace nvmev {

using nvme::LogPage;
using nvme::Sqe;
using nvme::Status;

namespace {

// Fills at most kPageSize zeroed bytes and returns the log's size.
using LogFill = u32 (*)(Controller&, const Sqe&, u8* data);

// Logs that are larger, or more than something to look at: where the log is, or why there is none.
struct LogView {
  Status status;
  const u8* data;
  u32 size;
};
using LogOpen = LogView (*)(Controller&, const Sqe&);

u32 log_specific(const Sqe& sqe) { return sqe.cdw10 >> 8 & 0x7f; }
u64 log_dwords(const Sqe& sqe) { return (sqe.cdw10 >> 16 | static_cast<u64>(sqe.cdw11 & 0xffff) << 16) + 1; }
u64 log_offset(const Sqe& sqe) { return sqe.cdw12 | static_cast<u64>(sqe.cdw13) << 32; }

u32 error_log(Controller& controller, const Sqe&, u8* data) {
  using Entries = nvme::ErrorLogEntry[ErrorLog::kEntries];
  auto& entries = *reinterpret_cast<Entries*>(data);
  controller.shared().error_log.read(entries);
  // NVM Command Set 1.0 figure 106: nothing of the user's data is told.
  if (controller.shared().sanitize_gate.load(std::memory_order_relaxed) == Status::kSanitizeInProgress) {
    for (nvme::ErrorLogEntry& entry : entries) entry.lba = 0;
  }
  return sizeof(Entries);
}

u32 smart_log(Controller& controller, const Sqe&, u8* data) {
  controller.fill_smart(*reinterpret_cast<nvme::SmartLog*>(data));
  return sizeof(nvme::SmartLog);
}

u32 firmware_slot_log(Controller& controller, const Sqe&, u8* data) {
  controller.firmware().fill(*reinterpret_cast<nvme::FirmwareSlotLog*>(data));
  return sizeof(nvme::FirmwareSlotLog);
}

u32 self_test_log(Controller& controller, const Sqe&, u8* data) {
  controller.update_self_test();
  controller.self_test().fill(*reinterpret_cast<nvme::SelfTestLog*>(data), controller.now());
  return sizeof(nvme::SelfTestLog);
}

u32 sanitize_log(Controller& controller, const Sqe&, u8* data) {
  controller.sanitize().fill(controller.shared(), *reinterpret_cast<nvme::SanitizeLog*>(data), controller.now());
  return sizeof(nvme::SanitizeLog);
}

// This device has no management interface: no command of it is supported.
u32 management_effects_log(Controller&, const Sqe&, u8*) { return sizeof(nvme::ManagementEffectsLog); }

// Logs that do something when they are opened do it only for a command that gets its data.
Status check_memory(Controller& controller, const Sqe& sqe) {
  return controller.map(sqe, static_cast<u32>(log_dwords(sqe) * sizeof(u32)));
}

LogView host_telemetry_log(Controller& controller, const Sqe& sqe) {
  constexpr u32 kCreate = 1;
  if (log_specific(sqe) & kCreate) {
    if (const Status status = check_memory(controller, sqe); status != Status::kSuccess) return {status, nullptr, 0};
    controller.create_host_telemetry();
  }
  TelemetryCapture& capture = controller.host_telemetry();
  // Before the first capture there is a header without data.
  if (capture.bytes() == 0) capture.begin(static_cast<u8>(LogPage::kTelemetryHost), "");
  controller.finish_telemetry_header(capture);
  return {Status::kSuccess, capture.data(), capture.bytes(controller.knows_area_4())};
}

LogView controller_telemetry_log(Controller& controller, const Sqe&) {
  TelemetryCapture& capture = controller.controller_telemetry();
  if (capture.bytes() == 0) capture.begin(static_cast<u8>(LogPage::kTelemetryController), "");
  controller.finish_telemetry_header(capture);
  return {Status::kSuccess, capture.data(), capture.bytes(controller.knows_area_4())};
}

void controller_telemetry_read(Controller& controller) { controller.controller_telemetry_was_read(); }

LogView persistent_event_log(Controller& controller, const Sqe& sqe) {
  constexpr u32 kActionMask = 0x3;
  EventHistory& history = controller.history();
  const u16 cntlid = controller.shared().controller_id();
  switch (static_cast<nvme::PersistentEventAction>(log_specific(sqe) & kActionMask)) {
    case nvme::PersistentEventAction::kRead:
      if (!history.has_context(cntlid)) return {Status::kCommandSequenceError, nullptr, 0};
      break;
    case nvme::PersistentEventAction::kEstablishAndRead:
      if (const Status status = check_memory(controller, sqe); status != Status::kSuccess) return {status, nullptr, 0};
      if (!controller.establish_event_context()) return {Status::kCommandSequenceError, nullptr, 0};
      if (log_offset(sqe) <= history.context_bytes()) break;
      history.release(cntlid);
      return {Status::kInvalidField, nullptr, 0};
    case nvme::PersistentEventAction::kRelease:
      history.release(cntlid);
      return {Status::kSuccess, nullptr, 0};
    default:
      return {Status::kInvalidField, nullptr, 0};
  }
  return {Status::kSuccess, history.context(), history.context_bytes()};
}

u32 supported_logs_log(Controller&, const Sqe&, u8* data);

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
    const bool chooses_uuid = opcode == static_cast<u32>(nvme::AdminOpcode::kGetLogPage) && has_ocp(shared);
    if (chooses_uuid) log.admin[opcode] |= nvme::effects::kUuidSelection;
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

u32 reservation_notice_log(Controller& controller, const Sqe&, u8* data) {
  controller.subsystem().reservations.fill(controller.shared().index, *reinterpret_cast<nvme::ReservationNoticeLog*>(data));
  return sizeof(nvme::ReservationNoticeLog);
}

// The next notice is another event.
void reservation_notice_read(Controller& controller) {
  Reservations& reservations = controller.subsystem().reservations;
  reservations.drop_notice(controller.shared().index);
  if (reservations.has_notice(controller.shared().index)) controller.events().raise(nvme::kEventReservation);
}

enum class LogScope : u8 {
  kController,
  kCommandSet,      // CDW14.CSI chooses
  kEnduranceGroup,  // CDW11.LSI chooses
  kPlacement,       // the same, with Flexible Data Placement only
  kReservations,    // where there are namespaces that know them
  kAna,             // with several controllers only
  kBlocks,          // of the controller, where blocks can become unreadable
  kZoned,           // NSID names a zoned namespace
  kOcp,             // of the controller, with the key `ocp`
};

struct LogRow {
  LogPage id;
  LogScope scope;
  bool while_sanitizing;  // NVMe 2.0 figure 604
  LogFill fill;           // one of fill and open
  void (*when_read)(Controller&) = nullptr;  // without Retain Asynchronous Event
  LogOpen open = nullptr;
  u32 granularity = sizeof(u32);  // of offset and length, bytes
};

constexpr LogScope kController = LogScope::kController;
constexpr LogScope kPlacement = LogScope::kPlacement;

constexpr LogRow kRows[] = {
    {LogPage::kSupportedLogs, kController, true, supported_logs_log},
    {LogPage::kError, kController, true, error_log},
    {LogPage::kSmart, kController, true, smart_log},
    {LogPage::kFirmwareSlot, kController, true, firmware_slot_log},
    {LogPage::kChangedNamespaces, kController, true, changed_namespaces_log, changed_namespaces_read},
    {LogPage::kCommandEffects, LogScope::kCommandSet, true, command_effects_log},
    {LogPage::kSelfTest, kController, false, self_test_log},
    {LogPage::kTelemetryHost, kController, false, nullptr, nullptr, host_telemetry_log, nvme::kTelemetryBlock},
    {LogPage::kTelemetryController, kController, false, nullptr, controller_telemetry_read, controller_telemetry_log,
     nvme::kTelemetryBlock},
    {LogPage::kEnduranceGroup, LogScope::kEnduranceGroup, false, endurance_group_log, endurance_group_read},
    {LogPage::kAna, LogScope::kAna, true, ana_log},
    {LogPage::kPersistentEvents, kController, false, nullptr, nullptr, persistent_event_log},
    {LogPage::kLbaStatus, LogScope::kBlocks, false, lba_status_log, lba_status_read},
    {LogPage::kEnduranceGroupEvents, kController, false, endurance_group_events_log},
    {LogPage::kFeatureEffects, kController, true, feature_effects_log},
    {LogPage::kManagementEffects, kController, true, management_effects_log},
    {LogPage::kFdpConfigurations, kPlacement, false, fdp_configurations_log},
    {LogPage::kRuhUsage, kPlacement, false, ruh_usage_log},
    {LogPage::kFdpStatistics, kPlacement, false, fdp_statistics_log},
    {LogPage::kFdpEvents, kPlacement, false, fdp_events_log},
    {LogPage::kReservationNotice, LogScope::kReservations, true, reservation_notice_log, reservation_notice_read},
    {LogPage::kSanitize, kController, true, sanitize_log},
    {LogPage::kChangedZones, LogScope::kZoned, true, changed_zones_log},
    {LogPage::kOcpSmart, LogScope::kOcp, true, ocp_smart_log},
};

bool exists(const Shared& shared, const LogRow& row) {
  if (row.scope == LogScope::kZoned) return shared.regions.has(CommandFamily::kZoned);
  if (row.scope == LogScope::kReservations) return has_reservations(shared);
  if (row.scope == LogScope::kAna) return !shared.subsystem.has_one_controller();
  if (row.scope == LogScope::kBlocks) return has_lba_status(shared);
  if (row.scope == LogScope::kOcp) return has_ocp(shared);
  return row.scope != kPlacement || has_placement(shared);
}

const LogRow* find_row(const Shared& shared, const Sqe& sqe) {
  for (const LogRow& row : kRows) {
    if (static_cast<u8>(row.id) == static_cast<u8>(sqe.cdw10)) return exists(shared, row) ? &row : nullptr;
  }
  return nullptr;
}

u32 supported_logs_log(Controller& controller, const Sqe&, u8* data) {
  auto& log = *reinterpret_cast<nvme::SupportedLogsLog*>(data);
  for (const LogRow& row : kRows) {
    if (exists(controller.shared(), row)) log.pages[static_cast<u8>(row.id)] = nvme::kLogSupported;
  }
  for (const LogPage id : {LogPage::kChunkInformation, LogPage::kChunkNotification}) {
    if (is_oc_log(controller.shared(), static_cast<u8>(id))) log.pages[static_cast<u8>(id)] = nvme::kLogSupported;
  }
  return sizeof(log);
}

}  // namespace

AdminResult get_log_page(Controller& controller, const Sqe& sqe) {
  constexpr u32 kOffsetType = 1u << 23;
  constexpr u32 kUuidIndex = 0x7f;
  if (is_oc_log(controller.shared(), static_cast<u8>(sqe.cdw10))) return get_oc_log(controller, sqe);
  const LogRow* row = find_row(controller.shared(), sqe);
  if (row == nullptr) return {Status::kInvalidLogPage};
  if (row->scope == LogScope::kZoned) {
    const Namespace* ns = controller.shared().namespaces.find_attached(sqe.nsid);
    if (ns == nullptr) return {Status::kInvalidNamespaceOrFormat};
    if (ns->region->model.zones() == nullptr) return {Status::kInvalidLogPage};
  } else if (sqe.nsid != 0 && sqe.nsid != nvme::kNsidBroadcast) {
    return {Status::kInvalidField};  // none of the others belongs to a single namespace (LPA bit 0 is 0)
  }
  if ((sqe.cdw14 & kOffsetType) != 0 || !knows_uuid_index(controller.shared(), sqe.cdw14 & kUuidIndex)) {
    return {Status::kInvalidField};
  }
  const u64 bytes = log_dwords(sqe) * sizeof(u32);
  const u64 offset = log_offset(sqe);
  if (bytes > controller.shared().max_transfer()) return {Status::kInvalidField};
  if (offset % row->granularity != 0 || bytes % row->granularity != 0) return {Status::kInvalidField};
  if (row->scope == LogScope::kCommandSet && !has_command_set(controller.shared(), static_cast<u8>(sqe.cdw14 >> 24))) {
    return {Status::kInvalidField};
  }
  const bool of_group = row->scope == LogScope::kEnduranceGroup || row->scope == kPlacement;
  if (of_group && sqe.cdw11 >> 16 != kEnduranceGroup) return {Status::kInvalidField};
  const Status gate = controller.shared().sanitize_gate.load(std::memory_order_relaxed);
  if (gate != Status::kSuccess && !row->while_sanitizing) return {gate};
  LogView view{Status::kSuccess, nullptr, 0};
  if (row->open != nullptr) {
    view = row->open(controller, sqe);
    if (view.status != Status::kSuccess || view.data == nullptr) return {view.status};
  } else {
    u8* data = controller.scratch();
    view.size = row->fill(controller, sqe, data);
    view.data = data;
  }
  if (offset > view.size) return {Status::kInvalidField};
  const u32 from = static_cast<u32>(offset);
  const Status status = controller.send_padded(sqe, view.data + from, view.size - from, static_cast<u32>(bytes));
  if (status == Status::kSuccess && (sqe.cdw10 & nvme::kRetainAsynchronousEvent) == 0) {
    controller.events().clear(row->id, sqe.nsid);
    if (row->when_read != nullptr) row->when_read(controller);
  }
  return {status};
}

LifeTotals Controller::totals(u64 now) const {
  LifeTotals life = shared_->earlier;
  u64 busy = 0;
  for (const WorkerStats& stats : shared_->worker_stats) {
    life.blocks_read += stats.blocks_read.get();
    life.blocks_written += stats.blocks_written.get();
    // NVM Command Set 1.0 section 1.4.2: a Copy is both.
    life.reads += stats.reads.get() + stats.compares.get() + stats.copies.get();
    life.writes += stats.writes.get() + stats.copies.get();
    life.media_errors += stats.media_errors.get();
    if (stats.busy.get() > busy) busy = stats.busy.get();
  }
  life.busy += busy;
  if (created_ != 0 && now > created_) life.power_on += now - created_;
  life.error_log_entries += shared_->error_log.count();
  life.power_cycles++;
  if (shared_->index == 0) {
    const MediaTraffic traffic = shared_->regions.traffic();
    life.media_read += traffic.read;
    life.media_written += traffic.programmed;
  }
  return life;
}

// Section 5.16.1.3.
void Controller::fill_smart(nvme::SmartLog& log) {
  constexpr u64 kNsPerMinute = 60ull * 1000 * 1000 * 1000;
  const LifeTotals life = totals(now_);
  const FtlHealth health = shared_->regions.health();
  const u8 group = group_warnings(health);
  const auto thousands = [](u64 blocks) { return (blocks + 999) / 1000; };
  log.critical_warning = static_cast<u8>(group | (features_.temperature_warning() ? nvme::kWarningTemperature : 0));
  log.composite_temperature = kCompositeTemperature;
  log.available_spare = health.available_spare;
  log.percentage_used = health.percentage_used;
  log.available_spare_threshold = kSpareThreshold;
  log.endurance_critical_warning = group;
  log.data_units_read.low = thousands(life.blocks_read);
  log.data_units_written.low = thousands(life.blocks_written);
  log.host_reads.low = life.reads;
  log.host_writes.low = life.writes;
  log.busy_minutes.low = life.busy / kNsPerMinute;
  log.power_cycles.low = life.power_cycles;
  log.unsafe_shutdowns.low = life.unsafe_shutdowns;
  log.power_on_hours.low = power_on_hours();
  log.media_errors.low = life.media_errors;
  log.error_log_entries.low = life.error_log_entries;
  for (u32 level = 1; level <= 2; level++) {
    log.thermal_transitions[level - 1] = thermal_.transitions(level);
    log.thermal_seconds[level - 1] = thermal_.seconds(level, now_);
  }
}

}  // namespace nvmev
