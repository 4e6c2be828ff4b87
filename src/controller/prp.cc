// SPDX-License-Identifier: GPL-2.0-only
#include "prp.h"

#include "mmio.h"
#include "nvmev/text.h"

namespace nvmev {

using nvme::Status;

namespace {

constexpr u64 kOffsetMask = kPageSize - 1;

u32 bytes_to_page_end(u64 address) { return kPageSize - static_cast<u32>(address & kOffsetMask); }

}  // namespace

bool PrpBuffer::allocate(nvmev_host* host, u32 mdts) {
  host_ = host;
  // One more page than the size needs, for a transfer that starts inside a page.
  return pages_.allocate(host, (1ull << mdts) + 1);
}

Status PrpBuffer::check(u64 prp1, u64 prp2, u32 length) {
  if (prp1 & 3) return Status::kInvalidPrpOffset;
  const u32 first = bytes_to_page_end(prp1);
  if (length <= first) return Status::kSuccess;
  if (length - first <= kPageSize) return prp2 & kOffsetMask ? Status::kInvalidPrpOffset : Status::kSuccess;
  return prp2 & 7 ? Status::kInvalidPrpOffset : Status::kSuccess;
}

Status PrpBuffer::map(u64 prp1, u64 prp2, u32 length) {
  const u32 in_first = bytes_to_page_end(prp1);
  first_length_ = length < in_first ? length : in_first;
  u32 count = 0;
  return walk(host_, prp1, prp2, length, [&](void* page) { pages_[count++] = static_cast<u8*>(page); });
}

Status PrpBuffer::check_reach(nvmev_host* host, u64 prp1, u64 prp2, u32 length) {
  return walk(host, prp1, prp2, length, [](void*) {});
}

template <typename Add>
Status PrpBuffer::walk(nvmev_host* host, u64 prp1, u64 prp2, u32 length, Add add_page) {
  if (const Status status = check(prp1, prp2, length); status != Status::kSuccess) return status;
  const u32 in_first = bytes_to_page_end(prp1);
  const u32 first = length < in_first ? length : in_first;
  const auto add = [&](u64 bus, u32 bytes) {
    void* page = nvmev_host_map(host, bus, bytes);
    add_page(page);
    return page != nullptr;
  };
  if (!add(prp1, first)) return Status::kDataTransferError;
  u32 left = length - first;
  if (left == 0) return Status::kSuccess;
  if (left <= kPageSize) return add(prp2, left) ? Status::kSuccess : Status::kDataTransferError;

  u64 list = prp2;
  while (left != 0) {
    const u32 list_bytes = bytes_to_page_end(list);
    const u64* entries = static_cast<const u64*>(nvmev_host_map(host, list, list_bytes));
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
      if (!add(entry, bytes)) return Status::kDataTransferError;
      left -= bytes;
    }
    if (!chained) break;
    list = load_relaxed(&entries[slots - 1]);
    // A chained list starts at a page's beginning; this also keeps a hostile chain of one-entry lists from going on for ever.
    if (list & kOffsetMask) return Status::kInvalidPrpOffset;
  }
  return Status::kSuccess;
}

Pieces PrpBuffer::pieces(u32 at, u32 length) const {
  u32 index = 0;
  u32 within = at;
  u32 left_in_page = first_length_ - at;
  if (at >= first_length_) {
    const u32 past = at - first_length_;
    index = 1 + (past >> kPageShift);
    within = past & (kPageSize - 1);
    left_in_page = kPageSize - within;
  }
  if (length <= left_in_page) return {pages_[index] + within, length, pages_[index], 0};
  return {pages_[index] + within, left_in_page, pages_[index + 1], length - left_in_page};
}

void PrpBuffer::copy_out(const void* data, u32 length, u32 at) const {
  const u8* from = static_cast<const u8*>(data);
  for (u32 done = 0; done < length;) {
    const u32 bytes = length - done < kPageSize ? length - done : kPageSize;
    const Pieces to = pieces(at + done, bytes);
    memcpy(to.first, from + done, to.first_length);
    memcpy(to.second, from + done + to.first_length, to.second_length);
    done += bytes;
  }
}

void PrpBuffer::copy_in(void* data, u32 length) const {
  u8* to = static_cast<u8*>(data);
  for (u32 at = 0; at < length;) {
    const u32 bytes = length - at < kPageSize ? length - at : kPageSize;
    const Pieces from = pieces(at, bytes);
    memcpy(to + at, from.first, from.first_length);
    memcpy(to + at + from.first_length, from.second, from.second_length);
    at += bytes;
  }
}

void PrpBuffer::clear(u32 at, u32 length) const {
  for (const u32 end = at + length; at < end;) {
    const u32 bytes = end - at < kPageSize ? end - at : kPageSize;
    const Pieces to = pieces(at, bytes);
    memset(to.first, 0, to.first_length);
    memset(to.second, 0, to.second_length);
    at += bytes;
  }
}

}  // namespace nvmev
