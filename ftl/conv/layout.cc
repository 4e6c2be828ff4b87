// SPDX-License-Identifier: GPL-2.0-only
#include "layout.h"

#include "nvmev/error.h"
#include "nvmev/text.h"

namespace nvmev::conv {
namespace {

constexpr u32 kMapEntryBytes = 4;

u64 round_up(u64 n, u64 divisor) { return (n + divisor - 1) / divisor; }

unsigned long long number(u64 value) { return value; }

}  // namespace

u64 Layout::stripes_of(u32 group) const { return stripes_ / groups + (group < stripes_ % groups ? 1 : 0); }

u64 Layout::group_capacity(u32 group) const { return stripes_of(group) * stripe_units; }

// Lines, which are a stripe unit on every die of a group, are divided evenly among its superblocks; the last one takes
// what is less than a line.
u32 Layout::superblock_capacity(u32 superblock) const {
  const u32 group = group_of(superblock);
  const u32 position = superblock - group * group_superblocks;
  const u64 lines = stripes_of(group) / group_dies;
  u64 stripes = (lines / group_superblocks + (position < lines % group_superblocks ? 1 : 0)) * group_dies;
  if (position + 1 == group_superblocks) stripes += stripes_of(group) % group_dies;
  return static_cast<u32>(stripes) * stripe_units;
}

int Layout::init(const nvmev_config& config, nvmev_error* error) {
  if (const int result = flash::check_flash(config, error); result != 0) return result;
  // A superblock with a bad block that nothing replaces is lost: few of them, and the data do not fit.
  if (config.bad_blocks > config.spare_blocks) {
    return fail(error, err::kInvalid, "bad_blocks=%u.%03u with spare_blocks=%u.%03u: not more than that is right",
                config.bad_blocks / 1000, config.bad_blocks % 1000, config.spare_blocks / 1000, config.spare_blocks % 1000);
  }
  geometry = flash::Geometry::of(config);
  unit_bytes = config.mapping_unit;
  if (unit_bytes > geometry.row_bytes() || geometry.row_bytes() / unit_bytes > 64) {
    return fail(error, err::kRange, "mapping_unit=%u: %u to %u, which is page_size times planes, is right", unit_bytes,
                geometry.row_bytes() / 64, geometry.row_bytes());
  }
  if (geometry.row_bytes() % unit_bytes != 0) {
    return fail(error, err::kInvalid, "mapping_unit=%u does not divide %u, which is page_size times planes", unit_bytes,
                geometry.row_bytes());
  }
  group_dies = config.superblock_dies == 0 ? geometry.dies : config.superblock_dies;
  if (group_dies > geometry.dies || geometry.dies % group_dies != 0) {
    return fail(error, err::kInvalid, "superblock_dies=%u does not divide the number of dies, which is %u", group_dies,
                geometry.dies);
  }
  groups = geometry.dies / group_dies;
  row_units = geometry.row_bytes() / unit_bytes;
  stripe_units = row_units * geometry.program_rows;

  const u64 logical = round_up(config.capacity, unit_bytes);
  flash_units = logical + logical / 100000 * config.over_provisioning + logical % 100000 * config.over_provisioning / 100000;
  stripes_ = round_up(flash_units, stripe_units);
  const u64 group_stripes = round_up(stripes_, groups);
  const u64 most = static_cast<u64>(geometry.full_rows) / geometry.program_rows;
  u64 block_stripes = group_stripes / group_dies / config.blocks_per_plane;
  if (block_stripes > most) block_stripes = most;
  if (block_stripes == 0) block_stripes = 1;
  geometry.block_rows = static_cast<u32>(block_stripes) * geometry.program_rows;
  const u64 wide_superblock = block_stripes * group_dies * stripe_units;
  const u64 wide_count = round_up(group_stripes * stripe_units, wide_superblock);
  if (wide_count * groups * wide_superblock >= kNoneBound) {
    return fail(error, err::kRange, "capacity=%llu needs more than 2^32 units of %u bytes: a larger mapping_unit is right",
                number(config.capacity), unit_bytes);
  }
  superblock_units = static_cast<u32>(wide_superblock);
  group_superblocks = static_cast<u32>(wide_count);
  superblocks = group_superblocks * groups;
  physical_units = superblocks * superblock_units;
  logical_units = static_cast<u32>(logical);
  map_units = config.mapping_cache_size != 0
                  ? static_cast<u32>(round_up(logical, unit_bytes / kMapEntryBytes))
                  : 0;
  // Spare die blocks come on top.
  const u64 spare = round_up(static_cast<u64>(group_superblocks) * config.spare_blocks, 100000);
  geometry.die_blocks = group_superblocks + static_cast<u32>(spare);
  by_superblock = FastDivide(superblock_units);
  by_stripe = FastDivide(stripe_units);
  by_row = FastDivide(row_units);
  by_group_dies = FastDivide(group_dies);
  return 0;
}

}  // namespace nvmev::conv
