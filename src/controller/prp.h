// SPDX-License-Identifier: GPL-2.0-only
// Physical Region Pages (NVMe 2.0 section 4.1.1): from a command's two pointers to requester memory.
#pragma once

#include "medium.h"
#include "nvmev/host.h"
#include "nvmev/host_array.h"
#include "nvmev/nvme/status.h"
#include "nvmev/types.h"

namespace nvmev {

// The requester memory of one command, all of it checked and mapped before the first byte is moved.
class PrpBuffer {
 public:
  // Room for transfers of up to 2^mdts pages. False when there is no memory.
  bool allocate(nvmev_host* host, u32 mdts);

  // Walks the PRPs of a transfer of `length` bytes, which is at most what allocate() made room for.
  nvme::Status map(u64 prp1, u64 prp2, u32 length);

  // Checks of the pointers' form alone, which the requester could have made itself: alignment.
  static nvme::Status check(u64 prp1, u64 prp2, u32 length);

  // Whether map() would succeed: walks the PRPs and keeps nothing.
  static nvme::Status check_reach(nvmev_host* host, u64 prp1, u64 prp2, u32 length);

  // Memory of the transfer's bytes `at` to `at + length`, of at most one page's size.
  Pieces pieces(u32 at, u32 length) const;

  // Moves `length` bytes between the transfer, from its byte `at` on, and `data`.
  void copy_out(const void* data, u32 length, u32 at = 0) const;
  void copy_in(void* data, u32 length) const;

  // Zeroes bytes `at` to `at + length` of the transfer.
  void clear(u32 at, u32 length) const;

 private:
  // Calls `add(memory)`, memory or nullptr, for each page.
  template <typename Add>
  static nvme::Status walk(nvmev_host* host, u64 prp1, u64 prp2, u32 length, Add add);

  nvmev_host* host_ = nullptr;
  HostArray<u8*> pages_;  // the first points into its page, the others to the start of theirs
  u32 first_length_ = 0;  // bytes of the transfer in the first page
};

}  // namespace nvmev
