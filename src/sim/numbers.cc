// SPDX-License-Identifier: GPL-2.0-only
#include "numbers.h"

#include <charconv>

#include "error.h"
#include "nvmev/host.h"

namespace nvmev::sim {
namespace {

struct Unit {
  const char* suffix;
  u64 ns;
};

constexpr u64 kSecond = 1000ull * 1000 * 1000;
constexpr Unit kUnits[] = {{"ns", 1},           {"us", 1000},          {"ms", 1000 * 1000},   {"s", kSecond},
                           {"m", 60 * kSecond}, {"h", 3600 * kSecond}, {"d", 86400 * kSecond}};

// The whole of the text. Negative, infinite and not-a-number are not numbers here.
bool read_decimal(const char* begin, const char* end, double* value, const char** rest) {
  const auto [at, error] = std::from_chars(begin, end, *value, std::chars_format::fixed);
  *rest = at;
  return error == std::errc() && *begin != '-' && *value == *value && *value < 1e300;
}

}  // namespace

u64 parse_bytes(const std::string& what, const std::string& text) {
  u64 bytes;
  if (nvmev_parse_size(text.c_str(), 1, &bytes) != 0)
    refuse("{}={}: a size such as 4096, 4k or 16G is right", what, text);
  return bytes;
}

u64 parse_number(const std::string& what, const std::string& text, u64 min, u64 max) {
  u64 value;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end || value < min || value > max) {
    refuse("{}={}: a number from {} to {} is right", what, text, min, max);
  }
  return value;
}

double parse_decimal(const std::string& what, const std::string& text, double min, double max) {
  double value;
  const char* end = text.data() + text.size();
  const char* rest;
  if (!read_decimal(text.data(), end, &value, &rest) || rest != end || value < min || value > max) {
    refuse("{}={}: a decimal from {} to {} is right", what, text, min, max);
  }
  return value;
}

u64 parse_duration(const std::string& what, const std::string& text, u64 unit) {
  constexpr double kLongest = 1e19;  // ns, of a 64-bit clock
  double value;
  const char* end = text.data() + text.size();
  const char* rest;
  if (read_decimal(text.data(), end, &value, &rest)) {
    const std::string suffix(rest, end);
    u64 factor = suffix.empty() ? unit : 0;
    for (const Unit& candidate : kUnits) {
      if (suffix == candidate.suffix) factor = candidate.ns;
    }
    if (factor != 0 && value * static_cast<double>(factor) < kLongest) {
      return static_cast<u64>(value * static_cast<double>(factor) + 0.5);
    }
  }
  refuse("{}={}: a duration such as 10s, 500ms, 20us, 5m or 2h is right", what, text);
}

bool parse_switch(const std::string& what, const std::string& text) {
  if (text == "1" || text.empty()) return true;
  if (text == "0") return false;
  refuse("{}={}: 0 or 1 is right", what, text);
}

}  // namespace nvmev::sim
