// SPDX-License-Identifier: GPL-2.0-only
// What the module says of a bad value: the kernel itself returns no more than an errno.
#pragma once

#include <string>

namespace nvmev::cli {

class KernelLog {
 public:
  // Looks at lines from here on. Without permission to read the log, there are none.
  KernelLog();
  ~KernelLog();
  KernelLog(const KernelLog&) = delete;
  KernelLog& operator=(const KernelLog&) = delete;

  // The module's lines since then that begin with `about`, without that; joined by "; ".
  std::string read(const std::string& about);

 private:
  int file_;
};

}  // namespace nvmev::cli
