// SPDX-License-Identifier: GPL-2.0-only
// Virtualization Enhancements: NVMe 2.0 sections 5.28, 8.26, and figures 281 to 283.
#pragma once

#include "nvmev/types.h"

namespace nvmev::nvme {

// RT of the Virtualization Management command.
enum class ResourceType : u8 {
  kQueue = 0,      // VQ: a submission queue and a completion queue
  kInterrupt = 1,  // VI: an interrupt vector
};
inline constexpr u32 kResourceTypes = 2;

// ACT of the Virtualization Management command.
enum class VirtualizationAction : u8 {
  kAllocate = 0x1,  // Primary Controller Flexible Allocation
  kOffline = 0x7,   // Secondary Controller Offline, and so on
  kAssign = 0x8,
  kOnline = 0x9,
};

// The part of the Primary Controller Capabilities that is about one type of resources.
struct ResourceCapabilities {
  u32 flexible;     // xxFRT: of the primary controller and its secondary controllers
  u32 assigned;     // xxRFA: of these, to secondary controllers
  u16 allocated;    // xxRFAP: of these, to the primary controller
  u16 own;          // xxPRT: private resources of the primary controller
  u16 maximum;      // xxFRSM: of a secondary controller
  u16 granularity;  // xxGRAN: preferred
  u8 reserved16[16];
};
static_assert(sizeof(ResourceCapabilities) == 32);

// CNS 14h.
struct PrimaryCapabilities {
  u16 cntlid;
  u16 portid;
  u8 crt;  // a bit for each ResourceType
  u8 reserved5[27];
  ResourceCapabilities resources[kResourceTypes];
  u8 reserved96[4000];
};
static_assert(sizeof(PrimaryCapabilities) == 4096);
static_assert(offsetof(PrimaryCapabilities, resources) == 32);

struct SecondaryController {
  u16 scid;
  u16 pcid;
  u8 scs;
  u8 reserved5[3];
  u16 vfn;  // 0: no virtual function
  u16 nvq;
  u16 nvi;
  u8 reserved14[18];
};
static_assert(sizeof(SecondaryController) == 32);
inline constexpr u8 kSecondaryOnline = 1u << 0;

// CNS 15h.
struct SecondaryControllerList {
  u8 numid;
  u8 reserved1[31];
  SecondaryController entry[127];
};
static_assert(sizeof(SecondaryControllerList) == 4096);

}  // namespace nvmev::nvme
