// SPDX-License-Identifier: GPL-2.0-only
// Log pages of Flexible Data Placement.
#include "fdp_logs.h"

#include "controller.h"
#include "fdp.h"
#include "nvmev/text.h"

namespace nvmev {

namespace {

constexpr u32 align8(u32 bytes) { return (bytes + 7) & ~7u; }

}  // namespace

u32 fdp_configurations_log(Controller& controller, const nvme::Sqe&, u8* data) {
  const Placement& placement = *controller.shared().regions.placement();
  const u32 handles = placement.handles();
  const u32 descriptor_size =
      align8(static_cast<u32>(sizeof(nvme::FdpConfigurationDescriptor) + handles * sizeof(nvme::RuhDescriptor)));
  nvme::FdpConfigurationsHeader header{};
  header.size = static_cast<u32>(sizeof(header)) + descriptor_size;
  nvme::FdpConfigurationDescriptor descriptor{};
  descriptor.dsze = static_cast<u16>(descriptor_size);
  descriptor.fdpa = nvme::kFdpaValid;
  if (controller.shared().regions.has_volatile_cache()) descriptor.fdpa |= nvme::kFdpaVolatileWriteCache;
  descriptor.nrg = 1;
  descriptor.nruh = static_cast<u16>(handles);
  descriptor.maxpids = static_cast<u16>(handles - 1);
  descriptor.nnss = 1;
  descriptor.runs = placement.reclaim_unit_bytes();
  memcpy(data, &header, sizeof(header));
  memcpy(data + sizeof(header), &descriptor, sizeof(descriptor));
  const nvme::RuhDescriptor handle{placement.stay_apart() ? nvme::kRuhPersistentlyIsolated : nvme::kRuhInitiallyIsolated, {}};
  for (u32 i = 0; i < handles; i++) {
    memcpy(data + sizeof(header) + sizeof(descriptor) + i * sizeof(handle), &handle, sizeof(handle));
  }
  return header.size;
}

u32 ruh_usage_log(Controller& controller, const nvme::Sqe&, u8* data) {
  const u32 handles = controller.shared().regions.placement()->handles();
  const nvme::RuhUsageHeader header{static_cast<u16>(handles), {}};
  memcpy(data, &header, sizeof(header));
  const nvme::RuhUsageDescriptor descriptor{nvme::kRuhHostSpecified, {}};
  for (u32 i = 0; i < handles; i++) {
    memcpy(data + sizeof(header) + i * sizeof(descriptor), &descriptor, sizeof(descriptor));
  }
  return static_cast<u32>(sizeof(header) + handles * sizeof(descriptor));
}

u32 fdp_statistics_log(Controller& controller, const nvme::Sqe&, u8* data) {
  const PlacementCounters counters = controller.shared().regions.placement()->counters();
  auto& log = *reinterpret_cast<nvme::FdpStatisticsLog*>(data);
  log.hbmw.low = counters.host_written;
  log.mbmw.low = counters.media_written;
  log.mbe.low = counters.media_erased;
  return sizeof(log);
}

u32 fdp_events_log(Controller& controller, const nvme::Sqe& sqe, u8* data) {
  constexpr u32 kHostEvents = 1u << 8;  // Log Specific Parameter, bit 0
  Shared& shared = controller.shared();
  collect_placement_events(shared);
  return shared.fdp_events.read_log((sqe.cdw10 & kHostEvents) != 0, controller.now(), controller.timestamp(), data);
}

void collect_placement_events(Shared& shared) {
  shared.regions.placement_region()->model.take_placement_events([&](const PlacementEvent& event) {
    shared.fdp_events.add(static_cast<nvme::FdpEventType>(event.kind), event.handle, 0, event.at, event.lbas);
  });
}

}  // namespace nvmev
