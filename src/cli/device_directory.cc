// SPDX-License-Identifier: GPL-2.0-only
#include "device_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "kernel_log.h"

namespace nvmev::cli {

namespace fs = std::filesystem;

namespace {

const fs::path kDevices = "/sys/kernel/config/nvmev";

void check_module() {
  if (fs::is_directory(kDevices)) return;
  throw std::runtime_error(
      fmt::format("there is no {}: with configfs loaded and mounted, insmod nvmev.ko is right, or with nr_devices=0 for "
                  "no device of its own",
                  kDevices.string()));
}

[[noreturn]] void fail(const std::string& what, int error, const std::string& said) {
  throw std::runtime_error(said.empty() ? fmt::format("{}: {}", what, std::strerror(error)) : fmt::format("{}: {}", what, said));
}

// The text of `keys`, "key=value,key=value", with this one in it once.
std::string with_key(const std::string& keys, const std::string& key, const std::string& value) {
  std::string text;
  std::istringstream in(keys);
  for (std::string one; std::getline(in, one, ',');) {
    if (!one.starts_with(key + "=")) text += one + ",";
  }
  return text + key + "=" + value;
}

}  // namespace

DeviceDirectory::DeviceDirectory(std::string name) : name_(std::move(name)) {
  if (name_.find('\0') != std::string::npos) throw std::runtime_error("a name of a device has a zero byte in it: printable ones are right");
  if (name_.empty() || name_.find('/') != std::string::npos || name_[0] == '.') {
    throw std::runtime_error(fmt::format("'{}' is no name of a device", name_));
  }
}

std::vector<std::string> DeviceDirectory::names() {
  check_module();
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kDevices)) {
    if (entry.is_directory()) names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool DeviceDirectory::exists() const { return fs::is_directory(kDevices / name_); }

void DeviceDirectory::check() const {
  check_module();
  if (!exists()) throw std::runtime_error(name_ + ": there is no such device");
}

std::string DeviceDirectory::path(const std::string& key) const { return kDevices / name_ / key; }

bool DeviceDirectory::has_file(const std::string& key) const {
  return key != "power" && key.find('/') == std::string::npos && fs::is_regular_file(path(key));
}

void DeviceDirectory::make() {
  check_module();
  KernelLog log;
  if (mkdir(path("").c_str(), 0755) == 0) return;
  const int error = errno;
  if (error == EEXIST && exists()) throw std::runtime_error(name_ + ": there is such a device already");
  fail(name_, error, log.read(""));
}

void DeviceDirectory::remove() {
  check();
  if (rmdir(path("").c_str()) != 0) fail(name_, errno, "");
}

void DeviceDirectory::write(const std::string& key, const std::string& value) {
  // configfs cuts longer ones off, and the module would take what is left. With the line end.
  constexpr std::size_t kMost = 4095;
  if (value.size() + 1 > kMost) throw std::runtime_error(fmt::format("{}: {} has {} characters: at most {} is right", name_, key, value.size(), kMost - 1));
  // A value is one line, and ends where a C string does.
  if (std::any_of(value.begin(), value.end(), [](unsigned char c) { return c < ' ' || c == 127; })) {
    throw std::runtime_error(fmt::format("{}: {} has a control character in it: printable ones are right", name_, key));
  }
  KernelLog log;
  const int file = open(path(key).c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) fail(name_, errno, "");
  // The module takes one write as one value.
  const std::string text = value + "\n";
  const ssize_t written = ::write(file, text.data(), text.size());
  const int error = errno;
  close(file);
  if (written < 0) fail(name_, error, log.read(name_ + ": "));
  if (static_cast<std::size_t>(written) != text.size()) fail(name_, EFBIG, key + " is too long");
}

void DeviceDirectory::set_power(bool on) {
  check();
  write("power", on ? "1" : "0");
}

bool DeviceDirectory::power() const { return get("power") == "1"; }

void DeviceDirectory::set(const std::vector<Assignment>& assignments) {
  check();
  const bool running = power();
  std::string keys = running ? "" : get("keys");
  for (const auto& [key, value] : assignments) {
    if (key != "keys" && has_file(key)) {
      write(key, value);
    } else if (running) {
      write("keys", key == "keys" ? value : key + "=" + value);
    } else {
      keys = key == "keys" ? value : with_key(keys, key, value);
      write("keys", keys);
    }
  }
}

std::string DeviceDirectory::get(const std::string& key) const {
  std::ifstream in(path(key));
  std::string text;
  if (!in || !std::getline(in, text)) throw std::runtime_error(fmt::format("{}: {} cannot be read", name_, key));
  return text;
}

std::vector<std::string> DeviceDirectory::keys() const {
  check();
  std::vector<std::string> keys;
  for (const auto& entry : fs::directory_iterator(kDevices / name_)) {
    if (entry.is_regular_file() && entry.path().filename() != "power") keys.push_back(entry.path().filename());
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace nvmev::cli
