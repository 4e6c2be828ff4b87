// SPDX-License-Identifier: GPL-2.0-only
// When a shared resource is taken, as far as it is planned.
#pragma once

#include <array>

#include "nvmev/types.h"

namespace nvmev::flash {

// Reservations of a resource that serves one user at a time. Operations are planned ahead: a transfer that follows a
// long array operation is reserved far in the future, and one that is planned later but ready earlier takes the gap
// before it. All times in ns.
class Timeline {
 public:
  // The first `length` ns, at `ready` or later, that nobody has; reserves them and returns their start. Nobody will
  // ask for time before `floor` any more.
  u64 reserve(u64 ready, u64 length, u64 floor) {
    if (count_ == 0 || ready >= last().end) {
      append(ready, length, floor);
      return ready;
    }
    u32 at = first_ending_after(ready);
    u64 start = ready;
    for (; at < count_ && start + length > span(at).start; at++) {
      if (span(at).end > start) start = span(at).end;
    }
    if (at == count_) {
      append(start, length, floor);
    } else {
      insert(at, {start, start + length}, floor);
    }
    return start;
  }

  // When everything that is planned is over.
  u64 end() const { return count_ != 0 ? last().end : 0; }

 private:
  static constexpr u32 kSpans = 64;

  struct Span {
    u64 start, end;
  };

  Span& span(u32 i) { return spans_[first_ + i]; }
  const Span& span(u32 i) const { return spans_[first_ + i]; }
  Span& last() { return span(count_ - 1); }
  const Span& last() const { return span(count_ - 1); }

  u32 first_ending_after(u64 time) const {
    u32 low = 0, high = count_;
    while (low < high) {
      const u32 middle = (low + high) / 2;
      if (span(middle).end > time) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  void append(u64 start, u64 length, u64 floor) {
    if (count_ != 0 && last().end == start) {
      last().end += length;
      return;
    }
    if (count_ != 0 && last().end <= floor) first_ = count_ = 0;
    make_room(floor);
    span(count_++) = {start, start + length};
  }

  // `added` lies before span `at` and touches or follows the one before that.
  void insert(u32 at, Span added, u64 floor) {
    const bool touches_left = at != 0 && span(at - 1).end == added.start;
    const bool touches_right = span(at).start == added.end;
    if (touches_left && touches_right) {
      span(at - 1).end = span(at).end;
      remove(at);
    } else if (touches_left) {
      span(at - 1).end = added.end;
    } else if (touches_right) {
      span(at).start = added.start;
    } else {
      const u32 before = count_;
      make_room(floor);
      if (count_ != before) at = first_ending_after(added.start);
      for (u32 i = count_; i > at; i--) span(i) = span(i - 1);
      count_++;
      span(at) = added;
    }
  }

  void remove(u32 at) {
    count_--;
    for (u32 i = at; i < count_; i++) span(i) = span(i + 1);
  }

  // Makes sure that one more span fits behind the last.
  void make_room(u64 floor) {
    if (first_ + count_ < kSpans) return;
    while (count_ != 0 && span(0).end <= floor) {
      first_++;
      count_--;
    }
    if (count_ == kSpans) close_smallest_gap();
    for (u32 i = 0; i < count_; i++) spans_[i] = spans_[first_ + i];
    first_ = 0;
  }

  // What is reserved stays reserved; only the use of one gap is given up.
  void close_smallest_gap() {
    u32 smallest = 1;
    for (u32 i = 2; i < count_; i++) {
      if (span(i).start - span(i - 1).end < span(smallest).start - span(smallest - 1).end) smallest = i;
    }
    span(smallest - 1).end = span(smallest).end;
    remove(smallest);
  }

  std::array<Span, kSpans> spans_;  // disjoint, in order, not touching
  u32 first_ = 0;
  u32 count_ = 0;
};

}  // namespace nvmev::flash
