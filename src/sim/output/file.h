// SPDX-License-Identifier: GPL-2.0-only
// A file that is written: every failure is told.
#pragma once

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

#include "error.h"

namespace nvmev::sim {

class OutputFile {
 public:
  explicit OutputFile(const std::string& name) : name_(name), stream_(name, std::ios::binary) { check(); }

  void write(std::string_view text) {
    stream_.write(text.data(), static_cast<std::streamsize>(text.size()));
    check();
  }

  void finish() {
    stream_.close();
    check();
  }

 private:
  void check() const {
    if (!stream_) refuse("{}: cannot be written: {}", name_, std::strerror(errno != 0 ? errno : EIO));
  }

  std::string name_;
  std::ofstream stream_;
};

}  // namespace nvmev::sim
