// SPDX-License-Identifier: GPL-2.0-only
// Vendor specific Store, Append, Retrieve, Delete and Exist.
#include "vendor.h"

#include "../io_check.h"
#include "values.h"

namespace nvmev::kv_vendor {

using nvme::Sqe;
using nvme::Status;

namespace {

u8 option_of(const Sqe& sqe) { return static_cast<u8>(sqe.cdw11 >> 8); }
u32 key_length(const Sqe& sqe) { return (sqe.cdw11 & 0xff) + 1; }
u32 offset_of(const Sqe& sqe) { return static_cast<u32>(sqe.mptr); }

// A key in the command, or in the list that it brought along.
struct TaskKey {
  u8 inline_key[nvme::kKvMaxKey];
  kv::Key key;

  explicit TaskKey(const Task& task) : TaskKey(task.sqe, task.list) {}
  TaskKey(const Sqe& sqe, const CommandList* list) {
    memcpy(inline_key, &sqe.cdw12, sizeof(inline_key));
    key = {list != nullptr ? list->key : inline_key, key_length(sqe)};
  }
};

void give_back_list(Task& task) {
  if (task.list != nullptr) task.list->give_back();
  task.list = nullptr;
}

// Sees to flags, namespace, key and option. A key that the command has no room for is fetched.
Status check_key(const IoContext& context, Task& task, u8 options) {
  const Sqe& sqe = task.sqe;
  if (const Status status = check_common(context, sqe); status != Status::kSuccess) return status;
  if (key_length(sqe) > nvme::kKvVendorMaxKey) return Status::kVendorInvalidKeySize;
  if ((option_of(sqe) & ~options) != 0) return Status::kVendorInvalidOption;
  if (key_length(sqe) <= nvme::kKvMaxKey) return Status::kSuccess;
  Sqe pointers{};
  memcpy(&pointers.prp1, &sqe.cdw12, sizeof(u64));
  memcpy(&pointers.prp2, &sqe.cdw14, sizeof(u64));
  task.list = context.list;
  return fetch_list(context, pointers, context.list->key, key_length(sqe));
}

// Bytes of the value, or of the buffer; false: CDW10 and CDW11 do not make sense, or it is too large.
bool value_length(const Shared& shared, const Sqe& sqe, u32* length) {
  const u32 unused = sqe.cdw11 >> 16 & 3;
  if (sqe.cdw10 > max_value(shared) / 4 || (sqe.cdw10 == 0 && unused != 0)) return false;
  *length = sqe.cdw10 * 4 - unused;
  return true;
}

Status check_value(const IoContext& context, Task& task, u8 options) {
  if (const Status status = check_key(context, task, options); status != Status::kSuccess) return status;
  u32 length;
  if (!value_length(context.shared, task.sqe, &length)) return Status::kVendorInvalidValueSize;
  task.op = IoOp::kWrite;
  task.length = length;
  if (offset_of(task.sqe) != 0) return Status::kVendorInvalidValueOffset;
  return length != 0 ? DataBuffer::check(task.sqe, length) : Status::kSuccess;
}

u8 rules_of(const Sqe& sqe) { return option_of(sqe) & nvme::kv_vendor::kStoreMustNotExist ? kv::kMustNotExist : 0; }

// The first stage, with what it says in these commands' terms. Without a second one the list is not needed any more.
template <typename Function>
void plan_vendor(const IoContext& context, Task& task, u64 now, bool moves, Function plan) {
  plan_with(context, task, now, plan);
  task.status = vendor_status(task.status);
  if (!moves || task.status != Status::kSuccess) task.list = nullptr;
}

}  // namespace

Status vendor_status(Status status) {
  switch (status) {
    case Status::kInvalidValueSize:
      return Status::kVendorInvalidValueSize;
    case Status::kKeyDoesNotExist:
      return Status::kVendorKeyDoesNotExist;
    case Status::kKeyExists:
      return Status::kVendorKeyExists;
    case Status::kCapacityExceeded:
      return Status::kVendorCapacityExceeded;
    case Status::kUnrecoveredError:
      return Status::kVendorUnrecoveredError;
    default:
      return status;
  }
}

// ---- Store -----------------------------------------------------------------------------------------------------------

Status check_store(const IoContext& context, Task& task) {
  return check_value(context, task, nvme::kv_vendor::kStoreOptions);
}

void act_store(const IoContext& context, Task& task, u64 now) {
  kv::Held held;
  plan_vendor(context, task, now, true, [&](KeyValue& store, u64 modelled) {
    return store.plan_store(modelled, TaskKey(task).key, static_cast<u32>(task.length), rules_of(task.sqe), &held);
  });
  set_held(task, held);
}

Status move_store(Shared& shared, DataBuffer& buffer, Task& task) {
  const Status status = finish_store(shared, buffer, task, TaskKey(task).key, rules_of(task.sqe));
  give_back_list(task);
  return vendor_status(status);
}

// ---- Append ----------------------------------------------------------------------------------------------------------

Status check_append(const IoContext& context, Task& task) { return check_value(context, task, 0); }

void act_append(const IoContext& context, Task& task, u64 now) {
  kv::Held held;
  plan_vendor(context, task, now, true, [&](KeyValue& store, u64 modelled) {
    return store.plan_append(modelled, TaskKey(task).key, static_cast<u32>(task.length), max_value(context.shared), &held);
  });
  set_held(task, held);
}

// Copies what is there and adds to it. If the key gets another value meanwhile, that one counts: again from the start.
static Status append(Shared& shared, const DataBuffer& buffer, const Task& task, kv::Key key) {
  const Namespace& ns = namespace_of(shared, task);
  KeyValue& store = store_of(ns);
  const u32 length = static_cast<u32>(task.length);
  kv::Held held = held_of(task);
  for (;;) {
    const kv::Held old = store.hold(key);
    Status status = Status::kSuccess;
    if (held.length != old.length + length) {
      store.release(held);
      held = {};
      status = old.length > max_value(shared) - length ? Status::kInvalidValueSize : store.take(old.length + length, &held);
    }
    if (status == Status::kSuccess && old.length != 0) status = copy_value(shared, ns, old.hold, held.hold, old.length);
    if (status == Status::kSuccess && length != 0) {
      status = write_value(shared, ns, buffer, held.hold, old.length, 0, length);
    }
    if (status != Status::kSuccess) {
      store.release(held);
      store.release(old);
      return status;
    }
    if (store.commit_append(key, old, held, &status)) return status;
    store.release(old);
  }
}

Status move_append(Shared& shared, DataBuffer& buffer, Task& task) {
  Status status = Status::kSuccess;
  if (task.length != 0) status = buffer.map(task.sqe, static_cast<u32>(task.length));
  if (status == Status::kSuccess) {
    status = append(shared, buffer, task, TaskKey(task).key);
  } else {
    store_of(namespace_of(shared, task)).release(held_of(task));
  }
  give_back_list(task);
  return vendor_status(status);
}

// ---- Retrieve --------------------------------------------------------------------------------------------------------

Status check_retrieve(const IoContext& context, Task& task) {
  if (const Status status = check_key(context, task, nvme::kv_vendor::kRetrieveOptions); status != Status::kSuccess) {
    return status;
  }
  u32 room;
  if (!value_length(context.shared, task.sqe, &room)) return Status::kVendorInvalidValueSize;
  if ((option_of(task.sqe) & nvme::kv_vendor::kRetrieveLength) != 0) room = 0;
  task.op = IoOp::kRead;
  task.length = room;
  return room != 0 ? DataBuffer::check(task.sqe, room) : Status::kSuccess;
}

void act_retrieve(const IoContext& context, Task& task, u64 now) {
  kv::Held held;
  const u32 offset = offset_of(task.sqe);
  plan_vendor(context, task, now, true, [&](KeyValue& store, u64 modelled) {
    return store.plan_retrieve(modelled, TaskKey(task).key, offset, static_cast<u32>(task.length), &held);
  });
  set_held(task, held);
  if (task.status != Status::kSuccess) return;
  if (offset > held.length) {
    task.status = Status::kVendorInvalidValueOffset;
    task.list = nullptr;
    return;
  }
  const u32 left = held.length - offset;
  if (task.length > left) task.length = left;
  task.result = held.length;
}

Status move_retrieve(Shared& shared, DataBuffer& buffer, Task& task) {
  u32 room = 0;
  value_length(shared, task.sqe, &room);
  const Status status = finish_retrieve(shared, buffer, task, offset_of(task.sqe), room);
  give_back_list(task);
  return status;
}

// ---- Delete and Exist ------------------------------------------------------------------------------------------------

static Status check_without_data(const IoContext& context, Task& task, u8 options) {
  task.op = IoOp::kDeallocate;
  task.offset = task.length = 0;
  return check_key(context, task, options);
}

Status check_delete(const IoContext& context, Task& task) {
  return check_without_data(context, task, nvme::kv_vendor::kDeleteCheck);
}

Status check_exist(const IoContext& context, Task& task) { return check_without_data(context, task, 0); }

void act_delete(const IoContext& context, Task& task, u64 now) {
  plan_vendor(context, task, now, false,
              [&](KeyValue& store, u64 modelled) { return store.plan_delete(modelled, TaskKey(task).key); });
  const bool check = (option_of(task.sqe) & nvme::kv_vendor::kDeleteCheck) != 0;
  if (task.status == Status::kVendorKeyDoesNotExist && !check) task.status = Status::kSuccess;
}

void act_exist(const IoContext& context, Task& task, u64 now) {
  plan_vendor(context, task, now, false,
              [&](KeyValue& store, u64 modelled) { return store.plan_exist(modelled, TaskKey(task).key); });
}

}  // namespace nvmev::kv_vendor
