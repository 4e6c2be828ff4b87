// SPDX-License-Identifier: GPL-2.0-only
#include "device.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "error.h"
#include "nvmev/ftl_registry.h"
#include "nvmev/text.h"

namespace nvmev::sim {
namespace {

constexpr u64 kDefaultCapacity = 16ull << 30;

std::string read_file(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  std::ostringstream text;
  const bool empty = file.peek() == std::ifstream::traits_type::eof() && !file.bad();  // which is no error, but looks like one below
  if (!file.is_open() || (!empty && !(text << file.rdbuf()))) {
    refuse("--profile {}: no such profile ({}) and no readable file ({})", name, nvmev_profile_names(),
           std::strerror(errno != 0 ? errno : EIO));
  }
  return text.str();
}

void load_profile(nvmev_config& config, const std::string& profile) {
  nvmev_error error{};
  std::size_t length = 0;
  int result;
  if (const char* text = nvmev_profile_text(profile.c_str(), &length)) {
    result = nvmev_config_load(&config, profile.c_str(), text, length, &error);
  } else {
    const std::string file = read_file(profile);
    result = nvmev_config_load(&config, profile.c_str(), file.data(), file.size(), &error);
  }
  if (result != 0) throw SimError(error.text);
}

}  // namespace

nvmev_config make_config(const std::string& profile, const Keys& keys) {
  nvmev_config config;
  nvmev_error error{};
  nvmev_config_init(&config);
  if (!profile.empty()) load_profile(config, profile);
  for (const auto& [key, value] : keys) {
    if (nvmev_config_set(&config, key.c_str(), value.c_str(), &error) != 0) throw SimError(error.text);
  }
  if (config.namespaces[0] != '\0') throw SimError("namespaces: the simulator has one; type=, capacity= and keys are right");
  if (config.capacity == 0) config.capacity = kDefaultCapacity;
  config.medium = NVMEV_MEDIUM_NONE;
  if (nvmev_config_check(&config, &error) != 0) throw SimError(error.text);
  // Their plan() has no reads and writes of blocks, but would answer.
  const CommandFamily family = find_ftl(config.type)->family;
  if (family == CommandFamily::kKeyValue || family == CommandFamily::kOpenChannel) {
    refuse("type={}: the simulator reads and writes blocks: a type of block or zoned devices, such as nvm, conv or zns, is right",
           config.type);
  }
  return config;
}

std::optional<ZoneShape> zone_shape(const nvmev_config& config) {
  if (find_ftl(config.type)->family != CommandFamily::kZoned) return std::nullopt;
  return ZoneShape{config.zone_size, config.zone_capacity != 0 ? config.zone_capacity : config.zone_size,
                   config.capacity / config.zone_size,
                   config.max_open_zones != 0 ? config.max_open_zones : config.max_active_zones};
}

Device::Device(const nvmev_config& config) : config_(config), ftl_(find_ftl(config.type)->create(config_, nullptr)) {
  if (ftl_ == nullptr) {
    refuse("type={} capacity={}: no memory for the tables of this device", config.type, config.capacity);
  }
}

u64 Device::largest_append() const {
  const Zones* zones = ftl_->zones();
  if (zones == nullptr || zones->limits().append_limit == 0) return largest_transfer();
  return std::min(zones->limits().append_limit, largest_transfer());
}

std::string Device::report() const {
  std::string text(4096, '\0');
  for (;;) {
    TextWriter writer(text.data(), text.size());
    ftl_->report(writer);
    if (writer.length() < text.size()) {
      text.resize(writer.length());
      return text;
    }
    text.resize(writer.length() + 1);
  }
}

std::vector<std::vector<u32>> Device::wear() const {
  std::vector<std::vector<u32>> dies;
  for (;;) {
    const u32 die = static_cast<u32>(dies.size());
    std::vector<u32> blocks(ftl_->erase_counts(die, nullptr, 0));
    if (blocks.empty()) return dies;
    ftl_->erase_counts(die, blocks.data(), static_cast<u32>(blocks.size()));
    dies.push_back(std::move(blocks));
  }
}

}  // namespace nvmev::sim
