// SPDX-License-Identifier: GPL-2.0-only
// What dispatchers hand to workers.
#pragma once

#include <atomic>

#include "nvmev/ftl.h"
#include "nvmev/nvme/command.h"
#include "nvmev/open_channel.h"
#include "nvmev/types.h"
#include "protection.h"
#include "spsc_ring.h"

namespace nvmev {

// A part of the device's address space.
struct ByteRange {
  u64 offset;
  u64 length;
};

// A source of Copy.
struct CopySource {
  u64 offset;  // bytes in the device's address space
  ProtectionTags tags;  // expected of its first block
  u32 nsid;
  u32 blocks;
};

// The list that a command brings along, copied once from the requester. Taken by a dispatcher, given back by whoever
// is done with it.
struct CommandList {
  bool is_free() const { return !taken.load(std::memory_order_acquire); }
  void take() { taken.store(true, std::memory_order_relaxed); }
  void give_back() { taken.store(false, std::memory_order_release); }

  std::atomic<bool> taken{false};
  u32 count;
  union {
    nvme::DsmRange ranges[nvme::kMaxDsmRanges];  // Dataset Management, as it came
    u8 descriptors[nvme::kMaxCopyRanges * sizeof(nvme::CopyRangeLong)];  // Copy, as it came
    CopySource sources[nvme::kMaxCopyRanges];    // and checked
    ByteRange bytes[nvme::kMaxDsmRanges];        // and checked, in the same place
    u16 placement_ids[nvme::kMaxDsmRanges];      // Reclaim Unit Handle Update
    u8 key[256];  // of a vendor specific key-value command that has no room for it
    SectorRun runs[kMaxRuns];                    // open-channel commands: what they move
  };

  // Of open-channel commands.
  nvme::Status outcome;  // of the command, once `runs` have been moved
  u32 run_count;
  u32 to_run_count;      // of copies, behind the others
  u32 plane_mode;
  u64 base;              // of the namespace
  const SectorLayout* layout;
  u64 from[nvme::kMaxVector];  // addresses
  u64 to[nvme::kMaxVector];
};
static_assert(sizeof(ByteRange) == sizeof(nvme::DsmRange));
// Checked in place.
static_assert(sizeof(CopySource) <= sizeof(nvme::CopyRange) && sizeof(ByteRange) <= sizeof(CopySource));

enum class TaskKind : u8 {
  kCommand,
  kCarriedOut,  // a command whose data phase is over: it has its result, and its completion is due at `target`
  kDrainSq,   // give up all commands of sq_id; the queue is gone afterwards
  kForgetCq,  // drop what is held for cq_id
  kAbort,     // give up command `cid` of sq_id, if it is still there
};

// Answer of a worker to dispatcher 0.
enum class Answer : u8 { kPending, kYes, kNo };

// One fetched and planned command, or a request to the worker in the order of the commands.
struct alignas(kCacheLine) Task {
  nvme::Sqe sqe;
  u64 target;  // ns: when the completion is due
  u64 offset;  // bytes in the device's address space; of a key-value command, the value that it holds
  u64 length;  // bytes
  CommandList* list;
  std::atomic<Answer>* answer;  // of kForgetCq and kAbort
  u16 sq_id;
  u16 cq_id;  // of kForgetCq
  u16 cid;    // of kAbort
  nvme::Status status;
  u16 placement;  // handle of a write
  TaskKind kind;
  IoOp op;
  CommandFamily family;  // whose row of the command table
  bool has_metadata;     // the blocks are of a format with metadata
  bool wait;             // act() did nothing: the command stays in its queue for now
  bool undoable;         // what its data phase replaces is noted; in WriteOrder until that is over
  u64 result;            // DW0 and DW1 of the completion; of what is undoable, until its data phase, the number of its plan
};
static_assert(sizeof(Task) == 128);

inline constexpr u32 kRingTasks = 256;
using TaskRing = SpscRing<Task, kRingTasks>;

}  // namespace nvmev
