// SPDX-License-Identifier: GPL-2.0-only
// Controller registers: NVMe 2.0 section 3.1.3, NVMe over PCIe Transport 1.0 section 3.1.2.
#pragma once

#include "nvmev/types.h"

namespace nvmev::nvme {

struct Registers {
  u64 cap;
  u32 vs;
  u32 intms;
  u32 intmc;
  u32 cc;
  u32 reserved18;
  u32 csts;
  u32 nssr;
  u32 aqa;
  u64 asq;
  u64 acq;
  u32 cmbloc;
  u32 cmbsz;
  u32 bpinfo;
  u32 bprsel;
  u64 bpmbl;
  u64 cmbmsc;
  u32 cmbsts;
  u32 cmbebs;
  u32 cmbswtp;
  u32 nssd;
  u32 crto;
};
static_assert(offsetof(Registers, crto) == 0x68);
static_assert(offsetof(Registers, cc) == 0x14);
static_assert(offsetof(Registers, csts) == 0x1c);
static_assert(offsetof(Registers, acq) == 0x30);

// Of the Persistent Memory Region.
struct PmrRegisters {
  u32 pmrcap;
  u32 pmrctl;
  u32 pmrsts;
  u32 pmrebs;
  u32 pmrswtp;
  u32 pmrmscl;
  u32 pmrmscu;
};
inline constexpr u32 kPmrRegisters = 0xe00;  // where they are
static_assert(sizeof(PmrRegisters) == 0x1c);

inline constexpr u32 kVersion20 = 0x00020000;

namespace cap {
inline constexpr u64 kCqr = 1ull << 16;          // queues must be physically contiguous
inline constexpr u64 kWeighted = 1ull << 17;     // AMS: weighted round robin with urgent priority class
inline constexpr u64 kCssNvm = 1ull << 37;       // NVM Command Set
inline constexpr u64 kCssIocs = 1ull << 43;      // one or more I/O command sets (CC.CSS 110b)
inline constexpr u64 kPmrs = 1ull << 56;         // Persistent Memory Region
inline constexpr u64 kCmbs = 1ull << 57;         // Controller Memory Buffer
inline constexpr u64 kCrwms = 1ull << 59;        // CRMS: Controller Ready With Media, which version 2.0 asks for
constexpr u64 mqes(u32 entries) { return entries - 1; }  // 0-based
constexpr u64 timeout(u8 half_seconds) { return static_cast<u64>(half_seconds) << 24; }
}  // namespace cap

namespace cc {
inline constexpr u32 kEnable = 1u << 0;
constexpr u32 css(u32 cc) { return cc >> 4 & 0x7; }
constexpr u32 mps(u32 cc) { return cc >> 7 & 0xf; }
constexpr u32 ams(u32 cc) { return cc >> 11 & 0x7; }
constexpr u32 shn(u32 cc) { return cc >> 14 & 0x3; }
constexpr u32 iosqes(u32 cc) { return cc >> 16 & 0xf; }
constexpr u32 iocqes(u32 cc) { return cc >> 20 & 0xf; }

inline constexpr u32 kAmsWeighted = 1;
inline constexpr u32 kCssNvm = 0;
inline constexpr u32 kCssAllIocs = 6;
inline constexpr u32 kCssAdminOnly = 7;
}  // namespace cc

namespace csts {
inline constexpr u32 kReady = 1u << 0;
inline constexpr u32 kFatal = 1u << 1;
inline constexpr u32 kShutdownMask = 3u << 2;
inline constexpr u32 kShutdownOccurring = 1u << 2;
inline constexpr u32 kShutdownComplete = 2u << 2;
}  // namespace csts

namespace aqa {
constexpr u32 asqs(u32 aqa) { return (aqa & 0xfff) + 1; }        // entries
constexpr u32 acqs(u32 aqa) { return (aqa >> 16 & 0xfff) + 1; }  // entries
inline constexpr u32 kMaxEntries = 4096;
}  // namespace aqa

namespace crto {
constexpr u32 with_media(u16 half_seconds) { return half_seconds; }  // CRWMT
}  // namespace crto

namespace cmbloc {
constexpr u32 bir(u32 bar) { return bar; }
inline constexpr u32 kMixedList = 1u << 5;       // CDPMLS: a list may be partly in the buffer
inline constexpr u32 kIndependentList = 1u << 6;  // CDPCILS: a list may be there when its command is not
inline constexpr u32 kMixedData = 1u << 7;       // CDMMMS: so may data and metadata
}  // namespace cmbloc

namespace cmbsz {
inline constexpr u32 kSubmissionQueues = 1u << 0;  // SQS
inline constexpr u32 kCompletionQueues = 1u << 1;  // CQS
inline constexpr u32 kLists = 1u << 2;             // LISTS
inline constexpr u32 kReadData = 1u << 3;          // RDS
inline constexpr u32 kWriteData = 1u << 4;         // WDS
constexpr u32 pages(u64 bytes) { return static_cast<u32>(bytes >> 12) << 12; }  // SZ, with SZU 0: 4 KiB
}  // namespace cmbsz

// CMBMSC; CMSE and CBA of PMRMSCL and PMRMSCU are at the same places.
namespace memory_space {
inline constexpr u64 kCapabilities = 1ull << 0;  // CRE
inline constexpr u64 kEnable = 1ull << 1;        // CMSE
inline constexpr u64 kBaseMask = ~0xfffull;      // CBA
}  // namespace memory_space

namespace cmbsts {
inline constexpr u32 kBaseInvalid = 1u << 0;  // CBAI
}  // namespace cmbsts

namespace pmrcap {
inline constexpr u32 kReadData = 1u << 3;           // RDS
inline constexpr u32 kWriteData = 1u << 4;          // WDS
inline constexpr u32 kReadIsBarrier = 1u << 10;     // PMRWBM: a read of the region, after which earlier writes are persistent
inline constexpr u32 kStatusIsBarrier = 1u << 11;   // PMRWBM: a read of PMRSTS
inline constexpr u32 kMemorySpace = 1u << 24;       // CMSS
constexpr u32 bir(u32 bar) { return bar << 5; }
constexpr u32 timeout(u8 half_seconds) { return static_cast<u32>(half_seconds) << 16; }  // PMRTO, with PMRTU 0
}  // namespace pmrcap

namespace pmrctl {
inline constexpr u32 kEnable = 1u << 0;
}  // namespace pmrctl

namespace pmrsts {
inline constexpr u32 kNotReady = 1u << 8;      // NRDY
inline constexpr u32 kBaseInvalid = 1u << 12;  // CBAI
}  // namespace pmrsts

inline constexpr u32 kSqeShift = 6;  // log2 of an SQE's bytes: CC.IOSQES
inline constexpr u32 kCqeShift = 4;  // log2 of a CQE's bytes: CC.IOCQES

}  // namespace nvmev::nvme
