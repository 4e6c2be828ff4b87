// SPDX-License-Identifier: GPL-2.0-only
#include "host/runner.h"

#include <time.h>

#include <algorithm>

#include "host/check.h"

namespace nvmev::test {
namespace {

// Passes without any movement of the clock after which the device is taken to spin.
constexpr unsigned kSpinLimit = 1'000'000;
// Passes that find nothing before the device is taken to wait for the clock. The dispatcher looks at some
// things only now and then, and is pending meanwhile.
constexpr unsigned kIdlePasses = 20;

}  // namespace

ManualRunner::ManualRunner(Device& device) : device_(device) {
  next_.fill(NVMEV_NEVER);
  // A worker thread makes a first pass before it ever sleeps.
  for (unsigned w = 0; w < device_.config().workers; w++) work(w);
}

unsigned ManualRunner::dispatch(unsigned d) {
  const bool announced = nvmev_dispatch_pending(device_.get(), d);
  std::array<bool, NVMEV_MAX_WORKERS> had{};
  for (unsigned w = 0; w < device_.config().workers; w++) had[w] = nvmev_work_pending(device_.get(), w);
  const unsigned done = nvmev_dispatch(device_.get(), d, now_);
  if (done != 0 && !announced) breach("nvmev_dispatch found work that nvmev_dispatch_pending did not tell", d);
  if (critical_depth() != 0) breach("critical section left open by dispatcher", d);
  for (unsigned w = 0; w < device_.config().workers; w++) {
    if (!had[w] && nvmev_work_pending(device_.get(), w) && device_.host().wakes(w) == wakes_seen_[w]) {
      breach("not woken, though nvmev_work_pending: worker", w);
    }
  }
  return done;
}

unsigned ManualRunner::work(unsigned w) {
  // What comes by a doorbell, such as room in a completion queue, is found early by chance: a deadline soon will do.
  constexpr u64 kSoon = 100'000;
  const bool announced = nvmev_work_pending(device_.get(), w) || next_[w] - std::min(next_[w], now_) <= kSoon ||
                         device_.host().wakes(w) != wakes_seen_[w];
  wakes_seen_[w] = device_.host().wakes(w);
  u64 next = 0;
  const unsigned done = nvmev_work(device_.get(), w, now_, &next);
  if (done != 0 && !announced) breach("unannounced work of worker", w);
  if (critical_depth() != 0) breach("critical section left open by worker", w);
  next_[w] = next;
  return done;
}

unsigned ManualRunner::pass() {
  unsigned done = 0;
  for (unsigned d = 0; d < device_.config().dispatchers; d++) done += dispatch(d);
  for (unsigned w = 0; w < device_.config().workers; w++) done += work(w);
  return done;
}

u64 ManualRunner::next_deadline() const {
  return *std::min_element(next_.begin(), next_.begin() + device_.config().workers);
}

bool ManualRunner::pending() const {
  for (unsigned d = 0; d < device_.config().dispatchers; d++) {
    if (nvmev_dispatch_pending(device_.get(), d)) return true;
  }
  return next_deadline() <= now_;
}

void ManualRunner::settle() {
  unsigned idle = 0;
  for (unsigned passes = 0; passes < kSpinLimit; passes++) {
    if (pass() != 0) {
      idle = 0;
    } else if (!pending() || ++idle == kIdlePasses) {
      return;
    }
  }
  NVMEV_CHECK(!"the device finds work for ever at one time");
}

bool ManualRunner::step() {
  if (pass() != 0) {
    idle_ = 0;
    return true;
  }
  if (pending() && ++idle_ < kIdlePasses) return true;
  idle_ = 0;
  const u64 next = next_deadline();
  if (next == NVMEV_NEVER) return false;
  if (next > now_) now_ = next;
  return true;
}

void ManualRunner::run_until(u64 time) {
  settle();
  while (next_deadline() <= time) {
    if (next_deadline() > now_) now_ = next_deadline();
    const u64 before = now_;
    settle();
    if (next_deadline() <= before) break;
  }
  if (time > now_) now_ = time;
  settle();
}

void ManualRunner::breach(const char* what, unsigned role) {
  if (fault_.empty()) fault_ = std::string(what) + " " + std::to_string(role) + " at " + std::to_string(now_);
}

ThreadRunner::ThreadRunner(Device& device, unsigned threads) : device_(device) {
  NVMEV_CHECK(threads >= 1);
  for (unsigned i = 0; i < threads; i++) threads_.emplace_back([this, i, threads] { run(i, threads); });
}

ThreadRunner::~ThreadRunner() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
}

bool ThreadRunner::step() {
  std::this_thread::yield();
  return true;
}

u64 ThreadRunner::clock_now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<u64>(time.tv_sec) * 1'000'000'000 + static_cast<u64>(time.tv_nsec);
}

void ThreadRunner::run(unsigned thread, unsigned threads) {
  const bool dispatches = thread == 0;
  const bool works = threads == 1 || thread > 0;
  const unsigned first = threads == 1 ? 0 : thread - 1;
  const unsigned stride = threads == 1 ? 1 : threads - 1;
  while (!stop_.load(std::memory_order_relaxed)) {
    unsigned done = 0;
    if (dispatches) {
      for (unsigned d = 0; d < device_.config().dispatchers; d++) {
        done += nvmev_dispatch(device_.get(), d, clock_now());
      }
    }
    for (unsigned w = first; works && w < device_.config().workers; w += stride) {
      u64 next;
      done += nvmev_work(device_.get(), w, clock_now(), &next);
    }
    if (done == 0) std::this_thread::yield();
  }
}

}  // namespace nvmev::test
