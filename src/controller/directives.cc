// SPDX-License-Identifier: GPL-2.0-only
// Directive Send and Receive: NVMe 2.0 section 8.7. The Data Placement directive is enabled exactly when Flexible Data
// Placement is; the Streams directive is switched by command, for each controller, and off after its reset.
#include "nvmev/nvme/directive.h"

#include "admin.h"
#include "controller.h"
#include "fdp.h"
#include "nvmev/text.h"
#include "streams.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;

namespace {

u8 operation(const Sqe& sqe) { return static_cast<u8>(sqe.cdw11); }
u8 directive(const Sqe& sqe) { return static_cast<u8>(sqe.cdw11 >> 8); }
u16 specific(const Sqe& sqe) { return static_cast<u16>(sqe.cdw11 >> 16); }

bool knows_streams(const Namespace& ns) { return ns.region->streams.count() != 0; }

AdminResult send(Controller& controller, const Sqe& sqe, const u8* data, u32 length) {
  const u64 bytes = (sqe.cdw10 + 1ull) * sizeof(u32);  // NUMD is 0-based
  if (bytes > controller.shared().max_transfer()) return {Status::kInvalidField};
  return {controller.send_padded(sqe, data, length, static_cast<u32>(bytes))};
}

// ---- Identify ----------------------------------------------------------------------------------------------------

AdminResult identify_parameters(Controller& controller, Namespace* ns, const Sqe& sqe) {
  u8* scratch = controller.scratch();
  auto& data = *reinterpret_cast<nvme::DirectiveParameters*>(scratch);
  data.supported[0] = data.enabled[0] = 1u << nvme::kDirectiveIdentify;
  if (ns->region->model.placement() != nullptr) {
    data.supported[0] |= 1u << nvme::kDirectiveDataPlacement;
    data.enabled[0] |= 1u << nvme::kDirectiveDataPlacement;
    data.persistent[0] |= 1u << nvme::kDirectiveDataPlacement;
  }
  if (knows_streams(*ns)) data.supported[0] |= 1u << nvme::kDirectiveStreams;
  if (ns->has_streams_enabled(controller.shared().index)) data.enabled[0] |= 1u << nvme::kDirectiveStreams;
  return send(controller, sqe, scratch, sizeof(data));
}

AdminResult identify_enable(Controller& controller, Namespace* ns, const Sqe& sqe) {
  const bool on = (sqe.cdw12 & 1) != 0;
  const bool of_streams = static_cast<u8>(sqe.cdw12 >> 8) == nvme::kDirectiveStreams;
  if (!of_streams || !has_streams(controller.shared())) return {Status::kInvalidField};
  if (ns != nullptr) {
    if (!knows_streams(*ns)) return {Status::kInvalidField};
    controller.enable_streams(*ns, on);
    return {};
  }
  // All that are attached.
  for (Namespace& each : controller.shared().namespaces) {
    if (controller.shared().namespaces.attached(each) && knows_streams(each)) controller.enable_streams(each, on);
  }
  return {};
}

// ---- Streams -------------------------------------------------------------------------------------------------------

// For NSID FFFFFFFFh what the NVM subsystem has, all zeros for a namespace.
AdminResult streams_parameters(Controller& controller, Namespace* ns, const Sqe& sqe) {
  nvme::StreamsParameters data{};
  data.nssc = nvme::kNsscSharedIdentifiers;
  for (Region& region : controller.shared().regions) {
    const StreamResources::Use use = region.streams.use_of(0);
    data.msl = static_cast<u16>(data.msl + region.streams.count());
    data.nssa = static_cast<u16>(data.nssa + use.available);
    data.nsso = static_cast<u16>(data.nsso + use.open);
  }
  if (ns != nullptr) {
    const StreamResources::Use use = ns->region->streams.use_of(ns->id);
    const StreamLimits limits = ns->region->model.streams();
    constexpr u64 kMost = 0xffff;
    const u64 granularity = limits.unit_bytes / limits.write_bytes;
    data.sws = static_cast<u32>(limits.write_bytes >> ns->lba_shift());
    data.sgs = static_cast<u16>(granularity < kMost ? granularity : kMost);
    data.nsa = static_cast<u16>(use.allocated);
    data.nso = static_cast<u16>(use.namespace_open);
  }
  return send(controller, sqe, reinterpret_cast<const u8*>(&data), sizeof(data));
}

// Open Stream Count, then the identifiers.
AdminResult streams_status(Controller& controller, Namespace* ns, const Sqe& sqe) {
  u8* scratch = controller.scratch();
  u16* data = reinterpret_cast<u16*>(scratch);
  data[0] = static_cast<u16>(ns->region->streams.list(ns->id, data + 1));
  return send(controller, sqe, scratch, kPageSize);
}

AdminResult streams_allocate(Controller&, Namespace* ns, const Sqe& sqe) {
  StreamResources& streams = ns->region->streams;
  if (streams.use_of(ns->id).allocated != 0) return {Status::kInvalidField};
  return {Status::kSuccess, streams.allocate(ns->id, sqe.cdw12 & 0xffff)};  // NSR
}

AdminResult streams_release_identifier(Controller&, Namespace* ns, const Sqe& sqe) {
  ns->region->streams.release(ns->id, specific(sqe));
  return {};
}

AdminResult streams_release_resources(Controller&, Namespace* ns, const Sqe&) {
  ns->region->streams.release_allocated(ns->id);
  return {};
}

// ---- One row for each operation ----------------------------------------------------------------------------------------

struct DirectiveOperation {
  u8 type;
  u8 operation;
  // `ns`: nullptr for NSID FFFFFFFFh.
  AdminResult (*carry_out)(Controller&, Namespace* ns, const Sqe&);
  bool for_all;         // NSID may be FFFFFFFFh
  bool needs_streams;   // which are enabled
};

constexpr DirectiveOperation kReceive[] = {
    {nvme::kDirectiveIdentify, nvme::kIdentifyReturnParameters, identify_parameters, false, false},
    {nvme::kDirectiveStreams, nvme::kStreamsReturnParameters, streams_parameters, true, true},
    {nvme::kDirectiveStreams, nvme::kStreamsGetStatus, streams_status, false, true},
    {nvme::kDirectiveStreams, nvme::kStreamsAllocateResources, streams_allocate, false, true},
};

constexpr DirectiveOperation kSend[] = {
    {nvme::kDirectiveIdentify, nvme::kIdentifyEnable, identify_enable, true, false},
    {nvme::kDirectiveStreams, nvme::kStreamsReleaseIdentifier, streams_release_identifier, false, true},
    {nvme::kDirectiveStreams, nvme::kStreamsReleaseResources, streams_release_resources, false, true},
};

template <typename Rows>
AdminResult carry_out(Controller& controller, const Sqe& sqe, const Rows& rows) {
  Shared& shared = controller.shared();
  Namespace* ns = shared.namespaces.find_attached(sqe.nsid);
  const bool all = sqe.nsid == nvme::kNsidBroadcast;
  if (ns == nullptr && !all) return {Status::kInvalidNamespaceOrFormat};
  for (const DirectiveOperation& row : rows) {
    if (row.type != directive(sqe) || row.operation != operation(sqe)) continue;
    if (all && !row.for_all) return {Status::kInvalidNamespaceOrFormat};
    if (row.type == nvme::kDirectiveStreams && !has_streams(shared)) break;
    if (row.needs_streams && ns != nullptr && !ns->has_streams_enabled(shared.index)) break;
    return row.carry_out(controller, ns, sqe);
  }
  return {Status::kInvalidField};
}

}  // namespace

AdminResult directive_receive(Controller& controller, const Sqe& sqe) { return carry_out(controller, sqe, kReceive); }
AdminResult directive_send(Controller& controller, const Sqe& sqe) { return carry_out(controller, sqe, kSend); }

void Controller::enable_streams(Namespace& ns, bool on) {
  const u8 bit = static_cast<u8>(1u << shared_->index);
  const u8 before = on ? ns.streams.fetch_or(bit) : ns.streams.fetch_and(static_cast<u8>(~bit));
  // What was open is known to nobody once the last has switched it off; a write that came in between may have opened a stream since.
  const u8 others = static_cast<u8>(before & ~bit);
  if (others == 0 && (before != 0) != on) ns.region->streams.forget(ns.id);
}

void Controller::disable_streams() {
  for (Namespace& ns : shared_->namespaces) {
    if (ns.exists() && ns.has_streams_enabled(shared_->index)) enable_streams(ns, false);
  }
}

}  // namespace nvmev
