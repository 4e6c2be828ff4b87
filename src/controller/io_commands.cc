// SPDX-License-Identifier: GPL-2.0-only
// NVM Command Set 1.0, section 3.2.
#include "io_commands.h"

#include "block_io.h"
#include "command_set.h"
#include "copy.h"
#include "fdp.h"
#include "io_check.h"
#include "io_data.h"
#include "nvmev/nvme/log.h"
#include "reservation_commands.h"
#include "streams.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;

Status check_range(const Namespace& ns, u64 slba, u64 blocks, Task& task) {
  const u64 size = ns.blocks();
  if (slba > size || blocks > size - slba) return Status::kLbaOutOfRange;
  task.offset = ns.base + (slba << ns.lba_shift());
  task.length = blocks << ns.lba_shift();
  task.has_metadata = ns.metadata_bytes() != 0;
  return Status::kSuccess;
}

// PRINFO and the storage tag check mean nothing without protection information: they are ignored (section 5.2.1).
Status check_blocks(const IoContext& context, Task& task, bool acts) {
  if (const Status status = check_common(context, task.sqe); status != Status::kSuccess) return status;
  const Status status = check_range(*context.ns, task.sqe.slba(), (task.sqe.cdw12 & 0xffff) + 1ull, task);
  if (status != Status::kSuccess || !task.has_metadata) return status;
  return check_protection(*context.ns, task.sqe, acts);
}

namespace {

// Of MPTR, bytes: one contiguous buffer, which may begin anywhere if data have an SGL; or the place of a descriptor.
u32 metadata_alignment(const Sqe& sqe) {
  constexpr u32 kAlignments[] = {sizeof(u32), 1, sizeof(u64)};
  return kAlignments[sqe.psdt()];
}

}  // namespace

Status check_transfer(const IoContext& context, Task& task, bool acts) {
  if (const Status status = check_blocks(context, task, acts); status != Status::kSuccess) return status;
  u64 length = task.length;
  if (task.has_metadata) {
    const BlockTransfer transfer = transfer_of(*context.ns, task.sqe, task.length >> context.ns->lba_shift());
    length = transfer.bytes;
    const u64 mptr = task.sqe.mptr;
    if (transfer.metadata_bytes != 0 && (mptr == 0 || mptr % metadata_alignment(task.sqe) != 0)) return Status::kInvalidField;
  }
  if (length > context.shared.max_transfer()) return Status::kInvalidField;
  return DataBuffer::check(task.sqe, static_cast<u32>(length));
}

namespace {

// CDW12 of Read, Write, Compare and Write Zeroes.
constexpr u32 kDeallocate = 1u << 25;       // Write Zeroes

// Dataset Management attributes, CDW11.
constexpr u32 kAttributeDeallocate = 1u << 2;

Status check_read(const IoContext& context, Task& task) {
  task.op = IoOp::kRead;
  return check_transfer(context, task);
}

Status check_write(const IoContext& context, Task& task) {
  task.op = IoOp::kWrite;
  const Status status = check_transfer(context, task);
  return status == Status::kSuccess ? check_directive(context, task) : status;
}

Status check_compare(const IoContext& context, Task& task) {
  task.op = IoOp::kCompare;
  return check_transfer(context, task, false);
}

Status check_write_zeroes(const IoContext& context, Task& task) {
  const bool deallocate = task.sqe.cdw12 & kDeallocate;
  task.op = deallocate && context.shared.medium.thin() ? IoOp::kDeallocate : IoOp::kWriteZeroes;
  return check_blocks(context, task);
}

// No data come to the host; nothing limits the size (Identify VSL and WUSL are 0).
Status check_verify(const IoContext& context, Task& task) {
  task.op = IoOp::kRead;
  return check_blocks(context, task, false);
}

Status check_write_uncorrectable(const IoContext& context, Task& task) {
  task.op = IoOp::kWriteZeroes;  // what was there is given up
  if (const Status status = check_common(context, task.sqe); status != Status::kSuccess) return status;
  return check_range(*context.ns, task.sqe.slba(), (task.sqe.cdw12 & 0xffff) + 1ull, task);
}

}  // namespace

Status check_flush(const IoContext& context, Task& task) {
  task.op = IoOp::kFlush;
  task.offset = task.length = 0;
  if (task.sqe.nsid != nvme::kNsidBroadcast) return check_common(context, task.sqe);
  // All namespaces of this controller (VWC bits 2:1).
  return task.sqe.fuse() == 0 && task.sqe.psdt() <= kPsdtMetadataSgl ? Status::kSuccess : Status::kInvalidField;
}

Status check_dataset_management(const IoContext& context, Task& task) {
  task.op = IoOp::kDeallocate;
  task.offset = task.length = 0;
  if (const Status status = check_common(context, task.sqe); status != Status::kSuccess) return status;
  CommandList& list = *context.list;
  list.count = (task.sqe.cdw10 & 0xff) + 1;
  const Status fetched = fetch_list(context, task.sqe, list.ranges, list.count * sizeof(nvme::DsmRange));
  if (fetched != Status::kSuccess) return fetched;
  for (u32 i = 0; i < list.count; i++) {
    Task part;
    const Status status = check_range(*context.ns, list.ranges[i].slba, list.ranges[i].nlb, part);
    if (status != Status::kSuccess) return status;
    list.bytes[i] = {part.offset, part.length};
  }
  task.has_metadata = context.ns->metadata_bytes() != 0;
  // The other attributes are hints about access patterns; they change nothing here.
  const bool deallocates = (task.sqe.cdw11 & kAttributeDeallocate) != 0;
  if (deallocates && context.ns->write_protected()) return Status::kNamespaceWriteProtected;
  if (!deallocates) list.count = 0;
  task.list = &list;
  return Status::kSuccess;
}

namespace {

constexpr u32 kReads = nvme::effects::kSupported | nvme::effects::kScopeNamespace;
constexpr u32 kWrites = kReads | nvme::effects::kLbaContent;

}  // namespace

// Flushes the namespace's region, or all of them.
void act_flush(const IoContext& context, Task& task, u64 now) {
  for (Region& region : context.shared.regions) {
    if (context.ns != nullptr && context.ns->region != &region) continue;
    const IoPlan plan = region.model.plan({now, region.base, 0, IoOp::kFlush, false});
    if (plan.done > task.target) task.target = plan.done;
    if (task.status == Status::kSuccess) task.status = plan.status;
  }
}

namespace {

// Deallocates the ranges one after another.
void act_dataset_management(const IoContext& context, Task& task, u64 now) {
  IoRequest request{now, 0, 0, IoOp::kDeallocate, false};
  for (u32 i = 0; i < task.list->count && task.status == Status::kSuccess; i++) {
    if (task.list->bytes[i].length == 0) continue;
    request.offset = task.list->bytes[i].offset;
    request.length = task.list->bytes[i].length;
    const IoPlan plan = context.ns->region->model.plan(request);
    if (plan.done > task.target) task.target = plan.done;
    task.status = plan.status;
  }
  if (task.status != Status::kSuccess) task.list = nullptr;
}

constexpr auto make_table() {
  using Op = nvme::NvmOpcode;
  using Stats = WorkerStats;
  CommandTable table{};
  const auto row = [&](Op opcode) -> IoCommand& { return table[static_cast<u8>(opcode)]; };
  row(Op::kFlush) = {.name = "Flush",
                     .check = check_flush,
                     .act = act_flush,
                     .counter = &Stats::flushes,
                     .effects = kReads,
                     .as_write = true};
  row(Op::kWrite) = {
      .name = "Write", .check = check_write, .move = move_undoable_write, .counter = &Stats::writes, .effects = kWrites, .undoable = true};
  row(Op::kRead) = {
      .name = "Read", .check = check_read, .move = move_read, .counter = &Stats::reads, .effects = kReads};
  row(Op::kCompare) = {.name = "Compare",
                       .check = check_compare,
                       .move = move_compare,
                       .counter = &Stats::compares,
                       .effects = kReads};
  row(Op::kWriteZeroes) = {.name = "Write Zeroes",
                           .check = check_write_zeroes,
                           .counter = &Stats::write_zeroes,
                           .effects = kWrites,
                           .divisible = true,
                           .long_running = true};
  row(Op::kDatasetManagement) = {.name = "Dataset Management",
                                 .check = check_dataset_management,
                                 .act = act_dataset_management,
                                 .counter = &Stats::deallocates,
                                 .effects = kWrites,
                                 .checks_protection = true,
                                 .needs_list = true,
                                 .divisible = true,
                                 .long_running = true};
  row(Op::kVerify) = {.name = "Verify",
                      .check = check_verify,
                      .move = move_verify,
                      .counter = &Stats::verifies,
                      .effects = kReads,
                      .long_running = true,
                      .is_long = is_long_verify,
                      .step = verify_step};
  row(Op::kWriteUncorrectable) = {.name = "Write Uncorrectable",
                                  .check = check_write_uncorrectable,
                                  .move = move_write_uncorrectable,
                                  .counter = &Stats::write_uncorrectables,
                                  .effects = kWrites};
  row(Op::kCopy) = {.name = "Copy",
                    .check = check_copy,
                    .act = act_copy,
                    .move = move_copy,
                    .counter = &Stats::copies,
                    .effects = kWrites,
                    .undoable = true,
                    .needs_list = true};
  row(Op::kIoManagementReceive) = {.name = "I/O Management Receive",
                                   .exists = has_placement,
                                   .check = check_io_management_receive,
                                   .act = act_nothing,
                                   .move = move_ruh_status,
                                   .counter = &Stats::management,
                                   .effects = kReads};
  row(Op::kIoManagementSend) = {.name = "I/O Management Send",
                                .exists = has_placement,
                                .check = check_io_management_send,
                                .act = act_ruh_update,
                                .counter = &Stats::management,
                                .effects = kReads,
                                .as_write = true,
                                .needs_list = true};
  add_reservation_rows(table);
  return table;
}

constexpr CommandTable kNvmCommands = make_table();

}  // namespace

constinit const CommandSet kNvmCommandSet = {
    .family = CommandFamily::kNvm,
    .csi = nvme::Csi::kNvm,
    .commands = &kNvmCommands,
    .whole_region = false,
    .has_metadata = true,
    .identify_namespace = identify_nvm_namespace,
};

}  // namespace nvmev
