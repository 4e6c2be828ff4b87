// SPDX-License-Identifier: GPL-2.0-only
// A bit for each of many things, to find out whether one is named twice.
#pragma once

#include "nvmev/host_array.h"
#include "nvmev/types.h"

namespace nvmev::flash {

class Marks {
 public:
  // False when there is no memory. Nothing is marked.
  bool allocate(nvmev_host* host, u64 count) { return words_.allocate(host, count / 64 + 1); }

  // False if it was marked already.
  bool mark(u64 i) {
    const u64 bit = 1ull << i % 64;
    if ((words_[i / 64] & bit) != 0) return false;
    words_[i / 64] |= bit;
    return true;
  }

 private:
  HostArray<u64> words_;
};

}  // namespace nvmev::flash
