// SPDX-License-Identifier: GPL-2.0-only
#include "load/job_spec.h"

#include <algorithm>

#include "error.h"
#include "numbers.h"

namespace nvmev::sim {
namespace {

constexpr u64 kSecond = 1000ull * 1000 * 1000;
constexpr u64 kMaxDepth = 1 << 20;
constexpr u64 kMaxIo = 1ull << 40;

struct Rw {
  const char* name;
  Pattern pattern;
  bool reads, writes, trims, trim_then_write;
};

constexpr Rw kRws[] = {
    {"read", Pattern::kSequential, true, false, false, false},
    {"write", Pattern::kSequential, false, true, false, false},
    {"trim", Pattern::kSequential, false, false, true, false},
    {"rw", Pattern::kSequential, true, true, false, false},
    {"readwrite", Pattern::kSequential, true, true, false, false},
    {"trimwrite", Pattern::kSequential, false, true, true, true},
    {"randread", Pattern::kRandom, true, false, false, false},
    {"randwrite", Pattern::kRandom, false, true, false, false},
    {"randtrim", Pattern::kRandom, false, false, true, false},
    {"randrw", Pattern::kRandom, true, true, false, false},
    {"randtrimwrite", Pattern::kRandom, false, true, true, true},
};

void set_rw(JobSpec& spec, const std::string& what, const std::string& value) {
  std::string names;
  for (const Rw& row : kRws) {
    if (value == row.name) {
      spec.pattern = row.pattern;
      spec.reads = row.reads;
      spec.writes = row.writes;
      spec.trims = row.trims;
      spec.trim_then_write = row.trim_then_write;
      return;
    }
    names += std::string(names.empty() ? "" : ", ") + row.name;
  }
  refuse("{}={}: one of {} is right", what, value, names);
}

u64 parse_io_size(const std::string& what, const std::string& text) {
  const u64 bytes = parse_bytes(what, text);
  if (bytes == 0 || bytes > kMaxIo) refuse("{}={}: an I/O of 1 byte to 1T is right", what, text);
  return bytes;
}

// SIZE, or SIZE/PERCENT:SIZE/PERCENT...
SizeMix parse_mix(const std::string& what, const std::string& text) {
  if (text.find('/') == std::string::npos) return {{parse_io_size(what, text), 100}};
  SizeMix mix;
  u64 sum = 0;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(':', at), text.size());
    const std::string part = text.substr(at, end - at);
    const std::size_t slash = part.find('/');
    if (slash == std::string::npos) refuse("{}={}: '{}' has no share: SIZE/PERCENT is right", what, text, part);
    mix.push_back({parse_io_size(what, part.substr(0, slash)),
                   static_cast<u32>(parse_number(what, part.substr(slash + 1), 0, 100))});
    sum += mix.back().percent;
    at = end + 1;
  }
  if (sum != 100) refuse("{}={}: the shares add up to {} %: 100 is right", what, text, sum);
  return mix;
}

// For reads, writes and trims: one for all, or up to three separated by commas, of which the last counts for the rest.
void set_sizes(JobSpec& spec, const std::string& what, const std::string& value) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < spec.sizes.size(); i++) {
    const std::size_t end = std::min(value.find(',', at), value.size());
    spec.sizes[i] = parse_mix(what, value.substr(at, end - at));
    if (end != value.size()) at = end + 1;
    if (end != value.size() && i + 1 == spec.sizes.size()) {
      refuse("{}={}: more than three sizes: those of reads, writes and trims are right", what, value);
    }
  }
}

Extent parse_extent(const std::string& what, const std::string& value) {
  if (value.ends_with('%')) return {parse_number(what, value.substr(0, value.size() - 1), 0, 100), true};
  return {parse_bytes(what, value), false};
}

u64 parse_some_bytes(const std::string& what, const std::string& value) {
  const u64 bytes = parse_bytes(what, value);
  if (bytes == 0) refuse("{}={}: more than 0 is right", what, value);
  return bytes;
}

struct JobKey {
  const char* name;
  const char* meaning;
  void (*set)(JobSpec& spec, const std::string& what, const std::string& value);
};

// `what` is where the key stands, with its name.
const JobKey kKeys[] = {
    {"rw", "read, write, trim, rw, trimwrite, or randread, randwrite, ...", set_rw},
    {"bs", "size of an I/O, 4k; READ,WRITE,TRIM; or SIZE/PERCENT:SIZE/PERCENT", set_sizes},
    {"iodepth", "I/Os in flight, 1; 0: as many as the rate brings (open loop)",
     [](JobSpec& s, const std::string& w, const std::string& v) {
       s.depth = static_cast<u32>(parse_number(w, v, 0, kMaxDepth));
     }},
    {"numjobs", "copies of the job, 1",
     [](JobSpec& s, const std::string& w, const std::string& v) {
       s.jobs = static_cast<u32>(parse_number(w, v, 1, 65536));
     }},
    {"size", "size of the region, bytes or percent; default: up to the end",
     [](JobSpec& s, const std::string& w, const std::string& v) {
       s.size = parse_extent(w, v);
       if (s.size.value == 0) refuse("{}={}: more than 0 is right", w, v);
     }},
    {"offset", "begin of the region, bytes or percent, 0",
     [](JobSpec& s, const std::string& w, const std::string& v) { s.offset = parse_extent(w, v); }},
    {"offset_increment", "by which each copy's region begins later, 0",
     [](JobSpec& s, const std::string& w, const std::string& v) { s.offset_increment = parse_extent(w, v); }},
    {"io_size", "bytes to move; default: the region once",
     [](JobSpec& s, const std::string& w, const std::string& v) { s.io_size = parse_some_bytes(w, v); }},
    {"number_ios", "I/Os to issue",
     [](JobSpec& s, const std::string& w, const std::string& v) { s.number_ios = parse_number(w, v, 1, ~0ull); }},
    {"runtime", "virtual time to run, seconds or with a unit",
     [](JobSpec& s, const std::string& w, const std::string& v) { s.runtime = parse_duration(w, v, kSecond); }},
    {"rwmixread", "percent of reads in rw and randrw, 50",
     [](JobSpec& s, const std::string& w, const std::string& v) {
       s.read_percent = static_cast<u32>(parse_number(w, v, 0, 100));
     }},
    {"rwmixwrite", "percent of writes in rw and randrw, 50",
     [](JobSpec& s, const std::string& w, const std::string& v) {
       s.read_percent = 100 - static_cast<u32>(parse_number(w, v, 0, 100));
     }},
    {"rwmixtrim", "percent of trims among all I/Os, 0",
     [](JobSpec& s, const std::string& w, const std::string& v) {
       s.trim_percent = static_cast<u32>(parse_number(w, v, 0, 100));
     }},
    {"random_distribution", "random, zipf:THETA, pareto:H, zoned:ACCESSES/SIZE:...",
     [](JobSpec& s, const std::string& w, const std::string& v) { s.distribution = parse_distribution(w, v); }},
    {"norandommap", "0: each block once before any comes again, 1",
     [](JobSpec& s, const std::string& w, const std::string& v) { s.random_map = !parse_switch(w, v); }},
    {"blockalign", "multiple of which random offsets are; default: the smallest bs",
     [](JobSpec& s, const std::string& w, const std::string& v) { s.align = parse_io_size(w, v); }},
    {"rate_iops", "most I/Os a second",
     [](JobSpec& s, const std::string& w, const std::string& v) { s.rate_ios = parse_number(w, v, 1, kSecond); }},
    {"rate", "most bytes a second",
     [](JobSpec& s, const std::string& w, const std::string& v) { s.rate_bytes = parse_some_bytes(w, v); }},
    {"rate_process", "linear, or poisson: exponential times between I/Os",
     [](JobSpec& s, const std::string& w, const std::string& v) {
       if (v != "linear" && v != "poisson") refuse("{}={}: linear or poisson is right", w, v);
       s.poisson = v == "poisson";
     }},
    {"thinktime", "pause after an I/O before the next in its place, us or with a unit",
     [](JobSpec& s, const std::string& w, const std::string& v) { s.think_time = parse_duration(w, v, 1000); }},
    {"thinktime_blocks", "I/Os between two pauses, 1",
     [](JobSpec& s, const std::string& w, const std::string& v) {
       s.think_blocks = static_cast<u32>(parse_number(w, v, 1, ~0u));
     }},
    {"startdelay", "virtual time before the first I/O, seconds or with a unit",
     [](JobSpec& s, const std::string& w, const std::string& v) { s.start_delay = parse_duration(w, v, kSecond); }},
    {"fsync", "a flush after so many writes, 0",
     [](JobSpec& s, const std::string& w, const std::string& v) {
       s.flush_every = static_cast<u32>(parse_number(w, v, 0, ~0u));
     }},
    {"writefua", "1: writes with Force Unit Access",
     [](JobSpec& s, const std::string& w, const std::string& v) { s.fua = parse_switch(w, v); }},
    {"placement", "placement handle of writes (Flexible Data Placement), 0",
     [](JobSpec& s, const std::string& w, const std::string& v) {
       s.placement = static_cast<u16>(parse_number(w, v, 0, 65535));
     }},
    {"zonemode", "zbd: writes zones in order, resets them when they come again; none",
     [](JobSpec& s, const std::string& w, const std::string& v) {
       if (v != "none" && v != "zbd") refuse("{}={}: none or zbd is right", w, v);
       s.zoned = v == "zbd";
     }},
    {"max_open_zones", "zones written side by side; iodepth, and 1 of appends",
     [](JobSpec& s, const std::string& w, const std::string& v) {
       s.open_zones = static_cast<u32>(parse_number(w, v, 1, kMaxDepth));
     }},
    {"zone_append", "1: Zone Append instead of writes",
     [](JobSpec& s, const std::string& w, const std::string& v) { s.append = parse_switch(w, v); }},
    {"stonewall", "begin when the jobs before have ended: a phase of its own",
     [](JobSpec& s, const std::string& w, const std::string& v) { s.stonewall = parse_switch(w, v); }},
    {"name", "of the job, for the output", [](JobSpec& s, const std::string&, const std::string& v) { s.name = v; }},
};

// What people write in job files for a real device and what changes nothing on a modelled one. A job with a runtime
// starts over at the end of its region in any case.
constexpr const char* kWithoutMeaning[] = {"ioengine",   "direct",          "buffered",      "filename",
                                           "thread",     "group_reporting", "invalidate",    "description",
                                           "time_based", "randrepeat",      "refill_buffers"};

struct Alias {
  const char* name;
  const char* key;
};
constexpr Alias kAliases[] = {
    {"readwrite", "rw"}, {"bssplit", "bs"}, {"blocksize", "bs"}, {"ba", "blockalign"}, {"filesize", "size"}};

void check_multiple(const JobSpec& spec, const char* key, u64 value, u64 lba_size) {
  if (value % lba_size != 0) {
    refuse("job {}: {}={}: a multiple of the device's lba_size of {} bytes is right", spec.name, key, value, lba_size);
  }
}

void check_zones(const JobSpec& spec, u64 begin, u64 room, const std::optional<ZoneShape>& zones) {
  if (!spec.zoned) {
    if (spec.append || spec.open_zones != 0) {
      refuse("job {}: zone_append and max_open_zones: with zonemode=zbd they are right", spec.name);
    }
    return;
  }
  if (!zones) refuse("job {}: zonemode=zbd: with a zoned device (type=zns) it is right", spec.name);
  if (spec.pattern != Pattern::kSequential || !spec.writes || spec.reads || spec.trims || spec.trim_percent != 0) {
    refuse("job {}: zonemode=zbd: rw=write is right", spec.name);
  }
  const u32 open = open_zone_count(spec);
  if (!spec.append && (spec.depth == 0 || spec.depth > open)) {
    refuse("job {}: iodepth={}: one write in flight for each of max_open_zones={}, or zone_append=1, is right", spec.name,
           spec.depth, open);
  }
  if (zones->open != 0 && static_cast<u64>(open) * spec.jobs > zones->open) {
    refuse("job {}: {} zones open at a time: up to {}, the device's limit, is right", spec.name,
           static_cast<u64>(open) * spec.jobs, zones->open);
  }
  if (begin % zones->bytes != 0) {
    refuse("job {}: its region begins at {}: a multiple of the zones' {} bytes is right", spec.name, begin, zones->bytes);
  }
  if (std::min(room / zones->bytes, zones->count) < open) {
    refuse("job {}: max_open_zones={}: a region of as many zones is right", spec.name, open);
  }
}

}  // namespace

void set_job_key(JobSpec& spec, const std::string& where, const std::string& key, const std::string& value) {
  std::string name = key;
  for (const Alias& alias : kAliases) {
    if (key == alias.name) name = alias.key;
  }
  for (const JobKey& row : kKeys) {
    if (name == row.name) return row.set(spec, where + key, value);
  }
  for (const char* ignored : kWithoutMeaning) {
    if (name == ignored) return;
  }
  std::string names;
  for (const JobKey& row : kKeys) names += std::string(names.empty() ? "" : ", ") + row.name;
  refuse("{}{}: no such key of a job: one of {} is right", where, key, names);
}

void set_job_keys(JobSpec& spec, const std::string& where, const std::string& text) {
  std::size_t at = 0;
  while ((at = text.find_first_not_of(" \t", at)) != std::string::npos) {
    const std::size_t end = std::min(text.find_first_of(" \t", at), text.size());
    const std::string word = text.substr(at, end - at);
    const std::size_t equals = word.find('=');
    set_job_key(spec, where, word.substr(0, equals), equals == std::string::npos ? "" : word.substr(equals + 1));
    at = end;
  }
}

void check_job(const JobSpec& spec, u64 capacity, u64 lba_size, const std::optional<ZoneShape>& zones) {
  if (spec.pattern == Pattern::kNone) refuse("job {}: no rw: rw=randwrite or another is right", spec.name);
  const bool open = spec.depth == 0;
  if (open && spec.rate_ios == 0 && spec.rate_bytes == 0) {
    refuse("job {}: iodepth=0 without a rate: rate_iops or rate is right", spec.name);
  }
  if (spec.rate_ios != 0 && spec.rate_bytes != 0) refuse("job {}: rate_iops and rate: one of them is right", spec.name);
  if (open && spec.think_time != 0) refuse("job {}: thinktime with iodepth=0: one of them is right", spec.name);
  if (spec.poisson && spec.rate_ios == 0 && spec.rate_bytes == 0) {
    refuse("job {}: rate_process=poisson without a rate: rate_iops or rate is right", spec.name);
  }
  if (spec.random_map && spec.distribution.kind != DistributionKind::kUniform) {
    refuse("job {}: norandommap=0 takes each block once: random_distribution=random is right", spec.name);
  }
  check_multiple(spec, "offset", spec.offset.percent ? 0 : spec.offset.value, lba_size);
  check_multiple(spec, "offset_increment", spec.offset_increment.percent ? 0 : spec.offset_increment.value, lba_size);
  if (spec.align) check_multiple(spec, "blockalign", *spec.align, lba_size);
  u64 largest = 0;
  for (const SizeMix& mix : spec.sizes) {
    for (const SizeShare& share : mix) {
      check_multiple(spec, "bs", share.bytes, lba_size);
      largest = std::max(largest, share.bytes);
    }
  }
  // The last copy lies highest.
  const unsigned __int128 begin =
      static_cast<unsigned __int128>(spec.offset_increment.of(capacity)) * (spec.jobs - 1) + spec.offset.of(capacity);
  if (begin >= capacity) {
    refuse("job {}: its region begins at or beyond the end of the device of {} bytes", spec.name, capacity);
  }
  const u64 room = capacity - static_cast<u64>(begin);
  if (!spec.size.percent && spec.size.value > room) {
    refuse("job {}: offset plus size ({}) is beyond the end of the device of {} bytes", spec.name, spec.size.value,
           capacity);
  }
  if (std::min(spec.size.of(capacity), room) < largest) {
    refuse("job {}: bs={} is larger than the job's region", spec.name, largest);
  }
  check_zones(spec, static_cast<u64>(begin), std::min(spec.size.of(capacity), room), zones);
}

std::vector<JobKeyInfo> job_keys() {
  std::vector<JobKeyInfo> keys;
  for (const JobKey& row : kKeys) keys.push_back({row.name, row.meaning});
  for (const char* name : kWithoutMeaning) keys.push_back({name, ""});
  return keys;
}

}  // namespace nvmev::sim
