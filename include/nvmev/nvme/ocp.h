// SPDX-License-Identifier: GPL-2.0-only
// What the Open Compute Project's Datacenter NVMe SSD Specification 2.0 adds to NVMe.
#pragma once

#include "log.h"
#include "nvmev/types.h"

namespace nvmev::nvme {

// The UUID (in the order of its text) that stands for the specification in a UUID List.
inline constexpr u8 kOcpUuid[16] = {0xc1, 0x94, 0xd5, 0x5b, 0xe0, 0x94, 0x47, 0x94,
                                    0xa2, 0x1d, 0x29, 0x99, 0x8f, 0x56, 0xbe, 0x6f};

// SMART / Health Information Extended, log page C0h: section 4.8.6.
struct [[gnu::packed]] OcpSmartLog {
  Counter128 media_written;  // bytes
  Counter128 media_read;     // bytes
  u8 bad_user_blocks[6];
  u16 bad_user_normalized;  // percent
  u8 bad_system_blocks[6];
  u16 bad_system_normalized;
  u64 xor_recoveries;
  u64 uncorrectable_reads;
  u64 soft_ecc_errors;
  u32 end_to_end_detected;
  u32 end_to_end_corrected;
  u8 system_data_used;  // percent
  u8 refreshes[7];
  u32 erases_most;  // of a user block
  u32 erases_least;
  u8 throttlings;
  u8 throttling_status;
  u8 spec_errata;
  u16 spec_point;
  u16 spec_minor;
  u8 spec_major;
  u64 pcie_correctable_errors;
  u32 incomplete_shutdowns;
  u8 reserved116[4];
  u8 free_blocks;  // percent
  u8 reserved121[7];
  u16 capacitor_health;  // percent
  u8 nvme_errata;
  u8 reserved131[5];
  u64 unaligned_writes;
  u64 security_version;
  u64 namespace_use;  // logical blocks of all namespaces
  Counter128 power_loss_starts;
  Counter128 endurance_estimate;  // bytes
  u64 pcie_retrainings;
  u64 power_state_changes;
  u8 reserved208[286];
  u16 version;
  u8 guid[16];  // AFD514C97C6F4F9CA4F2BFEA2810AFC5h, little-endian
};
static_assert(sizeof(OcpSmartLog) == 512);
static_assert(offsetof(OcpSmartLog, xor_recoveries) == 48);
static_assert(offsetof(OcpSmartLog, erases_most) == 88);
static_assert(offsetof(OcpSmartLog, pcie_correctable_errors) == 104);
static_assert(offsetof(OcpSmartLog, free_blocks) == 120);
static_assert(offsetof(OcpSmartLog, unaligned_writes) == 136);
static_assert(offsetof(OcpSmartLog, power_state_changes) == 200);
static_assert(offsetof(OcpSmartLog, version) == 494);

inline constexpr u16 kOcpSmartVersion = 3;
inline constexpr u16 kNoCapacitor = 0xffff;
inline constexpr u8 kOcpSmartGuid[16] = {0xc5, 0xaf, 0x10, 0x28, 0xea, 0xbf, 0xf2, 0xa4,
                                         0x9c, 0x4f, 0x6f, 0x7c, 0xc9, 0x14, 0xd5, 0xaf};

}  // namespace nvmev::nvme
