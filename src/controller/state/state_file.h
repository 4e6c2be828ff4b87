// SPDX-License-Identifier: GPL-2.0-only
// The state file: where in it a state lies, and how a new one takes its place so that there is always a whole one.
//
//   0      superblock 0 ┐ each of 4 KiB; the valid one with the higher sequence number counts
//   4096   superblock 1 ┘
//   8192   states: streams of bytes (device_state.h)
//
// A new state is written where the current one is not, and made durable; then a superblock that names it, over the older
// of the two; then what the old state took is given back.
#pragma once

#include "nvmev/host.h"
#include "nvmev/host_array.h"
#include "nvmev/types.h"

namespace nvmev {

inline constexpr u32 kStateVersion = 5;

// Little-endian.
struct StateSuperblock {
  char magic[8];  // NVMEV_STATE_MAGIC
  u32 version;    // kStateVersion
  u32 reserved;
  u64 sequence;  // one more with each state, from 1
  u64 offset;    // of the state in the file
  u64 length;
  u64 checksum;  // XXH64 of the state
  char description[512];  // of the device, for people
  u8 unused[4096 - 8 - 2 * 4 - 4 * 8 - 512 - 8];
  u64 own_checksum;  // XXH64 of all bytes before
};
static_assert(sizeof(StateSuperblock) == NVMEV_STATE_BLOCK);

class StateFile {
 public:
  explicit StateFile(nvmev_host* host) : host_(host) {}

  // Reads the superblocks. A file of 0 bytes is a new one. 0 or a negative errno with *error, for whatever is no state
  // file of this version.
  int open(nvmev_error* error);

  // The current state; nullptr: there is none yet.
  const StateSuperblock* current() const { return current_ != kNone ? &blocks_[current_] : nullptr; }

  // Where the next state may be written: from *offset on, up to *limit. `attempt` 0 prefers the place before the current
  // state; 1 is behind it, where there is no limit.
  void place(u32 attempt, u64* offset, u64* limit) const;

  // What was written at `offset` becomes the current state. 0 or a negative errno with *error: then the old one still is.
  int commit(u64 offset, u64 length, u64 checksum, const char* description, nvmev_error* error);

 private:
  static constexpr u32 kNone = ~0u;
  static constexpr u64 kStates = 2 * sizeof(StateSuperblock);

  bool valid(const StateSuperblock& block) const;

  nvmev_host* host_;
  HostArray<StateSuperblock> blocks_;
  u32 current_ = kNone;
};

}  // namespace nvmev
