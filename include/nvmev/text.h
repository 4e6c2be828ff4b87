// SPDX-License-Identifier: GPL-2.0-only
// Bytes and text: the few C library functions that kernel and user space both have.
#pragma once

#include "nvmev/host.h"
#include "nvmev/types.h"

extern "C" {
void* memcpy(void* to, const void* from, std::size_t length);
void* memmove(void* to, const void* from, std::size_t length);
void* memset(void* to, int value, std::size_t length);
int memcmp(const void* a, const void* b, std::size_t length);
std::size_t strlen(const char* text);
int strcmp(const char* a, const char* b);
int snprintf(char* to, std::size_t size, const char* format, ...) __attribute__((format(printf, 3, 4)));
int vsnprintf(char* to, std::size_t size, const char* format, __builtin_va_list arguments)
    __attribute__((format(printf, 3, 0)));
}

namespace nvmev {

// Appends formatted text to a fixed buffer; counts what did not fit.
class TextWriter {
 public:
  TextWriter(char* buffer, std::size_t size) : buffer_(buffer), size_(size) {
    if (size_ != 0) buffer_[0] = '\0';
  }

  [[gnu::format(printf, 2, 3)]] void add(const char* format, ...) {
    __builtin_va_list arguments;
    __builtin_va_start(arguments, format);
    const std::size_t left = length_ < size_ ? size_ - length_ : 0;
    const int added = vsnprintf(left != 0 ? buffer_ + length_ : nullptr, left, format, arguments);
    __builtin_va_end(arguments);
    if (added > 0) length_ += static_cast<std::size_t>(added);
  }

  // Length of the whole text, also of the part that did not fit.
  std::size_t length() const { return length_; }

 private:
  char* buffer_;
  std::size_t size_;
  std::size_t length_ = 0;
};

// Fills a space-padded ASCII field of an Identify structure.
inline void set_padded(char* field, std::size_t size, const char* text) {
  std::size_t i = 0;
  for (; i < size && text[i] != '\0'; i++) field[i] = text[i];
  for (; i < size; i++) field[i] = ' ';
}

// Fills a little-endian 128-bit field, of which the upper half stays as it is.
inline void put_u128(u8 (&field)[16], u64 value) { memcpy(field, &value, sizeof(value)); }

// Fills in *error and returns `code`.
[[gnu::format(printf, 3, 4)]] inline int fail(nvmev_error* error, int code, const char* format, ...) {
  if (error != nullptr) {
    __builtin_va_list arguments;
    __builtin_va_start(arguments, format);
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    __builtin_va_end(arguments);
  }
  return code;
}

}  // namespace nvmev
