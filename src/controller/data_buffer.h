// SPDX-License-Identifier: GPL-2.0-only
// The requester memory that a command's data pointer (DPTR) describes: by PRPs (prp.h) or by an SGL (sgl.h).
#pragma once

#include "bus.h"
#include "medium.h"
#include "nvmev/host.h"
#include "nvmev/host_array.h"
#include "nvmev/nvme/command.h"
#include "nvmev/nvme/status.h"
#include "nvmev/types.h"

namespace nvmev {

// The requester memory of one command, all of it checked and mapped before the first byte is moved.
class DataBuffer {
 public:
  // Room for transfers of up to 2^mdts pages. False when there is no memory.
  bool allocate(nvmev_host* host, const Bus& bus, u32 mdts);

  // Checks and maps the memory of a transfer of `length` bytes, 1 to what allocate() made room for.
  nvme::Status map(const nvme::Sqe& sqe, u32 length);

  // After map(): the memory that an SGL describes for the command's metadata, `length` bytes, comes behind the transfer's data.
  nvme::Status map_metadata(const nvme::Sqe& sqe, u32 length);

  // Checks of the pointers' form alone, which the requester could have made itself: alignment, descriptor types.
  static nvme::Status check(const nvme::Sqe& sqe, u32 length);

  // Memory of the transfer's bytes `at` to `at + length`. Valid until the next map().
  Pieces pieces(u32 at, u32 length) const;

  // Moves `length` bytes between the transfer, from its byte `at` on, and `data`.
  void copy_out(const void* data, u32 length, u32 at = 0) const;
  void copy_in(void* data, u32 length, u32 at = 0) const;

  // Zeroes bytes `at` to `at + length` of the transfer.
  void clear(u32 at, u32 length) const;

  // A page of memory of the owner's, for whoever has no transfer mapped.
  u8* scratch() { return bucket_.data(); }

  // ---- For the walks of prp.cc and sgl.cc

  // Requester memory from bus address `bus` on, which may cross pages, is the next part of the transfer.
  nvme::Status add(u64 bus, u32 bytes);
  // The next bytes go nowhere.
  nvme::Status add_bucket(u32 bytes);
  // Requester memory to read descriptors from, within one page; nullptr if there is none.
  const void* look(u64 bus, u32 bytes) const { return bus_->map_structure(bus, bytes); }

 private:
  const Fragment* find(u32 at) const;

  const Bus* bus_ = nullptr;
  HostArray<Fragment> fragments_;
  u32 count_ = 0;
  u32 length_ = 0;       // bytes that the fragments have
  bool paged_ = false;   // all fragments but the first and the last are whole pages
  HostArray<u8> bucket_;  // a page that nobody reads, but as scratch()
};

}  // namespace nvmev
