// SPDX-License-Identifier: GPL-2.0-only
#include "load/distribution.h"

#include <algorithm>
#include <cmath>

#include "error.h"
#include "numbers.h"

namespace nvmev::sim {
namespace {

std::vector<DistributionSpec::Zone> parse_zones(const std::string& what, const std::string& text) {
  constexpr const char* kRight = "zoned:ACCESSES/SIZE:ACCESSES/SIZE... in percent that add up to 100 each";
  std::vector<DistributionSpec::Zone> zones;
  u64 accesses = 0, size = 0;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(':', at), text.size());
    const std::string zone = text.substr(at, end - at);
    const std::size_t slash = zone.find('/');
    if (slash == std::string::npos) refuse("{}=zoned:{}: {} is right", what, text, kRight);
    zones.push_back({static_cast<u32>(parse_number(what, zone.substr(0, slash), 0, 100)),
                     static_cast<u32>(parse_number(what, zone.substr(slash + 1), 1, 100))});
    accesses += zones.back().accesses;
    size += zones.back().size;
    at = end + 1;
  }
  if (accesses != 100 || size != 100) {
    refuse("{}=zoned:{}: accesses add up to {} % and sizes to {} %: {} is right", what, text, accesses, size, kRight);
  }
  return zones;
}

}  // namespace

DistributionSpec parse_distribution(const std::string& what, const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  const std::string rest = colon == std::string::npos ? "" : text.substr(colon + 1);
  DistributionSpec spec;
  if (name == "random" && rest.empty()) return spec;
  if (name == "zipf" && !rest.empty()) {
    spec.kind = DistributionKind::kZipf;
    spec.parameter = parse_decimal(what + "=zipf", rest, 0.01, 10);
    return spec;
  }
  if (name == "pareto" && !rest.empty()) {
    spec.kind = DistributionKind::kPareto;
    spec.parameter = parse_decimal(what + "=pareto", rest, 0.01, 0.99);
    return spec;
  }
  if (name == "zoned" && !rest.empty()) {
    spec.kind = DistributionKind::kZoned;
    spec.zones = parse_zones(what, rest);
    return spec;
  }
  refuse("{}={}: random, zipf:THETA, pareto:H or zoned:ACCESSES/SIZE:... is right", what, text);
}

Distribution::Distribution(const DistributionSpec& spec, u64 count, u64 key)
    : kind_(spec.kind), count_(count), parameter_(spec.parameter), spread_(count, key) {
  switch (kind_) {
    case DistributionKind::kUniform:
      break;
    case DistributionKind::kZipf:
      area_first_ = zipf_area(1.5) - 1;
      area_last_ = zipf_area(static_cast<double>(count) + 0.5);
      break;
    case DistributionKind::kPareto:
      // A share `h` of the blocks gets 1 - h of the accesses, and so on inside each part (Gray et al., "Quickly
      // generating billion-record synthetic databases", SIGMOD 1994, self-similar distribution).
      exponent_ = std::log(parameter_) / std::log(1 - parameter_);
      break;
    case DistributionKind::kZoned: {
      u64 accesses = 0, percent = 0;
      for (const DistributionSpec::Zone& zone : spec.zones) {
        accesses += zone.accesses;
        const u64 begin = count / 100 * percent + count % 100 * percent / 100;
        percent += zone.size;
        const u64 end = count / 100 * percent + count % 100 * percent / 100;
        zones_.push_back({accesses, std::min(begin, count - 1), std::max<u64>(end - begin, 1)});
      }
      break;
    }
  }
}

u64 Distribution::pick_skewed(Random& random) {
  switch (kind_) {
    case DistributionKind::kZipf:
      return spread_(zipf_rank(random) - 1);
    case DistributionKind::kPareto: {
      // Exponent > 1 for h < 0.5: small indices are popular.
      const double index = static_cast<double>(count_) * std::pow(random.unit(), exponent_);
      return spread_(std::min(static_cast<u64>(index), count_ - 1));
    }
    default: {
      const u64 access = random.below(100);
      for (const Zone& zone : zones_) {
        if (access < zone.accesses_end) return zone.begin + random.below(zone.size);
      }
      return count_ - 1;
    }
  }
}

// Rejection-inversion after Hoermann and Derflinger, "Rejection-inversion to generate variates from monotone discrete
// distributions", ACM TOMACS 6(3), 1996: no table, and about one try a number whatever the count.
u64 Distribution::zipf_rank(Random& random) const {
  for (;;) {
    const double area = area_last_ + random.unit() * (area_first_ - area_last_);
    const double x = zipf_area_inverse(area);
    const double rank = std::clamp(std::floor(x + 0.5), 1.0, static_cast<double>(count_));
    if (area >= zipf_area(rank + 0.5) - std::pow(rank, -parameter_)) return static_cast<u64>(rank);
  }
}

// An integral of x^-theta.
double Distribution::zipf_area(double x) const {
  const double power = 1 - parameter_;
  return std::abs(power) < 1e-9 ? std::log(x) : (std::pow(x, power) - 1) / power;
}

double Distribution::zipf_area_inverse(double area) const {
  const double power = 1 - parameter_;
  return std::abs(power) < 1e-9 ? std::exp(area) : std::pow(std::max(1 + area * power, 1e-300), 1 / power);
}

}  // namespace nvmev::sim
