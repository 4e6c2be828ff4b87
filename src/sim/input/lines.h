// SPDX-License-Identifier: GPL-2.0-only
// The lines of an input, numbered, in constant memory.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "error.h"
#include "input/bytes.h"

namespace nvmev::sim {

class Lines {
 public:
  explicit Lines(const std::string& name);

  // The next line that is not empty, without its end; valid until the next call. False at the end.
  bool next(std::string_view* line);

  // The line that next() will give; empty at the end.
  std::string_view peek();

  // "file:line" of the line that next() gave last.
  std::string where() const { return fmt::format("{}:{}", name_, number_); }
  // That line as it can be shown in a message.
  std::string quoted() const;
  const std::string& name() const { return name_; }
  u64 number() const { return number_; }
  double consumed() const { return bytes_->consumed(); }

  template <typename... Arguments>
  [[noreturn]] void refuse(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    throw SimError(
        fmt::format("{}: {}: {}", where(), quoted(), fmt::format(format, std::forward<Arguments>(arguments)...)));
  }

 private:
  // Finds the next line that is not empty: [begin_, end_) of the buffer. False at the end.
  bool find();
  bool refill();

  std::string name_;
  std::unique_ptr<Bytes> bytes_;
  std::vector<char> buffer_;
  std::size_t at_ = 0;  // behind the line that was found last
  std::size_t filled_ = 0;
  std::string_view found_;
  u64 found_number_ = 0;
  bool has_found_ = false;
  std::string_view given_;
  u64 number_ = 0;
};

}  // namespace nvmev::sim
