// SPDX-License-Identifier: GPL-2.0-only
#include "chunks.h"

namespace nvmev::ocssd {

using nvme::ChunkState;
using nvme::Status;
namespace type = nvme::chunk_type;

namespace {

constexpr u32 kUsualCycles = 1000;

}  // namespace

bool Chunks::init(const Shape& shape, const nvmev_config& config, nvmev_host* host) {
  shape_ = shape;
  rated_ = config.pe_cycles != 0 ? config.pe_cycles : kUsualCycles;
  if (!chunks_.allocate(host, shape.all_chunks()) || !open_in_unit_.allocate(host, shape.all_units())) return false;
  for (Chunk& chunk : chunks_) {
    chunk = {};
    chunk.cnlb = shape.chunk_sectors;
    chunk.state = ChunkState::kFree;
    chunk.type = type::kSequential;
  }
  counts_[slot(ChunkState::kFree)].set(chunks_.size());
  make_bad(config.bad_blocks, config.seed);
  nvmev_error unused;
  parse_chunk_states(config.oc.chunk_state, this,
                     [](void* self, const InitialState& state) { static_cast<Chunks*>(self)->set_initial(state); },
                     &unused);
  return true;
}

void Chunks::make_bad(u32 milli_percent, u64 seed) {
  if (milli_percent == 0) return;
  for (u64 i = 0; i < chunks_.size(); i++) {
    if (flash::mix(seed ^ flash::mix(0x0bad0000ull + i)) % 100000 < milli_percent) set_state(i, ChunkState::kOffline);
  }
}

void Chunks::set_initial(const InitialState& wanted) {
  for (u64 i = 0; i < chunks_.size(); i++) {
    if (!matches(wanted.place, shape_, i)) continue;
    Chunk& chunk = chunks_[i];
    chunk.type = wanted.random ? type::kRandom : type::kSequential;
    set_state(i, wanted.state);
    chunk.wp = 0;
    if (wanted.random || wanted.state == ChunkState::kFree || wanted.state == ChunkState::kOffline) continue;
    // Without a write pointer, a closed chunk is full and an open one has its first write unit.
    chunk.wp = wanted.state == ChunkState::kClosed ? chunk.cnlb : shape_.page_sectors;
    if (wanted.wp < chunk.cnlb) chunk.wp = wanted.wp;
  }
}

void Chunks::set_state(u64 i, ChunkState state) {
  Chunk& chunk = chunks_[i];
  const auto count = [&](u64 by) {
    counts_[slot(chunk.state)].add(by);
    if (chunk.state == ChunkState::kOpen) open_in_unit_[i / shape_.chunks] += static_cast<u32>(by);
  };
  count(~0ull);
  chunk.state = state;
  count(1);
}

void Chunks::format() {
  for (u64 i = 0; i < chunks_.size(); i++) {
    if (chunks_[i].state == ChunkState::kOffline) continue;
    set_state(i, ChunkState::kFree);
    chunks_[i].wp = 0;
    chunks_[i].reset_fails = false;
  }
}

bool Chunks::wear_out(u64 i) {
  Chunk& chunk = chunks_[i];
  chunk.erases++;
  erases_.add(1);
  most_.raise_to(chunk.erases);
  if (index_of(chunk.erases) < 255) return true;
  set_state(i, ChunkState::kOffline);
  return false;
}

bool Chunks::ahead_of_mean(u64 i, u32 threshold) const {
  return wear_index(i) > index_of(erases_.get() / chunks_.size()) + threshold;
}

void Chunks::describe(u64 i, nvme::ChunkDescriptor* descriptor) const {
  const Chunk& chunk = chunks_[i];
  *descriptor = {};
  descriptor->state = static_cast<u8>(chunk.state);
  descriptor->type = chunk.type;
  descriptor->wear_index = wear_index(i);
  descriptor->slba = shape_.address_of(i, 0);
  descriptor->cnlb = chunk.cnlb;
  const bool meaningless = chunk.state == ChunkState::kOffline || chunk.random();
  descriptor->wp = meaningless ? nvme::kNoChunkPointer : chunk.wp;
}

Status Chunks::set(u64 i, const nvme::ChunkDescriptor& wanted, bool check_only) {
  const bool random = wanted.type & type::kRandom;
  const bool resized = wanted.type & type::kResized;
  const u8 known = type::kSequential | type::kRandom | type::kResized;
  const bool one_type = random != ((wanted.type & type::kSequential) != 0);
  if ((wanted.type & ~known) != 0 || !one_type || wanted.slba != shape_.address_of(i, 0)) return Status::kInvalidField;
  if (resized ? wanted.cnlb == 0 || wanted.cnlb > shape_.chunk_sectors : wanted.cnlb != shape_.chunk_sectors) {
    return Status::kInvalidField;
  }
  const bool pointer = !random && wanted.state != static_cast<u8>(ChunkState::kOffline);
  bool fits = !pointer;
  switch (static_cast<ChunkState>(wanted.state)) {
    case ChunkState::kFree:
      fits |= wanted.wp == 0;
      break;
    case ChunkState::kOpen:
      fits |= wanted.wp < wanted.cnlb;
      break;
    case ChunkState::kClosed:
      fits |= wanted.wp <= wanted.cnlb;
      break;
    case ChunkState::kOffline:
      break;
    default:
      return Status::kInvalidField;
  }
  if (!fits) return Status::kInvalidField;
  if (check_only) return Status::kSuccess;
  Chunk& chunk = chunks_[i];
  set_state(i, static_cast<ChunkState>(wanted.state));
  chunk.type = wanted.type;
  chunk.cnlb = static_cast<u32>(wanted.cnlb);
  chunk.wp = pointer ? static_cast<u32>(wanted.wp) : 0;
  // The smallest count with that index.
  const u32 erases = static_cast<u32>((static_cast<u64>(wanted.wear_index) * rated_ + 254) / 255);
  if (wear_index(i) != wanted.wear_index) {
    erases_.add(static_cast<u64>(erases) - chunk.erases);
    chunk.erases = erases;
    most_.raise_to(erases);
  }
  chunk.reset_fails = false;
  return Status::kSuccess;
}

u64 Chunks::hash() const {
  u64 hash = 0xcbf29ce484222325;
  for (const Chunk& chunk : chunks_) {
    const u64 words[] = {static_cast<u64>(chunk.state) | static_cast<u64>(chunk.type) << 8 |
                             static_cast<u64>(chunk.reset_fails) << 16,
                         chunk.wp | static_cast<u64>(chunk.cnlb) << 32, chunk.erases};
    for (const u64 word : words) hash = (hash ^ word) * 0x100000001b3;
  }
  return hash;
}

}  // namespace nvmev::ocssd
