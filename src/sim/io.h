// SPDX-License-Identifier: GPL-2.0-only
// One I/O of a workload or a trace.
#pragma once

#include "nvmev/ftl.h"

namespace nvmev::sim {

struct Io {
  u64 offset;  // bytes
  u64 length;  // bytes; 0 for a flush
  IoOp op;
  bool fua;
  u16 placement;
  bool append = false;  // Zone Append, to the zone of `offset`
};

// The operations that figures are kept apart for.
inline constexpr u32 kOps = 4;
inline constexpr const char* kOpNames[kOps] = {"read", "write", "trim", "flush"};

// Index into such figures.
constexpr u32 op_index(IoOp op) {
  switch (op) {
    case IoOp::kRead:
    case IoOp::kCompare:
      return 0;
    case IoOp::kWrite:
    case IoOp::kWriteZeroes:
      return 1;
    case IoOp::kDeallocate:
      return 2;
    case IoOp::kFlush:
      break;
  }
  return 3;
}

}  // namespace nvmev::sim
