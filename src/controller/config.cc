// SPDX-License-Identifier: GPL-2.0-only
// nvmev_config: defaults, single keys, and checks of keys against each other.
#include "config_keys.h"
#include "nvmev/error.h"
#include "nvmev/ftl_registry.h"
#include "nvmev/host.h"
#include "nvmev/text.h"

namespace nvmev {
namespace {

bool is_set(const nvmev_config& config, const Key& key) {
  const u32 index = key_index(key);
  return config.keys_set[index / 64] >> index % 64 & 1;
}

void mark_set(nvmev_config& config, const Key& key) {
  const u32 index = key_index(key);
  config.keys_set[index / 64] |= 1ull << index % 64;
}

}  // namespace
}  // namespace nvmev

using namespace nvmev;

extern "C" void nvmev_config_init(nvmev_config* config) {
  memset(config, 0, sizeof(*config));
  memcpy(config->type, "nvm", sizeof("nvm"));
  config->medium = NVMEV_MEDIUM_PAGES;
  config->lba_size = 512;
  config->read_time = 10 * 1000;
  config->write_time = 10 * 1000;
  config->io_unit_size = 4096;
  config->nr_io_units = 8;
  config->time_scale_milli = 1000;
  config->dispatchers = 1;
  config->workers = 1;
  config->inflight = 4096;
  config->queues = 128;
  config->queue_entries = 1024;
  config->mdts = 7;
  memcpy(config->serial, "NVMEV00000000001", sizeof("NVMEV00000000001"));
  memcpy(config->model, "NVMeVirt", sizeof("NVMeVirt"));
}

extern "C" int nvmev_config_set(nvmev_config* config, const char* name, const char* value, nvmev_error* error) {
  const Key* key = find_key(name);
  if (key == nullptr) {
    return fail(error, err::kInvalid, "%.48s is no key: one of %s is right", name, key_names());
  }
  if (key->excludes != nullptr && is_set(*config, *find_key(key->excludes))) {
    return fail(error, err::kInvalid, "%s=%.48s contradicts %s, which is given too: one of them is right", name, value,
                key->excludes);
  }
  const int result = set_key(*key, value, config, error);
  if (result == 0) mark_set(*config, *key);
  return result;
}

extern "C" int nvmev_config_check(const nvmev_config* config, nvmev_error* error) {
  const auto number = [](u64 value) { return static_cast<unsigned long long>(value); };
  if (config->capacity < kPageSize) {
    return fail(error, err::kRange, "capacity=%llu is too small: at least one page of %u bytes is right",
                number(config->capacity), kPageSize);
  }
  if (config->capacity % kPageSize != 0) {
    return fail(error, err::kInvalid, "capacity=%llu is not a multiple of %u bytes", number(config->capacity), kPageSize);
  }
  if (config->lba_size != 512 && config->lba_size != 4096) {
    return fail(error, err::kInvalid, "lba_size=%u: 512 or 4096 is right", config->lba_size);
  }
  if (config->medium == NVMEV_MEDIUM_RESERVED) {
    if (config->reserved_base == nullptr) {
      return fail(error, err::kInvalid, "medium=reserved needs a reserved range: memmap_start and memmap_size are right");
    }
    if (config->capacity > config->reserved_size) {
      return fail(error, err::kRange, "capacity=%llu is larger than the reserved range of %llu bytes",
                  number(config->capacity), number(config->reserved_size));
    }
  }
  if (config->workers < 1 || config->workers > NVMEV_MAX_WORKERS) {
    return fail(error, err::kRange, "%u completing CPUs: 1 to %u is right", config->workers, NVMEV_MAX_WORKERS);
  }
  const FtlType* type = find_ftl(config->type);
  if (type == nullptr) {
    return fail(error, err::kInvalid, "type=%.15s is unknown: one of %s is right", config->type, nvmev_type_names());
  }
  return type->check != nullptr ? type->check(*config, error) : 0;
}
