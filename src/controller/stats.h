// SPDX-License-Identifier: GPL-2.0-only
// Counters. Each is written by one thread and read by any.
#pragma once

#include <atomic>

#include "nvmev/counter.h"
#include "nvmev/types.h"

namespace nvmev {

struct alignas(kCacheLine) WorkerStats {
  Counter reads;  // commands of these kinds that succeeded
  Counter writes;
  Counter compares;
  Counter flushes;
  Counter write_zeroes;
  Counter deallocates;
  Counter verifies;
  Counter write_uncorrectables;
  Counter copies;
  Counter management;  // I/O Management and Zone Management, Receive and Send
  Counter key_commands;  // of the key-value command set: Exist, List and iterators
  Counter blocks_read;  // 512-byte blocks, for SMART
  Counter blocks_written;
  Counter completions;
  Counter errors;       // commands that ended with a status other than success
  Counter media_errors;
  Counter aborted;
  Counter interrupts;
  Counter late_total;  // ns, over all completions
  Counter late_max;    // ns
  Histogram lateness;  // delivery after target
  Counter held;        // completions that waited for room in their queue
  Counter busy;        // ns with commands in flight
  std::atomic<u32> in_flight{0};
};

struct alignas(kCacheLine) DispatcherStats {
  Counter fetched;
  Counter admin;
  Counter stalls;  // times that a command stayed in its queue because the worker had no room
  Counter refused_doorbells;
};

}  // namespace nvmev
