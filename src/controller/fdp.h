// SPDX-License-Identifier: GPL-2.0-only
// Flexible Data Placement in the controller: placement identifiers of writes, reclaim unit handle status and update,
// and FDP events. What a reclaim unit is, the device type knows (include/nvmev/placement.h).
//
// One reclaim group (RGIF 0): a placement identifier is a placement handle, and handle h is reclaim unit handle h.
#pragma once

#include <array>

#include "nvmev/nvme/fdp.h"
#include "nvmev/nvme/status.h"
#include "nvmev/placement.h"
#include "nvmev/spinlock.h"
#include "task.h"

namespace nvmev {

struct IoContext;
class DataBuffer;
struct Shared;

inline constexpr u32 kMaxPlacementHandles = 128;

inline constexpr nvme::FdpEventType kFdpEventTypes[] = {
    nvme::FdpEventType::kNotFullyWritten,
    nvme::FdpEventType::kInvalidPlacementId,
    nvme::FdpEventType::kMediaReallocated,
    nvme::FdpEventType::kImplicitlyModified,
};

// The last events of the endurance group, and which are wanted. Any thread.
class FdpEvents {
 public:
  static constexpr u32 kEvents = 63;  // of each log; with its header a log fits a page

  void init(nvmev_host* host) { host_ = host; }
  void reset();

  // Keeps the event if its type is enabled for the handle. `nsid` is 0 for events of no namespace, `at` in ns of the host's clock.
  void add(nvme::FdpEventType type, u16 handle, u32 nsid, u64 at, u64 lbas);

  // Fills in log page 23h, oldest event first. Returns its bytes. `timestamp`: what feature 0Eh reads at `now`, ns.
  u32 read_log(bool host_events, u64 now, u64 timestamp, u8* page);

  bool enabled(nvme::FdpEventType type, u16 handle);
  void enable(nvme::FdpEventType type, u16 handle, bool on);

 private:
  struct Ring {
    u64 count = 0;
    std::array<nvme::FdpEvent, kEvents> events{};  // timestamp: ns of the host's clock
  };

  static bool is_host_event(nvme::FdpEventType type) { return static_cast<u8>(type) < 0x80; }
  static u32 type_index(nvme::FdpEventType type);

  nvmev_host* host_ = nullptr;
  Spinlock lock_;
  Ring host_ring_;
  Ring controller_ring_;
  std::array<u8, kMaxPlacementHandles> enabled_{};  // a bit for each of kFdpEventTypes
};

// Whether any namespace has Flexible Data Placement.
bool has_placement(const Shared& shared);

// Takes what has happened to reclaim units so far into the events, as far as they are enabled now. Soon after it happened: events
// stand in the log in the order in which they came here, and a device type keeps few, wanted or not.
void collect_placement_events(Shared& shared);

// The placement of a write (DTYPE and DSPEC). An invalid identifier is reported as an event; the write then goes to the
// default handle.
nvme::Status check_placement(const IoContext&, Task&);

// Rows of the I/O command table.
nvme::Status check_io_management_receive(const IoContext&, Task&);
nvme::Status check_io_management_send(const IoContext&, Task&);
void act_nothing(const IoContext&, Task&, u64 now);
void act_ruh_update(const IoContext&, Task&, u64 now);
nvme::Status move_ruh_status(Shared&, DataBuffer&, Task&);

}  // namespace nvmev
