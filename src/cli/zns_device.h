// SPDX-License-Identifier: GPL-2.0-only
// A zoned namespace behind its character device: what a load needs of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace nvmev::cli {

// Blocks are logical ones. What the drive refuses is thrown as std::runtime_error with the status.
class ZonedNamespace {
 public:
  struct Zone {
    std::uint64_t start;
    std::uint64_t capacity;
    std::uint64_t write_pointer;
  };

  explicit ZonedNamespace(const std::string& path);
  ~ZonedNamespace();
  ZonedNamespace(const ZonedNamespace&) = delete;
  ZonedNamespace& operator=(const ZonedNamespace&) = delete;

  int file() const { return file_; }
  std::uint32_t nsid() const { return nsid_; }
  std::uint32_t block_bytes() const { return block_bytes_; }

  // The first `count` zones, or fewer if there are no more.
  std::vector<Zone> report(std::uint32_t count);
  void reset(const Zone& zone);
  // `data` is aligned as the kernel wants it.
  void read(std::uint64_t block, void* data, std::size_t bytes);

 private:
  void run(std::uint8_t opcode, std::uint64_t block, void* data, std::size_t bytes, std::uint32_t cdw12,
           std::uint32_t cdw13);

  int file_;
  std::uint32_t nsid_ = 0;
  std::uint32_t block_bytes_ = 0;
};

// Memory for transfers, on pages.
class PageBuffer {
 public:
  explicit PageBuffer(std::size_t bytes);
  ~PageBuffer();
  PageBuffer(PageBuffer&& other) noexcept : memory_(other.memory_), bytes_(other.bytes_) { other.memory_ = nullptr; }
  PageBuffer& operator=(PageBuffer&&) = delete;

  unsigned char* data() const { return memory_; }

 private:
  unsigned char* memory_;
  std::size_t bytes_;
};

// What is thrown for a status.
[[noreturn]] void refuse_status(const char* what, int status);

}  // namespace nvmev::cli
