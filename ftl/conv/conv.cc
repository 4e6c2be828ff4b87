// SPDX-License-Identifier: GPL-2.0-only
#include "conv.h"

#include "nvmev/error.h"
#include "nvmev/text.h"
#include "policies.h"

namespace nvmev::conv {
namespace {

unsigned long long number(u64 value) { return value; }

// Writes that belong to no stream have a handle too.
u32 placement_handles(const nvmev_config& config) { return config.streams != 0 ? config.streams + 1 : config.placement_handles; }

// Streams that append in each group.
struct Streams {
  u32 host;
  u32 collector;
  u32 map;
  u32 all() const { return host + collector + map; }

  explicit Streams(const nvmev_config& config) {
    const SeparationPolicy& separation = *find_separation(config.separation);
    const u32 given = placement_handles(config);
    const u32 handles = given != 0 ? given : 1;
    host = handles * separation.host_streams;
    collector = (config.gc_isolation ? handles : 1) * separation.collector_streams;
    map = config.mapping_cache_size != 0 ? 1 : 0;
  }
};

// Superblocks of a group that hold no data in the worst case, besides the over-provisioned ones that make garbage
// collection worth its while: one open in each stream, one being collected, one in reserve.
u32 working_superblocks(const Streams& streams) { return streams.all() + 2; }

int check_policies(const nvmev_config& config, nvmev_error* error) {
  const struct {
    const char* key;
    const char* name;
  } rows[] = {{"victim", config.victim},
              {"allocation", config.allocation},
              {"separation", config.separation},
              {"write_buffer", config.write_buffer},
              {"mapping_cache", config.mapping_cache}};
  for (const auto& row : rows) {
    if (policy_exists(row.key, row.name)) continue;
    return fail(error, err::kInvalid, "%s=%s is unknown", row.key, row.name);
  }
  return 0;
}

}  // namespace

int Conv::check(const nvmev_config& config, nvmev_error* error) {
  if (const int result = check_policies(config, error); result != 0) return result;
  Layout layout{};
  if (const int result = layout.init(config, error); result != 0) return result;
  if (config.write_buffer_size < 2ull * layout.stripe_bytes()) {
    return fail(error, err::kRange, "write_buffer_size=%llu: at least %llu bytes, two programs of a die, is right",
                number(config.write_buffer_size), number(2ull * layout.stripe_bytes()));
  }
  if (config.host_memory_buffer != 0 && config.mapping_cache_size == 0) {
    return fail(error, err::kInvalid, "host_memory_buffer=%llu without mapping_cache_size: a size of both, or of neither, is right",
                number(config.host_memory_buffer));
  }
  if (config.host_memory_buffer % layout.unit_bytes != 0) {
    return fail(error, err::kInvalid, "host_memory_buffer=%llu: a multiple of %u, the mapping unit, is right",
                number(config.host_memory_buffer), layout.unit_bytes);
  }
  if (config.placement_handles != 0 && config.streams != 0) {
    return fail(error, err::kInvalid, "streams=%u with placement_handles=%u: one of them is right", config.streams,
                config.placement_handles);
  }
  if (placement_handles(config) != 0 && layout.groups != 1) {
    const bool streams = config.streams != 0;
    return fail(error, err::kInvalid, "%s=%u with superblock_dies=%u: superblocks of all dies are right",
                streams ? "streams" : "placement_handles", streams ? config.streams : config.placement_handles, config.superblock_dies);
  }
  const Streams streams(config);
  const u64 used = static_cast<u64>(layout.logical_units) + layout.map_units;
  const u64 working = static_cast<u64>(working_superblocks(streams)) * layout.superblock_units;
  if (layout.flash_units < used + working * layout.groups) {
    const u64 needed = (used + working * layout.groups - layout.logical_units) * layout.unit_bytes;
    return fail(error, err::kRange,
                "capacity=%llu with over_provisioning=%u.%03u: %llu KiB beyond the capacity are too few: at least %llu "
                "KiB is right for %u stream(s) in %u group(s) of %u dies",
                number(config.capacity), config.over_provisioning / 1000, config.over_provisioning % 1000,
                number((layout.flash_units - layout.logical_units) * layout.unit_bytes >> 10), number(needed >> 10),
                streams.all(), layout.groups, layout.group_dies);
  }
  return 0;
}

Ftl* Conv::create(const nvmev_config& config, nvmev_host* host) {
  void* memory = nvmev_host_alloc(host, sizeof(Conv));
  if (memory == nullptr) return nullptr;
  Conv* conv = construct_at<Conv>(memory, host);
  if (conv->init(config)) return conv;
  conv->destroy();
  return nullptr;
}

void Conv::destroy() {
  nvmev_host* host = host_;
  this->~Conv();
  nvmev_host_free(host, this, sizeof(*this));
}

void Conv::init_streams(const nvmev_config& config) {
  separation_ = find_separation(config.separation);
  const Streams streams(config);
  handles_ = placement_handles(config);
  offers_placement_ = config.placement_handles != 0;
  isolation_ = config.gc_isolation != 0;
  host_streams_ = streams.host;
  collector_streams_ = streams.collector;
  streams_ = streams.all();
  map_stream_ = streams.map != 0 ? streams_ - 1 : kNone;
}

bool Conv::init(const nvmev_config& config) {
  nvmev_error unused;
  layout_.init(config, &unused);
  init_streams(config);
  capacity_ = config.capacity;
  early_completion_ = config.early_completion != 0;
  power_loss_protection_ = config.power_loss_protection != 0;
  copyback_ = config.nand_copyback != 0 && layout_.group_dies == 1;
  victim_policy_ = find_victim(config.victim);
  allocation_ = find_allocation(config.allocation);
  buffer_policy_ = find_write_buffer(config.write_buffer);
  victim_choices_ = config.victim_choices;
  wear_threshold_ = config.wear_leveling;
  idle_delay_ = config.gc_idle_delay;
  const u64 spare = (layout_.flash_units - layout_.logical_units - layout_.map_units) / layout_.groups /
                    layout_.superblock_units;
  collect_below_ = config.gc_free_blocks > 2 ? config.gc_free_blocks : 2;
  idle_below_ = static_cast<u32>(spare * config.background_gc / 100000);
  random_ = flash::Random(config.seed);
  firmware_.set(config);
  ecc_.init(config);
  pcie_in_.init(config.pcie_bandwidth, kPageSize);
  pcie_out_.init(config.pcie_bandwidth, kPageSize);
  const u32 cached = static_cast<u32>(config.mapping_cache_size / layout_.unit_bytes);
  host_memory_ = config.host_memory_buffer;
  const bool ok =
      array_.init(layout_.geometry, config, host_) &&
      wear_.init(layout_.geometry, layout_.group_superblocks, config, host_) &&
      map_.init(host_, layout_.logical_units + layout_.map_units, layout_.physical_units) &&
      blocks_.init(host_, layout_) &&
      buffer_.init(host_, config.write_buffer_size / layout_.unit_bytes, host_streams_ * layout_.groups) &&
      map_cache_.init(host_, *find_mapping_cache(config.mapping_cache), layout_.map_units, cached != 0 ? cached : 1,
                      static_cast<u32>(host_memory_ / layout_.unit_bytes), layout_.unit_bytes / 4) &&
      frequency_.init(host_) &&
      frontiers_.allocate(host_, static_cast<std::size_t>(layout_.groups) * streams_) &&
      fills_.allocate(host_, host_streams_) && collectors_.allocate(host_, layout_.groups) &&
      group_free_at_.allocate(host_, layout_.groups) && remaining_.allocate(host_, handles_);
  if (!ok) return false;
  for (u32 i = 0; i < blocks_.count(); i++) {
    const u32 group = layout_.group_of(i);
    for (u32 die = 0; die < layout_.group_dies; die++) {
      if (!wear_.usable(group * layout_.group_dies + die, i - group * layout_.group_superblocks)) blocks_.retire(i);
    }
  }
  reset();
  return true;
}

// Nothing is written; wear and statistics stay.
void Conv::reset() {
  blocks_.clear();
  buffer_.clear();
  map_cache_.clear();
  frequency_.clear();
  events_.clear();
  for (u32 group = 0; group < layout_.groups; group++) {
    for (u32 stream = 0; stream < streams_; stream++) {
      frontier(group, stream) = Frontier{};
      frontier(group, stream).group = group;
      frontier(group, stream).stream = stream;
    }
    collectors_[group] = Collector{};
  }
  for (HostStream& fill : fills_) fill = HostStream{layout_.groups - 1, false};
  for (Counter& remaining : remaining_) remaining.set(reclaim_unit_bytes());
  map_group_ = 0;
}

void Conv::format() {
  while (!format_step()) {
  }
}

// Takes time for the units of a stretch of the map, and at last for the number of superblocks.
bool Conv::format_step() {
  if (!map_.clear_step(&format_chunk_)) return false;
  reset();
  return true;
}

void Conv::retune(const nvmev_config& config) {
  firmware_.set(config);
  array_.retune(config);
}

bool Conv::catch_up(u64 now) {
  array_.set_floor(last_now_);
  return collect_in_idle_time(now);
}

IoPlan Conv::plan(const IoRequest& request) {
  run_clock_.set(request.now);
  while (!catch_up(request.now)) {
  }
  last_now_ = request.now;
  array_.set_floor(last_now_);
  buffer_.advance(array_, last_now_);
  IoPlan plan = serve(request);
  requests_++;
  if (plan.done < request.now) plan.done = request.now;
  if (plan.done > last_done_) last_done_ = plan.done;
  return plan;
}

IoPlan Conv::serve(const IoRequest& request) {
  const u64 start = firmware_.take(request.now);
  switch (request.op) {
    case IoOp::kRead:
    case IoOp::kCompare:
      return read(request, start);
    case IoOp::kWrite:
      return write(request, start);
    case IoOp::kWriteZeroes:
      return write_zeroes(request, start);
    case IoOp::kDeallocate:
      return deallocate(request, start);
    case IoOp::kFlush:
      break;
  }
  return {flush(start), nvme::Status::kSuccess};
}

// Unmaps logical units [first, end).
void Conv::unmap(u64 first, u64 end) {
  u64 count = 0;
  for (u64 i = first; i < end; i++) {
    i = map_.skip_unmapped(static_cast<u32>(i));
    if (i >= end) break;
    const u32 logical = static_cast<u32>(i);
    const u32 place = map_.find(logical);
    if (place == kNone) continue;
    map_.remove(logical, place);
    blocks_.remove_valid(layout_.superblock_of(place));
    count++;
  }
  statistics_.deallocated_units.add(count);
}

// Only units that are wholly in the range are freed: the map knows no less.
IoPlan Conv::deallocate(const IoRequest& request, u64 start) {
  const u64 first = (request.offset + layout_.unit_bytes - 1) / layout_.unit_bytes;
  const u64 end = request.offset + request.length;
  // The last unit of the device may be partly beyond its capacity.
  const u64 last = end >= capacity_ ? layout_.logical_units : end / layout_.unit_bytes;
  u64 done = start + firmware_.write(0);
  if (map_cache_.enabled()) {
    const u32 entries = layout_.unit_bytes / 4;
    for (u64 i = first; i < last; i = (i / entries + 1) * entries) {
      done = load_map_entry(static_cast<u32>(i), true, done);
    }
  }
  if (first < last) unmap(first, last);
  return {done, nvme::Status::kSuccess};
}

// Unmapped units read as zeros; units of which only a part is to be zero are written.
IoPlan Conv::write_zeroes(const IoRequest& request, u64 start) {
  IoPlan plan = deallocate(request, start);
  const u64 unit = layout_.unit_bytes;
  const u64 end = request.offset + request.length;
  const u64 head_end = (request.offset + unit - 1) / unit * unit;
  const u64 tail = end / unit * unit;
  const auto write_part = [&](u64 from, u64 to) {
    if (from >= to || map_.find(static_cast<u32>(from / unit)) == kNone) return;
    IoRequest part = request;
    part.offset = from;
    part.length = to - from;
    const IoPlan written = write(part, start);
    if (written.done > plan.done) plan.done = written.done;
    if (written.status != nvme::Status::kSuccess) plan.status = written.status;
  };
  write_part(request.offset, head_end < end ? head_end : end);
  if (tail >= head_end && end < capacity_) write_part(tail, end);
  return plan;
}

}  // namespace nvmev::conv

namespace nvmev {

extern const FtlType kConvType;
constinit const FtlType kConvType = {"conv", CommandFamily::kNvm, conv::Conv::check, conv::Conv::create};

}  // namespace nvmev
