// SPDX-License-Identifier: GPL-2.0-only
// Writes: where data go, and their way through the write buffer into flash.
#include "zns.h"

namespace nvmev::zns {

using nvme::Status;

// ---- The write buffer --------------------------------------------------------------------------------------------

void Zns::take_buffer(u32 zone) {
  Flow& flow = flows_[zone];
  if (flow.buffer != kNone) return;
  if (!own_buffers_) {
    flow.buffer = 0;
  } else if (free_count_ != 0) {
    flow.buffer = free_buffers_[--free_count_];
  } else {
    flow.buffer = zone % buffers_.count();  // more active zones than buffers: zones share them
  }
}

// The next zone to get the buffer finds in it what is still being programmed.
void Zns::release_buffer(u32 zone) {
  Flow& flow = flows_[zone];
  if (flow.buffer == kNone) return;
  if (own_buffers_ && free_count_ < free_buffers_.size()) {
    bool shared = false;
    if (buffers_.count() < limits().zones && limits().max_active == 0) {
      for (u32 other = 0; other < flows_.size() && !shared; other++) {
        shared = other != zone && flows_[other].buffer == flow.buffer;
      }
    }
    if (!shared) free_buffers_[free_count_++] = flow.buffer;
  }
  flow.buffer = kNone;
}

u64 Zns::buffered_bytes() const {
  u64 sum = 0;
  for (u32 i = 0; i < buffers_.count(); i++) sum += buffers_.used(i);
  return sum;
}

// Programs the unit that is being filled; the rest of it, if any, is padding.
u64 Zns::program_unit(u32 zone, flash::Cause cause) {
  Flow& flow = flows_[zone];
  const Layout::Place place = layout_.locate(zone, flow.units);
  const flash::ProgramDone done =
      array_.program(place.die, layout_.unit_bytes, layout_.geometry.planes, flow.ready, cause);
  buffers_.program(array_, flow.buffer, flow.filled, place.die, done, last_now_);
  RecentPrograms& recent = recent_[place.die];
  recent.last[recent.next] = {place.line, done.end};
  recent.next = (recent.next + 1) % kRecent;
  if (flow.units == 0) flow.programmed_at = done.end;
  flow.units++;
  flow.filled = 0;
  return done.end;
}

Zns::Streamed Zns::stream(u32 zone, u64 bytes, u64 at, bool over_link, flash::Cause cause) {
  take_buffer(zone);
  Flow& flow = flows_[zone];
  Streamed result{at, at};
  while (bytes != 0) {
    const u32 room = layout_.unit_bytes - flow.filled;
    const u32 piece = bytes < room ? static_cast<u32>(bytes) : room;
    const u64 admitted = buffers_.admit(array_, flow.buffer, piece, at, last_now_);
    const u64 arrived = over_link ? pcie_in_.transfer(admitted, piece, 0, last_now_).end : admitted;
    if (arrived > result.arrived) result.arrived = arrived;
    if (arrived > flow.ready) flow.ready = arrived;
    flow.filled += piece;
    bytes -= piece;
    // The last unit of a zone may hold less than others.
    const u64 position = static_cast<u64>(flow.units) * layout_.unit_bytes + flow.filled;
    if (flow.filled == layout_.unit_bytes || position == limits().zone_capacity) {
      const u64 end = program_unit(zone, cause);
      if (end > result.programmed) result.programmed = end;
    }
  }
  return result;
}

// ---- Random write areas ------------------------------------------------------------------------------------------

// The write pointer moves to `to` (relative to the zone): what lies below it goes on into flash.
u64 Zns::commit_zrwa(Zone& zone, u64 to, u64 high, u64 at, flash::Cause cause) {
  const Streamed streamed = stream(index(zone), to - zone.write_pointer, at, false, cause);
  statistics_.zrwa_flushes.add(1);
  table_.move_write_pointer(zone, to, high, last_now_);
  if (!is_active(zone.state)) release_buffer(index(zone));
  return early_completion_ ? streamed.arrived : streamed.programmed;
}

// ---- The command -------------------------------------------------------------------------------------------------

ZoneAnswer Zns::find_place(ZoneWrite& write) {
  Zone& zone = table_[zone_of(write.offset)];
  if (zone.reset.load(std::memory_order_acquire) != 0) return {Status::kSuccess, true};
  const u64 start = start_of(index(zone));
  u64 begin = write.offset - start;
  if (write.kind == ZoneWrite::Kind::kAppend) {
    // A zone with a random write area has no single place to append to (section 3.4.1).
    if (table_.has_zrwa(zone)) {
      statistics_.refused_writes.add(1);
      return {Status::kInvalidZoneOperation};
    }
    begin = zone.write_pointer;
  }
  const Status status = table_.check_write(zone, begin, write.length);
  if (status == Status::kSuccess) {
    write.offset = start + begin;
  } else {
    statistics_.refused_writes.add(1);
  }
  return {status};
}

ZoneAnswer Zns::write(u64 now, ZoneWrite& write, u64* done) {
  const u64 at = begin(now);
  const ZoneAnswer answer = find_place(write);
  if (answer.wait || answer.status != Status::kSuccess) return answer;
  Zone& zone = table_[zone_of(write.offset)];
  const u64 first = write.offset - start_of(index(zone));
  const u64 last = first + write.length;
  write.gap = first > zone.high ? first - zone.high : 0;
  if (!is_open(zone.state)) table_.open(zone, nvme::ZoneState::kImplicitlyOpen, last_now_);
  const bool zeroes = write.kind == ZoneWrite::Kind::kZeroes;
  const u64 ready = at + firmware_.write(zeroes ? 0 : write.length);
  if (table_.has_zrwa(zone)) {
    *done = zeroes ? ready : pcie_in_.transfer(ready, write.length, 0, last_now_).end;
    const u64 high = last > zone.high ? last : zone.high;
    u64 to = zone.write_pointer;
    if (last > to + limits().zrwa_bytes) {
      const u64 granularity = limits().zrwa_granularity;
      to += (last - to - limits().zrwa_bytes + granularity - 1) / granularity * granularity;
    }
    if (to != zone.write_pointer) {
      const u64 flushed = commit_zrwa(zone, to, high, ready, flash::Cause::kHost);
      if (flushed > *done) *done = flushed;
    } else {
      table_.move_write_pointer(zone, to, high, last_now_);
    }
  } else {
    const Streamed streamed = stream(index(zone), write.length, ready, !zeroes, flash::Cause::kHost);
    *done = early_completion_ || streamed.programmed < streamed.arrived ? streamed.arrived : streamed.programmed;
    table_.move_write_pointer(zone, last, last, last_now_);
    if (!is_active(zone.state)) release_buffer(index(zone));
  }
  zone.unsettled.fetch_add(1, std::memory_order_relaxed);
  if (write.kind == ZoneWrite::Kind::kAppend) statistics_.appends.add(1);
  statistics_.host_written_bytes.add(write.length);
  return answer;
}

}  // namespace nvmev::zns
