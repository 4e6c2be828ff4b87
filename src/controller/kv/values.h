// SPDX-License-Identifier: GPL-2.0-only
// What the key-value commands of both sets share: their namespace's store, the value that a command holds, and the moving of values.
#pragma once

#include "../io_commands.h"
#include "nvmev/key_value.h"

namespace nvmev {

// Of the namespace that the command is for. Of both stages.
inline KeyValue& store_of(const Namespace& ns) { return *ns.region->model.key_value(); }
inline Namespace& namespace_of(Shared& shared, const Task& task) { return *shared.namespaces.find(task.sqe.nsid); }

// The value that a command took hold of in its first stage is kept in Task::offset.
inline void set_held(Task& task, const kv::Held& held) { task.offset = held.hold | static_cast<u64>(held.length) << 32; }
inline kv::Held held_of(const Task& task) {
  return {static_cast<u32>(task.offset), static_cast<u32>(task.offset >> 32)};
}

// Carries out a command's first stage: plan(store, now in modelled time).
template <typename Function>
void plan_with(const IoContext& context, Task& task, u64 now, Function plan) {
  const IoPlan planned = context.ns->region->model.carry_out(
      now, [&](Ftl& ftl, u64 modelled) { return plan(*ftl.key_value(), modelled); });
  task.target = planned.done;
  task.status = planned.status;
}

// Largest value: one command moves it.
inline u32 max_value(const Shared& shared) { return shared.max_transfer(); }

// Copies `length` bytes from the transfer's byte `from` on to the held value's byte `at` on. Write Fault when there is no memory.
nvme::Status write_value(Shared& shared, const Namespace& ns, const DataBuffer& buffer, u32 hold, u32 at, u32 from, u32 length);
// From byte `at` of the value on to the transfer's beginning.
void read_value(Shared& shared, const Namespace& ns, const DataBuffer& buffer, u32 hold, u32 at, u32 length);
// From the beginning of one value to that of another.
nvme::Status copy_value(Shared& shared, const Namespace& ns, u32 from, u32 to, u32 length);

// ---- The second stages that both sets have. They end the command's hold.

// Stores a value of task.length bytes.
nvme::Status finish_store(Shared& shared, DataBuffer& buffer, Task& task, kv::Key key, u8 rules);
// Reads task.length bytes from byte `offset` of the value on to a buffer of `room` bytes.
nvme::Status finish_retrieve(Shared& shared, DataBuffer& buffer, Task& task, u32 offset, u32 room);

}  // namespace nvmev
