// SPDX-License-Identifier: GPL-2.0-only
// Regions: parts of the device's address space, each with an FTL of its own and the commands of its type. A device has
// one, or one for each entry of the key `namespaces`.
#pragma once

#include "model.h"
#include "nvmev/host_array.h"
#include "streams.h"

namespace nvmev {

struct CommandSet;

struct Region {
  u32 index;
  u64 base;  // first byte in the device's address space
  u64 bytes;
  u64 whole;  // bytes of a namespace that takes all of it: whole zones
  const CommandSet* set;
  nvmev_config config;  // the device's, with the type, capacity and keys of this region
  Model model;
  StreamResources streams;  // none but where the type keeps streams apart
};

class Regions {
 public:
  // Makes the regions that `config` asks for. 0 or a negative errno with *error.
  int init(const nvmev_config& config, nvmev_host* host, nvmev_error* error);

  // Live key `name` was set, with success, in the configuration of the device. Of one thread at a time.
  void retune(const char* name, const char* value);

  // Dispatcher 0.
  void set_volatile_cache(bool on);

  // Any thread.
  bool has_volatile_cache() const;
  bool has(CommandFamily family) const;
  FtlHealth health() const;  // the worst of all
  MediaTraffic traffic() const;   // of all together
  MediaCounters media() const;    // of all with flash together; takes long
  // The first that has Flexible Data Placement; nullptr: none.
  const Placement* placement() const { return placement_ != nullptr ? placement_->model.placement() : nullptr; }
  Region* placement_region() { return placement_; }
  // See Ftl::state_hash().
  u64 state_hash() const;
  void report(TextWriter& text) const;

  Region& operator[](u32 index) { return regions_[index]; }
  const Region& operator[](u32 index) const { return regions_[index]; }
  u32 size() const { return static_cast<u32>(regions_.size()); }
  Region* begin() { return regions_.begin(); }
  Region* end() { return regions_.end(); }
  const Region* begin() const { return regions_.begin(); }
  const Region* end() const { return regions_.end(); }

 private:
  HostArray<Region> regions_;
  Region* placement_ = nullptr;
};

}  // namespace nvmev
