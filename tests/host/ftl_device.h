// SPDX-License-Identifier: GPL-2.0-only
// An FTL alone, without controller: what the devices of all types have in common.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

#include "host/test_host.h"
#include "nvmev/text.h"

namespace nvmev::test {

// Type: an FTL's class, with its check() and create().
template <typename Type>
class FtlDevice {
 public:
  FtlDevice(const FtlDevice&) = delete;
  FtlDevice& operator=(const FtlDevice&) = delete;

  Type* operator->() { return ftl_; }

  std::string report() {
    std::string text(1 << 16, '\0');
    TextWriter writer(text.data(), text.size());
    ftl_->report(writer);
    text.resize(writer.length());
    return text;
  }

  TestHost host;
  nvmev_config config;
  u64 now = 0;  // ns

 protected:
  explicit FtlDevice(const nvmev_config& made) : config(made) {
    nvmev_error error;
    must(Type::check(config, &error) == 0, error.text);
    ftl_ = static_cast<Type*>(Type::create(config, &host));
    must(ftl_ != nullptr, "no memory");
  }
  ~FtlDevice() { ftl_->destroy(); }

  // From a profile, or from defaults with this type, with these keys on top: "name=value name=value".
  static nvmev_config configure(const char* type, const std::string& keys, const char* profile) {
    nvmev_config config;
    nvmev_config_init(&config);
    nvmev_error error;
    if (profile != nullptr) {
      size_t length = 0;
      const char* text = nvmev_profile_text(profile, &length);
      must(text != nullptr, profile);
      must(nvmev_config_load(&config, profile, text, length, &error) == 0, error.text);
    } else {
      must(nvmev_config_set(&config, "type", type, &error) == 0, error.text);
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

  static void must(bool ok, const char* why) {
    if (ok) return;
    std::fprintf(stderr, "%s\n", why);
    std::abort();
  }

  Type* ftl_ = nullptr;
};

}  // namespace nvmev::test
