// SPDX-License-Identifier: GPL-2.0-only
// What Identify Controller tells of the admin commands that are no part of an I/O command set.
#include "admin.h"
#include "controller.h"
#include "copy.h"
#include "lba_status.h"
#include "nvmev/text.h"
#include "nvmev/nvme/identify.h"

namespace nvmev {

namespace {

void fill_power_states(nvme::IdentifyController& data) {
  data.npss = kPowerStateCount - 1;
  for (u32 i = 0; i < kPowerStateCount; i++) {
    const PowerStateRow& row = kPowerStates[i];
    nvme::PowerState state{};
    state.max_power = row.max_power;
    if (!row.operational) state.flags = nvme::kPowerUnits | nvme::kPowerNonOperational;
    state.entry_latency = row.entry_latency;
    state.exit_latency = row.exit_latency;
    data.psd[i] = state;
  }
}

}  // namespace

void fill_admin_capabilities(Controller& controller, nvme::IdentifyController& data) {
  const Shared& shared = controller.shared();
  memcpy(data.fr, controller.firmware().revision(), sizeof(data.fr));
  data.oaes |= nvme::kOaesFirmwareActivation;
  data.ctratt |= nvme::ctratt::kNonOperationalPermissive;
  data.oacs |= nvme::oacs::kSecurity | nvme::oacs::kFirmware | nvme::oacs::kSelfTest;
  if (is_primary(shared)) data.oacs |= nvme::oacs::kVirtualization;
  if (has_lba_status(shared)) {
    data.oacs |= nvme::oacs::kLbaStatus;
    data.oaes |= nvme::kOaesLbaStatus;
  }
  data.frmw = nvme::frmw::kSlot1ReadOnly | nvme::frmw::slots(Firmware::kSlots) | nvme::frmw::kActivateWithoutReset;
  data.fwug = 0xff;  // pieces of any length, at any dword
  data.mtfa = 1;     // 100 ms
  data.lpa |= nvme::lpa::kTelemetry | nvme::lpa::kPersistentEvents | nvme::lpa::kSupportedLogs |
              nvme::lpa::kTelemetryArea4;
  data.pels = EventHistory::kLogBytes / (64 << 10);
  data.edstt = SelfTest::kExtendedMinutes;
  data.dsto = 1;  // one self-test at a time in the subsystem
  data.kas = kKeepAliveGranularity;
  data.hctma = 1;
  data.mntmt = kMinThermalManagement;
  data.mxtmt = kMaxThermalManagement;
  data.oncs |= nvme::oncs::kWriteUncorrectable | nvme::oncs::kVerify | nvme::oncs::kCopy |
               nvme::oncs::kCopyAtomicity | nvme::oncs::kAllFastCopy;
  data.cdfs = copy_formats(shared);
  describe_host_memory(shared, data);
  data.sgls = nvme::sgls::kByteAligned | nvme::sgls::kBitBucket | nvme::sgls::kLongerThanData;
  if (shared.subsystem.metadata_sgls) data.sgls |= nvme::sgls::kMetadataByteAligned | nvme::sgls::kMetadataSgl;
  data.sanicap = kSanicap;
  data.fna = nvme::kFnaCryptographicErase;
  data.nwpc = nvme::kWriteProtectionStates;
  data.apsta = shared.config.apst != 0;
  fill_power_states(data);
}

}  // namespace nvmev
