// SPDX-License-Identifier: GPL-2.0-only
// The checksum of state files: XXH64 with seed 0, as the xxHash specification (version 0.1.1, section "XXH64 algorithm
// description") has it, so that other tools can check a file.
#pragma once

#include <bit>

#include "nvmev/types.h"

namespace nvmev {

class Xxh64 {
 public:
  // The bytes so far, then these.
  void add(const void* data, u64 length) {
    const u8* at = static_cast<const u8*>(data);
    total_ += length;
    if (pending_ != 0) {
      while (pending_ < kStripe && length != 0) {
        buffer_[pending_++] = *at++;
        length--;
      }
      if (pending_ < kStripe) return;
      stripe(buffer_);
      pending_ = 0;
    }
    for (; length >= kStripe; at += kStripe, length -= kStripe) stripe(at);
    for (; length != 0; length--) buffer_[pending_++] = *at++;
  }

  // Of all bytes so far.
  u64 value() const {
    u64 hash = kPrime5;
    if (total_ >= kStripe) {
      hash = std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) + std::rotl(lanes_[3], 18);
      for (const u64 lane : lanes_) hash = (hash ^ round(0, lane)) * kPrime1 + kPrime4;
    }
    hash += total_;
    u32 i = 0;
    for (; i + 8 <= pending_; i += 8) hash = std::rotl(hash ^ round(0, word(buffer_ + i)), 27) * kPrime1 + kPrime4;
    if (i + 4 <= pending_) {
      hash = std::rotl(hash ^ (word(buffer_ + i) & 0xffffffff) * kPrime1, 23) * kPrime2 + kPrime3;
      i += 4;
    }
    for (; i < pending_; i++) hash = std::rotl(hash ^ buffer_[i] * kPrime5, 11) * kPrime1;
    hash = (hash ^ hash >> 33) * kPrime2;
    hash = (hash ^ hash >> 29) * kPrime3;
    return hash ^ hash >> 32;
  }

 private:
  static constexpr u32 kStripe = 32;
  static constexpr u64 kPrime1 = 0x9e3779b185ebca87, kPrime2 = 0xc2b2ae3d27d4eb4f, kPrime3 = 0x165667b19e3779f9,
                       kPrime4 = 0x85ebca77c2b2ae63, kPrime5 = 0x27d4eb2f165667c5;

  static u64 word(const u8* at) {
    u64 value;
    __builtin_memcpy(&value, at, sizeof(value));
    return value;
  }
  static u64 round(u64 lane, u64 input) { return std::rotl(lane + input * kPrime2, 31) * kPrime1; }
  void stripe(const u8* at) {
    for (u32 i = 0; i < 4; i++) lanes_[i] = round(lanes_[i], word(at + 8 * i));
  }

  u64 lanes_[4] = {kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};
  u64 total_ = 0;
  u32 pending_ = 0;
  u8 buffer_[kStripe + 8] = {};  // room for word() at the end
};

}  // namespace nvmev
