// SPDX-License-Identifier: GPL-2.0-only
// Reads: from the buffers, from flash, and of what was never written.
#include "zns.h"

namespace nvmev::zns {

using nvme::Status;

// Whether a program unit that was given to its die is still to be found in the buffer.
bool Zns::in_buffer(u32 zone, u32 unit, u64 at) const {
  const Layout::Place place = layout_.locate(zone, unit);
  for (const Recent& recent : recent_[place.die].last) {
    if (recent.line == place.line && recent.end > at) return true;
  }
  return false;
}

// Reads bytes [begin, end) of a zone.
Zns::ReadResult Zns::read_zone(u32 zone, u64 begin, u64 end, u64 at, flash::Link* onward) {
  const Flow& flow = flows_[zone];
  const u64 in_flash = static_cast<u64>(flow.units) * layout_.unit_bytes;
  const u64 written = table_[zone].high;
  ReadResult result{at};
  u64 in_memory = 0;
  for (u64 position = begin; position < end;) {
    const u64 row_end = (position / layout_.row_bytes + 1) * layout_.row_bytes;
    const u64 to = row_end < end ? row_end : end;
    const u64 bytes = to - position;
    const u32 unit = static_cast<u32>(position / layout_.unit_bytes);
    if (position >= written) {
      in_memory += bytes;
      statistics_.unwritten_read_bytes.add(bytes);
    } else if (position >= in_flash || in_buffer(zone, unit, at)) {
      in_memory += bytes;
      statistics_.buffered_read_bytes.add(bytes);
    } else {
      // The code that corrects errors covers 4 KiB: as much is transferred at least.
      const u32 in_row = static_cast<u32>(position % layout_.row_bytes);
      const u32 from = in_row / kPageSize * kPageSize;
      const u32 until = static_cast<u32>((in_row + bytes + kPageSize - 1) / kPageSize * kPageSize);
      const u32 page = layout_.geometry.page_bytes;
      const u32 planes = (until - 1) / page - from / page + 1;
      const Layout::Place place = layout_.locate(zone, unit);
      const u32 row = place.row + static_cast<u32>(position % layout_.unit_bytes) / layout_.row_bytes;
      u32 tries = 1;
      if (ecc_.enabled()) {
        const u32 block = layout_.first_block(zone) + (unit / layout_.width) * layout_.geometry.program_rows /
                                                          layout_.geometry.block_rows;
        const u64 age = at > flow.programmed_at ? at - flow.programmed_at : 0;
        const u64 name = static_cast<u64>(place.die) << 32 | row;
        const flash::Ecc::Outcome outcome = ecc_.read(name, wear_.erases(place.die, block), age);
        tries += outcome.retries;
        statistics_.read_retries.add(outcome.retries);
        if (outcome.uncorrectable) statistics_.uncorrectable_reads.add(1);
        result.uncorrectable |= outcome.uncorrectable;
      }
      const flash::ReadDone done =
          array_.read(place.die, row, until - from, planes, tries, at, flash::Cause::kHost, onward);
      if (done.end > result.end) result.end = done.end;
      statistics_.flash_read_rows.add(1);
    }
    position = to;
  }
  if (onward != nullptr && in_memory != 0) {
    const u64 moved = onward->transfer(at, in_memory, 0, last_now_).end;
    if (moved > result.end) result.end = moved;
  }
  return result;
}

IoPlan Zns::read(u64 now, u64 offset, u64 length, bool unwritten_fails) {
  const u64 start = begin(now);
  const u64 end = offset + length;
  const u32 first = zone_of(offset), last = zone_of(end - 1);
  if (first != last && !limits().read_across) return {now, Status::kZoneBoundaryError};
  for (u32 zone = first; zone <= last; zone++) {
    if (table_[zone].state == nvme::ZoneState::kOffline) return {now, Status::kZoneIsOffline};
    const u64 zone_end = end - start_of(zone) < limits().zone_bytes ? end - start_of(zone) : limits().zone_bytes;
    if (unwritten_fails && zone_end > table_[zone].high) return {now, Status::kUnwrittenBlock};
  }
  const u64 at = start + firmware_.read(length);
  // Less than what is corrected at once goes over the link when all of it is there.
  flash::Link* onward = length >= kPageSize ? &pcie_out_ : nullptr;
  ReadResult all{at};
  for (u32 zone = first; zone <= last; zone++) {
    const u64 zone_start = start_of(zone);
    const u64 from = offset > zone_start ? offset - zone_start : 0;
    const u64 to = end - zone_start < limits().zone_bytes ? end - zone_start : limits().zone_bytes;
    const ReadResult part = read_zone(zone, from, to, at, onward);
    if (part.end > all.end) all.end = part.end;
    all.uncorrectable |= part.uncorrectable;
  }
  if (onward == nullptr) all.end = pcie_out_.transfer(all.end, length, 0, last_now_).end;
  statistics_.host_read_bytes.add(length);
  return finished(now, all.end + firmware_.transfer(length),
                  all.uncorrectable ? Status::kUnrecoveredReadError : Status::kSuccess);
}

}  // namespace nvmev::zns
