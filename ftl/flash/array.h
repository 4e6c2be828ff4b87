// SPDX-License-Identifier: GPL-2.0-only
// The flash array: plans operations on dies and channels, and says when they are over.
#pragma once

#include "die.h"
#include "geometry.h"
#include "link.h"
#include "nvmev/counter.h"
#include "nvmev/ftl.h"
#include "nvmev/host_array.h"
#include "timing.h"

namespace nvmev {
class TextWriter;
}

namespace nvmev::flash {

struct ReadDone {
  u64 end;                 // ns; of the last transfer
  bool behind_background;  // had to wait for work that no host command asked for
};

struct ProgramDone {
  u64 end;     // ns, as planned now
  u32 ticket;  // for end_of(): a read that comes later may still push it back
};

// Addresses are dies and rows of a die; what lies where is the FTL's. Operations on a die run in the order of planning,
// but see Die for reads of the host.
class Array {
 public:
  // False when there is no memory.
  bool init(const Geometry& geometry, const nvmev_config& config, nvmev_host* host);

  // From any thread.
  void retune(const nvmev_config& config) { timing_.set(config); }

  // No operation will be asked for that is ready before `floor` (ns, never decreases).
  void set_floor(u64 floor) { floor_ = floor; }

  // Reads `bytes` of row `row` of a die block, which lie in `planes` planes, `tries` times. Then they go over the
  // channel, and, unless `onward` is nullptr, piece by piece over that link.
  ReadDone read(u32 die, u32 row, u32 bytes, u32 planes, u32 tries, u64 ready, Cause cause, Link* onward);

  // Moves `bytes` to the die and programs them into `planes` planes at once.
  ProgramDone program(u32 die, u32 bytes, u32 planes, u64 ready, Cause cause);

  // Moves `rows` rows, from `row` on, within a die, without the channel.
  ProgramDone copyback(u32 die, u32 row, u32 rows, u64 ready);

  // Erases a die block.
  u64 erase(u32 die, u64 ready);

  // Erases `count` die blocks, and programs `count` times what needs no data, one after another: in at most
  // kBatchParts steps, between which reads of the host pass as they do between operations.
  static constexpr u32 kBatchParts = 8;
  u64 erase_many(u32 die, u32 count, u64 ready, Cause cause) {
    erases_.add(count);
    return batch(die, Work::kErase, erase_time(), count, ready, cause);
  }
  u64 pad(u32 die, u32 count, u64 ready, Cause cause) {
    programs_.add(count);
    bytes_programmed_.add(static_cast<u64>(count) * geometry_.row_bytes() * geometry_.program_rows);
    return batch(die, Work::kProgram, timing_.program() * planes_of(geometry_.planes), count, ready, cause);
  }

  // Present end of a planned program; 0 if that is past.
  u64 end_of(u32 die, u32 ticket) const { return dies_[die].end_of(ticket); }

  u64 die_free_at(u32 die) const { return dies_[die].free_at(); }

  const Geometry& geometry() const { return geometry_; }
  u64 reads() const { return reads_.get(); }
  u64 programs() const { return programs_.get(); }
  u64 erases() const { return erases_.get(); }
  // Any thread.
  MediaTraffic traffic() const { return {bytes_read_.get(), bytes_programmed_.get()}; }

  // From any thread. `now`: ns since the device was made.
  void report(TextWriter& text, u64 now) const;

 private:
  u64 batch(u32 die, Work work, u64 each, u32 count, u64 ready, Cause cause);
  // A block that was made shorter, because the device is smaller than the real part, stands for a part of a block: it
  // takes that part of the time, so that erasing costs as much per byte as in the real device.
  u64 erase_time() const {
    return timing_.erase() * geometry_.block_rows / geometry_.full_rows * planes_of(geometry_.planes);
  }
  Link& channel(u32 die) { return channels_[geometry_.channel_of(die)]; }
  u64 planes_of(u32 planes) const { return multiplane_ ? 1 : planes; }

  Geometry geometry_{};
  Timing timing_;
  bool multiplane_ = true;
  bool plane_reads_ = false;
  bool cache_ = false;
  u64 floor_ = 0;
  HostArray<Die> dies_;
  HostArray<Link> channels_;
  HostArray<Counter> busy_;  // [die], ns of array time
  Counter reads_, programs_, erases_, copybacks_, suspends_;
  Counter bytes_read_, bytes_programmed_;
};

}  // namespace nvmev::flash
