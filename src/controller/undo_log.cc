// SPDX-License-Identifier: GPL-2.0-only
#include "undo_log.h"

namespace nvmev {

bool UndoLog::init(nvmev_host* host, u64 bytes, u32 metadata, u32 regions) {
  host_ = host;
  metadata_room_ = metadata;
  const u64 pages = bytes >> kPageShift;
  if (!kept_since_.allocate(host, regions)) return false;
  for (u64& since : kept_since_) since = 0;
  return entries_.allocate(host, pages) && pages_.allocate(host, pages << kPageShift) &&
         metadata_.allocate(host, pages * metadata);
}

void UndoLog::note(Medium& medium, const Uncorrectable& marks, u64 page, u32 region, u64 plan, Medium* metadata, u64 place, u32 length) {
  SpinGuard guard(host_, lock_);
  const u64 entry = count_++ % entries_.size();
  if (count_ > entries_.size()) {
    const Entry& gone = entries_[entry];
    if (kept_since_[gone.region] <= gone.plan) kept_since_[gone.region] = gone.plan + 1;
  }
  entries_[entry] = {page, plan, metadata, place, length, static_cast<u16>(region), marks.marks_of(page)};
  medium.read(page, {copy_of(entry), kPageSize, copy_of(entry), 0});
  if (metadata != nullptr) metadata->read(place, {metadata_of(entry), length, metadata_of(entry), 0});
}

u64 UndoLog::undo(Medium& medium, Uncorrectable& marks, u64 offset, u64 length, u64 since) {
  u64 bytes = 0;
  const u64 kept = count_ < entries_.size() ? count_ : entries_.size();
  // The newest first: what was there before the oldest of the lost writes is put back last.
  for (u64 i = 0; i < kept; i++) {
    const u64 entry = (count_ - 1 - i) % entries_.size();
    const Entry& write = entries_[entry];
    if (write.plan < since || write.page < offset || write.page >= offset + length) continue;
    // The page has memory: it was written since.
    if (medium.write(write.page, {copy_of(entry), kPageSize, copy_of(entry), 0})) bytes += kPageSize;
    marks.set_marks(write.page, write.marks);
    if (write.metadata == nullptr) continue;
    write.metadata->write(write.place, {metadata_of(entry), write.length, metadata_of(entry), 0});
  }
  return bytes;
}

void UndoLog::forget(u64 offset, u64 length) {
  for (Entry& write : entries_) {
    if (write.page >= offset && write.page - offset < length) write.page = kForgotten;
  }
}

}  // namespace nvmev
