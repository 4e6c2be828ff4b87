// SPDX-License-Identifier: GPL-2.0-only
// Division by a number that is known at attach.
#pragma once

#include "nvmev/types.h"

namespace nvmev::conv {

// Exact for all 32-bit dividends (Lemire, Kaser, Kurz, "Faster remainder by direct computation", 2019): one
// multiplication instead of a division.
class FastDivide {
 public:
  explicit FastDivide(u32 divisor = 1) : divisor_(divisor), magic_(divisor > 1 ? ~0ull / divisor + 1 : 0) {}

  u32 divisor() const { return divisor_; }
  u32 quotient(u32 n) const {
    __extension__ using u128 = unsigned __int128;
    return magic_ != 0 ? static_cast<u32>(static_cast<u128>(magic_) * n >> 64) : n;
  }
  u32 remainder(u32 n) const { return n - quotient(n) * divisor_; }

 private:
  u32 divisor_;
  u64 magic_;
};

}  // namespace nvmev::conv
