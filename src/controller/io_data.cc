// SPDX-License-Identifier: GPL-2.0-only
#include "io_data.h"

#include "block_io.h"
#include "controller.h"

namespace nvmev {

using nvme::Status;

namespace {

// Calls `with(offset, pieces)` for each page of the medium; stops when that returns false.
template <typename Function>
bool for_each_page(const DataBuffer& buffer, const Task& task, Function with) {
  const u64 offset = task.offset;
  const u32 length = static_cast<u32>(task.length);
  for (u32 at = 0; at < length;) {
    const u32 to_page_end = kPageSize - static_cast<u32>((offset + at) & (kPageSize - 1));
    const u32 bytes = length - at < to_page_end ? length - at : to_page_end;
    if (!with(offset + at, buffer.pieces(at, bytes))) return false;
    at += bytes;
  }
  return true;
}

bool readable(const Shared& shared, const Task& task) {
  return !shared.uncorrectable.any(task.offset, task.length);
}

Status map(DataBuffer& buffer, const Task& task) {
  return buffer.map(task.sqe, static_cast<u32>(task.length));
}

}  // namespace

Status move_read(Shared& shared, DataBuffer& buffer, Task& task) {
  if (task.has_metadata) return move_blocks_in(shared, buffer, task);
  if (const Status status = map(buffer, task); status != Status::kSuccess) return status;
  if (!readable(shared, task)) return Status::kUnrecoveredReadError;
  for_each_page(buffer, task, [&](u64 at, const Pieces& to) {
    shared.medium.read(at, to);
    return true;
  });
  return Status::kSuccess;
}

namespace {

// `before(page)`: called before each page is changed.
template <typename Function>
Status write(Shared& shared, DataBuffer& buffer, const Task& task, Function before) {
  if (const Status status = map(buffer, task); status != Status::kSuccess) return status;
  // All memory first, so that running out of it leaves the blocks as they were.
  const u64 end = task.offset + task.length;
  for (u64 at = task.offset; at < end; at = (at | (kPageSize - 1)) + 1) {
    if (!shared.medium.prepare(at)) return Status::kWriteFault;
  }
  const bool written = for_each_page(buffer, task, [&](u64 at, const Pieces& from) {
    before(at & ~static_cast<u64>(kPageSize - 1));
    return shared.medium.write(at, from);
  });
  if (!written) return Status::kWriteFault;
  shared.uncorrectable.clear(task.offset, task.length);
  return Status::kSuccess;
}

}  // namespace

Status move_write(Shared& shared, DataBuffer& buffer, Task& task) {
  return write(shared, buffer, task, [](u64) {});
}

Status move_undoable_write(Shared& shared, DataBuffer& buffer, Task& task) {
  if (task.has_metadata) return move_blocks_out(shared, buffer, task);
  if (!task.undoable) return move_write(shared, buffer, task);
  const Namespace& ns = *shared.namespaces.find(task.sqe.nsid);
  const u64 plan = task.result;
  task.result = 0;
  return write(shared, buffer, task, [&](u64 page) { note_for_undo(shared, ns, page, plan); });
}

Status move_compare(Shared& shared, DataBuffer& buffer, Task& task) {
  if (task.has_metadata) return compare_blocks(shared, buffer, task);
  if (const Status status = map(buffer, task); status != Status::kSuccess) return status;
  if (!readable(shared, task)) return Status::kUnrecoveredReadError;
  const bool equal =
      for_each_page(buffer, task, [&](u64 at, const Pieces& with) { return shared.medium.equals(at, with); });
  return equal ? Status::kSuccess : Status::kCompareFailure;
}

Status move_verify(Shared& shared, DataBuffer& buffer, Task& task) {
  if (task.has_metadata) return verify_blocks(shared, buffer, task);
  return readable(shared, task) ? Status::kSuccess : Status::kUnrecoveredReadError;
}

Status move_write_uncorrectable(Shared& shared, DataBuffer&, Task& task) {
  if (!shared.uncorrectable.mark(task.offset, task.length)) return Status::kWriteFault;
  shared.subsystem.for_each_controller([](Controller& controller) { controller.shared().raise(PendingEvent::kLbaStatus); });
  return Status::kSuccess;
}

}  // namespace nvmev
