// SPDX-License-Identifier: GPL-2.0-only
#include "superblocks.h"

namespace nvmev::conv {

bool Superblocks::init(nvmev_host* host, const Layout& layout) {
  layout_ = &layout;
  const std::size_t heads = static_cast<std::size_t>(layout.groups) * (layout.superblock_units + 1);
  if (!all_.allocate(host, layout.superblocks) || !groups_.allocate(host, layout.groups) ||
      !heads_.allocate(host, heads) || !heap_.allocate(host, layout.superblocks)) {
    return false;
  }
  for (u32 i = 0; i < layout.superblocks; i++) {
    all_[i].capacity = layout.superblock_capacity(i);
    all_[i].group = layout.group_of(i);
  }
  clear();
  return true;
}

void Superblocks::clear() {
  for (u32& head : heads_) {
    if (head != 0) head = 0;
  }
  for (Group& group : groups_) group = Group{};
  for (u32 i = 0; i < count(); i++) {
    Superblock& block = all_[i];
    if (block.state == SuperblockState::kRetired) continue;
    write_shared(block.valid, 0);
    block.state = SuperblockState::kFree;
    block.same_prev = block.same_next = block.older = block.newer = kNone;
    Group& group = groups_[block.group];
    group.capacity += block.capacity;
    if (block.capacity != 0) push_free(block.group, i);
  }
}

u32 Superblocks::most_invalid(u32 index) {
  Group& group = groups_[index];
  if (group.closed == 0) return kNone;
  while (group.most_invalid != 0 && head(index, group.most_invalid) == 0) group.most_invalid--;
  return head(index, group.most_invalid) - 1;
}

u32 Superblocks::random_closed(u32 group, flash::Random& random) const {
  if (groups_[group].closed == 0) return kNone;
  const u32 first = group * layout_->group_superblocks;
  // Nearly all superblocks are closed when space is short.
  for (u32 tries = 0; tries < 64; tries++) {
    const u32 superblock = first + random.below(layout_->group_superblocks);
    if (all_[superblock].state == SuperblockState::kClosed) return superblock;
  }
  return groups_[group].oldest;
}

u32 Superblocks::least_worn_closed(u32 group) const {
  u32 least = kNone;
  for (u32 i = groups_[group].oldest; i != kNone; i = all_[i].newer) {
    if (least == kNone || all_[i].erases < all_[least].erases) least = i;
  }
  return least;
}

void Superblocks::push_free(u32 index, u32 superblock) {
  Group& group = groups_[index];
  group.free_units += all_[superblock].capacity;
  u32* entries = heap(index);
  u32 at = group.free++;
  for (; at != 0 && before(superblock, entries[(at - 1) / 2]); at = (at - 1) / 2) entries[at] = entries[(at - 1) / 2];
  entries[at] = superblock;
}

u32 Superblocks::remove_free(u32 index, u32 position) {
  Group& group = groups_[index];
  u32* entries = heap(index);
  const u32 removed = entries[position];
  group.free_units -= all_[removed].capacity;
  const u32 last = entries[--group.free];
  if (position == group.free) return removed;
  u32 at = position;
  for (; at != 0 && before(last, entries[(at - 1) / 2]); at = (at - 1) / 2) entries[at] = entries[(at - 1) / 2];
  while (true) {
    u32 child = 2 * at + 1;
    if (child >= group.free) break;
    if (child + 1 < group.free && before(entries[child + 1], entries[child])) child++;
    if (!before(entries[child], last)) break;
    entries[at] = entries[child];
    at = child;
  }
  entries[at] = last;
  return removed;
}

u32 Superblocks::take_free(u32 index, bool most_worn) {
  const Group& group = groups_[index];
  if (group.free == 0) return kNone;
  u32 position = 0;
  if (most_worn) {
    const u32* entries = heap(index);
    for (u32 i = 1; i < group.free; i++) {
      if (before(entries[position], entries[i])) position = i;
    }
  }
  return remove_free(index, position);
}

void Superblocks::open(u32 superblock, u32 handle, u32 generation, u64 now) {
  Superblock& block = all_[superblock];
  block.state = SuperblockState::kOpen;
  block.handle = static_cast<u8>(handle);
  block.generation = static_cast<u8>(generation < 255 ? generation : 255);
  block.programmed_at = now;
}

void Superblocks::close(u32 superblock, u64 clock) {
  Superblock& block = all_[superblock];
  Group& group = groups_[block.group];
  block.state = SuperblockState::kClosed;
  block.closed_at = clock;
  block.older = group.newest;
  block.newer = kNone;
  if (group.newest != kNone) {
    all_[group.newest].newer = superblock;
  } else {
    group.oldest = superblock;
  }
  group.newest = superblock;
  group.closed++;
  link_same(superblock);
}

void Superblocks::collect(u32 superblock) {
  Superblock& block = all_[superblock];
  Group& group = groups_[block.group];
  unlink_same(superblock);
  if (block.older != kNone) {
    all_[block.older].newer = block.newer;
  } else {
    group.oldest = block.newer;
  }
  if (block.newer != kNone) {
    all_[block.newer].older = block.older;
  } else {
    group.newest = block.older;
  }
  group.closed--;
  block.state = SuperblockState::kVictim;
}

void Superblocks::free(u32 superblock) {
  all_[superblock].state = SuperblockState::kFree;
  push_free(all_[superblock].group, superblock);
}

void Superblocks::retire(u32 superblock) {
  Superblock& block = all_[superblock];
  groups_[block.group].capacity -= block.capacity;
  block.state = SuperblockState::kRetired;
}

}  // namespace nvmev::conv
