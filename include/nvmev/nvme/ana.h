// SPDX-License-Identifier: GPL-2.0-only
// Asymmetric Namespace Access: NVMe 2.0 sections 8.1 and 5.16.1.13.
#pragma once

#include "nvmev/types.h"

namespace nvmev::nvme {

// Figure 222.
enum class AnaState : u8 { kOptimized = 0x1, kNonOptimized = 0x2, kInaccessible = 0x3, kPersistentLoss = 0x4, kChange = 0xf };

// Log page 0Ch, figures 220 and 221.
struct AnaLogHeader {
  u64 changes;
  u16 groups;
  u8 reserved10[6];
};
static_assert(sizeof(AnaLogHeader) == 16);

struct AnaGroupDescriptor {
  u32 group;
  u32 namespaces;  // ids that follow
  u64 changes;
  u8 state;
  u8 reserved17[15];
};
static_assert(sizeof(AnaGroupDescriptor) == 32);

// Log Specific Parameter: Return Groups Only.
inline constexpr u32 kAnaGroupsOnly = 1u << 0;

// ANACAP: bits 4:0, a controller may report each of the states; bit 6, ANAGRPID does not change while the namespace is attached;
// bit 7, Namespace Management takes an ANAGRPID.
namespace anacap {
inline constexpr u8 kStates = 0x1f;
inline constexpr u8 kFixedGroup = 1u << 6;
inline constexpr u8 kChosenGroup = 1u << 7;
}  // namespace anacap

}  // namespace nvmev::nvme
