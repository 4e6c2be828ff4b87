// SPDX-License-Identifier: GPL-2.0-only
#include "subsystem.h"

#include "command_set.h"
#include "controller.h"
#include "nvmev/error.h"

namespace nvmev {

namespace {

bool init_atomic_units(Subsystem& subsystem) {
  const nvmev_config& config = subsystem.config;
  return subsystem.atomic_units.init(subsystem.host, config.atomic_write_unit, config.atomic_write_unit_power_fail,
                                     config.atomic_boundary, config.atomic_boundary_offset);
}

// As delivered: one namespace of all of each region, attached to all controllers.
void create_namespaces(Subsystem& subsystem) {
  subsystem.namespaces.init(subsystem.config.capacity);
  for (Region& region : subsystem.regions) {
    if (region.set->attach != nullptr) region.set->attach(subsystem, region);
    FormatChoice format;
    while (region.config.lba_size != 1u << kBlockFormats[format.index].shift) format.index++;
    nvme::Status status;
    subsystem.namespaces.create(region, region.whole, format, subsystem.config.controllers > 1, region.config.ana_group, &status)
        ->controllers.store((1u << subsystem.config.controllers) - 1, std::memory_order_relaxed);
  }
}

}  // namespace

int Subsystem::init(const nvmev_config& wanted, nvmev_host* of, nvmev_error* error) {
  config = wanted;
  host = of;
  fdp_events.init(host);
  live.take(config);
  chunk_log.init(host);
  reservations.init(*this);
  virtualization.init(config);
  if (const int result = medium.init(config, host, error); result != 0) return result;
  if (const int result = metadata.init(config, host, error); result != 0) return result;
  if (const int result = regions.init(config, host, error); result != 0) return result;
  metadata_sgls = metadata.room() != 0;
  for (const Region& region : regions) metadata_sgls &= region.set != &kOpenChannelCommandSet;
  create_namespaces(*this);
  // Twice what write buffers hold: what a cut may take back is among the last writes.
  u64 volatile_bytes = 0;
  for (const Region& region : regions) {
    if (region.model.has_volatile_cache()) volatile_bytes += 2 * region.config.write_buffer_size;
  }
  const bool kept = config.power_cuts == 0 || (undo_log.init(host, volatile_bytes, metadata.room(), regions.size()) && write_order.init(host));
  if (!kept) {
    return fail(error, err::kNoMemory, "power_cuts=1: no memory for %llu KiB of replaced data",
                static_cast<unsigned long long>(volatile_bytes >> 10));
  }
  if (!uncorrectable.init(host, config.capacity) || !init_atomic_units(*this) || !history.init(host) || !firmware.init(host)) {
    return fail(error, err::kNoMemory, "no memory for the tables of the subsystem");
  }
  return 0;
}

u32 Subsystem::count_jobs(AdminJob::Step step) const {
  u32 sum = 0;
  for (u32 i = 0; i < controller_count; i++) sum += controllers[i]->jobs().count(step);
  return sum;
}

void Subsystem::apply_volatile_cache() {
  bool on = true;
  for (u32 i = 0; i < controller_count; i++) on &= controllers[i]->features().volatile_cache != 0;
  regions.set_volatile_cache(on);
}

}  // namespace nvmev
