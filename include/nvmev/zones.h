// SPDX-License-Identifier: GPL-2.0-only
// Zones as a device type offers them: sequential zones with the states and attributes of the Zoned Namespace Command Set
// 1.1. Everything is in bytes of the type's address space; zone z begins at z * zone_bytes.
#pragma once

#include "nvmev/ftl.h"
#include "nvmev/nvme/status.h"
#include "nvmev/nvme/zns.h"
#include "nvmev/types.h"

namespace nvmev {

// What the key zone_fault can do to a zone: bits 7:0 of nvmev_config.zone_fault, with 1 + the zone's number above.
enum class ZoneFault : u8 { kReadOnly = 1, kOffline, kFull, kFinishRecommended, kResetRecommended };

// Fixed for the life of the device.
struct ZoneLimits {
  u32 zones;
  u64 zone_bytes;
  u64 zone_capacity;    // bytes of a zone that can be written
  u32 max_active;       // 0: no limit
  u32 max_open;         // 0: no limit
  u64 append_limit;     // bytes of a Zone Append; 0: as any transfer
  u32 extension_bytes;  // of a zone descriptor extension; 0: there are none
  u64 zrwa_bytes;       // Zone Random Write Area; 0: there are none
  u64 zrwa_granularity; // bytes by which it is flushed
  u32 zrwa_zones;       // that can have one at a time
  bool read_across;     // reads may cross zone boundaries
  bool excursions;      // the controller may finish active zones by itself
  u32 finish_limit;     // s from Finish Zone Recommended until it does; 0: not known
};

// A zone as others see it.
struct ZoneView {
  nvme::ZoneState state;
  u8 attributes;  // nvme::zone_attributes
  u64 written;    // bytes: the write pointer, of full and read-only zones the end of what was written
};

struct ZoneWrite {
  enum class Kind : u8 { kWrite, kAppend, kZeroes };
  Kind kind;
  u64 offset;  // kAppend: of the zone; becomes that of the data
  u64 length;  // > 0
  // Out: bytes between what was written before and this write, within a random write area: they must read as zeros.
  u64 gap = 0;
};

// What came of asking to write, or to change a zone.
struct ZoneAnswer {
  nvme::Status status;
  bool wait = false;  // not now: data of the zone are still being discarded; ask again
};

struct ZoneSend {
  nvme::ZoneSendAction action;
  bool all = false;            // Select All: `zone` means nothing
  u32 zone = 0;
  bool allocate_zrwa = false;  // of kOpen
  bool discard = false;        // of kReset: whether the caller has data to discard
  u64 flush_end = 0;           // of kFlushZrwa: end of the range, bytes of the address space
  const u8* extension = nullptr;  // of kSetDescriptorExtension: extension_bytes of it
  // Out: of kReset, names the zones whose data the caller must discard, and then tell by discarded(). 0: none.
  u32 reset = 0;
  // Out: of kFlushZrwa, bytes of the range that were never written: they must read as zeros.
  u64 gap_offset = 0, gap = 0;
};

// The functions that change zones are, like Ftl::plan(), of one thread at a time and carried out atomically: where they
// fail nothing has changed. Those marked are for any thread.
class Zones {
 public:
  virtual const ZoneLimits& limits() const = 0;  // any thread
  virtual ZoneView view(u32 zone) const = 0;     // any thread
  // Bytes from the zone's start that may hold data; those behind were never written. Any thread.
  virtual u64 readable(u32 zone) const = 0;
  // extension_bytes of the zone; they mean something where its attributes say so. Any thread.
  virtual const u8* extension(u32 zone) const = 0;

  // Whether the write would be carried out now, and where. Changes nothing.
  virtual ZoneAnswer find_place(ZoneWrite& write) = 0;
  // Carries it out: *done is when it has finished. The data must follow, and then settle().
  virtual ZoneAnswer write(u64 now, ZoneWrite& write, u64* done) = 0;
  // Data of a write at `offset` are where they belong, or given up. Any thread.
  virtual void settle(u64 offset) = 0;
  // Whether data of writes to the zone are on their way. Any thread.
  virtual bool unsettled(u32 zone) const = 0;

  // `unwritten_fails`: blocks that were never written are errors (Error Recovery, DULBE).
  virtual IoPlan read(u64 now, u64 offset, u64 length, bool unwritten_fails) = 0;

  virtual ZoneAnswer send(u64 now, ZoneSend& send, u64* done) = 0;

  // Whether data of the zone are to be discarded for the reset `reset`. Any thread.
  virtual bool discards(u32 zone, u32 reset) const = 0;
  // They have been. Any thread.
  virtual void discarded(u32 zone) = 0;

  // Carries out what time and faults bring about. Whatever else changes zones does so, too.
  virtual void advance(u64 now) = 0;
  // How often a zone has changed without a command. Any thread.
  virtual u32 changes() const = 0;
  // Zones that have, in ascending order, the first `most` of them; returns how many there are. `forget`: no more afterwards.
  virtual u32 take_changed(u32* zones, u32 most, bool forget) = 0;

 protected:
  ~Zones() = default;
};

}  // namespace nvmev
