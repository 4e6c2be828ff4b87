// SPDX-License-Identifier: GPL-2.0-only
// Sudden loss of power: what was only in the write buffer may be gone, and what it replaced is current again.
//
// In flash for certain is what was programmed by then, what a Flush or a forced write was promised, and what garbage
// collection moved: a drive keeps the copy that it moves until the new one is programmed. For the same reason the newest
// data of a unit survive if the version before is erased already: what replaces data is programmed before they are.
#include "conv.h"

namespace nvmev::conv {

bool Conv::survives(const WriteBuffer::Version& version, u64 seed) const {
  if (version.old != kNone) {
    const Superblock& before = blocks_[layout_.superblock_of(version.old)];
    if (before.erases != version.old_erases || before.state == SuperblockState::kVictim) return true;
  }
  return flash::mix(seed ^ flash::mix(static_cast<u64>(version.place_erases) << 32 | version.place)) & 1;
}

// If `newest` is the current version of its unit, goes back in the unit's history until a version survives.
void Conv::undo(const WriteBuffer::Version& newest, u64 now, u64 seed, PowerLossSink& sink) {
  if (!map_.valid(newest.place) || erases_at(newest.place) != newest.place_erases) return;
  u32 place = newest.place;
  u64 since = 0;
  for (const WriteBuffer::Version* version = &newest; version != nullptr && !survives(*version, seed);) {
    since = version->request;
    place = version->old;
    if (place == kNone) break;
    version = buffer_.find_volatile(now, layout_.by_stripe.quotient(place), place, version->old_erases);
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
    buffer_.for_each_volatile(now, [&](const WriteBuffer::Version& version) { undo(version, now, seed, sink); });
  }
  // Word lines that were written in part must not stay so: the rest of open stripe units is padded when power is back.
  for (Frontier& open : frontiers_) {
    if (open.stripe != kNone) program_stripe(open, flash::Cause::kBackground);
  }
  buffer_.clear();
  map_cache_.clear();
  frequency_.clear();
}

}  // namespace nvmev::conv
