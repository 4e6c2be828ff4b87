// SPDX-License-Identifier: GPL-2.0-only
// How the simulator refuses: one line that says what was wrong and what is right.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace nvmev::sim {

// Shown to the user as it is; the program ends with a nonzero status.
class SimError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <typename... Arguments>
[[noreturn]] void refuse(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  throw SimError(fmt::format(format, std::forward<Arguments>(arguments)...));
}

}  // namespace nvmev::sim
