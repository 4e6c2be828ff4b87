// SPDX-License-Identifier: GPL-2.0-only
// Zoned Namespace Command Set 1.1: opcodes, zone descriptors, Identify structures, the Changed Zone List.
#pragma once

#include "nvmev/types.h"

namespace nvmev::nvme {

enum class ZnsOpcode : u8 {
  kZoneManagementSend = 0x79,
  kZoneManagementReceive = 0x7a,
  kZoneAppend = 0x7d,
};

// Zone State (ZS) of a zone descriptor.
enum class ZoneState : u8 {
  kEmpty = 0x1,
  kImplicitlyOpen = 0x2,
  kExplicitlyOpen = 0x3,
  kClosed = 0x4,
  kReadOnly = 0xd,
  kFull = 0xe,
  kOffline = 0xf,
};

// Zone Send Action (ZSA), CDW13 bits 7:0 of Zone Management Send.
enum class ZoneSendAction : u8 {
  kClose = 0x01,
  kFinish = 0x02,
  kOpen = 0x03,
  kReset = 0x04,
  kOffline = 0x05,
  kSetDescriptorExtension = 0x10,
  kFlushZrwa = 0x11,
};

inline constexpr u32 kSendSelectAll = 1u << 8;
inline constexpr u32 kSendAllocateZrwa = 1u << 9;  // Zone Send Action Specific Option of Open Zone

// Zone Receive Action (ZRA), CDW13 bits 7:0 of Zone Management Receive; its filter (ZRASF) is in bits 15:8.
enum class ZoneReceiveAction : u8 { kReport = 0x00, kExtendedReport = 0x01 };

inline constexpr u32 kReceivePartial = 1u << 16;
inline constexpr u8 kZoneFilters = 8;  // all zones, then one for each state

// Zone Attributes (ZA).
namespace zone_attributes {
inline constexpr u8 kFinishedByController = 1u << 0;
inline constexpr u8 kFinishRecommended = 1u << 1;
inline constexpr u8 kResetRecommended = 1u << 2;
inline constexpr u8 kZrwaValid = 1u << 3;
inline constexpr u8 kDescriptorExtensionValid = 1u << 7;
}  // namespace zone_attributes

inline constexpr u8 kZoneTypeSequentialWriteRequired = 0x2;
// What the write pointer of a full, read-only or offline zone, which has none, is reported as.
inline constexpr u64 kNoWritePointer = ~0ull;

struct ZoneDescriptor {
  u8 type;
  u8 state;  // ZoneState in bits 7:4
  u8 attributes;
  u8 attributes_information;
  u32 reserved;
  u64 capacity;
  u64 start;
  u64 write_pointer;
  u8 reserved32[32];
};
static_assert(sizeof(ZoneDescriptor) == 64);

struct ZoneReportHeader {
  u64 zones;
  u8 reserved[56];
};
static_assert(sizeof(ZoneReportHeader) == 64);

inline constexpr u32 kExtensionUnit = 64;  // ZDES counts these

// LBA Format Extension.
struct ZonedLbaFormat {
  u64 zsze;
  u8 zdes;
  u8 reserved[7];
};
static_assert(sizeof(ZonedLbaFormat) == 16);

// Identify CNS 05h.
struct IdentifyZonedNamespace {
  u16 zoc;
  u16 ozcs;
  u32 mar;
  u32 mor;
  u32 rrl;
  u32 frl;
  u32 rrl123[3];
  u32 frl123[3];
  u32 numzrwa;
  u16 zrwafg;
  u16 zrwasz;
  u8 zrwacap;
  u8 reserved53[2763];
  ZonedLbaFormat lbafe[64];
  u8 vendor[256];
};
static_assert(sizeof(IdentifyZonedNamespace) == 4096);
static_assert(offsetof(IdentifyZonedNamespace, zrwacap) == 52);
static_assert(offsetof(IdentifyZonedNamespace, lbafe) == 2816);

inline constexpr u16 kZocActiveExcursions = 1u << 1;
inline constexpr u16 kOzcsReadAcrossBoundaries = 1u << 0;
inline constexpr u16 kOzcsZrwa = 1u << 1;
inline constexpr u8 kZrwaExplicitFlush = 1u << 0;
inline constexpr u32 kNoZoneLimit = 0xffffffff;

// Identify CNS 06h.
struct IdentifyZonedController {
  u8 zasl;  // 2^zasl pages of CAP.MPSMIN; 0: as MDTS
  u8 reserved[4095];
};
static_assert(sizeof(IdentifyZonedController) == 4096);

// Log page BFh.
struct ChangedZoneList {
  static constexpr u32 kMax = 511;
  static constexpr u16 kTooMany = 0xffff;
  u16 count;
  u8 reserved[6];
  u64 zones[kMax];
};
static_assert(sizeof(ChangedZoneList) == 4096);

}  // namespace nvmev::nvme
