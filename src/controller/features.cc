// SPDX-License-Identifier: GPL-2.0-only
// Set Features and Get Features: NVMe 2.0 sections 5.15 and 5.27.
#include "features.h"

#include "admin.h"
#include "controller.h"
#include "fdp.h"
#include "nvmev/nvme/feature.h"

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
};

bool always(const Shared&) { return true; }

struct FeatureRow {
  Feature id;
  bool per_namespace;
  bool (*exists)(const Shared&);  // whether this device has the feature
  Status (*set)(Access&);  // nullptr: not changeable
  Status (*get)(Access&);
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

constexpr u32 kArbitrationMask = 0xffffff07;  // HPW, MPW, LPW, AB
constexpr u32 kAtomicityMask = 0x00000001;    // DN

// Section 5.27.1.4, of one namespace or of all.
Status set_error_recovery(Access& access) {
  constexpr u32 kMask = 0x0000ffff;  // TLER; DULBE is not supported (NSFEAT bit 2)
  if (access.sqe.cdw11 & ~kMask) return Status::kInvalidField;
  for (const Namespace& ns : access.controller.shared().namespaces) {
    if (access.sqe.nsid == ns.id || access.sqe.nsid == nvme::kNsidBroadcast) {
      access.values.error_recovery[ns.id - 1] = access.sqe.cdw11;
    }
  }
  return Status::kSuccess;
}

Status get_error_recovery(Access& access) {
  if (access.sqe.nsid - 1 >= kMaxNamespaces) return Status::kInvalidNamespaceOrFormat;
  access.dw0 = access.values.error_recovery[access.sqe.nsid - 1];
  return Status::kSuccess;
}

Status set_power(Access& access) {
  const u32 state = access.sqe.cdw11 & 0x1f;
  constexpr u32 kMask = 0x000000ff;  // WH, PS
  if (state != 0 || (access.sqe.cdw11 & ~kMask) != 0) return Status::kInvalidField;  // NPSS is 0
  access.values.power = access.sqe.cdw11;
  return Status::kSuccess;
}

bool has_volatile_cache(const Shared& shared) { return shared.regions.has_volatile_cache(); }

Status set_volatile_cache(Access& access) {
  constexpr u32 kEnable = 1;
  if (access.sqe.cdw11 & ~kEnable) return Status::kInvalidField;
  access.values.volatile_cache = access.sqe.cdw11;
  access.controller.shared().regions.set_volatile_cache(access.sqe.cdw11 != 0);
  return Status::kSuccess;
}

Status set_async_config(Access& access) {
  if (access.sqe.cdw11 & ~nvme::async_config::kSupported) return Status::kInvalidField;
  access.values.async_config = access.sqe.cdw11;
  access.controller.check_temperature();
  return Status::kSuccess;
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

// ---- Queues and interrupts --------------------------------------------------------------------------------------

Status get_number_of_queues(Access& access) {
  const u32 queues = access.controller.shared().config.queues - 1;  // 0-based
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
  constexpr u32 kMask = 0x0000ffff;       // TIME, THR
  constexpr u64 kTimeUnit = 100 * 1000;  // ns
  if (access.sqe.cdw11 & ~kMask) return Status::kInvalidField;
  access.values.coalescing = access.sqe.cdw11;
  Coalescing& coalescing = access.controller.shared().coalescing;
  coalescing.threshold.store(access.sqe.cdw11 & 0xff, std::memory_order_relaxed);
  coalescing.time.store((access.sqe.cdw11 >> 8 & 0xff) * kTimeUnit, std::memory_order_relaxed);
  return Status::kSuccess;
}

constexpr u32 kCoalescingDisable = 1u << 16;

Status set_vector_config(Access& access) {
  const u32 vector = access.sqe.cdw11 & 0xffff;
  constexpr u32 kMask = 0x0001ffff;  // CD, IV
  if (vector >= access.controller.vectors() || (access.sqe.cdw11 & ~kMask) != 0) return Status::kInvalidField;
  auto& word = access.controller.shared().coalescing.disabled[vector / 64];
  const u64 bit = 1ull << vector % 64;
  if (access.sqe.cdw11 & kCoalescingDisable) {
    word.fetch_or(bit, std::memory_order_relaxed);
  } else {
    word.fetch_and(~bit, std::memory_order_relaxed);
  }
  return Status::kSuccess;
}

Status get_vector_config(Access& access) {
  const u32 vector = access.sqe.cdw11 & 0xffff;
  if (vector >= access.controller.vectors()) return Status::kInvalidField;
  const bool current = &access.values == &access.controller.features();
  const u64 word = access.controller.shared().coalescing.disabled[vector / 64].load(std::memory_order_relaxed);
  access.dw0 = vector | (current && (word >> vector % 64 & 1) != 0 ? kCoalescingDisable : 0);
  return Status::kSuccess;
}

// ---- Timestamp, section 5.27.1.8 ----------------------------------------------------------------------------------

constexpr u64 kTimestampMask = (1ull << 48) - 1;
constexpr u64 kOriginHost = 1ull << 49;  // Timestamp Origin 001b: set by the host
constexpr u64 kNsPerMs = 1000 * 1000;

Status set_timestamp(Access& access) {
  u64 data;
  const Status status = access.controller.receive(access.sqe, &data, sizeof(data));
  if (status != Status::kSuccess) return status;
  access.values.timestamp = data & kTimestampMask;
  access.values.timestamp_set = access.controller.now();
  access.values.timestamp_by_host = true;
  return Status::kSuccess;
}

Status get_timestamp(Access& access) {
  const FeatureValues& values = access.values;
  u64 data = 0;
  if (&values == &access.controller.features()) {
    data = (values.timestamp + (access.controller.now() - values.timestamp_set) / kNsPerMs) & kTimestampMask;
    if (values.timestamp_by_host) data |= kOriginHost;
  }
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

constexpr FeatureRow kRows[] = {
    {Feature::kArbitration, false, always, set_value<&FeatureValues::arbitration, kArbitrationMask>,
     get_value<&FeatureValues::arbitration>},
    {Feature::kPowerManagement, false, always, set_power, get_value<&FeatureValues::power>},
    {Feature::kTemperatureThreshold, false, always, set_temperature, get_temperature},
    {Feature::kErrorRecovery, true, always, set_error_recovery, get_error_recovery},
    {Feature::kVolatileWriteCache, false, has_volatile_cache, set_volatile_cache,
     get_value<&FeatureValues::volatile_cache>},
    {Feature::kNumberOfQueues, false, always, set_number_of_queues, get_number_of_queues},
    {Feature::kInterruptCoalescing, false, always, set_coalescing, get_value<&FeatureValues::coalescing>},
    {Feature::kInterruptVectorConfig, false, always, set_vector_config, get_vector_config},
    {Feature::kWriteAtomicity, false, always, set_value<&FeatureValues::write_atomicity, kAtomicityMask>,
     get_value<&FeatureValues::write_atomicity>},
    {Feature::kAsyncEventConfig, false, always, set_async_config, get_value<&FeatureValues::async_config>},
    {Feature::kTimestamp, false, always, set_timestamp, get_timestamp},
    {Feature::kFlexibleDataPlacement, false, has_placement, nullptr, get_placement_mode},
    {Feature::kFdpEvents, true, has_placement, set_placement_events, get_placement_events},
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
  if (sqe.cdw10 & kSave) return {Status::kFeatureNotSaveable};
  const bool all = sqe.nsid == nvme::kNsidBroadcast;
  if (row->per_namespace) {
    if (!all && !names_namespace(sqe, shared)) return {Status::kInvalidNamespaceOrFormat};
  } else if (sqe.nsid != 0 && !all) {
    return {names_namespace(sqe, shared) ? Status::kFeatureNotNamespaceSpecific : Status::kInvalidNamespaceOrFormat};
  }
  if (row->set == nullptr) return {Status::kFeatureNotChangeable};
  Access access{controller, sqe, controller.features(), 0};
  const Status status = row->set(access);
  return {status, status == Status::kSuccess ? access.dw0 : 0};
}

AdminResult get_features(Controller& controller, const Sqe& sqe) {
  const Shared& shared = controller.shared();
  const FeatureRow* row = find_row(shared, sqe);
  const u32 select = sqe.cdw10 >> 8 & 0x7;
  if (row == nullptr || select > static_cast<u32>(FeatureSelect::kSupported)) return {Status::kInvalidField};
  if (sqe.nsid != 0 && sqe.nsid != nvme::kNsidBroadcast && !names_namespace(sqe, shared)) {
    return {Status::kInvalidNamespaceOrFormat};
  }
  if (select == static_cast<u32>(FeatureSelect::kSupported)) {
    u32 capabilities = row->set != nullptr ? nvme::feature_capability::kChangeable : 0;
    if (row->per_namespace) capabilities |= nvme::feature_capability::kNamespaceSpecific;
    return {Status::kSuccess, capabilities};
  }
  // Section 5.15: the saved value of a feature that cannot be saved is its default.
  FeatureValues defaults;
  const bool current = select == static_cast<u32>(FeatureSelect::kCurrent);
  Access access{controller, sqe, current ? controller.features() : defaults, 0};
  const Status status = row->get(access);
  return {status, status == Status::kSuccess ? access.dw0 : 0};
}

}  // namespace nvmev
