// SPDX-License-Identifier: GPL-2.0-only
// Which reads need another try, and which fail.
#pragma once

#include "geometry.h"
#include "nvmev/host.h"
#include "nvmev/types.h"
#include "random.h"

namespace nvmev::flash {

// Bit errors grow with the square of wear and linearly with the time since programming, faster in worn cells: the
// shape that Cai, Ghose, Haratsch, Luo and Mutlu ("Error Characterization, Mitigation, and Recovery in
// Flash-Memory-Based Solid-State Drives", Proc. IEEE 105(9), 2017) measured, in its simplest integer form:
//
//   errors = fresh + worn * w^2 + day * days * (1 + w)      with w = erases / rated erases
//
// thousandths of a bit in a codeword, times 0.5 to 1.5 from page to page. A try with other reference voltages halves
// the errors; the code corrects up to `correctable`.
class Ecc {
 public:
  struct Outcome {
    u32 retries;         // reads beyond the first
    bool uncorrectable;  // after the last of them
  };

  void init(const nvmev_config& config) {
    correctable_ = config.ecc_correctable * 1000ull;
    fresh_ = config.ecc_errors_fresh;
    worn_ = config.ecc_errors_worn;
    day_ = config.ecc_errors_day;
    retries_ = config.read_retries;
    rated_ = rated_cycles(config);
    speedup_ = config.retention_speedup;
    seed_ = config.seed;
  }

  bool enabled() const { return correctable_ != 0; }

  // A read of the row that the number `row` names, erased `erases` times, programmed `age` ns ago.
  Outcome read(u64 row, u32 erases, u64 age) const {
    const u64 w = static_cast<u64>(erases) * 1024 / rated_;  // in 1/1024
    const u64 days = age / kNsPerDay * speedup_ + age % kNsPerDay * speedup_ / kNsPerDay;
    u64 errors = fresh_ + worn_ * (w * w >> 10 < kLimit ? w * w >> 10 : kLimit) / 1024;
    const u64 bounded_days = days < kLimit ? days : kLimit;
    errors += day_ * bounded_days / 1024 * (1024 + (w < kLimit ? w : kLimit)) +
              day_ * bounded_days % 1024 * (1024 + (w < kLimit ? w : kLimit)) / 1024;
    const u64 luck = mix(seed_ ^ mix(row ^ static_cast<u64>(erases) << 40)) % 1024;
    errors = errors / 1024 * (512 + luck) + errors % 1024 * (512 + luck) / 1024;
    Outcome outcome{0, false};
    while (errors > correctable_) {
      if (outcome.retries == retries_) return {outcome.retries, true};
      outcome.retries++;
      errors /= 2;
    }
    return outcome;
  }

 private:
  static constexpr u64 kNsPerDay = 24ull * 3600 * 1000 * 1000 * 1000;
  static constexpr u64 kLimit = 1ull << 24;

  u64 correctable_ = 0;  // thousandths of a bit, as are the next three
  u64 fresh_ = 0;
  u64 worn_ = 0;
  u64 day_ = 0;
  u32 retries_ = 0;
  u32 rated_ = 1;
  u32 speedup_ = 1;  // modelled retention time passes this much faster than the clock
  u64 seed_ = 0;
};

}  // namespace nvmev::flash
