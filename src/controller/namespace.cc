// SPDX-License-Identifier: GPL-2.0-only
#include "namespace.h"

#include "medium.h"
#include "region.h"

namespace nvmev {

using nvme::Status;

u64 Namespace::used_blocks(const Medium& medium) const {
  return medium.thin() ? medium.used(base, allocated()) >> lba_shift() : blocks();
}

void Namespaces::init(u64 capacity) {
  capacity_ = capacity;
  for (u32 i = 0; i < kMaxNamespaces; i++) namespaces_[i].id = i + 1;
}

u64 Namespaces::unallocated() const {
  u64 used = 0;
  for (const Namespace& ns : namespaces_) {
    if (ns.exists()) used += ns.allocated();
  }
  return capacity_ - used;
}

// First fit: the lowest place, at the region's start or behind a namespace, that meets no other.
bool Namespaces::find_room(const Region& region, u64 bytes, u64* base) const {
  const u64 end = region.base + region.bytes;
  const auto fits = [&](u64 at) {
    if (at < region.base || at >= end || bytes > end - at) return false;
    for (const Namespace& ns : namespaces_) {
      if (ns.exists() && at < ns.base + ns.allocated() && ns.base < at + bytes) return false;
    }
    return true;
  };
  bool found = fits(region.base);
  if (found) *base = region.base;
  for (const Namespace& ns : namespaces_) {
    const u64 at = ns.base + ns.allocated();
    if (!ns.exists() || !fits(at) || (found && *base <= at)) continue;
    *base = at;
    found = true;
  }
  return found;
}

Namespace* Namespaces::create(Region& region, u64 bytes, const FormatChoice& format, bool shared, u32 ana_group,
                              Status* status) {
  Namespace* fresh = nullptr;
  for (Namespace& ns : namespaces_) {
    if (fresh == nullptr && !ns.exists()) fresh = &ns;
  }
  if (fresh == nullptr) {
    *status = Status::kNsidUnavailable;
    return nullptr;
  }
  u64 base;
  if (!find_room(region, bytes, &base)) {
    *status = Status::kInsufficientCapacity;
    return nullptr;
  }
  fresh->region = &region;
  fresh->base = base;
  fresh->bytes = bytes;
  fresh->shared = shared;
  fresh->ana_group = static_cast<u8>(ana_group);
  fresh->set_format(format);
  fresh->formatting.store(false, std::memory_order_relaxed);
  fresh->protection.store(nvme::WriteProtection::kNone, std::memory_order_relaxed);
  fresh->streams.store(0, std::memory_order_relaxed);
  fresh->controllers.store(0, std::memory_order_relaxed);
  fresh->state.store(NamespaceState::kAllocated, std::memory_order_release);
  return fresh;
}

}  // namespace nvmev
