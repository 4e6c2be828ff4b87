// SPDX-License-Identifier: GPL-2.0-only
// Flexible Data Placement (TP4146, NVMe 2.1 section 8.1.10) as a device type offers it: reclaim unit handles, each of
// which writes to a reclaim unit of its own, in one reclaim group.
#pragma once

#include "nvmev/types.h"

namespace nvmev {

// Bytes since attach.
struct PlacementCounters {
  u64 host_written;   // HBMW: by host commands
  u64 media_written;  // MBMW: host and garbage collection
  u64 media_erased;   // MBE
};

// What happened to a reclaim unit, in the terms of FDP events (figure 260 of NVMe 2.1).
struct PlacementEvent {
  enum class Kind : u8 {
    kNotFullyWritten = 0x00,   // host event: a handle left a reclaim unit before it was full
    kMediaReallocated = 0x80,  // controller event: garbage collection moved valid data
    kImplicitlyModified = 0x81,  // controller event: a handle went on to another reclaim unit by itself
  };
  Kind kind;
  u16 handle;
  u64 at;    // modelled ns
  u64 lbas;  // kMediaReallocated: logical blocks of 512 bytes moved
};

class Placement {
 public:
  // Reclaim unit handles, 1 to 128.
  virtual u32 handles() const = 0;

  // Bytes of a reclaim unit.
  virtual u64 reclaim_unit_bytes() const = 0;

  // Whether data of different handles stay in reclaim units of their own when garbage collection moves them.
  virtual bool stay_apart() const = 0;

  // Bytes that can still be written to the reclaim unit that `handle` refers to. Any thread.
  virtual u64 remaining(u16 handle) const = 0;

  // Reclaim Unit Handle Update: the next write of `handle` goes to an empty reclaim unit. As Ftl::plan().
  virtual void update(u64 now, u16 handle) = 0;

  // Any thread.
  virtual PlacementCounters counters() const = 0;

  // Takes the oldest event that was not taken yet; false if there is none. Events beyond what the type keeps (at least
  // 64) are dropped, oldest first. As Ftl::plan().
  virtual bool take_event(PlacementEvent* event) = 0;

 protected:
  ~Placement() = default;
};

}  // namespace nvmev
