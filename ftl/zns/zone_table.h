// SPDX-License-Identifier: GPL-2.0-only
// The zones of a namespace: their states, attributes and write pointers, and the resources that states take. Knows
// nothing of flash; times are only noted. Zoned Namespace Command Set 1.1, section 2.1.1.
#pragma once

#include <atomic>

#include "nvmev/counter.h"
#include "nvmev/host.h"
#include "nvmev/host_array.h"
#include "nvmev/zones.h"

namespace nvmev::zns {

inline constexpr u32 kNone = ~0u;

struct Zone {
  nvme::ZoneState state = nvme::ZoneState::kEmpty;
  u8 attributes = 0;
  bool changed = false;       // without a command, and nobody has been told yet
  u32 previous = kNone, next = kNone;  // of the implicitly open zones, in the order in which they were opened
  u64 write_pointer = 0;      // bytes from the zone's start
  u64 high = 0;               // end of what was written: beyond the write pointer in a random write area
  u64 since = 0;              // ns: when the zone became active, or full

  // For any thread.
  std::atomic<u64> view{0};      // pack_view()
  std::atomic<u64> readable{0};  // bytes from the zone's start
  std::atomic<u32> unsettled{0};
  std::atomic<u32> reset{0};     // names the reset whose discards are under way; 0: none
};

constexpr bool is_open(nvme::ZoneState state) {
  return state == nvme::ZoneState::kImplicitlyOpen || state == nvme::ZoneState::kExplicitlyOpen;
}
constexpr bool is_active(nvme::ZoneState state) { return is_open(state) || state == nvme::ZoneState::kClosed; }

class ZoneTable {
 public:
  // False when there is no memory. All zones are empty.
  bool init(const ZoneLimits& limits, nvmev_host* host);

  const ZoneLimits& limits() const { return limits_; }
  Zone& operator[](u32 zone) { return zones_[zone]; }
  const Zone& operator[](u32 zone) const { return zones_[zone]; }
  u32 size() const { return limits_.zones; }
  Zone* begin() { return zones_.begin(); }
  Zone* end() { return zones_.end(); }

  ZoneView view(u32 zone) const;

  // ---- Checks; they change nothing

  // Whether bytes [begin, begin + length) of the zone can be written now, resources included.
  nvme::Status check_write(const Zone& zone, u64 begin, u64 length) const;
  // Whether there are resources for the zone to be open.
  nvme::Status check_open(const Zone& zone) const;
  nvme::Status check_activate(const Zone& zone) const;
  bool has_zrwa(const Zone& zone) const { return (zone.attributes & nvme::zone_attributes::kZrwaValid) != 0; }
  bool zrwa_left() const { return zrwas_.get() < limits_.zrwa_zones; }

  // ---- Changes; what they need was checked

  // To one of the two open states. Where that takes another zone's place, the implicitly open zone that was opened first
  // is closed.
  void open(Zone& zone, nvme::ZoneState state, u64 now);
  void close(Zone& zone, u64 now) { set_state(zone, nvme::ZoneState::kClosed, now); }
  void finish(Zone& zone, u64 now) { set_state(zone, nvme::ZoneState::kFull, now); }
  void reset(Zone& zone, u64 now);
  void fail(Zone& zone, nvme::ZoneState state, u64 now) { set_state(zone, state, now); }
  // Of an active zone: its random write area is given up, and it is closed, or empty where nothing makes it otherwise.
  void lose_power(Zone& zone, u64 now);
  // As it was saved: written up to `high`.
  void restore(Zone& zone, nvme::ZoneState state, u8 attributes, u64 high, u64 now);
  void allocate_zrwa(Zone& zone);
  void set_attribute(Zone& zone, u8 attribute);
  // Sets the write pointer and the end of what was written; at the zone's capacity the zone is full.
  void move_write_pointer(Zone& zone, u64 to, u64 high, u64 now);
  // Without a command: others will be told.
  void note_change(Zone& zone);

  u32 changes() const { return changes_.load(std::memory_order_relaxed); }
  u32 take_changed(u32* zones, u32 most, bool forget);

  // From any thread.
  u32 active() const { return static_cast<u32>(active_.get()); }
  u32 opened() const { return static_cast<u32>(open_.get()); }
  u32 zrwas() const { return static_cast<u32>(zrwas_.get()); }
  u64 implicit_closes() const { return implicit_closes_.get(); }

 private:
  void set_state(Zone& zone, nvme::ZoneState state, u64 now);
  void link(Zone& zone);
  void unlink(Zone& zone);
  void release_zrwa(Zone& zone);
  void publish(Zone& zone);
  u32 index(const Zone& zone) const { return static_cast<u32>(&zone - zones_.data()); }
  bool open_limit_reached() const { return limits_.max_open != 0 && open_.get() >= limits_.max_open; }

  ZoneLimits limits_{};
  HostArray<Zone> zones_;
  u32 first_implicit_ = kNone, last_implicit_ = kNone;
  Counter active_, open_, zrwas_;
  Counter implicit_closes_;
  std::atomic<u32> changes_{0};
};

}  // namespace nvmev::zns
