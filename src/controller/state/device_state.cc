// SPDX-License-Identifier: GPL-2.0-only
#include "device_state.h"

#include "../controller.h"
#include "nvmev/error.h"
#include "nvmev/text.h"
#include "state_file.h"
#include "state_stream.h"

namespace nvmev {

namespace {

// What a device must have in common with the one that was saved, as text; the FTLs say the rest.
void describe(const nvmev_config& config, char (&text)[sizeof(StateSuperblock::description)]) {
  snprintf(text, sizeof(text), "%s of %llu bytes, serial %s",
           config.namespaces[0] != '\0' ? config.namespaces : config.type,
           static_cast<unsigned long long>(config.capacity), config.serial);
}

void transfer_namespaces(StateArchive& archive, Shared& shared) {
  for (Namespace& ns : shared.namespaces) {
    struct {
      u64 base, bytes;
      u32 region;
      u8 format;
      u8 state;
      u8 protection;
      u8 reserved;
    } row{};
    if (ns.exists()) {
      row = {ns.base,
             ns.bytes,
             ns.region->index,
             ns.format.load(std::memory_order_relaxed),
             static_cast<u8>(ns.state.load(std::memory_order_relaxed)),
             static_cast<u8>(ns.protection.load(std::memory_order_relaxed)),
             0};
    }
    archive.value(row);
    if (!archive.loading() || !archive.ok()) continue;
    if (row.region >= shared.regions.size() || row.format >= sizeof(kLbaShifts) ||
        row.state > static_cast<u8>(NamespaceState::kAttached) ||
        row.protection > static_cast<u8>(nvme::WriteProtection::kPermanent)) {
      return archive.refuse(err::kInvalid, "namespace %u is none of this device", ns.id);
    }
    ns.region = &shared.regions[row.region];
    ns.base = row.base;
    ns.bytes = row.bytes;
    ns.format.store(row.format, std::memory_order_relaxed);
    const auto protection = static_cast<nvme::WriteProtection>(row.protection);
    const bool ended = protection == nvme::WriteProtection::kUntilPowerCycle;  // this is one
    ns.protection.store(ended ? nvme::WriteProtection::kNone : protection, std::memory_order_relaxed);
    ns.state.store(static_cast<NamespaceState>(row.state), std::memory_order_release);
  }
}

void transfer(StateArchive& archive, Controller& controller, u64 now) {
  Shared& shared = controller.shared();
  archive.expect("the number of regions", shared.regions.size());
  transfer_namespaces(archive, shared);
  controller.transfer(archive, now);
  for (Region& region : shared.regions) region.model.transfer(archive);
  shared.uncorrectable.transfer(archive);
  shared.medium.transfer(archive);
}

int refuse_types_without_state(const Shared& shared, nvmev_error* error) {
  if (shared.config.medium == NVMEV_MEDIUM_NONE) {
    return fail(error, err::kInvalid, "medium=none keeps no data: pages or reserved is right");
  }
  for (const Region& region : shared.regions) {
    if (region.model.keeps_state()) continue;
    return fail(error, err::kInvalid, "devices of type %s keep no state", region.config.type);
  }
  return 0;
}

// Whether the bytes of the current state are those that were written.
int verify(Shared& shared, const StateSuperblock& block, nvmev_error* error) {
  StateReader reader(shared.host, block.offset, block.length, error);
  if (!reader.allocate()) return fail(error, err::kNoMemory, "no memory to read it");
  reader.skip_rest();
  if (reader.left() == 0 && reader.checksum() == block.checksum) return 0;
  return fail(error, err::kInvalid, "it is damaged: its checksum is %016llx, and %016llx is right",
              static_cast<unsigned long long>(reader.checksum()), static_cast<unsigned long long>(block.checksum));
}

int read_state(Controller& controller, const StateSuperblock& block, nvmev_error* error) {
  Shared& shared = controller.shared();
  StateReader reader(shared.host, block.offset, block.length, error);
  if (!reader.allocate()) return fail(error, err::kNoMemory, "no memory to read it");
  transfer(reader, controller, 0);
  if (reader.ok() && reader.left() == 0 && reader.checksum() == block.checksum) return 0;
  // What looks like a state of another device may be a damaged one.
  if (const int result = verify(shared, block, nullptr); result != 0) return verify(shared, block, error);
  if (!reader.ok()) return reader.result();
  return fail(error, err::kInvalid, "%llu bytes of it are of no known use", static_cast<unsigned long long>(reader.left()));
}

}  // namespace

int load_state(Controller& controller, nvmev_error* error) {
  Shared& shared = controller.shared();
  if (const int result = refuse_types_without_state(shared, error); result != 0) return result;
  StateFile file(shared.host);
  if (const int result = file.open(error); result != 0) return result;
  const StateSuperblock* block = file.current();
  if (block == nullptr) return 0;
  char here[sizeof(block->description)];
  describe(shared.config, here);
  if (memcmp(here, block->description, strlen(here) + 1) != 0) {
    return fail(error, err::kInvalid, "it is of another device: \"%.160s\" there, \"%.160s\" here", block->description,
                here);
  }
  // Reserved memory has contents of its own, which a damaged file must not replace.
  if (shared.config.medium == NVMEV_MEDIUM_RESERVED) {
    if (const int result = verify(shared, *block, error); result != 0) return result;
  }
  return read_state(controller, *block, error);
}

int save_state(Controller& controller, u64 now, nvmev_error* error) {
  Shared& shared = controller.shared();
  StateFile file(shared.host);
  if (const int result = file.open(error); result != 0) return result;
  char description[sizeof(StateSuperblock::description)];
  describe(shared.config, description);
  for (u32 attempt = 0;; attempt++) {
    u64 offset, limit;
    file.place(attempt, &offset, &limit);
    StateWriter writer(shared.host, offset, limit, error);
    if (!writer.allocate()) return fail(error, err::kNoMemory, "no memory to write it");
    transfer(writer, controller, now);
    const int result = writer.finish();
    if (result == 0) return file.commit(offset, writer.length(), writer.checksum(), description, error);
    if (!writer.overran()) return result;
  }
}

}  // namespace nvmev
