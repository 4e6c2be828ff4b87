// SPDX-License-Identifier: GPL-2.0-only
// Who runs the device's dispatchers and workers, and on what clock.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "host/device.h"
#include "nvmev/types.h"

namespace nvmev::test {

class Runner {
 public:
  virtual ~Runner() = default;

  // Lets the device make progress. False when nothing will happen any more unless the driver does something.
  virtual bool step() = 0;

  // ns of the device's clock.
  virtual u64 now() const = 0;
};

// Runs all roles in the calling thread, on a clock that stands until there is nothing left to do and then jumps
// to the next deadline. Also holds the core to what the boundary says about waking: see fault().
class ManualRunner : public Runner {
 public:
  explicit ManualRunner(Device& device);

  // One pass of every role, then a jump of the clock if nobody found work.
  bool step() override;
  u64 now() const override { return now_; }

  // Passes of every role until nobody finds work; the clock stands.
  void settle();

  // settle() at each deadline up to `time`; the clock ends there.
  void run_until(u64 time);
  void run_for(u64 ns) { run_until(now_ + ns); }

  // As if no thread had run for so long.
  void jump(u64 ns) {
    now_ += ns;
    settle();
  }

  // The earliest deadline that the workers gave; NVMEV_NEVER if none.
  u64 next_deadline() const;

  // One pass of one role each, for tests that want a state in between.
  unsigned dispatch(unsigned d);
  unsigned work(unsigned w);

  // The first breach of the contract between core and host threads, empty if none: a role found work that neither
  // its *_pending() nor a deadline announced (a sleeping thread would have missed it), a worker with news was not
  // woken, or a critical section was left open.
  const std::string& fault() const { return fault_; }

 private:
  unsigned pass();
  bool pending() const;
  void breach(const char* what, unsigned role);

  Device& device_;
  u64 now_ = 1'000'000'000;
  std::array<u64, NVMEV_MAX_WORKERS> next_{};
  std::array<u64, NVMEV_MAX_WORKERS> wakes_seen_{};
  std::string fault_;
  unsigned idle_ = 0;  // passes of step() that found nothing, in a row
};

// Real threads on the real clock: the first dispatches, the others work; one alone does both. They never sleep.
class ThreadRunner : public Runner {
 public:
  // Threads 1..: `threads` - 1 threads share the worker roles; 1: a single thread runs everything.
  ThreadRunner(Device& device, unsigned threads);
  ~ThreadRunner() override;

  // Yields to the device's threads.
  bool step() override;
  u64 now() const override { return clock_now(); }

  static u64 clock_now();

 private:
  void run(unsigned thread, unsigned threads);

  Device& device_;
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

}  // namespace nvmev::test
