// SPDX-License-Identifier: GPL-2.0-only
// Submission and completion queues: memory of the requester's, and who may touch which field.
#pragma once

#include <atomic>

#include "bus.h"
#include "mmio.h"
#include "nvmev/host.h"
#include "nvmev/nvme/command.h"
#include "nvmev/nvme/status.h"
#include "nvmev/types.h"

namespace nvmev {

// EventIdx for a doorbell that was seen at `position` (section 5.8): the requester writes the register too when it moves
// the doorbell past EventIdx. The value just behind the position is the one that it passes last, so that the shadow
// buffer alone is enough.
constexpr u32 quiet_event_index(u32 position) { return (position - 1) & 0xffff; }

// The pages of one queue. They are contiguous for the requester, not necessarily for us: an IOMMU may stand between.
class QueueMemory {
 public:
  // `pages` has room for the largest queue and outlives this.
  void init(void** pages) { pages_ = pages; }

  // Maps `bytes` from the page-aligned `address`. Refused when that is not memory we may reach, or only a part of it is in the
  // Controller Memory Buffer (CMBLOC.CQMMS is 0).
  nvme::Status map(const Bus& bus, u64 address, u64 bytes) {
    if (address + (bytes - 1) < address) return nvme::Status::kInvalidField;
    const bool in_cmb = bus.cmb.find(address) != nullptr;
    for (u64 at = 0; at < bytes; at += kPageSize) {
      if ((bus.cmb.find(address + at) != nullptr) != in_cmb) return nvme::Status::kInvalidUseOfCmb;
    }
    for (u64 at = 0; at < bytes; at += kPageSize) {
      const u32 length = static_cast<u32>(bytes - at < kPageSize ? bytes - at : kPageSize);
      void* page = bus.map_structure(address + at, length);
      if (page == nullptr) return nvme::Status::kInvalidField;
      pages_[at >> kPageShift] = page;
    }
    return nvme::Status::kSuccess;
  }

  template <typename Entry>
  Entry* entry(u32 index) const {
    const u64 at = static_cast<u64>(index) * sizeof(Entry);
    return reinterpret_cast<Entry*>(static_cast<u8*>(pages_[at >> kPageShift]) + (at & (kPageSize - 1)));
  }

 private:
  void** pages_ = nullptr;
};

// The life of an I/O submission queue. Dispatcher 0 creates it and asks for its end, the dispatcher that
// serves it stops fetching, the worker that completes its commands gives the last of them up.
enum class SqState : u8 {
  kAbsent,    // set by dispatcher 0
  kActive,    // set by dispatcher 0
  kStopping,  // set by dispatcher 0
  kDraining,  // set by the queue's dispatcher
  kDrained,   // set by the worker
};

struct alignas(kCacheLine) SubmissionQueue {
  // Written by dispatcher 0 while the queue is absent.
  u16 id;
  u16 cq_id;
  u32 size;  // entries
  u32 worker;
  nvme::QueuePriority priority;
  bool silent_end;              // commands that are given up get no completion
  nvme::Status end_status;      // otherwise this one
  QueueMemory memory;
  std::atomic<const u32*> doorbell;  // where the tail is read: BAR or shadow buffer
  std::atomic<u32*> event_index;     // EventIdx of the shadow doorbell, or nullptr

  std::atomic<SqState> state{SqState::kAbsent};

  // Written by the queue's dispatcher.
  std::atomic<u32> head;
  u32 refused_tail;  // last invalid doorbell value that was reported; 0: none (0 is never invalid)

  void reset_pointers() {
    head.store(0, std::memory_order_relaxed);
    refused_tail = 0;
  }

  // Whether the doorbell holds what was not looked at yet. Any thread, while the queue is active.
  bool has_news() const {
    const u32 tail = load_relaxed(doorbell.load(std::memory_order_relaxed));
    return tail != head.load(std::memory_order_relaxed) && (tail < size || tail != refused_tail);
  }
};

struct alignas(kCacheLine) CompletionQueue {
  static constexpr u32 kNoEntry = ~0u;

  // Written by dispatcher 0 while no submission queue uses the queue.
  bool exists;
  bool deleting;    // a Delete I/O Completion Queue is under way
  bool interrupts;  // IEN
  u16 id;
  u16 vector;
  u32 size;  // entries
  u32 worker;
  u32 users;  // submission queues
  u32 stray_head;  // doorbell value beyond the queue that was reported, or 0
  QueueMemory memory;
  std::atomic<const u32*> doorbell;
  std::atomic<u32*> event_index;

  // Owned by the worker (queue 0: by dispatcher 0).
  u32 tail;
  u32 head;  // as last read from the doorbell
  u16 phase;
  u32 refused_head;  // last invalid doorbell value that was reported
  u32 held_first;    // completions that wait for room: links of the worker's entries
  u32 held_last;
  u32 unsignalled;  // completions posted since the last interrupt
  u64 signal_by;    // ns: interrupt at the latest

  void reset_pointers() {
    tail = 0;
    head = 0;
    phase = 1;
    refused_head = 0;
    held_first = held_last = kNoEntry;
    unsignalled = 0;
    signal_by = NVMEV_NEVER;
  }

  // Whether there is room for one more. Reads the doorbell only when it looks full. *invalid is set when the
  // doorbell holds a value that the host may not write; the value is ignored.
  bool has_room(bool* invalid) {
    if (next(tail) != head) return true;
    refresh_head(invalid);
    return next(tail) != head;
  }

  void refresh_head(bool* invalid) {
    const u32 value = load_acquire(doorbell.load(std::memory_order_relaxed));
    // Valid are the positions from the old head up to the tail.
    const u32 ahead = value >= head ? value - head : value + size - head;
    const u32 posted = tail >= head ? tail - head : tail + size - head;
    if (value < size && ahead <= posted) {
      head = value;
      refused_head = head;
      if (u32* index = event_index.load(std::memory_order_relaxed)) store_relaxed(index, quiet_event_index(head));
    } else if (value != refused_head) {
      refused_head = value;
      *invalid = true;
    }
  }

  // Writes an entry; there is room. The phase tag, last, makes it the host's.
  void post(u32 dw0, u32 dw1, u16 sq_head, u16 sq_id, u16 cid, u16 status) {
    nvme::Cqe* cqe = memory.entry<nvme::Cqe>(tail);
    cqe->dw0 = dw0;
    cqe->dw1 = dw1;
    u32* words = reinterpret_cast<u32*>(cqe);
    store_relaxed(&words[2], sq_head | static_cast<u32>(sq_id) << 16);
    store_release(&words[3], cid | static_cast<u32>(static_cast<u16>(status << 1 | phase)) << 16);
    tail = next(tail);
    if (tail == 0) phase ^= 1;
  }

 private:
  u32 next(u32 index) const { return index + 1 == size ? 0 : index + 1; }
};

}  // namespace nvmev
