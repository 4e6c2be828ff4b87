// SPDX-License-Identifier: GPL-2.0-only
// Identify CNS 05h and 06h of the Zoned Namespace Command Set: sections 4.1.5.1 and 4.1.5.2.
#include "../namespace.h"
#include "zoned.h"

namespace nvmev {

void identify_zoned_namespace(const Shared&, const Namespace& ns, u8* page) {
  const ZoneLimits& limits = ns.region->model.zones()->limits();
  auto& data = *reinterpret_cast<nvme::IdentifyZonedNamespace*>(page);
  const u32 shift = ns.lba_shift();
  if (limits.excursions) data.zoc |= nvme::kZocActiveExcursions;
  if (limits.read_across) data.ozcs |= nvme::kOzcsReadAcrossBoundaries;
  data.mar = limits.max_active != 0 ? limits.max_active - 1 : nvme::kNoZoneLimit;
  data.mor = limits.max_open != 0 ? limits.max_open - 1 : nvme::kNoZoneLimit;
  data.frl = limits.finish_limit;
  if (limits.zrwa_zones != 0) {
    data.ozcs |= nvme::kOzcsZrwa;
    data.numzrwa = limits.zrwa_zones - 1;
    data.zrwafg = static_cast<u16>(limits.zrwa_granularity >> shift);
    data.zrwasz = static_cast<u16>(limits.zrwa_bytes >> shift);
    data.zrwacap = nvme::kZrwaExplicitFlush;
  }
  for (u32 i = 0; i < kPlainFormats; i++) {
    data.lbafe[i].zsze = limits.zone_bytes >> kBlockFormats[i].shift;
    data.lbafe[i].zdes = static_cast<u8>(limits.extension_bytes / nvme::kExtensionUnit);
  }
}

void identify_zoned_controller(const Shared& shared, u8* page) {
  auto& data = *reinterpret_cast<nvme::IdentifyZonedController*>(page);
  const u64 limit = append_limit(shared);
  if (limit < shared.max_transfer()) data.zasl = static_cast<u8>(std::countr_zero(limit) - kPageShift);
}

}  // namespace nvmev
