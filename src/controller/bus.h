// SPDX-License-Identifier: GPL-2.0-only
// Requester memory that is contiguous on the bus: metadata, lists of addresses.
#pragma once

#include "nvmev/host.h"
#include "nvmev/types.h"

namespace nvmev {

// Calls `with(memory, offset in the whole, bytes)` for each part that lies in one page of the requester's. False when a page
// cannot be reached.
template <typename Function>
bool for_each_bus_page(nvmev_function* function, u64 bus, u64 length, Function with) {
  if (bus + length < bus) return false;
  for (u64 at = 0; at < length;) {
    const u64 to_page_end = kPageSize - ((bus + at) & (kPageSize - 1));
    const u32 bytes = static_cast<u32>(length - at < to_page_end ? length - at : to_page_end);
    u8* memory = static_cast<u8*>(nvmev_host_map(function, bus + at, bytes));
    if (memory == nullptr) return false;
    with(memory, at, bytes);
    at += bytes;
  }
  return true;
}

// Whether all of it can be reached.
bool reachable(nvmev_function* function, u64 bus, u64 length);
bool copy_from_bus(nvmev_function* function, u64 bus, void* to, u32 length);
bool copy_to_bus(nvmev_function* function, u64 bus, const void* from, u32 length);

}  // namespace nvmev
