// SPDX-License-Identifier: GPL-2.0-only
#include "region.h"

#include "command_set.h"
#include "config_keys.h"
#include "nvmev/error.h"
#include "nvmev/ftl_registry.h"
#include "nvmev/text.h"
#include "region_text.h"

namespace nvmev {

namespace {

int init_region(Region& region, nvmev_host* host, nvmev_error* error) {
  const FtlType* type = find_ftl(region.config.type);
  region.set = &command_set(type->family);
  region.bytes = region.config.capacity;
  if (type->check != nullptr) {
    if (const int result = type->check(region.config, error); result != 0) return result;
  }
  if (const int result = region.model.init(region.config, region.base, host, error); result != 0) return result;
  region.streams.init(host, region.model.streams().streams);
  const Zones* zones = region.model.zones();
  region.whole = zones != nullptr ? zones->limits().zones * zones->limits().zone_bytes : region.bytes;
  return 0;
}

}  // namespace

int Regions::init(const nvmev_config& config, nvmev_host* host, nvmev_error* error) {
  const u32 count = region_count(config);
  if (!regions_.allocate(host, count)) return fail(error, err::kNoMemory, "no memory for %u namespaces", count);
  u64 base = 0;
  for (u32 i = 0; i < count; i++) {
    Region& region = regions_[i];
    region.index = i;
    region.base = base;
    region.config = config;
    if (const int result = read_region(config, i, &region.config, error); result != 0) return result;
    if (const int result = init_region(region, host, error); result != 0) return result;
    base += region.bytes;
    if (placement_ == nullptr && region.model.placement() != nullptr) placement_ = &region;
  }
  return 0;
}

void Regions::retune(const char* name, const char* value) {
  for (Region& region : regions_) {
    set_key(*find_key(name), value, &region.config, nullptr);
    region.model.retune(region.config);
  }
}

void Regions::set_volatile_cache(bool on) {
  for (Region& region : regions_) region.model.set_volatile_cache(on);
}

bool Regions::has_volatile_cache() const {
  for (const Region& region : regions_) {
    if (region.model.has_volatile_cache()) return true;
  }
  return false;
}

bool Regions::has(CommandFamily family) const {
  for (const Region& region : regions_) {
    if (region.set->family == family) return true;
  }
  return false;
}

FtlHealth Regions::health() const {
  FtlHealth worst;
  for (const Region& region : regions_) {
    const FtlHealth health = region.model.health();
    if (health.percentage_used > worst.percentage_used) worst.percentage_used = health.percentage_used;
    if (health.available_spare < worst.available_spare) worst.available_spare = health.available_spare;
  }
  return worst;
}

MediaTraffic Regions::traffic() const {
  MediaTraffic all;
  for (const Region& region : regions_) {
    const MediaTraffic traffic = region.model.traffic();
    all.read += traffic.read;
    all.programmed += traffic.programmed;
  }
  return all;
}

MediaCounters Regions::media() const {
  MediaCounters all;
  u64 flash_bytes = 0, free = 0;
  for (const Region& region : regions_) {
    const MediaCounters media = region.model.media();
    if (!media.has_flash) continue;
    all.has_flash = true;
    all.bad_blocks += media.bad_blocks;
    all.read_retries += media.read_retries;
    all.uncorrectable_reads += media.uncorrectable_reads;
    all.unaligned_writes += media.unaligned_writes;
    if (flash_bytes == 0 || media.erases_least < all.erases_least) all.erases_least = media.erases_least;
    if (media.erases_most > all.erases_most) all.erases_most = media.erases_most;
    flash_bytes += region.bytes;
    free += static_cast<u64>(media.free_percent) * region.bytes;
  }
  if (flash_bytes != 0) all.free_percent = static_cast<u8>(free / flash_bytes);
  return all;
}

u64 Regions::state_hash() const {
  u64 hash = 0;
  // FNV-1a's prime; with one region, the hash is that of its FTL.
  for (const Region& region : regions_) hash = hash * 0x100000001b3ull ^ region.model.state_hash();
  return hash;
}

void Regions::report(TextWriter& text) const {
  for (const Region& region : regions_) {
    if (regions_.size() > 1) text.add("region.%u.type %s\n", region.index + 1, region.config.type);
    region.model.report(text);
  }
}

}  // namespace nvmev
