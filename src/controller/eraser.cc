// SPDX-License-Identifier: GPL-2.0-only
#include "eraser.h"

namespace nvmev {

bool erase_step(Medium& medium, u64 base, u64 bytes, u64* at) {
  constexpr u32 kPages = 1024;
  for (u32 pages = 0; pages < kPages && *at < bytes; pages++) {
    const u64 offset = base + *at;
    const u64 written = medium.skip_unwritten(offset);
    if (written > offset) {
      *at += written - offset;
      continue;
    }
    const u64 page_end = (offset | (kPageSize - 1)) + 1;
    const u32 length = static_cast<u32>((page_end < base + bytes ? page_end : base + bytes) - offset);
    if (medium.thin()) {
      medium.discard(offset, length);
    } else {
      medium.zero(offset, length);
    }
    *at += length;
  }
  return *at >= bytes;
}

bool erase_step(Shared& shared, const Namespace& ns, u64* at) {
  if (*at == 0) {
    shared.uncorrectable.clear(ns.base, ns.allocated());
    shared.undo_log.forget(ns.base, ns.allocated());
  }
  const u64 data = ns.allocated();
  if (*at < data) {
    if (!erase_step(shared.medium, ns.base, data, at)) return false;
    *at = data;
  }
  Metadata& metadata = shared.metadata;
  if (metadata.room() == 0) return true;
  u64 within = *at - data;
  const bool done = erase_step(metadata.medium(), metadata.share(ns), metadata.share_bytes(ns), &within);
  *at = data + within;
  return done;
}

}  // namespace nvmev
