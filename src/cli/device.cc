// SPDX-License-Identifier: GPL-2.0-only
#include "device.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "device_directory.h"
#include "device_list.h"

namespace nvmev::cli {

namespace {

struct Arguments {
  std::string name, file;
  std::vector<std::string> names, assignments;
  bool off = false, json = false;
};

std::vector<Assignment> split(const std::vector<std::string>& texts) {
  std::vector<Assignment> assignments;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) throw std::runtime_error(fmt::format("'{}': KEY=VALUE is right", text));
    assignments.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return assignments;
}

// Takes back what was made, however far it got, and says why: what went wrong, and what is left after all.
[[noreturn]] void take_back(const std::vector<std::string>& names, const std::exception& why) {
  std::string text = why.what();
  for (const std::string& name : names) {
    try {
      DeviceDirectory(name).remove();
    } catch (const std::runtime_error& error) {
      text += fmt::format("; it stays: {}", error.what());
    }
  }
  throw std::runtime_error(text);
}

// All of it, or nothing of it is left.
void create_one(const std::string& name, const std::vector<Assignment>& assignments, bool on) {
  DeviceDirectory device(name);
  device.make();
  try {
    device.set(assignments);
    if (on) device.set_power(true);
  } catch (const std::exception& error) {
    take_back({name}, error);
  }
}

void create(const Arguments& arguments) { create_one(arguments.name, split(arguments.assignments), !arguments.off); }

std::string text_of(const nlohmann::ordered_json& value, const std::string& where) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number()) return value.dump();
  if (value.is_boolean()) return value.get<bool>() ? "1" : "0";
  throw std::runtime_error(where + ": a string, a number, true or false is right");
}

struct Described {
  std::string name;
  std::vector<Assignment> assignments;
};

std::vector<Described> read_file(const std::string& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("cannot read " + file);
  if (std::filesystem::is_directory(file)) throw std::runtime_error(file + " is a directory: a file is right");
  nlohmann::ordered_json all;
  // The parser keeps the last of several values of a name: what is given twice was meant otherwise.
  std::vector<std::set<std::string>> names;
  const auto look = [&](int, nlohmann::ordered_json::parse_event_t event, nlohmann::ordered_json& parsed) {
    using Event = nlohmann::ordered_json::parse_event_t;
    if (event == Event::object_start) names.emplace_back();
    if (event == Event::object_end) names.pop_back();
    if (event == Event::key && !names.back().insert(parsed.get<std::string>()).second) {
      throw std::runtime_error(fmt::format("{}: '{}' is there twice in one object: once is right", file, parsed.get<std::string>()));
    }
    return true;
  };
  try {
    all = nlohmann::ordered_json::parse(in, look);
  } catch (const nlohmann::json::exception& error) {
    throw std::runtime_error(fmt::format("{}: {}", file, error.what()));
  }
  const char* right = "an object of devices, each an object of parameters, is right";
  if (!all.is_object()) throw std::runtime_error(fmt::format("{}: {}", file, right));
  std::vector<Described> devices;
  for (const auto& [name, parameters] : all.items()) {
    if (!parameters.is_object()) throw std::runtime_error(fmt::format("{}: {}: {}", file, name, right));
    Described device{name, {}};
    for (const auto& [key, value] : parameters.items()) {
      device.assignments.emplace_back(key, text_of(value, fmt::format("{}: {}: {}", file, name, key)));
    }
    devices.push_back(std::move(device));
  }
  return devices;
}

// All devices of the file, or none of them.
void load(const Arguments& arguments) {
  std::vector<std::string> made;
  try {
    for (const Described& device : read_file(arguments.file)) {
      create_one(device.name, device.assignments, true);
      made.push_back(device.name);
    }
  } catch (const std::exception& error) {
    take_back(made, error);
  }
}

// One that does not go keeps none of the others.
void remove(const Arguments& arguments) {
  std::string failed;
  for (const std::string& name : arguments.names) {
    try {
      DeviceDirectory(name).remove();
    } catch (const std::runtime_error& error) {
      failed += (failed.empty() ? "" : "; ") + std::string(error.what());
    }
  }
  if (!failed.empty()) throw std::runtime_error(failed);
}

void start(const Arguments& arguments) { DeviceDirectory(arguments.name).set_power(true); }
void stop(const Arguments& arguments) { DeviceDirectory(arguments.name).set_power(false); }
void set(const Arguments& arguments) { DeviceDirectory(arguments.name).set(split(arguments.assignments)); }

void show(const Arguments& arguments) {
  const DeviceDirectory device(arguments.name);
  for (const std::string& key : device.keys()) fmt::print("{} {}\n", key, device.get(key));
}

void list(const Arguments& arguments) {
  const std::vector<DeviceEntry> devices = list_devices();
  arguments.json ? print_devices_json(devices) : print_devices(devices);
}

}  // namespace

void add_device(CLI::App& app) {
  CLI::App* device = app.add_subcommand("device", "Devices of the module nvmev.ko, which is loaded");
  device->require_subcommand(1);
  device->footer("NAME is one of a device in /sys/kernel/config/nvmev. KEY is a parameter of nvmev.ko, or a key of a profile.");
  const auto arguments = std::make_shared<Arguments>();
  const auto command = [&](const char* name, const char* what, void (*run)(const Arguments&)) {
    CLI::App* sub = device->add_subcommand(name, what);
    sub->callback([arguments, run] { run(*arguments); });
    return sub;
  };
  const auto of_one = [&](CLI::App* sub) {
    sub->add_option("NAME", arguments->name)->required();
    return sub;
  };
  CLI::App* sub = of_one(command("create", "Makes a device and switches it on", create));
  sub->add_option("KEY=VALUE", arguments->assignments, "such as type=zns capacity=4G");
  sub->add_flag("--off", arguments->off, "does not switch it on");
  sub = command("load", "Makes and switches on the devices that a file describes", load);
  sub->add_option("FILE", arguments->file, R"(JSON, such as {"fast": {"capacity": "2G"}, "zoned": {"type": "zns"}})")->required();
  sub = command("remove", "Takes devices away; what uses them finds them pulled out", remove);
  sub->add_option("NAME", arguments->names)->required();
  of_one(command("start", "Switches a device on", start));
  of_one(command("stop", "Switches a device off; its parameters stay", stop));
  sub = of_one(command("set", "Changes parameters; of a device that is on, those that may change", set));
  sub->add_option("KEY=VALUE", arguments->assignments, "in this order; the first that is refused ends it")->required();
  of_one(command("show", "The parameters of a device, one a line", show));
  sub = command("list", "All devices, and what they are for the driver", list);
  sub->add_flag("--json", arguments->json, "for programs");
}

}  // namespace nvmev::cli
