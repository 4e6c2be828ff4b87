// SPDX-License-Identifier: GPL-2.0-only
// Garbage collection and static wear levelling: superblocks are emptied row by row, then erased.
#include "conv.h"

namespace nvmev::conv {
namespace {

// Static wear levelling is looked at once in so many collections.
constexpr u32 kWearInterval = 16;

// In idle time a superblock is worth collecting if at least this part of it is gained: else the writes that it takes
// cost more than they are worth later.
constexpr u32 kIdleGain = 16;

// Rows that are collected at a time: a large drive has gigabytes to move after a pause.
constexpr u32 kIdleRows = 1024;

}  // namespace

u32 Conv::choose_victim(u32 group) {
  VictimView view{blocks_, group, clock_.get(), victim_choices_, random_};
  return victim_policy_->pick(view);
}

// A superblock whose data have stayed while others were erased often, if the difference is too large.
u32 Conv::wear_victim(u32 group) {
  if (wear_threshold_ == 0 || ++wear_countdown_ % kWearInterval != 0) return kNone;
  const u32 least = blocks_.least_worn_closed(group);
  if (least == kNone || wear_.largest() < blocks_[least].erases + wear_threshold_) return kNone;
  return least;
}

// False if there is no room for what it would move.
bool Conv::begin_collection(u32 group, u32 victim, bool for_wear) {
  const Superblock& block = blocks_[victim];
  Collector& collector = collectors_[group];
  u32 stream;
  if (collector_streams_ == 0) {
    stream = isolation_ ? block.handle * separation_->host_streams : 0;
  } else {
    stream = host_streams_ + separation_->of_victim(block) +
             (isolation_ ? block.handle * separation_->collector_streams : 0);
  }
  const Frontier& to = frontier(group, stream);
  const u32 room = to.superblock != kNone ? to.end - to.next : 0;
  if (block.valid > room + blocks_.free_units(group)) return false;
  blocks_.collect(victim);
  const u64 host_units = collector.host_units;
  collector = Collector{};
  collector.host_units = host_units;
  collector.victim = victim;
  collector.row = victim * (layout_.superblock_units / layout_.row_units);
  collector.end_row = collector.row + block.capacity / layout_.row_units;
  collector.to_move = block.valid;
  collector.gain = block.invalid();
  collector.stream = stream;
  collector.for_wear = for_wear;
  return true;
}

void Conv::prefetch_row(u32 row) const {
  const u32 first = row * layout_.row_units;
  for (u64 bits = row_bits(row); bits != 0; bits &= bits - 1) {
    map_.prefetch_owner(first + static_cast<u32>(__builtin_ctzll(bits)));
  }
}

// The frontier that a collection appends to takes a unit now, from the reserve if need be.
bool Conv::prepare_frontier(Collector& collector, Frontier& to, u64 at) {
  if (to.superblock == kNone) {
    const u32 superblock = blocks_.take_free(to.group, collector.for_wear);
    if (superblock == kNone) return false;
    const Superblock& victim = blocks_[collector.victim];
    begin_superblock(to, superblock, isolation_ ? victim.handle : 0, victim.generation + 1u, at);
  }
  if (to.stripe == kNone) begin_stripe(to);
  return true;
}

void Conv::move_units(Collector& collector, Frontier& to, u32 row, u64 bits, u64 ready) {
  const u32 first = row * layout_.row_units;
  u32 moved = 0, placed = 0;
  for (; bits != 0; bits &= bits - 1) {
    const u32 from = first + static_cast<u32>(__builtin_ctzll(bits));
    const u32 logical = map_.owner(from);
    if (to.stripe == kNone && !prepare_frontier(collector, to, ready)) break;
    map_.move(logical, from, to.next++);
    if (map_cache_.enabled() && logical < layout_.logical_units) map_cache_.collected(logical);
    moved++;
    placed++;
    if (to.ready < ready) to.ready = ready;
    if (--to.stripe_left != 0) continue;
    blocks_.add_valid(to.superblock, placed);
    placed = 0;
    const flash::ProgramDone done = program_stripe(to, flash::Cause::kBackground);
    if (done.end > collector.ready) collector.ready = done.end;
  }
  if (placed != 0) blocks_.add_valid(to.superblock, placed);
  blocks_.drain(collector.victim, moved);
  collector.moved += moved;
  statistics_.collected_units.add(moved);
}

// A stripe unit that is wholly valid moves within its die without its data leaving it.
bool Conv::copy_back(Collector& collector, Frontier& to, u64 at) {
  const u32 rows = layout_.geometry.program_rows;
  if (collector.row % rows != 0 || collector.row + rows > collector.end_row) return false;
  const u64 all = layout_.row_units == 64 ? ~0ull : (1ull << layout_.row_units) - 1;
  for (u32 i = 0; i < rows; i++) {
    if (row_bits(collector.row + i) != all) return false;
  }
  if (!prepare_frontier(collector, to, at) || to.stripe_left != layout_.stripe_units) return false;
  const u32 first = collector.row * layout_.row_units;
  for (u32 i = 0; i < layout_.stripe_units; i++) {
    const u32 logical = map_.owner(first + i);
    map_.move(logical, first + i, to.next++);
    if (map_cache_.enabled() && logical < layout_.logical_units) map_cache_.collected(logical);
  }
  blocks_.add_valid(to.superblock, layout_.stripe_units);
  blocks_.drain(collector.victim, layout_.stripe_units);
  const Layout::Row from = layout_.locate(collector.row);
  const flash::ProgramDone done = array_.copyback(from.die, from.row, rows, at);
  if (done.end > collector.ready) collector.ready = done.end;
  clock_.add(layout_.stripe_units);
  to.stripe = kNone;
  to.stripe_left = 0;
  if (to.next == to.end) close_superblock(to);
  collector.row += rows;
  collector.moved += layout_.stripe_units;
  statistics_.collected_units.add(layout_.stripe_units);
  return true;
}

void Conv::collect_row(u32 group, u64 at) {
  Collector& collector = collectors_[group];
  u64 bits = 0;
  while (collector.row < collector.end_row && (bits = row_bits(collector.row)) == 0) collector.row++;
  if (collector.row == collector.end_row) {
    end_collection(group, at);
    return;
  }
  Frontier& to = frontier(group, collector.stream);
  if (copyback_ && copy_back(collector, to, at)) return;
  if (collector.row + 1 < collector.end_row) prefetch_row(collector.row + 1);
  RowRead read;
  const u32 first = collector.row * layout_.row_units;
  for (u64 left = bits; left != 0; left &= left - 1) {
    add_to_row(read, first + static_cast<u32>(__builtin_ctzll(left)), 0, layout_.unit_bytes);
  }
  read.ready = at;
  const ReadResult result = read_row(read, flash::Cause::kBackground, nullptr);
  statistics_.collected_reads.add(1);
  move_units(collector, to, collector.row, bits, result.end);
  collector.row++;
}

// Data of the last stripe unit may still be in the controller's memory; the erase does not wait for them.
void Conv::end_collection(u32 group, u64 at) {
  Collector& collector = collectors_[group];
  const u32 victim = collector.victim;
  const u32 block = victim - group * layout_.group_superblocks;
  const u64 ready = collector.ready > at ? collector.ready : at;
  bool usable = true;
  for (u32 i = 0; i < layout_.group_dies; i++) {
    const u32 die = group * layout_.group_dies + i;
    array_.erase(die, ready);
    usable &= wear_.erase(die, block);
  }
  statistics_.erased_units.add(blocks_[victim].capacity);
  statistics_.collections.add(1);
  if (collector.for_wear) statistics_.wear_collections.add(1);
  if (handles_ != 0 && collector.moved != 0) {
    events_.add({PlacementEvent::Kind::kMediaReallocated, blocks_[victim].handle, ready,
                 static_cast<u64>(collector.moved) * layout_.unit_bytes / 512});
  }
  blocks_.set_wear(victim, blocks_[victim].erases + 1);
  if (usable) {
    blocks_.free(victim);
  } else {
    blocks_.retire(victim);
  }
  collector.victim = kNone;
  collector.host_units -= collector.host_units < collector.gain ? collector.host_units : collector.gain;
}

// Collects one superblock to the end. False if there is nothing to gain.
bool Conv::collect_now(u32 group, u64 at) {
  Collector& collector = collectors_[group];
  if (collector.victim == kNone) {
    const u32 victim = choose_victim(group);
    if (victim == kNone || blocks_[victim].invalid() == 0 || !begin_collection(group, victim, false)) return false;
  }
  while (collector.victim != kNone) collect_row(group, at);
  return true;
}

// Collection keeps pace with the host: while it writes as many units as a collection gains, all that the collection has
// to move is moved. So a superblock is free by the time that one is needed, and the load on the dies is even.
void Conv::keep_pace(u32 group, u32 units, u64 at) {
  Collector& collector = collectors_[group];
  collector.host_units += units;
  while (true) {
    if (collector.victim == kNone) {
      u32 victim = wear_victim(group);
      const bool for_wear = victim != kNone && may_take_free(group);
      if (!for_wear) victim = short_of_space(group) ? choose_victim(group) : kNone;
      if (victim == kNone || (!for_wear && blocks_[victim].invalid() == 0) ||
          !begin_collection(group, victim, for_wear)) {
        collector.host_units = 0;
        return;
      }
    }
    const u64 due = collector.gain != 0 && !collector.for_wear
                        ? collector.host_units * collector.to_move / collector.gain
                        : collector.host_units;
    if (collector.moved >= due && collector.moved < collector.to_move) return;
    collect_row(group, at);
  }
}

// What a drive does while nobody wants anything of it: from `idle_delay_` after the last command to the next one.
bool Conv::collect_in_idle_time(u64 now) {
  if (idle_below_ == 0) return true;
  const u64 start = (last_done_ > last_now_ ? last_done_ : last_now_) + idle_delay_;
  if (now <= start) return true;
  u32 rows = 0;
  for (u32 group = 0; group < layout_.groups; group++) {
    Collector& collector = collectors_[group];
    while (true) {
      if (collector.victim == kNone) {
        if (blocks_.free_count(group) >= idle_below_) break;
        const u32 victim = choose_victim(group);
        if (victim == kNone || blocks_[victim].invalid() < blocks_[victim].capacity / kIdleGain ||
            !begin_collection(group, victim, false)) {
          break;
        }
        statistics_.background_collections.add(1);
      }
      // The die has no time left before the command.
      const u32 row = collector.row < collector.end_row ? collector.row : collector.end_row - 1;
      if (array_.die_free_at(layout_.locate(row).die) >= now) break;
      if (rows++ == kIdleRows) return false;
      collect_row(group, start);
    }
  }
  return true;
}

}  // namespace nvmev::conv
