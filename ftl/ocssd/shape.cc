// SPDX-License-Identifier: GPL-2.0-only
#include "shape.h"

#include "nvmev/error.h"
#include "nvmev/text.h"

namespace nvmev::ocssd {

namespace {

constexpr u32 kUsualChunks = 60;
constexpr u32 kUsualChunkSectors = 4096;
constexpr u32 kMostChunks = 65535;  // of a unit: 16 bits in the structures of 1.2, and in what hosts make of both

unsigned long long number(u64 value) { return value; }

u32 bits_for(u32 count) { return static_cast<u32>(std::bit_width(count - 1)); }

u32 first_set(u32 a, u32 b, u32 c) { return a != 0 ? a : b != 0 ? b : c; }

int too_small(const nvmev_config& config, const Shape& shape, u64 sectors, nvmev_error* error) {
  const u64 data = sectors * shape.layout.sector_bytes;
  const u64 needed = data + kPageSize + sectors * shape.layout.metadata_bytes;
  return fail(error, err::kRange, "capacity=%llu is too small for the geometry: at least %lluK is right",
              number(config.capacity), number((needed + kPageSize - 1) / kPageSize * (kPageSize / 1024)));
}

int check_sector(const nvmev_config& config, nvmev_error* error) {
  const nvmev_open_channel& oc = config.oc;
  if (oc.metadata & (oc.metadata - 1)) {
    return fail(error, err::kInvalid, "md_size=%u: 0 or a power of two is right", oc.metadata);
  }
  if (oc.sector == 0 && oc.lba_index >= oc.lba_formats) {
    return fail(error, err::kInvalid, "lba_index=%u: below nlbaf=%u is right", oc.lba_index, oc.lba_formats);
  }
  if (oc.sector != 0 && oc.sector > 256u << oc.lba_formats) {
    return fail(error, err::kInvalid, "sec_size=%u: at most %u with nlbaf=%u is right", oc.sector,
                256u << oc.lba_formats, oc.lba_formats);
  }
  return 0;
}

}  // namespace

// 2.0. What is not given follows from the capacity: chunks get shorter before there are fewer than usual.
int Shape::fit_chunks(const nvmev_config& config, u64 unit_sectors, nvmev_error* error) {
  const nvmev_open_channel& oc = config.oc;
  if (oc.ws_opt % oc.ws_min != 0) {
    return fail(error, err::kInvalid, "ws_opt=%u: a multiple of ws_min=%u is right", oc.ws_opt, oc.ws_min);
  }
  planes = oc.ws_opt / oc.ws_min;
  page_sectors = oc.ws_min;
  chunks = oc.chunks;
  chunk_sectors = oc.chunk_sectors;
  const u32 usual = kUsualChunkSectors / oc.ws_opt * oc.ws_opt;
  if (chunk_sectors == 0) {
    u64 room = unit_sectors / (chunks != 0 ? chunks : kUsualChunks) / oc.ws_opt * oc.ws_opt;
    // Not so short that little of a chunk can be read while it is open.
    const u64 least = (2ull * oc.mw_cunits + oc.ws_opt) / oc.ws_opt * oc.ws_opt;
    if (chunks == 0 && room < least) room = least;
    chunk_sectors = static_cast<u32>(room < usual ? room : usual);
    if (chunk_sectors == 0) {
      return too_small(config, *this, all_units() * (chunks != 0 ? chunks : kUsualChunks) * oc.ws_opt, error);
    }
  }
  if (chunk_sectors % oc.ws_min != 0) {
    return fail(error, err::kInvalid, "num_sec=%u: a multiple of ws_min=%u is right", chunk_sectors, oc.ws_min);
  }
  if (chunks == 0) {
    const u64 fit = unit_sectors / chunk_sectors;
    chunks = static_cast<u32>(fit < kMostChunks ? fit : kMostChunks);
    // With shorter chunks than usual there are as many as usual.
    if (chunk_sectors < usual && oc.chunk_sectors == 0 && chunks > kUsualChunks) chunks = kUsualChunks;
  }
  const u64 needed = static_cast<u64>(chunks != 0 ? chunks : 1) * chunk_sectors;
  if (needed > unit_sectors) return too_small(config, *this, all_units() * needed, error);
  if (oc.mw_cunits > chunk_sectors) {
    return fail(error, err::kInvalid, "mw_cunits=%u: at most the %u sectors of a chunk is right", oc.mw_cunits,
                chunk_sectors);
  }
  return 0;
}

// 1.2. Blocks fill the capacity, as far as one command can tell their table.
int Shape::fit_blocks(const nvmev_config& config, u64 unit_sectors, nvmev_error* error) {
  const nvmev_open_channel& oc = config.oc;
  planes = oc.planes;
  page_sectors = oc.page_sectors;
  chunk_sectors = oc.block_pages * planes * page_sectors;
  if (oc.max_sectors < planes * page_sectors) {
    return fail(error, err::kInvalid, "lmax_sec_per_rq=%u: at least %u, a page of all planes, is right", oc.max_sectors,
                planes * page_sectors);
  }
  u64 fit = unit_sectors / chunk_sectors;
  if (fit == 0) return too_small(config, *this, all_units() * chunk_sectors, error);
  const u64 table = ((static_cast<u64>(kPageSize) << config.mdts) - sizeof(nvme::BadBlockTableHeader)) / planes;
  if (fit > table) fit = table;
  chunks = static_cast<u32>(fit < kMostChunks ? fit : kMostChunks);
  // The table of logical blocks has 32 bits for each.
  if (all_chunks() * chunk_sectors >= ~0u) {
    return fail(error, err::kRange, "capacity=%llu: fewer than 2^32 sectors are right with lver=1",
                number(config.capacity));
  }
  return 0;
}

int Shape::init(const nvmev_config& config, nvmev_error* error) {
  const nvmev_open_channel& oc = config.oc;
  if (const int result = check_sector(config, error); result != 0) return result;
  version = oc.version;
  layout.sector_bytes = oc.sector != 0 ? oc.sector : 512u << oc.lba_index;
  layout.metadata_bytes = oc.metadata;
  groups = version == 1 ? first_set(oc.channels12, oc.channels, 1) : first_set(oc.groups, oc.channels, 2);
  units = version == 1 ? first_set(oc.luns12, 1, 1) : first_set(oc.units, 8, 8);
  if (all_units() > NVMEV_MAX_DIES) {
    return fail(error, err::kRange, "%s=%u with %s=%u: at most %u units is right", version == 1 ? "lnum_ch" : "num_grp",
                groups, version == 1 ? "lnum_lun" : "num_pu", units, NVMEV_MAX_DIES);
  }
  const u64 room = config.capacity > kPageSize ? config.capacity - kPageSize : 0;
  const u64 unit_sectors = room / (layout.sector_bytes + layout.metadata_bytes) / all_units();
  const int result = version == 1 ? fit_blocks(config, unit_sectors, error) : fit_chunks(config, unit_sectors, error);
  if (result != 0) return result;
  sector_bits = bits_for(chunk_sectors);
  chunk_bits = bits_for(chunks);
  unit_bits = bits_for(units);
  group_bits = bits_for(groups);
  layout.sectors = all_chunks() * chunk_sectors;
  layout.metadata_base = (layout.sectors * layout.sector_bytes + kPageSize - 1) / kPageSize * kPageSize;
  return 0;
}

}  // namespace nvmev::ocssd
