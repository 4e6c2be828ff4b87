// SPDX-License-Identifier: GPL-2.0-only
// A namespace: a range of the medium, seen as logical blocks.
#pragma once

#include <atomic>

#include "nvmev/types.h"

namespace nvmev {

// LBA formats offered, by index: 512 bytes and 4 KiB, without metadata.
inline constexpr u8 kLbaShifts[] = {9, 12};

struct Namespace {
  u32 id;
  u64 bytes;
  std::atomic<u8> format{0};              // index of the LBA format; changes only while `formatting`
  std::atomic<bool> formatting{false};

  u32 lba_shift() const { return kLbaShifts[format.load(std::memory_order_relaxed)]; }
  u64 blocks() const { return bytes >> lba_shift(); }
};

}  // namespace nvmev
