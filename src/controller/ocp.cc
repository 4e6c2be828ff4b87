// SPDX-License-Identifier: GPL-2.0-only
#include "ocp.h"

#include "controller.h"
#include "nvmev/nvme/identify.h"
#include "nvmev/nvme/ocp.h"
#include "nvmev/text.h"

namespace nvmev {

using nvme::Status;

namespace {

constexpr u32 kUuids = 1;

u64 used_blocks(const Shared& shared) {
  u64 blocks = 0;
  for (const Namespace& ns : shared.namespaces) {
    if (ns.exists()) blocks += ns.used_blocks(shared.medium);
  }
  return blocks;
}

}  // namespace

bool has_ocp(const Shared& shared) { return shared.config.ocp != 0; }

bool knows_uuid_index(const Shared& shared, u32 index) { return index == 0 || (has_ocp(shared) && index <= kUuids); }

u32 ocp_smart_log(Controller& controller, const nvme::Sqe&, u8* data) {
  const Shared& shared = controller.shared();
  const MediaCounters media = shared.regions.media();
  const LifeTotals life = controller.subsystem().controllers[0]->totals(controller.now());
  auto& log = *reinterpret_cast<nvme::OcpSmartLog*>(data);
  log.media_written.low = life.media_written;
  log.media_read.low = life.media_read;
  memcpy(log.bad_user_blocks, &media.bad_blocks, sizeof(log.bad_user_blocks));
  log.bad_user_normalized = shared.regions.health().available_spare;
  log.bad_system_normalized = 100;
  log.uncorrectable_reads = media.uncorrectable_reads;
  log.soft_ecc_errors = media.read_retries;
  log.erases_most = media.erases_most;
  log.erases_least = media.erases_least;
  const Thermal& thermal = controller.thermal();
  log.throttlings = static_cast<u8>(thermal.transitions(1) + thermal.transitions(2));
  log.throttling_status = static_cast<u8>(thermal.level());
  log.spec_major = 2;
  log.incomplete_shutdowns = static_cast<u32>(life.unsafe_shutdowns);
  log.free_blocks = media.has_flash ? media.free_percent : 100;
  log.capacitor_health = shared.config.power_loss_protection != 0 ? 100 : nvme::kNoCapacitor;
  log.unaligned_writes = media.unaligned_writes;
  log.namespace_use = used_blocks(shared);
  log.power_state_changes = shared.power.changes();
  log.version = nvme::kOcpSmartVersion;
  memcpy(log.guid, nvme::kOcpSmartGuid, sizeof(log.guid));
  return sizeof(log);
}

Status identify_uuids(Controller& controller, const nvme::Sqe&, u8* data) {
  if (!has_ocp(controller.shared())) return Status::kInvalidField;
  auto& list = *reinterpret_cast<nvme::UuidList*>(data);
  memcpy(list.entry[0].uuid, nvme::kOcpUuid, sizeof(nvme::kOcpUuid));
  return Status::kSuccess;
}

}  // namespace nvmev
