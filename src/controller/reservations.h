// SPDX-License-Identifier: GPL-2.0-only
// Reservations of the namespaces of a subsystem (NVMe 2.0 section 8.19): which hosts are registered, which of them holds a reservation,
// and what that keeps others from. Any thread.
#pragma once

#include <array>
#include <atomic>

#include "namespace.h"
#include "nvmev/nvme/reservation.h"
#include "nvmev/nvme/status.h"
#include "nvmev/spinlock.h"
#include "nvmev/state_archive.h"
#include "nvmev/types.h"

namespace nvmev {

struct Subsystem;

// Feature 81h. A controller without one is a host of its own, for as long as it is not reset.
struct HostId {
  u64 low = 0, high = 0;
  bool extended = false;  // has 128 bits
  u32 controller = 0;     // 1 + its number, where there is no identifier

  bool given() const { return (low | high) != 0; }
  bool operator==(const HostId& other) const {
    return low == other.low && high == other.high && controller == other.controller;
  }
};

class Reservations {
 public:
  static constexpr u32 kMaxRegistrants = 16;  // of a namespace

  void init(Subsystem& subsystem);

  // Feature 81h of a controller: kSuccess, kCommandSequenceError, kHostIdInconsistentFormat. Dispatcher 0.
  nvme::Status set_host(u32 controller, u64 low, u64 high, bool extended);
  HostId host(u32 controller) const { return hosts_[controller]; }

  // Feature 82h. Dispatcher 0.
  u32 mask(u32 controller, u32 nsid) const { return masks_[controller][nsid - 1]; }
  void set_mask(u32 controller, u32 nsid, u32 mask) { masks_[controller][nsid - 1] = static_cast<u8>(mask); }
  // Feature 83h.
  bool persists(u32 nsid) const;
  void set_persists(u32 nsid, bool on);

  // The commands, of a controller. They succeed or end with kReservationConflict or kInvalidField; nothing is changed then.
  nvme::Status register_host(Namespace& ns, u32 controller, nvme::RegisterAction action, bool ignore_key, u64 current,
                             u64 fresh, u32 persistence);
  nvme::Status acquire(Namespace& ns, u32 controller, nvme::AcquireAction action, nvme::ReservationType type, u64 current,
                       u64 preempted);
  nvme::Status release(Namespace& ns, u32 controller, nvme::ReleaseAction action, nvme::ReservationType type, u64 current);
  // Calls `put(data, bytes)` with the parts of the Reservation Status in order; it must not wait.
  template <typename Put>
  void report(const Namespace& ns, bool extended, Put put) const;

  // Controllers whose hosts are registrants, a bit for each.
  u32 registered(const Namespace& ns) const;

  // Whether a command of the controller that reads or writes the namespace may be carried out.
  bool admits(const Namespace& ns, u32 controller, bool write) const {
    return ns.reservation.load(std::memory_order_acquire) == 0 || admits_slowly(ns, controller, write);
  }

  // Notices of a controller, oldest first; the first is taken off by drop_notice(). Dispatcher 0.
  bool has_notice(u32 controller) const;
  void fill(u32 controller, nvme::ReservationNoticeLog& log) const;
  void drop_notice(u32 controller);

  // Controller Level Reset. Dispatcher 0, while the controller has no command under way.
  void reset(u32 controller);
  // The namespace is gone.
  void forget(Namespace& ns);
  // Only what persists through power loss is left. While no command is under way.
  void power_cycle();

  // While nothing else uses it; a load is a power cycle.
  void transfer(StateArchive& archive);

  // Preempt and Abort: one at a time waits for the commands under way.
  bool begin_abort() { return !aborting_.exchange(true, std::memory_order_acquire); }
  void end_abort() { aborting_.store(false, std::memory_order_release); }

 private:
  static constexpr u32 kNobody = ~0u;
  static constexpr u32 kNotices = 8;

  struct Registrant {
    bool used = false;
    HostId host;
    u64 key = 0;
  };
  struct State {
    u32 generation = 0;
    nvme::ReservationType type = nvme::ReservationType::kNone;
    u32 holder = kNobody;  // registrant; kNobody where all registrants hold it
    bool persists = false;
    std::array<Registrant, kMaxRegistrants> registrants;
  };
  struct Notice {
    nvme::ReservationNoticeType type;
    u32 nsid;
  };
  struct NoticeQueue {
    u64 count = 0;  // of all that were dropped
    u32 length = 0;
    std::array<Notice, kNotices> notices{};
  };

  bool admits_slowly(const Namespace& ns, u32 controller, bool write) const;
  State& state_of(const Namespace& ns) { return states_[ns.id - 1]; }
  const State& state_of(const Namespace& ns) const { return states_[ns.id - 1]; }
  static u32 find(const State& state, const HostId& host);
  static bool holds(const State& state, u32 registrant);
  nvme::Status preempt(Namespace& ns, u32 own, nvme::ReservationType type, u64 key);
  void unregister(Namespace& ns, u32 registrant);
  void set_type(Namespace& ns, nvme::ReservationType type, u32 holder);
  void clear(Namespace& ns);
  // Tells the controllers of a registrant's host, or of all but one.
  void tell(const Namespace& ns, u32 registrant, nvme::ReservationNoticeType type);
  void tell_others(const Namespace& ns, u32 own, nvme::ReservationNoticeType type);
  void drop_anonymous(u32 controller);

  Subsystem* subsystem_ = nullptr;
  nvmev_host* host_ = nullptr;
  mutable Spinlock lock_;
  std::array<HostId, NVMEV_MAX_CONTROLLERS> hosts_{};
  std::array<std::array<u8, kMaxNamespaces>, NVMEV_MAX_CONTROLLERS> masks_{};
  std::array<NoticeQueue, NVMEV_MAX_CONTROLLERS> queues_{};
  std::array<State, kMaxNamespaces> states_{};
  std::atomic<bool> aborting_{false};
};

template <typename Put>
void Reservations::report(const Namespace& ns, bool extended, Put put) const {
  SpinGuard guard(host_, lock_);
  const State& state = state_of(ns);
  // An entry for each controller of a registered host; a host that has none now has one without a controller.
  const auto for_each_entry = [&](auto with) {
    for (u32 i = 0; i < kMaxRegistrants; i++) {
      if (!state.registrants[i].used) continue;
      bool any = false;
      for (u32 c = 0; c < NVMEV_MAX_CONTROLLERS; c++) {
        if (!(hosts_[c] == state.registrants[i].host)) continue;
        with(i, static_cast<u16>(c + 1));
        any = true;
      }
      if (!any) with(i, nvme::kNoController);
    }
  };
  nvme::ReservationStatus status{};
  status.generation = state.generation;
  status.type = static_cast<u8>(state.type);
  status.persists = state.persists;
  for_each_entry([&](u32, u16) { status.controllers++; });
  put(&status, sizeof(status));
  if (extended) {
    const u8 rest[nvme::kExtendedStatusBytes - sizeof(status)] = {};
    put(rest, sizeof(rest));
  }
  for_each_entry([&](u32 registrant, u16 cntlid) {
    const Registrant& of = state.registrants[registrant];
    const u8 flags = holds(state, registrant) ? nvme::kRegisteredHolder : 0;
    if (extended) {
      nvme::RegisteredControllerExtended entry{};
      entry.cntlid = cntlid;
      entry.status = flags;
      entry.key = of.key;
      for (u32 i = 0; i < 8; i++) {
        entry.host[i] = static_cast<u8>(of.host.low >> 8 * i);
        entry.host[8 + i] = static_cast<u8>(of.host.high >> 8 * i);
      }
      put(&entry, sizeof(entry));
    } else {
      const nvme::RegisteredController entry{cntlid, flags, {}, of.host.low, of.key};
      put(&entry, sizeof(entry));
    }
  });
}

}  // namespace nvmev
