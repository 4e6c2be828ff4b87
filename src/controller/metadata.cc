// SPDX-License-Identifier: GPL-2.0-only
#include "metadata.h"

#include "nvmev/error.h"
#include "nvmev/text.h"

namespace nvmev {

namespace {

constexpr u32 kMostDense = most_dense();

// The most bytes for each page of data that fit behind them.
u32 find_room(const nvmev_config& config) {
  if (config.medium == NVMEV_MEDIUM_NONE) return 0;
  if (config.medium == NVMEV_MEDIUM_PAGES) return kMostDense;
  const u64 left = config.reserved_size - config.capacity;
  u32 room = kMostDense;
  while (room != 0 && left / room < config.capacity >> kPageShift) room /= 2;
  return room;
}

}  // namespace

int Metadata::init(const nvmev_config& config, nvmev_host* host, nvmev_error* error) {
  room_ = find_room(config);
  if (formats() == kPlainFormats) room_ = 0;
  if (room_ == 0) return 0;
  const u64 bytes = ((config.capacity >> kPageShift) * room_ + kPageSize - 1) & ~static_cast<u64>(kPageSize - 1);
  u8* memory = config.medium == NVMEV_MEDIUM_RESERVED ? static_cast<u8*>(config.reserved_base) + config.capacity : nullptr;
  if (!locks_.allocate(host, kLocks)) return fail(error, err::kNoMemory, "no memory for the locks of metadata");
  return medium_.init(config.medium, bytes, memory, host, error);
}

u32 Metadata::formats() const {
  u32 count = kPlainFormats;
  while (count < kBlockFormatCount && kBlockFormats[count].density() <= room_) count++;
  return count;
}

}  // namespace nvmev
