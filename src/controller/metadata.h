// SPDX-License-Identifier: GPL-2.0-only
// Where the metadata of logical blocks are kept: a medium of their own, of the same kind as that of the data. They have room for
// `room()` bytes with each 4 KiB of data; blocks' metadata lie one behind the other, from the namespace's share on.
#pragma once

#include "medium.h"
#include "namespace.h"
#include "protection.h"

namespace nvmev {

class Metadata {
 public:
  // With a reserved range: in what it has beyond the capacity, if there is enough. medium=none keeps none. 0, or a negative
  // errno with *error.
  int init(const nvmev_config& config, nvmev_host* host, nvmev_error* error);

  // Bytes for each 4 KiB of data; 0: none.
  u32 room() const { return room_; }
  // How many of kBlockFormats there is room for: the first ones.
  u32 formats() const;

  Medium& medium() { return medium_; }

  // Place of the metadata of the page of data at `offset` of the device's address space, whose namespace has metadata.
  u64 place(const Namespace& ns, u64 offset) const { return share(ns) + ((offset - ns.base) >> ns.lba_shift()) * ns.metadata_bytes(); }
  // The namespace's share, whatever its format is.
  u64 share(const Namespace& ns) const { return (ns.base >> kPageShift) * room_; }
  u64 share_bytes(const Namespace& ns) const { return (ns.allocated() >> kPageShift) * room_; }

  // Held while a block in the page at `offset` is read or written together with its metadata.
  Spinlock& lock_of(u64 offset) { return locks_[(offset >> kPageShift) % kLocks].lock; }

 private:
  static constexpr u32 kLocks = 64;
  struct alignas(kCacheLine) PaddedLock {
    Spinlock lock;
  };

  u32 room_ = 0;
  Medium medium_;
  HostArray<PaddedLock> locks_;
};

}  // namespace nvmev
