// SPDX-License-Identifier: GPL-2.0-only
#include "zone_table.h"

namespace nvmev::zns {

using nvme::Status;
using nvme::ZoneState;
namespace attributes = nvme::zone_attributes;

namespace {

// State in bits 51:48, attributes in bits 63:56, write pointer below: zones are smaller than 2^48 bytes.
constexpr u32 kStateShift = 48;
constexpr u32 kAttributesShift = 56;
constexpr u64 kPointerMask = (1ull << kStateShift) - 1;

void count(Counter& counter, bool before, bool after) {
  if (before != after) counter.set(counter.get() + (after ? 1 : ~0ull));
}

}  // namespace

bool ZoneTable::init(const ZoneLimits& limits, nvmev_host* host) {
  limits_ = limits;
  if (!zones_.allocate(host, limits.zones)) return false;
  for (Zone& zone : zones_) publish(zone);
  return true;
}

ZoneView ZoneTable::view(u32 zone) const {
  const u64 view = zones_[zone].view.load(std::memory_order_acquire);
  return {static_cast<ZoneState>(view >> kStateShift & 0xf), static_cast<u8>(view >> kAttributesShift),
          view & kPointerMask};
}

void ZoneTable::publish(Zone& zone) {
  const bool ended = zone.state == ZoneState::kFull || zone.state == ZoneState::kReadOnly;
  const u64 shown = ended ? zone.high : zone.write_pointer;
  zone.readable.store(zone.high, std::memory_order_release);
  zone.view.store(static_cast<u64>(zone.attributes) << kAttributesShift |
                      static_cast<u64>(zone.state) << kStateShift | shown,
                  std::memory_order_release);
}

// ---- Checks ------------------------------------------------------------------------------------------------------

Status ZoneTable::check_write(const Zone& zone, u64 begin, u64 length) const {
  switch (zone.state) {
    case ZoneState::kFull:
      return Status::kZoneIsFull;
    case ZoneState::kReadOnly:
      return Status::kZoneIsReadOnly;
    case ZoneState::kOffline:
      return Status::kZoneIsOffline;
    default:
      break;
  }
  const u64 end = begin + length;
  if (end > limits_.zone_capacity) return Status::kZoneBoundaryError;
  if (has_zrwa(zone)) {
    // The area, and as much behind it, to which a write moves it (section 5.6).
    if (begin < zone.write_pointer || end > zone.write_pointer + 2 * limits_.zrwa_bytes) {
      return Status::kZoneInvalidWrite;
    }
  } else if (begin != zone.write_pointer) {
    return Status::kZoneInvalidWrite;
  }
  return check_open(zone);
}

Status ZoneTable::check_open(const Zone& zone) const {
  if (is_open(zone.state)) return Status::kSuccess;
  if (const Status status = check_activate(zone); status != Status::kSuccess) return status;
  return open_limit_reached() && first_implicit_ == kNone ? Status::kTooManyOpenZones : Status::kSuccess;
}

Status ZoneTable::check_activate(const Zone& zone) const {
  if (is_active(zone.state) || limits_.max_active == 0 || active_.get() < limits_.max_active) return Status::kSuccess;
  return Status::kTooManyActiveZones;
}

// ---- Changes -----------------------------------------------------------------------------------------------------

void ZoneTable::open(Zone& zone, ZoneState state, u64 now) {
  if (!is_open(zone.state) && open_limit_reached()) {
    close(zones_[first_implicit_], now);
    implicit_closes_.add(1);
  }
  set_state(zone, state, now);
}

void ZoneTable::set_state(Zone& zone, ZoneState state, u64 now) {
  const ZoneState before = zone.state;
  if (before == ZoneState::kImplicitlyOpen) unlink(zone);
  zone.state = state;
  if (state == ZoneState::kImplicitlyOpen) link(zone);
  count(open_, is_open(before), is_open(state));
  count(active_, is_active(before), is_active(state));
  if (is_active(state) != is_active(before) || state == ZoneState::kFull) zone.since = now;
  if (!is_active(state)) {
    release_zrwa(zone);
    zone.attributes &= static_cast<u8>(~attributes::kFinishRecommended);
  }
  if (state == ZoneState::kOffline) {
    zone.attributes = 0;
    zone.write_pointer = zone.high = 0;
  }
  if (state == ZoneState::kReadOnly) zone.attributes &= attributes::kDescriptorExtensionValid;
  publish(zone);
}

void ZoneTable::reset(Zone& zone, u64 now) {
  set_state(zone, ZoneState::kEmpty, now);
  zone.attributes = 0;
  zone.write_pointer = zone.high = 0;
  publish(zone);
}

void ZoneTable::restore(Zone& zone, ZoneState state, u8 kept, u64 high, u64 now) {
  zone.write_pointer = zone.high = high;
  set_state(zone, state, now);
  zone.attributes = kept;
  publish(zone);
}

void ZoneTable::lose_power(Zone& zone, u64 now) {
  release_zrwa(zone);
  zone.attributes &= static_cast<u8>(~attributes::kFinishRecommended);
  const bool used = zone.high != 0 || (zone.attributes & attributes::kDescriptorExtensionValid) != 0;
  set_state(zone, used ? ZoneState::kClosed : ZoneState::kEmpty, now);
}

void ZoneTable::allocate_zrwa(Zone& zone) {
  zrwas_.set(zrwas_.get() + 1);
  set_attribute(zone, attributes::kZrwaValid);
}

void ZoneTable::release_zrwa(Zone& zone) {
  if (!has_zrwa(zone)) return;
  zrwas_.set(zrwas_.get() - 1);
  zone.attributes &= static_cast<u8>(~attributes::kZrwaValid);
}

void ZoneTable::set_attribute(Zone& zone, u8 attribute) {
  zone.attributes |= attribute;
  publish(zone);
}

void ZoneTable::move_write_pointer(Zone& zone, u64 to, u64 high, u64 now) {
  zone.write_pointer = to;
  zone.high = high;
  if (to == limits_.zone_capacity) {
    set_state(zone, ZoneState::kFull, now);
  } else {
    publish(zone);
  }
}

void ZoneTable::link(Zone& zone) {
  zone.previous = last_implicit_;
  zone.next = kNone;
  (last_implicit_ != kNone ? zones_[last_implicit_].next : first_implicit_) = index(zone);
  last_implicit_ = index(zone);
}

void ZoneTable::unlink(Zone& zone) {
  (zone.previous != kNone ? zones_[zone.previous].next : first_implicit_) = zone.next;
  (zone.next != kNone ? zones_[zone.next].previous : last_implicit_) = zone.previous;
  zone.previous = zone.next = kNone;
}

void ZoneTable::note_change(Zone& zone) {
  zone.changed = true;
  changes_.fetch_add(1, std::memory_order_relaxed);
}

u32 ZoneTable::take_changed(u32* zones, u32 most, bool forget) {
  u32 found = 0;
  for (Zone& zone : zones_) {
    if (!zone.changed) continue;
    if (found < most) zones[found] = index(zone);
    found++;
    if (forget) zone.changed = false;
  }
  return found;
}

}  // namespace nvmev::zns
