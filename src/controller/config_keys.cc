// SPDX-License-Identifier: GPL-2.0-only
#include "config_keys.h"

#include "ana.h"
#include "atomic_units.h"
#include "controller_memory.h"
#include "nvmev/error.h"
#include "nvmev/ftl_registry.h"
#include "nvmev/zones.h"
#include "parse.h"
#include "nvmev/text.h"

namespace nvmev {
namespace {

constexpr u64 kMaxDelay = 1000ull * 1000 * 1000 * 1000;  // 1000 s, in ns
constexpr u64 kMaxTime = 1000ull * 1000 * kMaxDelay;      // 30 years
constexpr u64 kMaxCapacity = 1ull << 47;                  // its page table takes 8 bytes for each 2 MiB

constexpr const char* kCellNames[] = {"slc", "mlc", "tlc", "qlc"};
constexpr const char* kStripeNames[] = {"channel", "way"};
constexpr const char* kKvTimingNames[] = {"conv", "nvm"};
constexpr const char* kOffOn[] = {"0", "1"};

#define FIELD(field) static_cast<u16>(sizeof(nvmev_config::field)), static_cast<u16>(offsetof(nvmev_config, field))

constexpr Key kKeys[] = {
    // name, kind, live, field, min, max, power of two, excludes
    {"type", KeyKind::kType, false, FIELD(type), 0, 0, false, "namespaces"},
    {"namespaces", KeyKind::kText, false, FIELD(namespaces), 1, sizeof(nvmev_config::namespaces) - 1, false, "type"},
    {"medium", KeyKind::kMedium, false, FIELD(medium), 0, 0, false, nullptr},
    {"capacity", KeyKind::kBytes, false, FIELD(capacity), 1ull << 20, kMaxCapacity, false, nullptr},
    {"lba_size", KeyKind::kBytes, false, FIELD(lba_size), 512, 4096, true, nullptr},
    {"read_latency", KeyKind::kMicroseconds, true, FIELD(read_time), 0, kMaxDelay, false, "read_time"},
    {"write_latency", KeyKind::kMicroseconds, true, FIELD(write_time), 0, kMaxDelay, false, "write_time"},
    {"read_delay", KeyKind::kNanoseconds, true, FIELD(read_delay), 0, kMaxDelay, false, nullptr},
    {"read_time", KeyKind::kNanoseconds, true, FIELD(read_time), 0, kMaxDelay, false, "read_latency"},
    {"read_trailing", KeyKind::kNanoseconds, true, FIELD(read_trailing), 0, kMaxDelay, false, nullptr},
    {"write_delay", KeyKind::kNanoseconds, true, FIELD(write_delay), 0, kMaxDelay, false, nullptr},
    {"write_time", KeyKind::kNanoseconds, true, FIELD(write_time), 0, kMaxDelay, false, "write_latency"},
    {"write_trailing", KeyKind::kNanoseconds, true, FIELD(write_trailing), 0, kMaxDelay, false, nullptr},
    {"io_unit_size", KeyKind::kBytes, false, FIELD(io_unit_size), 512, 1ull << 30, true, nullptr},
    {"nr_io_units", KeyKind::kCount, false, FIELD(nr_io_units), 1, 1024, false, nullptr},
    {"time_scale", KeyKind::kMilli, true, FIELD(time_scale_milli), 1, 1000ull * 1000 * 1000, false, nullptr},
    {"controllers", KeyKind::kCount, false, FIELD(controllers), 1, NVMEV_MAX_CONTROLLERS, false, nullptr},
    {"ana", KeyKind::kAna, true, FIELD(ana), 0, 0, false, nullptr},
    {"ana_group", KeyKind::kCount, false, FIELD(ana_group), 1, kAnaGroups, false, nullptr},
    {"virtualization", KeyKind::kChoice, false, FIELD(virtualization), 0, 1, false, nullptr, kOffOn},
    {"vq_flexible", KeyKind::kCount, false, FIELD(vq_flexible), 0, NVMEV_MAX_VECTORS - 1, false, nullptr},
    {"vi_flexible", KeyKind::kCount, false, FIELD(vi_flexible), 0, NVMEV_MAX_VECTORS - 1, false, nullptr},
    {"cmb", KeyKind::kBytes, false, FIELD(cmb_size), 0, kMaxControllerMemory, true, nullptr},
    {"pmr", KeyKind::kBytes, false, FIELD(pmr_size), 0, kMaxControllerMemory, true, nullptr},
    {"dispatchers", KeyKind::kCount, false, FIELD(dispatchers), 1, NVMEV_MAX_DISPATCHERS, false, nullptr},
    {"inflight", KeyKind::kCount, false, FIELD(inflight), 64, 65536, false, nullptr},
    {"queues", KeyKind::kCount, false, FIELD(queues), 1, NVMEV_MAX_VECTORS - 1, false, nullptr},
    {"queue_entries", KeyKind::kCount, false, FIELD(queue_entries), 2, 65536, false, nullptr},
    {"apst", KeyKind::kChoice, false, FIELD(apst), 0, 1, false, nullptr, kOffOn},
    {"shadow_doorbells", KeyKind::kChoice, false, FIELD(shadow_doorbells), 0, 1, false, nullptr, kOffOn},
    {"ocp", KeyKind::kChoice, false, FIELD(ocp), 0, 1, false, nullptr, kOffOn},
    {"sanitize_fail", KeyKind::kChoice, true, FIELD(sanitize_fail), 0, 1, false, nullptr, kOffOn},
    {"mdts", KeyKind::kCount, false, FIELD(mdts), 1, 9, false, nullptr},
    {"channels", KeyKind::kCount, false, FIELD(channels), 1, 64, false, nullptr},
    {"dies_per_channel", KeyKind::kCount, false, FIELD(dies_per_channel), 1, 64, false, nullptr},
    {"planes", KeyKind::kCount, false, FIELD(planes), 1, 8, false, nullptr},
    {"page_size", KeyKind::kBytes, false, FIELD(page_size), 4096, 1u << 18, true, nullptr},
    {"program_pages", KeyKind::kCount, false, FIELD(program_pages), 1, 16, false, nullptr},
    {"pages_per_block", KeyKind::kCount, false, FIELD(pages_per_block), 1, 1u << 16, false, nullptr},
    {"blocks_per_plane", KeyKind::kCount, false, FIELD(blocks_per_plane), 16, 1u << 20, false, nullptr},
    {"cell", KeyKind::kChoice, false, FIELD(cell), 1, 4, false, nullptr, kCellNames},
    {"stripe", KeyKind::kChoice, false, FIELD(stripe), 0, 1, false, nullptr, kStripeNames},
    {"nand_multiplane", KeyKind::kChoice, false, FIELD(nand_multiplane), 0, 1, false, nullptr, kOffOn},
    {"nand_plane_reads", KeyKind::kChoice, false, FIELD(nand_plane_reads), 0, 1, false, nullptr, kOffOn},
    {"nand_copyback", KeyKind::kChoice, false, FIELD(nand_copyback), 0, 1, false, nullptr, kOffOn},
    {"nand_cache", KeyKind::kChoice, false, FIELD(nand_cache), 0, 1, false, nullptr, kOffOn},
    {"nand_read_lsb", KeyKind::kNanoseconds, true, FIELD(nand_read_lsb), 0, kMaxDelay, false, nullptr},
    {"nand_read_csb", KeyKind::kNanoseconds, true, FIELD(nand_read_csb), 0, kMaxDelay, false, nullptr},
    {"nand_read_msb", KeyKind::kNanoseconds, true, FIELD(nand_read_msb), 0, kMaxDelay, false, nullptr},
    {"nand_read_tsb", KeyKind::kNanoseconds, true, FIELD(nand_read_tsb), 0, kMaxDelay, false, nullptr},
    {"nand_read_saving", KeyKind::kNanoseconds, true, FIELD(nand_read_saving), 0, kMaxDelay, false, nullptr},
    {"nand_program", KeyKind::kNanoseconds, true, FIELD(nand_program), 0, kMaxDelay, false, nullptr},
    {"nand_erase", KeyKind::kNanoseconds, true, FIELD(nand_erase), 0, kMaxDelay, false, nullptr},
    {"nand_command", KeyKind::kNanoseconds, true, FIELD(nand_command), 0, kMaxDelay, false, nullptr},
    {"nand_suspend", KeyKind::kNanoseconds, true, FIELD(nand_suspend), 0, kMaxDelay, false, nullptr},
    {"channel_bandwidth", KeyKind::kCount, false, FIELD(channel_bandwidth), 1, 64000, false, nullptr},
    {"pcie_bandwidth", KeyKind::kCount, false, FIELD(pcie_bandwidth), 1, 64000, false, nullptr},
    {"channel_transfer", KeyKind::kBytes, false, FIELD(channel_transfer), 4096, 1u << 24, true, nullptr},
    {"spare_blocks", KeyKind::kPercent, false, FIELD(spare_blocks), 0, 100000, false, nullptr},
    {"bad_blocks", KeyKind::kPercent, false, FIELD(bad_blocks), 0, 50000, false, nullptr},
    {"pe_cycles", KeyKind::kCount, false, FIELD(pe_cycles), 1, 100 * 1000 * 1000, false, nullptr},
    {"ecc_correctable", KeyKind::kCount, false, FIELD(ecc_correctable), 0, 10000, false, nullptr},
    {"ecc_errors_fresh", KeyKind::kMilli, false, FIELD(ecc_errors_fresh), 0, 1000 * 1000, false, nullptr},
    {"ecc_errors_worn", KeyKind::kMilli, false, FIELD(ecc_errors_worn), 0, 1000 * 1000, false, nullptr},
    {"ecc_errors_day", KeyKind::kMilli, false, FIELD(ecc_errors_day), 0, 1000 * 1000, false, nullptr},
    {"read_retries", KeyKind::kCount, false, FIELD(read_retries), 0, 16, false, nullptr},
    {"retention_speedup", KeyKind::kCount, false, FIELD(retention_speedup), 1, 1000 * 1000 * 1000, false, nullptr},
    {"fw_read_4k", KeyKind::kNanoseconds, true, FIELD(fw_read_4k), 0, kMaxDelay, false, nullptr},
    {"fw_read", KeyKind::kNanoseconds, true, FIELD(fw_read), 0, kMaxDelay, false, nullptr},
    {"fw_write", KeyKind::kNanoseconds, true, FIELD(fw_write), 0, kMaxDelay, false, nullptr},
    {"fw_write_4k", KeyKind::kNanoseconds, true, FIELD(fw_write_4k), 0, kMaxDelay, false, nullptr},
    {"fw_transfer_4k", KeyKind::kNanoseconds, true, FIELD(fw_transfer_4k), 0, kMaxDelay, false, nullptr},
    {"fw_interval", KeyKind::kNanoseconds, true, FIELD(fw_interval), 0, kMaxDelay, false, nullptr},
    {"mapping_unit", KeyKind::kBytes, false, FIELD(mapping_unit), 4096, 1u << 18, true, nullptr},
    {"over_provisioning", KeyKind::kPercent, false, FIELD(over_provisioning), 0, 900 * 1000, false, nullptr},
    {"superblock_dies", KeyKind::kCount, false, FIELD(superblock_dies), 0, NVMEV_MAX_DIES, false, nullptr},
    {"write_buffer_size", KeyKind::kBytes, false, FIELD(write_buffer_size), 4096, 1ull << 32, false, nullptr},
    {"early_completion", KeyKind::kChoice, false, FIELD(early_completion), 0, 1, false, nullptr, kOffOn},
    {"power_loss_protection", KeyKind::kChoice, false, FIELD(power_loss_protection), 0, 1, false, nullptr, kOffOn},
    {"atomic_write_unit", KeyKind::kBytes, false, FIELD(atomic_write_unit), 0, kMaxAtomicUnit, true, nullptr},
    {"atomic_write_unit_power_fail", KeyKind::kBytes, false, FIELD(atomic_write_unit_power_fail), 0, kMaxAtomicUnit, true, nullptr},
    {"atomic_boundary", KeyKind::kBytes, false, FIELD(atomic_boundary), 0, kMaxAtomicBoundary, true, nullptr},
    {"atomic_boundary_offset", KeyKind::kBytes, false, FIELD(atomic_boundary_offset), 0, kMaxAtomicBoundary, false, nullptr},
    {"power_cuts", KeyKind::kChoice, false, FIELD(power_cuts), 0, 1, false, nullptr, kOffOn},
    {"write_buffer", KeyKind::kPolicy, false, FIELD(write_buffer), 0, 0, false, nullptr},
    {"allocation", KeyKind::kPolicy, false, FIELD(allocation), 0, 0, false, nullptr},
    {"separation", KeyKind::kPolicy, false, FIELD(separation), 0, 0, false, nullptr},
    {"victim", KeyKind::kPolicy, false, FIELD(victim), 0, 0, false, nullptr},
    {"victim_choices", KeyKind::kCount, false, FIELD(victim_choices), 1, 1u << 20, false, nullptr},
    {"gc_free_blocks", KeyKind::kCount, false, FIELD(gc_free_blocks), 0, 1u << 20, false, nullptr},
    {"background_gc", KeyKind::kPercent, false, FIELD(background_gc), 0, 90000, false, nullptr},
    {"gc_idle_delay", KeyKind::kNanoseconds, false, FIELD(gc_idle_delay), 0, kMaxDelay, false, nullptr},
    {"wear_leveling", KeyKind::kCount, false, FIELD(wear_leveling), 0, 1u << 20, false, nullptr},
    {"mapping_cache", KeyKind::kPolicy, false, FIELD(mapping_cache), 0, 0, false, nullptr},
    {"mapping_cache_size", KeyKind::kBytes, false, FIELD(mapping_cache_size), 0, 1ull << 40, false, nullptr},
    {"host_memory_buffer", KeyKind::kBytes, false, FIELD(host_memory_buffer), 0, 1ull << 32, false, nullptr},
    {"placement_handles", KeyKind::kCount, false, FIELD(placement_handles), 0, 128, false, nullptr},
    {"streams", KeyKind::kCount, false, FIELD(streams), 0, 127, false, nullptr},
    {"gc_isolation", KeyKind::kChoice, false, FIELD(gc_isolation), 0, 1, false, nullptr, kOffOn},
    {"kv_timing", KeyKind::kChoice, false, FIELD(kv_timing), 0, 1, false, nullptr, kKvTimingNames},
    {"value_unit", KeyKind::kBytes, false, FIELD(value_unit), 512, 4096, true, nullptr},
    {"index_time", KeyKind::kNanoseconds, true, FIELD(index_time), 0, kMaxDelay, false, nullptr},
    {"index_cache_size", KeyKind::kBytes, false, FIELD(index_cache_size), 0, 1ull << 40, false, nullptr},
    {"zone_size", KeyKind::kBytes, false, FIELD(zone_size), 1u << 16, 1ull << 40, false, nullptr},
    {"zone_capacity", KeyKind::kBytes, false, FIELD(zone_capacity), 0, 1ull << 40, false, nullptr},
    {"zone_dies", KeyKind::kCount, false, FIELD(zone_dies), 0, NVMEV_MAX_DIES, false, nullptr},
    {"zone_write_buffer", KeyKind::kBytes, false, FIELD(zone_write_buffer), 0, 1ull << 30, false, nullptr},
    {"zone_append_limit", KeyKind::kBytes, false, FIELD(zone_append_limit), 0, 1u << 21, true, nullptr},
    {"zone_descriptor_extension", KeyKind::kBytes, false, FIELD(zone_descriptor_extension), 0, 4096, false, nullptr},
    {"zone_read_across", KeyKind::kChoice, false, FIELD(zone_read_across), 0, 1, false, nullptr, kOffOn},
    {"zone_active_limit", KeyKind::kMilliseconds, true, FIELD(zone_active_limit), 0, kMaxTime, false, nullptr},
    {"zone_fault", KeyKind::kZoneFault, true, FIELD(zone_fault), 0, 0, false, nullptr},
    {"max_active_zones", KeyKind::kCount, false, FIELD(max_active_zones), 0, 1u << 18, false, nullptr},
    {"max_open_zones", KeyKind::kCount, false, FIELD(max_open_zones), 0, 1u << 18, false, nullptr},
    {"finish_recommended", KeyKind::kMilliseconds, true, FIELD(finish_recommended), 0, kMaxTime, false, nullptr},
    {"reset_recommended", KeyKind::kMilliseconds, true, FIELD(reset_recommended), 0, kMaxTime, false, nullptr},
    {"zrwa_size", KeyKind::kBytes, false, FIELD(zrwa_size), 0, 1u << 24, true, nullptr},
    {"zrwa_flush_granularity", KeyKind::kBytes, false, FIELD(zrwa_flush_granularity), 0, 1u << 24, true, nullptr},
    {"zrwa_zones", KeyKind::kCount, false, FIELD(zrwa_zones), 0, 1u << 18, false, nullptr},
    {"seed", KeyKind::kCount, false, FIELD(seed), 0, ~0ull, false, nullptr},
    {"lver", KeyKind::kCount, false, FIELD(oc.version), 1, 2, false, nullptr},
    {"ltype", KeyKind::kCount, false, FIELD(oc.addressing), 0, 0, false, nullptr},
    {"lba_index", KeyKind::kCount, false, FIELD(oc.lba_index), 0, 4, false, nullptr},
    {"nlbaf", KeyKind::kCount, false, FIELD(oc.lba_formats), 1, 5, false, nullptr},
    {"lchannels", KeyKind::kCount, false, FIELD(oc.channels), 1, 255, false, nullptr},
    {"ll2pmode", KeyKind::kCount, false, FIELD(oc.l2p_mode), 0, 1, false, nullptr},
    {"lreadl2ptbl", KeyKind::kChoice, false, FIELD(oc.l2p_table), 0, 1, false, nullptr, kOffOn},
    {"lsec_size", KeyKind::kBytes, false, FIELD(oc.sector), 512, 8192, true, nullptr},
    {"lsecs_per_pg", KeyKind::kCount, false, FIELD(oc.page_sectors), 1, 16, true, nullptr},
    {"lpgs_per_blk", KeyKind::kCount, false, FIELD(oc.block_pages), 1, 65535, false, nullptr},
    {"lmax_sec_per_rq", KeyKind::kCount, false, FIELD(oc.max_sectors), 1, 64, false, nullptr},
    {"lmtype", KeyKind::kCount, false, FIELD(oc.memory_type), 0, 255, false, nullptr},
    {"lfmtype", KeyKind::kCount, false, FIELD(oc.flash_type), 0, 1, false, nullptr},
    {"lnum_ch", KeyKind::kCount, false, FIELD(oc.channels12), 1, 255, false, nullptr},
    {"lnum_lun", KeyKind::kCount, false, FIELD(oc.luns12), 1, 255, false, nullptr},
    {"lnum_pln", KeyKind::kCount, false, FIELD(oc.planes), 1, 4, true, nullptr},
    {"lmetasize", KeyKind::kBytes, false, FIELD(oc.metadata), 0, 256, false, nullptr},
    {"lb_err_write", KeyKind::kCount, false, FIELD(oc.write_errors_after), 0, 0xffffffff, false, nullptr},
    {"ln_err_write", KeyKind::kCount, false, FIELD(oc.write_errors), 0, 64, false, nullptr},
    {"num_grp", KeyKind::kCount, false, FIELD(oc.groups), 1, 255, false, nullptr},
    {"num_pu", KeyKind::kCount, false, FIELD(oc.units), 1, 255, false, nullptr},
    {"num_chk", KeyKind::kCount, false, FIELD(oc.chunks), 1, 65535, false, nullptr},
    {"num_sec", KeyKind::kCount, false, FIELD(oc.chunk_sectors), 1, 1u << 24, false, nullptr},
    {"sec_size", KeyKind::kBytes, false, FIELD(oc.sector), 512, 8192, true, nullptr},
    {"md_size", KeyKind::kBytes, false, FIELD(oc.metadata), 0, 256, false, nullptr},
    {"ws_min", KeyKind::kCount, false, FIELD(oc.ws_min), 1, 64, false, nullptr},
    {"ws_opt", KeyKind::kCount, false, FIELD(oc.ws_opt), 1, 64, false, nullptr},
    {"mw_cunits", KeyKind::kCount, false, FIELD(oc.mw_cunits), 0, 1u << 24, false, nullptr},
    {"mccap", KeyKind::kCount, false, FIELD(oc.capabilities), 0, 7, false, nullptr},
    {"maxoc", KeyKind::kCount, false, FIELD(oc.max_open), 0, 0xffffffff, false, nullptr},
    {"maxocpu", KeyKind::kCount, false, FIELD(oc.max_open_unit), 0, 0xffffffff, false, nullptr},
    {"wit", KeyKind::kCount, false, FIELD(oc.wear_threshold), 0, 255, false, nullptr},
    {"lbbtable", KeyKind::kText, false, FIELD(oc.block_types), 1, sizeof(nvmev_open_channel::block_types) - 1, false,
     nullptr},
    {"chunk_state", KeyKind::kText, false, FIELD(oc.chunk_state), 1, sizeof(nvmev_open_channel::chunk_state) - 1, false,
     nullptr},
    {"write_fail", KeyKind::kText, false, FIELD(oc.write_fail), 1, sizeof(nvmev_open_channel::write_fail) - 1, false,
     nullptr},
    {"reset_fail", KeyKind::kText, false, FIELD(oc.reset_fail), 1, sizeof(nvmev_open_channel::reset_fail) - 1, false,
     nullptr},
    {"trdt", KeyKind::kNanoseconds, true, FIELD(oc.read_time), 0, 0xffffffff, false, nullptr},
    {"trdm", KeyKind::kNanoseconds, true, FIELD(oc.read_time_max), 0, 0xffffffff, false, nullptr},
    {"tprt", KeyKind::kNanoseconds, true, FIELD(oc.program_time), 0, 0xffffffff, false, nullptr},
    {"tprm", KeyKind::kNanoseconds, true, FIELD(oc.program_time_max), 0, 0xffffffff, false, nullptr},
    {"tbet", KeyKind::kNanoseconds, true, FIELD(oc.erase_time), 0, 0xffffffff, false, nullptr},
    {"tbem", KeyKind::kNanoseconds, true, FIELD(oc.erase_time_max), 0, 0xffffffff, false, nullptr},
    {"serial", KeyKind::kText, false, FIELD(serial), 1, 20, false, nullptr},
    {"model", KeyKind::kText, false, FIELD(model), 1, 40, false, nullptr},
};

#undef FIELD

static_assert(sizeof(kKeys) / sizeof(kKeys[0]) <= 256, "nvmev_config.keys_set has a bit for each key");

constexpr const char* kMediumNames[] = {"pages", "reserved", "none"};

void store(const Key& key, u64 value, nvmev_config* config) {
  u8* field = reinterpret_cast<u8*>(config) + key.offset;
  memcpy(field, &value, key.bytes);  // little-endian: the low bytes come first
}

int bad_range(const Key& key, const char* value, nvmev_error* error) {
  const char* unit = "";
  u64 min = key.min;
  u64 max = key.max;
  const auto text = [](u64 number) { return static_cast<unsigned long long>(number); };
  switch (key.kind) {
    case KeyKind::kBytes:
      unit = " bytes";
      break;
    case KeyKind::kNanoseconds:
      unit = " ns";
      break;
    case KeyKind::kMicroseconds:
      unit = " us";
      max /= 1000;
      break;
    case KeyKind::kMilliseconds:
      unit = " ms";
      max /= 1000 * 1000;
      break;
    case KeyKind::kMilli:
    case KeyKind::kPercent:
      return fail(error, err::kRange, "%s=%s is out of range: %s to %llu%s is right", key.name, value,
                  min == 0 ? "0" : "0.001", text(max / 1000), key.kind == KeyKind::kPercent ? " per cent" : "");
    default:
      break;
  }
  return fail(error, err::kRange, "%s=%s is out of range: %llu to %llu%s is right", key.name, value, text(min), text(max),
              unit);
}

int set_text(const Key& key, const char* value, nvmev_config* config, nvmev_error* error) {
  const std::size_t length = strlen(value);
  if (length < key.min || length > key.max) {
    return fail(error, err::kInvalid, "%s=%.48s has %llu characters: %llu to %llu is right", key.name, value,
                static_cast<unsigned long long>(length), static_cast<unsigned long long>(key.min),
                static_cast<unsigned long long>(key.max));
  }
  for (std::size_t i = 0; i < length; i++) {
    if (value[i] < ' ' || value[i] > '~') {
      return fail(error, err::kInvalid, "%s: character 0x%02x at position %llu: printable ASCII is right", key.name,
                  static_cast<unsigned>(static_cast<u8>(value[i])), static_cast<unsigned long long>(i + 1));
    }
  }
  memcpy(reinterpret_cast<u8*>(config) + key.offset, value, length + 1);
  return 0;
}

int set_type(const Key& key, const char* value, nvmev_config* config, nvmev_error* error) {
  if (find_ftl(value) == nullptr) {
    return fail(error, err::kInvalid, "%s=%.48s is unknown: one of %s is right", key.name, value, nvmev_type_names());
  }
  memset(config->type, 0, sizeof(config->type));
  memcpy(config->type, value, strlen(value));
  return 0;
}

int set_medium(const Key& key, const char* value, nvmev_config* config, nvmev_error* error) {
  for (u32 i = 0; i < sizeof(kMediumNames) / sizeof(kMediumNames[0]); i++) {
    if (strcmp(value, kMediumNames[i]) == 0) {
      store(key, i, config);
      return 0;
    }
  }
  return fail(error, err::kInvalid, "%s=%.48s is unknown: one of pages, reserved, none is right", key.name, value);
}

// "a, b, c" of the names of a choice.
void list_choices(const Key& key, TextWriter& text) {
  for (u64 i = 0; i <= key.max - key.min; i++) text.add("%s%s", i != 0 ? ", " : "", key.choices[i]);
}

int set_choice(const Key& key, const char* value, nvmev_config* config, nvmev_error* error) {
  for (u64 i = 0; i <= key.max - key.min; i++) {
    if (strcmp(value, key.choices[i]) == 0) {
      store(key, key.min + i, config);
      return 0;
    }
  }
  char names[64];
  TextWriter text(names, sizeof(names));
  list_choices(key, text);
  return fail(error, err::kInvalid, "%s=%.48s is unknown: one of %s is right", key.name, value, names);
}

int set_policy(const Key& key, const char* value, nvmev_config* config, nvmev_error* error) {
  if (!policy_exists(key.name, value)) {
    char names[256];
    TextWriter text(names, sizeof(names));
    list_policies(key.name, text);
    return fail(error, err::kInvalid, "%s=%.48s is unknown: one of %s is right", key.name, value, names);
  }
  memcpy(reinterpret_cast<u8*>(config) + key.offset, value, strlen(value) + 1);
  return 0;
}

constexpr const char* kZoneFaultNames[] = {"read-only", "offline", "full", "finish-recommended", "reset-recommended"};

// "12:read-only"; "none" is no fault.
int set_zone_fault(const Key& key, const char* value, nvmev_config* config, nvmev_error* error) {
  if (strcmp(value, "none") == 0) {
    store(key, 0, config);
    return 0;
  }
  char text[24] = {};
  u32 length = 0;
  while (length + 1 < sizeof(text) && value[length] != '\0' && value[length] != ':') {
    text[length] = value[length];
    length++;
  }
  u64 zone;
  if (value[length] == ':' && parse_u64(text, &zone) == 0 && zone < 1ull << 32) {
    for (u32 i = 0; i < sizeof(kZoneFaultNames) / sizeof(kZoneFaultNames[0]); i++) {
      if (strcmp(value + length + 1, kZoneFaultNames[i]) != 0) continue;
      store(key, (zone + 1) << 8 | (i + static_cast<u64>(ZoneFault::kReadOnly)), config);
      return 0;
    }
  }
  return fail(error, err::kInvalid,
              "%s=%.48s is malformed: none, or ZONE:STATE with read-only, offline, full, finish-recommended or "
              "reset-recommended is right",
              key.name, value);
}

struct AnaName {
  const char* name;
  nvme::AnaState state;
};

constexpr AnaName kAnaNames[] = {
    {"optimized", nvme::AnaState::kOptimized},           {"non-optimized", nvme::AnaState::kNonOptimized},
    {"inaccessible", nvme::AnaState::kInaccessible},     {"persistent-loss", nvme::AnaState::kPersistentLoss},
    {"change", nvme::AnaState::kChange},
};

// Reads "2:inaccessible" or "2.3:inaccessible", of group 3 alone, up to the end or a plus sign; nullptr when it is nothing of the
// kind, else where it ends.
const char* parse_ana(const char* text, u64* states) {
  const u32 controller = static_cast<u32>(*text++ - '1');
  if (controller >= NVMEV_MAX_CONTROLLERS) return nullptr;
  u32 first = 1, last = kAnaGroups;
  if (*text == '.') {
    first = last = static_cast<u32>(text[1] - '0');
    if (first - 1 >= kAnaGroups) return nullptr;
    text += 2;
  }
  if (*text++ != ':') return nullptr;
  u32 length = 0;
  while (text[length] != '\0' && text[length] != '+') length++;
  for (const AnaName& row : kAnaNames) {
    if (strlen(row.name) != length || memcmp(row.name, text, length) != 0) continue;
    for (u32 group = first; group <= last; group++) {
      const u32 shift = ana_shift(controller, group);
      *states = (*states & ~(0xfull << shift)) | static_cast<u64>(row.state) << shift;
    }
    return text + length;
  }
  return nullptr;
}

// "1:optimized+2.3:inaccessible"; what is not named keeps its state.
int set_ana(const Key& key, const char* value, nvmev_config* config, nvmev_error* error) {
  u64 states = config->ana;
  const char* at = value;
  while ((at = parse_ana(at, &states)) != nullptr && *at == '+') at++;
  if (at == nullptr) {
    return fail(error, err::kInvalid,
                "%s=%.64s is malformed: CONTROLLER:STATE or CONTROLLER.GROUP:STATE, with a plus sign between several, is right; states are "
                "optimized, non-optimized, inaccessible, persistent-loss, change",
                key.name, value);
  }
  store(key, states, config);
  return 0;
}

int parse_number(const Key& key, const char* value, u64* number) {
  switch (key.kind) {
    case KeyKind::kBytes:
      return parse_size(value, 1, number);
    case KeyKind::kMicroseconds: {
      if (const int error = parse_u64(value, number); error != 0) return error;
      return __builtin_mul_overflow(*number, 1000ull, number) ? err::kRange : 0;
    }
    case KeyKind::kMilliseconds: {
      if (const int error = parse_u64(value, number); error != 0) return error;
      return __builtin_mul_overflow(*number, 1000ull * 1000, number) ? err::kRange : 0;
    }
    case KeyKind::kMilli:
    case KeyKind::kPercent: {
      u32 milli;
      const int error = parse_milli(value, &milli);
      if (error == 0) *number = milli;
      return error;
    }
    default:
      return parse_u64(value, number);
  }
}

const char* expected_form(KeyKind kind) {
  switch (kind) {
    case KeyKind::kBytes:
      return "a size such as 512, 4K, 16G";
    case KeyKind::kMilli:
    case KeyKind::kPercent:
      return "a number such as 1, 20 or 0.5";
    case KeyKind::kNanoseconds:
      return "a whole number of nanoseconds";
    case KeyKind::kMicroseconds:
      return "a whole number of microseconds";
    case KeyKind::kMilliseconds:
      return "a whole number of milliseconds";
    default:
      return "a whole number";
  }
}

int set_number(const Key& key, const char* value, nvmev_config* config, nvmev_error* error) {
  u64 number = 0;
  const int parsed = parse_number(key, value, &number);
  if (parsed == err::kRange) return bad_range(key, value, error);
  if (parsed != 0) {
    return fail(error, err::kInvalid, "%s=%.48s is malformed: %s is right", key.name, value, expected_form(key.kind));
  }
  if (number < key.min || number > key.max) return bad_range(key, value, error);
  if (key.power_of_two && (number & (number - 1)) != 0) {
    return fail(error, err::kInvalid, "%s=%s: a power of two is right", key.name, value);
  }
  store(key, number, config);
  return 0;
}

u32 common_prefix(const char* a, const char* b) {
  u32 length = 0;
  while (a[length] != '\0' && a[length] == b[length]) length++;
  return length;
}

}  // namespace

const Key* find_key(const char* name) {
  for (const Key& key : kKeys) {
    if (strcmp(key.name, name) == 0) return &key;
  }
  return nullptr;
}

u32 key_index(const Key& key) { return static_cast<u32>(&key - kKeys); }

int set_key(const Key& key, const char* value, nvmev_config* config, nvmev_error* error) {
  switch (key.kind) {
    case KeyKind::kType:
      return set_type(key, value, config, error);
    case KeyKind::kMedium:
      return set_medium(key, value, config, error);
    case KeyKind::kText:
      return set_text(key, value, config, error);
    case KeyKind::kChoice:
      return set_choice(key, value, config, error);
    case KeyKind::kPolicy:
      return set_policy(key, value, config, error);
    case KeyKind::kAna:
      return set_ana(key, value, config, error);
    case KeyKind::kZoneFault:
      return set_zone_fault(key, value, config, error);
    default:
      return set_number(key, value, config, error);
  }
}

int fail_unknown_key(const char* name, nvmev_error* error) {
  // The keys that share the longest beginning with it, as far as they fit.
  u32 longest = 0;
  for (const Key& key : kKeys) {
    const u32 length = common_prefix(name, key.name);
    if (length > longest) longest = length;
  }
  char names[320];
  TextWriter text(names, sizeof(names));
  if (longest >= 2) {
    for (const Key& key : kKeys) {
      if (common_prefix(name, key.name) != longest) continue;
      text.add("%s%s", text.length() != 0 ? ", " : "", key.name);
    }
    return fail(error, err::kInvalid, "%.48s is no key: perhaps one of %s is meant", name, names);
  }
  return fail(error, err::kInvalid, "%.48s is no key: docs/parameters.md lists them", name);
}

}  // namespace nvmev
