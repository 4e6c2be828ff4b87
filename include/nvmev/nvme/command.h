// SPDX-License-Identifier: GPL-2.0-only
// Submission and completion queue entries (NVMe 2.0 sections 3.3.3.1 and 3.3.3.2) and opcodes.
#pragma once

#include "nvmev/types.h"

namespace nvmev::nvme {

struct Sqe {
  u8 opcode;
  u8 flags;  // FUSE in bits 1:0, PSDT in bits 7:6
  u16 cid;
  u32 nsid;
  u32 cdw2;
  u32 cdw3;
  u64 mptr;
  u64 prp1;
  u64 prp2;
  u32 cdw10;
  u32 cdw11;
  u32 cdw12;
  u32 cdw13;
  u32 cdw14;
  u32 cdw15;

  constexpr u8 fuse() const { return flags & 0x3; }
  constexpr u8 psdt() const { return flags >> 6; }
  // SLBA of the NVM Command Set's commands.
  constexpr u64 slba() const { return cdw10 | static_cast<u64>(cdw11) << 32; }
};
static_assert(sizeof(Sqe) == 64);

// SGL descriptor, section 4.1.2.
enum class SglType : u8 { kDataBlock = 0, kBitBucket = 1, kSegment = 2, kLastSegment = 3 };

struct SglDescriptor {
  u64 address;
  u32 length;  // bytes
  u8 reserved[3];
  u8 identifier;  // type in bits 7:4, sub type in bits 3:0

  constexpr SglType type() const { return static_cast<SglType>(identifier >> 4); }
  constexpr u8 sub_type() const { return identifier & 0xf; }
};
static_assert(sizeof(SglDescriptor) == 16);

struct Cqe {
  u32 dw0;
  u32 dw1;
  u16 sq_head;
  u16 sq_id;
  u16 cid;
  u16 phase_status;  // phase tag in bit 0, status field in bits 15:1
};
static_assert(sizeof(Cqe) == 16);

// Sqe::fuse().
inline constexpr u8 kFuseFirst = 1;
inline constexpr u8 kFuseSecond = 2;

enum class AdminOpcode : u8 {
  kDeleteIoSq = 0x00,
  kCreateIoSq = 0x01,
  kGetLogPage = 0x02,
  kDeleteIoCq = 0x04,
  kCreateIoCq = 0x05,
  kIdentify = 0x06,
  kAbort = 0x08,
  kSetFeatures = 0x09,
  kGetFeatures = 0x0a,
  kAsyncEventRequest = 0x0c,
  kNamespaceManagement = 0x0d,
  kFirmwareCommit = 0x10,
  kFirmwareDownload = 0x11,
  kDeviceSelfTest = 0x14,
  kNamespaceAttachment = 0x15,
  kKeepAlive = 0x18,
  kDirectiveSend = 0x19,
  kDirectiveReceive = 0x1a,
  kVirtualizationManagement = 0x1c,
  kDoorbellBufferConfig = 0x7c,
  kFormatNvm = 0x80,
  kSecuritySend = 0x81,
  kSecurityReceive = 0x82,
  kSanitize = 0x84,
  kGetLbaStatus = 0x86,
};

enum class NvmOpcode : u8 {
  kFlush = 0x00,
  kWrite = 0x01,
  kRead = 0x02,
  kWriteUncorrectable = 0x04,
  kCompare = 0x05,
  kWriteZeroes = 0x08,
  kDatasetManagement = 0x09,
  kVerify = 0x0c,
  kReservationRegister = 0x0d,
  kReservationReport = 0x0e,
  kReservationAcquire = 0x11,
  kReservationRelease = 0x15,
  kIoManagementReceive = 0x12,
  kCopy = 0x19,
  kIoManagementSend = 0x1d,
};

// QPRIO of Create I/O Submission Queue: for weighted round robin arbitration.
enum class QueuePriority : u8 { kUrgent = 0, kHigh = 1, kMedium = 2, kLow = 3 };

inline constexpr u32 kNsidBroadcast = 0xffffffff;

// Command Set Identifiers, NVMe 2.0 section 3.1.2.
enum class Csi : u8 { kNvm = 0, kKeyValue = 1, kZoned = 2 };

// Dataset Management range, NVM Command Set 1.0 section 3.2.3.
struct DsmRange {
  u32 attributes;
  u32 nlb;  // 1-based
  u64 slba;
};
static_assert(sizeof(DsmRange) == 16);
inline constexpr u32 kMaxDsmRanges = 256;

// Copy source range, descriptor formats 0 and 2: NVM Command Set 1.0 section 3.2.2.
struct CopyRange {
  u32 snsid;  // format 2
  u32 reserved4;
  u64 slba;
  u16 nlb;  // 0-based
  u8 reserved18[6];
  u32 elbt;  // Expected Logical Block Tags: storage and reference tag
  u16 elbat;
  u16 elbatm;
};
static_assert(sizeof(CopyRange) == 32);
// Descriptor formats 1 and 3, for guards of 32 and 64 bits.
struct CopyRangeLong {
  u32 snsid;  // format 3
  u32 reserved4;
  u64 slba;
  u16 nlb;  // 0-based
  u8 reserved18[8];
  u8 elbt[10];  // most significant byte first; of a guard of 64 bits the last six
  u16 elbat;
  u16 elbatm;
};
static_assert(sizeof(CopyRangeLong) == 40);
inline constexpr u32 kMaxCopyRanges = 128;

}  // namespace nvmev::nvme
