// SPDX-License-Identifier: GPL-2.0-only
// The device under simulation: a configuration and the FTL made from it.
//
// The FTL is called directly, on its own time axis: `time_scale`, which stretches modelled time for slow hosts, has no
// effect here.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "load/zone_walk.h"
#include "nvmev/ftl.h"
#include "nvmev/host.h"

namespace nvmev::sim {

using Keys = std::vector<std::pair<std::string, std::string>>;

// `profile` is the name of an embedded profile, else of a file; empty: the core's defaults. `keys` override it.
nvmev_config make_config(const std::string& profile, const Keys& keys);

// The zones that a device of this configuration has.
std::optional<ZoneShape> zone_shape(const nvmev_config& config);

class Device {
 public:
  explicit Device(const nvmev_config& config);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device() { ftl_->destroy(); }

  Ftl& ftl() { return *ftl_; }
  // nullptr where there are none.
  Zones* zones() const { return ftl_->zones(); }
  const nvmev_config& config() const { return config_; }
  // The largest command that the host's driver sends.
  u64 largest_transfer() const { return static_cast<u64>(kPageSize) << config_.mdts; }
  u64 largest_append() const;
  // The FTL's lines `name value`.
  std::string report() const;
  // Erases of each block, by die; empty where the type has no flash.
  std::vector<std::vector<u32>> wear() const;

 private:
  nvmev_config config_;
  Ftl* ftl_;
};

}  // namespace nvmev::sim
