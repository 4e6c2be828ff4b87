// SPDX-License-Identifier: GPL-2.0-only
#include "fused.h"

#include "block_io.h"
#include "command_set.h"
#include "nvmev/nvme/command.h"
#include "plan_task.h"

namespace nvmev {

using nvme::NvmOpcode;
using nvme::Sqe;
using nvme::Status;

namespace {

constexpr u8 kFuseMask = 3;

bool is(const Sqe& sqe, NvmOpcode opcode) { return sqe.opcode == static_cast<u8>(opcode); }

bool has_fused(const Namespace* ns) { return command_set_of(ns).family == CommandFamily::kNvm; }

Status check(const IoContext& context, Task& task) {
  if (task.status != Status::kSuccess) return task.status;
  task.sqe.flags &= static_cast<u8>(~kFuseMask);
  return find_command(command_set_of(context.ns), task.sqe.opcode).check(context, task);
}

// Both are what they must be, and of the same block.
Status check_pair(const IoContext& context, const Sqe& compare, const Sqe& write) {
  if (!has_fused(context.ns) || !is(compare, NvmOpcode::kCompare) || !is(write, NvmOpcode::kWrite)) return Status::kInvalidField;
  constexpr u32 kBlocks = 0xffff;  // NLB
  const bool same = compare.nsid == write.nsid && compare.slba() == write.slba() && ((compare.cdw12 ^ write.cdw12) & kBlocks) == 0;
  if (!same) return Status::kInvalidField;
  return (compare.cdw12 & kBlocks) == 0 ? Status::kSuccess : Status::kAtomicWriteUnitExceeded;
}

// The first command's block is what the host expects.
Status carry_out_compare(const IoContext& context, Task& task, u64 now) {
  Shared& shared = context.shared;
  if (const Status status = context.buffer->map(task.sqe, static_cast<u32>(task.length)); status != Status::kSuccess) return status;
  u64 number;
  if (const Status status = plan_task(shared, *context.ns, task, now, &number); status != Status::kSuccess) return status;
  if (shared.uncorrectable.any(task.offset, task.length)) return Status::kUnrecoveredReadError;
  const Pieces expected = context.buffer->pieces(0, static_cast<u32>(task.length));
  return shared.medium.equals(task.offset, expected) ? Status::kSuccess : Status::kCompareFailure;
}

// context.buffer has the memory of the first command still: somebody else may have written since it was compared.
Status carry_out_write(const IoContext& context, Task& task, const u8* block, u64 now, bool* changed_since) {
  Shared& shared = context.shared;
  u64 number;
  if (const Status status = plan_task(shared, *context.ns, task, now, &number); status != Status::kSuccess) return status;
  if (!shared.medium.prepare(task.offset)) return Status::kWriteFault;
  note_for_undo(shared, *context.ns, task.offset, number);
  const Pieces expected = context.buffer->pieces(0, static_cast<u32>(task.length));
  *changed_since = !shared.medium.compare_and_write(task.offset, expected, block);
  if (*changed_since) return Status::kFailedFusedCommand;
  shared.uncorrectable.clear(task.offset, task.length);
  return Status::kSuccess;
}

}  // namespace

Status status_of_lone_fused(const Namespace* ns, const Sqe& sqe) {
  const bool part = (sqe.fuse() == nvme::kFuseFirst && is(sqe, NvmOpcode::kCompare)) ||
                    (sqe.fuse() == nvme::kFuseSecond && is(sqe, NvmOpcode::kWrite));
  return part && has_fused(ns) ? Status::kMissingFusedCommand : Status::kInvalidField;
}

void carry_out_fused(const IoContext& context, Task& compare, Task& write, u8* block, u64 now) {
  const auto end = [&](Status first, Status second) {
    compare.status = first;
    write.status = second;
  };
  if (const Status status = check_pair(context, compare.sqe, write.sqe); status != Status::kSuccess) return end(status, status);
  if (const Status status = check(context, compare); status != Status::kSuccess) return end(status, Status::kFailedFusedCommand);
  if (const Status status = check(context, write); status != Status::kSuccess) return end(Status::kFailedFusedCommand, status);
  if (compare.has_metadata) {
    const FusedOutcome outcome = fuse_blocks(context, compare, write, block, now);
    return end(outcome.compare, outcome.write);
  }
  // The buffer is needed for what is compared: what is to be written waits elsewhere.
  const u32 length = static_cast<u32>(write.length);
  if (const Status status = context.buffer->map(write.sqe, length); status != Status::kSuccess) {
    return end(Status::kFailedFusedCommand, status);
  }
  context.buffer->copy_in(block, length);
  if (const Status status = carry_out_compare(context, compare, now); status != Status::kSuccess) {
    return end(status, Status::kFailedFusedCommand);
  }
  bool changed_since = false;
  const Status status = carry_out_write(context, write, block, now, &changed_since);
  end(changed_since ? Status::kCompareFailure : Status::kSuccess, status);
  if (write.target < compare.target) write.target = compare.target;
}

}  // namespace nvmev
