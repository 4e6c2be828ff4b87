// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "error.h"
#include "input/bytes.h"

namespace nvmev::sim {
namespace {

class FileBytes final : public Bytes {
 public:
  explicit FileBytes(const std::string& name) : name_(name == "-" ? "standard input" : name) {
    fd_ = name == "-" ? dup(STDIN_FILENO) : open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) refuse("{}: {}", name_, std::strerror(errno));
    struct stat status;
    if (fstat(fd_, &status) == 0) {
      if (S_ISDIR(status.st_mode)) {
        close(fd_);
        refuse("{}: is a folder: a trace file is right", name_);
      }
      if (S_ISREG(status.st_mode)) size_ = static_cast<u64>(status.st_size);
    }
  }
  ~FileBytes() override { close(fd_); }

  std::size_t read(char* to, std::size_t size) override {
    for (;;) {
      const ssize_t count = ::read(fd_, to, size);
      if (count >= 0) {
        done_ += static_cast<u64>(count);
        return static_cast<std::size_t>(count);
      }
      if (errno != EINTR) refuse("{}: {}", name_, std::strerror(errno));
    }
  }

  double consumed() const override { return size_ != 0 ? static_cast<double>(done_) / static_cast<double>(size_) : -1; }

 private:
  std::string name_;
  int fd_;
  u64 size_ = 0;  // 0: unknown
  u64 done_ = 0;
};

// Gives back the first bytes, which were read to recognise the compression.
class WithHead final : public Bytes {
 public:
  WithHead(std::unique_ptr<Bytes> source, std::string head) : source_(std::move(source)), head_(std::move(head)) {}

  std::size_t read(char* to, std::size_t size) override {
    if (at_ == head_.size()) return source_->read(to, size);
    const std::size_t count = std::min(size, head_.size() - at_);
    std::memcpy(to, head_.data() + at_, count);
    at_ += count;
    return count;
  }

  double consumed() const override { return source_->consumed(); }

 private:
  std::unique_ptr<Bytes> source_;
  std::string head_;
  std::size_t at_ = 0;
};

}  // namespace

std::unique_ptr<Bytes> open_input(const std::string& name) {
  using namespace std::string_view_literals;
  auto file = std::make_unique<FileBytes>(name);
  std::string head(4, '\0');
  std::size_t length = 0;
  while (length < head.size()) {
    const std::size_t count = file->read(head.data() + length, head.size() - length);
    if (count == 0) break;
    length += count;
  }
  head.resize(length);
  auto bytes = std::make_unique<WithHead>(std::move(file), head);
  if (head.starts_with("\x1f\x8b"sv)) return make_gzip_bytes(std::move(bytes), name);
  if (head == "\x28\xb5\x2f\xfd"sv) return make_zstd_bytes(std::move(bytes), name);
  return bytes;
}

}  // namespace nvmev::sim
