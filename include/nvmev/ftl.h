// SPDX-License-Identifier: GPL-2.0-only
// What a device type is: it decides when each command has finished on the modelled device.
//
// An FTL never sees data, never reads a clock and never waits: work that a real device does in the background is
// done by the FTL when the next command arrives, in the time that has passed in between. The same sequence of calls
// gives the same results on every host.
#pragma once

#include "nvmev/host.h"
#include "nvmev/nvme/status.h"
#include "nvmev/types.h"

namespace nvmev {

class KeyValue;
class OpenChannel;
class Placement;
class StateArchive;
class TextWriter;
class Zones;

// What a power failure did to a range of logical blocks.
struct PowerLoss {
  u64 offset;        // bytes
  u64 length;        // bytes
  u64 since;         // the call of plan(), counted from 0, that is undone in this range, and all after it
  bool deallocated;  // what was there before is nothing: the range reads as zeros
};

// Who is told.
class PowerLossSink {
 public:
  virtual void lost(const PowerLoss& loss) = 0;

  // Whether what a call of plan(), counted from 0, has written can be taken back: a write that cannot is not to be lost.
  virtual bool can_undo(u64 plan) const {
    (void)plan;
    return true;
  }

 protected:
  ~PowerLossSink() = default;
};

// How a type keeps streams of writes apart (the Streams directive, NVMe 2.0 section 8.7.3).
struct StreamLimits {
  u32 streams;      // 0: not at all; up to 127
  u64 write_bytes;  // the best size of a write
  u64 unit_bytes;   // what a stream takes of the medium at a time: a multiple of that
};

// What a type likes best, for hosts that choose: NVM Command Set 1.0 figure 97, NPWG to NOWS. Bytes.
struct PreferredSizes {
  u32 unit;   // what writes and deallocations are best multiples of, in length and offset; 0: no preference
  u32 write;  // the best length of a write: a multiple of that
};

enum class IoOp : u8 { kRead, kWrite, kFlush, kWriteZeroes, kDeallocate, kCompare };

struct IoRequest {
  u64 now;     // modelled ns at which the controller has the command; never decreases
  u64 offset;  // bytes, on a logical block; checked against the capacity
  u64 length;  // bytes; 0 for a flush
  IoOp op;
  bool fua;            // Force Unit Access
  u16 placement = 0;   // of a write: placement handle (Flexible Data Placement), or stream; 0 is the default one
  bool atomic = false;  // of what changes blocks: a power failure takes all of it or nothing
};

struct IoPlan {
  u64 done;  // modelled ns at which the command has finished, >= now
  nvme::Status status;
};

// What the SMART log says of the medium.
struct FtlHealth {
  u8 percentage_used = 0;     // of the rated endurance; may exceed 100
  u8 available_spare = 100;   // percent
};

// Bytes of flash since the device was made. Zeros for types that model none.
struct MediaTraffic {
  u64 read = 0;
  u64 programmed = 0;
};

// What flash has been through in all its life. All zeros for types that model none.
struct MediaCounters {
  bool has_flash = false;
  u64 bad_blocks = 0;
  u64 read_retries = 0;
  u64 uncorrectable_reads = 0;
  u64 unaligned_writes = 0;  // that had to read what is around them
  u32 erases_least = 0, erases_most = 0;  // of an erase block
  u8 free_percent = 0;       // of superblocks, or zones, that hold nothing
};

class Ftl {
 public:
  // Carries out the request in the model. Of one thread at a time (the controller sees to that), as are all other
  // functions but those that say otherwise.
  virtual IoPlan plan(const IoRequest& request) = 0;

  // Types that work in idle time: does a bounded part of what the device has done by itself since its last command; false when there
  // is more to do before plan() takes a bounded time again. As plan().
  virtual bool works_in_idle_time() const { return false; }
  virtual bool catch_up(u64 now) {
    (void)now;
    return true;
  }

  // Everything that is stored is forgotten (Format NVM).
  virtual void format() = 0;

  // The same in steps of bounded length, for types in which it takes long; true once all is forgotten. As plan(); no
  // command comes in between.
  virtual bool format_step() {
    format();
    return true;
  }

  // Whether writes may complete before they are in non-volatile memory (Identify VWC), and feature 06h.
  virtual bool has_volatile_cache() const { return false; }
  virtual void set_volatile_cache(bool) {}

  // Memory of the host that it has a use for (Host Memory Buffer), bytes, the same for its whole life, and what it gets of that:
  // 0 at first, and again whenever the host takes it back. Any thread; as plan().
  virtual u64 wanted_host_memory() const { return 0; }
  virtual void set_host_memory(u64 bytes) { (void)bytes; }

  // Flexible Data Placement, nullptr where the type or its configuration has none. Part of the FTL.
  virtual Placement* placement() { return nullptr; }

  // Streams that IoRequest::placement can name, from 1 on. Not with Flexible Data Placement. The same for its whole life.
  virtual StreamLimits streams() const { return {0, 0, 0}; }

  // The same for its whole life.
  virtual PreferredSizes preferred_sizes() const { return {0, 0}; }

  // Power fails at `now` (as IoRequest::now), without any notice, and comes back. Commands that finished by then and
  // were forced (FUA, a Flush behind them, no volatile cache) keep their effect, and so do deallocations. Each other
  // write may have been in time or not, as `seed` chooses, and if it is atomic then as a whole: what is lost is told to `sink`, a
  // range once at most. Time in proportion to the size of the volatile cache, but for a logarithm. As plan().
  virtual void power_cycle(u64 now, u64 seed, PowerLossSink& sink) {
    (void)now, (void)seed, (void)sink;
  }

  // Erases so far of the erase blocks of a die, in order; fills in `size` of them at most. Returns how many the die
  // has: 0 for dies that do not exist, and in types without flash. As plan().
  virtual u32 erase_counts(u32 die, u32* counts, u32 size) const {
    (void)die, (void)counts, (void)size;
    return 0;
  }

  // A key-value store, nullptr for types that are none. Part of the FTL.
  virtual KeyValue* key_value() { return nullptr; }

  // Zones (include/nvmev/zones.h), nullptr where the type has none. Part of the FTL.
  virtual Zones* zones() { return nullptr; }

  // The commands of an open-channel SSD, nullptr but for types of that family. Part of the FTL.
  virtual OpenChannel* open_channel() { return nullptr; }

  // A hash over the decisions taken so far: where every logical page lies and what wear there is; not over times. 0 for
  // types that keep no such state. May take long.
  virtual u64 state_hash() const { return 0; }

  // Whether transfer() works.
  virtual bool keeps_state() const { return false; }

  // Everything that the next run of the device needs, to or from a state file. Saving counts as a flush. *now: modelled
  // time of the save, to be raised to when all that was begun is over; where the device goes on, when loading.
  virtual void transfer(StateArchive&, u64*) {}

  // The live keys of *config have changed (configuration keys with `live` in config_keys.cc). From any thread,
  // while plan() runs in another.
  virtual void retune(const nvmev_config& config) = 0;

  // From any thread, while plan() runs in another.
  virtual FtlHealth health() const { return {}; }

  // In constant time. From any thread, while plan() runs in another.
  virtual MediaTraffic traffic() const { return {}; }

  // Looks at each superblock, or zone. From any thread, while plan() runs in another.
  virtual MediaCounters media() const { return {}; }

  // Adds lines `name value` about the type's own state. From any thread, while plan() runs in another.
  virtual void report(TextWriter& text) const = 0;

  // Frees the memory of the object.
  virtual void destroy() = 0;

 protected:
  ~Ftl() = default;
};

// The commands that a device type answers.
enum class CommandFamily : u8 { kNvm, kKeyValue, kZoned, kOpenChannel };

// One row of the registry.
struct FtlType {
  const char* name;
  CommandFamily family;
  // 0 or a negative errno with *error. May be nullptr.
  int (*check)(const nvmev_config& config, nvmev_error* error);
  // nullptr when there is no memory. May sleep.
  Ftl* (*create)(const nvmev_config& config, nvmev_host* host);
};

}  // namespace nvmev
