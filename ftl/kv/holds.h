// SPDX-License-Identifier: GPL-2.0-only
// Values that commands in flight hold.
#pragma once

#include "nvmev/host_array.h"
#include "tree.h"

namespace nvmev::kv {

// A hold is a value's chain of units and how many commands use it. Of one thread at a time.
class Holds {
 public:
  // False when there is no memory. `most`: holds at a time.
  bool init(nvmev_host* host, u32 most) {
    if (!holds_.allocate(host, most) || !table_.allocate(host, std::bit_ceil(most))) return false;
    clear();
    return true;
  }

  void clear() {
    free_ = kNone;
    for (u32 i = static_cast<u32>(holds_.size()); i-- > 0;) put_free(i);
    for (u32& head : table_) head = kNone;
  }

  // A hold of the chain that begins with place.first: one more user of it if it is held already. kNone: too many.
  u32 take(Place place) {
    const u32 found = find(place.first);
    if (found != kNone) {
      holds_[found].users++;
      return found;
    }
    if (free_ == kNone) return kNone;
    const u32 fresh = free_;
    Hold& hold = holds_[fresh];
    free_ = hold.chain;
    u32& head = head_of(place.first);
    hold = {place, 1, head, false};
    head = fresh;
    return fresh;
  }

  // The value that begins with unit `first` is not any key's any more. True if nobody holds it; else the last user finds out.
  bool orphan(u32 first) {
    const u32 found = find(first);
    if (found == kNone) return true;
    holds_[found].orphan = true;
    return false;
  }

  void set_orphan(u32 index, bool orphan) { holds_[index].orphan = orphan; }

  // One user less. True if the value is nobody's now: its chain can be freed.
  bool release(u32 index) {
    Hold& hold = holds_[index];
    if (--hold.users != 0) return false;
    const bool orphan = hold.orphan;
    u32* at = &head_of(hold.place.first);
    while (*at != index) at = &holds_[*at].chain;
    *at = hold.chain;
    put_free(index);
    return orphan;
  }

  const Place& place(u32 index) const { return holds_[index].place; }

 private:
  struct Hold {
    Place place;
    u32 users;
    u32 chain;  // next hold in the table's list, or of those that are free
    bool orphan;
  };

  u32& head_of(u32 first) { return table_[(first * 0x9e3779b1u) >> 7 & (table_.size() - 1)]; }
  u32 find(u32 first) {
    u32 at = head_of(first);
    while (at != kNone && holds_[at].place.first != first) at = holds_[at].chain;
    return at;
  }
  void put_free(u32 index) {
    holds_[index].chain = free_;
    free_ = index;
  }

  HostArray<Hold> holds_;
  HostArray<u32> table_;
  u32 free_ = kNone;
};

}  // namespace nvmev::kv
