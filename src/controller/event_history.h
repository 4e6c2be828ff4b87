// SPDX-License-Identifier: GPL-2.0-only
// The events of the Persistent Event log (NVMe 2.0 section 5.16.1.14), as many of the latest as there is room for. They outlive
// resets; they are gone with the device.
#pragma once

#include "nvmev/host_array.h"
#include "nvmev/nvme/persistent_event.h"
#include "nvmev/state_archive.h"
#include "nvmev/types.h"

namespace nvmev {

class EventHistory {
 public:
  // Bytes of the whole log: PELS is this in units of 64 KiB.
  static constexpr u32 kLogBytes = 64 << 10;

  // False when there is no memory.
  bool init(nvmev_host* host) { return events_.allocate(host, kRoom) && context_.allocate(host, kLogBytes); }

  // Adds an event with its data; the oldest ones make room. `timestamp`: as feature 0Eh reads.
  // `cntlid`: of the controller that tells it.
  void add(nvme::PersistentEventType type, u16 cntlid, u64 timestamp, const void* data, u32 length);

  // Copies the log as it is now, under a header whose fields about the device are filled in, and keeps the copy until
  // release(). False when there is a context already. A context belongs to a controller.
  bool establish(const nvme::PersistentEventHeader& device, u16 cntlid);
  void release(u16 cntlid) {
    if (has_context(cntlid)) context_bytes_ = 0;
  }

  bool has_context() const { return context_bytes_ != 0; }
  bool has_context(u16 cntlid) const { return has_context() && context_of_ == cntlid; }
  const u8* context() const { return context_.data(); }
  u32 context_bytes() const { return context_bytes_; }

  void transfer(StateArchive& archive);

  // Events that are kept.
  u32 count() const { return count_; }

 private:
  static constexpr u32 kRoom = 32 << 10;
  static_assert(kRoom + sizeof(nvme::PersistentEventHeader) <= kLogBytes);

  void drop_oldest();
  // Whether the first `bytes` bytes are `count` events.
  bool holds(u32 bytes, u32 count) const;

  HostArray<u8> events_;   // in the order in which they came
  HostArray<u8> context_;
  u32 bytes_ = 0;
  u32 count_ = 0;
  u32 context_bytes_ = 0;
  u16 generation_ = 0;
  u16 context_of_ = 0;
};

}  // namespace nvmev
