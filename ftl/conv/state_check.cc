// SPDX-License-Identifier: GPL-2.0-only
// What was read from a state file must be a state that this FTL can be in: whatever is not is refused with its name. Takes time for each
// mapped unit, and some more for each physical one.
#include "../flash/marks.h"
#include "conv.h"
#include "nvmev/error.h"
#include "nvmev/state_archive.h"

namespace nvmev::conv {

namespace {

// Nothing that was begun before a save ends so much later: 2 years, of 65536 commands that take 1000 s each. ns.
constexpr u64 kLongest = 1ull << 56;

unsigned long long number(u64 value) { return value; }

u32 bits_set(u64 word) {
  word -= word >> 1 & 0x5555555555555555;
  word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
  return static_cast<u32>(((word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f) * 0x0101010101010101 >> 56);
}

}  // namespace

// ---- The map -----------------------------------------------------------------------------------------------------

u32 Map::count_valid(u32 first, u32 end) const {
  u32 count = 0;
  for (; first < end; first += end - first < 64 ? end - first : 64) {
    count += bits_set(valid_bits(first, end - first < 64 ? end - first : 64));
  }
  return count;
}

void Map::check_unit(StateArchive& archive, u64 logical, u32 place, u32 physical) const {
  if (logical >= logical_) {
    archive.refuse(err::kInvalid, "logical unit %llu of %u is mapped", number(logical), logical_);
  } else if (place >= physical) {
    archive.refuse(err::kInvalid, "logical unit %llu lies in unit %u of %u", number(logical), place, physical);
  } else if (!valid(place)) {
    archive.refuse(err::kInvalid, "logical unit %llu lies in unit %u, which is not valid", number(logical), place);
  } else if (owners_.get(place) != logical / kFamily || owner(place) != logical) {
    archive.refuse(err::kInvalid, "logical unit %llu lies in unit %u, which is another's", number(logical), place);
  }
}

// Units whose places name them back have a place each.
void Map::check(StateArchive& archive, u32 physical) const {
  u64 mapped = 0;
  for (u64 chunk = 0; chunk < in_chunk_.size(); chunk++) {
    const u64 first = chunk * kChunk;
    u32 here = 0;
    if (in_chunk_[chunk] != 0 || !places_.all_zero(first, kChunk)) {
      for (u64 logical = first; logical < first + kChunk; logical++) {
        const u32 place = find(static_cast<u32>(logical));
        if (place == kNone) continue;
        here++;
        check_unit(archive, logical, place, physical);
        if (!archive.ok()) return;
      }
    }
    if (here != in_chunk_[chunk]) {
      return archive.refuse(err::kInvalid, "of logical units %llu to %llu %u are mapped, and %u counted", number(first),
                            number(first + kChunk), here, in_chunk_[chunk]);
    }
    mapped += here;
  }
  u64 valid = 0;
  for (const u64 word : valid_) valid += bits_set(word);
  if (mapped != mapped_.get() || mapped != valid) {
    archive.refuse(err::kInvalid, "%llu logical units are mapped, %llu units valid, and %llu counted", number(mapped),
                   number(valid), number(mapped_.get()));
  }
}

// ---- Superblocks -------------------------------------------------------------------------------------------------

void Superblocks::check_one(StateArchive& archive, u32 i, const Map& map, u32 handles, u64 clock) const {
  const Superblock& block = all_[i];
  const u32 first = i * layout_->superblock_units;
  const bool empty = block.state == SuperblockState::kFree || block.state == SuperblockState::kRetired;
  if (block.state > SuperblockState::kRetired || block.capacity != layout_->superblock_capacity(i) ||
      block.group != layout_->group_of(i) || block.handle >= (handles != 0 ? handles : 1) || block.closed_at > clock) {
    archive.refuse(err::kInvalid, "superblock %u is none of this device", i);
  } else if (const u32 valid = map.count_valid(first, first + layout_->superblock_units);
             valid != block.valid || valid > block.capacity || (empty && valid != 0) ||
             valid != map.count_valid(first, first + block.capacity)) {
    archive.refuse(err::kInvalid, "superblock %u of state %u and %u units has %u valid ones, and %u are counted", i,
                   static_cast<u32>(block.state), block.capacity, valid, block.valid);
  }
}

// The closed ones in order of closing, and those of each number of invalid units.
void Superblocks::check_closed(StateArchive& archive, u32 index) {
  const Group& group = groups_[index];
  const auto listed = [&](u32 i) {
    return i < all_.size() && all_[i].group == index && all_[i].state == SuperblockState::kClosed;
  };
  u32 count = 0;
  u32 previous = kNone;
  for (u32 i = group.oldest; i != kNone; previous = i, i = all_[i].newer, count++) {
    if (listed(i) && all_[i].older == previous && count < group.closed) continue;
    return archive.refuse(err::kInvalid, "group %u lists superblock %u as a closed one", index, i);
  }
  if (previous != group.newest || count != group.closed) {
    return archive.refuse(err::kInvalid, "group %u lists %u closed superblocks of %u", index, count, group.closed);
  }
  count = 0;
  for (u32 invalid = 0; invalid <= layout_->superblock_units; invalid++) {
    previous = kNone;
    for (u32 i = head(index, invalid) - 1; i != kNone; previous = i, i = all_[i].same_next, count++) {
      if (listed(i) && all_[i].same_prev == previous && all_[i].invalid() == invalid && invalid <= group.most_invalid &&
          count < group.closed) {
        continue;
      }
      return archive.refuse(err::kInvalid, "group %u lists superblock %u as one with %u invalid units", index, i, invalid);
    }
  }
  if (count != group.closed || group.most_invalid > layout_->superblock_units) {
    archive.refuse(err::kInvalid, "group %u lists %u superblocks of %u by their invalid units", index, count, group.closed);
  }
}

void Superblocks::check_free(StateArchive& archive, u32 index, flash::Marks& seen) {
  const Group& group = groups_[index];
  if (group.free > layout_->group_superblocks) {
    return archive.refuse(err::kInvalid, "group %u has %u free superblocks of %u", index, group.free,
                          layout_->group_superblocks);
  }
  u64 units = 0;
  const u32* entries = heap(index);
  for (u32 at = 0; at < group.free; at++) {
    const u32 i = entries[at];
    if (i >= all_.size() || all_[i].group != index || all_[i].state != SuperblockState::kFree || all_[i].capacity == 0 ||
        !seen.mark(i) || (at != 0 && before(i, entries[(at - 1) / 2]))) {
      return archive.refuse(err::kInvalid, "group %u lists superblock %u as a free one", index, i);
    }
    units += all_[i].capacity;
  }
  if (units != group.free_units) {
    archive.refuse(err::kInvalid, "the free superblocks of group %u have %llu units, and %llu are counted", index,
                   number(units), number(group.free_units));
  }
}

void Superblocks::check(StateArchive& archive, nvmev_host* host, const Map& map, u32 handles, u64 clock) {
  flash::Marks seen;
  if (!seen.allocate(host, all_.size())) return archive.refuse(err::kNoMemory, "no memory to look at its superblocks");
  for (u32 i = 0; i < count() && archive.ok(); i++) check_one(archive, i, map, handles, clock);
  for (u32 index = 0; index < groups_.size() && archive.ok(); index++) {
    const Group& group = groups_[index];
    u32 free = 0, closed = 0;
    u64 valid = 0, capacity = 0;
    for (u32 i = index * layout_->group_superblocks; i < (index + 1) * layout_->group_superblocks; i++) {
      const Superblock& block = all_[i];
      free += block.state == SuperblockState::kFree && block.capacity != 0;
      closed += block.state == SuperblockState::kClosed;
      valid += block.valid;
      if (block.state != SuperblockState::kRetired) capacity += block.capacity;
    }
    if (free != group.free || closed != group.closed || valid != group.valid || capacity != group.capacity) {
      return archive.refuse(err::kInvalid, "the counts of group %u do not agree with its superblocks", index);
    }
    check_closed(archive, index);
    if (archive.ok()) check_free(archive, index, seen);
  }
}

// ---- The mapping cache -------------------------------------------------------------------------------------------

void MappingCache::check(StateArchive& archive) const {
  const auto refuse = [&](u32 entry) { archive.refuse(err::kInvalid, "entry %u of its mapping cache is none", entry); };
  if (filled_ > entries_.size()) return refuse(filled_);
  u32 count = 0;
  u32 previous = kNone;
  for (u32 i = oldest_; i != kNone; previous = i, i = entries_[i].younger, count++) {
    if (i >= filled_ || count == filled_) return refuse(i);
    const Entry& entry = entries_[i];
    if (entry.older != previous || entry.page >= where_.size() || where_[entry.page] != i + 1 ||
        !is_bool(entry.dirty) || !is_bool(entry.used)) {
      return refuse(i);
    }
  }
  if (previous != youngest_ || count != filled_) return refuse(youngest_);
  for (std::size_t page = 0; page < where_.size(); page++) {
    if (where_[page] != 0) count--;
    if (!is_bool(delta_[page])) return refuse(where_[page]);
  }
  if (count != 0) archive.refuse(err::kInvalid, "map pages are in its mapping cache that are not there");
}

// ---- All together ------------------------------------------------------------------------------------------------

void Conv::check_frontier(StateArchive& archive, const Frontier& at, flash::Marks& open, u64 latest) const {
  const auto refuse = [&](const char* why) {
    archive.refuse(err::kInvalid, "stream %u of group %u %s", at.stream, at.group, why);
  };
  if (at.superblock == kNone) {
    if (at.stripe != kNone) refuse("writes to no superblock");
    return;
  }
  if (at.superblock >= blocks_.count() || blocks_[at.superblock].state != SuperblockState::kOpen ||
      blocks_[at.superblock].group != at.group || !open.mark(at.superblock)) {
    return refuse("writes to a superblock that is not open for it");
  }
  const u32 first = at.superblock * layout_.superblock_units;
  if (at.end != first + blocks_[at.superblock].capacity || at.next < first || at.next >= at.end) {
    return refuse("writes beyond its superblock");
  }
  const u32 stripe = layout_.by_stripe.quotient(at.next);
  const u32 in_stripe = at.next - stripe * layout_.stripe_units;
  if (at.stripe == kNone ? in_stripe != 0 || at.stripe_left != 0
                         : at.stripe != stripe || at.stripe_left != layout_.stripe_units - in_stripe) {
    return refuse("writes to another stripe unit than its next one");
  }
  if (at.buffered != 0) return refuse("has data in the write buffer");
  if (at.ready > latest) return refuse("is ready too late");
  if (map_.count_valid(at.next, at.end) != 0) refuse("would overwrite valid units");
}

void Conv::check_collector(StateArchive& archive, u32 group, u64 latest) const {
  const Collector& at = collectors_[group];
  const auto refuse = [&](const char* why) {
    archive.refuse(err::kInvalid, "the garbage collection of group %u %s", group, why);
  };
  if (!is_bool(at.for_wear) || at.host_units > ~0u) return refuse("is none");
  if (at.victim == kNone) return;
  if (at.victim >= blocks_.count() || blocks_[at.victim].state != SuperblockState::kVictim ||
      blocks_[at.victim].group != group) {
    return refuse("has a victim that is none");
  }
  const Superblock& victim = blocks_[at.victim];
  const u32 first = at.victim * (layout_.superblock_units / layout_.row_units);
  if (at.row < first || at.row > at.end_row || at.end_row != first + victim.capacity / layout_.row_units) {
    return refuse("reads beyond its victim");
  }
  if (map_.count_valid(first * layout_.row_units, at.row * layout_.row_units) != 0) return refuse("has left units behind");
  if (at.to_move > victim.capacity || at.gain > victim.capacity || at.moved > at.to_move || at.ready > latest) {
    return refuse("counts other units than it has");
  }
  const bool to_host = collector_streams_ == 0;
  if (to_host ? at.stream >= host_streams_ : at.stream < host_streams_ || at.stream >= host_streams_ + collector_streams_) {
    return refuse("moves to a stream that is none");
  }
  const Frontier& to = frontiers_[static_cast<std::size_t>(group) * streams_ + at.stream];
  const u32 room = to.superblock != kNone ? to.end - to.next : 0;
  if (victim.valid > room + blocks_.free_units(group)) refuse("has no room for what it moves");
}

// A superblock is retired when one of its die blocks is bad, and only then.
void Conv::check_retired(StateArchive& archive) const {
  for (u32 i = 0; i < blocks_.count(); i++) {
    const u32 group = layout_.group_of(i);
    bool usable = true;
    for (u32 die = 0; die < layout_.group_dies; die++) {
      usable &= wear_.usable(group * layout_.group_dies + die, i - group * layout_.group_superblocks);
    }
    if (usable == (blocks_[i].state != SuperblockState::kRetired)) continue;
    return archive.refuse(err::kInvalid, "superblock %u of state %u has %s", i, static_cast<u32>(blocks_[i].state),
                          usable ? "no bad block" : "a bad block");
  }
}

void Conv::check_streams(StateArchive& archive, u64 latest) const {
  flash::Marks open;
  if (!open.allocate(host_, blocks_.count())) return archive.refuse(err::kNoMemory, "no memory to look at its streams");
  u32 used = 0;
  for (u32 i = 0; i < frontiers_.size() && archive.ok(); i++) {
    const Frontier& at = frontiers_[i];
    if (at.group != i / streams_ || at.stream != i % streams_) {
      return archive.refuse(err::kInvalid, "stream %u of group %u is another's", i % streams_, i / streams_);
    }
    check_frontier(archive, at, open, latest);
    used += at.superblock != kNone;
  }
  for (u32 group = 0; group < layout_.groups && archive.ok(); group++) {
    check_collector(archive, group, latest);
    used += collectors_[group].victim != kNone;
  }
  u32 busy = 0;
  for (u32 i = 0; i < blocks_.count(); i++) {
    busy += blocks_[i].state == SuperblockState::kOpen || blocks_[i].state == SuperblockState::kVictim;
  }
  if (archive.ok() && busy != used) {
    return archive.refuse(err::kInvalid, "%u superblocks are open or victims, and %u are in use", busy, used);
  }
  for (const HostStream& fill : fills_) {
    if (fill.group >= layout_.groups || !is_bool(fill.filling) || fill.filling) {
      return archive.refuse(err::kInvalid, "a stream of the host fills a stripe unit of group %u", fill.group);
    }
  }
}

void Conv::check_state(StateArchive& archive, u64 now) {
  map_.check(archive, layout_.physical_units);
  if (archive.ok()) blocks_.check(archive, host_, map_, handles_, clock_.get());
  if (archive.ok()) check_retired(archive);
  if (archive.ok()) check_streams(archive, now + kLongest);
  for (const Counter& remaining : remaining_) {
    if (remaining.get() <= reclaim_unit_bytes()) continue;
    return archive.refuse(err::kInvalid, "a reclaim unit of %llu bytes has %llu left", number(reclaim_unit_bytes()),
                          number(remaining.get()));
  }
  if (!events_.sound()) archive.refuse(err::kInvalid, "it has events of placement that are none");
  if (map_group_ >= layout_.groups || last_done_ > now + kLongest || last_now_ > now + kLongest) {
    archive.refuse(err::kInvalid, "it ended at %llu ns, and its last command at %llu", number(now), number(last_done_));
  }
}

}  // namespace nvmev::conv
