// SPDX-License-Identifier: GPL-2.0-only
#include "nvmev/state_archive.h"

#include "nvmev/error.h"

namespace nvmev {

namespace {

// What sparse data are made of: a stretch of bytes that are not all zero, at most this long. A length of 0 ends the list.
struct Stretch {
  u64 offset;
  u64 length;
};
constexpr u64 kStretch = 4096;

bool is_zero(const u8* data, u64 length) {
  for (; length >= sizeof(u64); data += sizeof(u64), length -= sizeof(u64)) {
    u64 word;
    __builtin_memcpy(&word, data, sizeof(word));
    if (word != 0) return false;
  }
  for (; length != 0; data++, length--) {
    if (*data != 0) return false;
  }
  return true;
}

void clear(u8* data, u64 length) {
  while (length != 0) {
    const u64 part = length < kStretch ? length : kStretch;
    if (!is_zero(data, part)) memset(data, 0, part);
    data += part;
    length -= part;
  }
}

}  // namespace

void StateArchive::sparse(void* data, u64 length) {
  if (loading_) {
    read_sparse(static_cast<u8*>(data), length);
  } else {
    write_sparse(static_cast<const u8*>(data), length);
  }
}

void StateArchive::write_sparse(const u8* data, u64 length) {
  for (u64 at = 0; at < length && ok();) {
    // Neighbours that are not zero go together.
    u64 end = at;
    while (end < length) {
      const u64 part = length - end < kStretch ? length - end : kStretch;
      if (is_zero(data + end, part)) break;
      end += part;
    }
    if (end != at) {
      Stretch stretch{at, end - at};
      value(stretch);
      bytes(const_cast<u8*>(data) + at, stretch.length);
    }
    at = end + kStretch;
  }
  Stretch end{length, 0};
  value(end);
}

void StateArchive::read_sparse(u8* data, u64 length) {
  u64 at = 0;
  while (ok()) {
    Stretch stretch{};
    value(stretch);
    if (!ok()) return;
    if (stretch.offset < at || stretch.offset > length || stretch.length > length - stretch.offset) {
      return refuse(err::kInvalid, "it names bytes %llu to %llu of an object of %llu",
                    static_cast<unsigned long long>(stretch.offset),
                    static_cast<unsigned long long>(stretch.offset + stretch.length),
                    static_cast<unsigned long long>(length));
    }
    clear(data + at, stretch.offset - at);
    if (stretch.length == 0) return;
    bytes(data + stretch.offset, stretch.length);
    at = stretch.offset + stretch.length;
  }
}

void StateArchive::flag(bool& flag) {
  u8 byte = flag;
  value(byte);
  if (!ok()) return;
  if (byte > 1) return refuse(err::kInvalid, "a flag of it is %u", byte);
  flag = byte != 0;
}

void StateArchive::expect(const char* name, u64 number) {
  u64 there = number;
  value(there);
  if (ok() && there != number) {
    refuse(err::kInvalid, "it is of another device: %s is %llu there and %llu here", name,
           static_cast<unsigned long long>(there), static_cast<unsigned long long>(number));
  }
}

void StateArchive::refuse(int code, const char* format, ...) {
  if (result_ != 0) return;
  result_ = code;
  __builtin_va_list arguments;
  __builtin_va_start(arguments, format);
  if (error_ != nullptr) vsnprintf(error_->text, sizeof(error_->text), format, arguments);
  __builtin_va_end(arguments);
}

}  // namespace nvmev
