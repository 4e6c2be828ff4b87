// SPDX-License-Identifier: GPL-2.0-only
// How many of what an open-channel SSD has, and what its addresses mean.
#pragma once

#include "nvmev/host.h"
#include "nvmev/open_channel.h"
#include "nvmev/types.h"

namespace nvmev::ocssd {

// Addresses of both versions have the same form, from high to low: group (channel), unit (LUN), chunk (block), sector. In
// 1.2 the sector is page, plane, sector of the page; planes and sectors of a page are powers of two, so that this, too,
// counts the sectors of a chunk: there, the blocks of one number in all planes.
struct Shape {
  u32 version;
  u32 groups, units;       // units: of a group
  u32 chunks;              // of a unit
  u32 chunk_sectors;
  u32 planes;
  u32 page_sectors;        // of one plane's page; a row has planes * page_sectors
  u32 sector_bits, chunk_bits, unit_bits, group_bits;
  SectorLayout layout;

  // 0 or a negative errno with *error.
  int init(const nvmev_config& config, nvmev_error* error);

  u64 all_units() const { return static_cast<u64>(groups) * units; }
  u64 all_chunks() const { return all_units() * chunks; }
  u32 row_sectors() const { return planes * page_sectors; }
  u32 chunk_rows() const { return (chunk_sectors + row_sectors() - 1) / row_sectors(); }

  // Parts of an address; all_chunks() and more for chunks that do not exist.
  u64 chunk_of(u64 address) const {
    const u64 chunk = address >> sector_bits & low(chunk_bits);
    const u64 unit = address >> (sector_bits + chunk_bits) & low(unit_bits);
    const u64 group = address >> (sector_bits + chunk_bits + unit_bits);
    if (chunk >= chunks || unit >= units || group >= groups) return ~0ull;
    return (group * units + unit) * chunks + chunk;
  }
  u32 offset_of(u64 address) const { return static_cast<u32>(address & low(sector_bits)); }

  u64 sector_of(u64 address) const {
    const u64 chunk = chunk_of(address);
    const u32 offset = offset_of(address);
    return chunk == ~0ull || offset >= chunk_sectors ? kNoSector : chunk * chunk_sectors + offset;
  }
  u64 address_of(u64 chunk, u32 offset) const {
    const u64 unit = chunk / chunks;
    return ((unit / units << unit_bits | unit % units) << chunk_bits | chunk % chunks) << sector_bits | offset;
  }
  u64 last_address() const { return address_of(all_chunks() - 1, chunk_sectors - 1); }

 private:
  static u64 low(u32 bits) { return (1ull << bits) - 1; }
  int fit_chunks(const nvmev_config& config, u64 unit_sectors, nvmev_error* error);
  int fit_blocks(const nvmev_config& config, u64 unit_sectors, nvmev_error* error);
};

}  // namespace nvmev::ocssd
