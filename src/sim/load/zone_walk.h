// SPDX-License-Identifier: GPL-2.0-only
// Where a job writes next that writes zones in order, some of them at a time.
#pragma once

#include <deque>
#include <vector>

#include "nvmev/zones.h"

namespace nvmev::sim {

// What is known of a device's zones before it is made.
struct ZoneShape {
  u64 bytes;     // from one to the next
  u64 capacity;  // bytes of one that can be written
  u64 count;
  u32 open;      // at a time; 0: no limit
};

class ZoneWalk {
 public:
  struct Step {
    u64 offset, length;  // bytes
    bool reset;          // the zone, which is then the range; otherwise a write
  };

  // Zones `first` to `first + count`, `open` at a time, which `lanes` (up to `open`) share: each lane writes its own in turn. A
  // zone that has been written comes again when all others have; it is reset first.
  ZoneWalk(const Zones& zones, u64 first, u64 count, u32 open, u32 lanes) : zones_(&zones), lanes_(lanes) {
    for (u64 zone = first; zone < first + count; zone++) waiting_.push_back(zone);
    for (u32 i = 0; i < open; i++) open_.push_back(take());
    turns_.resize(lanes);
  }

  // The lane's next I/O: a write of up to `length` bytes.
  Step next(u32 lane, u64 length) {
    u32& turn = turns_[lane];
    const u32 mine = (static_cast<u32>(open_.size()) - lane + lanes_ - 1) / lanes_;
    Open& zone = open_[lane + turn % mine * lanes_];
    const u64 zone_bytes = zones_->limits().zone_bytes;
    if (!zone.ready) {
      zone.ready = true;
      if (zones_->view(static_cast<u32>(zone.number)).state != nvme::ZoneState::kEmpty) {
        return {zone.number * zone_bytes, zone_bytes, true};
      }
    }
    const u64 left = zones_->limits().zone_capacity - zone.written;
    const Step step{zone.number * zone_bytes + zone.written, length < left ? length : left, false};
    zone.written += step.length;
    if (step.length == left) {
      waiting_.push_back(zone.number);
      zone = take();
    }
    turn++;
    return step;
  }

 private:
  struct Open {
    u64 number;
    u64 written = 0;  // bytes
    bool ready = false;
  };

  Open take() {
    const u64 number = waiting_.front();
    waiting_.pop_front();
    return {number};
  }

  const Zones* zones_;
  u32 lanes_;
  std::deque<u64> waiting_;
  std::vector<Open> open_;   // number i is of lane i % lanes_
  std::vector<u32> turns_;   // [lane]
};

}  // namespace nvmev::sim
