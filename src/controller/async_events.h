// SPDX-License-Identifier: GPL-2.0-only
// Asynchronous events (NVMe 2.0 section 5.2): requests are held until there is an event, events until there is a request.
#pragma once

#include <array>

#include "nvmev/nvme/async_event.h"
#include "nvmev/nvme/log.h"
#include "nvmev/types.h"

namespace nvmev {

class AsyncEvents {
 public:
  static constexpr u32 kMaxRequests = 4;  // AERL + 1

  void reset() { *this = AsyncEvents(); }

  // Holds a request. False when kMaxRequests are held already.
  bool add_request(u16 cid) {
    if (request_count_ == kMaxRequests) return false;
    requests_[request_count_++] = cid;
    return true;
  }

  // Takes a held request out. False if there is none with this id.
  bool remove_request(u16 cid) {
    for (u32 i = 0; i < request_count_; i++) {
      if (requests_[i] != cid) continue;
      for (; i + 1 < request_count_; i++) requests_[i] = requests_[i + 1];
      request_count_--;
      return true;
    }
    return false;
  }

  // Queues an event, unless the same one waits already.
  void raise(const nvme::AsyncEvent& event) {
    for (u32 i = 0; i < event_count_; i++) {
      if (events_[i].dw0() == event.dw0() && events_[i].parameter == event.parameter) return;
    }
    if (event_count_ < events_.size()) events_[event_count_++] = event;
  }

  // Matches a held request with an event whose type is not masked. False if there is no such pair. Events of
  // the type are masked from then on, until the log page is read.
  bool next(u16* cid, u32* dw0, u32* dw1) {
    if (request_count_ == 0) return false;
    for (u32 i = 0; i < event_count_; i++) {
      const nvme::AsyncEvent event = events_[i];
      if (masked_ >> static_cast<u32>(event.type) & 1) continue;
      masked_ |= 1u << static_cast<u32>(event.type);
      until_read_[static_cast<u32>(event.type)] = event.log;
      for (; i + 1 < event_count_; i++) events_[i] = events_[i + 1];
      event_count_--;
      *cid = requests_[0];
      remove_request(*cid);
      *dw0 = event.dw0();
      *dw1 = event.parameter;
      return true;
    }
    return false;
  }

  // The log page, of namespace `nsid` where it is of one, was read without Retain Asynchronous Event: its events may come again.
  // Those that have not been reported are not any more: what they are about has been read.
  void clear(nvme::LogPage log, u32 nsid) {
    for (u32 type = 0; type < kTypes; type++) {
      if ((masked_ >> type & 1) != 0 && until_read_[type] == log) masked_ &= ~(1u << type);
    }
    drop_if([&](const nvme::AsyncEvent& event) { return event.log == log && (event.parameter == 0 || event.parameter == nsid); });
  }

  // Events that have not been reported are forgotten.
  void withdraw(const nvme::AsyncEvent& event) {
    drop_if([&](const nvme::AsyncEvent& other) { return other.dw0() == event.dw0(); });
  }

 private:
  template <typename Predicate>
  void drop_if(Predicate dropped) {
    u32 kept = 0;
    for (u32 i = 0; i < event_count_; i++) {
      if (!dropped(events_[i])) events_[kept++] = events_[i];
    }
    event_count_ = kept;
  }

  static constexpr u32 kTypes = 8;

  u32 request_count_ = 0;
  u32 event_count_ = 0;
  u32 masked_ = 0;  // bit for each type
  std::array<nvme::LogPage, kTypes> until_read_{};  // of masked types: the log page that ends it
  std::array<u16, kMaxRequests> requests_{};
  std::array<nvme::AsyncEvent, 8> events_{};
};

}  // namespace nvmev
