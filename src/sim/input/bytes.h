// SPDX-License-Identifier: GPL-2.0-only
// Streams of bytes: files, standard input, and what decompresses them.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "nvmev/types.h"

namespace nvmev::sim {

class Bytes {
 public:
  virtual ~Bytes() = default;
  // Reads up to `size` bytes; 0 at the end. Refuses, naming the file, what cannot be read.
  virtual std::size_t read(char* to, std::size_t size) = 0;
  // Share of the input that is consumed, 0 to 1; negative where that is not known.
  virtual double consumed() const = 0;
};

// Opens a file, or standard input for "-", and decompresses gzip and zstd, which it knows by their content.
std::unique_ptr<Bytes> open_input(const std::string& name);

// The decompressors. `name` is for messages.
std::unique_ptr<Bytes> make_gzip_bytes(std::unique_ptr<Bytes> source, const std::string& name);
std::unique_ptr<Bytes> make_zstd_bytes(std::unique_ptr<Bytes> source, const std::string& name);

inline constexpr std::size_t kInputChunk = 256 << 10;

}  // namespace nvmev::sim
