// SPDX-License-Identifier: GPL-2.0-only
// What a job of a synthetic workload is to do: keys as in fio's job files (docs/simulator.md).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "load/distribution.h"
#include "load/zone_walk.h"
#include "nvmev/types.h"

namespace nvmev::sim {

enum class Pattern : u8 { kNone, kSequential, kRandom };

// A size in bytes, or in percent of the device.
struct Extent {
  u64 value = 0;
  bool percent = false;

  u64 of(u64 capacity) const { return percent ? capacity / 100 * value + capacity % 100 * value / 100 : value; }
};

// Sizes of I/Os, each for a share of them.
struct SizeShare {
  u64 bytes;
  u32 percent;
};
using SizeMix = std::vector<SizeShare>;

struct JobSpec {
  std::string name = "job";
  Pattern pattern = Pattern::kNone;
  bool reads = false, writes = false, trims = false;
  bool trim_then_write = false;
  u32 read_percent = 50;  // of reads and writes, where there are both
  u32 trim_percent = 0;   // of all
  std::array<SizeMix, 3> sizes = {SizeMix{{4096, 100}}, SizeMix{{4096, 100}},
                                  SizeMix{{4096, 100}}};  // read, write, trim
  std::optional<u64> align;
  Extent offset, offset_increment;
  Extent size{100, true};  // up to the end of the device
  DistributionSpec distribution;
  bool random_map = false;  // each block once before any comes again

  u32 depth = 1;  // I/Os in flight; 0: as many as come
  u32 jobs = 1;
  u64 rate_ios = 0;  // a second; 0: no limit
  u64 rate_bytes = 0;
  bool poisson = false;
  u64 think_time = 0;  // ns
  u32 think_blocks = 1;
  u64 start_delay = 0;  // ns
  u32 flush_every = 0;  // writes
  bool fua = false;
  u16 placement = 0;

  bool zoned = false;     // writes zones in order
  u32 open_zones = 0;     // at a time; 0: open_zone_count() tells
  bool append = false;    // with Zone Append

  std::optional<u64> io_size, number_ios, runtime;
  bool stonewall = false;  // begins when the jobs before it have ended
};

// Sets one key. Refuses unknown keys and wrong values, naming `where`.
void set_job_key(JobSpec& spec, const std::string& where, const std::string& key, const std::string& value);

// Applies a text `key=value key=value ...`.
void set_job_keys(JobSpec& spec, const std::string& where, const std::string& text);

// Zones that the job keeps open. A zone has one write in flight at a time, and any number of appends.
inline u32 open_zone_count(const JobSpec& spec) {
  return spec.open_zones != 0 ? spec.open_zones : spec.append ? 1 : spec.depth;
}

// Checks the job against the device: sizes and offsets on logical blocks, the region inside, zones. `zones`: of the device,
// if it has any.
void check_job(const JobSpec& spec, u64 capacity, u64 lba_size, const std::optional<ZoneShape>& zones);

// A key, for options and help. `meaning` is empty for keys of fio that have no meaning here and are accepted.
struct JobKeyInfo {
  std::string name;
  std::string meaning;
};
std::vector<JobKeyInfo> job_keys();

}  // namespace nvmev::sim
