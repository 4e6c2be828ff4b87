// SPDX-License-Identifier: GPL-2.0-only
// Sudden loss of power: what was only in the write buffer may be gone, and what it replaced is current again.
//
// In flash for certain is what was programmed by then, what a Flush or a forced write was promised, and what garbage
// collection moved: a drive keeps the copy that it moves until the new one is programmed. For the same reason the newest
// data of a unit survive if the version before is erased already: what replaces data is programmed before they are.
//
// Units that a request has written as one have one fate. One of them that is in flash for certain saves the others; so does a
// later write of a part of one of them, if it survives, since the unit that it wrote holds the rest of the earlier data.
#include "conv.h"

namespace nvmev::conv {

// Whether a version cannot be gone, whatever the others of its request.
bool Conv::is_final(const WriteBuffer::Version& version, const PowerLossSink& sink) const {
  if (version.certain || version.needed || !sink.can_undo(version.request)) return true;
  // Moved by garbage collection, or replaced by what is final itself.
  if (!version.linked && !is_current(version)) return true;
  if (version.old == kNone) return false;
  const Superblock& old = blocks_[layout_.superblock_of(version.old)];
  return old.erases != version.old_erases || old.state == SuperblockState::kVictim;
}

// The version that it replaced, if that may be gone, too.
WriteBuffer::Version* Conv::before(const WriteBuffer::Version& version, u64 now) {
  if (version.old == kNone) return nullptr;
  return buffer_.find_volatile(now, layout_.by_stripe.quotient(version.old), version.old, version.old_erases);
}

// The latest request first, so that what depends on an earlier one is decided when that comes.
void Conv::choose_survivors(u64 now, u64 seed, const PowerLossSink& sink) {
  const u32 count = buffer_.order_volatile(now);
  for (u32 begin = 0, end; begin < count; begin = end) {
    const WriteBuffer::Version& first = buffer_.by_age(begin);
    const bool alone = first.together == 1;
    end = begin + 1;
    while (!alone && end < count && buffer_.by_age(end).request == first.request) end++;
    const u64 what = alone ? static_cast<u64>(first.place_erases) << 32 | first.place : first.request;
    bool survives = end - begin < first.together || (flash::mix(seed ^ flash::mix(what)) & 1) != 0;
    for (u32 i = begin; i < end && !survives; i++) survives = is_final(buffer_.by_age(i), sink);
    for (u32 i = begin; i < end; i++) {
      WriteBuffer::Version& version = buffer_.by_age(i);
      version.survives = survives;
      WriteBuffer::Version* replaced = before(version, now);
      if (replaced == nullptr) continue;
      replaced->linked = true;
      replaced->needed |= survives && version.merged;
    }
  }
}

// If `newest` is the current version of its unit, goes back in the unit's history until a version survives.
void Conv::undo(const WriteBuffer::Version& newest, u64 now, PowerLossSink& sink) {
  if (!is_current(newest)) return;
  u32 place = newest.place;
  u64 since = 0;
  for (const WriteBuffer::Version* version = &newest; version != nullptr && !version->survives; version = before(*version, now)) {
    since = version->request;
    place = version->old;
  }
  if (place == newest.place) return;
  const u32 logical = map_.owner(newest.place);
  blocks_.remove_valid(layout_.superblock_of(newest.place));
  if (place == kNone) {
    map_.remove(logical, newest.place);
  } else {
    map_.move(logical, newest.place, place);
    blocks_.restore_valid(layout_.superblock_of(place));
  }
  statistics_.lost_units.add(1);
  const u64 offset = static_cast<u64>(logical) * layout_.unit_bytes;
  const u64 left = capacity_ - offset;
  sink.lost({offset, left < layout_.unit_bytes ? left : layout_.unit_bytes, since, place == kNone});
}

void Conv::power_cycle(u64 now, u64 seed, PowerLossSink& sink) {
  if (now < last_now_) now = last_now_;
  last_now_ = now;
  if (!power_loss_protection_) {
    choose_survivors(now, seed, sink);
    buffer_.for_each_volatile(now, [&](const WriteBuffer::Version& version) { undo(version, now, sink); });
  }
  // Word lines that were written in part must not stay so: the rest of open stripe units is padded when power is back. Garbage
  // collection that counts on that room ends first.
  for (u32 group = 0; group < layout_.groups; group++) {
    const u32 victim = collectors_[group].victim;
    if (victim != kNone && blocks_[victim].valid > blocks_.free_units(group)) collect_now(group, now);
  }
  for (Frontier& open : frontiers_) {
    if (open.stripe != kNone) program_stripe(open, flash::Cause::kBackground);
  }
  buffer_.clear();
  map_cache_.clear();
  frequency_.clear();
}

}  // namespace nvmev::conv
