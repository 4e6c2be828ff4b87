// SPDX-License-Identifier: GPL-2.0-only
// What a die does and when.
#pragma once

#include <array>

#include "nvmev/types.h"

namespace nvmev::flash {

enum class Work : u8 { kRead, kProgram, kErase };

// On whose behalf: reads of the host are let pass by other work.
enum class Cause : u8 { kHost, kBackground };

// The operations of a die that are planned and not over yet, in the order in which they run: one at a time. New
// operations come last, save for reads of the host: these come before everything that has not begun, but for earlier
// reads of the host; and they interrupt a program or erase that has begun, if the part can suspend. What they displace
// moves back, and finds time in the gaps behind it first. All times in ns.
class Die {
 public:
  // When everything that is planned is over.
  u64 free_at() const { return count_ != 0 ? at(count_ - 1).end : free_at_; }

  // When the operation that is planned last begins: from then on its page register can be filled again.
  u64 last_start() const { return count_ != 0 ? at(count_ - 1).start : free_at_; }

  // Adds an operation; `start` >= free_at(). Nobody asks for times before `floor` any more. The result names the
  // operation.
  u32 append(u64 start, u64 end, Work work, Cause cause, u64 floor) {
    forget(floor);
    if (++ticket_ == 0) ticket_ = 1;
    if (count_ == kOps) {
      // No room: the last two become one, that nothing can pass between.
      Op& tail = at(count_ - 1);
      tail.end = end;
      tail.busy += end - start;
      tail.ticket = ticket_;
      tail.work = work;
      tail.suspends = kMaxSuspends;
      return ticket_;
    }
    at(count_++) = {start, end, end - start, ticket_, work, cause, 0};
    return ticket_;
  }

  // End of an appended operation as it is planned now; 0 if that is past and forgotten.
  u64 end_of(u32 ticket) const {
    for (u32 i = 0; i < count_; i++) {
      const Op& op = at(i);
      if (op.ticket != 0 && static_cast<s32>(op.ticket - ticket) >= 0) return op.end;
    }
    return 0;
  }

  struct Place {
    u64 start;
    bool behind_background;  // had to wait for, or displaced, work that no host command asked for
    bool suspended;          // a program or erase
  };

  // Finds the place of a read of the host that is ready at `ready`, and when it begins. It takes `suspend` ns to
  // suspend an operation and as long to resume it; 0: the part cannot. close_read() must follow.
  Place open_read(u64 ready, u64 suspend, u64 floor) {
    forget(floor);
    place_ = 0;
    while (place_ < count_ && at(place_).end <= ready) place_++;
    Place place{ready, false, false};
    if (place_ < count_ && at(place_).start <= ready) {
      Op& running = at(place_);
      place.behind_background = running.cause == Cause::kBackground;
      // Splitting an operation takes two more entries.
      if (suspend != 0 && running.work != Work::kRead && running.suspends < kMaxSuspends && count_ + 2 <= kOps) {
        place.suspended = true;
        place.start = split(place_, ready, suspend);
      }
      place_++;
    }
    while (place_ < count_ && !passable(at(place_))) {
      place.behind_background |= at(place_).cause == Cause::kBackground;
      place_++;
    }
    if (place_ != 0 && at(place_ - 1).end > place.start) place.start = at(place_ - 1).end;
    return place;
  }

  // The read that was opened last occupies the die from `start` to `end`.
  void close_read(u64 start, u64 end) {
    if (count_ == kOps) {
      // No room: it becomes part of its neighbour.
      const u32 i = place_ == count_ ? place_ - 1 : place_;
      Op& op = at(i);
      if (i == place_) {
        op.start = start;
        if (end + op.busy > op.end) op.end = end + op.busy;
      } else {
        op.end = end;
      }
      op.busy += end - start;
      push_back(i + 1);
      return;
    }
    for (u32 i = count_; i > place_; i--) at(i) = at(i - 1);
    count_++;
    at(place_) = {start, end, end - start, 0, Work::kRead, Cause::kHost, 0};
    push_back(place_ + 1);
  }

 private:
  using s32 = std::int32_t;

  static constexpr u32 kOps = 32;
  // An operation that was suspended this often runs to its end, so that it ends some time.
  static constexpr u8 kMaxSuspends = 16;

  struct Op {
    u64 start, end;
    u64 busy;    // at most what is between them: operations that became one may have had time between them, which moving them uses up
    u32 ticket;  // 0 for what open_read() put in
    Work work;
    Cause cause;
    u8 suspends;
  };

  Op& at(u32 i) { return ops_[(head_ + i) % kOps]; }
  const Op& at(u32 i) const { return ops_[(head_ + i) % kOps]; }

  static bool passable(const Op& op) {
    if (op.suspends >= kMaxSuspends) return false;
    return op.work != Work::kRead || op.cause != Cause::kHost;
  }

  void forget(u64 floor) {
    while (count_ != 0 && at(0).end <= floor) {
      free_at_ = at(0).end;
      head_ = (head_ + 1) % kOps;
      count_--;
    }
  }

  // Suspends operation `i` at `now`: the part that is left becomes an operation of its own behind it. Returns when the
  // die is ready for something else.
  u64 split(u32 i, u64 now, u64 suspend) {
    for (u32 k = count_; k > i + 1; k--) at(k) = at(k - 1);
    count_++;
    Op& done = at(i);
    Op& rest = at(i + 1);
    rest = done;
    rest.suspends++;
    rest.start = now + suspend;
    rest.end = rest.start + (done.end - now) + suspend;
    rest.busy = (done.busy < done.end - now ? done.busy : done.end - now) + suspend;
    done.end = now + suspend;
    done.busy = done.end - done.start;
    done.ticket = 0;
    done.work = Work::kRead;  // nothing suspends a suspension
    push_back(i + 2);
    return done.end;
  }

  // Operations from `i` on begin no earlier than the one before them ends.
  void push_back(u32 i) {
    for (; i < count_; i++) {
      const u64 free = at(i - 1).end;
      Op& op = at(i);
      if (op.start >= free) break;
      op.start = free;
      if (free + op.busy > op.end) op.end = free + op.busy;
    }
  }

  std::array<Op, kOps> ops_;
  u32 head_ = 0;
  u32 count_ = 0;
  u32 ticket_ = 0;
  u32 place_ = 0;    // of the read that is being put in
  u64 free_at_ = 0;  // when the forgotten operations ended
};

}  // namespace nvmev::flash
