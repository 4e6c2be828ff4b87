// SPDX-License-Identifier: GPL-2.0-only
// Persistent Event log (0Dh): NVMe 2.0 section 5.16.1.14.
#pragma once

#include "nvmev/nvme/log.h"
#include "nvmev/types.h"

namespace nvmev::nvme {

// Action: Log Specific Parameter of Get Log Page, figure 226.
enum class PersistentEventAction : u8 { kRead = 0, kEstablishAndRead = 1, kRelease = 2 };

enum class PersistentEventType : u8 {
  kSmartSnapshot = 0x01,
  kFirmwareCommit = 0x02,
  kTimestampChange = 0x03,
  kPowerOnOrReset = 0x04,
  kChangeNamespace = 0x06,
  kFormatStart = 0x07,
  kFormatCompletion = 0x08,
  kSanitizeStart = 0x09,
  kSanitizeCompletion = 0x0a,
  kSetFeature = 0x0b,
  kTelemetryCreated = 0x0c,
};

// Figure 227.
struct [[gnu::packed]] PersistentEventHeader {
  u8 lid;
  u8 reserved1[3];
  u32 events;
  u64 length;  // bytes of the log
  u8 revision;
  u8 reserved17;
  u16 header_length;  // of what follows byte 19
  u64 timestamp;
  Counter128 power_on_hours;
  u64 power_cycles;
  u16 vid;
  u16 ssvid;
  char sn[20];
  char mn[40];
  char subnqn[256];
  u16 generation;
  u32 context;  // Reporting Context Information
  u8 reserved378[102];
  u8 supported[32];
};
static_assert(sizeof(PersistentEventHeader) == 512);
static_assert(offsetof(PersistentEventHeader, subnqn) == 116);
static_assert(offsetof(PersistentEventHeader, supported) == 480);
inline constexpr u8 kPersistentEventLogRevision = 3;
// Reporting Context Information: a context is there (bit 18), established by a controller (bits 17:16 are 10b), on its
// port (bits 15:0).
inline constexpr u32 kContextExists = 1u << 18;

// Figure 228, followed by the event's data.
struct [[gnu::packed]] PersistentEvent {
  u8 type;
  u8 revision;
  u8 header_length;  // of what follows byte 2
  u8 header_info;
  u16 cntlid;
  u64 timestamp;
  u16 port;
  u8 reserved16[4];
  u16 vendor_length;
  u16 length;  // of the data
};
static_assert(sizeof(PersistentEvent) == 24);

struct [[gnu::packed]] FirmwareCommitEvent {
  char old_revision[8];
  char new_revision[8];
  u8 action;
  u8 slot;
  u8 sct;
  u8 sc;
  u16 vendor;
};
static_assert(sizeof(FirmwareCommitEvent) == 22);

struct TimestampChangeEvent {
  u64 previous;
  u64 since_reset;  // ms
};
static_assert(sizeof(TimestampChangeEvent) == 16);

// With the descriptor of the one controller.
struct [[gnu::packed]] PowerOnOrResetEvent {
  char revision[8];
  u16 cntlid;
  u8 firmware_activation;  // 1: the reset activated firmware
  u8 operations;           // that were under way; bit 0 format, bit 1 sanitize
  u8 reserved12[12];
  u32 power_cycle;
  u64 power_on;  // ms
  u64 timestamp;
};
static_assert(sizeof(PowerOnOrResetEvent) == 44);

struct [[gnu::packed]] ChangeNamespaceEvent {
  u32 cdw10;  // of Namespace Management
  u8 reserved4[4];
  u64 nsze;
  u8 reserved16[8];
  u64 ncap;
  u8 flbas;
  u8 dps;
  u8 nmic;
  u8 reserved35;
  u32 anagrpid;
  u16 nvmsetid;
  u8 reserved42[2];
  u32 nsid;
};
static_assert(sizeof(ChangeNamespaceEvent) == 48);

struct FormatStartEvent {
  u32 nsid;
  u8 fna;
  u8 reserved5[3];
  u32 cdw10;
};
static_assert(sizeof(FormatStartEvent) == 12);

struct FormatCompletionEvent {
  u32 nsid;
  u8 smallest_indicator;
  u8 status;
  u16 info;
  u32 status_field;
};
static_assert(sizeof(FormatCompletionEvent) == 12);

struct SanitizeStartEvent {
  u32 sanicap;
  u32 cdw10;
  u32 cdw11;
};
static_assert(sizeof(SanitizeStartEvent) == 12);

struct SanitizeCompletionEvent {
  u16 progress;
  u16 status;
  u16 info;
  u8 reserved6[2];
};
static_assert(sizeof(SanitizeCompletionEvent) == 8);

// A Set Features without data: CDW10 and CDW11.
struct SetFeatureEvent {
  u32 layout;  // bits 2:0 dwords, bits 31:16 bytes of the memory buffer
  u32 cdw10;
  u32 cdw11;
};
static_assert(sizeof(SetFeatureEvent) == 12);

}  // namespace nvmev::nvme
