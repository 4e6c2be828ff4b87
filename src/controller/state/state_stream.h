// SPDX-License-Identifier: GPL-2.0-only
// Archives over a part of the host's state file: a stream of bytes with a checksum.
#pragma once

#include "nvmev/host.h"
#include "nvmev/host_array.h"
#include "nvmev/state_archive.h"
#include "xxh64.h"

namespace nvmev {

class StateWriter final : public StateArchive {
 public:
  // Writes from `offset` of the file on, at most up to `limit`.
  StateWriter(nvmev_host* host, u64 offset, u64 limit, nvmev_error* error)
      : StateArchive(false, error), host_(host), start_(offset), at_(offset), limit_(limit) {}

  // False when there is no memory.
  bool allocate() { return buffer_.allocate(host_, kBuffer); }

  // Writes out what is still in memory. Nothing may follow.
  int finish();

  // Whether it stopped because `limit` was reached.
  bool overran() const { return overran_; }
  u64 length() const { return at_ - start_ + filled_; }
  u64 checksum() const { return hash_.value(); }

 private:
  static constexpr u64 kBuffer = 1 << 20;

  int move(void* data, u64 length) override;
  int write_out();

  nvmev_host* host_;
  u64 start_, at_, limit_;
  u64 filled_ = 0;
  bool overran_ = false;
  Xxh64 hash_;
  HostArray<u8> buffer_;
};

class StateReader final : public StateArchive {
 public:
  // Reads `length` bytes from `offset` on.
  StateReader(nvmev_host* host, u64 offset, u64 length, nvmev_error* error)
      : StateArchive(true, error), host_(host), at_(offset), left_(length) {}

  // False when there is no memory.
  bool allocate() { return buffer_.allocate(host_, kBuffer); }

  // Reads what is left, for its checksum.
  void skip_rest();

  u64 left() const { return left_ + (filled_ - taken_); }
  u64 checksum() const { return hash_.value(); }

 private:
  static constexpr u64 kBuffer = 1 << 20;

  int move(void* data, u64 length) override;
  int refill();

  nvmev_host* host_;
  u64 at_, left_;
  u64 filled_ = 0, taken_ = 0;  // of the buffer
  Xxh64 hash_;
  HostArray<u8> buffer_;
};

}  // namespace nvmev
