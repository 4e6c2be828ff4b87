// SPDX-License-Identifier: GPL-2.0-only
// nvmev_config: defaults, single keys, and checks of keys against each other.
#include "ana.h"
#include "atomic_units.h"
#include "config_keys.h"
#include "controller_memory.h"
#include "nvmev/error.h"
#include "nvmev/ftl_registry.h"
#include "nvmev/host.h"
#include "nvmev/text.h"
#include "region_text.h"

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

template <std::size_t kSize>
void put_name(char (&field)[kSize], const char* name) {
  memcpy(field, name, strlen(name) + 1);
}

// A small SATA-class drive of no particular make: every key of the flash types has a value that works.
void set_flash_defaults(nvmev_config* config) {
  config->channels = 4;
  config->dies_per_channel = 2;
  config->planes = 2;
  config->page_size = 16384;
  config->program_pages = 3;
  config->pages_per_block = 768;
  config->blocks_per_plane = 512;
  config->cell = 3;
  config->nand_multiplane = 1;
  config->nand_read_lsb = 50 * 1000;
  config->nand_read_csb = 65 * 1000;
  config->nand_read_msb = 80 * 1000;
  config->nand_read_tsb = 120 * 1000;
  config->nand_program = 700 * 1000;
  config->nand_erase = 5000 * 1000;
  config->nand_command = 200;
  config->nand_suspend = 20 * 1000;
  config->channel_bandwidth = 800;
  config->pcie_bandwidth = 3200;
  config->channel_transfer = 16384;
  config->read_retries = 4;
  config->retention_speedup = 1;
}

void set_ftl_defaults(nvmev_config* config) {
  config->fw_read_4k = 10 * 1000;
  config->fw_read = 10 * 1000;
  config->fw_write = 5 * 1000;
  config->fw_write_4k = 200;
  config->mapping_unit = 4096;
  config->over_provisioning = 7 * 1000;
  config->write_buffer_size = 4ull << 20;
  config->atomic_write_unit_power_fail = kMaxAtomicUnit;
  config->early_completion = 1;
  put_name(config->write_buffer, "fifo");
  put_name(config->allocation, "round-robin");
  put_name(config->separation, "gc");
  put_name(config->victim, "greedy");
  put_name(config->mapping_cache, "lru");
  config->victim_choices = 10;
  config->background_gc = 20 * 1000;
  config->gc_idle_delay = 1000 * 1000;
  config->zone_size = 64ull << 20;
  config->seed = 1;
  config->value_unit = 512;
  config->index_time = 1000;
}

void set_open_channel_defaults(nvmev_open_channel* oc) {
  oc->version = 2;
  oc->lba_index = 3;
  oc->lba_formats = 5;
  oc->planes = 1;
  oc->l2p_table = 1;
  oc->max_sectors = 64;
  oc->capabilities = 7;
  oc->wear_threshold = 10;
  oc->page_sectors = 1;
  oc->block_pages = 256;
  oc->metadata = 16;
  oc->ws_min = 4;
  oc->ws_opt = 8;
  oc->mw_cunits = 24;
  oc->read_time = 70 * 1000;
  oc->read_time_max = 100 * 1000;
  oc->program_time = 1900 * 1000;
  oc->program_time_max = 3500 * 1000;
  oc->erase_time = oc->erase_time_max = 3000 * 1000;
}

int check_memory_key(const char* key, u32 bytes, nvmev_error* error) {
  if (bytes == 0 || bytes >= kMinControllerMemory) return 0;
  return fail(error, err::kRange, "%s=%u is out of range: 0 or %u to %u is right", key, bytes, kMinControllerMemory,
              kMaxControllerMemory);
}

int check_atomic_unit(const char* key, u32 bytes, nvmev_error* error) {
  if (bytes == 0 || (bytes >= kPageSize && (bytes & (bytes - 1)) == 0)) return 0;
  return fail(error, err::kInvalid, "%s=%u: 0 or a power of two from %u on is right", key, bytes, kPageSize);
}

int check_atomic_units(const nvmev_config& config, nvmev_error* error) {
  if (const int result = check_atomic_unit("atomic_write_unit", config.atomic_write_unit, error); result != 0) return result;
  const u32 power_fail = config.atomic_write_unit_power_fail;
  if (const int result = check_atomic_unit("atomic_write_unit_power_fail", power_fail, error); result != 0) return result;
  const u32 boundary = config.atomic_boundary, offset = config.atomic_boundary_offset;
  if (const int result = check_atomic_unit("atomic_boundary", boundary, error); result != 0) return result;
  const u32 unit = config.atomic_write_unit;
  if (boundary != 0 && (unit == 0 || boundary < unit)) {
    return fail(error, err::kInvalid, "atomic_boundary=%u with atomic_write_unit=%u: a multiple of that, if it is not 0, is right", boundary,
                unit);
  }
  if (offset % kPageSize != 0 || (offset != 0 && offset >= boundary)) {
    return fail(error, err::kInvalid, "atomic_boundary_offset=%u: a multiple of %u, less than atomic_boundary=%u, is right", offset, kPageSize,
                boundary);
  }
  return 0;
}

int check_controller_memory(const nvmev_config& config, nvmev_error* error) {
  if (const int result = check_memory_key("cmb", config.cmb_size, error); result != 0) return result;
  return check_memory_key("pmr", config.pmr_size, error);
}

// `least`: what the primary controller needs of its own; a secondary one needs as much.
int check_flexible(const char* key, u32 flexible, u32 least, const nvmev_config& config, nvmev_error* error) {
  if (flexible == 0) return 0;
  if (config.virtualization == 0) return fail(error, err::kInvalid, "%s=%u: with virtualization=1 it is right", key, flexible);
  const u32 most = config.queues + 1 - least;
  if (flexible >= least && flexible <= most) return 0;
  return fail(error, err::kRange, "%s=%u with queues=%u: %u to %u is right", key, flexible, config.queues, least, most);
}

int check_virtualization(const nvmev_config& config, nvmev_error* error) {
  constexpr u32 kLeastQueues = 3;  // two VQ resources for each of two controllers
  if (config.virtualization != 0 && config.controllers == 1) {
    return fail(error, err::kInvalid, "virtualization=1: with controllers=2 or more it is right");
  }
  if (config.virtualization != 0 && config.queues < kLeastQueues) {
    return fail(error, err::kInvalid, "virtualization=1: with queues=%u or more it is right", kLeastQueues);
  }
  if (const int result = check_flexible("vq_flexible", config.vq_flexible, 2, config, error); result != 0) return result;
  return check_flexible("vi_flexible", config.vi_flexible, 1, config, error);
}

}  // namespace

int check_controllers(const nvmev_config& config, nvmev_error* error) {
  if (config.ana == 0) return 0;
  if (config.controllers == 1) return fail(error, err::kInvalid, "ana: with controllers=2 or more it is right");
  for (u32 group = 1; group <= kAnaGroups; group++) {
    for (u32 c = config.controllers; c < NVMEV_MAX_CONTROLLERS; c++) {
      if ((config.ana >> ana_shift(c, group) & 0xf) == 0) continue;
      return fail(error, err::kInvalid, "ana names a controller beyond controllers=%u", config.controllers);
    }
  }
  return 0;
}

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
  config->controllers = 1;
  config->ana_group = 1;
  config->dispatchers = 1;
  config->workers = 1;
  config->inflight = 4096;
  config->queues = 128;
  config->queue_entries = 1024;
  config->mdts = 7;
  config->shadow_doorbells = 1;
  set_flash_defaults(config);
  set_ftl_defaults(config);
  set_open_channel_defaults(&config->oc);
  memcpy(config->serial, "NVMEV00000000001", sizeof("NVMEV00000000001"));
  memcpy(config->model, "NVMeVirt", sizeof("NVMeVirt"));
}

extern "C" int nvmev_config_set(nvmev_config* config, const char* name, const char* value, nvmev_error* error) {
  const Key* key = find_key(name);
  if (key == nullptr) return fail_unknown_key(name, error);
  if (key->excludes != nullptr && is_set(*config, *find_key(key->excludes))) {
    return fail(error, err::kInvalid, "%s=%.48s contradicts %s, which is given too: one of them is right", name, value,
                key->excludes);
  }
  const int result = set_key(*key, value, config, error);
  if (result == 0) mark_set(*config, *key);
  return result;
}

extern "C" uint32_t nvmev_config_pci_id(const nvmev_config* config) {
  const bool open_channel = any_region_of(*config, CommandFamily::kOpenChannel);
  return open_channel ? NVMEV_PCI_OC_VENDOR_ID | NVMEV_PCI_OC_DEVICE_ID << 16
                      : NVMEV_PCI_VENDOR_ID | NVMEV_PCI_DEVICE_ID << 16;
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
  if (const int result = check_atomic_units(*config, error); result != 0) return result;
  if (const int result = check_controllers(*config, error); result != 0) return result;
  if (const int result = check_controller_memory(*config, error); result != 0) return result;
  if (const int result = check_virtualization(*config, error); result != 0) return result;
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
  if (config->namespaces[0] != '\0') return check_regions(*config, error);
  const FtlType* type = find_ftl(config->type);
  if (type == nullptr) {
    return fail(error, err::kInvalid, "type=%.15s is unknown: one of %s is right", config->type, nvmev_type_names());
  }
  return type->check != nullptr ? type->check(*config, error) : 0;
}
