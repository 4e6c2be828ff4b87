// SPDX-License-Identifier: GPL-2.0-only
// Faults and chunk states that the configuration describes: entries with `+` between, of fields with `/` between.
#pragma once

#include <array>

#include "../flash/random.h"
#include "nvmev/host.h"
#include "shape.h"

namespace nvmev::ocssd {

inline constexpr u32 kAnyPlace = ~0u;

// A number, or `*`.
struct Place {
  u32 group, unit, chunk, sector;
};

struct Fault {
  Place place;
  u32 percent;
  bool next;  // the write unit is lost, and the chunk goes on behind it
};

class Faults {
 public:
  // Of a text `group/unit/chunk[/sector]/percent[/next]`. 0 or -EINVAL with *error.
  int parse(const char* key, const char* text, bool with_sector, nvmev_error* error);

  bool any() const { return count_ != 0; }

  // The fault that hits sector `offset` of a chunk now; nullptr: none.
  const Fault* hit(const Shape& shape, u64 chunk, u32 offset, flash::Random& random) const;

 private:
  std::array<Fault, 16> faults_;
  u32 count_ = 0;
};

// What `chunk_state` says of chunks at attach: `group/unit/chunk/state[/wp][/random]`.
struct InitialState {
  Place place;
  nvme::ChunkState state;
  u32 wp;  // kAnyPlace: not given
  bool random;
};

// Calls `with(state)` for each entry. 0 or -EINVAL with *error.
int parse_chunk_states(const char* text, void* context, void (*with)(void* context, const InitialState&),
                       nvmev_error* error);

// What `lbbtable` says of blocks at attach: `channel/LUN/block/plane/type`, the plane as the sector.
struct InitialBlocks {
  Place place;
  u8 type;  // nvme::block_type
};

// The same.
int parse_block_types(const char* text, void* context, void (*with)(void* context, const InitialBlocks&),
                      nvmev_error* error);

inline bool matches(const Place& place, const Shape& shape, u64 chunk) {
  const u64 unit = chunk / shape.chunks;
  const auto is = [](u32 wanted, u64 value) { return wanted == kAnyPlace || wanted == value; };
  return is(place.group, unit / shape.units) && is(place.unit, unit % shape.units) &&
         is(place.chunk, chunk % shape.chunks);
}

}  // namespace nvmev::ocssd
