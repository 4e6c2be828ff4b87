// SPDX-License-Identifier: GPL-2.0-only
#include "device_state.h"

#include "../command_set.h"
#include "../controller.h"
#include "nvmev/error.h"
#include "nvmev/text.h"
#include "state_file.h"
#include "state_stream.h"

namespace nvmev {

namespace {

// What a device must have in common with the one that was saved, as text; the FTLs say the rest.
void describe(const Subsystem& subsystem, char (&text)[sizeof(StateSuperblock::description)]) {
  const nvmev_config& config = subsystem.config;
  char region[20] = "";
  if (config.pmr_size != 0) snprintf(region, sizeof(region), ", pmr=%u", config.pmr_size);
  // Which keeps no state; but data that stay where they are lie behind it.
  char buffer[20] = "";
  if (config.cmb_size != 0 && nvmev_host_medium_stays(subsystem.host)) {
    snprintf(buffer, sizeof(buffer), ", cmb=%u", config.cmb_size);
  }
  snprintf(text, sizeof(text), "%s of %llu bytes, serial %s%s%s%s",
           config.namespaces[0] != '\0' ? config.namespaces : config.type,
           static_cast<unsigned long long>(config.capacity), config.serial, region, buffer,
           subsystem.virtualization.on() ? ", virtualization" : "");
}

// Whether the namespace is one that its region could have.
bool fits(const Subsystem& subsystem, const Namespace& ns) {
  const Region& region = *ns.region;
  const FormatChoice choice = ns.format_choice();
  const u64 end = region.base + region.bytes;
  if (ns.base % kPageSize != 0 || ns.base < region.base || ns.base >= end || ns.bytes == 0 || ns.bytes > end - ns.base ||
      ns.allocated() > end - ns.base || (region.set->whole_region && (ns.base != region.base || ns.bytes != region.whole))) {
    return false;
  }
  for (const Namespace& other : subsystem.namespaces) {
    if (&other != &ns && other.exists() && other.base < ns.base + ns.allocated() && ns.base < other.base + other.allocated()) {
      return false;
    }
  }
  const u32 attached = ns.controllers.load(std::memory_order_relaxed);
  if (ns.shared ? subsystem.controller_count == 1 : (attached & (attached - 1)) != 0) return false;
  const BlockFormat& format = kBlockFormats[choice.index];
  if (region.set->fixed_format != nullptr) {
    return format.metadata == 0 && region.config.lba_size == 1u << format.shift && choice.dps == 0;
  }
  const u32 formats = region.set->has_metadata ? subsystem.metadata.formats() : region.set->formats;
  const u8 type = choice.dps & kDpsType;
  return choice.index < formats && (type == 0 || (type <= 3 && format.metadata >= format.tuple()));
}

void transfer_namespaces(StateArchive& archive, Subsystem& subsystem) {
  constexpr u8 kInterleaved = 1u << 7;
  for (Namespace& ns : subsystem.namespaces) {
    struct {
      u64 base, bytes;
      u32 region;
      u8 format;
      u8 exists;  // bit 1: shared
      u8 protection;
      u8 controllers;  // that it is attached to, a bit for each
      u8 settings;  // DPS, and whether metadata are interleaved
      u8 ana_group;  // 0-based
      u8 reserved[6];
    } row{};
    if (ns.exists()) {
      row = {ns.base,
             ns.bytes,
             ns.region->index,
             ns.format.load(std::memory_order_relaxed),
             static_cast<u8>(ns.shared ? 3 : 1),
             static_cast<u8>(ns.protection.load(std::memory_order_relaxed)),
             static_cast<u8>(ns.controllers.load(std::memory_order_relaxed)),
             static_cast<u8>(ns.dps.load(std::memory_order_relaxed) |
                             (ns.interleaved.load(std::memory_order_relaxed) ? kInterleaved : 0)),
             static_cast<u8>(ns.ana_group - 1),
             {}};
    }
    archive.value(row);
    if (!archive.loading() || !archive.ok()) continue;
    if (row.region >= subsystem.regions.size() || row.format >= kBlockFormatCount ||
        kBlockFormats[row.format].density() > subsystem.metadata.room() ||
        (row.settings & ~(kInterleaved | kDpsType | kDpsFirst)) != 0 ||
        row.exists > 3 || row.exists == 2 || (row.exists == 0 && (row.base | row.bytes | row.controllers) != 0) ||
        row.ana_group >= kAnaGroups || row.controllers >> subsystem.controller_count != 0 ||
        row.protection > static_cast<u8>(nvme::WriteProtection::kPermanent)) {
      return archive.refuse(err::kInvalid, "namespace %u is none of this device", ns.id);
    }
    ns.region = &subsystem.regions[row.region];
    ns.base = row.base;
    ns.bytes = row.bytes;
    ns.set_format({row.format, static_cast<u8>(row.settings & ~kInterleaved), (row.settings & kInterleaved) != 0});
    const auto protection = static_cast<nvme::WriteProtection>(row.protection);
    const bool ended = protection == nvme::WriteProtection::kUntilPowerCycle;  // this is one
    ns.protection.store(ended ? nvme::WriteProtection::kNone : protection, std::memory_order_relaxed);
    ns.shared = (row.exists & 2) != 0;
    ns.ana_group = static_cast<u8>(row.ana_group + 1);
    ns.controllers.store(row.controllers, std::memory_order_relaxed);
    ns.state.store(row.exists != 0 ? NamespaceState::kAllocated : NamespaceState::kAbsent, std::memory_order_release);
  }
  if (!archive.loading() || !archive.ok()) return;
  for (const Namespace& ns : subsystem.namespaces) {
    if (!ns.exists() || fits(subsystem, ns)) continue;
    return archive.refuse(err::kInvalid, "namespace %u of %llu bytes at %llu does not fit into this device", ns.id,
                          static_cast<unsigned long long>(ns.bytes), static_cast<unsigned long long>(ns.base));
  }
}

// What controllers have in common besides namespaces: firmware slots, the persistent event log, results of self-tests and of
// Sanitize.
void transfer_common(StateArchive& archive, Subsystem& subsystem) {
  subsystem.firmware.transfer(archive);
  subsystem.history.transfer(archive);
  subsystem.sanitize.transfer(archive);
  subsystem.self_test.transfer(archive);
  subsystem.reservations.transfer(archive);
  subsystem.virtualization.transfer(archive);
  if (archive.loading() && subsystem.sanitize.failed()) {
    subsystem.sanitize_gate.store(nvme::Status::kSanitizeFailed, std::memory_order_relaxed);
  }
}

bool has_open_channel(const Subsystem& subsystem) {
  for (const Region& region : subsystem.regions) {
    if (region.model.open_channel() != nullptr) return true;
  }
  return false;
}

void transfer(StateArchive& archive, Subsystem& subsystem, u64 now) {
  archive.expect("the number of regions", subsystem.regions.size());
  archive.expect("the number of controllers", subsystem.controller_count);
  transfer_namespaces(archive, subsystem);
  subsystem.for_each_controller([&](Controller& controller) { controller.transfer(archive, now); });
  transfer_common(archive, subsystem);
  for (Region& region : subsystem.regions) region.model.transfer(archive);
  if (has_open_channel(subsystem)) subsystem.chunk_log.transfer(archive);
  subsystem.uncorrectable.transfer(archive);
  const bool stays = nvmev_host_medium_stays(subsystem.host);
  archive.expect("whether the data lie elsewhere", stays);
  if (!stays) subsystem.medium.transfer(archive);
  archive.expect("the room for metadata", subsystem.metadata.room());
  if (!stays && subsystem.metadata.room() != 0 && archive.ok()) subsystem.metadata.medium().transfer(archive);
  if (!stays && subsystem.config.pmr_size != 0) archive.sparse(subsystem.config.pmr_base, pmr_bytes(subsystem.config));
}

int refuse_types_without_state(const Subsystem& subsystem, nvmev_error* error) {
  if (subsystem.config.medium == NVMEV_MEDIUM_NONE) {
    return fail(error, err::kInvalid, "medium=none keeps no data: pages or reserved is right");
  }
  for (const Region& region : subsystem.regions) {
    if (region.model.keeps_state()) continue;
    return fail(error, err::kInvalid, "devices of type %s keep no state", region.config.type);
  }
  return 0;
}

// Whether the bytes of the current state are those that were written.
int verify(Subsystem& subsystem, const StateSuperblock& block, nvmev_error* error) {
  StateReader reader(subsystem.host, block.offset, block.length, error);
  if (!reader.allocate()) return fail(error, err::kNoMemory, "no memory to read it");
  reader.skip_rest();
  if (reader.left() == 0 && reader.checksum() == block.checksum) return 0;
  return fail(error, err::kInvalid, "it is damaged: its checksum is %016llx, and %016llx is right",
              static_cast<unsigned long long>(reader.checksum()), static_cast<unsigned long long>(block.checksum));
}

int read_state(Subsystem& subsystem, const StateSuperblock& block, nvmev_error* error) {
  StateReader reader(subsystem.host, block.offset, block.length, error);
  if (!reader.allocate()) return fail(error, err::kNoMemory, "no memory to read it");
  transfer(reader, subsystem, 0);
  if (reader.ok() && reader.left() == 0 && reader.checksum() == block.checksum) return 0;
  // What looks like a state of another device may be a damaged one.
  if (const int result = verify(subsystem, block, nullptr); result != 0) return verify(subsystem, block, error);
  if (!reader.ok()) return reader.result();
  return fail(error, err::kInvalid, "%llu bytes of it are of no known use", static_cast<unsigned long long>(reader.left()));
}

}  // namespace

int load_state(Subsystem& subsystem, nvmev_error* error) {
  if (const int result = refuse_types_without_state(subsystem, error); result != 0) return result;
  StateFile file(subsystem.host);
  if (const int result = file.open(error); result != 0) return result;
  const StateSuperblock* block = file.current();
  if (block == nullptr) return 0;
  char here[sizeof(block->description)];
  describe(subsystem, here);
  if (memcmp(here, block->description, strlen(here) + 1) != 0) {
    return fail(error, err::kInvalid, "it is of another device: \"%.160s\" there, \"%.160s\" here", block->description,
                here);
  }
  // Reserved memory has contents of its own, which a damaged file must not replace.
  if (subsystem.config.medium == NVMEV_MEDIUM_RESERVED) {
    if (const int result = verify(subsystem, *block, error); result != 0) return result;
  }
  return read_state(subsystem, *block, error);
}

int save_state(Subsystem& subsystem, u64 now, nvmev_error* error) {
  StateFile file(subsystem.host);
  if (const int result = file.open(error); result != 0) return result;
  char description[sizeof(StateSuperblock::description)];
  describe(subsystem, description);
  for (u32 attempt = 0;; attempt++) {
    u64 offset, limit;
    file.place(attempt, &offset, &limit);
    StateWriter writer(subsystem.host, offset, limit, error);
    if (!writer.allocate()) return fail(error, err::kNoMemory, "no memory to write it");
    transfer(writer, subsystem, now);
    const int result = writer.finish();
    if (result == 0) return file.commit(offset, writer.length(), writer.checksum(), description, error);
    if (!writer.overran()) return result;
  }
}

}  // namespace nvmev
