// SPDX-License-Identifier: GPL-2.0-only
#include "trace/operation.h"

#include <strings.h>

namespace nvmev::sim {
namespace {

struct Word {
  std::string_view word;
  IoOp op;
};

constexpr Word kWords[] = {
    {"read", IoOp::kRead},
    {"r", IoOp::kRead},
    {"write", IoOp::kWrite},
    {"w", IoOp::kWrite},
    {"trim", IoOp::kDeallocate},
    {"t", IoOp::kDeallocate},
    {"discard", IoOp::kDeallocate},
    {"d", IoOp::kDeallocate},
    {"unmap", IoOp::kDeallocate},
    {"flush", IoOp::kFlush},
    {"f", IoOp::kFlush},
};

}  // namespace

std::optional<IoOp> to_operation(std::string_view word) {
  for (const Word& row : kWords) {
    if (row.word.size() == word.size() && strncasecmp(row.word.data(), word.data(), word.size()) == 0) return row.op;
  }
  return std::nullopt;
}

}  // namespace nvmev::sim
