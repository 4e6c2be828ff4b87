// SPDX-License-Identifier: GPL-2.0-only
// Bandwidth without rounding errors.
#pragma once

#include "nvmev/types.h"

namespace nvmev::flash {

// A bandwidth of `megabytes` MB/s (10^6 bytes a second): one byte takes 1000 / megabytes ns. Results are whole
// nanoseconds; what is cut off is carried over to the next transfer, so that any number of transfers takes together
// what the bandwidth says, to the nanosecond.
class Rate {
 public:
  explicit Rate(u32 megabytes = 1) : megabytes_(megabytes) {}

  // ns that `bytes` (below 2^53) take. *carry is the rest of earlier transfers, in 1 / megabytes ns.
  u64 duration(u64 bytes, u32* carry) const {
    const u64 total = bytes * 1000 + *carry;
    *carry = static_cast<u32>(total % megabytes_);
    return total / megabytes_;
  }

  u32 megabytes() const { return megabytes_; }

 private:
  u32 megabytes_;
};

}  // namespace nvmev::flash
