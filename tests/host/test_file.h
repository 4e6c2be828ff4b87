// SPDX-License-Identifier: GPL-2.0-only
// The host's state file, in memory: writes are durable once synced, and until then a crash may keep or lose each sector.
#pragma once

#include <random>
#include <vector>

#include "nvmev/types.h"

namespace nvmev::test {

class TestFile {
 public:
  u64 size() const;
  int read(u64 offset, void* data, size_t length) const;
  int write(u64 offset, const void* data, size_t length);
  int sync();
  // Only the first two blocks and [begin, end) matter from now on.
  void keep(u64 begin, u64 end);
  // Gives the room of the rest back, of an open file (keep_in()); otherwise keep() has done that.
  void give_back();

  // Writes and syncs from now on that succeed; the one after them writes only a part and fails, as do all later ones.
  void fail_after(u64 operations) { left_ = operations; }
  void work_again() { left_ = ~0ull; }
  u64 operations() const { return operations_; }  // so far

  // From now on the bytes are in that open file, whose power does not go. It stays the caller's.
  void keep_in(int fd) { fd_ = fd; }

  // Power goes: of what was not synced, each sector of 512 bytes is there or not, by chance.
  void crash(std::mt19937_64& random);

  // As the next reader finds it.
  std::vector<u8>& bytes() { return seen_; }
  void replace(const std::vector<u8>& bytes) { seen_ = durable_ = bytes; }
  u64 discarded() const { return discarded_; }  // bytes

 private:
  bool may_go_on();

  std::vector<u8> seen_;     // with all writes
  std::vector<u8> durable_;  // as of the last sync
  u64 left_ = ~0ull;
  u64 operations_ = 0;
  u64 discarded_ = 0;
  u64 keep_begin_ = 0, keep_end_ = 0;
  int fd_ = -1;
};

}  // namespace nvmev::test
