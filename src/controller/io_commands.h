// SPDX-License-Identifier: GPL-2.0-only
// I/O commands: what each opcode means and how it is checked. Data is moved elsewhere (io_data.h).
#pragma once

#include "nvmev/nvme/command.h"
#include "nvmev/nvme/status.h"
#include "shared.h"
#include "task.h"

namespace nvmev {

// What a check may use: the shared state, and memory of its dispatcher's.
struct IoContext {
  Shared& shared;
  // A free list for Dataset Management, or nullptr: the command stays in its queue until there is one.
  RangeList* ranges;
};

// One row for each opcode of a command set.
struct IoCommand {
  const char* name;  // nullptr: not supported
  // Checks everything but the data pointers' targets and fills in op, offset and length.
  nvme::Status (*check)(const IoContext&, Task&);
  u32 effects;        // Commands Supported and Effects, figure 214
  bool needs_ranges;  // takes a RangeList
};

// The row of an NVM Command Set opcode.
const IoCommand& nvm_command(u8 opcode);

}  // namespace nvmev
