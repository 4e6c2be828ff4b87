// SPDX-License-Identifier: GPL-2.0-only
// Status field of a completion queue entry: NVMe 2.0 section 3.3.3.2.1.
#pragma once

#include "nvmev/types.h"

namespace nvmev::nvme {

// Status Code Type in bits 10:8, Status Code in bits 7:0: the status field without phase, CRD, More and DNR.
enum class Status : u16 {
  // Generic Command Status
  kSuccess = 0x000,
  kInvalidOpcode = 0x001,
  kInvalidField = 0x002,
  kDataTransferError = 0x004,
  kAbortedPowerLoss = 0x005,
  kInternalError = 0x006,
  kAbortRequested = 0x007,
  kAbortedSqDeletion = 0x008,
  kFailedFusedCommand = 0x009,
  kMissingFusedCommand = 0x00a,
  kInvalidNamespaceOrFormat = 0x00b,
  kCommandSequenceError = 0x00c,
  kHostIdInconsistentFormat = 0x018,
  kKeepAliveExpired = 0x019,
  kKeepAliveTimeoutInvalid = 0x01a,
  kSanitizeFailed = 0x01c,
  kSanitizeInProgress = 0x01d,
  kInvalidPrpOffset = 0x013,
  kInvalidUseOfCmb = 0x012,
  kInvalidSglSegmentDescriptor = 0x00d,
  kInvalidNumberOfSglDescriptors = 0x00e,
  kSglDataLengthInvalid = 0x00f,
  kSglDescriptorTypeInvalid = 0x011,
  kAtomicWriteUnitExceeded = 0x014,
  kNamespaceWriteProtected = 0x020,
  kLbaOutOfRange = 0x080,
  kCapacityExceeded = 0x081,
  kNamespaceNotReady = 0x082,
  kReservationConflict = 0x083,
  kFormatInProgress = 0x084,
  kInvalidValueSize = 0x085,
  kInvalidKeySize = 0x086,
  kKeyDoesNotExist = 0x087,
  kUnrecoveredError = 0x088,
  kKeyExists = 0x089,

  // Command Specific Status
  kCompletionQueueInvalid = 0x100,
  kInvalidQueueIdentifier = 0x101,
  kInvalidQueueSize = 0x102,
  kAbortLimitExceeded = 0x103,
  kAsyncEventLimitExceeded = 0x105,
  kInvalidInterruptVector = 0x108,
  kInvalidFirmwareSlot = 0x106,
  kInvalidFirmwareImage = 0x107,
  kInvalidLogPage = 0x109,
  kInvalidFormat = 0x10a,
  kInvalidQueueDeletion = 0x10c,
  kFeatureNotSaveable = 0x10d,
  kFeatureNotChangeable = 0x10e,
  kFeatureNotNamespaceSpecific = 0x10f,
  kFirmwareNeedsReset = 0x111,  // Firmware Activation Requires Controller Level Reset
  kOverlappingRange = 0x114,
  kInsufficientCapacity = 0x115,
  kNsidUnavailable = 0x116,
  kNamespaceAlreadyAttached = 0x118,
  kNamespaceIsPrivate = 0x119,
  kNamespaceNotAttached = 0x11a,
  kThinProvisioningNotSupported = 0x11b,
  kControllerListInvalid = 0x11c,
  kSelfTestInProgress = 0x11d,
  kInvalidControllerIdentifier = 0x11f,
  kInvalidSecondaryState = 0x120,      // Invalid Secondary Controller State
  kInvalidNumberOfResources = 0x121,   // Invalid Number of Controller Resources
  kInvalidResourceIdentifier = 0x122,
  kSanitizeWithPmr = 0x123,  // Sanitize Prohibited While Persistent Memory Region is Enabled
  kAnaGroupIdInvalid = 0x124,
  kIoCommandSetNotSupported = 0x129,
  kCommandSetCombinationRejected = 0x12b,
  kInvalidIoCommandSet = 0x12c,
  kInvalidProtectionInformation = 0x181,
  kCommandSizeLimitExceeded = 0x183,
  kIncompatibleNamespaceOrFormat = 0x185,
  kOverlappingIoRange = 0x187,
  kInvalidZoneOperation = 0x1b6,  // Zoned Namespace Command Set, figure 10 onwards
  kZrwaUnavailable = 0x1b7,
  kZoneBoundaryError = 0x1b8,
  kZoneIsFull = 0x1b9,
  kZoneIsReadOnly = 0x1ba,
  kZoneIsOffline = 0x1bb,
  kZoneInvalidWrite = 0x1bc,
  kTooManyActiveZones = 0x1bd,
  kTooManyOpenZones = 0x1be,
  kInvalidZoneTransition = 0x1bf,
  kLbaListSglLength = 0x1c1,  // open-channel SSD 2.0

  // Path Related Status. Bit 15 is no part of what is sent: the key-value SSD prototypes have other meanings for the same codes.
  kAnaPersistentLoss = 0x8301,
  kAnaInaccessible = 0x8302,
  kAnaTransition = 0x8303,

  // Media and Data Integrity Errors
  kWriteFault = 0x280,
  kUnrecoveredReadError = 0x281,
  kGuardCheckError = 0x282,  // End-to-end Guard Check Error, and so on
  kApplicationTagCheckError = 0x283,
  kReferenceTagCheckError = 0x284,
  kCompareFailure = 0x285,
  kUnwrittenBlock = 0x287,  // Deallocated or Unwritten Logical Block
  kStorageTagCheckError = 0x288,
  // Open-channel SSD 2.0
  kOfflineChunk = 0x2c0,
  kInvalidReset = 0x2c1,
  kHighEcc = 0x2d0,
  kWriteNextUnit = 0x2f0,
  kChunkClosedEarly = 0x2f1,  // write failure
  kOutOfOrderWrite = 0x2f2,
  // Open-channel SSD 1.2
  kEmptyPage = 0x2ff,
  kVectorWriteFailure = 0x0ff,

  // Vendor specific, as the key-value SSD prototypes have them
  kVendorInvalidValueSize = 0x301,
  kVendorInvalidValueOffset = 0x302,
  kVendorInvalidKeySize = 0x303,
  kVendorInvalidOption = 0x304,
  kVendorKeyDoesNotExist = 0x310,
  kVendorUnrecoveredError = 0x311,
  kVendorCapacityExceeded = 0x312,
  kVendorKeyExists = 0x380,
  kIteratorDoesNotExist = 0x390,
  kTooManyIterators = 0x391,
  kIteratorFinished = 0x393,  // and the data are valid
};

inline constexpr u16 kDoNotRetry = 1u << 14;

// Whether the same command would fail again: everything but what an abort, a format or a reset brought about, and what was too much at once.
constexpr bool do_not_retry(Status status) {
  switch (status) {
    case Status::kSuccess:
    case Status::kAbortedPowerLoss:
    case Status::kAbortRequested:
    case Status::kAbortedSqDeletion:
    case Status::kNamespaceNotReady:
    case Status::kFormatInProgress:
    case Status::kSanitizeInProgress:
    case Status::kSelfTestInProgress:
    case Status::kAbortLimitExceeded:
    case Status::kAsyncEventLimitExceeded:
    case Status::kAnaPersistentLoss:  // not on this path
    case Status::kAnaInaccessible:
    case Status::kAnaTransition:
      return false;
    default:
      return true;
  }
}

// Bits 15:1 of the last CQE word's upper half, right-aligned: SC, SCT and DNR.
constexpr u16 status_field(Status status) {
  constexpr u16 kCode = 0x7ff;
  return static_cast<u16>((static_cast<u16>(status) & kCode) | (do_not_retry(status) ? kDoNotRetry : 0));
}

}  // namespace nvmev::nvme
