// SPDX-License-Identifier: GPL-2.0-only
// What happens to zones without a command: faults, recommendations, and zones that the controller finishes. It is made up
// for when the next command arrives, and when the controller looks.
#include "zns.h"

namespace nvmev::zns {

using nvme::ZoneState;
namespace attributes = nvme::zone_attributes;

void Zns::change_without_command(Zone& zone) {
  statistics_.excursions.add(1);
  table_.note_change(zone);
}

void Zns::advance(u64 now) {
  if (now < last_now_) now = last_now_;
  if (const u64 fault = fault_.load(std::memory_order_relaxed); fault != seen_fault_) [[unlikely]] {
    seen_fault_ = fault;
    apply_fault(now);
  }
  if (now >= next_check_) [[unlikely]] apply_limits(now);
}

// The key zone_fault: a zone and what is to become of it.
void Zns::apply_fault(u64 now) {
  const u64 number = seen_fault_ >> 8;  // from 1
  if (number == 0 || number > table_.size()) return;
  Zone& zone = table_[static_cast<u32>(number - 1)];
  if (zone.state == ZoneState::kOffline) return;
  switch (static_cast<ZoneFault>(seen_fault_ & 0xff)) {
    case ZoneFault::kReadOnly:
      if (zone.state == ZoneState::kReadOnly) return;
      // What waits for the rest of its program unit will not get it.
      if (flows_[index(zone)].filled != 0) program_unit(index(zone), flash::Cause::kBackground);
      release_buffer(index(zone));
      table_.fail(zone, ZoneState::kReadOnly, now);
      break;
    case ZoneFault::kOffline:
      forget_data(index(zone));
      table_.fail(zone, ZoneState::kOffline, now);
      break;
    case ZoneFault::kFull: {
      if (!is_active(zone.state)) return;
      finish_by_controller(zone, now);
      return;
    }
    case ZoneFault::kFinishRecommended:
      if (!is_active(zone.state)) return;
      table_.set_attribute(zone, attributes::kFinishRecommended);
      break;
    case ZoneFault::kResetRecommended:
      if (zone.state != ZoneState::kFull) return;
      table_.set_attribute(zone, attributes::kResetRecommended);
      break;
    default:
      return;
  }
  change_without_command(zone);
}

void Zns::finish_by_controller(Zone& zone, u64 now) {
  u64 done = now;
  finish_zone(zone, now, now, flash::Cause::kBackground, &done);
  run_batches(now, flash::Cause::kBackground);
  table_.set_attribute(zone, attributes::kFinishedByController);
  change_without_command(zone);
}

void Zns::apply_limits(u64 now) {
  const u64 finish = finish_recommended_.load(std::memory_order_relaxed);
  const u64 reset = reset_recommended_.load(std::memory_order_relaxed);
  const u64 active = active_limit_.load(std::memory_order_relaxed);
  // Often enough that a sixteenth is the error, rarely enough that it costs nothing.
  constexpr u64 kNever = 1000ull * 1000 * 1000;
  u64 least = kNever;
  for (const u64 limit : {finish, reset, active}) {
    if (limit != 0 && limit < least) least = limit;
  }
  next_check_ = now + least / 16 + 1;
  if (finish == 0 && reset == 0 && active == 0) return;
  for (Zone& zone : table_) {
    const u64 age = now > zone.since ? now - zone.since : 0;
    if (is_active(zone.state)) {
      if (active != 0 && age >= active) {
        finish_by_controller(zone, now);
      } else if (finish != 0 && age >= finish && (zone.attributes & attributes::kFinishRecommended) == 0) {
        table_.set_attribute(zone, attributes::kFinishRecommended);
        change_without_command(zone);
      }
    } else if (zone.state == ZoneState::kFull && reset != 0 && age >= reset &&
               (zone.attributes & attributes::kResetRecommended) == 0) {
      table_.set_attribute(zone, attributes::kResetRecommended);
      change_without_command(zone);
    }
  }
}

}  // namespace nvmev::zns
