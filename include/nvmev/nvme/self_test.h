// SPDX-License-Identifier: GPL-2.0-only
// Device Self-test: NVMe 2.0 sections 5.9, 5.16.1.7 and 8.6.
#pragma once

#include "nvmev/types.h"

namespace nvmev::nvme {

// Self-test Code (STC), figure 167.
enum class SelfTestCode : u8 { kNone = 0x0, kShort = 0x1, kExtended = 0x2, kAbort = 0xf };

// Device Self-test Result, figure 209.
enum class SelfTestResult : u8 {
  kPassed = 0x0,
  kAbortedByCommand = 0x1,
  kAbortedByReset = 0x2,
  kAbortedByRemoval = 0x3,
  kAbortedByFormat = 0x4,
  kFailedSegment = 0x7,
  kAbortedBySanitize = 0x9,
  kUnused = 0xf,
};

// Self-test segments, figure 602.
enum class SelfTestSegment : u8 { kSmart = 2, kDriveLife = 8 };

namespace self_test_valid {
inline constexpr u8 kNsid = 1u << 0;
}  // namespace self_test_valid

struct [[gnu::packed]] SelfTestEntry {
  u8 status;   // result in bits 3:0, code in bits 7:4
  u8 segment;  // of kFailedSegment
  u8 valid;
  u8 reserved3;
  u64 power_on_hours;
  u32 nsid;
  u64 failing_lba;
  u8 sct;
  u8 sc;
  u8 vendor[2];
};
static_assert(sizeof(SelfTestEntry) == 28);

// Log page 06h; the newest result first.
struct [[gnu::packed]] SelfTestLog {
  u8 current;     // code of the operation under way
  u8 completion;  // per cent
  u8 reserved2[2];
  SelfTestEntry entries[20];
};
static_assert(sizeof(SelfTestLog) == 564);

}  // namespace nvmev::nvme
