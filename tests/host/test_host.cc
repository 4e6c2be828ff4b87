// SPDX-License-Identifier: GPL-2.0-only
#include "host/test_host.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "host/check.h"

namespace nvmev::test {
namespace {

thread_local int t_critical_depth = 0;

}  // namespace

int critical_depth() { return t_critical_depth; }

TestHost::TestHost() {
  for (unsigned i = 0; i < functions_.size(); i++) functions_[i] = {this, i};
}

TestHost::~TestHost() {
  NVMEV_CHECK(blocks_.empty());
  NVMEV_CHECK(medium_pages_ == 0);
  NVMEV_CHECK(arena.intact());
}

u64 TestHost::allocated_blocks() const {
  const std::lock_guard lock(mutex_);
  return blocks_.size();
}

u64 TestHost::allocated_bytes() const {
  const std::lock_guard lock(mutex_);
  u64 bytes = 0;
  for (const auto& [memory, size] : blocks_) bytes += size;
  return bytes;
}

u64 TestHost::interrupts() const {
  u64 sum = 0;
  for (const auto& of_controller : interrupts_) {
    for (const auto& count : of_controller) sum += count.load(std::memory_order_relaxed);
  }
  return sum;
}

std::vector<TestHost::LogLine> TestHost::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

void TestHost::clear_log() {
  const std::lock_guard lock(mutex_);
  log_.clear();
}

bool TestHost::logged(nvmev_log_level level) const {
  for (const LogLine& line : log()) {
    if (line.level <= level) return true;
  }
  return false;
}

void* TestHost::alloc(size_t size) {
  NVMEV_CHECK(t_critical_depth == 0);
  const std::lock_guard lock(mutex_);
  if (allocations_++ == fail_allocation_) return nullptr;
  const size_t rounded = (size + kCacheLine - 1) / kCacheLine * kCacheLine;
  void* memory = std::aligned_alloc(kCacheLine, rounded);
  NVMEV_CHECK(memory != nullptr);
  std::memset(memory, 0, size);
  blocks_.emplace(memory, size);
  return memory;
}

void TestHost::release(void* memory, size_t size) {
  NVMEV_CHECK(t_critical_depth == 0);
  if (memory == nullptr) return;
  const std::lock_guard lock(mutex_);
  const auto found = blocks_.find(memory);
  NVMEV_CHECK(found != blocks_.end());
  NVMEV_CHECK(found->second == size);
  blocks_.erase(found);
  std::free(memory);
}

void* TestHost::page_alloc() {
  if (medium_pages_.fetch_add(1, std::memory_order_relaxed) >= medium_limit_) {
    medium_pages_.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }
  void* page = std::aligned_alloc(kPageSize, kPageSize);
  NVMEV_CHECK(page != nullptr);
  std::memset(page, 0, kPageSize);
  return page;
}

void TestHost::page_free(void* page) {
  NVMEV_CHECK(medium_pages_.fetch_sub(1, std::memory_order_relaxed) != 0);
  std::free(page);
}

void TestHost::interrupt(unsigned controller, unsigned vector) {
  NVMEV_CHECK(vector < NVMEV_MAX_VECTORS);
  interrupts_[controller][vector].fetch_add(1, std::memory_order_relaxed);
  if (on_interrupt) on_interrupt(vector);
}

void TestHost::wake(unsigned worker) {
  NVMEV_CHECK(worker < wakes_.size());
  wakes_[worker].fetch_add(1, std::memory_order_release);
  if (on_wake) on_wake(worker);
}

void TestHost::append_log(nvmev_log_level level, const char* text) {
  NVMEV_CHECK(std::strchr(text, '\n') == nullptr);
  const std::lock_guard lock(mutex_);
  log_.push_back({level, text});
}

}  // namespace nvmev::test

using nvmev::test::t_critical_depth;
using nvmev::test::TestHost;

extern "C" {

void* nvmev_host_alloc(nvmev_host* host, size_t size) { return TestHost::of(host).alloc(size); }

void nvmev_host_free(nvmev_host* host, void* memory, size_t size) { TestHost::of(host).release(memory, size); }

void* nvmev_host_page_alloc(nvmev_host* host) { return TestHost::of(host).page_alloc(); }

void nvmev_host_page_free(nvmev_host* host, void* page) { TestHost::of(host).page_free(page); }

nvmev_function* nvmev_host_function(nvmev_host* host, unsigned int controller) {
  return TestHost::of(host).function(controller);
}

void* nvmev_host_map(nvmev_function* function, uint64_t bus, uint32_t length) {
  return function->host->arena.map(bus, length);
}

void nvmev_host_interrupt(nvmev_function* function, unsigned int vector) {
  function->host->interrupt(function->controller, vector);
}

void nvmev_host_wake(nvmev_host* host, unsigned int w) { TestHost::of(host).wake(w); }

bool nvmev_host_save(nvmev_host* host) {
  const auto& save = TestHost::of(host).on_shutdown;
  return save && save();
}

void nvmev_host_enabled(nvmev_host* host) { TestHost::of(host).enabled.fetch_add(1, std::memory_order_relaxed); }

uint64_t nvmev_host_file_size(nvmev_host* host) { return TestHost::of(host).file.size(); }

int nvmev_host_file_read(nvmev_host* host, uint64_t offset, void* data, size_t length) {
  return TestHost::of(host).file.read(offset, data, length);
}

int nvmev_host_file_write(nvmev_host* host, uint64_t offset, const void* data, size_t length) {
  return TestHost::of(host).file.write(offset, data, length);
}

int nvmev_host_file_sync(nvmev_host* host) { return TestHost::of(host).file.sync(); }

void nvmev_host_file_keep(nvmev_host* host, uint64_t begin, uint64_t end) { TestHost::of(host).file.keep(begin, end); }

bool nvmev_host_medium_stays(nvmev_host* host) { return TestHost::of(host).medium_stays; }

void nvmev_host_critical_begin(nvmev_host* host) {
  if (t_critical_depth == 0 && host != nullptr && TestHost::of(host).on_critical) TestHost::of(host).on_critical();
  t_critical_depth++;
}

void nvmev_host_critical_end(nvmev_host*) {
  NVMEV_CHECK(t_critical_depth > 0);
  t_critical_depth--;
}

void nvmev_host_log(nvmev_host* host, nvmev_log_level level, const char* format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  std::vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  TestHost::of(host).append_log(level, text);
}
}
