// SPDX-License-Identifier: GPL-2.0-only
#include "layout.h"

#include "nvmev/error.h"
#include "nvmev/text.h"

namespace nvmev::zns {

namespace {

// A zone's table entries and a Select All are bounded by this.
constexpr u64 kMaxZones = 1u << 18;

unsigned long long number(u64 value) { return value; }

int check_sizes(const nvmev_config& config, const ZoneLimits& limits, nvmev_error* error) {
  if (limits.zone_bytes % kPageSize != 0) {
    return fail(error, err::kInvalid, "zone_size=%llu: a multiple of %u bytes is right", number(limits.zone_bytes),
                kPageSize);
  }
  if (limits.zone_capacity > limits.zone_bytes || limits.zone_capacity % kPageSize != 0) {
    return fail(error, err::kInvalid, "zone_capacity=%llu: a multiple of %u bytes up to zone_size=%llu is right",
                number(limits.zone_capacity), kPageSize, number(limits.zone_bytes));
  }
  const u64 zones = config.capacity / limits.zone_bytes;
  if (zones == 0 || zones > kMaxZones) {
    return fail(error, err::kRange, "capacity=%llu holds %llu zones of zone_size=%llu: 1 to %llu is right",
                number(config.capacity), number(zones), number(limits.zone_bytes), number(kMaxZones));
  }
  return 0;
}

int check_limits(const ZoneLimits& limits, nvmev_error* error) {
  if (limits.max_active != 0 && (limits.max_open == 0 || limits.max_open > limits.max_active)) {
    return fail(error, err::kInvalid, "max_open_zones=%u: 1 to max_active_zones=%u is right", limits.max_open,
                limits.max_active);
  }
  if (limits.zrwa_zones != 0 && limits.zrwa_bytes == 0) {
    return fail(error, err::kInvalid, "zrwa_zones=%u without zrwa_size: both or none is right", limits.zrwa_zones);
  }
  if (limits.zrwa_bytes == 0) return 0;
  if (limits.zrwa_granularity == 0 || limits.zrwa_granularity % kPageSize != 0 ||
      limits.zrwa_bytes % limits.zrwa_granularity != 0 || limits.zone_capacity % limits.zrwa_granularity != 0) {
    return fail(error, err::kInvalid,
                "zrwa_flush_granularity=%llu: a multiple of %u bytes that divides zrwa_size=%llu and zone_capacity=%llu "
                "is right",
                number(limits.zrwa_granularity), kPageSize, number(limits.zrwa_bytes), number(limits.zone_capacity));
  }
  if (limits.zrwa_bytes > limits.zone_capacity) {
    return fail(error, err::kRange, "zrwa_size=%llu: up to zone_capacity=%llu is right", number(limits.zrwa_bytes),
                number(limits.zone_capacity));
  }
  return 0;
}

}  // namespace

int read_limits(const nvmev_config& config, ZoneLimits* limits, nvmev_error* error) {
  constexpr u64 kSecond = 1000ull * 1000 * 1000;
  *limits = {};
  limits->zone_bytes = config.zone_size;
  limits->zone_capacity = config.zone_capacity != 0 ? config.zone_capacity : config.zone_size;
  limits->max_active = config.max_active_zones;
  limits->max_open = config.max_open_zones != 0 ? config.max_open_zones : config.max_active_zones;
  limits->append_limit = config.zone_append_limit;
  limits->extension_bytes = config.zone_descriptor_extension;
  limits->zrwa_bytes = config.zrwa_size;
  limits->zrwa_granularity = config.zrwa_flush_granularity;
  limits->read_across = config.zone_read_across != 0;
  limits->excursions = config.zone_active_limit != 0;
  if (config.zone_active_limit > config.finish_recommended && config.finish_recommended != 0) {
    limits->finish_limit =
        static_cast<u32>((config.zone_active_limit - config.finish_recommended + kSecond - 1) / kSecond);
  }
  limits->zrwa_zones = config.zrwa_zones;
  if (const int result = check_sizes(config, *limits, error); result != 0) return result;
  limits->zones = static_cast<u32>(config.capacity / limits->zone_bytes);
  if (limits->extension_bytes % nvme::kExtensionUnit != 0) {
    return fail(error, err::kInvalid, "zone_descriptor_extension=%u: a multiple of %u bytes is right",
                limits->extension_bytes, nvme::kExtensionUnit);
  }
  if (const int result = check_limits(*limits, error); result != 0) return result;
  if (limits->zrwa_bytes != 0 && limits->zrwa_zones == 0) {
    limits->zrwa_zones = limits->max_active != 0 ? limits->max_active : limits->zones;
  }
  return 0;
}

int Layout::init(const nvmev_config& config, const ZoneLimits& limits, nvmev_error* error) {
  if (const int result = flash::check_flash(config, error); result != 0) return result;
  geometry = flash::Geometry::of(config);
  width = config.zone_dies != 0 ? config.zone_dies : geometry.dies;
  if (width > geometry.dies || geometry.dies % width != 0) {
    return fail(error, err::kInvalid, "zone_dies=%u: a divisor of the %u dies is right", width, geometry.dies);
  }
  groups = geometry.dies / width;
  row_bytes = geometry.row_bytes();
  unit_bytes = row_bytes * geometry.program_rows;
  const u64 zone_units = (limits.zone_capacity + unit_bytes - 1) / unit_bytes;
  const u64 zone_lines = (zone_units + width - 1) / width;
  const u64 zone_rows = zone_lines * geometry.program_rows;
  const u64 zone_blocks = (zone_rows + geometry.full_rows - 1) / geometry.full_rows;
  const u64 group_zones = (limits.zones + groups - 1) / groups;
  if (zone_rows * group_zones > ~0u || zone_blocks * group_zones > 1u << 24) {
    return fail(error, err::kRange, "zone_size=%llu with zone_dies=%u: too many rows for a die",
                number(limits.zone_bytes), width);
  }
  units = static_cast<u32>(zone_units);
  lines = static_cast<u32>(zone_lines);
  blocks = static_cast<u32>(zone_blocks);
  // The blocks of a zone that is smaller than its blocks are shorter ones.
  geometry.block_rows = static_cast<u32>((zone_rows + blocks - 1) / blocks);
  const u64 used = group_zones * blocks;
  geometry.die_blocks = static_cast<u32>(used + (used * config.spare_blocks + 99999) / 100000);
  return 0;
}

}  // namespace nvmev::zns
