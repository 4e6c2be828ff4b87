// SPDX-License-Identifier: GPL-2.0-only
// A page-mapped FTL alone, without controller: for tests and benchmarks.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

#include "ftl/conv/conv.h"
#include "host/test_host.h"
#include "nvmev/text.h"

namespace nvmev::test {

class ConvDevice {
 public:
  // From defaults, or from a profile, with these keys on top: "name=value name=value".
  explicit ConvDevice(const std::string& keys, const char* profile = nullptr) : config(configure(keys, profile)) {
    nvmev_error error;
    must(conv::Conv::check(config, &error) == 0, error.text);
    ftl_ = static_cast<conv::Conv*>(conv::Conv::create(config, &host));
    must(ftl_ != nullptr, "no memory");
  }

  static nvmev_config configure(const std::string& keys, const char* profile = nullptr) {
    nvmev_config config;
    nvmev_config_init(&config);
    nvmev_error error;
    if (profile != nullptr) {
      size_t length = 0;
      const char* text = nvmev_profile_text(profile, &length);
      must(text != nullptr, profile);
      must(nvmev_config_load(&config, profile, text, length, &error) == 0, error.text);
    } else {
      must(nvmev_config_set(&config, "type", "conv", &error) == 0, error.text);
    }
    std::istringstream words(keys);
    for (std::string word; words >> word;) {
      const std::size_t equals = word.find('=');
      must(equals != std::string::npos, word.c_str());
      const std::string name = word.substr(0, equals);
      must(nvmev_config_set(&config, name.c_str(), word.c_str() + equals + 1, &error) == 0, error.text);
    }
    return config;
  }
  ~ConvDevice() { ftl_->destroy(); }
  ConvDevice(const ConvDevice&) = delete;
  ConvDevice& operator=(const ConvDevice&) = delete;

  conv::Conv& ftl() { return *ftl_; }
  conv::Conv* operator->() { return ftl_; }

  u64 units() const { return config.capacity / config.mapping_unit; }
  u32 unit() const { return config.mapping_unit; }

  // Bytes; each at `now`, which moves on to the end of the command unless `queued`.
  IoPlan run(IoOp op, u64 offset, u64 length, bool fua = false, u16 placement = 0) {
    const IoPlan plan = ftl_->plan({now, offset, length, op, fua, placement});
    if (!queued) now = plan.done;
    return plan;
  }
  IoPlan write(u64 unit_number, u64 count = 1) {
    return run(IoOp::kWrite, unit_number * unit(), count * unit());
  }
  IoPlan read(u64 unit_number, u64 count = 1) { return run(IoOp::kRead, unit_number * unit(), count * unit()); }
  IoPlan deallocate(u64 unit_number, u64 count) {
    return run(IoOp::kDeallocate, unit_number * unit(), count * unit());
  }
  void fill() {
    for (u64 i = 0; i < units(); i += 32) write(i, std::min<u64>(32, units() - i));
  }

  std::string report() {
    std::string text(1 << 16, '\0');
    TextWriter writer(text.data(), text.size());
    ftl_->report(writer);
    text.resize(writer.length());
    return text;
  }

  TestHost host;
  nvmev_config config;
  u64 now = 0;          // ns
  bool queued = false;  // commands do not wait for one another

 private:
  static void must(bool ok, const char* why) {
    if (ok) return;
    std::fprintf(stderr, "%s\n", why);
    std::abort();
  }

  conv::Conv* ftl_ = nullptr;
};

}  // namespace nvmev::test
