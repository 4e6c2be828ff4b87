// SPDX-License-Identifier: GPL-2.0-only
// How long a device has been running, for reports.
#pragma once

#include "nvmev/counter.h"

namespace nvmev {

// One writer, the thread that plans; any thread reads. Times are ns of the host's clock.
class RunClock {
 public:
  // The device begins to run: it has its state.
  void begin(u64 now) {
    now_.set(now);
    began_.set(now);
  }
  void set(u64 now) { now_.set(now); }

  u64 now() const { return now_.get(); }
  u64 run() const { return now_.get() - began_.get(); }

 private:
  Counter now_, began_;
};

}  // namespace nvmev
