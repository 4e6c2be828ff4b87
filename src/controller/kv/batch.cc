// SPDX-License-Identifier: GPL-2.0-only
// Vendor specific Batch: up to 8 stores and deletions in one command, carried out one after another. Each has a status of its own:
// DW0 of the completion has four bits for each, 0 for success, from the first command's in bits 3:0 on.
#include "../io_check.h"
#include "values.h"
#include "vendor.h"

namespace nvmev::kv_vendor {

using nvme::KvBatchCommand;
using nvme::KvVendorOpcode;
using nvme::Sqe;
using nvme::Status;

namespace {

constexpr u8 kDeleteToo = 0xa0;

enum SubStatus : u32 {
  kDone = 0x0,
  kInvalidValueSize = 0x1,
  kInvalidKeySize = 0x2,
  kUnsupportedOpcode = 0x3,
  kInvalidOption = 0x4,
  kKeyDoesNotExist = 0x6,
  kUnrecovered = 0x7,
  kCapacityExceeded = 0x8,
  kKeyExists = 0x9,
};

u32 commands_of(const Sqe& sqe) { return sqe.cdw11 & 0xff; }
u32 padded(u32 bytes) { return (bytes + nvme::kKvBatchAlign - 1) / nvme::kKvBatchAlign * nvme::kKvBatchAlign; }

SubStatus sub_status(Status status) {
  switch (status) {
    case Status::kSuccess:
      return kDone;
    case Status::kKeyDoesNotExist:
      return kKeyDoesNotExist;
    case Status::kKeyExists:
      return kKeyExists;
    case Status::kCapacityExceeded:
      return kCapacityExceeded;
    default:
      return kUnrecovered;
  }
}

// Carries out one command, whose own data begin at byte `at`. Returns its status and how long its data is.
SubStatus carry_out(Shared& shared, const Namespace& ns, const DataBuffer& buffer, const KvBatchCommand& command, u32 at, u32 room,
                    u32* length) {
  const bool stores = command.opcode == static_cast<u8>(KvVendorOpcode::kStore);
  const bool deletes = command.opcode == static_cast<u8>(KvVendorOpcode::kDelete) || command.opcode == kDeleteToo;
  if (!stores && !deletes) return kUnsupportedOpcode;
  if (command.key_length == 0) return kInvalidKeySize;
  const u32 key_at = at + nvme::kKvBatchAlign;
  const u32 value_at = key_at + padded(command.key_length);
  if (stores && (command.value_length > room || value_at > room - command.value_length)) return kInvalidValueSize;
  if (value_at > room) return kInvalidKeySize;
  const u8 options = stores ? nvme::kv_vendor::kStoreOptions : nvme::kv_vendor::kDeleteCheck;
  *length = value_at - at + (stores ? padded(command.value_length) : 0);
  if ((command.option & ~options) != 0) return kInvalidOption;
  u8 bytes[kv::kMaxKey];
  buffer.copy_in(bytes, command.key_length, key_at);
  const kv::Key key{bytes, command.key_length};
  KeyValue& store = store_of(ns);
  if (deletes) {
    const SubStatus status = sub_status(store.remove(key));
    const bool check = (command.option & nvme::kv_vendor::kDeleteCheck) != 0;
    return status == kKeyDoesNotExist && !check ? kDone : status;
  }
  kv::Held held;
  Status status = store.take(command.value_length, &held);
  if (status != Status::kSuccess) return sub_status(status);
  if (command.value_length != 0) status = write_value(shared, ns, buffer, held.hold, 0, value_at, command.value_length);
  if (status != Status::kSuccess) {
    store.release(held);
    return sub_status(status);
  }
  const u8 rules = command.option & nvme::kv_vendor::kStoreMustNotExist ? kv::kMustNotExist : 0;
  return sub_status(store.commit(key, rules, held));
}

}  // namespace

// CDW10: dwords of data. CDW11: number of commands in bits 7:0.
Status check_batch(const IoContext& context, Task& task) {
  const Sqe& sqe = task.sqe;
  if (const Status status = check_common(context, sqe); status != Status::kSuccess) return status;
  if (commands_of(sqe) == 0 || commands_of(sqe) > nvme::kKvBatchCommands) return Status::kInvalidField;
  if (sqe.cdw10 > max_value(context.shared) / 4 || sqe.cdw10 * 4 < nvme::kKvBatchHeader) return Status::kVendorInvalidValueSize;
  task.op = IoOp::kWrite;
  task.offset = 0;
  task.length = sqe.cdw10 * 4;
  return DataBuffer::check(sqe, static_cast<u32>(task.length));
}

// What the commands are is known when their data is there: the flash gets all of the data.
void act_batch(const IoContext& context, Task& task, u64 now) {
  plan_with(context, task, now, [&](KeyValue& store, u64 modelled) {
    return store.plan_batch(modelled, static_cast<u32>(task.length), commands_of(task.sqe));
  });
  task.status = vendor_status(task.status);
}

Status move_batch(Shared& shared, DataBuffer& buffer, Task& task) {
  const u32 room = static_cast<u32>(task.length);
  if (const Status status = buffer.map(task.sqe, room); status != Status::kSuccess) return status;
  const Namespace& ns = namespace_of(shared, task);
  u32 at = nvme::kKvBatchHeader;
  u64 result = 0;
  for (u32 i = 0; i < commands_of(task.sqe); i++) {
    KvBatchCommand command;
    buffer.copy_in(&command, sizeof(command), i * sizeof(command));
    u32 length = 0;
    const SubStatus status = carry_out(shared, ns, buffer, command, at, room, &length);
    result |= static_cast<u64>(status) << (4 * i);
    at += length;
  }
  task.result = result;
  return Status::kSuccess;
}

}  // namespace nvmev::kv_vendor
