// SPDX-License-Identifier: GPL-2.0-only
// A channel between controller and dies, or one direction of the PCIe link.
#pragma once

#include "nvmev/counter.h"
#include "rate.h"
#include "timeline.h"

namespace nvmev {

class TextWriter;

}  // namespace nvmev

namespace nvmev::flash {

struct Span {
  u64 start, end;  // ns
};

class Link {
 public:
  void init(u32 megabytes, u32 piece) {
    rate_ = Rate(megabytes);
    piece_ = piece;
  }

  // Transfers at most this many bytes without letting others in between.
  u32 piece() const { return piece_; }

  // Moves `bytes`, which are there at `ready`, preceded by `overhead` ns of commands.
  Span transfer(u64 ready, u64 bytes, u64 overhead, u64 floor) {
    const u64 length = overhead + rate_.duration(bytes, &carry_);
    busy_.add(length);
    const u64 start = line_.reserve(ready, length, floor);
    return {start, start + length};
  }

  u64 end() const { return line_.end(); }
  u64 busy() const { return busy_.get(); }
  // Of the time until `now`.
  u64 busy_permille(u64 now) const { return now / 1000 != 0 ? busy() / (now / 1000) : 0; }

 private:
  Rate rate_;
  u32 carry_ = 0;
  u32 piece_ = 4096;
  Timeline line_;
  Counter busy_;  // ns reserved so far
};

// The line of a device type's report about the link to the host, both directions.
void report_pcie(TextWriter& text, const Link& in, const Link& out, u64 now);

}  // namespace nvmev::flash
