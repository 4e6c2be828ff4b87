// SPDX-License-Identifier: GPL-2.0-only
#include "space.h"

#include "nvmev/text.h"

namespace nvmev::kv {

bool Space::init(nvmev_host* host, u64 units) {
  units_ = units;
  if (!next_.allocate(host, units)) return false;
  levels_ = 0;
  for (u64 bits = units;;) {
    const u64 words = (bits + 63) / 64;
    if (!free_bits_[levels_++].allocate(host, words)) return false;
    if (words == 1) break;
    bits = words;
  }
  clear();
  return true;
}

void Space::clear() {
  u64 bits = units_;
  for (u32 level = 0; level < levels_; level++) {
    HostArray<u64>& words = free_bits_[level];
    memset(words.data(), 0xff, words.size() * sizeof(u64));
    if (bits % 64 != 0) words[words.size() - 1] = (1ull << bits % 64) - 1;
    bits = words.size();
  }
  free_.set(units_);
  cursor_ = 0;
}

// The first free unit at `from` or above it; kNone if there is none.
u32 Space::find_free(u32 from) const {
  u64 at = from;
  u32 level = 0;
  // Up, until a word has a bit at or above the position.
  for (;; level++) {
    if (level == levels_) return kNone;
    const u64 word = at / 64 < free_bits_[level].size() ? free_bits_[level][at / 64] >> at % 64 << at % 64 : 0;
    if (word != 0) {
      at = at / 64 * 64 + static_cast<u32>(std::countr_zero(word));
      break;
    }
    at = at / 64 + 1;
  }
  // And down to the unit.
  for (; level != 0; level--) at = at * 64 + static_cast<u32>(std::countr_zero(free_bits_[level - 1][at]));
  return static_cast<u32>(at);
}

u32 Space::take(u32 count) {
  if (count > free_.get()) return kNone;
  u32 first = kNone, last = kNone;
  for (u32 left = count; left != 0; left--) {
    u32 unit = find_free(cursor_);
    if (unit == kNone) unit = find_free(0);
    if (first == kNone) {
      first = unit;
    } else {
      next_[last] = unit;
    }
    last = unit;
    cursor_ = unit + 1 < units_ ? unit + 1 : 0;
    mark_taken(unit);
  }
  next_[last] = kNone;
  free_.set(free_.get() - count);
  return first;
}

void Space::mark_taken(u32 unit) {
  u64 bit = unit;
  for (u32 level = 0; level < levels_; level++) {
    u64& word = free_bits_[level][bit / 64];
    word &= ~(1ull << bit % 64);
    if (word != 0) break;
    bit /= 64;
  }
}

bool Space::take_run(u32 first, u32 count, u32 last) {
  if (count == 0 || first >= units_ || count > units_ - first) return false;
  for (u32 i = 0; i < count; i++) {
    if (!is_free(first + i, 1)) return false;
  }
  if (last != kNone) next_[last] = first;
  for (u32 unit = first; unit < first + count; unit++) {
    next_[unit] = unit + 1;
    mark_taken(unit);
  }
  next_[first + count - 1] = kNone;
  free_.set(free_.get() - count);
  return true;
}

void Space::free(u32 unit) {
  u64 bit = unit;
  for (u32 level = 0; level < levels_; level++) {
    u64& word = free_bits_[level][bit / 64];
    const bool was_empty = word == 0;
    word |= 1ull << bit % 64;
    if (!was_empty) break;
    bit /= 64;
  }
  free_.add(1);
}

bool Space::is_free(u32 first, u32 count) const {
  const u64 mask = count == 64 ? ~0ull : (1ull << count) - 1;
  return (free_bits_[0][first / 64] >> first % 64 & mask) == mask;
}

u64 Space::bytes() const {
  u64 bytes = next_.size() * sizeof(u32);
  for (u32 level = 0; level < levels_; level++) bytes += free_bits_[level].size() * sizeof(u64);
  return bytes;
}

}  // namespace nvmev::kv
