// SPDX-License-Identifier: GPL-2.0-only
#include "load/job.h"

#include <algorithm>
#include <cmath>

namespace nvmev::sim {
namespace {

constexpr u64 kSecond = 1000ull * 1000 * 1000;
constexpr u32 kRead = 0, kWrite = 1, kTrim = 2;  // indices of sizes and positions

constexpr u64 threshold(u64 percent) { return (percent << 32) / 100; }

u64 smallest_size(const JobSpec& spec) {
  u64 smallest = ~0ull;
  const std::array<bool, 3> used = {spec.reads, spec.writes, spec.trims || spec.trim_percent != 0};
  for (u32 kind = 0; kind < 3; kind++) {
    if (!used[kind]) continue;
    for (const SizeShare& share : spec.sizes[kind]) smallest = std::min(smallest, share.bytes);
  }
  return smallest;
}

u64 region_size(const JobSpec& spec, u64 begin, u64 capacity, u64 lba_size) {
  return std::min(spec.size.of(capacity), capacity - begin) / lba_size * lba_size;
}

std::optional<ZoneWalk> make_walk(const JobSpec& spec, u64 begin, u64 size, const Zones* zones) {
  if (!spec.zoned) return std::nullopt;
  const u64 zone_bytes = zones->limits().zone_bytes;
  const u64 first = begin / zone_bytes;
  const u64 count = std::min(size / zone_bytes, zones->limits().zones - first);
  return ZoneWalk(*zones, first, count, open_zone_count(spec), spec.append ? 1 : spec.depth);
}

// What a job moves that is not told how much.
u64 whole_amount(const JobSpec& spec, u64 size, const Zones* zones) {
  return spec.zoned ? size / zones->limits().zone_bytes * zones->limits().zone_capacity : size;
}

u64 region_begin(const JobSpec& spec, u32 copy, u64 capacity, u64 lba_size) {
  return (spec.offset.of(capacity) + copy * spec.offset_increment.of(capacity)) / lba_size * lba_size;
}

}  // namespace

Job::Job(const JobSpec& spec, u32 copy, u64 capacity, u64 lba_size, u64 seed, const Zones* zones)
    : pattern_(spec.pattern),
      trim_then_write_(spec.trim_then_write),
      pure_(spec.reads + spec.writes + spec.trims == 1 && spec.trim_percent == 0),
      pure_op_(spec.reads    ? IoOp::kRead
               : spec.writes ? IoOp::kWrite
                             : IoOp::kDeallocate),
      trim_below_(spec.trims && !spec.trim_then_write ? threshold(100) : threshold(spec.trim_percent)),
      read_below_(threshold(spec.reads ? spec.writes ? spec.read_percent : 100 : 0)),
      region_begin_(region_begin(spec, copy, capacity, lba_size)),
      region_size_(region_size(spec, region_begin_, capacity, lba_size)),
      unit_(spec.align.value_or(smallest_size(spec))),
      blocks_(std::max<u64>(region_size_ / unit_, 1)),
      random_map_(spec.random_map),
      map_(blocks_, seed),
      seed_(seed),
      random_(seed),
      distribution_(spec.distribution, blocks_, seed ^ 0x5bd1e995),
      depth_(spec.depth),
      rate_(spec.rate_ios != 0 ? spec.rate_ios : spec.rate_bytes),
      rate_counts_bytes_(spec.rate_ios == 0),
      poisson_(spec.poisson),
      think_time_(spec.think_time),
      think_blocks_(spec.think_blocks),
      start_delay_(spec.start_delay),
      flush_every_(spec.flush_every),
      fua_(spec.fua),
      placement_(spec.placement),
      max_bytes_(spec.io_size.value_or(spec.number_ios || spec.runtime ? ~0ull : whole_amount(spec, region_size_, zones))),
      max_ios_(spec.number_ios.value_or(~0ull)),
      runtime_(spec.runtime.value_or(0)),
      walk_(make_walk(spec, region_begin_, region_size_, zones)),
      append_(spec.append) {
  for (u32 kind = 0; kind < 3; kind++) {
    u64 percent = 0;
    for (const SizeShare& share : spec.sizes[kind]) {
      percent += share.percent;
      sizes_[kind].push_back({threshold(percent), share.bytes});
    }
  }
}

u64 Job::begin(u64 now) {
  begin_ = turn_ = now + start_delay_;
  if (runtime_ != 0) end_ = begin_ + runtime_;
  return begin_;
}

bool Job::next(u64 now, u32 place, Io* io, u64* when) {
  if (now >= end_ || ios_ >= max_ios_ || bytes_ >= max_bytes_) return false;
  if (flush_every_ != 0 && unflushed_ >= flush_every_) {
    unflushed_ = 0;
    *io = {0, 0, IoOp::kFlush, false, 0};
    *when = now;
    return true;
  }
  if (walk_) [[unlikely]] {
    if (!next_of_zones(place, io)) {
      *when = now;
      return true;
    }
  } else {
    pick(io);
  }
  *when = rate_ != 0 ? take_turn(now, io->length) : now;
  if (*when >= end_) {
    ios_ = max_ios_;
    return false;
  }
  ios_++;
  bytes_ += io->length;
  unflushed_ += io->op == IoOp::kWrite;
  return true;
}

void Job::pick(Io* io) {
  const IoOp op = pick_op();
  const u32 kind = op == IoOp::kRead ? kRead : op == IoOp::kWrite ? kWrite : kTrim;
  u64 length = pick_size(trim_then_write_ ? kWrite : kind);
  u64 offset;
  if (trim_then_write_ && trimmed_) {
    offset = trimmed_offset_;
    length = std::min(length, region_size_ - offset);
  } else {
    offset = pick_offset(trim_then_write_ ? kWrite : kind, length);
  }
  if (trim_then_write_) {
    trimmed_ = !trimmed_;
    trimmed_offset_ = offset;
  }
  const bool write = op == IoOp::kWrite;
  *io = {region_begin_ + offset, length, op, write && fua_, write ? placement_ : static_cast<u16>(0)};
}

bool Job::next_of_zones(u32 place, Io* io) {
  const ZoneWalk::Step step = walk_->next(append_ ? 0 : place, pick_size(kWrite));
  if (step.reset) {
    *io = {step.offset, step.length, IoOp::kDeallocate, false, 0};
    return false;
  }
  *io = {step.offset, step.length, IoOp::kWrite, fua_, placement_, append_};
  return true;
}

IoOp Job::pick_op() {
  if (pure_) [[likely]]
    return pure_op_;
  if (trim_then_write_) return trimmed_ ? IoOp::kWrite : IoOp::kDeallocate;
  const u64 chance = random_.next() >> 32;
  if (chance < trim_below_) return IoOp::kDeallocate;
  // The rest of the interval is as uniform as the whole.
  const u64 rest = (chance - trim_below_) << 32;
  return rest / ((1ull << 32) - trim_below_) < read_below_ ? IoOp::kRead : IoOp::kWrite;
}

u64 Job::pick_size(u32 kind) {
  const std::vector<SizePick>& sizes = sizes_[kind];
  if (sizes.size() == 1) [[likely]]
    return sizes[0].bytes;
  const u64 chance = random_.next() >> 32;
  for (const SizePick& size : sizes) {
    if (chance < size.below) return size.bytes;
  }
  return sizes.back().bytes;
}

u64 Job::pick_offset(u32 kind, u64 length) {
  if (pattern_ == Pattern::kSequential) {
    if (position_[kind] + length > region_size_) position_[kind] = 0;
    const u64 offset = position_[kind];
    position_[kind] += length;
    return offset;
  }
  u64 block;
  if (random_map_) {
    if (map_at_ == blocks_) {
      map_at_ = 0;
      map_ = Permutation(blocks_, seed_ + ++passes_);
    }
    block = map_(map_at_++);
  } else {
    block = distribution_.pick(random_);
  }
  u64 offset = block * unit_;
  // Only the last blocks of a region have no room for more than a unit.
  if (offset + length > region_size_) offset = (region_size_ - length) / unit_ * unit_;
  return offset;
}

u64 Job::take_turn(u64 now, u64 length) {
  const u64 turn = turn_;
  const u64 amount = rate_counts_bytes_ ? length : 1;
  if (poisson_) {
    const double mean = static_cast<double>(amount) * static_cast<double>(kSecond) / static_cast<double>(rate_);
    turn_ += static_cast<u64>(-std::log(random_.unit()) * mean + 0.5);
  } else {
    const unsigned __int128 sum = static_cast<unsigned __int128>(amount) * kSecond + turn_fraction_;
    turn_ += static_cast<u64>(sum / rate_);
    turn_fraction_ = static_cast<u64>(sum % rate_);
  }
  return std::max(now, turn);
}

double Job::progress(u64 now) const {
  const auto share = [](u64 part, u64 whole) {
    return whole == ~0ull ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  };
  double most = std::max(share(ios_, max_ios_), share(bytes_, max_bytes_));
  if (runtime_ != 0 && now > begin_) most = std::max(most, share(now - begin_, runtime_));
  return std::min(most, 1.0);
}

}  // namespace nvmev::sim
