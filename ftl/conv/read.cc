// SPDX-License-Identifier: GPL-2.0-only
// Reads: of the host, of old data that a write needs, of the map.
#include "conv.h"

namespace nvmev::conv {

// Adds bytes [from, to) of a unit to a read of its row. The code that corrects errors covers 4 KiB, so that is what is
// transferred at least.
void Conv::add_to_row(RowRead& read, u32 physical, u32 from, u32 to) const {
  from = from / kPageSize * kPageSize;
  to = (to + kPageSize - 1) / kPageSize * kPageSize;
  read.row = layout_.by_row.quotient(physical);
  read.bytes += to - from;
  const u32 in_row = (physical - read.row * layout_.row_units) * layout_.unit_bytes;
  const u32 page = layout_.geometry.page_bytes;
  for (u32 plane = (in_row + from) / page; plane <= (in_row + to - 1) / page; plane++) read.planes |= 1ull << plane;
}

Conv::ReadResult Conv::read_row(const RowRead& read, flash::Cause cause, flash::Link* onward) {
  const Layout::Row at = layout_.locate(read.row);
  u32 tries = 1;
  ReadResult result{};
  if (ecc_.enabled()) [[unlikely]] {
    const u64 programmed = blocks_[at.superblock].programmed_at;
    const u64 age = read.ready > programmed ? read.ready - programmed : 0;
    const flash::Ecc::Outcome outcome = ecc_.read(read.row, wear_.erases(at.die, at.block), age);
    tries += outcome.retries;
    statistics_.read_retries.add(outcome.retries);
    if (outcome.uncorrectable) statistics_.uncorrectable_reads.add(1);
    result.uncorrectable = outcome.uncorrectable;
  }
  u32 planes = 0;
  for (u64 left = read.planes; left != 0; left &= left - 1) planes++;
  const flash::ReadDone done = array_.read(at.die, at.row, read.bytes, planes, tries, read.ready, cause, onward);
  result.end = done.end;
  result.behind_collection = done.behind_background;
  return result;
}

Conv::ReadResult Conv::read_unit(u32 physical, u64 at) {
  if (buffer_.holds(layout_.by_stripe.quotient(physical))) return {at};
  RowRead read;
  add_to_row(read, physical, 0, layout_.unit_bytes);
  read.ready = at;
  return read_row(read, flash::Cause::kHost, nullptr);
}

u64 Conv::load_map_page(u32 logical, bool changes, u64 at) {
  const MappingCache::Miss miss = map_cache_.use(logical, changes);
  if (miss.store != kNone) store_map_page(miss.store, at);
  if (miss.load == kNone) return at;
  const u32 physical = map_.find(layout_.logical_units + miss.load);
  if (physical == kNone || frontier(layout_.group_of(layout_.superblock_of(physical)), map_stream_)
                               .filling(physical, layout_.stripe_units)) {
    return at;
  }
  statistics_.map_reads.add(1);
  return read_unit(physical, at).end;
}

IoPlan Conv::read(const IoRequest& request, u64 start) {
  const u64 unit = layout_.unit_bytes;
  const u64 at = start + firmware_.read(request.length);
  const u64 end = request.offset + request.length;
  const u32 first = static_cast<u32>(request.offset / unit);
  const u32 last = static_cast<u32>((end - 1) / unit);
  // Less than what is corrected at once goes over the link when all of it is there.
  flash::Link* onward = request.length >= kPageSize ? &pcie_out_ : nullptr;
  u64 done = at;
  u64 in_memory = 0;
  u64 hits = 0, buffer_hits = 0, unmapped = 0;
  bool behind_collection = false, uncorrectable = false;
  RowRead row;
  const auto read_pending = [&] {
    if (row.row == kNone) return;
    const ReadResult result = read_row(row, flash::Cause::kHost, onward);
    if (result.end > done) done = result.end;
    behind_collection |= result.behind_collection;
    uncorrectable |= result.uncorrectable;
    row = RowRead{};
  };
  for (u32 logical = first; logical <= last; logical++) {
    const u64 unit_start = logical * unit;
    const u32 from = static_cast<u32>(request.offset > unit_start ? request.offset - unit_start : 0);
    const u32 to = static_cast<u32>(end - unit_start < unit ? end - unit_start : unit);
    const u64 known = load_map_entry(logical, false, at);
    const u32 physical = map_.find(logical);
    if (physical == kNone || buffer_.holds(layout_.by_stripe.quotient(physical))) {
      physical == kNone ? unmapped++ : buffer_hits++;
      in_memory += to - from;
      if (known > done) done = known;
      continue;
    }
    hits++;
    if (row.row != layout_.by_row.quotient(physical)) read_pending();
    add_to_row(row, physical, from, to);
    if (known > row.ready) row.ready = known;
  }
  read_pending();
  if (onward == nullptr) in_memory = request.length;
  if (in_memory != 0) {
    const u64 moved = pcie_out_.transfer(onward == nullptr ? done : at, in_memory, 0, last_now_).end;
    if (moved > done) done = moved;
  }
  done += firmware_.transfer(request.length);
  statistics_.host_read_bytes.add(request.length);
  statistics_.flash_hits.add(hits);
  statistics_.buffer_hits.add(buffer_hits);
  statistics_.unmapped_reads.add(unmapped);
  const WaitCause cause = behind_collection ? WaitCause::kCollection : WaitCause::kHost;
  statistics_.reads[static_cast<u32>(cause)].add(done - request.now);
  return {done, uncorrectable ? nvme::Status::kUnrecoveredReadError : nvme::Status::kSuccess};
}

}  // namespace nvmev::conv
