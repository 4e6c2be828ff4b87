// SPDX-License-Identifier: GPL-2.0-only
// The Streams directive (NVMe 2.0 section 8.7.3): which of the streams that a region's device type keeps apart a write goes to.
//
// A stream resource is a placement of the device type's writes: resource n, from 1 on, is placement n; placement 0 takes the
// writes of no stream. A stream is open from the first write that names it until it is released, or its resource is needed for
// another stream. Identifiers are a namespace's, whatever host uses them.
#pragma once

#include <array>

#include "nvmev/host.h"
#include "nvmev/nvme/status.h"
#include "nvmev/spinlock.h"
#include "nvmev/types.h"

namespace nvmev {

struct IoContext;
struct Shared;
struct Task;

// Of a region. Any thread.
class StreamResources {
 public:
  static constexpr u32 kMax = 127;

  // `count`: what the device type keeps apart, 0 to kMax.
  void init(nvmev_host* host, u32 count);

  u32 count() const { return count_; }

  // The placement of a write to stream `id`, not 0, which is open afterwards; 0 when all resources are other namespaces'.
  u16 place(u32 nsid, u16 id);
  // The host does not use the stream any more.
  void release(u32 nsid, u16 id);

  // Resources for the namespace alone, `wanted` at most, of those that nobody uses. Returns how many.
  u32 allocate(u32 nsid, u32 wanted);
  // Nobody's again.
  void release_allocated(u32 nsid);
  // The same, and all streams of the namespace are closed.
  void forget(u32 nsid);

  struct Use {
    u32 available;  // resources that are neither allocated nor in use
    u32 open;       // in resources that are not allocated
    u32 allocated;  // of the namespace
    u32 namespace_open;
  };
  Use use_of(u32 nsid);
  // Fills in the identifiers of the namespace's open streams. Returns how many.
  u32 list(u32 nsid, u16* ids);

 private:
  struct Resource {
    u32 owner;  // namespace that it is allocated to; 0: none
    u32 nsid;   // of the open stream
    u16 id;     // 0: no stream
    u64 used;   // the last write, counted
  };

  nvmev_host* host_ = nullptr;
  Spinlock lock_;
  u32 count_ = 0;
  u64 uses_ = 0;
  std::array<Resource, kMax> resources_{};
};

// Whether any namespaces have the Streams directive, or any directive besides Identify.
bool has_streams(const Shared& shared);
bool has_directives(const Shared& shared);

// The placement of a write (DTYPE and DSPEC).
nvme::Status check_directive(const IoContext&, Task&);

}  // namespace nvmev
