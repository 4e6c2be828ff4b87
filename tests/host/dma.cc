// SPDX-License-Identifier: GPL-2.0-only
#include "host/dma.h"

#include <algorithm>
#include <cstring>

#include "host/check.h"

namespace nvmev::test {

DmaBuffer::DmaBuffer(Arena& arena, size_t bytes, u32 offset) : arena_(arena), bytes_(bytes), offset_(offset) {
  NVMEV_CHECK(offset < kPageSize);
  const size_t count = bytes == 0 ? 1 : (offset + bytes + kPageSize - 1) / kPageSize;
  // Two at a time, of which one is given back; and in descending order.
  std::vector<u64> gaps;
  for (size_t i = 0; i < count; i++) {
    const u64 pair = arena_.alloc(2);
    pages_.push_back(pair);
    gaps.push_back(pair + kPageSize);
  }
  for (const u64 gap : gaps) arena_.free(gap);
  std::reverse(pages_.begin(), pages_.end());
}

DmaBuffer::~DmaBuffer() {
  for (const u64 page : pages_) arena_.free(page);
}

u64 DmaBuffer::bus(size_t at) const {
  const size_t from = offset_ + at;
  return pages_.at(from / kPageSize) + from % kPageSize;
}

void DmaBuffer::write(const std::vector<u8>& bytes, size_t at) {
  NVMEV_CHECK(at + bytes.size() <= bytes_);
  for (size_t done = 0; done < bytes.size();) {
    const u64 to = bus(at + done);
    const size_t part = std::min<size_t>(kPageSize - to % kPageSize, bytes.size() - done);
    std::memcpy(arena_.at(to), bytes.data() + done, part);
    done += part;
  }
}

std::vector<u8> DmaBuffer::read(size_t at, size_t length) const {
  NVMEV_CHECK(at + length <= bytes_);
  std::vector<u8> bytes(length);
  for (size_t done = 0; done < length;) {
    const u64 from = bus(at + done);
    const size_t part = std::min<size_t>(kPageSize - from % kPageSize, length - done);
    std::memcpy(bytes.data() + done, arena_.at(from), part);
    done += part;
  }
  return bytes;
}

void DmaBuffer::fill(u8 byte) { write(std::vector<u8>(bytes_, byte)); }

bool DmaBuffer::margins_intact() const {
  const auto zero = [](const u8* from, size_t length) {
    return std::all_of(from, from + length, [](u8 byte) { return byte == 0; });
  };
  const size_t tail = (offset_ + bytes_) % kPageSize;
  if (!zero(arena_.at(pages_.front()), offset_)) return false;
  return tail == 0 || zero(arena_.at(pages_.back()) + tail, kPageSize - tail);
}

Prps::Prps(Arena& arena, const DmaBuffer& buffer, u32 list_offset) : arena_(arena), prp1_(buffer.bus()) {
  NVMEV_CHECK(list_offset % 8 == 0 && list_offset < kPageSize);
  const std::vector<u64>& pages = buffer.pages();
  if (pages.size() == 1) return;
  if (pages.size() == 2) {
    prp2_ = pages[1];
    return;
  }
  list_pages_.push_back(arena_.alloc());
  u64 at = list_pages_.back() + list_offset;
  prp2_ = at;
  for (size_t i = 1; i < pages.size(); i++) {
    const bool last_slot = at % kPageSize == kPageSize - 8;
    if (last_slot && i + 1 < pages.size()) {
      list_pages_.push_back(arena_.alloc());
      std::memcpy(arena_.at(at), &list_pages_.back(), 8);
      at = list_pages_.back();
    }
    std::memcpy(arena_.at(at), &pages[i], 8);
    entries_.push_back(at);
    at += 8;
  }
}

Prps::~Prps() {
  for (const u64 page : list_pages_) arena_.free(page);
}

std::vector<u8> pattern(size_t bytes, u64 seed) {
  std::vector<u8> result(bytes);
  u64 state = seed * 0x9e3779b97f4a7c15ull + 1;
  for (u8& byte : result) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    byte = static_cast<u8>(state >> 56);
  }
  return result;
}

}  // namespace nvmev::test
