// SPDX-License-Identifier: GPL-2.0-only
#include "precondition.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace nvmev::sim {
namespace {

constexpr u64 kFillIo = 128 << 10;
constexpr u32 kFillDepth = 32;
constexpr std::size_t kWindows = 5;  // of one capacity

void fill(Driver& driver, u64 begin, u64 size, u64 io_size) {
  JobSpec job;
  job.pattern = Pattern::kSequential;
  job.writes = true;
  job.sizes.fill({{io_size, 100}});
  job.offset = {begin, false};
  job.size = {size, false};
  job.depth = kFillDepth;
  driver.run_jobs({job}, 0, 0);
}

double mean(std::vector<double>::const_iterator begin) {
  return std::accumulate(begin, begin + kWindows, 0.0) / kWindows;
}

// Stable over one capacity is not enough: overwriting a device that was filled in order goes through a maximum, around
// which little changes. The capacity before must have had the same mean.
bool is_steady(const std::vector<double>& windows, double tolerance) {
  if (windows.size() < 2 * kWindows) return false;
  const auto begin = windows.end() - kWindows;
  const auto [least, most] = std::minmax_element(begin, windows.end());
  const double present = mean(begin);
  return *most - *least <= tolerance * present && std::abs(present - mean(begin - kWindows)) <= tolerance * present;
}

}  // namespace

PreconditionSettings default_precondition() {
  PreconditionSettings settings;
  settings.overwrite.name = "precondition";
  settings.overwrite.pattern = Pattern::kRandom;
  settings.overwrite.writes = true;
  settings.overwrite.depth = kFillDepth;
  return settings;
}

PreconditionResult precondition(Driver& driver, const Device& device, const PreconditionSettings& settings, u64 seed,
                                const std::function<void(std::string)>& stage) {
  PreconditionResult result;
  if (settings.goal == PreconditionGoal::kNone) return result;
  const u64 capacity = device.config().capacity;
  stage("fill");
  if (Zones* zones = device.zones()) {
    // Zone by zone, as far as they can be written.
    JobSpec job;
    job.pattern = Pattern::kSequential;
    job.writes = job.zoned = job.append = true;
    job.sizes.fill({{kFillIo, 100}});
    job.depth = kFillDepth;
    driver.run_jobs({job}, 0, 0);
    result.filled = zones->limits().zones * zones->limits().zone_capacity;
    if (settings.goal == PreconditionGoal::kSteady) result.reported = false;
    return result;
  }
  const u64 whole = capacity / kFillIo * kFillIo;
  if (whole != 0) fill(driver, 0, whole, kFillIo);
  if (whole != capacity) fill(driver, whole, capacity - whole, capacity - whole);
  result.filled = capacity;
  if (settings.goal == PreconditionGoal::kFill) return result;

  JobSpec job = settings.overwrite;
  u64 largest = 1;
  for (const SizeShare& share : job.sizes[op_index(IoOp::kWrite)]) largest = std::max(largest, share.bytes);
  job.io_size = std::max(capacity / kWindows / largest * largest, largest);
  // Not the numbers of the measurement: writing the same addresses in the same order again is no random overwrite.
  u64 next = 0;
  Figures before(device.report());
  while (!result.steady && result.windows.size() < kWindows * settings.max_overwrites) {
    stage(fmt::format("overwrite {}", result.windows.size() + 1));
    next = driver.run_jobs({job}, ~seed, next);
    const Figures after(device.report());
    result.overwritten += *job.io_size;
    const std::optional<double> amplification = write_amplification(before, after);
    if (!amplification) {
      // A type without this figure has no garbage collection to wait for.
      result.reported = false;
      return result;
    }
    result.windows.push_back(*amplification);
    result.steady = is_steady(result.windows, settings.tolerance);
    before = after;
  }
  return result;
}

}  // namespace nvmev::sim
