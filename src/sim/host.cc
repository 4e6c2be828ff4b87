// SPDX-License-Identifier: GPL-2.0-only
// What the device core asks of its host, for the simulator: memory and a place for messages. The controller is not
// part of this program, so nothing asks for requester memory, interrupts or threads.
#include <sys/mman.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "nvmev/host.h"

namespace {

constexpr size_t kCacheLine = 64;
constexpr size_t kMapFrom = 64 << 10;  // bytes; smaller objects come from the heap
constexpr size_t kHugePage = 2ul << 20;

const char* level_name(nvmev_log_level level) {
  switch (level) {
    case NVMEV_LOG_ERROR:
      return "error";
    case NVMEV_LOG_WARNING:
      return "warning";
    default:
      return "note";
  }
}

}  // namespace

// Tables are mapped without reservation: what a device of 1 TiB never touches costs nothing. Huge pages spare the
// misses of the processor's address translation, which random access to mapping tables otherwise consists of.
extern "C" void* nvmev_host_alloc(nvmev_host*, size_t size) {
  if (size >= kMapFrom) {
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    if (size >= kHugePage) madvise(memory, size, MADV_HUGEPAGE);
    return memory;
  }
  const size_t rounded = (size + kCacheLine - 1) / kCacheLine * kCacheLine;
  void* memory = std::aligned_alloc(kCacheLine, rounded);
  if (memory != nullptr) std::memset(memory, 0, rounded);
  return memory;
}

extern "C" void nvmev_host_free(nvmev_host*, void* memory, size_t size) {
  if (size >= kMapFrom) {
    munmap(memory, size);
  } else {
    std::free(memory);
  }
}

extern "C" void* nvmev_host_page_alloc(nvmev_host*) {
  void* page = std::aligned_alloc(NVMEV_PAGE_SIZE, NVMEV_PAGE_SIZE);
  if (page != nullptr) std::memset(page, 0, NVMEV_PAGE_SIZE);
  return page;
}

extern "C" void nvmev_host_page_free(nvmev_host*, void* page) { std::free(page); }

// A device is of one thread here: nothing to keep out.
extern "C" void nvmev_host_critical_begin(nvmev_host*) {}
extern "C" void nvmev_host_critical_end(nvmev_host*) {}

extern "C" void nvmev_host_log(nvmev_host*, nvmev_log_level level, const char* format, ...) {
  if (level > NVMEV_LOG_NOTICE) return;
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  std::fprintf(stderr, "nvmev-sim: device: %s: %s\n", level_name(level), line);
}
