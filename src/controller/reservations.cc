// SPDX-License-Identifier: GPL-2.0-only
#include "reservations.h"

#include "controller.h"
#include "subsystem.h"

namespace nvmev {

using nvme::AcquireAction;
using nvme::RegisterAction;
using nvme::ReleaseAction;
using nvme::ReservationNoticeType;
using nvme::ReservationType;
using nvme::Status;

namespace {

bool of_all_registrants(ReservationType type) {
  return type == ReservationType::kWriteExclusiveAllRegistrants || type == ReservationType::kExclusiveAccessAllRegistrants;
}

// Types under which registrants can do what others cannot: they are told of the end.
bool of_registrants(ReservationType type) {
  return type == ReservationType::kWriteExclusiveRegistrants || type == ReservationType::kExclusiveAccessRegistrants ||
         of_all_registrants(type);
}

bool excludes_reads(ReservationType type) {
  return type == ReservationType::kExclusiveAccess || type == ReservationType::kExclusiveAccessRegistrants ||
         type == ReservationType::kExclusiveAccessAllRegistrants;
}

}  // namespace

void Reservations::init(Subsystem& subsystem) {
  subsystem_ = &subsystem;
  host_ = subsystem.host;
  for (u32 c = 0; c < hosts_.size(); c++) hosts_[c].controller = c + 1;
}

// ---- Hosts -------------------------------------------------------------------------------------------------------

Status Reservations::set_host(u32 controller, u64 low, u64 high, bool extended) {
  const HostId before = hosts_[controller];
  HostId fresh{low, high, extended, 0};
  // Once given, an identifier stays until the controller is reset.
  if (before.given()) {
    return fresh == before && extended == before.extended ? Status::kSuccess : Status::kCommandSequenceError;
  }
  if (!fresh.given()) return Status::kSuccess;
  for (const HostId& other : hosts_) {
    if (other.given() && other.extended != extended) return Status::kHostIdInconsistentFormat;
  }
  drop_anonymous(controller);
  SpinGuard guard(host_, lock_);
  hosts_[controller] = fresh;
  return Status::kSuccess;
}

// Registrations of a host that was known by its controller only.
void Reservations::drop_anonymous(u32 controller) {
  if (hosts_[controller].given()) return;
  SpinGuard guard(host_, lock_);
  for (Namespace& ns : subsystem_->namespaces) {
    const u32 own = find(state_of(ns), hosts_[controller]);
    if (own != kNobody) unregister(ns, own);
  }
}

void Reservations::reset(u32 controller) {
  drop_anonymous(controller);
  SpinGuard guard(host_, lock_);
  hosts_[controller] = {};
  hosts_[controller].controller = controller + 1;
  masks_[controller] = {};
  queues_[controller] = {};
}

u32 Reservations::find(const State& state, const HostId& host) {
  for (u32 i = 0; i < kMaxRegistrants; i++) {
    if (state.registrants[i].used && state.registrants[i].host == host) return i;
  }
  return kNobody;
}

bool Reservations::holds(const State& state, u32 registrant) {
  if (state.type == ReservationType::kNone || registrant == kNobody) return false;
  return of_all_registrants(state.type) || state.holder == registrant;
}

// ---- Notices: section 8.19.2 ----------------------------------------------------------------------------------------

void Reservations::tell(const Namespace& ns, u32 registrant, ReservationNoticeType type) {
  const HostId& host = state_of(ns).registrants[registrant].host;
  for (u32 c = 0; c < subsystem_->controller_count; c++) {
    if (!(hosts_[c] == host) || (masks_[c][ns.id - 1] & nvme::notice_mask(type)) != 0) continue;
    NoticeQueue& queue = queues_[c];
    if (queue.length == kNotices) continue;
    queue.notices[queue.length++] = {type, ns.id};
    subsystem_->controllers[c]->shared().raise(PendingEvent::kReservation);
  }
}

void Reservations::tell_others(const Namespace& ns, u32 own, ReservationNoticeType type) {
  for (u32 i = 0; i < kMaxRegistrants; i++) {
    if (i != own && state_of(ns).registrants[i].used) tell(ns, i, type);
  }
}

bool Reservations::has_notice(u32 controller) const {
  SpinGuard guard(host_, lock_);
  return queues_[controller].length != 0;
}

void Reservations::fill(u32 controller, nvme::ReservationNoticeLog& log) const {
  SpinGuard guard(host_, lock_);
  const NoticeQueue& queue = queues_[controller];
  if (queue.length == 0) return;
  log.count = queue.count + 1;
  log.type = static_cast<u8>(queue.notices[0].type);
  log.available = static_cast<u8>(queue.length - 1);
  log.nsid = queue.notices[0].nsid;
}

u32 Reservations::registered(const Namespace& ns) const {
  SpinGuard guard(host_, lock_);
  u32 controllers = 0;
  for (u32 c = 0; c < NVMEV_MAX_CONTROLLERS; c++) {
    if (find(state_of(ns), hosts_[c]) != kNobody) controllers |= 1u << c;
  }
  return controllers;
}

void Reservations::drop_notice(u32 controller) {
  SpinGuard guard(host_, lock_);
  NoticeQueue& queue = queues_[controller];
  if (queue.length == 0) return;
  queue.count++;
  queue.length--;
  for (u32 i = 0; i < queue.length; i++) queue.notices[i] = queue.notices[i + 1];
}

// ---- Changes; the lock is held --------------------------------------------------------------------------------------

void Reservations::set_type(Namespace& ns, ReservationType type, u32 holder) {
  State& state = state_of(ns);
  state.type = type;
  state.holder = type == ReservationType::kNone || of_all_registrants(type) ? kNobody : holder;
  ns.reservation.store(static_cast<u8>(type), std::memory_order_release);
}

// A holder's reservation goes with it; what all registrants hold goes with the last of them.
void Reservations::unregister(Namespace& ns, u32 registrant) {
  State& state = state_of(ns);
  const ReservationType type = state.type;
  const bool held_alone = state.holder == registrant;
  state.registrants[registrant] = {};
  bool any = false;
  for (const Registrant& other : state.registrants) any |= other.used;
  if (!held_alone && !(of_all_registrants(type) && !any)) return;
  set_type(ns, ReservationType::kNone, kNobody);
  if (of_registrants(type)) tell_others(ns, registrant, ReservationNoticeType::kReservationReleased);
}

void Reservations::clear(Namespace& ns) {
  for (Registrant& registrant : state_of(ns).registrants) registrant = {};
  set_type(ns, ReservationType::kNone, kNobody);
}

// ---- Commands -------------------------------------------------------------------------------------------------------

Status Reservations::register_host(Namespace& ns, u32 controller, RegisterAction action, bool ignore_key, u64 current,
                                   u64 fresh, u32 persistence) {
  constexpr u32 kClear = 2, kSet = 3;
  SpinGuard guard(host_, lock_);
  State& state = state_of(ns);
  const HostId& host = hosts_[controller];
  const u32 own = find(state, host);
  const bool registered = own != kNobody;
  const bool matches = registered && (ignore_key || state.registrants[own].key == current);
  switch (action) {
    case RegisterAction::kRegister:
      if (registered && state.registrants[own].key != fresh) return Status::kReservationConflict;
      break;
    case RegisterAction::kUnregister:
      if (!matches) return Status::kReservationConflict;
      break;
    case RegisterAction::kReplace:
      if (!matches && !ignore_key) return Status::kReservationConflict;
      break;
  }
  if (action == RegisterAction::kUnregister) {
    unregister(ns, own);
  } else {
    u32 at = own;
    for (u32 i = 0; i < kMaxRegistrants && at == kNobody; i++) {
      if (!state.registrants[i].used) at = i;
    }
    if (at == kNobody) return Status::kInternalError;
    state.registrants[at] = {true, host, fresh};
  }
  state.generation++;
  if (persistence == kClear || persistence == kSet) state.persists = persistence == kSet;
  return Status::kSuccess;
}

// Section 8.19.6: hosts with the key are no registrants any more; if it is the holder's, the reservation is the command's.
Status Reservations::preempt(Namespace& ns, u32 own, ReservationType type, u64 key) {
  State& state = state_of(ns);
  const ReservationType before = state.type;
  const bool all = of_all_registrants(before);
  const bool takes = all ? key == 0 : before != ReservationType::kNone && state.registrants[state.holder].key == key;
  if (key == 0 && !all) return Status::kInvalidField;
  const auto meant = [&](u32 i) {
    return i != own && state.registrants[i].used && ((all && key == 0) || state.registrants[i].key == key);
  };
  bool any = takes;
  for (u32 i = 0; i < kMaxRegistrants; i++) any |= meant(i);
  if (!any) return Status::kReservationConflict;
  for (u32 i = 0; i < kMaxRegistrants; i++) {
    if (!meant(i)) continue;
    tell(ns, i, ReservationNoticeType::kRegistrationPreempted);
    state.registrants[i] = {};
  }
  state.generation++;
  if (!takes) return Status::kSuccess;
  set_type(ns, type, own);
  if (type != before && of_registrants(before)) tell_others(ns, own, ReservationNoticeType::kReservationReleased);
  return Status::kSuccess;
}

Status Reservations::acquire(Namespace& ns, u32 controller, AcquireAction action, ReservationType type, u64 current,
                             u64 preempted) {
  SpinGuard guard(host_, lock_);
  State& state = state_of(ns);
  const u32 own = find(state, hosts_[controller]);
  if (own == kNobody || state.registrants[own].key != current) return Status::kReservationConflict;
  if (action != AcquireAction::kAcquire) return preempt(ns, own, type, preempted);
  if (state.type == ReservationType::kNone) {
    set_type(ns, type, own);
    return Status::kSuccess;
  }
  return state.type == type && holds(state, own) ? Status::kSuccess : Status::kReservationConflict;
}

Status Reservations::release(Namespace& ns, u32 controller, ReleaseAction action, ReservationType type, u64 current) {
  SpinGuard guard(host_, lock_);
  State& state = state_of(ns);
  const u32 own = find(state, hosts_[controller]);
  if (own == kNobody || state.registrants[own].key != current) return Status::kReservationConflict;
  if (action == ReleaseAction::kClear) {
    tell_others(ns, own, ReservationNoticeType::kReservationPreempted);
    clear(ns);
    state.generation++;
    return Status::kSuccess;
  }
  if (!holds(state, own)) return Status::kSuccess;
  if (state.type != type) return Status::kInvalidField;
  set_type(ns, ReservationType::kNone, kNobody);
  if (of_registrants(type)) tell_others(ns, own, ReservationNoticeType::kReservationReleased);
  return Status::kSuccess;
}

// ---- What it means for other commands: figure 472 ---------------------------------------------------------------------

bool Reservations::admits_slowly(const Namespace& ns, u32 controller, bool write) const {
  SpinGuard guard(host_, lock_);
  const State& state = state_of(ns);
  if (state.type == ReservationType::kNone || (!write && !excludes_reads(state.type))) return true;
  const u32 own = find(state, hosts_[controller]);
  return of_registrants(state.type) ? own != kNobody : holds(state, own);
}

// ---- Persistence -------------------------------------------------------------------------------------------------------

bool Reservations::persists(u32 nsid) const {
  SpinGuard guard(host_, lock_);
  return states_[nsid - 1].persists;
}

void Reservations::set_persists(u32 nsid, bool on) {
  SpinGuard guard(host_, lock_);
  states_[nsid - 1].persists = on;
}

void Reservations::forget(Namespace& ns) {
  SpinGuard guard(host_, lock_);
  clear(ns);
  state_of(ns) = {};
}

void Reservations::power_cycle() {
  SpinGuard guard(host_, lock_);
  for (Namespace& ns : subsystem_->namespaces) {
    State& state = state_of(ns);
    for (u32 i = 0; i < kMaxRegistrants; i++) {
      const Registrant& registrant = state.registrants[i];
      if (registrant.used && !(state.persists && registrant.host.given())) unregister(ns, i);
    }
  }
}

void Reservations::transfer(StateArchive& archive) {
  for (State& state : states_) {
    archive.value(state.generation);
    archive.value(state.type);
    archive.value(state.holder);
    archive.flag(state.persists);
    for (Registrant& registrant : state.registrants) {
      archive.flag(registrant.used);
      archive.value(registrant.host.low);
      archive.value(registrant.host.high);
      archive.flag(registrant.host.extended);
      archive.value(registrant.host.controller);
      archive.value(registrant.key);
    }
    if (!archive.loading() || !archive.ok()) continue;
    if (state.type > ReservationType::kExclusiveAccessAllRegistrants) state.type = ReservationType::kNone;
    if (state.holder >= kMaxRegistrants && !of_all_registrants(state.type)) state.type = ReservationType::kNone;
    if (state.type == ReservationType::kNone || of_all_registrants(state.type)) state.holder = kNobody;
  }
  if (!archive.loading() || !archive.ok()) return;
  for (Namespace& ns : subsystem_->namespaces) {
    ns.reservation.store(static_cast<u8>(state_of(ns).type), std::memory_order_relaxed);
  }
  power_cycle();
}

}  // namespace nvmev
