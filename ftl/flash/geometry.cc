// SPDX-License-Identifier: GPL-2.0-only
#include "geometry.h"

#include "nvmev/error.h"
#include "nvmev/text.h"

namespace nvmev::flash {

Geometry Geometry::of(const nvmev_config& config) {
  Geometry geometry{};
  geometry.channels = config.channels;
  geometry.dies = config.channels * config.dies_per_channel;
  geometry.planes = config.planes;
  geometry.page_bytes = config.page_size;
  geometry.program_rows = config.program_pages;
  geometry.block_rows = config.pages_per_block;
  geometry.full_rows = config.pages_per_block;
  geometry.die_blocks = config.blocks_per_plane;
  geometry.cell = static_cast<Cell>(config.cell);
  geometry.way_first = config.stripe == NVMEV_STRIPE_WAY;
  return geometry;
}

int check_flash(const nvmev_config& config, nvmev_error* error) {
  if (config.pages_per_block % config.program_pages != 0) {
    return fail(error, err::kInvalid, "pages_per_block=%u: a multiple of program_pages=%u is right",
                config.pages_per_block, config.program_pages);
  }
  if (config.channels * config.dies_per_channel > NVMEV_MAX_DIES) {
    return fail(error, err::kRange, "channels=%u with dies_per_channel=%u: at most %u dies is right", config.channels,
                config.dies_per_channel, NVMEV_MAX_DIES);
  }
  return 0;
}

}  // namespace nvmev::flash
