// SPDX-License-Identifier: GPL-2.0-only
// Fixed-width integers under the names that the field uses, and a few sizes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace nvmev {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using s64 = std::int64_t;

// Wire structures are used in place.
static_assert(std::endian::native == std::endian::little);

inline constexpr std::size_t kCacheLine = 64;
inline constexpr u32 kPageShift = 12;
inline constexpr u32 kPageSize = 1u << kPageShift;

}  // namespace nvmev
