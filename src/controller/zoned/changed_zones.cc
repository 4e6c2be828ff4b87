// SPDX-License-Identifier: GPL-2.0-only
// Zones that change without a command: the Changed Zone List (log page BFh) and its event, sections 4.1.4.2 and 4.1.3.
#include "../controller.h"
#include "nvmev/nvme/feature.h"
#include "nvmev/text.h"
#include "zoned.h"

namespace nvmev {

namespace {

// How often the controller looks at zones that nobody uses, while there are limits to watch.
constexpr u64 kLookInterval = 10 * 1000 * 1000;  // ns

Model& zoned_model(Controller& controller, const nvme::Sqe& sqe) {
  return controller.shared().namespaces.find(sqe.nsid)->region->model;
}

bool has_limits(const nvmev_config& config) {
  return (config.finish_recommended | config.reset_recommended | config.zone_active_limit) != 0;
}

}  // namespace

u32 changed_zones_log(Controller& controller, const nvme::Sqe& sqe, u8* data) {
  const Namespace& ns = *controller.shared().namespaces.find(sqe.nsid);
  auto& log = *reinterpret_cast<nvme::ChangedZoneList*>(data);
  // The numbers first, in the same place: they are widened from the last on.
  u32* numbers = reinterpret_cast<u32*>(log.zones);
  u32 count = 0;
  const bool clear = (sqe.cdw10 & nvme::kRetainAsynchronousEvent) == 0;
  zoned_model(controller, sqe).carry_out(controller.now(), [&](Ftl& ftl, u64 at) {
    ftl.zones()->advance(at);
    count = ftl.zones()->take_changed(numbers, nvme::ChangedZoneList::kMax, clear);
    return IoPlan{at, nvme::Status::kSuccess};
  });
  if (count > nvme::ChangedZoneList::kMax) {
    memset(log.zones, 0, sizeof(log.zones));
    log.count = nvme::ChangedZoneList::kTooMany;
    return sizeof(log);
  }
  const u64 zone_bytes = ns.region->model.zones()->limits().zone_bytes;
  for (u32 i = count; i-- != 0;) log.zones[i] = numbers[i] * zone_bytes >> ns.lba_shift();
  log.count = static_cast<u16>(count);
  return sizeof(log);
}

u64 Controller::zones_wake_at() const {
  if (state_ != State::kReady) return NVMEV_NEVER;
  for (const Region& region : shared_->regions) {
    if (region.model.zones() != nullptr && has_limits(region.config)) return zones_looked_at_ + kLookInterval;
  }
  return NVMEV_NEVER;
}

// Has the device types notice what time and faults have brought about, and raises events for it.
void Controller::look_at_zones(bool at_once) {
  if (!at_once && now_ - zones_looked_at_ < kLookInterval) return;
  zones_looked_at_ = now_;
  for (Region& region : shared_->regions) {
    const Zones* zones = region.model.zones();
    if (zones == nullptr) continue;
    region.model.carry_out(now_, [](Ftl& ftl, u64 at) {
      ftl.zones()->advance(at);
      return IoPlan{at, nvme::Status::kSuccess};
    });
    if (zones->changes() == zone_changes_seen_[region.index]) continue;
    zone_changes_seen_[region.index] = zones->changes();
    if ((features_.async_config & nvme::async_config::kZoneDescriptor) == 0) continue;
    for (const Namespace& ns : shared_->namespaces) {
      if (shared_->namespaces.attached(ns) && ns.region == &region) events_.raise(nvme::zone_descriptor_event(ns.id));
    }
  }
}

}  // namespace nvmev
