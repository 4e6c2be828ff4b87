// SPDX-License-Identifier: GPL-2.0-only
// An archive in memory: what an object writes, and what it does with bytes that somebody else wrote.
#pragma once

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "nvmev/error.h"
#include "nvmev/state_archive.h"

namespace nvmev::test {

class MemoryArchive final : public StateArchive {
 public:
  MemoryArchive() : StateArchive(false, &error_) {}
  explicit MemoryArchive(std::vector<u8> bytes) : StateArchive(true, &error_), bytes_(std::move(bytes)) {}

  const std::vector<u8>& contents() const { return bytes_; }
  bool at_end() const { return at_ == bytes_.size(); }
  std::string message() const { return error_.text; }

 private:
  int move(void* data, u64 length) override {
    if (!loading()) {
      const u8* from = static_cast<const u8*>(data);
      bytes_.insert(bytes_.end(), from, from + length);
      return 0;
    }
    if (length > bytes_.size() - at_) return fail(&error_, err::kInvalid, "it ends too early");
    if (length != 0) std::memcpy(data, &bytes_[at_], length);
    at_ += length;
    return 0;
  }

  nvmev_error error_{};
  std::vector<u8> bytes_;
  std::size_t at_ = 0;
};

}  // namespace nvmev::test
