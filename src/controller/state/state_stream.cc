// SPDX-License-Identifier: GPL-2.0-only
#include "state_stream.h"

#include "nvmev/error.h"
#include "nvmev/text.h"

namespace nvmev {

int StateWriter::write_out() {
  if (filled_ > limit_ - at_) {
    overran_ = true;
    return fail(error(), err::kNoSpace, "no room for it");
  }
  if (const int result = nvmev_host_file_write(host_, at_, buffer_.data(), filled_); result != 0) {
    return fail(error(), result, "writing %llu bytes at %llu failed with %d", static_cast<unsigned long long>(filled_),
                static_cast<unsigned long long>(at_), result);
  }
  at_ += filled_;
  filled_ = 0;
  return 0;
}

int StateWriter::move(void* data, u64 length) {
  const u8* from = static_cast<const u8*>(data);
  hash_.add(from, length);
  while (length != 0) {
    const u64 room = kBuffer - filled_;
    const u64 part = length < room ? length : room;
    memcpy(buffer_.data() + filled_, from, part);
    filled_ += part;
    from += part;
    length -= part;
    if (filled_ != kBuffer) continue;
    if (const int result = write_out(); result != 0) return result;
  }
  return 0;
}

int StateWriter::finish() {
  if (!ok()) return result();
  return filled_ != 0 ? write_out() : 0;
}

int StateReader::refill() {
  const u64 bytes = left_ < kBuffer ? left_ : kBuffer;
  if (const int result = nvmev_host_file_read(host_, at_, buffer_.data(), bytes); result != 0) {
    return fail(error(), result, "reading %llu bytes at %llu failed with %d", static_cast<unsigned long long>(bytes),
                static_cast<unsigned long long>(at_), result);
  }
  at_ += bytes;
  left_ -= bytes;
  filled_ = bytes;
  taken_ = 0;
  return 0;
}

int StateReader::move(void* data, u64 length) {
  u8* to = static_cast<u8*>(data);
  while (length != 0) {
    if (taken_ == filled_) {
      if (left_ == 0) return fail(error(), err::kInvalid, "it ends too early");
      if (const int result = refill(); result != 0) return result;
    }
    const u64 there = filled_ - taken_;
    const u64 part = length < there ? length : there;
    const u8* from = buffer_.data() + taken_;
    hash_.add(from, part);
    memcpy(to, from, part);
    taken_ += part;
    to += part;
    length -= part;
  }
  return 0;
}

void StateReader::skip_rest() {
  do {
    hash_.add(buffer_.data() + taken_, filled_ - taken_);
    taken_ = filled_;
  } while (left_ != 0 && refill() == 0);
}

}  // namespace nvmev
