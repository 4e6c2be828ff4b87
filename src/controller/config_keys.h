// SPDX-License-Identifier: GPL-2.0-only
// The keys of a configuration: one row each.
#pragma once

#include "nvmev/host.h"
#include "nvmev/types.h"

namespace nvmev {

enum class KeyKind : u8 {
  kType,          // name of a device type
  kMedium,        // name of a medium
  kText,          // printable ASCII
  kCount,         // plain number
  kBytes,         // size with optional suffix, bytes without
  kNanoseconds,   // plain number
  kMicroseconds,  // plain number, stored as ns
  kMilliseconds,  // likewise
  kZoneFault,     // a zone and a ZoneFault, stored as include/nvmev/zones.h says
  kAna,           // ANA states of controllers, stored as ana.h says
  kMilli,         // decimal with up to 3 digits after the point, stored in thousandths
  kPercent,       // the same, of a hundred
  kChoice,        // one of `choices`, stored as min + its position
  kPolicy,        // name of a policy of a device type (ftl_registry.h), stored as text
};

struct Key {
  const char* name;
  KeyKind kind;
  bool live;            // may be changed while the device runs
  u16 bytes;            // size of the field
  u16 offset;           // of the field in nvmev_config
  u64 min;              // of the stored value; for text, of its length
  u64 max;
  bool power_of_two;
  const char* excludes;  // a key that sets the same thing in other terms, or nullptr
  const char* const* choices = nullptr;  // of kChoice: max - min + 1 names
};

// nullptr if there is no such key.
const Key* find_key(const char* name);

// Position of a key in the table, below 256.
u32 key_index(const Key& key);

// Parses `value` into its field of *config. Errors as nvmev_config_set().
int set_key(const Key& key, const char* value, nvmev_config* config, nvmev_error* error);

// Keys that speak of controllers, against the number of those. 0 or -EINVAL with *error.
int check_controllers(const nvmev_config& config, nvmev_error* error);

// Says in *error that there is no such key, and which ones are meant most likely. Returns -EINVAL.
int fail_unknown_key(const char* name, nvmev_error* error);

}  // namespace nvmev
