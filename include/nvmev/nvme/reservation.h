// SPDX-License-Identifier: GPL-2.0-only
// Reservations: NVMe 2.0 sections 7.2 to 7.5, 8.19 and 5.16.1.25.
#pragma once

#include "nvmev/types.h"

namespace nvmev::nvme {

// Reservation Type; "registrants" are all hosts that are registered.
enum class ReservationType : u8 {
  kNone = 0,
  kWriteExclusive = 1,
  kExclusiveAccess = 2,
  kWriteExclusiveRegistrants = 3,
  kExclusiveAccessRegistrants = 4,
  kWriteExclusiveAllRegistrants = 5,
  kExclusiveAccessAllRegistrants = 6,
};

enum class RegisterAction : u8 { kRegister = 0, kUnregister = 1, kReplace = 2 };
enum class AcquireAction : u8 { kAcquire = 0, kPreempt = 1, kPreemptAndAbort = 2 };
enum class ReleaseAction : u8 { kRelease = 0, kClear = 1 };

// CDW10 of the commands.
namespace reservation_cdw10 {
inline constexpr u32 kAction = 0x7;
inline constexpr u32 kIgnoreKey = 1u << 3;  // IEKEY
constexpr u8 type(u32 cdw10) { return static_cast<u8>(cdw10 >> 8); }
constexpr u32 persistence(u32 cdw10) { return cdw10 >> 30; }  // CPTPL: 0 no change, 2 clear, 3 set
}  // namespace reservation_cdw10

// CDW11 of Reservation Report: Extended Data Structure.
inline constexpr u32 kReportExtended = 1u << 0;

// Reservation Status, figures 396 and 398; the second has 40 reserved bytes more.
struct [[gnu::packed]] ReservationStatus {
  u32 generation;
  u8 type;
  u16 controllers;  // REGCTL: entries that follow
  u8 reserved7[2];
  u8 persists;  // PTPLS
  u8 reserved10[14];
};
static_assert(sizeof(ReservationStatus) == 24);
inline constexpr u32 kExtendedStatusBytes = 64;

struct RegisteredController {
  u16 cntlid;
  u8 status;  // bit 0: its host holds the reservation
  u8 reserved3[5];
  u64 host;
  u64 key;
};
static_assert(sizeof(RegisteredController) == 24);

struct RegisteredControllerExtended {
  u16 cntlid;
  u8 status;
  u8 reserved3[5];
  u64 key;
  u8 host[16];
  u8 reserved32[32];
};
static_assert(sizeof(RegisteredControllerExtended) == 64);
inline constexpr u8 kRegisteredHolder = 1u << 0;
inline constexpr u16 kNoController = 0xffff;

// Log page 80h, figure 271.
enum class ReservationNoticeType : u8 {
  kNone = 0,
  kRegistrationPreempted = 1,
  kReservationReleased = 2,
  kReservationPreempted = 3,
};
struct ReservationNoticeLog {
  u64 count;  // of notices so far
  u8 type;
  u8 available;  // further notices
  u8 reserved10[2];
  u32 nsid;
  u8 reserved16[48];
};
static_assert(sizeof(ReservationNoticeLog) == 64);

// Feature 82h: bit of each type of notice that is masked.
constexpr u32 notice_mask(ReservationNoticeType type) { return 1u << static_cast<u8>(type); }
inline constexpr u32 kNoticeMasks = 0xe;

// RESCAP: persistence through power loss, all types, IEKEY as NVMe 1.3 and later have it.
inline constexpr u8 kRescapAll = 0xff;

}  // namespace nvmev::nvme
