// SPDX-License-Identifier: GPL-2.0-only
#include "region_text.h"

#include "config_keys.h"
#include "namespace.h"
#include "nvmev/error.h"
#include "nvmev/ftl_registry.h"
#include "nvmev/text.h"
#include "parse.h"

namespace nvmev {

namespace {

constexpr char kEntryEnd = ',';
constexpr char kFieldEnd = ':';

// Keys of the whole device: no namespace has its own.
constexpr const char* kDeviceKeys[] = {"type",        "namespaces", "medium", "capacity", "time_scale",
                                       "dispatchers", "inflight",   "queues", "queue_entries", "mdts",
                                       "serial",      "model",      "power_cuts", "cmb", "pmr",
                                       "atomic_write_unit", "atomic_write_unit_power_fail", "atomic_boundary",
                                       "atomic_boundary_offset", "virtualization", "vq_flexible", "vi_flexible",
                                       "ocp", "shadow_doorbells"};

// A part of the key's text.
struct Part {
  const char* at;
  u32 length;

  // Takes the text up to `separator`, or all of it, off the front.
  Part take(char separator) {
    u32 taken = 0;
    while (taken < length && at[taken] != separator) taken++;
    const Part front{at, taken};
    const u32 skip = taken < length ? taken + 1 : taken;
    at += skip;
    length -= skip;
    return front;
  }
};

// Copies a part that is not too long.
template <std::size_t kSize>
bool copy(const Part& part, char (&text)[kSize]) {
  if (part.length >= kSize) return false;
  memcpy(text, part.at, part.length);
  text[part.length] = '\0';
  return true;
}

int fail_part(const char* what, const Part& part, nvmev_error* error) {
  return fail(error, err::kInvalid, "namespaces: \"%.*s\" %s", static_cast<int>(part.length < 64 ? part.length : 64),
              part.at, what);
}

Part all_of(const nvmev_config& config) { return {config.namespaces, static_cast<u32>(strlen(config.namespaces))}; }

Part entry_of(const nvmev_config& config, u32 index) {
  Part rest = all_of(config);
  for (; index != 0; index--) rest.take(kEntryEnd);
  return rest.take(kEntryEnd);
}

// The size of an entry, 0 where it is missing. Leaves its keys in *entry.
int read_size(Part* entry, u64* bytes, nvmev_error* error) {
  char text[32];
  const Part size = entry->take(kFieldEnd);
  *bytes = 0;
  if (size.length == 0) return 0;
  if (!copy(size, text) || parse_size(text, 1, bytes) != 0 || *bytes == 0 || *bytes % kPageSize != 0) {
    return fail_part("is no size: a multiple of 4096 bytes, such as 512M or 16G, is right", size, error);
  }
  return 0;
}

const FtlType* read_type(Part* entry, nvmev_error* error) {
  char name[sizeof(nvmev_config::type)];
  const Part type = entry->take(kFieldEnd);
  const FtlType* found = copy(type, name) ? find_ftl(name) : nullptr;
  if (found == nullptr) {
    fail(error, err::kInvalid, "namespaces: \"%.*s\" is no type: type:size:key=value with a type out of %s is right",
         static_cast<int>(type.length < 64 ? type.length : 64), type.at, nvmev_type_names());
  }
  return found;
}

// A key of one namespace; its value in *value.
const Key* read_key(Part assignment, char (&value)[96], nvmev_error* error) {
  char name[48];
  const Part whole = assignment;
  const bool fits = copy(assignment.take('='), name) && copy(assignment, value);
  const Key* key = fits ? find_key(name) : nullptr;
  if (key == nullptr) {
    fail_part("is no key of a namespace: key=value is right", whole, error);
    return nullptr;
  }
  for (const char* device_key : kDeviceKeys) {
    if (strcmp(device_key, key->name) != 0) continue;
    fail_part("is a key of the whole device: give it outside of namespaces", whole, error);
    return nullptr;
  }
  return key;
}

// What the entries with a size add up to, and how many have none.
int add_up(const nvmev_config& config, u64* sum, u32* open, nvmev_error* error) {
  *sum = 0;
  *open = 0;
  for (u32 i = 0; i < region_count(config); i++) {
    Part entry = entry_of(config, i);
    u64 bytes;
    if (read_type(&entry, error) == nullptr) return err::kInvalid;
    if (const int result = read_size(&entry, &bytes, error); result != 0) return result;
    if (bytes == 0) ++*open;
    if (__builtin_add_overflow(*sum, bytes, sum)) return fail(error, err::kRange, "namespaces: sizes beyond 64 bits");
  }
  return 0;
}

}  // namespace

u32 region_count(const nvmev_config& config) {
  u32 count = 1;
  for (const char* at = config.namespaces; *at != '\0'; at++) count += *at == kEntryEnd;
  return count;
}

bool any_region_of(const nvmev_config& config, CommandFamily family) {
  if (config.namespaces[0] == '\0') {
    const FtlType* type = find_ftl(config.type);
    return type != nullptr && type->family == family;
  }
  for (u32 i = 0; i < region_count(config); i++) {
    Part entry = entry_of(config, i);
    const FtlType* type = read_type(&entry, nullptr);
    if (type != nullptr && type->family == family) return true;
  }
  return false;
}

int check_regions(const nvmev_config& config, nvmev_error* error) {
  const auto number = [](u64 value) { return static_cast<unsigned long long>(value); };
  if (region_count(config) > kMaxNamespaces) {
    return fail(error, err::kRange, "namespaces: %u entries: 1 to %u is right", region_count(config), kMaxNamespaces);
  }
  u64 sum;
  u32 open;
  if (const int result = add_up(config, &sum, &open, error); result != 0) return result;
  if (open > 1) return fail(error, err::kInvalid, "namespaces: %u entries without a size: at most one is right", open);
  if (open == 1 ? sum >= config.capacity : sum != config.capacity) {
    return fail(error, err::kRange, "namespaces add up to %llu bytes: %s capacity=%llu is right", number(sum),
                open == 1 ? "less than" : "all of", number(config.capacity));
  }
  for (u32 i = 0; i < region_count(config); i++) {
    Part entry = entry_of(config, i);
    entry.take(kFieldEnd);
    entry.take(kFieldEnd);
    while (entry.length != 0) {
      char value[96];
      if (read_key(entry.take(kFieldEnd), value, error) == nullptr) return err::kInvalid;
    }
  }
  return 0;
}

int read_region(const nvmev_config& config, u32 index, nvmev_config* region, nvmev_error* error) {
  if (config.namespaces[0] == '\0') return 0;
  Part entry = entry_of(config, index);
  const FtlType* type = read_type(&entry, error);
  if (type == nullptr) return err::kInvalid;
  memset(region->type, 0, sizeof(region->type));
  memcpy(region->type, type->name, strlen(type->name));
  if (const int result = read_size(&entry, &region->capacity, error); result != 0) return result;
  if (region->capacity == 0) {
    u64 sum;
    u32 open;
    if (const int result = add_up(config, &sum, &open, error); result != 0) return result;
    region->capacity = config.capacity - sum;
  }
  while (entry.length != 0) {
    char value[96];
    const Key* key = read_key(entry.take(kFieldEnd), value, error);
    if (key == nullptr) return err::kInvalid;
    if (const int result = set_key(*key, value, region, error); result != 0) return result;
  }
  return 0;
}

}  // namespace nvmev

using namespace nvmev;

extern "C" uint64_t nvmev_config_capacity(const nvmev_config* config) {
  u64 sum;
  u32 open;
  if (config->capacity != 0 || config->namespaces[0] == '\0') return config->capacity;
  return add_up(*config, &sum, &open, nullptr) == 0 && open == 0 ? sum : 0;
}
