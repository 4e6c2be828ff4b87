// SPDX-License-Identifier: GPL-2.0-only
#include "mapping_cache.h"

namespace nvmev::conv {

extern const MappingCachePolicy kMappingCachePolicies[];
constinit const MappingCachePolicy kMappingCachePolicies[3] = {
    {"lru", true, false},
    {"fifo", false, false},
    {"clock", false, true},
};

bool MappingCache::init(nvmev_host* host, const MappingCachePolicy& policy, u32 pages, u32 cached, u32 host_pages, u32 entries) {
  policy_ = &policy;
  entries_per_page_ = entries;
  if (pages == 0) return true;
  limit_ = cached_ = cached < pages ? cached : pages;
  const u32 most = host_pages < pages - cached_ ? cached_ + host_pages : pages;
  return entries_.allocate(host, most) && where_.allocate(host, pages) && delta_.allocate(host, pages);
}

void MappingCache::clear() {
  filled_ = 0;
  oldest_ = youngest_ = kNone;
  for (u32& where : where_) where = 0;
  for (bool& delta : delta_) delta = false;
}

void MappingCache::link_youngest(u32 entry) {
  entries_[entry].older = youngest_;
  entries_[entry].younger = kNone;
  if (youngest_ != kNone) {
    entries_[youngest_].younger = entry;
  } else {
    oldest_ = entry;
  }
  youngest_ = entry;
}

void MappingCache::unlink(u32 entry) {
  const Entry& out = entries_[entry];
  if (out.older != kNone) {
    entries_[out.older].younger = out.younger;
  } else {
    oldest_ = out.younger;
  }
  if (out.younger != kNone) {
    entries_[out.younger].older = out.older;
  } else {
    youngest_ = out.older;
  }
}

u32 MappingCache::choose_victim() {
  while (policy_->second_chance && entries_[oldest_].used) {
    const u32 spared = oldest_;
    entries_[spared].used = false;
    unlink(spared);
    link_youngest(spared);
  }
  return oldest_;
}

MappingCache::Miss MappingCache::use(u32 logical, bool changes) {
  const u32 page = logical / entries_per_page_;
  if (where_[page] != 0) {
    const u32 at = where_[page] - 1;
    entries_[at].used = true;
    entries_[at].dirty |= changes;
    if (policy_->move_on_hit && youngest_ != at) {
      unlink(at);
      link_youngest(at);
    }
    hits_.add(1);
    return {kNone, kNone};
  }
  misses_.add(1);
  Miss miss{page, kNone};
  u32 at = filled_;
  if (filled_ < limit_) {
    filled_++;
  } else {
    at = choose_victim();
    unlink(at);
    where_[entries_[at].page] = 0;
    if (entries_[at].dirty) miss.store = entries_[at].page;
  }
  entries_[at].page = page;
  entries_[at].dirty = changes || delta_[page];
  entries_[at].used = false;
  delta_[page] = false;
  where_[page] = at + 1;
  link_youngest(at);
  return miss;
}

// The page of the entry leaves; the last entry takes its place.
void MappingCache::drop(u32 entry) {
  const u32 page = entries_[entry].page;
  delta_[page] |= entries_[entry].dirty;
  where_[page] = 0;
  unlink(entry);
  const u32 last = --filled_;
  if (last == entry) return;
  const Entry& moved = entries_[entry] = entries_[last];
  where_[moved.page] = entry + 1;
  (moved.older != kNone ? entries_[moved.older].younger : oldest_) = entry;
  (moved.younger != kNone ? entries_[moved.younger].older : youngest_) = entry;
}

void MappingCache::set_host_pages(u32 pages) {
  const u32 most = static_cast<u32>(entries_.size()) - cached_;
  limit_ = cached_ + (pages < most ? pages : most);
  while (filled_ > limit_) drop(choose_victim());
}

void MappingCache::collected(u32 logical) {
  const u32 page = logical / entries_per_page_;
  if (where_[page] != 0) {
    entries_[where_[page] - 1].dirty = true;
  } else {
    delta_[page] = true;
  }
}

}  // namespace nvmev::conv
