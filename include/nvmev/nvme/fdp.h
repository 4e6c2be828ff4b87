// SPDX-License-Identifier: GPL-2.0-only
// Flexible Data Placement: NVMe 2.1 sections 5.1.12.1.28 to .31, 5.1.25.1.20, 7.3 and 8.1.10 (TP4146).
#pragma once

#include "nvmev/nvme/directive.h"
#include "nvmev/nvme/log.h"
#include "nvmev/types.h"

namespace nvmev::nvme {

// I/O Management Receive and Send, Management Operation (MO).
inline constexpr u8 kRuhStatus = 0x01;
inline constexpr u8 kRuhUpdate = 0x01;

struct RuhStatusHeader {
  u8 reserved0[14];
  u16 nruhsd;
};
static_assert(sizeof(RuhStatusHeader) == 16);

struct RuhStatusDescriptor {
  u16 pid;     // placement identifier
  u16 ruhid;
  u32 earutr;  // estimated active time remaining; 0: not reported
  u64 ruamw;   // logical blocks that can still be written to the reclaim unit
  u8 reserved16[16];
};
static_assert(sizeof(RuhStatusDescriptor) == 32);

// Log page 20h.
struct FdpConfigurationsHeader {
  u16 numfdpc;  // 0-based
  u8 version;
  u8 reserved3;
  u32 size;
  u8 reserved8[8];
};
static_assert(sizeof(FdpConfigurationsHeader) == 16);

struct FdpConfigurationDescriptor {
  u16 dsze;
  u8 fdpa;  // bits 3:0 RGIF, bit 4 volatile write cache, bit 7 valid
  u8 vss;
  u32 nrg;
  u16 nruh;
  u16 maxpids;  // 0-based
  u32 nnss;
  u64 runs;  // bytes of a reclaim unit
  u32 erutl;
  u8 reserved28[36];
};
static_assert(sizeof(FdpConfigurationDescriptor) == 64);
inline constexpr u8 kFdpaValid = 1u << 7;
inline constexpr u8 kFdpaVolatileWriteCache = 1u << 4;

struct RuhDescriptor {
  u8 ruht;
  u8 reserved1[3];
};
static_assert(sizeof(RuhDescriptor) == 4);
inline constexpr u8 kRuhInitiallyIsolated = 1;
inline constexpr u8 kRuhPersistentlyIsolated = 2;

// Log page 21h.
struct RuhUsageHeader {
  u16 nruh;
  u8 reserved2[6];
};
struct RuhUsageDescriptor {
  u8 ruha;
  u8 reserved1[7];
};
static_assert(sizeof(RuhUsageHeader) == 8 && sizeof(RuhUsageDescriptor) == 8);
inline constexpr u8 kRuhHostSpecified = 1;

// Log page 22h.
struct FdpStatisticsLog {
  Counter128 hbmw;  // bytes
  Counter128 mbmw;
  Counter128 mbe;
  u8 reserved48[16];
};
static_assert(sizeof(FdpStatisticsLog) == 64);

// Log page 23h.
struct FdpEventsHeader {
  u32 nevents;
  u8 reserved4[60];
};
static_assert(sizeof(FdpEventsHeader) == 64);

struct [[gnu::packed]] FdpEvent {
  u8 type;
  u8 flags;  // PIV, NSIDV, LV
  u16 pid;
  u64 timestamp;
  u32 nsid;
  u8 type_specific[16];
  u16 rgid;
  u8 ruhid;
  u8 reserved35[5];
  u8 vendor[24];
};
static_assert(sizeof(FdpEvent) == 64);
inline constexpr u8 kFdpEventPidValid = 1u << 0;
inline constexpr u8 kFdpEventNsidValid = 1u << 1;
inline constexpr u8 kFdpEventLocationValid = 1u << 2;

enum class FdpEventType : u8 {
  kNotFullyWritten = 0x00,
  kInvalidPlacementId = 0x03,
  kMediaReallocated = 0x80,
  kImplicitlyModified = 0x81,
};

}  // namespace nvmev::nvme
