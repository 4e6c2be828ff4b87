// SPDX-License-Identifier: GPL-2.0-only
#include "bus.h"

#include "nvmev/text.h"

namespace nvmev {

bool reachable(const Bus& bus, u64 address, u64 length) {
  return for_each_bus_page(bus, address, length, [](u8*, u64, u32) {});
}

bool copy_from_bus(const Bus& bus, u64 address, void* to, u32 length) {
  return for_each_bus_page(bus, address, length, [&](const u8* memory, u64 at, u32 bytes) {
    memcpy(static_cast<u8*>(to) + at, memory, bytes);
  });
}

bool copy_to_bus(const Bus& bus, u64 address, const void* from, u32 length) {
  return for_each_bus_page(bus, address, length, [&](u8* memory, u64 at, u32 bytes) {
    memcpy(memory, static_cast<const u8*>(from) + at, bytes);
  });
}

}  // namespace nvmev
