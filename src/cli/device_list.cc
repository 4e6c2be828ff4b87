// SPDX-License-Identifier: GPL-2.0-only
#include "device_list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "device_directory.h"

namespace nvmev::cli {

namespace fs = std::filesystem;

namespace {

const fs::path kParameters = "/sys/module/nvmev/parameters";
const fs::path kControllers = "/sys/class/nvme";

// One line of sysfs, without the spaces that pad it. Empty if there is no such file.
std::string read_line(const fs::path& file) {
  std::ifstream in(file);
  std::string text;
  std::getline(in, text);
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

// PCI domains of emulated host bridges are above those of hardware.
bool is_emulated(const std::string& address) { return address.find(':') > 4 && address.find(':') != std::string::npos; }

// Namespaces of a controller: disks by the name that the subsystem gives them, character devices where there is no disk.
std::set<std::string> namespaces_of(const fs::path& controller) {
  static const std::regex kDisk("(nvme[0-9]+)(c[0-9]+)?(n[0-9]+)"), kCharacter("ng([0-9]+n[0-9]+)");
  std::set<std::string> disks, characters;
  const auto look = [&](const fs::path& folder) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      const std::string name = entry.path().filename();
      std::smatch match;
      if (std::regex_match(name, match, kDisk)) disks.insert(match.str(1) + match.str(3));
      if (std::regex_match(name, match, kCharacter)) characters.insert(name);
    }
  };
  look(controller);
  look(controller / "nvme-generic");
  for (const std::string& name : characters) {
    if (!disks.contains("nvme" + name.substr(2))) disks.insert(name);
  }
  return disks;
}

void find_nodes(DeviceEntry& device, const std::string& serial) {
  std::error_code error;
  std::set<std::string> controllers, namespaces;
  for (const auto& entry : fs::directory_iterator(kControllers, error)) {
    const fs::path& controller = entry.path();
    if (!is_emulated(read_line(controller / "address")) || read_line(controller / "serial") != serial) continue;
    controllers.insert(controller.filename());
    namespaces.merge(namespaces_of(controller));
  }
  device.controllers.assign(controllers.begin(), controllers.end());
  device.namespaces.assign(namespaces.begin(), namespaces.end());
}

std::uint64_t number_of(const std::string& name, const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  throw std::runtime_error(fmt::format("{}: capacity '{}' is no number of bytes", name, text));
}

// `get` reads a parameter.
template <typename Get>
DeviceEntry describe(const std::string& name, bool on, Get get) {
  DeviceEntry device;
  device.name = name;
  device.on = on;
  device.type = get("namespaces");
  if (device.type.empty()) device.type = get("type");
  if (!on) return device;
  device.capacity = number_of(name, get("capacity"));
  find_nodes(device, get("serial"));
  return device;
}

std::string size_text(std::uint64_t bytes) {
  const char* units = "KMGT";
  if (bytes == 0 || bytes % 1024 != 0) return fmt::format("{}", bytes);
  bytes /= 1024;
  while (units[1] != '\0' && bytes % 1024 == 0) {
    bytes /= 1024;
    units++;
  }
  return fmt::format("{}{}", bytes, *units);
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

}  // namespace

std::vector<DeviceEntry> list_devices() {
  std::vector<DeviceEntry> devices;
  const auto parameter = [](const std::string& key) { return read_line(kParameters / key); };
  if (parameter("nr_devices") == "1") devices.push_back(describe("nvmev0", true, parameter));
  for (const std::string& name : DeviceDirectory::names()) {
    const DeviceDirectory device(name);
    try {
      devices.push_back(describe(name, device.power(), [&](const std::string& key) { return device.get(key); }));
    } catch (const std::runtime_error&) {
      // Others make and remove devices meanwhile.
      if (device.exists()) throw;
    }
  }
  return devices;
}

void print_devices(const std::vector<DeviceEntry>& devices) {
  std::vector<std::array<std::string, 6>> rows = {{"NAME", "POWER", "TYPE", "CAPACITY", "CONTROLLERS", "NAMESPACES"}};
  for (const DeviceEntry& device : devices) {
    rows.push_back({device.name, device.on ? "on" : "off", device.type, device.on ? size_text(device.capacity) : "",
                    fmt::format("{}", fmt::join(device.controllers, ",")), fmt::format("{}", fmt::join(device.namespaces, ","))});
  }
  std::array<std::size_t, 6> widths{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); i++) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    // Nothing behind the last column.
    for (std::size_t i = 0; i + 1 < row.size(); i++) fmt::print("{:<{}}", or_dash(row[i]), widths[i] + 2);
    fmt::print("{}\n", or_dash(row.back()));
  }
}

void print_devices_json(const std::vector<DeviceEntry>& devices) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const DeviceEntry& device : devices) {
    all.push_back({{"name", device.name},
                   {"power", device.on},
                   {"type", device.type},
                   {"capacity", device.capacity},
                   {"controllers", device.controllers},
                   {"namespaces", device.namespaces}});
  }
  fmt::print("{}\n", all.dump(2));
}

}  // namespace nvmev::cli
