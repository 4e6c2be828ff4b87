// SPDX-License-Identifier: GPL-2.0-only
// A key-value store alone, without controller: for tests and benchmarks.
#pragma once

#include <string>
#include <string_view>

#include "ftl/kv/kv.h"
#include "host/ftl_device.h"

namespace nvmev::test {

class KvDevice : public FtlDevice<kv::Kv> {
 public:
  // Keys on top of the defaults: "name=value name=value".
  explicit KvDevice(const std::string& keys) : FtlDevice(configure(keys)) {}

  static nvmev_config configure(const std::string& keys) {
    nvmev_config config = FtlDevice::configure("kv", keys, nullptr);
    config.workers = 1;
    return config;
  }

  static kv::Key key(std::string_view text) { return {reinterpret_cast<const u8*>(text.data()), static_cast<u32>(text.size())}; }

  kv::Kv& store() { return *ftl_; }

  // Both stages, one behind the other; the clock moves on to the end of each.
  nvme::Status put(std::string_view name, u32 length, u8 rules = 0) {
    kv::Held held;
    const nvme::Status status = done(ftl_->plan_store(now, key(name), length, rules, &held));
    return status == nvme::Status::kSuccess ? ftl_->commit(key(name), rules, held) : status;
  }
  nvme::Status get(std::string_view name, u32* length, u32 room = ~0u) {
    kv::Held held;
    const nvme::Status status = done(ftl_->plan_retrieve(now, key(name), 0, room, &held));
    if (status == nvme::Status::kSuccess) {
      *length = held.length;
      ftl_->release(held);
    }
    return status;
  }
  nvme::Status remove(std::string_view name) { return done(ftl_->plan_delete(now, key(name))); }
  nvme::Status exist(std::string_view name) { return done(ftl_->plan_exist(now, key(name))); }

  u64 duration = 0;   // ns, of the last command's first stage

 private:
  nvme::Status done(const IoPlan& plan) {
    duration = plan.done - now;
    now = plan.done;
    return plan.status;
  }
};

}  // namespace nvmev::test
