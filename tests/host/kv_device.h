// SPDX-License-Identifier: GPL-2.0-only
// A key-value store alone, without controller: for tests and benchmarks.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>

#include "ftl/kv/kv.h"
#include "host/test_host.h"
#include "nvmev/text.h"

namespace nvmev::test {

class KvDevice {
 public:
  // Keys on top of the defaults: "name=value name=value".
  explicit KvDevice(const std::string& keys) : config(configure(keys)) {
    nvmev_error error;
    must(kv::Kv::check(config, &error) == 0, error.text);
    kv_ = static_cast<kv::Kv*>(kv::Kv::create(config, &host));
    must(kv_ != nullptr, "no memory");
  }
  ~KvDevice() { kv_->destroy(); }
  KvDevice(const KvDevice&) = delete;
  KvDevice& operator=(const KvDevice&) = delete;

  static nvmev_config configure(const std::string& keys) {
    nvmev_config config;
    nvmev_config_init(&config);
    config.workers = 1;
    nvmev_error error;
    must(nvmev_config_set(&config, "type", "kv", &error) == 0, error.text);
    std::istringstream words(keys);
    for (std::string word; words >> word;) {
      const std::size_t equals = word.find('=');
      must(equals != std::string::npos, word.c_str());
      const std::string name = word.substr(0, equals);
      must(nvmev_config_set(&config, name.c_str(), word.c_str() + equals + 1, &error) == 0, error.text);
    }
    return config;
  }

  static kv::Key key(std::string_view text) { return {reinterpret_cast<const u8*>(text.data()), static_cast<u32>(text.size())}; }

  kv::Kv& store() { return *kv_; }
  kv::Kv* operator->() { return kv_; }

  // Both stages, one behind the other; the clock moves on to the end of each.
  nvme::Status put(std::string_view name, u32 length, u8 rules = 0) {
    kv::Held held;
    const nvme::Status status = done(kv_->plan_store(now, key(name), length, rules, &held));
    return status == nvme::Status::kSuccess ? kv_->commit(key(name), rules, held) : status;
  }
  nvme::Status get(std::string_view name, u32* length, u32 room = ~0u) {
    kv::Held held;
    const nvme::Status status = done(kv_->plan_retrieve(now, key(name), 0, room, &held));
    if (status == nvme::Status::kSuccess) {
      *length = held.length;
      kv_->release(held);
    }
    return status;
  }
  nvme::Status remove(std::string_view name) { return done(kv_->plan_delete(now, key(name))); }
  nvme::Status exist(std::string_view name) { return done(kv_->plan_exist(now, key(name))); }

  std::string report() {
    std::string text(1 << 16, '\0');
    TextWriter writer(text.data(), text.size());
    kv_->report(writer);
    text.resize(writer.length());
    return text;
  }

  TestHost host;
  nvmev_config config;
  u64 now = 0;        // ns
  u64 duration = 0;   // ns, of the last command's first stage

 private:
  nvme::Status done(const IoPlan& plan) {
    duration = plan.done - now;
    now = plan.done;
    return plan.status;
  }
  static void must(bool ok, const char* why) {
    if (ok) return;
    std::fprintf(stderr, "%s\n", why);
    std::abort();
  }

  kv::Kv* kv_ = nullptr;
};

}  // namespace nvmev::test
