// SPDX-License-Identifier: GPL-2.0-only
// Eight bytes at a time: kTables[n][b] is what byte b does to the remainder when n further bytes follow.
#include "crc.h"

#include <array>

namespace nvmev {

namespace {

constexpr u32 kSlices = 8;

template <typename Word>
using Tables = std::array<std::array<Word, 256>, kSlices>;

constexpr u16 step16(u16 crc, const std::array<u16, 256>& table, u8 byte) {
  return static_cast<u16>(crc << 8 ^ table[crc >> 8 ^ byte]);
}

constexpr Tables<u16> make_tables16() {
  constexpr u32 kPolynomial = 0x8bb7;
  Tables<u16> tables{};
  for (u32 byte = 0; byte < 256; byte++) {
    u32 crc = byte << 8;
    for (u32 bit = 0; bit < 8; bit++) crc = crc << 1 ^ (crc & 0x8000 ? kPolynomial : 0);
    tables[0][byte] = static_cast<u16>(crc);
  }
  for (u32 slice = 1; slice < kSlices; slice++) {
    for (u32 byte = 0; byte < 256; byte++) tables[slice][byte] = step16(tables[slice - 1][byte], tables[0], 0);
  }
  return tables;
}

// Reflected: the first bit is the lowest.
template <typename Word>
constexpr Tables<Word> make_reflected_tables(Word polynomial) {
  Tables<Word> tables{};
  for (u32 byte = 0; byte < 256; byte++) {
    Word crc = byte;
    for (u32 bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
    tables[0][byte] = crc;
  }
  for (u32 slice = 1; slice < kSlices; slice++) {
    for (u32 byte = 0; byte < 256; byte++) {
      const Word crc = tables[slice - 1][byte];
      tables[slice][byte] = crc >> 8 ^ tables[0][crc & 0xff];
    }
  }
  return tables;
}

constexpr Tables<u16> kTables16 = make_tables16();
constexpr Tables<u32> kTables32 = make_reflected_tables<u32>(0x82f63b78);
constexpr Tables<u64> kTables64 = make_reflected_tables<u64>(0x9a6c9329ac4bc9b5);

template <typename Word>
Word reflected_crc(const Tables<Word>& tables, Word crc, const u8* data, u64 length) {
  crc = ~crc;
  for (; length >= kSlices; data += kSlices, length -= kSlices) {
    u64 word;
    __builtin_memcpy(&word, data, sizeof(word));
    word ^= crc;
    crc = 0;
    for (u32 i = 0; i < kSlices; i++) crc ^= tables[kSlices - 1 - i][word >> 8 * i & 0xff];
  }
  for (; length != 0; data++, length--) crc = crc >> 8 ^ tables[0][(crc ^ *data) & 0xff];
  return ~crc;
}

}  // namespace

u16 crc16(u16 crc, const u8* data, u64 length) {
  for (; length >= kSlices; data += kSlices, length -= kSlices) {
    u16 next = static_cast<u16>(kTables16[7][data[0] ^ crc >> 8] ^ kTables16[6][data[1] ^ (crc & 0xff)]);
    for (u32 i = 2; i < kSlices; i++) next = static_cast<u16>(next ^ kTables16[kSlices - 1 - i][data[i]]);
    crc = next;
  }
  for (; length != 0; data++, length--) crc = step16(crc, kTables16[0], *data);
  return crc;
}

u32 crc32c(u32 crc, const u8* data, u64 length) { return reflected_crc(kTables32, crc, data, length); }

u64 crc64(u64 crc, const u8* data, u64 length) { return reflected_crc(kTables64, crc, data, length); }

}  // namespace nvmev
