// SPDX-License-Identifier: GPL-2.0-only
// What of a zoned SSD is kept in a state file. Loading it is what power does when it comes back: zones that were open are
// closed, or empty, and random write areas are given up with what was in them below the write pointer.
#include "nvmev/error.h"
#include "nvmev/state_archive.h"
#include "zns.h"

namespace nvmev::zns {

using nvme::ZoneState;
namespace attributes = nvme::zone_attributes;

namespace {

struct SavedZone {
  u64 write_pointer;
  u64 high;
  u64 since;          // modelled ns, as the next
  u64 programmed_at;
  u32 units;
  u8 state;
  u8 attributes;
  u16 reserved;
};

// Of these states no zone has other attributes.
u8 allowed(ZoneState state) {
  switch (state) {
    case ZoneState::kImplicitlyOpen:
    case ZoneState::kExplicitlyOpen:
    case ZoneState::kClosed:
      return attributes::kDescriptorExtensionValid | attributes::kZrwaValid | attributes::kFinishRecommended;
    case ZoneState::kFull:
      return attributes::kDescriptorExtensionValid | attributes::kResetRecommended | attributes::kFinishedByController;
    case ZoneState::kReadOnly:
      return attributes::kDescriptorExtensionValid;
    default:
      return 0;
  }
}

// What is wrong with a zone; nullptr: nothing. `unit`: bytes of a program unit, of which a zone has `units`.
const char* fault_of(const SavedZone& row, const ZoneLimits& limits, u32 unit, u32 units) {
  const ZoneState state = static_cast<ZoneState>(row.state);
  if (row.write_pointer > row.high || row.high > limits.zone_capacity) return "its write pointer is beyond its capacity";
  if ((row.write_pointer | row.high) % 512 != 0) return "its write pointer is within a block";
  if (row.units > units) return "it has more program units than a zone";
  if ((row.attributes & ~allowed(state)) != 0) return "its attributes are not those of its state";
  if (limits.extension_bytes == 0 && (row.attributes & attributes::kDescriptorExtensionValid) != 0) {
    return "it has a descriptor extension";
  }
  switch (state) {
    case ZoneState::kEmpty:
    case ZoneState::kOffline:
      return row.high != 0 || row.units != 0 ? "it is empty or offline and holds data" : nullptr;
    case ZoneState::kImplicitlyOpen:
    case ZoneState::kExplicitlyOpen:
    case ZoneState::kClosed:
      if (row.high != row.write_pointer && (row.attributes & attributes::kZrwaValid) == 0) {
        return "it has data behind its write pointer";
      }
      return row.units != row.write_pointer / unit ? "its program units are not those below its write pointer" : nullptr;
    case ZoneState::kFull:
      if (row.write_pointer != row.high) return "it is full and has data behind its write pointer";
      return row.units != (row.high != 0 ? units : 0) ? "it is full and its program units are not" : nullptr;
    case ZoneState::kReadOnly:
      return nullptr;
  }
  return "its state is none";
}

}  // namespace

void Zns::transfer(StateArchive& archive, u64* now) {
  if (!archive.loading()) {
    for (u32 die = 0; die < layout_.geometry.dies; die++) {
      if (array_.die_free_at(die) > *now) *now = array_.die_free_at(die);
    }
  }
  archive.expect("the number of zones", table_.size());
  archive.expect("the capacity of a zone", limits().zone_capacity);
  archive.expect("the size of a program unit", layout_.unit_bytes);
  archive.expect("the number of dies of a zone", layout_.width);
  archive.value(last_now_);
  if (archive.loading() && last_now_ > *now) last_now_ = *now;
  for (Zone& zone : table_) {
    Flow& flow = flows_[index(zone)];
    SavedZone row{zone.write_pointer, zone.high, zone.since, flow.programmed_at, flow.units, static_cast<u8>(zone.state), zone.attributes, 0};
    archive.value(row);
    if (!archive.loading() || !archive.ok()) continue;
    if (const char* fault = fault_of(row, limits(), layout_.unit_bytes, layout_.units); fault != nullptr) {
      return archive.refuse(err::kInvalid, "zone %u, in state %xh with %u program units and its write pointer at %llu: %s",
                            index(zone), row.state, row.units, static_cast<unsigned long long>(row.write_pointer), fault);
    }
    restore(zone, static_cast<ZoneState>(row.state), row.attributes, row.high, row.units);
    zone.since = row.since < *now ? row.since : *now;
    flow.programmed_at = row.programmed_at < *now ? row.programmed_at : *now;
  }
  wear_.transfer(archive, host_);
  archive.array("the size of zone descriptor extensions", extensions_);
  archive.counters(statistics_);
  if (!archive.loading() || !archive.ok()) return;
  check_zones(archive);
  run_clock_.begin(*now);
}

// What zones have in common: they cannot be more than the limits allow, nor lie in bad blocks.
void Zns::check_zones(StateArchive& archive) const {
  if (limits().max_active != 0 && table_.active() > limits().max_active) {
    return archive.refuse(err::kInvalid, "%u of its zones are active, and max_active_zones is %u", table_.active(),
                          limits().max_active);
  }
  for (u32 z = 0; z < table_.size(); z++) {
    if (table_[z].state == ZoneState::kOffline || usable(z)) continue;
    return archive.refuse(err::kInvalid, "zone %u is in state %xh, and a block of it is bad", z,
                          static_cast<u32>(table_[z].state));
  }
}

// The write buffer is safe, so that nothing is lost; zones become what they are in a new run.
void Zns::power_cycle(u64 now, u64, PowerLossSink&) {
  last_now_ = now > last_now_ ? now : last_now_;
  for (Zone& zone : table_) {
    if (!is_active(zone.state)) continue;
    if (zone.high > zone.write_pointer) commit_zrwa(zone, zone.high, zone.high, last_now_, flash::Cause::kBackground);
    if (!is_active(zone.state)) continue;
    table_.lose_power(zone, last_now_);
    if (!is_active(zone.state)) release_buffer(index(zone));
  }
}

void Zns::restore(Zone& zone, ZoneState state, u8 kept, u64 high, u32 units) {
  const u32 z = index(zone);
  if (is_active(state) && high == limits().zone_capacity) {
    // The random write area reached the zone's end.
    state = ZoneState::kFull;
    kept &= attributes::kDescriptorExtensionValid;
    units = layout_.units;
  }
  if (is_active(state)) {
    const bool used = high != 0 || (kept & attributes::kDescriptorExtensionValid) != 0;
    state = used ? ZoneState::kClosed : ZoneState::kEmpty;
    kept &= static_cast<u8>(~(attributes::kZrwaValid | attributes::kFinishRecommended));
    Flow& flow = flows_[z];
    flow.units = static_cast<u32>(high / layout_.unit_bytes);
    flow.filled = static_cast<u32>(high % layout_.unit_bytes);
    if (flow.filled != 0) {
      take_buffer(z);
      buffers_.admit(array_, flow.buffer, flow.filled, 0, 0);
    }
  } else {
    flows_[z].units = units;
  }
  table_.restore(zone, state, kept, high, last_now_);
}

}  // namespace nvmev::zns
