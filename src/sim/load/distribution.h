// SPDX-License-Identifier: GPL-2.0-only
// Which block a random I/O goes to.
#pragma once

#include <string>
#include <vector>

#include "load/permutation.h"
#include "load/random.h"

namespace nvmev::sim {

enum class DistributionKind : u8 { kUniform, kZipf, kPareto, kZoned };

// As in a job file: random, zipf:THETA, pareto:H, zoned:ACCESSES/SIZE:ACCESSES/SIZE...
struct DistributionSpec {
  struct Zone {
    u32 accesses;  // percent
    u32 size;      // percent of the region
  };

  DistributionKind kind = DistributionKind::kUniform;
  double parameter = 0;
  std::vector<Zone> zones;
};

DistributionSpec parse_distribution(const std::string& what, const std::string& text);

class Distribution {
 public:
  // Over blocks [0, count). Popular blocks of zipf and pareto are spread over the region, in an order that `key`
  // chooses.
  Distribution(const DistributionSpec& spec, u64 count, u64 key);

  u64 pick(Random& random) {
    if (kind_ == DistributionKind::kUniform) [[likely]]
      return random.below(count_);
    return pick_skewed(random);
  }

 private:
  struct Zone {
    u64 accesses_end;  // of 100
    u64 begin;
    u64 size;
  };

  u64 pick_skewed(Random& random);
  u64 zipf_rank(Random& random) const;
  double zipf_area(double x) const;
  double zipf_area_inverse(double area) const;

  DistributionKind kind_;
  u64 count_;
  double parameter_;
  Permutation spread_;
  double area_first_ = 0;  // zipf: bounds of the area that is sampled
  double area_last_ = 0;
  double exponent_ = 0;  // pareto
  std::vector<Zone> zones_;
};

}  // namespace nvmev::sim
