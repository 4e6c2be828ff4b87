// SPDX-License-Identifier: GPL-2.0-only
// Feature identifiers and their fields: NVMe 2.0 section 5.27.1.
#pragma once

#include "nvmev/types.h"

namespace nvmev::nvme {

enum class Feature : u8 {
  kArbitration = 0x01,
  kPowerManagement = 0x02,
  kTemperatureThreshold = 0x04,
  kErrorRecovery = 0x05,
  kVolatileWriteCache = 0x06,
  kNumberOfQueues = 0x07,
  kInterruptCoalescing = 0x08,
  kInterruptVectorConfig = 0x09,
  kWriteAtomicity = 0x0a,
  kAsyncEventConfig = 0x0b,
  kAutonomousPowerStates = 0x0c,
  kTimestamp = 0x0e,
  kKeepAliveTimer = 0x0f,
  kThermalManagement = 0x10,
  kNonOperationalConfig = 0x11,
  kHostMemoryBuffer = 0x0d,
  kLbaStatusAttributes = 0x15,
  kHostBehavior = 0x16,
  kSanitizeConfig = 0x17,
  kEnduranceGroupEvents = 0x18,
  kCommandSetProfile = 0x19,
  kFlexibleDataPlacement = 0x1d,
  kFdpEvents = 0x1e,
  kHostIdentifier = 0x81,
  kReservationNoticeMask = 0x82,
  kReservationPersistence = 0x83,
  kWriteProtection = 0x84,
  kMediaFeedback = 0xca,  // open-channel SSD 2.0
};

// Namespace Write Protection Config, section 5.27.1.30: Write Protection State.
enum class WriteProtection : u8 { kNone = 0, kProtected = 1, kUntilPowerCycle = 2, kPermanent = 3 };

// Select field of Get Features, figure 191.
enum class FeatureSelect : u8 { kCurrent = 0, kDefault = 1, kSaved = 2, kSupported = 3 };

// DW0 of Get Features with Select 011b, figure 194.
namespace feature_capability {
inline constexpr u32 kSaveable = 1u << 0;
inline constexpr u32 kNamespaceSpecific = 1u << 1;
inline constexpr u32 kChangeable = 1u << 2;
}  // namespace feature_capability

// Asynchronous Event Configuration, figure 326.
namespace async_config {
inline constexpr u32 kSmartSpare = 1u << 0;
inline constexpr u32 kSmartTemperature = 1u << 1;
inline constexpr u32 kSmartReliability = 1u << 2;
inline constexpr u32 kSmartReadOnly = 1u << 3;
inline constexpr u32 kSmartBackup = 1u << 4;
inline constexpr u32 kNamespaceAttribute = 1u << 8;
inline constexpr u32 kFirmwareActivation = 1u << 9;
inline constexpr u32 kTelemetry = 1u << 10;
inline constexpr u32 kAnaChange = 1u << 11;       // with several controllers
inline constexpr u32 kLbaStatus = 1u << 13;  // where there is Get LBA Status
inline constexpr u32 kEnduranceGroup = 1u << 14;
inline constexpr u32 kZoneDescriptor = 1u << 27;  // where there are zones
inline constexpr u32 kSupported = kSmartSpare | kSmartTemperature | kSmartReliability | kSmartReadOnly |
                                  kSmartBackup | kNamespaceAttribute | kFirmwareActivation | kTelemetry |
                                  kEnduranceGroup;
}  // namespace async_config

}  // namespace nvmev::nvme
