// SPDX-License-Identifier: GPL-2.0-only
// Fields of a line.
#pragma once

#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "nvmev/types.h"

namespace nvmev::sim {

inline std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The first kMax fields of a line; how many there are in `count` (kMax + 1: more).
template <std::size_t kMax>
struct Fields {
  std::array<std::string_view, kMax> field;
  std::size_t count = 0;

  std::string_view operator[](std::size_t i) const { return field[i]; }

  void add(std::string_view text) {
    if (count < kMax) field[count] = text;
    count += count <= kMax ? 1 : 0;
  }
};

// Separated by any number of blanks and tabs.
template <std::size_t kMax>
Fields<kMax> split_blanks(std::string_view line) {
  Fields<kMax> fields;
  std::size_t at = 0;
  while (fields.count <= kMax) {
    while (at < line.size() && (line[at] == ' ' || line[at] == '\t')) at++;
    if (at == line.size()) break;
    const std::size_t begin = at;
    while (at < line.size() && line[at] != ' ' && line[at] != '\t') at++;
    fields.add(line.substr(begin, at - begin));
  }
  return fields;
}

// Separated by one character; blanks around fields do not count.
template <std::size_t kMax>
Fields<kMax> split_at(std::string_view line, char separator) {
  Fields<kMax> fields;
  while (fields.count <= kMax) {
    const std::size_t end = line.find(separator);
    fields.add(trim(line.substr(0, end)));
    if (end == std::string_view::npos) break;
    line.remove_prefix(end + 1);
  }
  return fields;
}

// The whole text as a number below 2^64.
inline std::optional<u64> to_number(std::string_view text) {
  u64 value;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || at != text.data() + text.size()) return std::nullopt;
  return value;
}

// A decimal such as 12.000345 of a unit of `unit` ns (a power of ten), in ns, exactly; digits below 1 ns are dropped.
inline std::optional<u64> to_ns(std::string_view text, u64 unit) {
  const std::size_t point = text.find('.');
  const std::optional<u64> whole = to_number(text.substr(0, point));
  if (!whole) return std::nullopt;
  u64 fraction = 0;
  if (point != std::string_view::npos) {
    if (point + 1 == text.size()) return std::nullopt;
    u64 weight = unit;
    for (const char digit : text.substr(point + 1)) {
      if (digit < '0' || digit > '9') return std::nullopt;
      weight /= 10;
      fraction += static_cast<u64>(digit - '0') * weight;
    }
  }
  u64 ns;
  if (__builtin_mul_overflow(*whole, unit, &ns) || __builtin_add_overflow(ns, fraction, &ns)) return std::nullopt;
  return ns;
}

}  // namespace nvmev::sim
