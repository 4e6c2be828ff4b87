// SPDX-License-Identifier: GPL-2.0-only
// How many of what a flash array has.
#pragma once

#include "nvmev/host.h"
#include "nvmev/types.h"

namespace nvmev::flash {

// Bits that a cell stores.
enum class Cell : u8 { kSlc = 1, kMlc = 2, kTlc = 3, kQlc = 4 };
inline constexpr u32 kPageTypes = 4;

// A row is the pages of one number in all planes of a die: what one multi-plane operation reaches. A die block is the
// blocks of one number in all planes of a die.
struct Geometry {
  u32 channels;
  u32 dies;          // of all channels
  u32 planes;        // of a die
  u32 page_bytes;    // of one plane
  u32 program_rows;  // programmed by one operation (one-shot programming of a word line)
  u32 block_rows;    // of a die block; a multiple of program_rows
  u32 full_rows;     // of a die block of the real part; more than block_rows when the device is scaled down
  u32 die_blocks;    // of a die, spare ones included
  Cell cell;
  bool way_first;    // dies are numbered along the channel first, else across the channels

  u32 channel_of(u32 die) const { return way_first ? die / (dies / channels) : die % channels; }
  u32 row_bytes() const { return planes * page_bytes; }

  // Which of a word line's pages a row holds: 0 is the fastest to read. Word lines follow one another.
  u32 page_type(u32 row) const { return row % static_cast<u32>(cell); }

  // Parts of `config` that do not depend on the capacity; block_rows and die_blocks are those of the real part.
  static Geometry of(const nvmev_config& config);
};

// Rated program/erase cycles.
inline u32 rated_cycles(const nvmev_config& config) { return config.pe_cycles != 0 ? config.pe_cycles : 3000; }

// Checks the flash keys against each other. 0 or a negative errno with *error.
int check_flash(const nvmev_config& config, nvmev_error* error);

}  // namespace nvmev::flash
