// SPDX-License-Identifier: GPL-2.0-only
// One emulated device with its BAR 0, and the configuration it is made from.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "host/test_host.h"
#include "nvmev/host.h"
#include "nvmev/types.h"

namespace nvmev::test {

// `key = value` pairs of nvmev_config_set(), in order.
class Settings {
 public:
  using Pair = std::pair<std::string, std::string>;
  Settings() = default;
  Settings(std::initializer_list<Pair> pairs) : pairs_(pairs) {}
  void add(const std::string& key, const std::string& value) { pairs_.emplace_back(key, value); }
  auto begin() const { return pairs_.begin(); }
  auto end() const { return pairs_.end(); }

 private:
  std::vector<Pair> pairs_;
};

// Defaults of the core, then a small device that tests can afford (64 MiB, few queues), then `settings`.
// `workers` is the host's field. Checked; aborts with the core's message when anything is refused.
nvmev_config make_config(const Settings& settings = {}, u32 workers = 1);

class Device {
 public:
  Device(TestHost& host, const nvmev_config& config);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  nvmev_dev* get() const { return dev_; }
  u8* bar(u32 controller = 0) const { return bar_ + static_cast<size_t>(controller) * NVMEV_BAR_SIZE; }
  // What the requester sees as BARs 2 and 4; nullptr if there is none.
  // Of a controller; nullptr if there is none.
  u8* cmb(u32 controller = 0) const { return part(config_.cmb_base, config_.cmb_size, controller); }
  u8* pmr(u32 controller = 0) const { return part(config_.pmr_base, config_.pmr_size, controller); }
  TestHost& host() const { return host_; }
  const nvmev_config& config() const { return config_; }

  // nvmev_dev_set(); the error's text in *text if given.
  int set(const std::string& key, const std::string& value, std::string* text = nullptr);

  // nvmev_dev_report(), whole.
  std::string report() const;

 private:
  static u8* part(void* all, size_t bytes, u32 controller) {
    return all != nullptr ? static_cast<u8*>(all) + bytes * controller : nullptr;
  }

  TestHost& host_;
  nvmev_config config_;
  u8* bar_;
  nvmev_dev* dev_ = nullptr;
};

}  // namespace nvmev::test
