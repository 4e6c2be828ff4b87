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
  u32 units;
  u8 state;
  u8 attributes;
  u16 reserved;
};

bool is_state(u8 value) {
  return (value >= static_cast<u8>(ZoneState::kEmpty) && value <= static_cast<u8>(ZoneState::kClosed)) ||
         (value >= static_cast<u8>(ZoneState::kReadOnly) && value <= static_cast<u8>(ZoneState::kOffline));
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
  for (Zone& zone : table_) {
    Flow& flow = flows_[index(zone)];
    SavedZone row{zone.write_pointer, zone.high, flow.units, static_cast<u8>(zone.state), zone.attributes, 0};
    archive.value(row);
    if (!archive.loading() || !archive.ok()) continue;
    if (!is_state(row.state) || row.high > limits().zone_capacity || row.write_pointer > row.high ||
        row.units > layout_.units) {
      return archive.refuse(err::kInvalid, "zone %u is none of this device", index(zone));
    }
    restore(zone, static_cast<ZoneState>(row.state), row.attributes, row.high, row.units);
  }
  wear_.transfer(archive);
  archive.array("the size of zone descriptor extensions", extensions_);
  archive.counters(statistics_);
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
