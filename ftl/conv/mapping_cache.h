// SPDX-License-Identifier: GPL-2.0-only
// The part of the map that is in the controller's memory, where that is not all of it (DFTL: Gupta, Kim, Urgaonkar,
// ASPLOS 2009).
#pragma once

#include "map.h"
#include "nvmev/counter.h"
#include "nvmev/host_array.h"
#include "nvmev/state_archive.h"

namespace nvmev::conv {

// What leaves when a map page must come in: configuration key `mapping_cache`.
struct MappingCachePolicy {
  const char* name;
  bool move_on_hit;    // a page that is used becomes the youngest; the oldest leaves
  bool second_chance;  // the oldest does not leave if it was used since it was last looked at
};

// Map pages, each of which holds the map entries of a mapping unit's worth of logical units. Holds no entries: the map
// itself is in memory all the time, this only tells what a device would have to read and write. What garbage collection
// changes in pages that are not cached is kept as deltas in the controller's memory until the page comes in, as drives
// do that log such changes; it costs a write then.
class MappingCache {
 public:
  // False when there is no memory. `pages` in all, of which `cached` fit, and up to `host_pages` more in memory of the host's;
  // `entries` units of a page.
  bool init(nvmev_host* host, const MappingCachePolicy& policy, u32 pages, u32 cached, u32 host_pages, u32 entries);
  void clear();
  bool enabled() const { return cached_ != 0; }

  // How much of the host's memory there is now. Of what was changed in pages that leave, deltas stay.
  void set_host_pages(u32 pages);

  struct Miss {
    u32 load;   // map page to read, kNone: it was there
    u32 store;  // map page to write before, kNone: what left was unchanged
  };

  // The entry of a logical unit is needed; `changes`: to be changed.
  Miss use(u32 logical, bool changes);

  // Garbage collection changed the entry.
  void collected(u32 logical);

  void transfer(StateArchive& archive) {
    archive.array("the size of the mapping cache", entries_);
    archive.array("the number of map pages", where_);
    archive.array("the number of map pages", delta_);
    archive.value(filled_);
    archive.value(oldest_);
    archive.value(youngest_);
    archive.counter(hits_);
    archive.counter(misses_);
    if (!archive.loading() || !archive.ok()) return;
    check(archive);
    // The host's memory is not there until the host says so.
    if (archive.ok() && enabled()) set_host_pages(0);
  }

  u64 hits() const { return hits_.get(); }
  u64 misses() const { return misses_.get(); }

 private:
  struct Entry {
    u32 page;
    u32 older, younger;
    bool dirty;
    bool used;
  };

  void link_youngest(u32 entry);
  void unlink(u32 entry);
  u32 choose_victim();
  void drop(u32 entry);
  // Refuses what was read if it is no list of map pages.
  void check(StateArchive& archive) const;

  const MappingCachePolicy* policy_ = nullptr;
  u32 cached_ = 0;  // pages that fit without the host's memory
  u32 limit_ = 0;   // and with it
  u32 filled_ = 0;
  u32 entries_per_page_ = 1;
  u32 oldest_ = kNone;
  u32 youngest_ = kNone;
  HostArray<Entry> entries_;
  HostArray<u32> where_;   // [map page]: 1 + entry; 0: not cached
  HostArray<bool> delta_;  // [map page]: garbage collection has changed it
  Counter hits_;
  Counter misses_;
};

}  // namespace nvmev::conv
