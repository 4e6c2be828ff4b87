// SPDX-License-Identifier: GPL-2.0-only
#include "copy.h"

#include "io_check.h"

namespace nvmev {

using nvme::Status;

namespace {

constexpr u32 kUnit = 512;  // bytes moved at a time: divides every logical block, and no page's boundary is within

u32 max_blocks(const Shared& shared, const Namespace& ns) { return shared.max_transfer() >> ns.lba_shift(); }

u32 max_range_blocks(const Shared& shared, const Namespace& ns) {
  constexpr u32 kLargest = 0xffff;
  const u32 blocks = max_blocks(shared, ns);
  return blocks < kLargest ? blocks : kLargest;
}

}  // namespace

void fill_copy_limits(const Shared& shared, const Namespace& ns, nvme::IdentifyNamespace& data) {
  data.mssrl = static_cast<u16>(max_range_blocks(shared, ns));
  data.mcl = max_blocks(shared, ns);
  data.msrc = nvme::kMaxCopyRanges - 1;
}

Status check_copy(const IoContext& context, Task& task) {
  const nvme::Sqe& sqe = task.sqe;
  if (const Status status = check_common(context, sqe); status != Status::kSuccess) return status;
  const Namespace& ns = *context.ns;
  const u32 ranges = (sqe.cdw12 & 0xff) + 1;
  const u32 format = sqe.cdw12 >> 8 & 0xf;
  if (format != 0) return Status::kInvalidField;
  if (ranges > nvme::kMaxCopyRanges) return Status::kCommandSizeLimitExceeded;
  CommandList& list = *context.list;
  list.count = ranges;
  const Status fetched = fetch_list(context, sqe, list.copies, ranges * sizeof(nvme::CopyRange));
  if (fetched != Status::kSuccess) return fetched;
  u64 blocks = 0;
  for (u32 i = 0; i < ranges; i++) {
    const nvme::CopyRange source = list.copies[i];  // its place is about to be reused
    const u32 count = source.nlb + 1u;
    if (count > max_range_blocks(context.shared, ns)) return Status::kCommandSizeLimitExceeded;
    if (source.slba > ns.blocks() || count > ns.blocks() - source.slba) return Status::kLbaOutOfRange;
    list.bytes[i] = {ns.base + (source.slba << ns.lba_shift()), static_cast<u64>(count) << ns.lba_shift()};
    blocks += count;
  }
  if (blocks > max_blocks(context.shared, ns)) return Status::kCommandSizeLimitExceeded;
  if (sqe.slba() > ns.blocks() || blocks > ns.blocks() - sqe.slba()) return Status::kLbaOutOfRange;
  task.op = IoOp::kWrite;
  task.offset = ns.base + (sqe.slba() << ns.lba_shift());
  task.length = blocks << ns.lba_shift();
  task.list = &list;
  return Status::kSuccess;
}

// The device reads all sources at once, and writes when it has them. Both are asked for as of `now`: the model's time
// must not run ahead for others.
void act_copy(const IoContext& context, Task& task, u64 now) {
  Model& model = context.ns->region->model;
  u64 read = now;
  for (u32 i = 0; i < task.list->count && task.status == Status::kSuccess; i++) {
    const ByteRange& source = task.list->bytes[i];
    const IoPlan plan = model.plan({now, source.offset, source.length, IoOp::kRead, false});
    if (plan.done > read) read = plan.done;
    task.status = plan.status;
  }
  if (task.status == Status::kSuccess) {
    const IoPlan plan = model.plan({now, task.offset, task.length, IoOp::kWrite, false});
    task.target = read + (plan.done - now);
    task.status = plan.status;
  }
  if (task.status != Status::kSuccess) task.list = nullptr;
}

namespace {

Status copy_ranges(Shared& shared, const Task& task) {
  const CommandList& list = *task.list;
  Medium& medium = shared.medium;
  for (u32 i = 0; i < list.count; i++) {
    if (shared.uncorrectable.any(list.bytes[i].offset, list.bytes[i].length)) return Status::kUnrecoveredReadError;
  }
  // All memory first, so that running out of it leaves the blocks as they were.
  const u64 end = task.offset + task.length;
  for (u64 at = task.offset; at < end; at = (at | (kPageSize - 1)) + 1) {
    if (!medium.prepare(at)) return Status::kWriteFault;
  }
  u8 unit[kUnit];
  u64 to = task.offset;
  for (u32 i = 0; i < list.count; i++) {
    const ByteRange& source = list.bytes[i];
    for (u64 at = 0; at < source.length; at += kUnit, to += kUnit) {
      medium.read(source.offset + at, {unit, kUnit, unit, 0});
      if (!medium.write(to, {unit, kUnit, unit, 0})) return Status::kWriteFault;
    }
  }
  shared.uncorrectable.clear(task.offset, task.length);
  return Status::kSuccess;
}

}  // namespace

Status move_copy(Shared& shared, DataBuffer&, Task& task) {
  const Status status = copy_ranges(shared, task);
  task.list->taken.store(false, std::memory_order_release);
  return status;
}

}  // namespace nvmev
