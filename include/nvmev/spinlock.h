// SPDX-License-Identifier: GPL-2.0-only
// A lock held for at most the copy of one page, by threads that the host does not preempt meanwhile.
#pragma once

#include <atomic>

#include "nvmev/host.h"
#include "nvmev/types.h"

namespace nvmev {

inline void cpu_relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

class Spinlock {
 public:
  void lock() {
    while (held_.exchange(true, std::memory_order_acquire)) {
      while (held_.load(std::memory_order_relaxed)) cpu_relax();
    }
  }
  void unlock() { held_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> held_{false};
};

// Holds a lock, and the CPU, for a scope.
class SpinGuard {
 public:
  SpinGuard(nvmev_host* host, Spinlock& lock) : host_(host), lock_(lock) {
    nvmev_host_critical_begin(host_);
    lock_.lock();
  }
  ~SpinGuard() {
    lock_.unlock();
    nvmev_host_critical_end(host_);
  }
  SpinGuard(const SpinGuard&) = delete;
  SpinGuard& operator=(const SpinGuard&) = delete;

 private:
  nvmev_host* host_;
  Spinlock& lock_;
};

}  // namespace nvmev
