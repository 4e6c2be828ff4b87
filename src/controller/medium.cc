// SPDX-License-Identifier: GPL-2.0-only
#include "medium.h"

#include "nvmev/error.h"
#include "nvmev/text.h"

namespace nvmev {

int Medium::init(u32 kind, u64 capacity, u8* linear, nvmev_host* host, nvmev_error* error) {
  host_ = host;
  kind_ = kind;
  capacity_ = capacity;
  linear_ = linear;
  if (kind_ == NVMEV_MEDIUM_NONE) return 0;
  const u64 leaves = kind_ == NVMEV_MEDIUM_PAGES ? ((capacity_ - 1) >> kLeafShift) + 1 : 0;
  if (!leaves_.allocate(host, leaves) || !leaf_used_.allocate(host, leaves) || !locks_.allocate(host, kLocks)) {
    return fail(error, err::kNoMemory, "capacity %llu: no memory for its page table of %llu KiB",
                static_cast<unsigned long long>(capacity_),
                static_cast<unsigned long long>(leaves * sizeof(leaves_[0]) >> 10));
  }
  return 0;
}

Medium::~Medium() {
  for (auto& entry : leaves_) {
    Leaf* leaf = entry.load(std::memory_order_relaxed);
    if (leaf == nullptr) continue;
    for (Slot& slot : leaf->pages) {
      if (u8* page = slot.load(std::memory_order_relaxed)) nvmev_host_page_free(host_, page);
    }
    nvmev_host_page_free(host_, leaf);
  }
}

Medium::Leaf* Medium::make_leaf(u64 offset) {
  Leaf* leaf = leaf_of(offset);
  if (leaf != nullptr) return leaf;
  // A zeroed page is a leaf without pages.
  Leaf* fresh = static_cast<Leaf*>(nvmev_host_page_alloc(host_));
  if (fresh == nullptr) return nullptr;
  if (leaves_[offset >> kLeafShift].compare_exchange_strong(leaf, fresh, std::memory_order_acq_rel)) return fresh;
  nvmev_host_page_free(host_, fresh);
  return leaf;
}

bool Medium::prepare(u64 offset) {
  if (kind_ != NVMEV_MEDIUM_PAGES) return true;
  Leaf* leaf = make_leaf(offset);
  if (leaf == nullptr) return false;
  Slot& slot = leaf->pages[slot_of(offset)];
  if (slot.load(std::memory_order_relaxed) != nullptr) return true;
  u8* page = static_cast<u8*>(nvmev_host_page_alloc(host_));
  if (page == nullptr) return false;
  {
    SpinGuard guard(host_, lock_of(offset));
    if (slot.load(std::memory_order_relaxed) == nullptr) {
      slot.store(page, std::memory_order_relaxed);
      page = nullptr;
    }
  }
  if (page != nullptr) {
    nvmev_host_page_free(host_, page);
  } else {
    count_pages(offset, 1);
  }
  return true;
}

bool Medium::write(u64 offset, const Pieces& from) {
  if (kind_ == NVMEV_MEDIUM_NONE) return true;
  for (;;) {
    const bool written = locked(offset, [&](u8* bytes) {
      if (bytes == nullptr) return false;
      from.for_each([&](const u8* part, u32 length) {
        memcpy(bytes, part, length);
        bytes += length;
      });
      return true;
    });
    if (written) return true;
    if (!prepare(offset)) return false;
  }
}

void Medium::read(u64 offset, const Pieces& to) {
  const auto clear = [&] { to.for_each([](u8* part, u32 length) { memset(part, 0, length); }); };
  if (kind_ == NVMEV_MEDIUM_NONE) return clear();
  locked(offset, [&](u8* bytes) {
    if (bytes == nullptr) return clear();
    to.for_each([&](u8* part, u32 length) {
      memcpy(part, bytes, length);
      bytes += length;
    });
  });
}

// `bytes`: of the medium; nullptr where nothing was written.
static bool equal(const u8* bytes, const Pieces& with) {
  if (bytes == nullptr) return with.all_zero();
  bool same = true;
  with.for_each([&](const u8* part, u32 length) {
    same = same && memcmp(bytes, part, length) == 0;
    bytes += length;
  });
  return same;
}

bool Medium::equals(u64 offset, const Pieces& with) {
  if (kind_ == NVMEV_MEDIUM_NONE) return with.all_zero();
  return locked(offset, [&](u8* bytes) { return equal(bytes, with); });
}

bool Medium::compare_and_write(u64 offset, const Pieces& expected, const u8* from) {
  if (kind_ == NVMEV_MEDIUM_NONE) return expected.all_zero();
  return locked(offset, [&](u8* bytes) {
    if (!equal(bytes, expected)) return false;
    if (bytes != nullptr) memcpy(bytes, from, expected.length());
    return true;
  });
}

void Medium::zero(u64 offset, u32 length) {
  if (kind_ == NVMEV_MEDIUM_NONE) return;
  locked(offset, [&](u8* bytes) {
    if (bytes != nullptr) memset(bytes, 0, length);
  });
}

void Medium::discard(u64 offset, u32 length) {
  if (kind_ != NVMEV_MEDIUM_PAGES) return;
  if (length != kPageSize) return zero(offset, length);
  Leaf* leaf = leaf_of(offset);
  if (leaf == nullptr) return;
  u8* page;
  {
    SpinGuard guard(host_, lock_of(offset));
    page = leaf->pages[slot_of(offset)].exchange(nullptr, std::memory_order_relaxed);
  }
  if (page == nullptr) return;
  nvmev_host_page_free(host_, page);
  count_pages(offset, -1);
}

void Medium::discard_zeros(u64 offset) {
  if (kind_ != NVMEV_MEDIUM_PAGES) return;
  Leaf* leaf = leaf_of(offset);
  if (leaf == nullptr) return;
  u8* page;
  {
    SpinGuard guard(host_, lock_of(offset));
    Slot& slot = leaf->pages[slot_of(offset)];
    page = slot.load(std::memory_order_relaxed);
    if (page == nullptr || !Pieces{page, kPageSize, page, 0}.all_zero()) return;
    slot.store(nullptr, std::memory_order_relaxed);
  }
  nvmev_host_page_free(host_, page);
  count_pages(offset, -1);
}

u64 Medium::skip_unwritten(u64 offset) const {
  if (kind_ == NVMEV_MEDIUM_NONE) return capacity_;
  if (kind_ == NVMEV_MEDIUM_RESERVED) return offset;
  constexpr u64 kLeafBytes = 1ull << kLeafShift;
  constexpr u32 kMaxSteps = 4096;  // bounds the time of one call, whatever the capacity
  for (u32 step = 0; step < kMaxSteps && offset < capacity_; step++) {
    const Leaf* leaf = leaf_of(offset);
    if (leaf == nullptr) {
      offset = (offset | (kLeafBytes - 1)) + 1;
    } else if (leaf->pages[slot_of(offset)].load(std::memory_order_relaxed) == nullptr) {
      offset = (offset | (kPageSize - 1)) + 1;
    } else {
      break;
    }
  }
  return offset;
}

void Medium::count_pages(u64 offset, int pages) {
  pages_used_.fetch_add(static_cast<u64>(static_cast<s64>(pages)), std::memory_order_relaxed);
  leaf_used_[offset >> kLeafShift].fetch_add(static_cast<u16>(pages), std::memory_order_relaxed);
}

u64 Medium::used(u64 offset, u64 length) const {
  if (kind_ != NVMEV_MEDIUM_PAGES) return used() != 0 ? length : 0;
  if (length == capacity_) return used();
  constexpr u64 kLeafBytes = 1ull << kLeafShift;
  u64 pages = 0;
  for (const u64 end = offset + length; offset < end;) {
    if (offset % kLeafBytes == 0 && end - offset >= kLeafBytes) {
      pages += leaf_used_[offset >> kLeafShift].load(std::memory_order_relaxed);
      offset += kLeafBytes;
      continue;
    }
    const Leaf* leaf = leaf_of(offset);
    if (leaf != nullptr) pages += leaf->pages[slot_of(offset)].load(std::memory_order_relaxed) != nullptr;
    offset += kPageSize;
  }
  return pages << kPageShift;
}

u64 Medium::used() const {
  switch (kind_) {
    case NVMEV_MEDIUM_PAGES:
      return pages_used_.load(std::memory_order_relaxed) << kPageShift;
    case NVMEV_MEDIUM_RESERVED:
      return capacity_;
    default:
      return 0;
  }
}

}  // namespace nvmev
