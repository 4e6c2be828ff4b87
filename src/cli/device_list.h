// SPDX-License-Identifier: GPL-2.0-only
// The devices of the module, that of its own parameters included, and what the kernel made of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nvmev::cli {

struct DeviceEntry {
  std::string name;
  std::string type;  // or its namespaces, as given
  bool on = false;
  std::uint64_t capacity = 0;  // bytes; 0 while it is off
  std::vector<std::string> controllers;  // such as nvme0; those that the driver has bound
  std::vector<std::string> namespaces;   // such as nvme0n1, or ng0n1 where there is no disk
};

std::vector<DeviceEntry> list_devices();

void print_devices(const std::vector<DeviceEntry>& devices);
void print_devices_json(const std::vector<DeviceEntry>& devices);

}  // namespace nvmev::cli
