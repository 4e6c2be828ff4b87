// SPDX-License-Identifier: GPL-2.0-only
// Data buffers of the requester and the PRP entries that describe them.
#pragma once

#include <string_view>
#include <vector>

#include "host/arena.h"
#include "nvmev/types.h"

namespace nvmev::test {

// `bytes` of requester memory that begin `offset` bytes into a page. Its pages are never neighbours, so a device
// that walks PRPs wrongly shows.
class DmaBuffer {
 public:
  DmaBuffer(Arena& arena, size_t bytes, u32 offset = 0);
  ~DmaBuffer();
  DmaBuffer(const DmaBuffer&) = delete;
  DmaBuffer& operator=(const DmaBuffer&) = delete;

  size_t size() const { return bytes_; }
  u32 offset() const { return offset_; }
  const std::vector<u64>& pages() const { return pages_; }
  // Bus address of byte `at`.
  u64 bus(size_t at = 0) const;

  void write(const std::vector<u8>& bytes, size_t at = 0);
  std::vector<u8> read() const { return read(0, bytes_); }
  std::vector<u8> read(size_t at, size_t length) const;
  void fill(u8 byte);

  // Whether the bytes of the pages before and behind the buffer are untouched (zero, as allocated).
  bool margins_intact() const;

 private:
  Arena& arena_;
  size_t bytes_;
  u32 offset_;
  std::vector<u64> pages_;
};

// PRP1 and PRP2 for a buffer, and the list pages that they need.
class Prps {
 public:
  // `list_offset`: where in its page the first list begins; a multiple of 8. Lists that do not fit go on in a
  // further page.
  Prps(Arena& arena, const DmaBuffer& buffer, u32 list_offset = 0);
  // As given, without lists: for tests of what is wrong.
  Prps(Arena& arena, u64 prp1, u64 prp2) : arena_(arena), prp1_(prp1), prp2_(prp2) {}
  ~Prps();
  Prps(const Prps&) = delete;
  Prps& operator=(const Prps&) = delete;

  u64 prp1() const { return prp1_; }
  u64 prp2() const { return prp2_; }
  const std::vector<u64>& list_pages() const { return list_pages_; }

  // Address of list entry n, counted over all lists: entry 0 describes the second page of the buffer.
  u64* entry(size_t n) const { return reinterpret_cast<u64*>(arena_.at(entries_.at(n))); }
  // The entries that point to a further list.
  size_t chains() const { return list_pages_.empty() ? 0 : list_pages_.size() - 1; }

 private:
  Arena& arena_;
  u64 prp1_ = 0;
  u64 prp2_ = 0;
  std::vector<u64> list_pages_;
  std::vector<u64> entries_;
};

// `bytes` that differ from place to place and from seed to seed.
std::vector<u8> pattern(size_t bytes, u64 seed);

}  // namespace nvmev::test
