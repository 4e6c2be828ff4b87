// SPDX-License-Identifier: GPL-2.0-only
// What writes have replaced that may still be lost by a power cut: pages of the medium as they were before.
#pragma once

#include "medium.h"
#include "nvmev/host_array.h"
#include "nvmev/spinlock.h"
#include "nvmev/types.h"
#include "uncorrectable.h"

namespace nvmev {

class UndoLog {
 public:
  // Keeps the last `bytes` of replaced pages; 0: none. `metadata`: bytes that a page has at most. `regions`: of the device. False when
  // there is no memory.
  bool init(nvmev_host* host, u64 bytes, u32 metadata, u32 regions);

  bool enabled() const { return entries_.size() != 0; }

  // The page at `page` (bytes, on a page) is about to be changed, and marks of its blocks about to be cleared, by the write that
  // was plan number `plan` of region `region`. Its metadata, if any, are `length` bytes at `place` of their medium, in one page of
  // it. Worker threads; the caller's write follows.
  void note(Medium& medium, const Uncorrectable& marks, u64 page, u32 region, u64 plan, Medium* metadata, u64 place, u32 length);

  // Whether all that the write replaced is still kept. While no write is under way.
  bool has_all_of(u32 region, u64 plan) const { return plan >= kept_since_[region]; }

  // Puts back what the writes planned as number `since` and later have replaced in a range of whole pages, as far as it is
  // kept. Returns how many bytes. While no write is under way.
  u64 undo(Medium& medium, Uncorrectable& marks, u64 offset, u64 length, u64 since);

  // What a range of whole pages held is never to come back: it has been erased. While no write is under way.
  void forget(u64 offset, u64 length);

  // Nothing that was written can be lost any more.
  void clear() { count_ = 0; }

 private:
  static constexpr u64 kForgotten = ~0ull;

  struct Entry {
    u64 page;  // byte address, or kForgotten
    u64 plan;
    Medium* metadata;  // nullptr: none
    u64 place;
    u32 length;
    u16 region;
    u8 marks;  // of unreadable blocks
  };

  u8* copy_of(u64 entry) { return pages_.data() + (entry << kPageShift); }
  u8* metadata_of(u64 entry) { return metadata_.data() + entry * metadata_room_; }

  nvmev_host* host_ = nullptr;
  Spinlock lock_;
  u64 count_ = 0;  // entries so far; the last ones are there
  HostArray<Entry> entries_;
  HostArray<u8> pages_;
  HostArray<u8> metadata_;
  HostArray<u64> kept_since_;  // by region: the first plan number behind those whose entries had to go
  u32 metadata_room_ = 0;
};

}  // namespace nvmev
