// SPDX-License-Identifier: GPL-2.0-only
// The names of a table's rows as one text, made at compile time: for messages.
#pragma once

#include <array>

#include "nvmev/types.h"

namespace nvmev {

// "a, b, c" from rows with a `name` member. Does not compile when the names need more than kSize bytes.
template <std::size_t kSize, typename Row, std::size_t kRows>
consteval std::array<char, kSize> join_names(const Row (&rows)[kRows]) {
  std::array<char, kSize> text{};
  std::size_t length = 0;
  for (const Row& row : rows) {
    if (length != 0) {
      text[length++] = ',';
      text[length++] = ' ';
    }
    for (const char* c = row.name; *c != '\0'; c++) text[length++] = *c;
  }
  text[length] = '\0';
  return text;
}

}  // namespace nvmev
