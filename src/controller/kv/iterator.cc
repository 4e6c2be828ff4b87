// SPDX-License-Identifier: GPL-2.0-only
// Vendor specific iterators: open by prefix, read, close.
#include "../io_check.h"
#include "values.h"
#include "vendor.h"

namespace nvmev::kv_vendor {

using nvme::Sqe;
using nvme::Status;

namespace {

u8 option_of(const Sqe& sqe) { return static_cast<u8>(sqe.cdw11 >> 8); }
u32 iterator_of(const Sqe& sqe) { return sqe.cdw11 & 0xff; }
bool opens(const Sqe& sqe) { return option_of(sqe) & nvme::kv_vendor::kIteratorOpen; }

// CDW12 and CDW13 in the order of the key's bytes.
kv::Prefix prefix_of(const Sqe& sqe) {
  kv::Prefix prefix;
  memcpy(prefix.pattern, &sqe.cdw12, sizeof(prefix.pattern));
  memcpy(prefix.mask, &sqe.cdw13, sizeof(prefix.mask));
  return prefix;
}

// The bits that count must be the first ones.
bool is_prefix(const kv::Prefix& prefix) {
  const u32 mask = static_cast<u32>(prefix.mask[0]) << 24 | static_cast<u32>(prefix.mask[1]) << 16 |
                   static_cast<u32>(prefix.mask[2]) << 8 | prefix.mask[3];
  return (~mask & (~mask + 1)) == 0;
}

}  // namespace

Status check_iterator_request(const IoContext& context, Task& task) {
  const Sqe& sqe = task.sqe;
  task.op = IoOp::kFlush;
  task.offset = task.length = 0;
  if (const Status status = check_common(context, sqe); status != Status::kSuccess) return status;
  if (sqe.cdw10 != 0) return Status::kInvalidField;
  const u8 option = option_of(sqe);
  const bool closes = option == nvme::kv_vendor::kIteratorClose;
  if (closes) return Status::kSuccess;
  if ((option & ~nvme::kv_vendor::kIteratorKeys) != nvme::kv_vendor::kIteratorOpen) return Status::kVendorInvalidOption;
  return is_prefix(prefix_of(sqe)) ? Status::kSuccess : Status::kVendorInvalidOption;
}

void act_iterator_request(const IoContext& context, Task& task, u64 now) {
  task.target = now;
  KeyValue& store = store_of(*context.ns);
  if (!opens(task.sqe)) {
    if (!store.close_iterator(iterator_of(task.sqe))) task.status = Status::kIteratorDoesNotExist;
    return;
  }
  const u32 number = store.open_iterator(prefix_of(task.sqe));
  if (number == 0) task.status = Status::kTooManyIterators;
  task.result = number;
}

// The buffer gets the number of keys, then each with its length in 4 bytes before and zeros up to a multiple of 4 behind it.

constexpr u32 kHeader = 4;

Status check_iterator_read(const IoContext& context, Task& task) {
  const Sqe& sqe = task.sqe;
  if (const Status status = check_common(context, sqe); status != Status::kSuccess) return status;
  if (sqe.cdw10 > context.shared.max_transfer() / 4) return Status::kVendorInvalidValueSize;
  if (sqe.cdw10 < (kHeader + KeyValue::kLongestEntry) / 4) return Status::kVendorInvalidValueSize;
  if (option_of(sqe) != 0) return Status::kVendorInvalidOption;
  if (!store_of(*context.ns).iterator_is_open(iterator_of(sqe))) return Status::kIteratorDoesNotExist;
  task.op = IoOp::kFlush;
  task.offset = 0;
  task.length = sqe.cdw10 * 4;
  return DataBuffer::check(sqe, static_cast<u32>(task.length));
}

void act_iterator_read(const IoContext& context, Task& task, u64 now) {
  plan_with(context, task, now, [&](KeyValue& store, u64 modelled) {
    return store.plan_list(modelled, {nullptr, 0}, static_cast<u32>(task.length));
  });
}

Status move_iterator_read(Shared& shared, DataBuffer& buffer, Task& task) {
  const u32 room = static_cast<u32>(task.length);
  if (const Status status = buffer.map(task.sqe, room); status != Status::kSuccess) return status;
  KeyValue& store = store_of(namespace_of(shared, task));
  u8 entries[1024];
  u32 at = kHeader;
  u32 count = 0;
  bool finished = false;
  while (!finished && room - at >= KeyValue::kLongestEntry) {
    const u32 left = room - at;
    const kv::Listed listed =
        store.iterate(iterator_of(task.sqe), entries, left < sizeof(entries) ? left : static_cast<u32>(sizeof(entries)));
    finished = listed.count == 0;
    buffer.copy_out(entries, listed.bytes, at);
    at += listed.bytes;
    count += listed.count;
  }
  buffer.copy_out(&count, sizeof(count));
  task.result = at;
  return finished ? Status::kIteratorFinished : Status::kSuccess;
}

}  // namespace nvmev::kv_vendor
