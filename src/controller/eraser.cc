// SPDX-License-Identifier: GPL-2.0-only
#include "eraser.h"

namespace nvmev {

bool erase_step(Shared& shared, const Namespace& ns, u64* at) {
  constexpr u32 kPages = 1024;
  Medium& medium = shared.medium;
  if (*at == 0) shared.uncorrectable.clear(ns.base, ns.allocated());
  for (u32 pages = 0; pages < kPages && *at < ns.allocated(); pages++) {
    const u64 offset = ns.base + *at;
    const u64 written = medium.skip_unwritten(offset);
    if (written > offset) {
      *at += written - offset;
      continue;
    }
    if (medium.thin()) {
      medium.discard(offset, kPageSize);
    } else {
      medium.zero(offset, kPageSize);
    }
    *at += kPageSize;
  }
  return *at >= ns.allocated();
}

}  // namespace nvmev
