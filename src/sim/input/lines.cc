// SPDX-License-Identifier: GPL-2.0-only
#include "input/lines.h"

#include <cstring>

namespace nvmev::sim {
namespace {

constexpr std::size_t kLongestLine = 64 << 10;
constexpr std::size_t kShown = 100;  // characters of a line in a message

}  // namespace

Lines::Lines(const std::string& name)
    : name_(name == "-" ? "standard input" : name), bytes_(open_input(name)), buffer_(kInputChunk + kLongestLine) {}

// Moves what is left to the front and reads more behind it.
bool Lines::refill() {
  std::memmove(buffer_.data(), buffer_.data() + at_, filled_ - at_);
  filled_ -= at_;
  at_ = 0;
  const std::size_t count = bytes_->read(buffer_.data() + filled_, buffer_.size() - filled_);
  filled_ += count;
  return count != 0;
}

bool Lines::find() {
  for (;;) {
    const char* begin = buffer_.data() + at_;
    const char* end = static_cast<const char*>(std::memchr(begin, '\n', filled_ - at_));
    std::size_t length;
    std::size_t taken;
    if (end != nullptr) {
      length = static_cast<std::size_t>(end - begin);
      taken = length + 1;
    } else {
      if (filled_ - at_ > kLongestLine) {
        sim::refuse("{}:{}: line of more than {} bytes: a text file with one I/O a line is right", name_,
                    found_number_ + 1, kLongestLine);
      }
      if (refill()) continue;
      begin = buffer_.data() + at_;
      length = taken = filled_ - at_;
      if (length == 0) return false;
    }
    at_ += taken;
    found_number_++;
    found_ = {begin, length};
    while (!found_.empty() && (found_.back() == '\r' || found_.back() == ' ' || found_.back() == '\t')) {
      found_.remove_suffix(1);
    }
    if (!found_.empty()) return true;
  }
}

bool Lines::next(std::string_view* line) {
  if (!has_found_ && !find()) return false;
  has_found_ = false;
  given_ = *line = found_;
  number_ = found_number_;
  return true;
}

std::string_view Lines::peek() {
  if (!has_found_) has_found_ = find();
  return has_found_ ? found_ : std::string_view();
}

std::string Lines::quoted() const {
  std::string text;
  for (const char c : given_.substr(0, kShown)) text += c >= ' ' && c <= '~' ? c : '?';
  if (given_.size() > kShown) text += "...";
  return "'" + text + "'";
}

}  // namespace nvmev::sim
