// SPDX-License-Identifier: GPL-2.0-only
#include "host/arena.h"

#include <sys/mman.h>

#include <cstring>

#include "host/check.h"

namespace nvmev::test {
namespace {

constexpr u8 kPoison = 0xdb;

}  // namespace

Arena::Arena(u64 base, u32 pages) : base_(base), pages_(pages), state_(pages, State::kFresh), hole_(pages, false) {
  void* memory =
      mmap(nullptr, static_cast<size_t>(pages) * kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NVMEV_CHECK(memory != MAP_FAILED);
  memory_ = static_cast<u8*>(memory);
}

Arena::~Arena() { munmap(memory_, static_cast<size_t>(pages_) * kPageSize); }

u64 Arena::alloc(u32 pages) {
  u32 run = 0;
  // Next fit: fresh addresses are used before freed ones, so that stray writes have time to show.
  for (u32 tried = 0, page = next_; tried < pages_ + pages; tried++, page++) {
    if (page == pages_) {
      page = 0;
      run = 0;
    }
    run = state_[page] == State::kUsed ? 0 : run + 1;
    if (run < pages) continue;

    const u32 first = page + 1 - pages;
    for (u32 i = first; i <= page; i++) {
      NVMEV_CHECK(state_[i] != State::kFreed || poisoned(i));
      state_[i] = State::kUsed;
    }
    std::memset(memory_ + static_cast<size_t>(first) * kPageSize, 0, static_cast<size_t>(pages) * kPageSize);
    next_ = (page + 1) % pages_;
    in_use_ += pages;
    return base_ + static_cast<u64>(first) * kPageSize;
  }
  NVMEV_CHECK(!"arena exhausted");
  return 0;
}

void Arena::free(u64 bus, u32 pages) {
  const u32 first = index(bus);
  for (u32 i = first; i < first + pages; i++) {
    NVMEV_CHECK(state_[i] == State::kUsed);
    state_[i] = State::kFreed;
    hole_[i] = false;
  }
  std::memset(memory_ + static_cast<size_t>(first) * kPageSize, kPoison, static_cast<size_t>(pages) * kPageSize);
  in_use_ -= pages;
}

bool Arena::intact() const {
  for (u32 page = 0; page < pages_; page++) {
    if (state_[page] == State::kFreed && !poisoned(page)) return false;
  }
  return true;
}

void Arena::overlay(u64 bus, u8* memory, u64 bytes) {
  NVMEV_CHECK(bus + bytes <= base_ || bus >= end());
  overlays_.push_back({bus, memory, bytes});
}

u8* Arena::at(u64 bus) const {
  for (const Overlay& overlay : overlays_) {
    if (bus - overlay.bus < overlay.bytes) return overlay.memory + (bus - overlay.bus);
  }
  NVMEV_CHECK(bus >= base_ && bus < end());
  return memory_ + (bus - base_);
}

void* Arena::map(u64 bus, u32 length) const {
  if (length == 0 || bus < base_ || bus >= end()) return nullptr;
  if (bus % kPageSize + length > kPageSize) return nullptr;
  if (hole_[index(bus)]) return nullptr;
  return memory_ + (bus - base_);
}

void Arena::punch(u64 bus) { hole_[index(bus)] = true; }
void Arena::mend(u64 bus) { hole_[index(bus)] = false; }

void Arena::forbid() { NVMEV_CHECK(mprotect(memory_, static_cast<size_t>(pages_) * kPageSize, PROT_NONE) == 0); }

void Arena::allow() {
  NVMEV_CHECK(mprotect(memory_, static_cast<size_t>(pages_) * kPageSize, PROT_READ | PROT_WRITE) == 0);
}

u32 Arena::index(u64 bus) const {
  NVMEV_CHECK(bus >= base_ && bus < end());
  return static_cast<u32>((bus - base_) / kPageSize);
}

bool Arena::poisoned(u32 page) const {
  const u8* memory = memory_ + static_cast<size_t>(page) * kPageSize;
  return memory[0] == kPoison && std::memcmp(memory, memory + 1, kPageSize - 1) == 0;
}

}  // namespace nvmev::test
