// SPDX-License-Identifier: GPL-2.0-only
// I/O commands: what each opcode means and how it is checked. Data is moved elsewhere (io_data.h).
#pragma once

#include "nvmev/nvme/command.h"
#include "nvmev/nvme/log.h"
#include "nvmev/nvme/status.h"
#include "data_buffer.h"
#include "shared.h"
#include "task.h"

namespace nvmev {

// What a check may use: the shared state, and memory of its dispatcher's.
struct IoContext {
  Shared& shared;
  // Attached; nullptr where NSID names no such namespace.
  Namespace* ns;
  // A free list, for commands that need one.
  CommandList* list;
  // The dispatcher's own, for commands whose memory is looked at before they change anything.
  DataBuffer* buffer;
};

// One row for each opcode of a command set.
struct IoCommand {
  const char* name = nullptr;  // nullptr: not supported
  // Whether this device has the command; nullptr: always.
  bool (*exists)(const Shared&) = nullptr;
  // In the dispatcher: checks everything but what the data pointers point to, and fills in op, offset and length.
  nvme::Status (*check)(const IoContext&, Task&) = nullptr;
  // In the dispatcher: carries the command out in the model; nullptr: as the request that check() made of it.
  void (*act)(const IoContext&, Task&, u64 now) = nullptr;
  // In the worker: whether the command may have its data phase yet; nullptr: always. It waits for nothing but commands that
  // the model carried out before it.
  bool (*ready)(Shared&, const Task&) = nullptr;
  // In the worker: moves the command's data, all of it or none; nullptr: there is none. May change task.result.
  nvme::Status (*move)(Shared&, DataBuffer&, Task&) = nullptr;
  Counter WorkerStats::*counter = nullptr;  // of commands that succeeded
  u32 effects = 0;                          // Commands Supported and Effects, figure 214
  bool reserves = false;    // a reservation command: no reservation is in its way
  bool as_write = false;    // a reservation that excludes writes is, although no block changes
  bool undoable = false;    // writes blocks in its data phase, which a power cut may take back
  bool checks_protection = false;           // knows itself when it would change blocks
  bool needs_list = false;                  // brings a CommandList along
  bool divisible = false;                   // a large one is planned in pieces instead: each part of it is the same
  // Done piece by piece, if there is anything to do (a list, or a length): Dataset Management, Write Zeroes.
  bool long_running = false;
  // Which of the tasks are: others move their data at once; nullptr: all.
  bool (*is_long)(const Task&) = nullptr;
  // Of a long command: does the next piece, from byte *at of the device's address space on. True when all is done, with
  // task.status. Once begun one that changes something goes on to the end, even if nobody waits for the completion any more; it makes
  // blocks that were uncorrectable good itself. nullptr: as the worker does it.
  bool (*step)(Shared&, Task&, u64* at) = nullptr;

  // Whether a long command that has begun may end before it is done.
  bool may_be_given_up() const { return step == nullptr || (!reserves && (effects & nvme::effects::kLbaContent) == 0); }
};

// Flush, which is the same in several command sets.
nvme::Status check_flush(const IoContext& context, Task& task);
void act_flush(const IoContext& context, Task& task, u64 now);

// Whether the device carries the opcode out.
inline bool supports(const Shared& shared, const IoCommand& command) {
  return command.name != nullptr && (command.exists == nullptr || command.exists(shared));
}

}  // namespace nvmev
