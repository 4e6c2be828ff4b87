// SPDX-License-Identifier: GPL-2.0-only
// What happened to reclaim units and was not told yet.
#pragma once

#include <array>

#include "nvmev/placement.h"

namespace nvmev::conv {

// Keeps the newest ones.
class PlacementEvents {
 public:
  void add(const PlacementEvent& event) {
    events_[(first_ + count_) % kEvents] = event;
    if (count_ < kEvents) {
      count_++;
    } else {
      first_ = (first_ + 1) % kEvents;
    }
  }

  bool take(PlacementEvent* event) {
    if (count_ == 0) return false;
    *event = events_[first_];
    first_ = (first_ + 1) % kEvents;
    count_--;
    return true;
  }

  void clear() { count_ = 0; }

  // Whether what was read are events.
  bool sound() const {
    if (first_ >= kEvents || count_ > kEvents) return false;
    for (u32 i = 0; i < count_; i++) {
      const PlacementEvent::Kind kind = events_[(first_ + i) % kEvents].kind;
      if (kind != PlacementEvent::Kind::kNotFullyWritten && kind != PlacementEvent::Kind::kMediaReallocated &&
          kind != PlacementEvent::Kind::kImplicitlyModified) {
        return false;
      }
    }
    return true;
  }

 private:
  static constexpr u32 kEvents = 64;

  std::array<PlacementEvent, kEvents> events_{};
  u32 first_ = 0;
  u32 count_ = 0;
};

}  // namespace nvmev::conv
