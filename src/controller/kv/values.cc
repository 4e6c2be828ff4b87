// SPDX-License-Identifier: GPL-2.0-only
#include "values.h"

namespace nvmev {

using nvme::Status;

namespace {

// Calls with(offset in the device's address space, bytes from `at`, length) for each part of a value that lies in one page; stops when
// that returns false.
template <typename Function>
bool for_each_part(const Namespace& ns, u32 hold, u32 at, u32 length, Function with) {
  const KeyValue& store = store_of(ns);
  kv::Cursor cursor = store.begin(hold, at);
  for (u32 done = 0; done < length;) {
    u64 offset;
    const u32 bytes = store.next(&cursor, length - done, &offset);
    if (!with(ns.region->base + offset, done, bytes)) return false;
    done += bytes;
  }
  return true;
}

}  // namespace

Status write_value(Shared& shared, const Namespace& ns, const DataBuffer& buffer, u32 hold, u32 at, u32 from, u32 length) {
  const bool written = for_each_part(ns, hold, at, length, [&](u64 offset, u32 done, u32 bytes) {
    return shared.medium.write(offset, buffer.pieces(from + done, bytes));
  });
  return written ? Status::kSuccess : Status::kWriteFault;
}

void read_value(Shared& shared, const Namespace& ns, const DataBuffer& buffer, u32 hold, u32 at, u32 length) {
  for_each_part(ns, hold, at, length, [&](u64 offset, u32 done, u32 bytes) {
    shared.medium.read(offset, buffer.pieces(done, bytes));
    return true;
  });
}

Status copy_value(Shared& shared, const Namespace& ns, u32 from, u32 to, u32 length) {
  const KeyValue& store = store_of(ns);
  kv::Cursor source = store.begin(from, 0);
  kv::Cursor target = store.begin(to, 0);
  u8 part[1024];
  while (length != 0) {
    const u32 bytes = length < sizeof(part) ? length : static_cast<u32>(sizeof(part));
    u64 offset;
    for (u32 done = 0; done < bytes;) {
      const u32 count = store.next(&source, bytes - done, &offset);
      shared.medium.read(ns.region->base + offset, {part + done, count, part, 0});
      done += count;
    }
    for (u32 done = 0; done < bytes;) {
      const u32 count = store.next(&target, bytes - done, &offset);
      if (!shared.medium.write(ns.region->base + offset, {part + done, count, part, 0})) return Status::kWriteFault;
      done += count;
    }
    length -= bytes;
  }
  return Status::kSuccess;
}

Status finish_store(Shared& shared, DataBuffer& buffer, Task& task, kv::Key key, u8 rules) {
  const Namespace& ns = namespace_of(shared, task);
  KeyValue& store = store_of(ns);
  const kv::Held held = held_of(task);
  const u32 length = static_cast<u32>(task.length);
  Status status = Status::kSuccess;
  if (length != 0) {
    status = buffer.map(task.sqe, length);
    if (status == Status::kSuccess) status = write_value(shared, ns, buffer, held.hold, 0, 0, length);
  }
  if (status == Status::kSuccess) return store.commit(key, rules, held);
  store.release(held);
  return status;
}

Status finish_retrieve(Shared& shared, DataBuffer& buffer, Task& task, u32 offset, u32 room) {
  const Namespace& ns = namespace_of(shared, task);
  const kv::Held held = held_of(task);
  if (task.length == 0) return Status::kSuccess;
  const Status status = buffer.map(task.sqe, room);
  if (status == Status::kSuccess) read_value(shared, ns, buffer, held.hold, offset, static_cast<u32>(task.length));
  store_of(ns).release(held);
  return status;
}

}  // namespace nvmev
