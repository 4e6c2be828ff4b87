// SPDX-License-Identifier: GPL-2.0-only
// What of an open-channel SSD is kept in a state file. Of 2.0: chunks, wear, what the host was not told yet; of 1.2: which sectors
// are written, the tables of bad blocks and of logical blocks; of both, how far injected faults are and counters. It replaces what
// keys (bad_blocks, chunk_state, lbbtable) say of chunks at attach.
#include "nvmev/error.h"
#include "nvmev/state_archive.h"
#include "ocssd12.h"
#include "ocssd20.h"

namespace nvmev::ocssd {

using nvme::ChunkState;
namespace type = nvme::chunk_type;

namespace {

struct SavedChunk {
  u64 programmed;
  u32 wp;
  u32 cnlb;
  u32 erases;
  u8 state;
  u8 type;
  u8 reset_fails;
  u8 notified;
};

bool valid(const SavedChunk& row, u32 chunk_sectors) {
  const u8 order = row.type & (type::kSequential | type::kRandom);
  const bool random = order == type::kRandom;
  const bool one_type = random || order == type::kSequential;
  const bool resized = row.type & type::kResized;
  if (!one_type || (row.type & ~(order | type::kResized)) != 0 || row.cnlb == 0 || row.cnlb > chunk_sectors ||
      (!resized && row.cnlb != chunk_sectors) || row.reset_fails > 1) {
    return false;
  }
  switch (static_cast<ChunkState>(row.state)) {
    case ChunkState::kFree:
      return row.wp == 0;
    case ChunkState::kOpen:
      return random ? row.wp == 0 : row.wp < row.cnlb;
    case ChunkState::kClosed:
    case ChunkState::kOffline:
      return row.wp <= row.cnlb;
  }
  return false;
}

void expect(StateArchive& archive, const Shape& shape) {
  archive.expect("lver", shape.version);
  archive.expect("the number of groups", shape.groups);
  archive.expect("the number of units of a group", shape.units);
  archive.expect("the number of chunks of a unit", shape.chunks);
  archive.expect("the number of sectors of a chunk", shape.chunk_sectors);
  archive.expect("the number of planes", shape.planes);
  archive.expect("the number of sectors of a page", shape.page_sectors);
  archive.expect("the size of a sector", shape.layout.sector_bytes);
  archive.expect("the size of metadata", shape.layout.metadata_bytes);
}

}  // namespace

void Chunks::transfer(StateArchive& archive, u64 now) {
  u64 erases = 0;
  for (u64 i = 0; i < chunks_.size(); i++) {
    Chunk& chunk = chunks_[i];
    SavedChunk row{chunk.programmed, chunk.wp, chunk.cnlb, chunk.erases, static_cast<u8>(chunk.state), chunk.type,
                   chunk.reset_fails, chunk.notified};
    archive.value(row);
    if (!archive.ok()) return;
    if (!archive.loading()) continue;
    if (!valid(row, shape_.chunk_sectors)) {
      return archive.refuse(err::kInvalid, "chunk %llu is none of this device", static_cast<unsigned long long>(i));
    }
    set_state(i, static_cast<ChunkState>(row.state));
    chunk.programmed = row.programmed < now ? row.programmed : now;
    chunk.wp = row.wp;
    chunk.cnlb = row.cnlb;
    chunk.erases = row.erases;
    chunk.type = row.type;
    chunk.reset_fails = row.reset_fails != 0;
    chunk.notified = row.notified;
    erases += row.erases;
  }
  archive.counter(most_);
  if (archive.loading()) erases_.set(erases);
}

void Notifications::transfer(StateArchive& archive) {
  archive.value(ring_);
  archive.value(first_);
  archive.value(count_);
  if (first_ < ring_.size() && count_ <= ring_.size()) return;
  first_ = count_ = 0;
  archive.refuse(err::kInvalid, "it has notifications that are none");
}

void Ocssd20::transfer(StateArchive& archive, u64* now) {
  if (!archive.loading()) *now = nand_.idle_from(*now);
  expect(archive, shape_);
  chunks_.transfer(archive, *now);
  archive.value(random_);
  notifications_.transfer(archive);
  for (Counter* counter : {&written_, &read_, &copied_, &resets_}) archive.counter(*counter);
  if (!archive.loading()) return;
  run_clock_.begin(*now);
}

void Ocssd12::transfer(StateArchive& archive, u64* now) {
  if (!archive.loading()) *now = nand_.idle_from(*now);
  expect(archive, shape_);
  archive.array("the number of sectors", written_);
  archive.array("the number of blocks", types_);
  archive.array("the number of logical blocks", map_);
  archive.value(until_failure_);
  archive.value(failures_left_);
  for (Counter* counter : {&sectors_written_, &sectors_read_, &erases_}) archive.counter(*counter);
  if (!archive.loading() || !archive.ok()) return;
  run_clock_.begin(*now);
  for (const u8 block : types_) {
    if (!is_block_type(block)) return archive.refuse(err::kInvalid, "a block is of type %u", block);
  }
  for (const u32 place : map_) {
    if (place > shape_.layout.sectors) return archive.refuse(err::kInvalid, "a logical block is in sector %u", place - 1);
  }
  // The keys may be others by now.
  if (until_failure_ > config_.write_errors_after) until_failure_ = config_.write_errors_after;
  if (failures_left_ > config_.write_errors) failures_left_ = config_.write_errors;
}

}  // namespace nvmev::ocssd
