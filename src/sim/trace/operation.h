// SPDX-License-Identifier: GPL-2.0-only
// Operations by the words that CSV traces use.
#pragma once

#include <optional>
#include <string_view>

#include "nvmev/ftl.h"

namespace nvmev::sim {

// In any case of letters; nothing for other words.
std::optional<IoOp> to_operation(std::string_view word);

// For messages.
inline constexpr const char* kOperationWords = "read, r, write, w, trim, t, discard, d, unmap, flush, f";

}  // namespace nvmev::sim
