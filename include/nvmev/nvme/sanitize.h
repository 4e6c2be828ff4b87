// SPDX-License-Identifier: GPL-2.0-only
// Sanitize: NVMe 2.0 sections 5.24, 5.16.1.25 and 8.21.
#pragma once

#include "nvmev/types.h"

namespace nvmev::nvme {

// Sanitize Action (SANACT), figure 305.
enum class SanitizeAction : u8 { kExitFailureMode = 1, kBlockErase = 2, kOverwrite = 3, kCryptoErase = 4 };

namespace sanitize_cdw10 {
inline constexpr u32 kAction = 0x7;
inline constexpr u32 kUnrestricted = 1u << 3;   // AUSE
constexpr u32 passes(u32 cdw10) { return cdw10 >> 4 & 0xf; }  // OWPASS; 0: 16
inline constexpr u32 kInvert = 1u << 8;         // OIPBP
inline constexpr u32 kNoDeallocate = 1u << 9;   // NDAS
inline constexpr u32 kReserved = ~0x3ffu;
}  // namespace sanitize_cdw10

// SSTAT bits 2:0.
enum class SanitizeStatus : u8 {
  kNever = 0,
  kDone = 1,
  kInProgress = 2,
  kFailed = 3,
  kDoneUnexpectedDeallocation = 4,
};

struct SanitizeLog {
  u16 progress;  // of 65536; FFFFh when none is under way
  u16 status;    // status, passes in bits 7:3, Global Data Erased in bit 8
  u32 cdw10;
  u32 overwrite_seconds;  // estimates; FFFFFFFFh: none
  u32 block_erase_seconds;
  u32 crypto_erase_seconds;
  u32 overwrite_no_deallocate_seconds;
  u32 block_erase_no_deallocate_seconds;
  u32 crypto_erase_no_deallocate_seconds;
  u8 reserved32[480];
};
static_assert(sizeof(SanitizeLog) == 512);
inline constexpr u16 kGlobalDataErased = 1u << 8;
inline constexpr u16 kNoProgress = 0xffff;

namespace sanicap {
inline constexpr u32 kCryptoErase = 1u << 0;
inline constexpr u32 kBlockErase = 1u << 1;
inline constexpr u32 kOverwrite = 1u << 2;
inline constexpr u32 kNoDeallocateInhibited = 1u << 29;
inline constexpr u32 kMediaNotModified = 1u << 30;  // NODMMAS 01b: not after the operation has completed
}  // namespace sanicap

}  // namespace nvmev::nvme
