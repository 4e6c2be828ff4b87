// SPDX-License-Identifier: GPL-2.0-only
// Checks that the commands of several files share.
#pragma once

#include "nvmev/nvme/command.h"
#include "nvmev/nvme/status.h"
#include "nvmev/text.h"
#include "command_set.h"
#include "fused.h"
#include "io_commands.h"
#include "data_buffer.h"
#include "sgl.h"

namespace nvmev {

// What holds for every I/O command of a namespace: its flags, and that the namespace is there and usable.
inline nvme::Status check_common(const IoContext& context, const nvme::Sqe& sqe) {
  using nvme::Status;
  if (sqe.fuse() != 0) return status_of_lone_fused(context.ns, sqe);
  if (sqe.psdt() > kPsdtMetadataSgl) return Status::kInvalidField;
  if (context.ns == nullptr) return Status::kInvalidNamespaceOrFormat;
  // Other command sets have no metadata.
  if (sqe.psdt() == kPsdtMetadataSgl && !(context.shared.subsystem.metadata_sgls && context.ns->region->set->has_metadata)) {
    return Status::kInvalidField;
  }
  // Formats that the host does not know (section 5.27.1.18 of the base specification).
  if (context.ns->block_format().extended() && !context.shared.extended_formats.load(std::memory_order_relaxed)) {
    return Status::kInvalidNamespaceOrFormat;
  }
  if (context.ns->formatting.load(std::memory_order_seq_cst)) return Status::kFormatInProgress;
  return Status::kSuccess;
}

// Copies a list of at most a page that the command brings along.
inline nvme::Status fetch_list(const IoContext& context, const nvme::Sqe& sqe, void* list, u32 bytes) {
  using nvme::Status;
  if (const Status status = context.buffer->map(sqe, bytes); status != Status::kSuccess) return status;
  context.buffer->copy_in(list, bytes);
  return Status::kSuccess;
}

// Turns a range of logical blocks into bytes: task.offset, task.length.
nvme::Status check_range(const Namespace& ns, u64 slba, u64 blocks, Task& task);

// Read, Write, Compare, Write Zeroes: SLBA in CDW10-11, NLB (0-based) in CDW12. `acts`: whether PRACT may be set.
nvme::Status check_blocks(const IoContext& context, Task& task, bool acts = true);
// And the form of the data pointers.
nvme::Status check_transfer(const IoContext& context, Task& task, bool acts = true);

// Checks the ranges of Dataset Management; task.list has those to deallocate.
nvme::Status check_dataset_management(const IoContext& context, Task& task);

}  // namespace nvmev
