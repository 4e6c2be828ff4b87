// SPDX-License-Identifier: GPL-2.0-only
// NVMe Key Value Command Set 1.0, section 3.
#include "nvmev/nvme/kv.h"

#include "../command_set.h"
#include "../identity.h"
#include "../io_check.h"
#include "nvmev/nvme/identify.h"
#include "nvmev/nvme/log.h"
#include "values.h"
#include "vendor.h"

namespace nvmev {

using nvme::KvOpcode;
using nvme::Sqe;
using nvme::Status;

static_assert(nvme::kKvMaxKey == kv::kMaxShortKey);

namespace {

// The key that a command brings along.
struct InlineKey {
  u8 bytes[nvme::kKvMaxKey];
  u32 length;

  explicit InlineKey(const Sqe& sqe) : length(sqe.cdw11 & 0xff) { nvme::kv_key(sqe, bytes); }
  operator kv::Key() const { return {bytes, length}; }
};

Status check_key(const IoContext& context, const Sqe& sqe) {
  if (const Status status = check_common(context, sqe); status != Status::kSuccess) return status;
  const u32 length = sqe.cdw11 & 0xff;
  return length >= 1 && length <= nvme::kKvMaxKey ? Status::kSuccess : Status::kInvalidKeySize;
}

// Store (3.2.5): value size in CDW10.

u8 rules_of(const Sqe& sqe) {
  u8 rules = 0;
  if (sqe.cdw11 & nvme::kv_store::kMustExist) rules |= kv::kMustExist;
  if (sqe.cdw11 & nvme::kv_store::kMustNotExist) rules |= kv::kMustNotExist;
  return rules;
}

Status check_store(const IoContext& context, Task& task) {
  if (const Status status = check_key(context, task.sqe); status != Status::kSuccess) return status;
  if (task.sqe.cdw10 > max_value(context.shared)) return Status::kInvalidValueSize;
  if ((task.sqe.cdw11 & nvme::kv_store::kReserved) != 0) return Status::kInvalidField;
  task.op = IoOp::kWrite;
  task.length = task.sqe.cdw10;
  return task.length != 0 ? DataBuffer::check(task.sqe, task.sqe.cdw10) : Status::kSuccess;
}

void act_store(const IoContext& context, Task& task, u64 now) {
  kv::Held held;
  plan_with(context, task, now, [&](KeyValue& store, u64 modelled) {
    return store.plan_store(modelled, InlineKey(task.sqe), task.sqe.cdw10, rules_of(task.sqe), &held);
  });
  set_held(task, held);
}

Status move_store(Shared& shared, DataBuffer& buffer, Task& task) {
  return finish_store(shared, buffer, task, InlineKey(task.sqe), rules_of(task.sqe));
}

// Retrieve (3.2.4): host buffer size in CDW10, the value's length in DW0 of the completion.

Status check_retrieve(const IoContext& context, Task& task) {
  if (const Status status = check_key(context, task.sqe); status != Status::kSuccess) return status;
  if ((task.sqe.cdw11 & nvme::kv_retrieve::kReserved) != 0) return Status::kInvalidField;
  if (task.sqe.cdw10 > context.shared.max_transfer()) return Status::kInvalidField;
  task.op = IoOp::kRead;
  task.length = 0;
  return task.sqe.cdw10 != 0 ? DataBuffer::check(task.sqe, task.sqe.cdw10) : Status::kSuccess;
}

void act_retrieve(const IoContext& context, Task& task, u64 now) {
  kv::Held held;
  plan_with(context, task, now, [&](KeyValue& store, u64 modelled) {
    return store.plan_retrieve(modelled, InlineKey(task.sqe), 0, task.sqe.cdw10, &held);
  });
  set_held(task, held);
  task.length = held.length < task.sqe.cdw10 ? held.length : task.sqe.cdw10;
  task.result = held.length;
}

Status move_retrieve(Shared& shared, DataBuffer& buffer, Task& task) {
  return finish_retrieve(shared, buffer, task, 0, task.sqe.cdw10);
}

// Delete (3.2.1) and Exist (3.2.2).

Status check_without_data(const IoContext& context, Task& task) {
  task.op = IoOp::kDeallocate;
  task.offset = task.length = 0;
  return check_key(context, task.sqe);
}

void act_delete(const IoContext& context, Task& task, u64 now) {
  plan_with(context, task, now,
            [&](KeyValue& store, u64 modelled) { return store.plan_delete(modelled, InlineKey(task.sqe)); });
}

void act_exist(const IoContext& context, Task& task, u64 now) {
  plan_with(context, task, now,
            [&](KeyValue& store, u64 modelled) { return store.plan_exist(modelled, InlineKey(task.sqe)); });
}

// List (3.2.3): host buffer size in CDW10. Keys in ascending order, from the first that is not below the command's key on.

Status check_list(const IoContext& context, Task& task) {
  if (const Status status = check_common(context, task.sqe); status != Status::kSuccess) return status;
  if ((task.sqe.cdw11 & 0xff) > nvme::kKvMaxKey) return Status::kInvalidKeySize;
  const u32 bytes = task.sqe.cdw10;
  if (bytes < sizeof(nvme::KvListHeader) || bytes > context.shared.max_transfer()) return Status::kInvalidField;
  task.op = IoOp::kFlush;  // no value is read
  task.offset = 0;
  task.length = bytes;
  return DataBuffer::check(task.sqe, bytes);
}

void act_list(const IoContext& context, Task& task, u64 now) {
  plan_with(context, task, now, [&](KeyValue& store, u64 modelled) {
    return store.plan_list(modelled, InlineKey(task.sqe), task.sqe.cdw10);
  });
}

Status move_list(Shared& shared, DataBuffer& buffer, Task& task) {
  constexpr u32 kHeader = 2;  // of an entry
  const u32 room = task.sqe.cdw10;
  if (const Status status = buffer.map(task.sqe, room); status != Status::kSuccess) return status;
  KeyValue& store = store_of(namespace_of(shared, task));
  InlineKey from(task.sqe);
  bool after = false;
  u8 entries[512];
  u32 at = sizeof(nvme::KvListHeader);
  nvme::KvListHeader header{0};
  for (;;) {
    const u32 left = room - at;
    const kv::Listed listed = store.list(from, after, entries, left < sizeof(entries) ? left : sizeof(entries));
    if (listed.count == 0) break;
    buffer.copy_out(entries, listed.bytes, at);
    at += listed.bytes;
    header.returned += listed.count;
    from.length = entries[listed.last];
    memcpy(from.bytes, entries + listed.last + kHeader, from.length);
    after = true;
  }
  // No key although there is one would look like the end.
  if (header.returned == 0 && store.list(from, after, entries, sizeof(entries)).count != 0) return Status::kInvalidField;
  buffer.copy_out(&header, sizeof(header));
  return Status::kSuccess;
}

// ---- Identify, section 4.1.5 ----------------------------------------------------------------------------------------------

void identify_namespace(const Shared& shared, const Namespace& ns, u8* page) {
  auto& data = *reinterpret_cast<nvme::IdentifyKvNamespace*>(page);
  const kv::Usage usage = store_of(ns).usage();
  data.nsze = usage.capacity_bytes;
  data.nuse = usage.used_bytes;
  data.novg = ns.region->config.value_unit;
  if (ns.write_protected()) data.nsattr = nvme::kNsattrWriteProtected;
  const auto uuid = namespace_uuid(shared.config.serial, ns.id);
  memcpy(data.nguid, uuid.data(), uuid.size());
  data.kvf[0].key_length = nvme::kKvMaxKey;
  data.kvf[0].value_length = max_value(shared);
}

// Namespace Management, section 4.1.6: a size in bytes.
Status read_wanted(const u8* page, u64* bytes) {
  const auto& wanted = *reinterpret_cast<const nvme::IdentifyKvNamespace*>(page);
  if (wanted.nmic != 0 || wanted.anagrpid != 0 || wanted.nvmsetid != 0) return Status::kInvalidField;
  *bytes = wanted.nsze;
  return wanted.nsze != 0 ? Status::kSuccess : Status::kInvalidField;
}

// What is not used any more of the values' space goes back to the medium.
void discard(void* medium, u64 offset, u64 length) {
  static_cast<Medium*>(medium)->discard(offset, static_cast<u32>(length));
}

void attach(Subsystem& subsystem, Region& region) {
  region.model.key_value()->set_discarder({discard, &subsystem.medium, region.base});
}

constexpr u32 kReads = nvme::effects::kSupported;
constexpr u32 kWrites = nvme::effects::kSupported | nvme::effects::kLbaContent;

constexpr auto make_table() {
  using Stats = WorkerStats;
  CommandTable table{};
  const auto row = [&](KvOpcode opcode) -> IoCommand& { return table[static_cast<u8>(opcode)]; };
  table[static_cast<u8>(nvme::NvmOpcode::kFlush)] = {
      .name = "Flush", .check = check_flush, .act = act_flush, .counter = &Stats::flushes, .effects = kReads};
  row(KvOpcode::kStore) = {.name = "Store",
                           .check = check_store,
                           .act = act_store,
                           .move = move_store,
                           .counter = &Stats::writes,
                           .effects = kWrites};
  row(KvOpcode::kRetrieve) = {.name = "Retrieve",
                              .check = check_retrieve,
                              .act = act_retrieve,
                              .move = move_retrieve,
                              .counter = &Stats::reads,
                              .effects = kReads};
  row(KvOpcode::kDelete) = {.name = "Delete",
                            .check = check_without_data,
                            .act = act_delete,
                            .counter = &Stats::deallocates,
                            .effects = kWrites};
  row(KvOpcode::kExist) = {.name = "Exist",
                           .check = check_without_data,
                           .act = act_exist,
                           .counter = &Stats::key_commands,
                           .effects = kReads};
  row(KvOpcode::kList) = {.name = "List",
                          .check = check_list,
                          .act = act_list,
                          .move = move_list,
                          .counter = &Stats::key_commands,
                          .effects = kReads};
  kv_vendor::add_commands(table);
  return table;
}

constexpr CommandTable kCommands = make_table();

}  // namespace

constinit const CommandSet kKeyValueCommandSet = {
    .family = CommandFamily::kKeyValue,
    .csi = nvme::Csi::kKeyValue,
    .commands = &kCommands,
    .whole_region = true,
    .formats = 1,
    .identify_namespace = identify_namespace,
    .read_wanted = read_wanted,
    .attach = attach,
};

}  // namespace nvmev
