// SPDX-License-Identifier: GPL-2.0-only
// Set Features and Get Features: NVMe 2.0 sections 5.15 and 5.27.
#include "features.h"

#include "admin.h"
#include "command_set.h"
#include "controller.h"
#include "copy.h"
#include "endurance_group.h"
#include "fdp.h"
#include "lba_status.h"
#include "nvmev/nvme/feature.h"
#include "open_channel/open_channel.h"

namespace nvmev {

using nvme::Feature;
using nvme::FeatureSelect;
using nvme::Sqe;
using nvme::Status;

namespace {

// What a set or get function works on. `values` are the current or the default ones.
struct Access {
  Controller& controller;
  const Sqe& sqe;
  FeatureValues& values;
  u32 dw0;
  bool deferred = false;  // set: a job completes the command
};

bool always(const Shared&) { return true; }

// Copies what a Set Features has just changed, so that it survives a Controller Level Reset.
using SaveFunction = void (*)(FeatureValues& to, const FeatureValues& from, const Sqe& sqe);

struct FeatureRow {
  Feature id;
  bool per_namespace;
  u32 scope;                      // feature_effects
  bool (*exists)(const Shared&);  // whether this device has the feature
  Status (*set)(Access&);  // nullptr: not changeable
  Status (*get)(Access&);
  SaveFunction save = nullptr;  // nullptr: not saveable
};

// ---- Features that are one value -----------------------------------------------------------------------------

// A feature whose CDW11 is kept as it is, within the bits that mean something.
template <u32 FeatureValues::*kValue, u32 kMask>
Status set_value(Access& access) {
  if (access.sqe.cdw11 & ~kMask) return Status::kInvalidField;
  access.values.*kValue = access.sqe.cdw11;
  return Status::kSuccess;
}

template <u32 FeatureValues::*kValue>
Status get_value(Access& access) {
  access.dw0 = access.values.*kValue;
  return Status::kSuccess;
}

template <auto FeatureValues::*kValue>
void save_value(FeatureValues& to, const FeatureValues& from, const Sqe&) {
  to.*kValue = from.*kValue;
}

constexpr u32 kArbitrationMask = 0xffffff07;  // HPW, MPW, LPW, AB
constexpr u32 kAtomicityMask = 0x00000001;    // DN

Status set_arbitration(Access& access) {
  if (access.sqe.cdw11 & ~kArbitrationMask) return Status::kInvalidField;
  access.values.arbitration = access.sqe.cdw11;
  access.controller.apply_arbitration();
  return Status::kSuccess;
}

constexpr u32 kUnwrittenFails = 1u << 16;  // DULBE, of zoned and open-channel 2.0 namespaces (NSFEAT bit 2)

// Whether reads of what is not written can be made to fail.
bool knows_unwritten(const Namespace& ns) {
  const OpenChannel* ssd = open_channel_of(&ns);
  return ns.region->model.zones() != nullptr || (ssd != nullptr && ssd->version() == 2);
}

// Section 5.27.1.4, of one namespace or of all that are attached.
Status set_error_recovery(Access& access) {
  constexpr u32 kMask = 0x0000ffff;  // TLER
  if (access.sqe.cdw11 & ~(kMask | kUnwrittenFails)) return Status::kInvalidField;
  Shared& shared = access.controller.shared();
  const auto chosen = [&](const Namespace& ns) {
    return shared.namespaces.attached(ns) && (access.sqe.nsid == ns.id || access.sqe.nsid == nvme::kNsidBroadcast);
  };
  const bool unwritten_fails = (access.sqe.cdw11 & kUnwrittenFails) != 0;
  for (const Namespace& ns : shared.namespaces) {
    if (!chosen(ns) || !unwritten_fails) continue;
    if (!knows_unwritten(ns)) return Status::kInvalidField;
  }
  for (Namespace& ns : shared.namespaces) {
    if (!chosen(ns)) continue;
    access.values.error_recovery[ns.id - 1] = access.sqe.cdw11;
    ns.unwritten_fails.store(unwritten_fails, std::memory_order_relaxed);
  }
  return Status::kSuccess;
}

Status set_media_feedback(Access& access) {
  if (access.sqe.cdw11 & ~(nvme::kHighEcc | nvme::kVectorHighEcc)) return Status::kInvalidField;
  access.values.media_feedback = access.sqe.cdw11;
  access.controller.apply_open_channel();
  return Status::kSuccess;
}

Status get_error_recovery(Access& access) {
  if (access.sqe.nsid - 1 >= kMaxNamespaces) return Status::kInvalidNamespaceOrFormat;
  access.dw0 = access.values.error_recovery[access.sqe.nsid - 1];
  return Status::kSuccess;
}

void save_error_recovery(FeatureValues& to, const FeatureValues& from, const Sqe& sqe) {
  for (u32 i = 0; i < kMaxNamespaces; i++) {
    if (sqe.nsid == i + 1 || sqe.nsid == nvme::kNsidBroadcast) to.error_recovery[i] = from.error_recovery[i];
  }
}

bool has_volatile_cache(const Shared& shared) { return shared.regions.has_volatile_cache(); }

Status set_volatile_cache(Access& access) {
  constexpr u32 kEnable = 1;
  if (access.sqe.cdw11 & ~kEnable) return Status::kInvalidField;
  access.values.volatile_cache = access.sqe.cdw11;
  access.controller.subsystem().apply_volatile_cache();
  return Status::kSuccess;
}

Status set_async_config(Access& access) {
  u32 supported = nvme::async_config::kSupported;
  if (access.controller.shared().regions.has(CommandFamily::kZoned)) supported |= nvme::async_config::kZoneDescriptor;
  if (!access.controller.subsystem().has_one_controller()) supported |= nvme::async_config::kAnaChange;
  if (has_lba_status(access.controller.shared())) supported |= nvme::async_config::kLbaStatus;
  if (access.sqe.cdw11 & ~supported) return Status::kInvalidField;
  access.values.async_config = access.sqe.cdw11;
  access.controller.check_temperature();
  return Status::kSuccess;
}

// ---- Power and temperature, sections 5.27.1.2, .9, .11 and .12 ------------------------------------------------------

constexpr u32 kPermissiveMask = 1;  // NOPPME
constexpr u32 kNodrmMask = 1;       // NODRM
constexpr u32 kStateMask = 0x1f;    // PS

Status set_power(Access& access) {
  constexpr u32 kMask = 0x000000ff;  // WH, PS
  if ((access.sqe.cdw11 & kStateMask) >= kPowerStateCount || (access.sqe.cdw11 & ~kMask) != 0) {
    return Status::kInvalidField;
  }
  access.values.power = access.sqe.cdw11;
  access.controller.shared().power.set_state(access.sqe.cdw11 & kStateMask, access.controller.now());
  return Status::kSuccess;
}

// The current state may be one that the device has gone to, or left, by itself.
Status get_power(Access& access) {
  access.dw0 = access.values.power;
  if (&access.values == &access.controller.features()) {
    access.dw0 = (access.dw0 & ~kStateMask) | access.controller.shared().power.state(access.controller.now());
  }
  return Status::kSuccess;
}

bool has_idle_transitions(const Shared& shared) { return shared.config.apst != 0; }

// 32 entries of 8 bytes: Idle Time Prior to Transition in bits 31:8, Idle Transition Power State in bits 7:3.
constexpr u32 kIdleEntries = 32;

Status set_idle_transitions(Access& access) {
  constexpr u32 kEnable = 1;  // APSTE
  if (access.sqe.cdw11 & ~kEnable) return Status::kInvalidField;
  u64 data[kIdleEntries];
  if (const Status status = access.controller.receive(access.sqe, data, sizeof(data)); status != Status::kSuccess) {
    return status;
  }
  IdleTransitions transitions{};
  for (u32 i = 0; i < kPowerStateCount; i++) {
    const u8 to = static_cast<u8>(data[i] >> 3 & 0x1f);
    const u32 after = static_cast<u32>(data[i] >> 8 & 0xffffff);
    // Only states that do no I/O are gone to.
    if (after != 0 && (to >= kPowerStateCount || kPowerStates[to].operational)) return Status::kInvalidField;
    if (to < kPowerStateCount) transitions[i] = {to, after};
  }
  access.values.idle_transitions_enabled = access.sqe.cdw11;
  access.values.idle_transitions = transitions;
  access.controller.shared().power.set_transitions(access.sqe.cdw11 != 0, transitions, access.controller.now());
  return Status::kSuccess;
}

Status get_idle_transitions(Access& access) {
  u64 data[kIdleEntries] = {};
  for (u32 i = 0; i < kPowerStateCount; i++) {
    const IdleTransition& transition = access.values.idle_transitions[i];
    data[i] = static_cast<u64>(transition.to) << 3 | static_cast<u64>(transition.after) << 8;
  }
  access.dw0 = access.values.idle_transitions_enabled;
  return access.controller.send(access.sqe, data, sizeof(data));
}

void save_idle_transitions(FeatureValues& to, const FeatureValues& from, const Sqe&) {
  to.idle_transitions_enabled = from.idle_transitions_enabled;
  to.idle_transitions = from.idle_transitions;
}

Status set_thermal(Access& access) {
  const u16 light = static_cast<u16>(access.sqe.cdw11 >> 16), heavy = static_cast<u16>(access.sqe.cdw11);
  for (const u16 limit : {light, heavy}) {
    if (limit != 0 && (limit < kMinThermalManagement || limit > kMaxThermalManagement)) return Status::kInvalidField;
  }
  if (light != 0 && heavy != 0 && light >= heavy) return Status::kInvalidField;
  access.values.thermal = access.sqe.cdw11;
  access.controller.apply_thermal();
  return Status::kSuccess;
}

// ---- Host Memory Buffer, section 5.27.1.10 -------------------------------------------------------------------------

Status set_host_memory_buffer(Access& access) { return set_host_memory(access.controller, access.sqe, access.values.host_memory); }

Status get_host_memory_buffer(Access& access) {
  access.dw0 = access.values.host_memory.pages != 0;  // EHM
  return get_host_memory(access.controller, access.sqe, access.values.host_memory);
}

// ---- Keep Alive Timer, section 5.27.1.13 --------------------------------------------------------------------------

Status set_keep_alive(Access& access) {
  constexpr u32 kUnit = kKeepAliveGranularity * 100;  // ms
  const u32 wanted = access.sqe.cdw11;
  if (wanted > ~0u - kUnit) return Status::kKeepAliveTimeoutInvalid;
  access.values.keep_alive = (wanted + kUnit - 1) / kUnit * kUnit;
  access.controller.restart_keep_alive();
  return Status::kSuccess;
}

// ---- LBA Status Information Attributes, section 5.27.1.15 -------------------------------------------------------------

// The poll interval (LSIPI) is the controller's, and 0: the log is always as things are.
Status set_lba_status(Access& access) {
  constexpr u32 kReportInterval = 0xffff;
  access.dw0 = access.values.lba_status = access.sqe.cdw11 & kReportInterval;
  return Status::kSuccess;
}

// ---- Endurance Group Event Configuration, section 5.27.1.19 ---------------------------------------------------------

Status set_group_events(Access& access) {
  constexpr u32 kWarnings = nvme::kWarningSpare << 16;
  if (static_cast<u16>(access.sqe.cdw11) != kEnduranceGroup) return Status::kInvalidField;
  if (access.sqe.cdw11 >> 16 & ~(kWarnings >> 16)) return Status::kInvalidField;
  access.values.group_events = access.sqe.cdw11;
  return Status::kSuccess;
}

Status get_group_events(Access& access) {
  if (static_cast<u16>(access.sqe.cdw11) != kEnduranceGroup) return Status::kInvalidField;
  access.dw0 = access.values.group_events;
  return Status::kSuccess;
}

// ---- I/O Command Set Profile, section 5.27.1.20 ---------------------------------------------------------------------

// Identify CNS 1Ch has one combination, which is always there.
Status set_command_set_profile(Access& access) {
  constexpr u32 kIndex = 0x1ff;  // IOCSCI
  if (access.sqe.cdw11 & ~kIndex) return Status::kInvalidField;
  return access.sqe.cdw11 == 0 ? Status::kSuccess : Status::kCommandSetCombinationRejected;
}

Status get_command_set_profile(Access&) { return Status::kSuccess; }

// ---- Host Behavior Support, section 5.27.1.18 ---------------------------------------------------------------------

struct HostBehavior {
  u8 acre;   // Advanced Command Retry: no delays are asked for (CRDT1 to 3 are 0)
  u8 etdas;  // Extended Telemetry Data Area 4
  u8 lbafee;  // LBA Format Extension
  u8 hdisns;
  u16 cdfe;  // Copy Descriptor Formats Enable
  u8 reserved6[506];
};
static_assert(sizeof(HostBehavior) == 512);

Status set_host_behavior(Access& access) {
  HostBehavior data;
  if (const Status status = access.controller.receive(access.sqe, &data, sizeof(data)); status != Status::kSuccess) {
    return status;
  }
  // Extended formats are there as CTRATT bit 15 says.
  if (data.acre > 1 || data.etdas > 1 || data.lbafee > 1 || data.hdisns != 0) return Status::kInvalidField;
  Shared& shared = access.controller.shared();
  if (data.lbafee != 0 && shared.metadata.formats() <= kPlainFormats) return Status::kInvalidField;
  // Only formats 2 and 3 need to be enabled.
  constexpr u16 kCopyFormats = 1u << 2 | 1u << 3;
  if ((data.cdfe & ~(copy_formats(shared) & kCopyFormats)) != 0) return Status::kInvalidField;
  access.values.host_behavior = data.acre | static_cast<u32>(data.etdas) << 1 | static_cast<u32>(data.lbafee) << 8 | static_cast<u32>(data.cdfe) << 16;
  access.controller.apply_host_behavior();
  return Status::kSuccess;
}

Status get_host_behavior(Access& access) {
  HostBehavior data{};
  data.acre = access.values.host_behavior & 1;
  data.etdas = (access.values.host_behavior & kKnowsTelemetryArea4) != 0;
  data.lbafee = static_cast<u8>(access.values.host_behavior >> 8);
  data.cdfe = static_cast<u16>(access.values.host_behavior >> 16);
  return access.controller.send(access.sqe, &data, sizeof(data));
}

// ---- Temperature Threshold, section 5.27.1.3 --------------------------------------------------------------------

constexpr u32 kSelectComposite = 0;
constexpr u32 kSelectAll = 0xf;
constexpr u32 kOver = 0;
constexpr u32 kUnder = 1;

u32 temperature_sensor(const Sqe& sqe) { return sqe.cdw11 >> 16 & 0xf; }
u32 temperature_type(const Sqe& sqe) { return sqe.cdw11 >> 20 & 0x3; }

Status set_temperature(Access& access) {
  const u32 sensor = temperature_sensor(access.sqe);
  const u16 threshold = static_cast<u16>(access.sqe.cdw11);
  if (sensor != kSelectComposite && sensor != kSelectAll) return Status::kInvalidField;
  switch (temperature_type(access.sqe)) {
    case kOver:
      access.values.over_temperature = threshold;
      break;
    case kUnder:
      access.values.under_temperature = threshold;
      break;
    default:
      return Status::kInvalidField;
  }
  access.controller.check_temperature();
  return Status::kSuccess;
}

Status get_temperature(Access& access) {
  if (temperature_sensor(access.sqe) != kSelectComposite) return Status::kInvalidField;
  switch (temperature_type(access.sqe)) {
    case kOver:
      access.dw0 = access.values.over_temperature;
      return Status::kSuccess;
    case kUnder:
      access.dw0 = access.values.under_temperature;
      return Status::kSuccess;
    default:
      return Status::kInvalidField;
  }
}

void save_temperature(FeatureValues& to, const FeatureValues& from, const Sqe& sqe) {
  if (temperature_type(sqe) == kOver) to.over_temperature = from.over_temperature;
  if (temperature_type(sqe) == kUnder) to.under_temperature = from.under_temperature;
}

// ---- Queues and interrupts --------------------------------------------------------------------------------------

Status get_number_of_queues(Access& access) {
  const u32 queues = access.controller.queues() - 1;  // 0-based
  access.dw0 = queues | queues << 16;
  return Status::kSuccess;
}

// Section 5.27.1.5. All queues that the device has are always allocated.
Status set_number_of_queues(Access& access) {
  const Shared& shared = access.controller.shared();
  if ((access.sqe.cdw11 & 0xffff) == 0xffff || access.sqe.cdw11 >> 16 == 0xffff) return Status::kInvalidField;
  for (u32 id = 1; id < shared.sqs.size(); id++) {
    const bool sq_exists = shared.sqs[id].state.load(std::memory_order_relaxed) != SqState::kAbsent;
    if (sq_exists || shared.cqs[id].exists) return Status::kCommandSequenceError;
  }
  return get_number_of_queues(access);
}

Status set_coalescing(Access& access) {
  constexpr u32 kMask = 0x0000ffff;  // TIME, THR
  if (access.sqe.cdw11 & ~kMask) return Status::kInvalidField;
  access.values.coalescing = access.sqe.cdw11;
  access.controller.apply_coalescing();
  return Status::kSuccess;
}

constexpr u32 kCoalescingDisable = 1u << 16;

Status set_vector_config(Access& access) {
  const u32 vector = access.sqe.cdw11 & 0xffff;
  constexpr u32 kMask = 0x0001ffff;  // CD, IV
  if (vector >= access.controller.vectors() || (access.sqe.cdw11 & ~kMask) != 0) return Status::kInvalidField;
  const u64 bit = 1ull << vector % 64;
  u64& word = access.values.uncoalesced[vector / 64];
  word = access.sqe.cdw11 & kCoalescingDisable ? word | bit : word & ~bit;
  access.controller.apply_coalescing();
  return Status::kSuccess;
}

Status get_vector_config(Access& access) {
  const u32 vector = access.sqe.cdw11 & 0xffff;
  if (vector >= access.controller.vectors()) return Status::kInvalidField;
  const bool disabled = access.values.uncoalesced[vector / 64] >> vector % 64 & 1;
  access.dw0 = vector | (disabled ? kCoalescingDisable : 0);
  return Status::kSuccess;
}

void save_vector_config(FeatureValues& to, const FeatureValues& from, const Sqe& sqe) {
  const u32 vector = sqe.cdw11 & 0xffff;
  const u64 bit = 1ull << vector % 64;
  u64& word = to.uncoalesced[vector / 64];
  word = (word & ~bit) | (from.uncoalesced[vector / 64] & bit);
}

// ---- Timestamp, section 5.27.1.8 ----------------------------------------------------------------------------------

constexpr u64 kTimestampMask = (1ull << 48) - 1;

Status set_timestamp(Access& access) {
  u64 data;
  const Status status = access.controller.receive(access.sqe, &data, sizeof(data));
  if (status != Status::kSuccess) return status;
  access.controller.timestamp_changes();
  access.values.timestamp = data & kTimestampMask;
  access.values.timestamp_set = access.controller.now();
  access.values.timestamp_by_host = true;
  return Status::kSuccess;
}

Status get_timestamp(Access& access) {
  const bool current = &access.values == &access.controller.features();
  const u64 data = current ? access.controller.timestamp() : 0;
  return access.controller.send(access.sqe, &data, sizeof(data));
}

// ---- Flexible Data Placement, NVMe 2.1 sections 5.1.25.1.20 and .21 ------------------------------------------------

Status get_placement_mode(Access& access) {
  constexpr u32 kEnabled = 1;  // FDPE, with configuration 0 in FDPCIDX
  if (static_cast<u16>(access.sqe.cdw11) != kEnduranceGroup) return Status::kInvalidField;
  access.dw0 = kEnabled;
  return Status::kSuccess;
}

constexpr u32 kEventTypes = sizeof(kFdpEventTypes) / sizeof(kFdpEventTypes[0]);

u16 placement_handle(const Sqe& sqe) { return static_cast<u16>(sqe.cdw11); }
u32 event_count(const Sqe& sqe) { return sqe.cdw11 >> 16 & 0xff; }

Status set_placement_events(Access& access) {
  constexpr u32 kEnable = 1;
  Shared& shared = access.controller.shared();
  const u16 handle = placement_handle(access.sqe);
  const u32 count = event_count(access.sqe);
  if (handle >= shared.regions.placement()->handles() || count == 0 || count > kEventTypes) return Status::kInvalidField;
  u8 types[kEventTypes];
  if (const Status status = access.controller.receive(access.sqe, types, count); status != Status::kSuccess) {
    return status;
  }
  for (u32 i = 0; i < count; i++) {
    bool known = false;
    for (const nvme::FdpEventType type : kFdpEventTypes) known |= static_cast<u8>(type) == types[i];
    if (!known) return Status::kInvalidField;
  }
  collect_placement_events(shared);  // what was not wanted when it happened is not kept
  for (u32 i = 0; i < count; i++) {
    shared.fdp_events.enable(static_cast<nvme::FdpEventType>(types[i]), handle, (access.sqe.cdw12 & kEnable) != 0);
  }
  return Status::kSuccess;
}

Status get_placement_events(Access& access) {
  Shared& shared = access.controller.shared();
  const u16 handle = placement_handle(access.sqe);
  const u32 count = event_count(access.sqe);
  if (handle >= shared.regions.placement()->handles() || count == 0) return Status::kInvalidField;
  const bool current = &access.values == &access.controller.features();
  u8 descriptors[2 * kEventTypes];  // type, attributes: bit 0 enabled
  for (u32 i = 0; i < kEventTypes; i++) {
    descriptors[2 * i] = static_cast<u8>(kFdpEventTypes[i]);
    descriptors[2 * i + 1] = current && shared.fdp_events.enabled(kFdpEventTypes[i], handle);
  }
  access.dw0 = kEventTypes;
  return access.controller.send_padded(access.sqe, descriptors, sizeof(descriptors), 2 * count);
}

// ---- Namespace Write Protection Config, sections 5.27.1.30 and 8.12 -------------------------------------------------

bool step_protection(Controller& controller, AdminJob& job, Status*, u32*) { return job.quiesce.done(controller); }

// What is protected until a power cycle, or for ever, stays so.
bool may_change(const Namespace& ns, nvme::WriteProtection to) {
  const nvme::WriteProtection from = ns.protection.load(std::memory_order_relaxed);
  return from == to || from == nvme::WriteProtection::kNone || from == nvme::WriteProtection::kProtected;
}

// Completes when no command that was let through before can change a block any more.
Status set_write_protection(Access& access) {
  constexpr u32 kMask = 0x7;
  const auto state = static_cast<nvme::WriteProtection>(access.sqe.cdw11);
  if ((access.sqe.cdw11 & ~kMask) != 0 || state > nvme::WriteProtection::kPermanent) return Status::kInvalidField;
  ControllerNamespaces& namespaces = access.controller.shared().namespaces;
  const auto named = [&](const Namespace& ns) {
    return namespaces.attached(ns) && (access.sqe.nsid == ns.id || access.sqe.nsid == nvme::kNsidBroadcast);
  };
  for (const Namespace& ns : namespaces) {
    if (named(ns) && !may_change(ns, state)) return Status::kFeatureNotChangeable;
  }
  for (Namespace& ns : namespaces) {
    if (named(ns)) ns.protection.store(state, std::memory_order_seq_cst);
  }
  access.controller.jobs().add(step_protection, access.sqe)->quiesce.begin(access.controller);
  access.deferred = true;
  return Status::kSuccess;
}

Status get_write_protection(Access& access) {
  const Namespace* ns = access.controller.shared().namespaces.find_attached(access.sqe.nsid);
  if (ns == nullptr) return Status::kInvalidNamespaceOrFormat;
  const bool current = &access.values == &access.controller.features();
  access.dw0 = current ? static_cast<u32>(ns->protection.load(std::memory_order_relaxed)) : 0;
  return Status::kSuccess;
}

// ---- Reservations, sections 5.27.1.25 to .27 --------------------------------------------------------------------------

constexpr u32 kExtendedHostId = 1u << 0;  // EXHID

Status set_host_identifier(Access& access) {
  if (access.sqe.cdw11 & ~kExtendedHostId) return Status::kInvalidField;
  const bool extended = (access.sqe.cdw11 & kExtendedHostId) != 0;
  u64 id[2] = {};
  const Status status = access.controller.receive(access.sqe, id, extended ? sizeof(id) : sizeof(id[0]));
  if (status != Status::kSuccess) return status;
  return access.controller.subsystem().reservations.set_host(access.controller.shared().index, id[0], id[1], extended);
}

Status get_host_identifier(Access& access) {
  const bool extended = (access.sqe.cdw11 & kExtendedHostId) != 0;
  const bool current = &access.values == &access.controller.features();
  HostId id{};
  if (current) id = access.controller.subsystem().reservations.host(access.controller.shared().index);
  if (id.given() && id.extended != extended) return Status::kHostIdInconsistentFormat;
  const u64 data[2] = {id.low, id.high};
  return access.controller.send(access.sqe, data, extended ? sizeof(data) : sizeof(data[0]));
}

// Calls `with(ns)` for the namespaces that the command is for.
template <typename Function>
void for_each_named(Access& access, Function with) {
  ControllerNamespaces& namespaces = access.controller.shared().namespaces;
  for (Namespace& ns : namespaces) {
    if (!namespaces.attached(ns)) continue;
    if (access.sqe.nsid == ns.id || access.sqe.nsid == nvme::kNsidBroadcast) with(ns);
  }
}

Status set_notice_mask(Access& access) {
  if (access.sqe.cdw11 & ~nvme::kNoticeMasks) return Status::kInvalidField;
  Reservations& reservations = access.controller.subsystem().reservations;
  for_each_named(access, [&](const Namespace& ns) {
    reservations.set_mask(access.controller.shared().index, ns.id, access.sqe.cdw11);
  });
  return Status::kSuccess;
}

Status get_notice_mask(Access& access) {
  if (access.controller.shared().namespaces.find_attached(access.sqe.nsid) == nullptr) {
    return Status::kInvalidNamespaceOrFormat;
  }
  const bool current = &access.values == &access.controller.features();
  if (current) access.dw0 = access.controller.subsystem().reservations.mask(access.controller.shared().index, access.sqe.nsid);
  return Status::kSuccess;
}

Status set_reservation_persistence(Access& access) {
  constexpr u32 kPersist = 1;  // PTPL
  if (access.sqe.cdw11 & ~kPersist) return Status::kInvalidField;
  for_each_named(access, [&](const Namespace& ns) {
    access.controller.subsystem().reservations.set_persists(ns.id, access.sqe.cdw11 != 0);
  });
  return Status::kSuccess;
}

Status get_reservation_persistence(Access& access) {
  if (access.controller.shared().namespaces.find_attached(access.sqe.nsid) == nullptr) {
    return Status::kInvalidNamespaceOrFormat;
  }
  const bool current = &access.values == &access.controller.features();
  if (current) access.dw0 = access.controller.subsystem().reservations.persists(access.sqe.nsid);
  return Status::kSuccess;
}

constexpr u32 kController = nvme::feature_effects::kScopeController;
constexpr u32 kNamespace = nvme::feature_effects::kScopeNamespace;
constexpr u32 kGroup = nvme::feature_effects::kScopeEnduranceGroup;
constexpr u32 kSubsystem = nvme::feature_effects::kScopeSubsystem;

using Values = FeatureValues;

constexpr FeatureRow kRows[] = {
    {Feature::kArbitration, false, kController, always, set_arbitration,
     get_value<&Values::arbitration>, save_value<&Values::arbitration>},
    {Feature::kPowerManagement, false, kController, always, set_power, get_power, save_value<&Values::power>},
    {Feature::kTemperatureThreshold, false, kController, always, set_temperature, get_temperature, save_temperature},
    {Feature::kErrorRecovery, true, kNamespace, always, set_error_recovery, get_error_recovery, save_error_recovery},
    {Feature::kVolatileWriteCache, false, kController, has_volatile_cache, set_volatile_cache,
     get_value<&Values::volatile_cache>, save_value<&Values::volatile_cache>},
    {Feature::kNumberOfQueues, false, kController, always, set_number_of_queues, get_number_of_queues},
    {Feature::kInterruptCoalescing, false, kController, always, set_coalescing, get_value<&Values::coalescing>,
     save_value<&Values::coalescing>},
    {Feature::kInterruptVectorConfig, false, kController, always, set_vector_config, get_vector_config,
     save_vector_config},
    {Feature::kWriteAtomicity, false, kController, always, set_value<&Values::write_atomicity, kAtomicityMask>,
     get_value<&Values::write_atomicity>, save_value<&Values::write_atomicity>},
    {Feature::kAsyncEventConfig, false, kController, always, set_async_config, get_value<&Values::async_config>,
     save_value<&Values::async_config>},
    {Feature::kAutonomousPowerStates, false, kController, has_idle_transitions, set_idle_transitions,
     get_idle_transitions, save_idle_transitions},
    {Feature::kHostMemoryBuffer, false, kController, has_host_memory, set_host_memory_buffer, get_host_memory_buffer},
    {Feature::kTimestamp, false, kController, always, set_timestamp, get_timestamp},
    {Feature::kKeepAliveTimer, false, kController, always, set_keep_alive, get_value<&Values::keep_alive>},
    {Feature::kThermalManagement, false, kController, always, set_thermal, get_value<&Values::thermal>,
     save_value<&Values::thermal>},
    {Feature::kNonOperationalConfig, false, kController, always,
     set_value<&Values::non_operational_permissive, kPermissiveMask>, get_value<&Values::non_operational_permissive>,
     save_value<&Values::non_operational_permissive>},
    {Feature::kLbaStatusAttributes, false, kController, has_lba_status, set_lba_status, get_value<&Values::lba_status>,
     save_value<&Values::lba_status>},
    {Feature::kHostBehavior, false, kController, always, set_host_behavior, get_host_behavior},
    {Feature::kSanitizeConfig, false, kSubsystem, always, set_value<&Values::sanitize_warning, kNodrmMask>,
     get_value<&Values::sanitize_warning>, save_value<&Values::sanitize_warning>},
    {Feature::kEnduranceGroupEvents, false, kGroup, always, set_group_events, get_group_events,
     save_value<&Values::group_events>},
    {Feature::kCommandSetProfile, false, kController, always, set_command_set_profile, get_command_set_profile},
    {Feature::kFlexibleDataPlacement, false, kGroup, has_placement, nullptr, get_placement_mode},
    {Feature::kFdpEvents, true, kNamespace, has_placement, set_placement_events, get_placement_events},
    {Feature::kHostIdentifier, false, kController, has_reservations, set_host_identifier, get_host_identifier},
    {Feature::kReservationNoticeMask, true, kNamespace, has_reservations, set_notice_mask, get_notice_mask},
    {Feature::kReservationPersistence, true, kNamespace, has_reservations, set_reservation_persistence,
     get_reservation_persistence},
    {Feature::kWriteProtection, true, kNamespace, always, set_write_protection, get_write_protection},
    {Feature::kMediaFeedback, false, kController, has_open_channel_20, set_media_feedback,
     get_value<&Values::media_feedback>, save_value<&Values::media_feedback>},
};

const FeatureRow* find_row(const Shared& shared, const Sqe& sqe) {
  for (const FeatureRow& row : kRows) {
    if (static_cast<u8>(row.id) == static_cast<u8>(sqe.cdw10)) return row.exists(shared) ? &row : nullptr;
  }
  return nullptr;
}

bool names_namespace(const Sqe& sqe, const Shared& shared) {
  return shared.namespaces.find_attached(sqe.nsid) != nullptr;
}

}  // namespace

AdminResult set_features(Controller& controller, const Sqe& sqe) {
  constexpr u32 kSave = 1u << 31;
  const Shared& shared = controller.shared();
  const FeatureRow* row = find_row(shared, sqe);
  if (row == nullptr) return {Status::kInvalidField};
  if ((sqe.cdw10 & kSave) != 0 && row->save == nullptr) return {Status::kFeatureNotSaveable};
  const bool all = sqe.nsid == nvme::kNsidBroadcast;
  if (row->per_namespace) {
    if (!all && !names_namespace(sqe, shared)) return {Status::kInvalidNamespaceOrFormat};
  } else if (sqe.nsid != 0 && !all) {
    return {names_namespace(sqe, shared) ? Status::kFeatureNotNamespaceSpecific : Status::kInvalidNamespaceOrFormat};
  }
  if (row->set == nullptr) return {Status::kFeatureNotChangeable};
  if (row->per_namespace) {
    const Status gate = all ? shared.ana.gate(shared.namespaces) : shared.ana.gate(*shared.namespaces.find(sqe.nsid));
    if (gate != Status::kSuccess) return {gate};
  }
  Access access{controller, sqe, controller.features(), 0};
  if (const Status status = row->set(access); status != Status::kSuccess) return {status};
  if (sqe.cdw10 & kSave) row->save(controller.saved_features(), controller.features(), sqe);
  if (row->id == Feature::kErrorRecovery) controller.share_error_recovery();
  constexpr u32 kDwords = 2;
  if (row->id != Feature::kTimestamp) {
    controller.record(nvme::PersistentEventType::kSetFeature, nvme::SetFeatureEvent{kDwords, sqe.cdw10, sqe.cdw11});
  }
  if (access.deferred) return AdminResult::later();
  return {Status::kSuccess, access.dw0};
}

AdminResult get_features(Controller& controller, const Sqe& sqe) {
  const Shared& shared = controller.shared();
  const FeatureRow* row = find_row(shared, sqe);
  const u32 select = sqe.cdw10 >> 8 & 0x7;
  if (row == nullptr || select > static_cast<u32>(FeatureSelect::kSupported)) return {Status::kInvalidField};
  if (sqe.nsid != 0 && sqe.nsid != nvme::kNsidBroadcast && !names_namespace(sqe, shared)) {
    return {Status::kInvalidNamespaceOrFormat};
  }
  if (row->per_namespace && names_namespace(sqe, shared)) {
    if (const Status gate = shared.ana.gate(*shared.namespaces.find(sqe.nsid)); gate != Status::kSuccess) return {gate};
  }
  if (select == static_cast<u32>(FeatureSelect::kSupported)) {
    u32 capabilities = row->set != nullptr ? nvme::feature_capability::kChangeable : 0;
    if (row->per_namespace) capabilities |= nvme::feature_capability::kNamespaceSpecific;
    if (row->save != nullptr) capabilities |= nvme::feature_capability::kSaveable;
    return {Status::kSuccess, capabilities};
  }
  FeatureValues defaults;
  FeatureValues* values = &defaults;
  if (select == static_cast<u32>(FeatureSelect::kCurrent)) values = &controller.features();
  // Section 5.15: the saved value of a feature that cannot be saved, or has not been, is its default.
  if (select == static_cast<u32>(FeatureSelect::kSaved)) values = &controller.saved_features();
  Access access{controller, sqe, *values, 0};
  const Status status = row->get(access);
  return {status, status == Status::kSuccess ? access.dw0 : 0};
}

u32 feature_effects_log(Controller& controller, const Sqe&, u8* data) {
  auto& log = *reinterpret_cast<nvme::FeatureEffectsLog*>(data);
  for (const FeatureRow& row : kRows) {
    if (row.exists(controller.shared())) log.features[static_cast<u8>(row.id)] = nvme::feature_effects::kSupported | row.scope;
  }
  return sizeof(log);
}

// ---- What values do when they are not just kept ---------------------------------------------------------------------

void Controller::apply_coalescing() {
  constexpr u64 kTimeUnit = 100 * 1000;  // ns
  Coalescing& coalescing = shared_->coalescing;
  coalescing.threshold.store(features_.coalescing & 0xff, std::memory_order_relaxed);
  coalescing.time.store((features_.coalescing >> 8 & 0xff) * kTimeUnit, std::memory_order_relaxed);
  for (std::size_t i = 0; i < features_.uncoalesced.size(); i++) {
    coalescing.disabled[i].store(features_.uncoalesced[i], std::memory_order_relaxed);
  }
}

void Controller::apply_arbitration() {
  shared_->arbitration.store(features_.arbitration, std::memory_order_relaxed);
}

void Controller::apply_power() {
  shared_->power.set_transitions(features_.idle_transitions_enabled != 0, features_.idle_transitions, now_);
  shared_->power.set_state(features_.power & 0x1f, now_);
}

void Controller::apply_thermal() {
  thermal_.set(static_cast<u16>(features_.thermal >> 16), static_cast<u16>(features_.thermal), now_);
}

void Controller::apply_host_behavior() {
  shared_->extended_formats.store((features_.host_behavior >> 8 & 0xff) != 0, std::memory_order_relaxed);
  shared_->copy_formats.store(static_cast<u16>(features_.host_behavior >> 16), std::memory_order_relaxed);
}

void Controller::apply_open_channel() {
  shared_->media_feedback.store(features_.media_feedback, std::memory_order_relaxed);
}

// Section 3.7.2: a Controller Level Reset leaves what was saved, and defaults.
void Controller::restore_features() {
  const auto error_recovery = features_.error_recovery;
  features_ = saved_;
  // Of namespaces, which a reset of one among several controllers is not about.
  if (!subsystem().has_one_controller()) features_.error_recovery = error_recovery;
  features_.timestamp_set = now_;
  subsystem().apply_volatile_cache();
  apply_arbitration();
  apply_coalescing();
  apply_power();
  apply_thermal();
  for (Namespace& ns : shared_->namespaces) {
    ns.unwritten_fails.store((features_.error_recovery[ns.id - 1] & kUnwrittenFails) != 0, std::memory_order_relaxed);
  }
  apply_open_channel();
  apply_host_memory(*shared_, features_.host_memory, now_);
  apply_host_behavior();
}

void Controller::share_error_recovery() {
  subsystem().for_each_controller([&](Controller& other) {
    other.features_.error_recovery = features_.error_recovery;
    other.saved_.error_recovery = saved_.error_recovery;
  });
}

void Controller::forget_namespace(u32 nsid) {
  shared_->namespaces.find(nsid)->unwritten_fails.store(false, std::memory_order_relaxed);
  features_.error_recovery[nsid - 1] = saved_.error_recovery[nsid - 1] = 0;
}

u64 Controller::timestamp() const {
  constexpr u64 kMask = (1ull << 48) - 1;
  constexpr u64 kOriginHost = 1ull << 49;  // Timestamp Origin 001b: set by the host
  constexpr u64 kNsPerMs = 1000 * 1000;
  const u64 value = (features_.timestamp + (now_ - features_.timestamp_set) / kNsPerMs) & kMask;
  return features_.timestamp_by_host ? value | kOriginHost : value;
}

}  // namespace nvmev
