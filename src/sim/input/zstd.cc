// SPDX-License-Identifier: GPL-2.0-only
#include <zstd.h>

#include <vector>

#include "error.h"
#include "input/bytes.h"

namespace nvmev::sim {
namespace {

class ZstdBytes final : public Bytes {
 public:
  ZstdBytes(std::unique_ptr<Bytes> source, const std::string& name)
      : source_(std::move(source)), name_(name), stream_(ZSTD_createDStream(), ZSTD_freeDStream) {
    if (!stream_) refuse("{}: no memory to decompress it", name_);
  }

  std::size_t read(char* to, std::size_t size) override {
    ZSTD_outBuffer out{to, size, 0};
    while (out.pos == 0) {
      if (in_.pos == in_.size && !refill()) {
        if (inside_) refuse("{}: the zstd data ends early: the file was cut short", name_);
        return 0;
      }
      const std::size_t result = ZSTD_decompressStream(stream_.get(), &out, &in_);
      if (ZSTD_isError(result)) refuse("{}: the zstd data is damaged: {}", name_, ZSTD_getErrorName(result));
      inside_ = result != 0;
    }
    return out.pos;
  }

  double consumed() const override { return source_->consumed(); }

 private:
  bool refill() {
    in_ = {input_.data(), source_->read(input_.data(), input_.size()), 0};
    return in_.size != 0;
  }

  std::unique_ptr<Bytes> source_;
  std::string name_;
  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream_;
  std::vector<char> input_ = std::vector<char>(kInputChunk);
  ZSTD_inBuffer in_{nullptr, 0, 0};
  bool inside_ = false;  // of a frame
};

}  // namespace

std::unique_ptr<Bytes> make_zstd_bytes(std::unique_ptr<Bytes> source, const std::string& name) {
  return std::make_unique<ZstdBytes>(std::move(source), name);
}

}  // namespace nvmev::sim
