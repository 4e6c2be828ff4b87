// SPDX-License-Identifier: GPL-2.0-only
#include "array.h"

#include "nvmev/text.h"

namespace nvmev::flash {

bool Array::init(const Geometry& geometry, const nvmev_config& config, nvmev_host* host) {
  geometry_ = geometry;
  timing_.set(config);
  multiplane_ = config.nand_multiplane != 0;
  plane_reads_ = config.nand_plane_reads != 0;
  cache_ = config.nand_cache != 0;
  if (!dies_.allocate(host, geometry.dies) || !channels_.allocate(host, geometry.channels) ||
      !busy_.allocate(host, geometry.dies)) {
    return false;
  }
  for (Link& channel : channels_) channel.init(config.channel_bandwidth, config.channel_transfer);
  return true;
}

// A read: command and address on the channel, array time, then the data piece by piece. The page register holds the
// data until the last piece has left; parts with a cache register are free once the array is. Planes that read
// independently of one another serve as many reads at once: each keeps its share of the die busy.
ReadDone Array::read(u32 die_number, u32 row, u32 bytes, u32 planes, u32 tries, u64 ready, Cause cause, Link* onward) {
  Die& die = dies_[die_number];
  Link& link = channel(die_number);
  Die::Place place{};
  if (cause == Cause::kHost) {
    place = die.open_read(ready, timing_.suspend(), floor_);
    if (place.suspended) suspends_.add(1);
  } else {
    const u64 free = die.free_at();
    place.start = free > ready ? free : ready;
  }
  u64 command_end = place.start;
  if (const u64 command = timing_.command(); command != 0) {
    command_end = link.transfer(place.start, 0, command, floor_).end;
  }
  const u64 array = timing_.read(geometry_.page_type(row), bytes) * planes_of(planes) * tries;
  const u64 array_end = command_end + array;
  u64 end = array_end;
  u64 arrived = array_end;
  for (u32 left = bytes; left != 0;) {
    const u32 piece = left < link.piece() ? left : link.piece();
    end = link.transfer(end, piece, 0, floor_).end;
    if (onward != nullptr) arrived = onward->transfer(end, piece, 0, floor_).end;
    left -= piece;
  }
  u64 free = cache_ ? array_end : end;
  if (plane_reads_) free = place.start + (free - place.start) * planes / geometry_.planes;
  if (cause == Cause::kHost) {
    die.close_read(place.start, free);
  } else {
    die.append(place.start, free, Work::kRead, cause, floor_);
  }
  busy_[die_number].add(array);
  reads_.add(1);
  bytes_read_.add(bytes);
  return {onward != nullptr ? arrived : end, place.behind_background};
}

// A program: data over the channel, then array time. Without a cache register the data can come only when the die has
// nothing else to do; with one, as soon as the operation before has begun.
ProgramDone Array::program(u32 die_number, u32 bytes, u32 planes, u64 ready, Cause cause) {
  Die& die = dies_[die_number];
  Link& link = channel(die_number);
  const u64 free = die.free_at();
  const u64 loadable = cache_ ? die.last_start() : free;
  u64 end = loadable > ready ? loadable : ready;
  u64 first = ~0ull;
  u64 overhead = timing_.command();
  for (u32 left = bytes; left != 0;) {
    const u32 piece = left < link.piece() ? left : link.piece();
    const Span moved = link.transfer(end, piece, overhead, floor_);
    overhead = 0;
    if (first == ~0ull) first = moved.start;
    end = moved.end;
    left -= piece;
  }
  const u64 array = timing_.program() * planes_of(planes);
  const u64 start = cache_ ? (end > free ? end : free) : first;
  end = (cache_ ? start : end) + array;
  busy_[die_number].add(array);
  programs_.add(1);
  bytes_programmed_.add(bytes);
  return {end, die.append(start, end, Work::kProgram, cause, floor_)};
}

ProgramDone Array::copyback(u32 die_number, u32 row, u32 rows, u64 ready) {
  Die& die = dies_[die_number];
  const u64 free = die.free_at();
  const u64 start = free > ready ? free : ready;
  const u64 planes = planes_of(geometry_.planes);
  u64 array = timing_.program() * planes;
  for (u32 i = 0; i < rows; i++) array += timing_.read(geometry_.page_type(row + i), ~0u) * planes;
  u64 end = start;
  if (const u64 command = timing_.command(); command != 0) {
    end = channel(die_number).transfer(start, 0, 2 * command, floor_).end;
  }
  end += array;
  busy_[die_number].add(array);
  reads_.add(rows);
  programs_.add(1);
  bytes_read_.add(static_cast<u64>(rows) * geometry_.row_bytes());
  bytes_programmed_.add(static_cast<u64>(rows) * geometry_.row_bytes());
  copybacks_.add(1);
  return {end, die.append(start, end, Work::kProgram, Cause::kBackground, floor_)};
}

u64 Array::erase(u32 die_number, u64 ready) {
  Die& die = dies_[die_number];
  const u64 free = die.free_at();
  const u64 start = free > ready ? free : ready;
  u64 end = start;
  if (const u64 command = timing_.command(); command != 0) {
    end = channel(die_number).transfer(start, 0, command, floor_).end;
  }
  const u64 array = erase_time();
  end += array;
  die.append(start, end, Work::kErase, Cause::kBackground, floor_);
  busy_[die_number].add(array);
  erases_.add(1);
  return end;
}

u64 Array::batch(u32 die_number, Work work, u64 each, u32 count, u64 ready, Cause cause) {
  Die& die = dies_[die_number];
  const u64 free = die.free_at();
  u64 end = free > ready ? free : ready;
  const u32 parts = count < kBatchParts ? count : kBatchParts;
  for (u32 i = 0; i < parts; i++) {
    const u32 operations = count / parts + (i < count % parts ? 1 : 0);
    const u64 start = end;
    u64 begin = start;
    if (const u64 command = timing_.command(); command != 0) {
      begin = channel(die_number).transfer(start, 0, command * operations, floor_).end;
    }
    end = begin + each * operations;
    die.append(start, end, work, cause, floor_);
    busy_[die_number].add(each * operations);
  }
  return end;
}

void Array::report(TextWriter& text, u64 now) const {
  const auto number = [](u64 value) { return static_cast<unsigned long long>(value); };
  text.add("flash_reads %llu\nflash_programs %llu\nflash_erases %llu\n", number(reads_.get()), number(programs_.get()),
           number(erases_.get()));
  text.add("flash_copybacks %llu\nflash_suspends %llu\n", number(copybacks_.get()), number(suspends_.get()));
  const auto permille = [now](u64 busy) { return now / 1000 != 0 ? busy / (now / 1000) : 0; };
  text.add("die_busy_permille");
  for (const Counter& busy : busy_) text.add(" %llu", number(permille(busy.get())));
  text.add("\nchannel_busy_permille");
  for (const Link& link : channels_) text.add(" %llu", number(link.busy_permille(now)));
  text.add("\n");
}

}  // namespace nvmev::flash
