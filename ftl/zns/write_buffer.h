// SPDX-License-Identifier: GPL-2.0-only
// Write buffers: room for data between their arrival and the end of their program operation.
#pragma once

#include "../flash/array.h"
#include "nvmev/host_array.h"

namespace nvmev::zns {

// Several buffers of the same size. All times in ns.
class WriteBuffers {
 public:
  // False when there is no memory. Each holds `bytes`; program operations write `unit` bytes.
  bool init(nvmev_host* host, u32 count, u64 bytes, u32 unit) {
    bytes_ = bytes;
    programs_ = static_cast<u32>(bytes / unit) + 2;
    return buffers_.allocate(host, count) && entries_.allocate(host, static_cast<std::size_t>(count) * programs_);
  }

  u32 count() const { return static_cast<u32>(buffers_.size()); }
  u64 bytes() const { return bytes_; }
  u64 used(u32 buffer) const { return buffers_[buffer].used; }

  // Takes room for `bytes` that are there at `at`; returns when there is room. Data that wait for the rest of their
  // program unit stay beyond the buffer's size if nothing else can leave it.
  u64 admit(const flash::Array& array, u32 buffer, u32 bytes, u64 at, u64 now) {
    Buffer& to = buffers_[buffer];
    while (to.used + bytes > bytes_ && to.programs != 0) {
      const u64 end = release_first(array, buffer, now);
      if (end > at) at = end;
    }
    to.used += bytes;
    return at;
  }

  // Gives back the room of data that are not wanted any more.
  void forgo(u32 buffer, u32 bytes) { buffers_[buffer].used -= bytes; }

  // `bytes` leave the buffer when the program operation is over.
  void program(const flash::Array& array, u32 buffer, u32 bytes, u32 die, const flash::ProgramDone& done, u64 now) {
    Buffer& from = buffers_[buffer];
    if (from.programs == programs_) release_first(array, buffer, now);
    Entry* heap = heap_of(buffer);
    u32 at = from.programs++;
    for (; at != 0 && heap[(at - 1) / 2].release > done.end; at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
    heap[at] = {done.end, die, done.ticket, bytes};
  }

  void clear() {
    for (Buffer& buffer : buffers_) buffer = Buffer{};
  }

 private:
  struct Buffer {
    u64 used = 0;      // bytes
    u32 programs = 0;  // operations that have not been seen to end
  };
  struct Entry {
    u64 release;  // when the program ends, as far as known
    u32 die;
    u32 ticket;
    u32 bytes;
  };

  Entry* heap_of(u32 buffer) { return &entries_[static_cast<std::size_t>(buffer) * programs_]; }

  // Takes out the program that ends first. Where that is yet to come, a read may have pushed it back meanwhile.
  u64 release_first(const flash::Array& array, u32 buffer, u64 now) {
    Buffer& from = buffers_[buffer];
    Entry* heap = heap_of(buffer);
    while (heap[0].release > now) {
      const u64 end = array.end_of(heap[0].die, heap[0].ticket);
      if (end <= heap[0].release) break;
      Entry moved = heap[0];
      moved.release = end;
      sift_down(heap, from.programs, moved);
    }
    const Entry first = heap[0];
    from.used -= first.bytes;
    from.programs--;
    if (from.programs != 0) sift_down(heap, from.programs, heap[from.programs]);
    return first.release;
  }

  // Puts `moved` in the place of the first.
  static void sift_down(Entry* heap, u32 count, Entry moved) {
    u32 at = 0;
    for (;;) {
      u32 child = 2 * at + 1;
      if (child >= count) break;
      if (child + 1 < count && heap[child + 1].release < heap[child].release) child++;
      if (heap[child].release >= moved.release) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = moved;
  }

  u64 bytes_ = 0;
  u32 programs_ = 0;  // entries of each heap, earliest release first
  HostArray<Buffer> buffers_;
  HostArray<Entry> entries_;
};

}  // namespace nvmev::zns
