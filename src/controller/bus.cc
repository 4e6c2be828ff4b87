// SPDX-License-Identifier: GPL-2.0-only
#include "bus.h"

#include "nvmev/text.h"

namespace nvmev {

bool reachable(nvmev_function* function, u64 bus, u64 length) {
  return for_each_bus_page(function, bus, length, [](u8*, u64, u32) {});
}

bool copy_from_bus(nvmev_function* function, u64 bus, void* to, u32 length) {
  return for_each_bus_page(function, bus, length, [&](const u8* memory, u64 at, u32 bytes) {
    memcpy(static_cast<u8*>(to) + at, memory, bytes);
  });
}

bool copy_to_bus(nvmev_function* function, u64 bus, const void* from, u32 length) {
  return for_each_bus_page(function, bus, length, [&](u8* memory, u64 at, u32 bytes) {
    memcpy(memory, static_cast<const u8*>(from) + at, bytes);
  });
}

}  // namespace nvmev
