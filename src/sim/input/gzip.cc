// SPDX-License-Identifier: GPL-2.0-only
#include <zlib.h>

#include <vector>

#include "error.h"
#include "input/bytes.h"

namespace nvmev::sim {
namespace {

class GzipBytes final : public Bytes {
 public:
  GzipBytes(std::unique_ptr<Bytes> source, const std::string& name) : source_(std::move(source)), name_(name) {
    constexpr int kGzipHeader = 16;
    if (inflateInit2(&stream_, MAX_WBITS + kGzipHeader) != Z_OK) refuse("{}: no memory to decompress it", name_);
  }
  ~GzipBytes() override { inflateEnd(&stream_); }

  std::size_t read(char* to, std::size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(size);
    while (stream_.avail_out == size) {
      if (stream_.avail_in == 0 && !refill()) {
        if (inside_) refuse("{}: the gzip data ends early: the file was cut short", name_);
        return 0;
      }
      inside_ = true;
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (result == Z_STREAM_END) {
        // A file may consist of several compressed parts.
        inflateReset(&stream_);
        inside_ = false;
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        refuse("{}: the gzip data is damaged: {}", name_, stream_.msg != nullptr ? stream_.msg : "wrong checksum");
      }
    }
    return size - stream_.avail_out;
  }

  double consumed() const override { return source_->consumed(); }

 private:
  bool refill() {
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(source_->read(input_.data(), input_.size()));
    return stream_.avail_in != 0;
  }

  std::unique_ptr<Bytes> source_;
  std::string name_;
  std::vector<char> input_ = std::vector<char>(kInputChunk);
  z_stream stream_{};
  bool inside_ = false;  // of a part
};

}  // namespace

std::unique_ptr<Bytes> make_gzip_bytes(std::unique_ptr<Bytes> source, const std::string& name) {
  return std::make_unique<GzipBytes>(std::move(source), name);
}

}  // namespace nvmev::sim
