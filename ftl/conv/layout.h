// SPDX-License-Identifier: GPL-2.0-only
// How logical and physical units, superblocks and the flash array fit together.
#pragma once

#include "../flash/geometry.h"
#include "fast_divide.h"
#include "nvmev/host.h"

namespace nvmev::conv {

// A unit is what the map maps (mapping_unit bytes). A stripe unit is what one program operation writes: some rows of a
// die. The dies form groups; a superblock is one die block of every die of a group, and consecutive stripe units of it
// lie on consecutive dies. Physical units are numbered through stripe units through superblocks through groups.
//
// The device has exactly capacity * (1 + over-provisioning) of flash, up to less than one stripe unit: some superblocks
// end a row of stripe units before the others. A device too small for `blocks_per_plane` blocks of the real part's size gets
// shorter blocks, so that it behaves as a large one does.
struct Layout {
  flash::Geometry geometry;
  u32 unit_bytes;
  u32 logical_units;      // exported
  u32 map_units;          // hold the map itself; 0 where all of it is in memory
  u32 physical_units;     // numbers in use; those behind the ends of superblocks hold nothing
  u64 flash_units;        // exactly capacity and over-provisioning
  u32 groups;
  u32 group_dies;
  u32 group_superblocks;
  u32 superblocks;
  u32 superblock_units;   // of a whole one
  u32 row_units;
  u32 stripe_units;       // units of a stripe unit
  FastDivide by_superblock;  // units
  FastDivide by_stripe;      // units
  FastDivide by_row;         // units
  FastDivide by_group_dies;

  // A place in the flash array.
  struct Row {
    u32 superblock;
    u32 die;
    u32 block;         // of the die
    u32 row;           // of the die block
  };

  // 0 or a negative errno with *error.
  int init(const nvmev_config& config, nvmev_error* error);

  u32 superblock_of(u32 physical) const { return by_superblock.quotient(physical); }
  u32 group_of(u32 superblock) const { return superblock / group_superblocks; }

  // Units of a superblock: superblock_units, or less.
  u32 superblock_capacity(u32 superblock) const;

  // Units of a group.
  u64 group_capacity(u32 group) const;

  // Where row number `row` (physical unit / row_units) lies.
  Row locate(u32 row) const {
    const u32 unit = row * row_units;
    Row place;
    place.superblock = superblock_of(unit);
    const u32 in_superblock = unit - place.superblock * superblock_units;
    const u32 stripe = by_stripe.quotient(in_superblock);
    const u32 line = by_group_dies.quotient(stripe);
    const u32 group = group_of(place.superblock);
    place.die = group * group_dies + (stripe - line * group_dies);
    place.block = place.superblock - group * group_superblocks;
    place.row = line * geometry.program_rows + by_row.quotient(in_superblock - stripe * stripe_units);
    return place;
  }

  u32 stripe_bytes() const { return stripe_units * unit_bytes; }

 private:
  static constexpr u64 kNoneBound = 0xffffffff;  // physical units and one more fit 32 bits

  u64 stripes_of(u32 group) const;  // stripe units of a group

  u64 stripes_ = 0;  // of all groups
};

}  // namespace nvmev::conv
