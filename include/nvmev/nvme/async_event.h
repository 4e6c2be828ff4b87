// SPDX-License-Identifier: GPL-2.0-only
// Asynchronous events: NVMe 2.0 section 5.2.
#pragma once

#include "nvmev/nvme/log.h"
#include "nvmev/types.h"

namespace nvmev::nvme {

enum class AsyncEventType : u8 { kError = 0, kSmart = 1, kNotice = 2, kCommandSetSpecific = 6, kVendor = 7 };

// Type, information and the log page that clears the event: DW0 of the completion, figure 146.
struct AsyncEvent {
  AsyncEventType type;
  u8 info;
  LogPage log;
  u32 parameter = 0;  // DW1: the namespace of what concerns one

  constexpr u32 dw0() const {
    return static_cast<u32>(type) | static_cast<u32>(info) << 8 | static_cast<u32>(log) << 16;
  }
};

// Figures 147 to 149.
inline constexpr AsyncEvent kEventInvalidDoorbellRegister{AsyncEventType::kError, 0x00, LogPage::kError};
inline constexpr AsyncEvent kEventInvalidDoorbellValue{AsyncEventType::kError, 0x01, LogPage::kError};
inline constexpr AsyncEvent kEventTemperature{AsyncEventType::kSmart, 0x01, LogPage::kSmart};
inline constexpr AsyncEvent kEventSpare{AsyncEventType::kSmart, 0x02, LogPage::kSmart};
inline constexpr AsyncEvent kEventEnduranceGroup{AsyncEventType::kNotice, 0x06, LogPage::kEnduranceGroupEvents};
inline constexpr AsyncEvent kEventFirmwareActivation{AsyncEventType::kNotice, 0x01, LogPage::kFirmwareSlot};
inline constexpr AsyncEvent kEventTelemetry{AsyncEventType::kNotice, 0x02, LogPage::kTelemetryController};
inline constexpr AsyncEvent kEventReservation{AsyncEventType::kCommandSetSpecific, 0x00, LogPage::kReservationNotice};
inline constexpr AsyncEvent kEventLbaStatus{AsyncEventType::kNotice, 0x05, LogPage::kLbaStatus};
inline constexpr AsyncEvent kEventSanitizeCompleted{AsyncEventType::kCommandSetSpecific, 0x01, LogPage::kSanitize};
inline constexpr AsyncEvent kEventSanitizeDeallocated{AsyncEventType::kCommandSetSpecific, 0x02, LogPage::kSanitize};
inline constexpr AsyncEvent kEventAnaChange{AsyncEventType::kNotice, 0x03, LogPage::kAna};
inline constexpr AsyncEvent kEventNamespaceAttribute{AsyncEventType::kNotice, 0x00, LogPage::kChangedNamespaces};
inline constexpr AsyncEvent kEventChunkNotification{AsyncEventType::kVendor, 0x00, LogPage::kChunkNotification};

// Zoned Namespace Command Set 1.1, figure 47.
constexpr AsyncEvent zone_descriptor_event(u32 nsid) {
  return {AsyncEventType::kNotice, 0xef, LogPage::kChangedZones, nsid};
}

}  // namespace nvmev::nvme
