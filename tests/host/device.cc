// SPDX-License-Identifier: GPL-2.0-only
#include "host/device.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "host/check.h"

namespace nvmev::test {
namespace {

void apply(nvmev_config& config, const std::string& key, const std::string& value) {
  nvmev_error error{};
  if (nvmev_config_set(&config, key.c_str(), value.c_str(), &error) != 0) {
    std::fprintf(stderr, "%s = %s: %s\n", key.c_str(), value.c_str(), error.text);
    std::abort();
  }
}

}  // namespace

nvmev_config make_config(const Settings& settings, u32 workers) {
  nvmev_config config;
  nvmev_config_init(&config);
  // Directly, not with nvmev_config_set(): a test's own settings do not contradict these.
  config.capacity = 64ull << 20;
  config.inflight = 1024;
  config.queues = 8;
  config.queue_entries = 1024;
  for (const auto& [key, value] : settings) apply(config, key, value);
  config.workers = workers;

  nvmev_error error{};
  if (nvmev_config_check(&config, &error) != 0) {
    std::fprintf(stderr, "nvmev_config_check: %s\n", error.text);
    std::abort();
  }
  return config;
}

namespace {

void* zeroed(size_t bytes) {
  if (bytes == 0) return nullptr;
  void* memory = std::aligned_alloc(kPageSize, bytes);
  NVMEV_CHECK(memory != nullptr);
  std::memset(memory, 0, bytes);
  return memory;
}

}  // namespace

Device::Device(TestHost& host, const nvmev_config& config)
    : host_(host),
      config_(config),
      bar_(static_cast<u8*>(zeroed(config.controllers * size_t{NVMEV_BAR_SIZE}))) {
  config_.cmb_base = zeroed(config.controllers * size_t{config.cmb_size});
  config_.pmr_base = zeroed(config.controllers * size_t{config.pmr_size});
  nvmev_error error{};
  if (nvmev_dev_create(&config_, &host_, bar_, &dev_, &error) != 0) {
    std::fprintf(stderr, "nvmev_dev_create: %s\n", error.text);
    std::abort();
  }
  NVMEV_CHECK(dev_ != nullptr);
}

Device::~Device() {
  nvmev_dev_destroy(dev_);
  std::free(config_.cmb_base);
  std::free(config_.pmr_base);
  std::free(bar_);
}

int Device::set(const std::string& key, const std::string& value, std::string* text) {
  nvmev_error error{};
  const int result = nvmev_dev_set(dev_, key.c_str(), value.c_str(), &error);
  if (text) *text = error.text;
  return result;
}

std::string Device::report() const {
  const size_t length = nvmev_dev_report(dev_, nullptr, 0);
  std::string text(length + 1, '\0');
  NVMEV_CHECK(nvmev_dev_report(dev_, text.data(), text.size()) <= length + 64);
  text.resize(std::strlen(text.c_str()));
  return text;
}

}  // namespace nvmev::test
