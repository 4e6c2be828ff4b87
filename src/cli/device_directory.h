// SPDX-License-Identifier: GPL-2.0-only
// Devices as the module shows them: directories of configfs, one for each device.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace nvmev::cli {

using Assignment = std::pair<std::string, std::string>;  // key, value

// Errors are thrown as std::runtime_error, with what the module said.
class DeviceDirectory {
 public:
  // The device need not exist. `name` is any text: the module refuses what is no name.
  explicit DeviceDirectory(std::string name);

  // The names of all, sorted. Throws when there is no module, or it has no configfs.
  static std::vector<std::string> names();

  const std::string& name() const { return name_; }

  // A device that is off.
  void make();
  void remove();

  void set_power(bool on);
  bool power() const;

  // Changes parameters one after the other; the first that is refused ends it, and those before it stay. Keys without a file are
  // changed through the file `keys`.
  void set(const std::vector<Assignment>& assignments);
  bool exists() const;
  std::string get(const std::string& key) const;
  // The files of the device but `power`, sorted.
  std::vector<std::string> keys() const;

 private:
  // Throws when there is no module or no such device.
  void check() const;
  std::string path(const std::string& key) const;
  bool has_file(const std::string& key) const;
  void write(const std::string& key, const std::string& value);

  std::string name_;
};

}  // namespace nvmev::cli
