// SPDX-License-Identifier: GPL-2.0-only
// LBA formats: how large a logical block is, what metadata it has, and what protection information these may hold.
#pragma once

#include "nvmev/types.h"

namespace nvmev {

// Protection Information Format (PIF): NVM Command Set 1.0 section 5.2.1.
enum class GuardFormat : u8 { k16 = 0, k64 = 2 };

struct BlockFormat {
  u8 shift;     // LBADS: log2 of the bytes of data
  u8 metadata;  // MS: bytes, a power of two
  GuardFormat guard = GuardFormat::k16;
  u8 storage_tag = 0;  // STS: bits of the storage tag; the rest of storage and reference space is the reference tag

  // Extended formats: hosts must have asked for them (LBAFEE, feature 16h).
  constexpr bool extended() const { return guard != GuardFormat::k16 || storage_tag != 0; }
  // Bytes of metadata of 4 KiB of data.
  constexpr u32 density() const { return static_cast<u32>(metadata) << (kPageShift - shift); }
  // Bytes of protection information.
  constexpr u32 tuple() const { return guard == GuardFormat::k16 ? 8 : 16; }
};

// By index, those with less metadata first: a device that has no room for a format has none for those behind it.
inline constexpr BlockFormat kBlockFormats[] = {
    {9, 0},
    {12, 0},
    {12, 8},
    {12, 16, GuardFormat::k64},
    {12, 16, GuardFormat::k64, 16},
    {12, 64},
    {9, 8},
    {9, 64},
};
inline constexpr u32 kBlockFormatCount = sizeof(kBlockFormats) / sizeof(kBlockFormats[0]);
inline constexpr u32 kPlainFormats = 2;  // the first ones, without metadata
inline constexpr u32 kMaxMetadata = 64;  // bytes of a block

constexpr bool sorted_by_density() {
  for (u32 i = 1; i < kBlockFormatCount; i++) {
    if (kBlockFormats[i].density() < kBlockFormats[i - 1].density()) return false;
  }
  return kBlockFormats[kPlainFormats - 1].metadata == 0 && kBlockFormats[kPlainFormats].metadata != 0;
}
static_assert(sorted_by_density());

}  // namespace nvmev
