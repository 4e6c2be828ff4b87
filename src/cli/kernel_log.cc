// SPDX-License-Identifier: GPL-2.0-only
#include "kernel_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace nvmev::cli {

KernelLog::KernelLog() : file_(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
  if (file_ >= 0) lseek(file_, 0, SEEK_END);
}

KernelLog::~KernelLog() {
  if (file_ >= 0) close(file_);
}

// Documentation/ABI/testing/dev-kmsg: a read gives one record, "priority,number,time,flags;text" and a line end; EPIPE tells
// that records were overwritten.
std::string KernelLog::read(const std::string& about) {
  const std::string begins = "nvmev: " + about;
  std::string said;
  char record[8192];
  while (file_ >= 0) {
    const ssize_t length = ::read(file_, record, sizeof(record));
    if (length < 0 && (errno == EPIPE || errno == EINTR)) continue;
    if (length <= 0) break;
    std::string_view text(record, static_cast<std::size_t>(length));
    text.remove_prefix(text.find(';') + 1);
    text = text.substr(0, text.find('\n'));
    if (!text.starts_with(begins)) continue;
    if (!said.empty()) said += "; ";
    said += text.substr(begins.size());
  }
  return said;
}

}  // namespace nvmev::cli
