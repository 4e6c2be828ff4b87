// SPDX-License-Identifier: GPL-2.0-only
#include "host/test_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "nvmev/host.h"

namespace nvmev::test {

namespace {

constexpr int kIoError = -5;
constexpr size_t kSector = 512;
constexpr u64 kWindow = 8 << 20;  // bytes that are read from, or written to, the disk together

}  // namespace

bool TestFile::may_go_on() {
  operations_++;
  if (left_ == 0) return false;
  if (left_ != ~0ull) left_--;
  return true;
}

u64 TestFile::size() const {
  if (fd_ < 0) return seen_.size();
  struct stat status;
  return fstat(fd_, &status) == 0 ? static_cast<u64>(status.st_size) : 0;
}

int TestFile::read(u64 offset, void* data, size_t length) const {
  if (fd_ >= 0) {
    const ssize_t got = pread(fd_, data, length, static_cast<off_t>(offset));
    return got == static_cast<ssize_t>(length) ? 0 : kIoError;
  }
  if (offset > seen_.size() || length > seen_.size() - offset) return kIoError;
  std::memcpy(data, seen_.data() + offset, length);
  return 0;
}

int TestFile::write(u64 offset, const void* data, size_t length) {
  if (fd_ >= 0) {
    const ssize_t put = pwrite(fd_, data, length, static_cast<off_t>(offset));
    if (put != static_cast<ssize_t>(length)) return kIoError;
    // As the module: the disk is busy while the rest is made.
    const u64 done = (offset + length) / kWindow * kWindow;
    if (done > offset) sync_file_range(fd_, static_cast<off_t>(done - kWindow), kWindow, SYNC_FILE_RANGE_WRITE);
    return 0;
  }
  const bool whole = may_go_on();
  if (!whole) length /= 2;
  if (seen_.size() < offset + length) seen_.resize(offset + length);
  std::memcpy(seen_.data() + offset, data, length);
  return whole ? 0 : kIoError;
}

int TestFile::sync() {
  if (fd_ >= 0) return fdatasync(fd_) == 0 ? 0 : kIoError;
  if (!may_go_on()) return kIoError;
  durable_ = seen_;
  return 0;
}

void TestFile::keep(u64 begin, u64 end) {
  keep_begin_ = begin;
  keep_end_ = end;
  if (fd_ < 0) give_back();
}

void TestFile::give_back() {
  const auto discard = [this](u64 from, u64 to) {
    if (from >= to) return;
    discarded_ += to - from;
    if (fd_ < 0) {
      std::fill_n(seen_.begin() + static_cast<std::ptrdiff_t>(from), to - from, u8{0});
    } else {
      fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from), static_cast<off_t>(to - from));
    }
  };
  discard(2 * NVMEV_STATE_BLOCK, keep_begin_);
  discard(keep_end_, size());
}

void TestFile::crash(std::mt19937_64& random) {
  const std::vector<u8> written = seen_;
  std::vector<u8> left = durable_;
  left.resize(std::max(written.size(), durable_.size()));
  for (size_t at = 0; at < written.size(); at += kSector) {
    if (random() % 2 == 0) continue;
    std::copy_n(written.begin() + static_cast<std::ptrdiff_t>(at), std::min(kSector, written.size() - at),
                left.begin() + static_cast<std::ptrdiff_t>(at));
  }
  replace(left);
  work_again();
}

}  // namespace nvmev::test
