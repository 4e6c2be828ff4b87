// SPDX-License-Identifier: GPL-2.0-only
// The room for values: units of equal size, each of which belongs to one value or is free.
#pragma once

#include "nvmev/counter.h"
#include "nvmev/host_array.h"
#include "tree.h"

namespace nvmev::kv {

// A value is a chain of units, which need not be neighbours: as long as there are enough free units, a value fits. Units are taken in
// ascending order from where the last one was taken, so that most chains are one stretch. Of one thread at a time; what is held can be
// followed in any thread.
class Space {
 public:
  // False when there is no memory. `units` is below 2^32 - 1.
  bool init(nvmev_host* host, u64 units);

  // Everything is free.
  void clear();

  // Takes a chain of `count` units, at least one. kNone: there are not as many.
  u32 take(u32 count);

  // Frees a unit. The chain that it was part of must be followed before.
  void free(u32 unit);

  // Loading a state: takes all of [first, first + count) and puts it behind `last`, the end of a chain so far (kNone: it begins one).
  // False where there is nothing to take, or not all of it is free: nothing has changed.
  bool take_run(u32 first, u32 count, u32 last);

  // Where the search for free units goes on.
  u32 cursor() const { return cursor_; }
  void set_cursor(u32 unit) { cursor_ = unit; }

  // The unit behind `unit` in its chain; kNone: it was the last.
  u32 next(u32 unit) const { return next_[unit]; }

  // Whether all of [first, first + count) is free; count is at most 64, and a power of two that divides first.
  bool is_free(u32 first, u32 count) const;

  u64 units() const { return units_; }
  u64 free_units() const { return free_.get(); }
  u64 bytes() const;

 private:
  static constexpr u32 kLevels = 6;  // of 64 each: 2^32 units

  u32 find_free(u32 from) const;
  void mark_taken(u32 unit);

  u64 units_ = 0;
  u32 cursor_ = 0;
  Counter free_;
  HostArray<u32> next_;
  // [0]: a bit for each free unit; [n + 1]: a bit for each word of [n] that is not 0.
  HostArray<u64> free_bits_[kLevels];
  u32 levels_ = 0;
};

}  // namespace nvmev::kv
