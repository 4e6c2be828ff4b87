// SPDX-License-Identifier: GPL-2.0-only
// The data phases of open-channel commands: sectors by runs, their metadata by the pointer MPTR.
#include "../bus.h"
#include "../io_data.h"
#include "nvmev/text.h"
#include "open_channel.h"

namespace nvmev {

using nvme::Status;

namespace {

u32 to_page_end(u64 at) { return kPageSize - static_cast<u32>(at & (kPageSize - 1)); }

u32 least(u64 a, u32 b) { return a < b ? static_cast<u32>(a) : b; }

// Calls `with(offset, at, bytes)` for each part of a page of the medium; false as soon as that returns false.
template <typename Function>
bool for_each_medium_page(u64 offset, u64 length, Function with) {
  for (u64 at = 0; at < length;) {
    const u32 bytes = least(length - at, to_page_end(offset + at));
    if (!with(offset + at, at, bytes)) return false;
    at += bytes;
  }
  return true;
}

// Gives the command's list back when the data phase is over, however it ends.
class ListHolder {
 public:
  explicit ListHolder(Task& task) : list_(*task.list) {}
  ~ListHolder() { list_.give_back(); }
  ListHolder(const ListHolder&) = delete;
  ListHolder& operator=(const ListHolder&) = delete;

  CommandList* operator->() { return &list_; }
  CommandList& operator*() { return list_; }

 private:
  CommandList& list_;
};

Pieces one_piece(u8* memory, u32 bytes) { return {memory, bytes, memory, 0}; }

void read_metadata(Shared& shared, const CommandList& list, const SectorRun& run, u64 mptr) {
  const u32 size = list.layout->metadata_bytes;
  const u64 bus = mptr + static_cast<u64>(run.at) * size;
  for_each_bus_page(shared.bus, bus, static_cast<u64>(run.count) * size, [&](u8* memory, u64 at, u32 bytes) {
    if (run.sector == kNoSector) {
      memset(memory, 0, bytes);
      return;
    }
    const u64 offset = list.base + list.layout->metadata_of(run.sector) + at;
    for_each_medium_page(offset, bytes, [&](u64 from, u64 done, u32 part) {
      shared.medium.read(from, one_piece(memory + done, part));
      return true;
    });
  });
}

bool write_metadata(Shared& shared, const CommandList& list, const SectorRun& run, u64 mptr) {
  const u32 size = list.layout->metadata_bytes;
  const u64 length = static_cast<u64>(run.count) * size;
  const u64 base = list.base + list.layout->metadata_of(run.sector);
  if (mptr == 0) {
    return for_each_medium_page(base, length, [&](u64 at, u64, u32 bytes) {
      shared.medium.zero(at, bytes);
      return true;
    });
  }
  bool written = true;
  const u64 bus = mptr + static_cast<u64>(run.at) * size;
  const bool reached = for_each_bus_page(shared.bus, bus, length, [&](u8* memory, u64 at, u32 bytes) {
    written &= for_each_medium_page(base + at, bytes, [&](u64 to, u64 done, u32 part) {
      return shared.medium.write(to, one_piece(memory + done, part));
    });
  });
  return reached && written;
}

bool copy_bytes(Shared& shared, u64 from, u64 to, u32 length, u8* bounce, u32 room) {
  for (u32 at = 0; at < length;) {
    const u32 bytes = least(least(least(length - at, room), to_page_end(from + at)), to_page_end(to + at));
    shared.medium.read(from + at, one_piece(bounce, bytes));
    if (!shared.medium.write(to + at, one_piece(bounce, bytes))) return false;
    at += bytes;
  }
  return true;
}

void zero_bytes(Shared& shared, u64 at, u32 length) {
  for_each_medium_page(at, length, [&](u64 to, u64, u32 bytes) {
    shared.medium.zero(to, bytes);
    return true;
  });
}

bool copy_sector(Shared& shared, const CommandList& list, u64 from, u64 to, u8* bounce, u32 room) {
  const SectorLayout& layout = *list.layout;
  if (from == kNoSector) {
    zero_bytes(shared, list.base + layout.data_of(to), layout.sector_bytes);
    zero_bytes(shared, list.base + layout.metadata_of(to), layout.metadata_bytes);
    return true;
  }
  return copy_bytes(shared, list.base + layout.data_of(from), list.base + layout.data_of(to), layout.sector_bytes, bounce,
                    room) &&
         copy_bytes(shared, list.base + layout.metadata_of(from), list.base + layout.metadata_of(to),
                    layout.metadata_bytes, bounce, room);
}

}  // namespace

Status move_vector_read(Shared& shared, DataBuffer& buffer, Task& task) {
  ListHolder list(task);
  const SectorLayout& layout = *list->layout;
  const u64 mptr = layout.metadata_bytes != 0 ? task.sqe.mptr : 0;
  const Status mapped = buffer.map(task.sqe, static_cast<u32>(task.length));
  if (mapped != Status::kSuccess) return mapped;
  const u64 metadata = task.length / layout.sector_bytes * layout.metadata_bytes;
  if (mptr != 0 && !reachable(shared.bus, mptr, metadata)) return Status::kDataTransferError;
  for (u32 i = 0; i < list->run_count; i++) {
    const SectorRun& run = list->runs[i];
    const u32 first = run.at * layout.sector_bytes;
    const u32 length = run.count * layout.sector_bytes;
    if (run.sector == kNoSector) {
      buffer.clear(first, length);
    } else {
      for_each_medium_page(list->base + layout.data_of(run.sector), length, [&](u64 from, u64 at, u32 bytes) {
        shared.medium.read(from, buffer.pieces(first + static_cast<u32>(at), bytes));
        return true;
      });
    }
    if (mptr != 0) read_metadata(shared, *list, run, mptr);
  }
  return list->outcome;
}

Status move_vector_write(Shared& shared, DataBuffer& buffer, Task& task) {
  ListHolder list(task);
  const SectorLayout& layout = *list->layout;
  const Status mapped = buffer.map(task.sqe, static_cast<u32>(task.length));
  if (mapped != Status::kSuccess) return mapped;
  for (u32 i = 0; i < list->run_count; i++) {
    const SectorRun& run = list->runs[i];
    const u32 first = run.at * layout.sector_bytes;
    const u64 length = static_cast<u64>(run.count) * layout.sector_bytes;
    const u64 base = list->base + layout.data_of(run.sector);
    const bool written = for_each_medium_page(base, length, [&](u64 to, u64 at, u32 bytes) {
      return shared.medium.write(to, buffer.pieces(first + static_cast<u32>(at), bytes));
    });
    if (!written) return Status::kWriteFault;
    if (layout.metadata_bytes != 0 && !write_metadata(shared, *list, run, task.sqe.mptr)) return Status::kWriteFault;
  }
  return list->outcome;
}

// The runs are of one sector each: those to read first, then those to write.
Status move_vector_copy(Shared& shared, DataBuffer&, Task& task) {
  ListHolder list(task);
  constexpr u32 kRunsInUse = 2 * nvme::kMaxVector;
  u8* bounce = reinterpret_cast<u8*>(&list->runs[kRunsInUse]);
  constexpr u32 kRoom = (kMaxRuns - kRunsInUse) * sizeof(SectorRun);
  const SectorRun* to = list->runs + list->run_count;
  for (u32 i = 0; i < list->to_run_count; i++) {
    const u64 from = list->runs[to[i].at].sector;
    if (!copy_sector(shared, *list, from, to[i].sector, bounce, kRoom)) return Status::kWriteFault;
  }
  return list->outcome;
}

}  // namespace nvmev
