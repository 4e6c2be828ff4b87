// SPDX-License-Identifier: GPL-2.0-only
// Where the bytes of the namespaces are kept. Addressed in bytes; knows nothing of commands or time.
#pragma once

#include <atomic>

#include "nvmev/host_array.h"
#include "nvmev/host.h"
#include "nvmev/types.h"
#include "nvmev/spinlock.h"

namespace nvmev {

class StateArchive;

// Contiguous memory of the requester, and where in the transfer it is.
struct Fragment {
  u8* memory;
  u32 start;
  u32 length;
};

// Requester memory for one part of a transfer. With PRPs a page of the medium meets at most two of the requester's; an SGL may
// cut it into many.
struct Pieces {
  u8* first;
  u32 first_length;
  u8* second;
  u32 second_length;
  const Fragment* rest = nullptr;  // and the bytes of it that count
  u32 rest_length = 0;

  u32 length() const { return first_length + second_length + rest_length; }

  // Calls `with(memory, length)` for each of them in order.
  template <typename Function>
  void for_each(Function with) const {
    with(first, first_length);
    if (second_length != 0) with(second, second_length);
    const Fragment* fragment = rest;
    for (u32 left = rest_length; left != 0; fragment++) {
      const u32 bytes = fragment->length < left ? fragment->length : left;
      with(fragment->memory, bytes);
      left -= bytes;
    }
  }

  bool all_zero() const {
    bool zero = true;
    for_each([&](const u8* memory, u32 bytes) {
      for (u32 i = 0; i < bytes && zero; i++) zero = memory[i] == 0;
    });
    return zero;
  }
};

// All operations work on the part of one page of kPageSize: `offset + length` does not cross a page boundary,
// and lies below the capacity. Each is atomic against the others on the same page. Any thread.
class Medium {
 public:
  Medium() = default;
  Medium(const Medium&) = delete;
  Medium& operator=(const Medium&) = delete;
  ~Medium();

  // 0, or a negative errno with *error. `config` is checked already.
  int init(const nvmev_config& config, nvmev_host* host, nvmev_error* error) {
    return init(config.medium, config.capacity, static_cast<u8*>(config.reserved_base), host, error);
  }
  // `capacity`: bytes, whole pages; `linear`: the memory of NVMEV_MEDIUM_RESERVED.
  int init(u32 kind, u64 capacity, u8* linear, nvmev_host* host, nvmev_error* error);

  // False: there is no memory for the page now. Reading and zeroing it work all the same. Call it before write(): then
  // write() does not fail unless the page was discarded in between.
  bool prepare(u64 offset);

  // False as prepare(); the medium is unchanged then.
  bool write(u64 offset, const Pieces& from);
  void read(u64 offset, const Pieces& to);
  // Whether the bytes are equal to `with`.
  bool equals(u64 offset, const Pieces& with);
  // In one: writes `from`, as long as `expected`, where the bytes are equal to `expected`. False, and nothing is changed, where
  // they are not. After prepare().
  bool compare_and_write(u64 offset, const Pieces& expected, const u8* from);
  void zero(u64 offset, u32 length);

  // Calls `with(const u8* bytes)` with what is stored from `offset` on to the end of its page, nullptr where nothing was written,
  // while nobody else changes the page. Returns what that returns.
  template <typename Function>
  auto look(u64 offset, Function with) {
    return locked(offset, [&](const u8* bytes) { return with(bytes); });
  }

  // Gives the page at `offset` back to the host if it holds nothing but zeros.
  void discard_zeros(u64 offset);

  // A thin medium: as zero(), and a page that is covered whole goes back to the host. Others keep their contents:
  // clearing a range of many GiB would take longer than a host waits.
  void discard(u64 offset, u32 length);

  // The first offset at or above `offset` that may hold anything but zeros; lets zero() and discard() skip
  // what was never written. Returns at least `offset`; may be beyond the capacity.
  u64 skip_unwritten(u64 offset) const;

  // Bytes of memory that hold data now, in all, and of a page-aligned range.
  u64 used() const;
  u64 used(u64 offset, u64 length) const;
  // Whether discarded blocks read as zeros.
  bool discards_to_zero() const { return kind_ != NVMEV_MEDIUM_RESERVED; }
  // Whether memory is taken as it is written.
  bool thin() const { return kind_ == NVMEV_MEDIUM_PAGES; }
  u64 capacity() const { return capacity_; }

  // Its data to or from a state file, while nothing else uses it.
  void transfer(StateArchive& archive);

 private:
  // A leaf of the page table: one pointer for each page of 2 MiB.
  static constexpr u32 kLeafPages = kPageSize / sizeof(void*);
  static constexpr u32 kLeafShift = kPageShift + 9;
  static constexpr u32 kLocks = 256;
  static_assert(kLeafPages == 1u << (kLeafShift - kPageShift));

  using Slot = std::atomic<u8*>;
  struct Leaf {
    Slot pages[kLeafPages];
  };
  static_assert(sizeof(Leaf) == kPageSize);

  Leaf* leaf_of(u64 offset) const { return leaves_[offset >> kLeafShift].load(std::memory_order_acquire); }
  static u32 slot_of(u64 offset) { return offset >> kPageShift & (kLeafPages - 1); }
  Spinlock& lock_of(u64 offset) { return locks_[(offset >> kPageShift) % kLocks].lock; }
  Leaf* make_leaf(u64 offset);

  // Calls `with(u8* bytes)` under the lock of the page; bytes is nullptr where nothing was written.
  template <typename Function>
  auto locked(u64 offset, Function with);

  struct alignas(kCacheLine) PaddedLock {
    Spinlock lock;
  };

  u8* page_of(u64 offset, const Leaf* leaf) const {
    if (kind_ == NVMEV_MEDIUM_RESERVED) return linear_ + (offset & ~static_cast<u64>(kPageSize - 1));
    return leaf != nullptr ? leaf->pages[slot_of(offset)].load(std::memory_order_relaxed) : nullptr;
  }

  nvmev_host* host_ = nullptr;
  u32 kind_ = NVMEV_MEDIUM_NONE;
  u64 capacity_ = 0;
  u8* linear_ = nullptr;  // NVMEV_MEDIUM_RESERVED
  void count_pages(u64 offset, int pages);

  // state/medium_state.cc
  u8* stored_page(u64 page) const;  // by number; nullptr where nothing was written
  void save(StateArchive& archive);
  void load(StateArchive& archive);

  HostArray<std::atomic<Leaf*>> leaves_;
  HostArray<std::atomic<u16>> leaf_used_;  // pages that each leaf has
  HostArray<PaddedLock> locks_;
  std::atomic<u64> pages_used_{0};
};

template <typename Function>
auto Medium::locked(u64 offset, Function with) {
  const Leaf* leaf = kind_ == NVMEV_MEDIUM_PAGES ? leaf_of(offset) : nullptr;
  SpinGuard guard(host_, lock_of(offset));
  u8* base = page_of(offset, leaf);
  return with(base != nullptr ? base + (offset & (kPageSize - 1)) : nullptr);
}

}  // namespace nvmev
