// SPDX-License-Identifier: GPL-2.0-only
// Identify: NVMe 2.0 section 5.17.
#include "nvmev/nvme/identify.h"

#include "admin.h"
#include "command_set.h"
#include "controller.h"
#include "copy.h"
#include "endurance_group.h"
#include "identity.h"
#include "nvmev/text.h"
#include "ocp.h"
#include "streams.h"
#include "zoned/zoned.h"

namespace nvmev {

using nvme::Cns;
using nvme::Csi;
using nvme::Sqe;
using nvme::Status;

namespace {

// RTD3E, us: the host may have to save the device's state.
constexpr u32 kShutdownLatency = 60 * 1000 * 1000;

u8 command_set(const Sqe& sqe) { return static_cast<u8>(sqe.cdw11 >> 24); }
u16 controller_id(const Sqe& sqe) { return static_cast<u16>(sqe.cdw10 >> 16); }

template <std::size_t kSize, std::size_t kOther>
void put_text(char (&field)[kSize], const char (&text)[kOther]) {
  set_padded(field, kSize, text);
}

// A number of bytes, or none, as 0-based blocks.
u16 blocks_of(u32 bytes, u32 lba_shift) { return static_cast<u16>(bytes != 0 ? (bytes >> lba_shift) - 1 : 0); }

// AWUN and AWUPF: what holds for every namespace, whatever its format, and across boundaries.
void fill_atomic_units(const Shared& shared, nvme::IdentifyController& data) {
  if (shared.atomic_units.boundary() != 0) return;
  for (const Region& region : shared.regions) {
    if (region.set->family != CommandFamily::kNvm) return;
  }
  data.awun = blocks_of(shared.atomic_units.bytes(), kPageShift);
  data.awupf = blocks_of(shared.atomic_units.power_fail(), kPageShift);
}

// NACWU is 0, as ACWU.
void fill_atomic_units(const AtomicUnits& units, u32 lba_shift, nvme::IdentifyNamespace& data) {
  data.nsfeat |= nvme::kNsfeatAtomicUnits;
  data.nawun = blocks_of(units.bytes(), lba_shift);
  data.nawupf = blocks_of(units.power_fail(), lba_shift);
  data.nabsn = data.nabspf = blocks_of(units.boundary(), lba_shift);
  data.nabo = static_cast<u16>(units.offset() >> lba_shift);
}

// In blocks that are counted from the namespace's first one, which need not be at the start of a unit.
void fill_preferences(const Namespace& ns, nvme::IdentifyNamespace& data) {
  const PreferredSizes sizes = ns.region->model.preferred_sizes();
  const u32 shift = ns.lba_shift();
  if (sizes.unit < 1u << shift || (ns.base - ns.region->base) % sizes.unit != 0) return;
  data.nsfeat |= nvme::kNsfeatOptimalPerformance;
  data.npwg = data.npwa = data.npdg = data.npda = blocks_of(sizes.unit, shift);
  data.nows = blocks_of(sizes.write, shift);
}

void fill_controller(Controller& controller, nvme::IdentifyController& data) {
  const Shared& shared = controller.shared();
  data.vid = static_cast<u16>(nvmev_config_pci_id(&shared.config));
  data.ssvid = NVMEV_PCI_VENDOR_ID;
  put_text(data.sn, shared.config.serial);
  put_text(data.mn, shared.config.model);
  data.rab = 6;
  if (!shared.subsystem.has_one_controller()) {
    data.cmic = nvme::kCmicControllers | nvme::kCmicAna;
    data.anatt = kAnaTransitionTime;
    data.anacap = nvme::anacap::kStates | nvme::anacap::kFixedGroup | nvme::anacap::kChosenGroup;
    data.anagrpmax = data.nanagrpid = kAnaGroups;
  }
  data.mdts = static_cast<u8>(shared.config.mdts);
  data.cntlid = shared.controller_id();
  data.ver = nvme::kVersion20;
  data.oaes = nvme::kOaesNamespaceAttribute | nvme::kOaesEnduranceGroup;
  data.rtd3e = kShutdownLatency;
  if (!shared.subsystem.has_one_controller()) data.oaes |= nvme::kOaesAnaChange;
  if (shared.regions.has(CommandFamily::kZoned)) data.oaes |= nvme::kOaesZoneDescriptor;
  data.cntrltype = nvme::kCntrlTypeIo;
  data.ctratt = nvme::ctratt::kNamespaceGranularity;
  data.oacs = nvme::oacs::kFormat | nvme::oacs::kNamespaceManagement;
  if (has_shadow_doorbells(shared)) data.oacs |= nvme::oacs::kDoorbellBuffer;
  data.acl = 3;
  data.aerl = AsyncEvents::kMaxRequests - 1;
  data.lpa = nvme::lpa::kCommandEffects | nvme::lpa::kExtendedData;
  data.elpe = ErrorLog::kEntries - 1;
  data.wctemp = kWarningTemperatureThreshold;
  data.cctemp = kCriticalTemperatureThreshold;
  put_u128(data.tnvmcap, shared.namespaces.capacity());
  put_u128(data.unvmcap, shared.namespaces.unallocated());
  data.sqes = nvme::kSqeShift << 4 | nvme::kSqeShift;
  data.cqes = nvme::kCqeShift << 4 | nvme::kCqeShift;
  data.nn = kMaxNamespaces;
  data.mnan = kMaxNamespaces;
  data.oncs = nvme::oncs::kSaveSelect | nvme::oncs::kTimestamp;
  if (shared.metadata.formats() > kPlainFormats) data.ctratt |= nvme::ctratt::kExtendedFormats;
  if (offers(shared, nvme::NvmOpcode::kCompare)) data.oncs |= nvme::oncs::kCompare;
  data.fuses = offers_fused(shared) ? nvme::kFusesCompareAndWrite : 0;
  if (offers(shared, nvme::NvmOpcode::kDatasetManagement)) data.oncs |= nvme::oncs::kDatasetManagement;
  if (offers(shared, nvme::NvmOpcode::kWriteZeroes)) data.oncs |= nvme::oncs::kWriteZeroes;
  if (has_reservations(shared)) {
    data.oncs |= nvme::oncs::kReservations;
    data.ctratt |= nvme::ctratt::kHostIdentifier128;
  }
  fill_atomic_units(shared, data);
  data.vwc = nvme::kVwcFlushBroadcast;
  if (shared.regions.has_volatile_cache()) data.vwc |= nvme::kVwcPresent;
  data.ctratt |= nvme::ctratt::kNvmSets | nvme::ctratt::kEnduranceGroups | nvme::ctratt::kDomains;
  if (has_ocp(shared)) data.ctratt |= nvme::ctratt::kUuidList;
  data.nsetidmax = kNvmSet;
  data.endgidmax = kEnduranceGroup;
  data.domain_id = kDomain;
  put_u128(data.megcap, shared.namespaces.capacity());
  if (has_placement(shared)) data.ctratt |= nvme::ctratt::kFlexibleDataPlacement;
  if (has_directives(shared)) data.oacs |= nvme::oacs::kDirectives;
  format_subnqn(shared.config.serial, data.subnqn);
  fill_admin_capabilities(controller, data);
}

bool knows_reservations(const Namespace& ns) {
  return find_command(command_set_of(&ns), static_cast<u8>(nvme::NvmOpcode::kReservationRegister)).name != nullptr;
}

void fill_formats(const Shared& shared, const CommandSet& set, nvme::IdentifyNamespace& data) {
  const u32 formats = format_count(shared, set);
  data.nlbaf = static_cast<u8>(formats - 1);
  for (u32 i = 0; i < formats; i++) {
    data.lbaf[i].lbads = kBlockFormats[i].shift;
    data.lbaf[i].ms = kBlockFormats[i].metadata;
  }
  if (formats <= kPlainFormats) return;
  data.mc = nvme::kMcInterleaved | nvme::kMcSeparate;
  data.dpc = nvme::kDpcTypes | nvme::kDpcFirst | nvme::kDpcLast;
}

void fill_namespace(const Shared& shared, const Namespace& ns, nvme::IdentifyNamespace& data) {
  data.nsze = ns.blocks();
  data.ncap = writable_bytes(*ns.region, ns.bytes) >> ns.lba_shift();
  data.nuse = ns.used_blocks(shared.medium);
  fill_formats(shared, *ns.region->set, data);
  data.flbas = ns.flbas();
  data.dps = ns.dps.load(std::memory_order_relaxed);
  if (ns.shared) data.nmic = nvme::kNmicShared;
  if (knows_reservations(ns)) data.rescap = nvme::kRescapAll;
  if (!shared.subsystem.has_one_controller()) data.anagrpid = ns.ana_group;
  if (shared.medium.discards_to_zero()) data.dlfeat |= nvme::kDlfeatZeroes;
  if (shared.medium.thin()) data.dlfeat |= nvme::kDlfeatWriteZeroes;
  if (ns.write_protected()) data.nsattr = nvme::kNsattrWriteProtected;
  if (ns.region->model.zones() != nullptr) {
    data.nsfeat |= nvme::kNsfeatDeallocatedError;
    data.dlfeat |= nvme::kDlfeatZeroes;  // and so do blocks that were never written
  }
  data.nvmsetid = kNvmSet;
  data.endgid = kEnduranceGroup;
  fill_copy_limits(shared, ns, data);
  if (shared.atomic_units.enabled() && ns.region->set->family == CommandFamily::kNvm) {
    fill_atomic_units(shared.atomic_units, ns.lba_shift(), data);
  }
  fill_preferences(ns, data);
  put_u128(data.nvmcap, ns.allocated());
  // What is not reached is not told (section 8.1.3); NSZE and NCAP say that there is a namespace.
  const nvme::AnaState state = shared.ana.state(ns.ana_group);
  if (state == nvme::AnaState::kInaccessible || state == nvme::AnaState::kPersistentLoss) {
    data.nuse = 0;
    put_u128(data.nvmcap, 0);
  }
  const auto uuid = namespace_uuid(shared.config.serial, ns.id);
  memcpy(data.nguid, uuid.data(), uuid.size());
  if (const auto describe = command_set_of(&ns).describe_namespace; describe != nullptr) describe(shared, ns, data);
}

// What all namespaces have in common, for hosts that are about to create one (section 4.1.5.1 of the NVM Command Set).
void fill_common_namespace(const Shared& shared, nvme::IdentifyNamespace& data) {
  fill_formats(shared, kNvmCommandSet, data);
  if (!shared.subsystem.has_one_controller()) data.nmic = nvme::kNmicShared;
  if (shared.medium.discards_to_zero()) data.dlfeat |= nvme::kDlfeatZeroes;
  if (shared.medium.thin()) data.dlfeat |= nvme::kDlfeatWriteZeroes;
}

// ---- One function for each CNS value -------------------------------------------------------------------------

// Valid ids are those up to NN; of the valid ones, inactive namespaces identify as zeros.
Status check_nsid(const Shared& shared, u32 nsid) {
  return shared.namespaces.find(nsid) != nullptr ? Status::kSuccess : Status::kInvalidNamespaceOrFormat;
}

Status check_command_set(const Shared& shared, const Sqe& sqe) {
  return has_command_set(shared, command_set(sqe)) ? Status::kSuccess : Status::kInvalidField;
}

bool is_of_set(const Namespace& ns, const Sqe& sqe) { return static_cast<u8>(ns.region->set->csi) == command_set(sqe); }

nvme::IdentifyNamespace& as_namespace(u8* data) { return *reinterpret_cast<nvme::IdentifyNamespace*>(data); }

Status identify_namespace(Controller& controller, const Sqe& sqe, u8* data) {
  const Shared& shared = controller.shared();
  if (sqe.nsid == nvme::kNsidBroadcast) {
    fill_common_namespace(shared, as_namespace(data));
    return Status::kSuccess;
  }
  const Namespace* ns = shared.namespaces.find_attached(sqe.nsid);
  if (ns != nullptr) fill_namespace(shared, *ns, as_namespace(data));
  return check_nsid(shared, sqe.nsid);
}

Status allocated_namespace(Controller& controller, const Sqe& sqe, u8* data) {
  const Shared& shared = controller.shared();
  const Namespace* ns = shared.namespaces.find(sqe.nsid);
  if (ns != nullptr && ns->exists()) fill_namespace(shared, *ns, as_namespace(data));
  return check_nsid(shared, sqe.nsid);
}

Status identify_controller(Controller& controller, const Sqe&, u8* data) {
  fill_controller(controller, *reinterpret_cast<nvme::IdentifyController*>(data));
  return Status::kSuccess;
}

// Lists of the ids above NSID, in ascending order.
template <typename Predicate>
Status list_namespaces(const Shared& shared, const Sqe& sqe, u8* data, Predicate listed) {
  if (sqe.nsid >= nvme::kNsidBroadcast - 1) return Status::kInvalidNamespaceOrFormat;
  for (const Namespace& ns : shared.namespaces) {
    if (ns.id <= sqe.nsid || !listed(ns)) continue;
    memcpy(data, &ns.id, sizeof(ns.id));
    data += sizeof(ns.id);
  }
  return Status::kSuccess;
}

Status active_namespaces(Controller& controller, const Sqe& sqe, u8* data) {
  return list_namespaces(controller.shared(), sqe, data, [&](const Namespace& ns) { return controller.shared().namespaces.attached(ns); });
}

Status allocated_namespaces(Controller& controller, const Sqe& sqe, u8* data) {
  return list_namespaces(controller.shared(), sqe, data, [](const Namespace& ns) { return ns.exists(); });
}

Status csi_active_namespaces(Controller& controller, const Sqe& sqe, u8* data) {
  if (const Status status = check_command_set(controller.shared(), sqe); status != Status::kSuccess) return status;
  return list_namespaces(controller.shared(), sqe, data,
                         [&](const Namespace& ns) { return controller.shared().namespaces.attached(ns) && is_of_set(ns, sqe); });
}

Status csi_allocated_namespaces(Controller& controller, const Sqe& sqe, u8* data) {
  if (const Status status = check_command_set(controller.shared(), sqe); status != Status::kSuccess) return status;
  return list_namespaces(controller.shared(), sqe, data,
                         [&](const Namespace& ns) { return ns.exists() && is_of_set(ns, sqe); });
}

Status namespace_descriptors(Controller& controller, const Sqe& sqe, u8* data) {
  const Shared& shared = controller.shared();
  const Namespace* ns = shared.namespaces.find_attached(sqe.nsid);
  if (ns == nullptr) return Status::kInvalidNamespaceOrFormat;
  const auto add = [&](nvme::Nidt type, const void* value, u8 length) {
    const nvme::NamespaceDescriptor header{static_cast<u8>(type), length, {}};
    memcpy(data, &header, sizeof(header));
    memcpy(data + sizeof(header), value, length);
    data += sizeof(header) + length;
  };
  const auto uuid = namespace_uuid(shared.config.serial, ns->id);
  const u8 csi = static_cast<u8>(ns->region->set->csi);
  add(nvme::Nidt::kNguid, uuid.data(), static_cast<u8>(uuid.size()));
  add(nvme::Nidt::kUuid, uuid.data(), static_cast<u8>(uuid.size()));
  add(nvme::Nidt::kCsi, &csi, sizeof(csi));
  return Status::kSuccess;
}

void fill_csi_namespace(const Shared& shared, const Namespace* ns, u8* data) {
  const CommandSet& set = command_set_of(ns);
  if (ns != nullptr && set.identify_namespace != nullptr) set.identify_namespace(shared, *ns, data);
}

// The structure of the namespace's own command set.
template <typename Predicate>
Status csi_namespace_if(Controller& controller, const Sqe& sqe, u8* data, Predicate shown) {
  const Shared& shared = controller.shared();
  if (const Status status = check_command_set(shared, sqe); status != Status::kSuccess) return status;
  const Namespace* ns = shared.namespaces.find(sqe.nsid);
  if (ns == nullptr) return Status::kInvalidNamespaceOrFormat;
  if (!shown(*ns)) return Status::kSuccess;
  if (!is_of_set(*ns, sqe)) return Status::kInvalidIoCommandSet;
  fill_csi_namespace(shared, ns, data);
  return Status::kSuccess;
}

Status csi_namespace(Controller& controller, const Sqe& sqe, u8* data) {
  return csi_namespace_if(controller, sqe, data, [&](const Namespace& ns) { return controller.shared().namespaces.attached(ns); });
}

Status csi_allocated_namespace(Controller& controller, const Sqe& sqe, u8* data) {
  return csi_namespace_if(controller, sqe, data, [](const Namespace& ns) { return ns.exists(); });
}

// The structure of a command set (NVM Command Set 1.0 section 4.1.5.4: no limits beyond MDTS).
Status csi_controller(Controller& controller, const Sqe& sqe, u8* data) {
  const Shared& shared = controller.shared();
  if (const Status status = check_command_set(shared, sqe); status != Status::kSuccess) return status;
  for (const Region& region : shared.regions) {
    if (static_cast<u8>(region.set->csi) != command_set(sqe) || region.set->identify_controller == nullptr) continue;
    region.set->identify_controller(shared, data);
    break;
  }
  return Status::kSuccess;
}

void fill_independent_namespace(const Shared& shared, const Namespace& ns, u8* data) {
  auto& independent = *reinterpret_cast<nvme::IdentifyIndependentNamespace*>(data);
  independent.nstat = nvme::kNstatReady;
  if (ns.shared) independent.nmic = nvme::kNmicShared;
  if (knows_reservations(ns)) independent.rescap = nvme::kRescapAll;
  if (!shared.subsystem.has_one_controller()) independent.anagrpid = ns.ana_group;
  if (ns.write_protected()) independent.nsattr = nvme::kNsattrWriteProtected;
  independent.nvmsetid = kNvmSet;
  independent.endgid = kEnduranceGroup;
}

Status independent_namespace(Controller& controller, const Sqe& sqe, u8* data) {
  const Shared& shared = controller.shared();
  const Namespace* ns = shared.namespaces.find_attached(sqe.nsid);
  if (ns != nullptr) fill_independent_namespace(shared, *ns, data);
  return check_nsid(shared, sqe.nsid);
}

Status independent_allocated_namespace(Controller& controller, const Sqe& sqe, u8* data) {
  const Shared& shared = controller.shared();
  const Namespace* ns = shared.namespaces.find(sqe.nsid);
  if (ns != nullptr && ns->exists()) fill_independent_namespace(shared, *ns, data);
  return check_nsid(shared, sqe.nsid);
}

// A Controller List (section 4.4.1): a count, then the ids at or above CNTID.
template <typename Predicate>
void list_controllers(Controller& controller, const Sqe& sqe, u8* data, Predicate listed) {
  u16* list = reinterpret_cast<u16*>(data);
  controller.subsystem().for_each_controller([&](Controller& other) {
    const Shared& shared = other.shared();
    if (shared.controller_id() >= controller_id(sqe) && listed(shared)) list[++list[0]] = shared.controller_id();
  });
}

Status controllers(Controller& controller, const Sqe& sqe, u8* data) {
  list_controllers(controller, sqe, data, [](const Shared&) { return true; });
  return Status::kSuccess;
}

Status namespace_controllers(Controller& controller, const Sqe& sqe, u8* data) {
  const Namespace* ns = controller.shared().namespaces.find(sqe.nsid);
  if (ns != nullptr && ns->exists()) {
    list_controllers(controller, sqe, data, [&](const Shared& other) { return ns->attached_to(other.index); });
  }
  return check_nsid(controller.shared(), sqe.nsid);
}

// Section 5.17.2.21: vectors of the command set combinations that a controller can have; here one, of all sets.
Status command_sets(Controller& controller, const Sqe& sqe, u8* data) {
  // A controller of this subsystem; all have the same.
  const u32 id = controller_id(sqe);
  if (id != 0xffff && id - 1 >= controller.subsystem().controller_count) return Status::kInvalidField;
  u64 sets = 1ull << static_cast<u8>(Csi::kNvm);
  for (const Region& region : controller.shared().regions) sets |= 1ull << static_cast<u8>(region.set->csi);
  memcpy(data, &sets, sizeof(sets));
  return Status::kSuccess;
}

// Sizes and capacities are whole pages of the medium.
Status namespace_granularity(Controller&, const Sqe&, u8* data) {
  auto& list = *reinterpret_cast<nvme::NamespaceGranularityList*>(data);
  list.descriptor[0] = {kPageSize, kPageSize};
  return Status::kSuccess;
}

struct CnsRow {
  Cns cns;
  Status (*fill)(Controller&, const Sqe&, u8* data);  // data: kPageSize zeroed bytes
};

constexpr CnsRow kRows[] = {
    {Cns::kNamespace, identify_namespace},
    {Cns::kController, identify_controller},
    {Cns::kActiveNamespaces, active_namespaces},
    {Cns::kNamespaceDescriptors, namespace_descriptors},
    {Cns::kNvmSets, identify_nvm_sets},
    {Cns::kCsiNamespace, csi_namespace},
    {Cns::kCsiController, csi_controller},
    {Cns::kCsiActiveNamespaces, csi_active_namespaces},
    {Cns::kIndependentNamespace, independent_namespace},
    {Cns::kAllocatedNamespaces, allocated_namespaces},
    {Cns::kAllocatedNamespace, allocated_namespace},
    {Cns::kCsiAllocatedNamespaces, csi_allocated_namespaces},
    {Cns::kCsiAllocatedNamespace, csi_allocated_namespace},
    {Cns::kNamespaceControllers, namespace_controllers},
    {Cns::kControllers, controllers},
    {Cns::kPrimaryCapabilities, primary_capabilities},
    {Cns::kSecondaryControllers, secondary_controllers},
    {Cns::kNamespaceGranularity, namespace_granularity},
    {Cns::kUuids, identify_uuids},
    {Cns::kDomains, identify_domains},
    {Cns::kEnduranceGroups, identify_endurance_groups},
    {Cns::kCommandSets, command_sets},
    {Cns::kIndependentAllocatedNamespace, independent_allocated_namespace},
};

}  // namespace

// NVM Command Set 1.0 section 4.1.5.3.
void identify_nvm_namespace(const Shared& shared, const Namespace& ns, u8* page) {
  auto& data = *reinterpret_cast<nvme::IdentifyNvmNamespace*>(page);
  const u32 formats = format_count(shared, *ns.region->set);
  if (formats <= kPlainFormats) return;
  data.pic = nvme::kPicStorageTagReadCheck;
  for (u32 i = 0; i < formats; i++) {
    const BlockFormat& format = kBlockFormats[i];
    // Which is so wherever there are longer guards.
    if (format.guard != GuardFormat::k16) data.pic |= nvme::kPicStorageTagOf16 | nvme::kPicWholeMaskOf16;
    data.elbaf[i] = format.storage_tag | static_cast<u32>(format.guard) << nvme::kElbafPifShift;
  }
  data.lbstm = ones(ns.block_format().storage_tag);
}

AdminResult identify(Controller& controller, const Sqe& sqe) {
  for (const CnsRow& row : kRows) {
    if (static_cast<u8>(row.cns) != static_cast<u8>(sqe.cdw10)) continue;
    u8* data = controller.scratch();
    const Status status = row.fill(controller, sqe, data);
    if (status != Status::kSuccess) return {status};
    return {controller.send(sqe, data, kPageSize)};
  }
  return {Status::kInvalidField};
}

}  // namespace nvmev
