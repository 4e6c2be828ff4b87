// SPDX-License-Identifier: GPL-2.0-only
#include "wear.h"

#include "random.h"

namespace nvmev::flash {

bool Wear::init(const Geometry& geometry, u32 used, const nvmev_config& config, nvmev_host* host) {
  seed_ = config.seed;
  rated_ = rated_cycles(config);
  dies_ = geometry.dies;
  die_blocks_ = geometry.die_blocks;
  used_ = used;
  bad_milli_percent_ = config.bad_blocks;
  spare_total_ = static_cast<u64>(die_blocks_ - used_) * dies_;
  spare_left_.set(spare_total_);
  const std::size_t numbers = static_cast<std::size_t>(dies_) * used_;
  if (!erases_.allocate(host, static_cast<std::size_t>(dies_) * die_blocks_) || !replaced_.allocate(host, numbers) ||
      !spare_next_.allocate(host, dies_) || !bad_.allocate(host, static_cast<std::size_t>(dies_) * die_blocks_)) {
    return false;
  }
  if (bad_milli_percent_ == 0) return true;
  for (u32 die = 0; die < dies_; die++) {
    for (u32 block = 0; block < used_; block++) {
      if (!bad_at_birth(die, block)) continue;
      bad_count_.add(1);
      replace(die, block);
    }
  }
  return true;
}

bool Wear::bad_at_birth(u32 die, u32 physical) const {
  return mix(seed_ ^ mix(0x0bad0000ull + index(die, physical))) % 100000 < bad_milli_percent_;
}

// Parts last somewhat longer than they are rated for; how much differs from block to block: 1 to 1.5 times (an
// assumption; makers publish none).
u32 Wear::endurance(u32 die, u32 physical) const {
  const u64 luck = mix(seed_ ^ mix(0x11fe0000ull + index(die, physical))) % 512;
  return static_cast<u32>((static_cast<u64>(rated_) * (1024 + luck)) >> 10);
}

bool Wear::replace(u32 die, u32 block) {
  const u32 spares = die_blocks_ - used_;
  while (spare_next_[die] < spares) {
    const u32 spare = spare_next_[die]++;
    spare_left_.set(spare_left_.get() - 1);
    if (bad_at_birth(die, used_ + spare)) {
      bad_count_.add(1);
      continue;
    }
    replaced_[static_cast<std::size_t>(die) * used_ + block] = spare + 1;
    return true;
  }
  bad_[index(die, block)] = true;
  return false;
}

u32 Wear::erase_counts(u32 die, u32* counts, u32 size) const {
  if (die >= dies_) return 0;
  for (u32 i = 0; i < die_blocks_ && i < size; i++) counts[i] = block_erases(die, i);
  return die_blocks_;
}

bool Wear::erase(u32 die, u32 block) {
  const u32 which = physical(die, block);
  u32& count = erases_[index(die, which)];
  count++;
  total_.add(1);
  largest_.raise_to(count);
  if (count <= endurance(die, which)) return true;
  bad_count_.add(1);
  return replace(die, block);
}

u32 Wear::percentage_used() const {
  const u64 blocks = static_cast<u64>(dies_) * die_blocks_;
  const u64 rated = blocks * rated_;
  return rated != 0 ? static_cast<u32>(total_.get() * 100 / rated) : 0;
}

FtlHealth Wear::health() const {
  FtlHealth health;
  const u32 used = percentage_used();
  health.percentage_used = static_cast<u8>(used < 255 ? used : 255);
  if (spare_total_ != 0) health.available_spare = static_cast<u8>(spare_left() * 100 / spare_total_);
  return health;
}

}  // namespace nvmev::flash
