// SPDX-License-Identifier: GPL-2.0-only
// Directives: NVMe 2.0 sections 5.8, 5.9 and 8.7.
#pragma once

#include "nvmev/types.h"

namespace nvmev::nvme {

// Directive types.
inline constexpr u8 kDirectiveIdentify = 0x00;
inline constexpr u8 kDirectiveStreams = 0x01;
inline constexpr u8 kDirectiveDataPlacement = 0x02;

// Operations of the Identify directive: of Directive Receive and Send.
inline constexpr u8 kIdentifyReturnParameters = 0x01;
inline constexpr u8 kIdentifyEnable = 0x01;

// Operations of the Streams directive: of Directive Receive,
inline constexpr u8 kStreamsReturnParameters = 0x01;
inline constexpr u8 kStreamsGetStatus = 0x02;
inline constexpr u8 kStreamsAllocateResources = 0x03;
// and of Directive Send.
inline constexpr u8 kStreamsReleaseIdentifier = 0x01;
inline constexpr u8 kStreamsReleaseResources = 0x02;

// Figure 618: a bit for each directive type.
struct DirectiveParameters {
  u8 supported[32];
  u8 enabled[32];
  u8 persistent[32];  // across Controller Level Resets
  u8 reserved96[4000];
};
static_assert(sizeof(DirectiveParameters) == 4096);

// Figure 623.
struct StreamsParameters {
  u16 msl;   // Max Streams Limit
  u16 nssa;  // NVM Subsystem Streams Available
  u16 nsso;  // NVM Subsystem Streams Open
  u8 nssc;   // NVM Subsystem Stream Capability
  u8 reserved7[9];
  u32 sws;  // Stream Write Size, logical blocks
  u16 sgs;  // Stream Granularity Size, in Stream Write Sizes
  u16 nsa;  // Namespace Streams Allocated
  u16 nso;  // Namespace Streams Open
  u8 reserved26[6];
};
static_assert(sizeof(StreamsParameters) == 32);
inline constexpr u8 kNsscSharedIdentifiers = 1u << 0;

}  // namespace nvmev::nvme
