// SPDX-License-Identifier: GPL-2.0-only
// Where zones lie in the flash array.
#pragma once

#include "../flash/geometry.h"
#include "nvmev/host.h"
#include "nvmev/zones.h"

namespace nvmev::zns {

// The dies form groups of `width` dies with consecutive numbers; zone z lies in group z mod groups, as number z / groups
// of the zones there. A zone has the same number of die blocks of each of its dies for itself. Its bytes are cut into
// program units, which consecutive dies of the group take in turn; zones begin on different dies.
struct Layout {
  flash::Geometry geometry;
  u32 width;        // dies of a zone
  u32 groups;
  u32 unit_bytes;   // what one program operation writes
  u32 row_bytes;
  u32 units;        // of a zone; the capacity may end within the last
  u32 blocks;       // die blocks of a zone on each die
  u32 lines;        // program units of a zone on each die

  struct Place {
    u32 die;
    u32 row;   // of the die
    u32 line;  // program units of the die before it
  };

  // 0 or a negative errno with *error.
  int init(const nvmev_config& config, const ZoneLimits& limits, nvmev_error* error);

  u32 group_of(u32 zone) const { return zone % groups; }
  u32 number_of(u32 zone) const { return zone / groups; }
  u32 die_of(u32 zone, u32 unit) const { return group_of(zone) * width + (unit + number_of(zone)) % width; }
  Place locate(u32 zone, u32 unit) const {
    const u32 line = number_of(zone) * lines + unit / width;
    return {die_of(zone, unit), line * geometry.program_rows, line};
  }
  // Die blocks on each die that the first `units` program units of a zone reach.
  u32 blocks_for(u32 some_units) const {
    const u32 used_lines = (some_units + width - 1) / width;
    return (used_lines * geometry.program_rows + geometry.block_rows - 1) / geometry.block_rows;
  }
  // First number of the zone's die blocks on its dies.
  u32 first_block(u32 zone) const { return number_of(zone) * blocks; }
};

// The keys' meaning; checks them against each other. 0 or a negative errno with *error.
int read_limits(const nvmev_config& config, ZoneLimits* limits, nvmev_error* error);

}  // namespace nvmev::zns
