// SPDX-License-Identifier: GPL-2.0-only
// Log pages: NVMe 2.0 section 5.16.1.
#pragma once

#include "nvmev/types.h"

namespace nvmev::nvme {

enum class LogPage : u8 {
  kSupportedLogs = 0x00,
  kError = 0x01,
  kSmart = 0x02,
  kFirmwareSlot = 0x03,
  kChangedNamespaces = 0x04,
  kCommandEffects = 0x05,
  kSelfTest = 0x06,
  kTelemetryHost = 0x07,
  kTelemetryController = 0x08,
  kEnduranceGroup = 0x09,
  kAna = 0x0c,
  kPersistentEvents = 0x0d,
  kLbaStatus = 0x0e,
  kEnduranceGroupEvents = 0x0f,
  kFeatureEffects = 0x12,
  kManagementEffects = 0x13,
  kFdpConfigurations = 0x20,
  kRuhUsage = 0x21,
  kFdpStatistics = 0x22,
  kFdpEvents = 0x23,
  kReservationNotice = 0x80,
  kSanitize = 0x81,
  kChangedZones = 0xbf,
  kOcpSmart = 0xc0,
  kChunkInformation = 0xca,   // open-channel SSD 2.0
  kChunkNotification = 0xd0,  // open-channel SSD 2.0
};

// Get Log Page, CDW10: RAE.
inline constexpr u32 kRetainAsynchronousEvent = 1u << 15;

// Log page 00h, figure 202.
struct SupportedLogsLog {
  u32 pages[256];
};
static_assert(sizeof(SupportedLogsLog) == 1024);
inline constexpr u32 kLogSupported = 1u << 0;  // LSUPP

// Log page 12h, figure 254.
struct FeatureEffectsLog {
  u32 features[256];
};
static_assert(sizeof(FeatureEffectsLog) == 1024);

namespace feature_effects {
inline constexpr u32 kSupported = 1u << 0;   // FSUPP
inline constexpr u32 kUserData = 1u << 1;    // UDCC
inline constexpr u32 kScopeNamespace = 1u << 20;
inline constexpr u32 kScopeController = 1u << 21;
inline constexpr u32 kScopeEnduranceGroup = 1u << 23;
inline constexpr u32 kScopeSubsystem = 1u << 25;
}  // namespace feature_effects

// Log page 13h, NVMe Management Interface commands: figure 256.
struct ManagementEffectsLog {
  u32 commands[256];
  u8 reserved1024[3072];
};
static_assert(sizeof(ManagementEffectsLog) == 4096);

// Figure 206.
struct ErrorLogEntry {
  u64 error_count;
  u16 sq_id;
  u16 cid;
  u16 status;  // phase tag in bit 0, status field in bits 15:1
  u16 parameter_location;
  u64 lba;
  u32 nsid;
  u8 vendor_log;
  u8 trtype;
  u8 reserved30[2];
  u64 command_specific;
  u16 transport_specific;
  u8 reserved42[22];
};
static_assert(sizeof(ErrorLogEntry) == 64);

// A little-endian 128-bit counter.
struct Counter128 {
  u64 low;
  u64 high;
};

// Figure 207.
struct [[gnu::packed]] SmartLog {
  u8 critical_warning;
  u16 composite_temperature;  // kelvin
  u8 available_spare;         // percent
  u8 available_spare_threshold;
  u8 percentage_used;
  u8 endurance_critical_warning;
  u8 reserved7[25];
  Counter128 data_units_read;  // thousands of 512 B, rounded up
  Counter128 data_units_written;
  Counter128 host_reads;
  Counter128 host_writes;
  Counter128 busy_minutes;
  Counter128 power_cycles;
  Counter128 power_on_hours;
  Counter128 unsafe_shutdowns;
  Counter128 media_errors;
  Counter128 error_log_entries;
  u32 warning_temperature_minutes;
  u32 critical_temperature_minutes;
  u16 temperature_sensor[8];
  u32 thermal_transitions[2];  // to thermal management temperatures 1 and 2
  u32 thermal_seconds[2];
  u8 reserved232[280];
};
static_assert(sizeof(SmartLog) == 512);
static_assert(offsetof(SmartLog, data_units_read) == 32);
static_assert(offsetof(SmartLog, error_log_entries) == 176);

// Critical warnings, of endurance groups likewise but for the temperature.
inline constexpr u8 kWarningSpare = 1u << 0;
inline constexpr u8 kWarningTemperature = 1u << 1;

// Figure 217.
struct EnduranceGroupLog {
  u8 critical_warning;
  u8 features;
  u8 reserved2;
  u8 available_spare;
  u8 available_spare_threshold;
  u8 percentage_used;
  u16 domain_id;
  u8 reserved8[24];
  Counter128 endurance_estimate;  // thousands of millions of bytes; 0: not reported
  Counter128 data_units_read;     // as endurance_estimate
  Counter128 data_units_written;
  Counter128 media_units_written;
  Counter128 host_reads;
  Counter128 host_writes;
  Counter128 media_errors;
  Counter128 error_log_entries;
  Counter128 total_capacity;
  Counter128 unallocated_capacity;
  u8 reserved192[320];
};
static_assert(sizeof(EnduranceGroupLog) == 512);
static_assert(offsetof(EnduranceGroupLog, total_capacity) == 160);

// Log page 0Fh: the endurance groups with events that have not been looked at. Section 5.16.1.15.
struct EnduranceGroupEventsLog {
  u64 count;
  u16 group[4];
};
static_assert(sizeof(EnduranceGroupEventsLog) == 16);

// Figure 210.
struct FirmwareSlotLog {
  u8 afi;
  u8 reserved1[7];
  char revision[7][8];
  u8 reserved64[448];
};
static_assert(sizeof(FirmwareSlotLog) == 512);

// Figure 211: up to 1024 changed namespaces; the first is FFFFFFFFh when there were more.
struct ChangedNamespacesLog {
  u32 nsid[1024];
};

// Figure 213 and 214.
struct CommandEffectsLog {
  u32 admin[256];
  u32 io[256];
  u8 reserved2048[2048];
};
static_assert(sizeof(CommandEffectsLog) == 4096);

namespace effects {
inline constexpr u32 kSupported = 1u << 0;              // CSUPP
inline constexpr u32 kLbaContent = 1u << 1;             // LBCC
inline constexpr u32 kNamespaceCapability = 1u << 2;    // NCC
inline constexpr u32 kNamespaceInventory = 1u << 3;     // NIC
inline constexpr u32 kControllerCapability = 1u << 4;   // CCC
inline constexpr u32 kExecutionOneNamespace = 1u << 16;  // CSE 001b: one command at a time in the namespace
inline constexpr u32 kExecutionOne = 2u << 16;           // CSE 010b: one command at a time in all namespaces
inline constexpr u32 kUuidSelection = 1u << 19;          // USS
inline constexpr u32 kScopeNamespace = 1u << 20;         // CSP
inline constexpr u32 kScopeController = 1u << 21;
inline constexpr u32 kScopeEnduranceGroup = 1u << 23;
inline constexpr u32 kScopeSubsystem = 1u << 25;
}  // namespace effects

}  // namespace nvmev::nvme
