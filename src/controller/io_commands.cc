// SPDX-License-Identifier: GPL-2.0-only
// NVM Command Set 1.0, section 3.2.
#include "io_commands.h"

#include "nvmev/nvme/log.h"
#include "nvmev/text.h"
#include "prp.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;

namespace {

constexpr u8 kFuseMask = 0x3;
constexpr u8 kPsdtMask = 0xc0;

// CDW12 of Read, Write, Compare and Write Zeroes.
constexpr u32 kForceUnitAccess = 1u << 30;
constexpr u32 kPrInfo = 0xfu << 26;
constexpr u32 kStorageTagCheck = 1u << 24;
constexpr u32 kDeallocate = 1u << 25;       // Write Zeroes
constexpr u32 kDirectiveType = 0xfu << 20;  // Write

// Dataset Management attributes, CDW11.
constexpr u32 kAttributeDeallocate = 1u << 2;

Status check_common(const Shared& shared, const Sqe& sqe) {
  if (sqe.flags & kFuseMask) return Status::kInvalidField;  // FUSES is 0
  if (sqe.flags & kPsdtMask) return Status::kInvalidField;  // SGLS is 0
  if (sqe.nsid != shared.ns.id) return Status::kInvalidNamespaceOrFormat;
  if (shared.ns.formatting.load(std::memory_order_acquire)) return Status::kFormatInProgress;
  return Status::kSuccess;
}

// Turns a range of logical blocks into bytes.
Status check_range(const Namespace& ns, u64 slba, u64 blocks, Task& task) {
  const u64 size = ns.blocks();
  if (slba > size || blocks > size - slba) return Status::kLbaOutOfRange;
  task.offset = slba << ns.lba_shift();
  task.length = blocks << ns.lba_shift();
  return Status::kSuccess;
}

// Read, Write, Compare, Write Zeroes: SLBA in CDW10-11, NLB (0-based) in CDW12.
Status check_blocks(const Shared& shared, Task& task) {
  if (const Status status = check_common(shared, task.sqe); status != Status::kSuccess) return status;
  // Without protection information neither its checks nor its action can be asked for.
  if (task.sqe.cdw12 & (kPrInfo | kStorageTagCheck)) return Status::kInvalidProtectionInformation;
  return check_range(shared.ns, task.sqe.slba(), (task.sqe.cdw12 & 0xffff) + 1ull, task);
}

Status check_transfer(const Shared& shared, Task& task) {
  if (const Status status = check_blocks(shared, task); status != Status::kSuccess) return status;
  if (task.length > shared.max_transfer()) return Status::kInvalidField;
  return PrpBuffer::check(task.sqe.prp1, task.sqe.prp2, static_cast<u32>(task.length));
}

Status check_read(const IoContext& context, Task& task) {
  task.op = IoOp::kRead;
  return check_transfer(context.shared, task);
}

Status check_write(const IoContext& context, Task& task) {
  task.op = IoOp::kWrite;
  if (task.sqe.cdw12 & kDirectiveType) return Status::kInvalidField;  // no directives
  return check_transfer(context.shared, task);
}

Status check_compare(const IoContext& context, Task& task) {
  task.op = IoOp::kCompare;
  return check_transfer(context.shared, task);
}

Status check_write_zeroes(const IoContext& context, Task& task) {
  const bool deallocate = task.sqe.cdw12 & kDeallocate;
  task.op = deallocate && context.shared.medium.thin() ? IoOp::kDeallocate : IoOp::kWriteZeroes;
  task.ranges = nullptr;
  return check_blocks(context.shared, task);
}

Status check_flush(const IoContext& context, Task& task) {
  task.op = IoOp::kFlush;
  task.offset = task.length = 0;
  Sqe sqe = task.sqe;
  if (sqe.nsid == nvme::kNsidBroadcast) sqe.nsid = context.shared.ns.id;
  return check_common(context.shared, sqe);
}

Status fetch_ranges(const Shared& shared, const Task& task, RangeList& list) {
  const Sqe& sqe = task.sqe;
  const u32 bytes = list.count * sizeof(nvme::DsmRange);
  if (const Status status = PrpBuffer::check(sqe.prp1, sqe.prp2, bytes); status != Status::kSuccess) return status;
  // At most a page, so at most two pointers.
  const u32 in_first = kPageSize - static_cast<u32>(sqe.prp1 & (kPageSize - 1));
  const u32 first = bytes < in_first ? bytes : in_first;
  u8* to = reinterpret_cast<u8*>(list.ranges);
  const auto copy = [&](u64 bus, u32 length) {
    const void* from = nvmev_host_map(shared.host, bus, length);
    if (from == nullptr) return false;
    memcpy(to, from, length);
    to += length;
    return true;
  };
  if (!copy(sqe.prp1, first)) return Status::kDataTransferError;
  if (bytes > first && !copy(sqe.prp2, bytes - first)) return Status::kDataTransferError;
  return Status::kSuccess;
}

Status check_dataset_management(const IoContext& context, Task& task) {
  const Shared& shared = context.shared;
  task.op = IoOp::kDeallocate;
  task.ranges = nullptr;
  task.offset = task.length = 0;
  if (const Status status = check_common(shared, task.sqe); status != Status::kSuccess) return status;
  RangeList& list = *context.ranges;
  list.count = (task.sqe.cdw10 & 0xff) + 1;
  if (const Status status = fetch_ranges(shared, task, list); status != Status::kSuccess) return status;
  for (u32 i = 0; i < list.count; i++) {
    Task part;
    const Status status = check_range(shared.ns, list.ranges[i].slba, list.ranges[i].nlb, part);
    if (status != Status::kSuccess) return status;
  }
  // The other attributes are hints about access patterns; they change nothing here.
  if ((task.sqe.cdw11 & kAttributeDeallocate) == 0) list.count = 0;
  task.ranges = &list;
  return Status::kSuccess;
}

constexpr u32 kReads = nvme::effects::kSupported;
constexpr u32 kWrites = nvme::effects::kSupported | nvme::effects::kLbaContent;

constexpr auto make_table() {
  std::array<IoCommand, 256> table{};
  const auto row = [&](nvme::NvmOpcode opcode) -> IoCommand& { return table[static_cast<u8>(opcode)]; };
  row(nvme::NvmOpcode::kFlush) = {"Flush", check_flush, kWrites, false};
  row(nvme::NvmOpcode::kWrite) = {"Write", check_write, kWrites, false};
  row(nvme::NvmOpcode::kRead) = {"Read", check_read, kReads, false};
  row(nvme::NvmOpcode::kCompare) = {"Compare", check_compare, kReads, false};
  row(nvme::NvmOpcode::kWriteZeroes) = {"Write Zeroes", check_write_zeroes, kWrites, false};
  row(nvme::NvmOpcode::kDatasetManagement) = {"Dataset Management", check_dataset_management, kWrites, true};
  return table;
}

constexpr std::array<IoCommand, 256> kNvmCommands = make_table();

}  // namespace

const IoCommand& nvm_command(u8 opcode) { return kNvmCommands[opcode]; }

}  // namespace nvmev
