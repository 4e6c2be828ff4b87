// SPDX-License-Identifier: GPL-2.0-only
// Waiting, without blocking, until every command that was fetched before a certain moment has had its data phase.
#pragma once

#include <array>

#include "nvmev/host.h"
#include "nvmev/types.h"

namespace nvmev {

class Controller;

class Quiesce {
 public:
  // The moment. What must not be met by later commands is set before. Of dispatcher 0.
  void begin(Controller& controller);  // of any controller: it is about all of them

  // As done(), but for commands that take long, which go on, and for those behind a worker's command that waits like this
  // itself: two of them would wait for each other for ever. Any thread.
  bool fetched_done(Controller& controller);

  // Whether all commands fetched before begin() have moved their data. Of dispatcher 0, outside its pass.
  bool done(Controller& controller);

 private:
  // What one controller's threads have to pass.
  struct Part {
    void begin(Controller& controller);
    bool fetched_done(Controller& controller, bool skip_waiting);
    bool done(Controller& controller);
    bool dispatchers_passed(Controller& controller);
    void note_long_plans(Controller& controller);
    bool long_plans_passed(Controller& controller);
    void note_rings(Controller& controller);
    bool rings_passed(Controller& controller, bool skip_waiting);

    bool long_plans_noted;
    bool rings_noted;
    std::array<u32, NVMEV_MAX_DISPATCHERS> passes;
    std::array<u32, NVMEV_MAX_DISPATCHERS> long_plans;
    std::array<u32, NVMEV_MAX_DISPATCHERS * NVMEV_MAX_WORKERS> published;
  };

  std::array<Part, NVMEV_MAX_CONTROLLERS> parts_;
};

}  // namespace nvmev
