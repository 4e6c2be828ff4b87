// SPDX-License-Identifier: GPL-2.0-only
#include "parse.h"

#include "nvmev/error.h"
#include "nvmev/host.h"

namespace nvmev {
namespace {

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

// Reads digits; *text is left behind the last one.
int take_number(const char** text, u64* value) {
  const char* at = *text;
  int base = 10;
  if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
    base = 16;
    at += 2;
  }
  if (digit_value(*at) >= base) return err::kInvalid;
  u64 number = 0;
  for (; digit_value(*at) < base; at++) {
    if (__builtin_mul_overflow(number, static_cast<u64>(base), &number) ||
        __builtin_add_overflow(number, static_cast<u64>(digit_value(*at)), &number)) {
      return err::kRange;
    }
  }
  *text = at;
  *value = number;
  return 0;
}

// log2 of a suffix's factor, -1 if it is none.
int suffix_shift(char c) {
  switch (c) {
    case 'k':
    case 'K':
      return 10;
    case 'm':
    case 'M':
      return 20;
    case 'g':
    case 'G':
      return 30;
    case 't':
    case 'T':
      return 40;
    default:
      return -1;
  }
}

}  // namespace

int parse_u64(const char* text, u64* value) {
  u64 number;
  if (const int error = take_number(&text, &number); error != 0) return error;
  if (*text != '\0') return err::kInvalid;
  *value = number;
  return 0;
}

int parse_milli(const char* text, u32* milli) {
  u64 whole;
  if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) return err::kInvalid;
  if (const int error = take_number(&text, &whole); error != 0) return error;
  u64 thousandths = 0;
  if (*text == '.') {
    text++;
    u32 weight = 100;
    if (*text < '0' || *text > '9') return err::kInvalid;
    for (; *text >= '0' && *text <= '9' && weight != 0; text++, weight /= 10) {
      thousandths += static_cast<u64>(*text - '0') * weight;
    }
  }
  if (*text != '\0') return err::kInvalid;
  if (whole > ~0u / 1000 - 1) return err::kRange;
  *milli = static_cast<u32>(whole * 1000 + thousandths);
  return 0;
}

int parse_size(const char* text, u64 unit, u64* bytes) {
  u64 number;
  if (const int error = take_number(&text, &number); error != 0) return error;
  u64 factor = unit;
  if (const int shift = suffix_shift(*text); shift >= 0) {
    factor = 1ull << shift;
    text++;
  }
  if (*text != '\0') return err::kInvalid;
  if (__builtin_mul_overflow(number, factor, &number)) return err::kRange;
  *bytes = number;
  return 0;
}

}  // namespace nvmev

extern "C" int nvmev_parse_size(const char* text, uint64_t unit, uint64_t* bytes) {
  nvmev::u64 value;
  const int error = nvmev::parse_size(text, unit, &value);
  if (error == 0) *bytes = value;
  return error;
}
