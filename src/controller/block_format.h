// SPDX-License-Identifier: GPL-2.0-only
// LBA formats: how large a logical block is, what metadata it has, and what protection information these may hold.
#pragma once

#include "nvmev/types.h"

namespace nvmev {

// Protection Information Format (PIF): NVM Command Set 1.0 section 5.2.1.
enum class GuardFormat : u8 { k16 = 0, k32 = 1, k64 = 2 };

struct BlockFormat {
  u8 shift;     // LBADS: log2 of the bytes of data
  u8 metadata;  // MS: bytes, a power of two
  GuardFormat guard = GuardFormat::k16;
  u8 storage_tag = 0;  // STS: bits of the storage tag; the rest of storage and reference space is the reference tag

  // Extended formats: hosts must have asked for them (LBAFEE, feature 16h).
  constexpr bool extended() const { return guard != GuardFormat::k16 || storage_tag != 0; }
  // Bytes of metadata of 4 KiB of data.
  constexpr u32 density() const { return static_cast<u32>(metadata) << (kPageShift - shift); }
  // Bytes of protection information: guard, application tag, storage and reference tag.
  constexpr u32 tuple() const { return guard == GuardFormat::k16 ? 8 : 16; }
  constexpr u32 guard_bytes() const { return guard == GuardFormat::k16 ? 2 : guard == GuardFormat::k32 ? 4 : 8; }
  // Bits of storage and reference tag together, and of the reference tag.
  constexpr u32 tag_bits() const { return 8 * (tuple() - guard_bytes() - 2); }
  constexpr u32 reference_bits() const { return tag_bits() - storage_tag; }
};

// By index. A device that has no room for a format has none of those behind it either.
inline constexpr BlockFormat kBlockFormats[] = {
    {9, 0},
    {12, 0},
    {12, 8},
    {12, 16, GuardFormat::k64},
    {12, 16, GuardFormat::k64, 16},
    {12, 64},
    {9, 8},
    {9, 64},
    {12, 16, GuardFormat::k32, 16},
    {12, 64, GuardFormat::k32, 32},
};
inline constexpr u32 kBlockFormatCount = sizeof(kBlockFormats) / sizeof(kBlockFormats[0]);
inline constexpr u32 kPlainFormats = 2;  // the first ones, without metadata
inline constexpr u32 kMaxMetadata = 64;  // bytes of a block

// A number of that many bits, all set.
constexpr u64 ones(u32 bits) { return bits == 64 ? ~0ull : (1ull << bits) - 1; }

constexpr u32 most_dense() {
  u32 most = 0;
  for (const BlockFormat& format : kBlockFormats) most = format.density() > most ? format.density() : most;
  return most;
}

constexpr bool formats_are_possible() {
  for (u32 i = 0; i < kBlockFormatCount; i++) {
    const BlockFormat& format = kBlockFormats[i];
    if ((format.metadata == 0) != (i < kPlainFormats) || format.metadata > kMaxMetadata) return false;
    // Long guards are for blocks of 4 KiB and more. Either tag is a number of at most 64 bits.
    if (format.guard != GuardFormat::k16 && format.shift < kPageShift) return false;
    if (format.storage_tag > 64 || format.reference_bits() > 64) return false;
  }
  return true;
}
static_assert(formats_are_possible());

}  // namespace nvmev
