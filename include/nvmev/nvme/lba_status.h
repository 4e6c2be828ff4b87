// SPDX-License-Identifier: GPL-2.0-only
// Get LBA Status, and the LBA Status Information log: NVM Command Set 1.0 sections 4.1.6 and 4.1.4.5.
#pragma once

#include "nvmev/types.h"

namespace nvmev::nvme {

// Action Type, CDW13 bits 31:24.
enum class LbaStatusAction : u8 {
  kScan = 0x10,     // untracked blocks that may be unrecoverable, and tracked ones
  kTracked = 0x11,  // tracked ones
};

struct LbaStatusDescriptor {
  u64 slba;
  u32 blocks;  // 0-based
  u8 reserved12;
  u8 status;
  u8 reserved14[2];
};
static_assert(sizeof(LbaStatusDescriptor) == 16);

// LbaStatusDescriptor::status, figure 112.
inline constexpr u8 kLbaMayFail = 1u << 0;          // reads may end with Unrecovered Read Error
inline constexpr u8 kLbaUncorrectable = 1u << 1;  // it was Write Uncorrectable

// What Get LBA Status returns begins so.
struct LbaStatusHeader {
  u32 descriptors;
  u8 condition;  // CMPC
  u8 reserved5[3];
};
static_assert(sizeof(LbaStatusHeader) == 8);
inline constexpr u8 kLbaStatusIncomplete = 1;  // there are more
inline constexpr u8 kLbaStatusComplete = 2;

// Log page 0Eh: this, then elements.
struct LbaStatusLogHeader {
  u32 length;    // LSLPLEN: bytes of the log
  u32 elements;  // NLSLNE
  u32 estimate;  // ESTULB: unrecoverable logical blocks
  u16 reserved12;
  u16 generation;  // LSGC
};
static_assert(sizeof(LbaStatusLogHeader) == 16);

// Of a namespace.
struct LbaStatusElement {
  u32 nsid;    // NEID
  u32 ranges;  // NLRD: range descriptors behind it
  u8 action;   // RATYPE: what Get LBA Status should be asked for
  u8 reserved9[7];
};
static_assert(sizeof(LbaStatusElement) == 16);
inline constexpr u32 kLbaStatusWholeNamespace = 0xffffffff;  // NLRD: none, anywhere in the namespace

}  // namespace nvmev::nvme
