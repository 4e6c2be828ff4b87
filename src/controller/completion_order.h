// SPDX-License-Identifier: GPL-2.0-only
// The order in which pending completions fall due.
//
// A radix queue over the target time (a monotone priority queue, after Ahuja, Mehlhorn, Orlin and Tarjan,
// "Faster algorithms for the shortest path problem", JACM 37(2), 1990): level L holds the entries whose
// target differs from the current time first in the L-th 6-bit digit, one bucket for each value of that digit. Insertion
// takes constant time; an entry moves down at most once a level before it is popped, whatever the number of
// entries. Equal targets leave in the order in which they came.
//
// Owned by one thread. Allocates nothing: entries are links in an array of the owner's.
#pragma once

#include <array>
#include <bit>

#include "nvmev/types.h"

namespace nvmev {

// What an entry of the owner's array must carry for the order. `target` is in ns; `next` belongs to the order
// while the entry is in it.
struct OrderLink {
  u64 target;
  u32 next;
};

// `Entry` derives from OrderLink.
template <typename Entry>
class CompletionOrder {
 public:
  static constexpr u32 kNone = ~0u;

  // `entries` outlives the order.
  void init(Entry* entries) {
    entries_ = entries;
    clear(0);
  }

  // Forgets all entries; time restarts at `now`.
  void clear(u64 now) {
    now_ = now;
    count_ = 0;
    level_used_ = 0;
    bucket_used_.fill(0);
  }

  u32 size() const { return count_; }

  // Adds entry `index`. A target that has passed already is due at once, behind those that were.
  void insert(u32 index) {
    place(index);
    count_++;
  }

  // Takes out the earliest entry with target <= now; kNone if there is none. `now` never decreases.
  u32 pop_due(u64 now) {
    while (level_used_ != 0) {
      const u32 level = static_cast<u32>(std::countr_zero(level_used_));
      const u32 digit = static_cast<u32>(std::countr_zero(bucket_used_[level]));
      const u64 start = bucket_start(level, digit);
      if (start > now) break;
      now_ = start;
      if (level == 0) {
        count_--;
        return pop_front(digit);
      }
      spread(level, digit);
    }
    // No bucket starts in (now_, now], so every entry keeps its bucket.
    if (now > now_) now_ = now;
    return kNone;
  }

  // No entry is due before this time, ns; ~0 when empty. At most one bucket's width before the earliest target.
  u64 not_before() const {
    if (level_used_ == 0) return ~0ull;
    const u32 level = static_cast<u32>(std::countr_zero(level_used_));
    return bucket_start(level, static_cast<u32>(std::countr_zero(bucket_used_[level])));
  }

  // Takes out every entry for which `remove(index)` is true; visits all. The order of the others is kept.
  template <typename Predicate>
  void remove_if(Predicate remove) {
    for (u32 level = 0; level < kLevels; level++) {
      for (u64 left = bucket_used_[level]; left != 0; left &= left - 1) {
        const u32 digit = static_cast<u32>(std::countr_zero(left));
        u32 index = detach(level, digit);
        while (index != kNone) {
          const u32 next = entries_[index].next;
          if (remove(index)) {
            count_--;
          } else {
            append(level, digit, index);
          }
          index = next;
        }
      }
    }
  }

 private:
  static constexpr u32 kDigitBits = 6;
  static constexpr u32 kDigits = 1u << kDigitBits;
  static constexpr u32 kLevels = (64 + kDigitBits - 1) / kDigitBits;

  struct Bucket {
    u32 head;
    u32 tail;
  };

  static u32 digit_of(u64 time, u32 level) { return time >> (level * kDigitBits) & (kDigits - 1); }

  u64 bucket_start(u32 level, u32 digit) const {
    const u32 shift = level * kDigitBits;
    const u64 above = level + 1 < kLevels ? now_ >> (shift + kDigitBits) << (shift + kDigitBits) : 0;
    return above | static_cast<u64>(digit) << shift;
  }

  void place(u32 index) {
    const u64 target = entries_[index].target > now_ ? entries_[index].target : now_;
    const u32 level = (63u - static_cast<u32>(std::countl_zero((target ^ now_) | 1))) / kDigitBits;
    append(level, digit_of(target, level), index);
  }

  void append(u32 level, u32 digit, u32 index) {
    Bucket& bucket = buckets_[level][digit];
    const u64 bit = 1ull << digit;
    entries_[index].next = kNone;
    if (bucket_used_[level] & bit) {
      entries_[bucket.tail].next = index;
    } else {
      bucket.head = index;
      bucket_used_[level] |= bit;
      level_used_ |= 1u << level;
    }
    bucket.tail = index;
  }

  // Empties a bucket; returns the head of its chain.
  u32 detach(u32 level, u32 digit) {
    bucket_used_[level] &= ~(1ull << digit);
    if (bucket_used_[level] == 0) level_used_ &= ~(1u << level);
    return buckets_[level][digit].head;
  }

  u32 pop_front(u32 digit) {
    const u32 index = buckets_[0][digit].head;
    const u32 next = entries_[index].next;
    if (next == kNone) {
      detach(0, digit);
    } else {
      buckets_[0][digit].head = next;
    }
    return index;
  }

  // Moves a bucket's entries down, now that time has reached the bucket.
  void spread(u32 level, u32 digit) {
    u32 index = detach(level, digit);
    while (index != kNone) {
      const u32 next = entries_[index].next;
      place(index);
      index = next;
    }
  }

  Entry* entries_;
  u64 now_;  // ns; no entry in the order belongs before it
  u32 count_;
  u32 level_used_;
  std::array<u64, kLevels> bucket_used_;
  std::array<std::array<Bucket, kDigits>, kLevels> buckets_;
};

}  // namespace nvmev
