// SPDX-License-Identifier: GPL-2.0-only
// The host side of the boundary for tests: all nvmev_host_*() functions, with everything recorded.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "host/arena.h"
#include "host/test_file.h"
#include "nvmev/host.h"
#include "nvmev/types.h"

namespace nvmev::test {
class TestHost;
}

// What the core hands back to its host is only a name outside.
struct nvmev_host {};
struct nvmev_function {
  nvmev::test::TestHost* host = nullptr;
  unsigned controller = 0;
};

namespace nvmev::test {

class TestHost : public nvmev_host {
 public:
  struct LogLine {
    nvmev_log_level level;
    std::string text;
  };

  TestHost();
  // Checks that all memory was given back.
  ~TestHost();
  TestHost(const TestHost&) = delete;
  TestHost& operator=(const TestHost&) = delete;

  static TestHost& of(nvmev_host* host) { return *static_cast<TestHost*>(host); }

  Arena arena;

  // ---- Memory at attach
  u64 allocations() const { return allocations_; }  // so far
  u64 allocated_blocks() const;
  u64 allocated_bytes() const;
  // The n-th allocation from now on fails, n from 0; kNever: none does.
  static constexpr u64 kNever = ~0ull;
  void fail_allocation(u64 n) { fail_allocation_ = n == kNever ? kNever : allocations_ + n; }

  // ---- Pages of the medium
  u64 medium_pages() const { return medium_pages_.load(std::memory_order_relaxed); }
  void limit_medium_pages(u64 limit) { medium_limit_ = limit; }

  nvmev_function* function(unsigned controller) { return &functions_.at(controller); }

  // ---- Interrupts
  u64 interrupts(unsigned vector, unsigned controller = 0) const {
    return interrupts_[controller][vector].load(std::memory_order_relaxed);
  }
  u64 interrupts() const;
  // Called in the device's thread for each interrupt of any controller; set while no device thread runs.
  std::function<void(unsigned vector)> on_interrupt;

  // ---- Waking of workers
  u64 wakes(unsigned worker) const { return wakes_[worker].load(std::memory_order_acquire); }
  std::function<void(unsigned worker)> on_wake;

  // Called before each critical section begins, which is where another thread could come in between; set while one thread runs
  // everything.
  std::function<void()> on_critical;

  // ---- State file
  TestFile file;
  bool medium_stays = false;
  // Called by the device's thread when the requester has shut it down; the result is nvmev_host_save()'s.
  std::function<bool()> on_shutdown;
  std::atomic<u64> enabled{0};  // times that a controller became ready

  // ---- Log
  std::vector<LogLine> log() const;
  void clear_log();
  // Whether a line of this level or a more severe one was logged.
  bool logged(nvmev_log_level level) const;

  // The boundary's functions, by the names without prefix.
  void* alloc(size_t size);
  void release(void* memory, size_t size);
  void* page_alloc();
  void page_free(void* page);
  void interrupt(unsigned controller, unsigned vector);
  void wake(unsigned worker);
  void append_log(nvmev_log_level level, const char* text);

 private:
  mutable std::mutex mutex_;
  std::unordered_map<void*, size_t> blocks_;
  std::vector<LogLine> log_;
  u64 allocations_ = 0;
  u64 fail_allocation_ = kNever;
  u64 medium_limit_ = ~0ull;
  std::atomic<u64> medium_pages_{0};
  std::array<nvmev_function, NVMEV_MAX_CONTROLLERS> functions_{};
  std::array<std::array<std::atomic<u64>, NVMEV_MAX_VECTORS>, NVMEV_MAX_CONTROLLERS> interrupts_{};
  std::array<std::atomic<u64>, NVMEV_MAX_WORKERS> wakes_{};
};

// How deep the calling thread is in nvmev_host_critical_begin(); 0 whenever the core returns.
int critical_depth();

}  // namespace nvmev::test
