// SPDX-License-Identifier: GPL-2.0-only
#include "prp.h"

#include "data_buffer.h"
#include "mmio.h"

namespace nvmev {

using nvme::Status;

namespace {

constexpr u64 kOffsetMask = kPageSize - 1;

u32 bytes_to_page_end(u64 address) { return kPageSize - static_cast<u32>(address & kOffsetMask); }

}  // namespace

Status check_prps(u64 prp1, u64 prp2, u32 length) {
  if (prp1 & 3) return Status::kInvalidPrpOffset;
  const u32 first = bytes_to_page_end(prp1);
  if (length <= first) return Status::kSuccess;
  if (length - first <= kPageSize) return prp2 & kOffsetMask ? Status::kInvalidPrpOffset : Status::kSuccess;
  return prp2 & 7 ? Status::kInvalidPrpOffset : Status::kSuccess;
}

Status walk_prps(DataBuffer& buffer, u64 prp1, u64 prp2, u32 length) {
  if (const Status status = check_prps(prp1, prp2, length); status != Status::kSuccess) return status;
  const u32 in_first = bytes_to_page_end(prp1);
  const u32 first = length < in_first ? length : in_first;
  if (const Status status = buffer.add(prp1, first); status != Status::kSuccess) return status;
  u32 left = length - first;
  if (left == 0) return Status::kSuccess;
  if (left <= kPageSize) return buffer.add(prp2, left);

  u64 list = prp2;
  while (left != 0) {
    const u32 list_bytes = bytes_to_page_end(list);
    const u64* entries = static_cast<const u64*>(buffer.look(list, list_bytes));
    if (entries == nullptr) return Status::kDataTransferError;
    const u32 slots = list_bytes / sizeof(u64);
    const u32 needed = (left + kPageSize - 1) >> kPageShift;
    // The last slot of a list page points to the next list page when more entries are needed than fit.
    const bool chained = needed > slots;
    const u32 here = chained ? slots - 1 : needed;
    for (u32 i = 0; i < here; i++) {
      const u64 entry = load_relaxed(&entries[i]);
      if (entry & kOffsetMask) return Status::kInvalidPrpOffset;
      const u32 bytes = left < kPageSize ? left : kPageSize;
      if (const Status status = buffer.add(entry, bytes); status != Status::kSuccess) return status;
      left -= bytes;
    }
    if (!chained) break;
    list = load_relaxed(&entries[slots - 1]);
    // A chained list starts at a page's beginning; this also keeps a hostile chain of one-entry lists from going on for ever.
    if (list & kOffsetMask) return Status::kInvalidPrpOffset;
  }
  return Status::kSuccess;
}

}  // namespace nvmev
