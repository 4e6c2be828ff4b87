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
};
static_assert(sizeof(Registers) == 0x38);
static_assert(offsetof(Registers, cc) == 0x14);
static_assert(offsetof(Registers, csts) == 0x1c);
static_assert(offsetof(Registers, acq) == 0x30);

inline constexpr u32 kVersion20 = 0x00020000;

namespace cap {
inline constexpr u64 kCqr = 1ull << 16;          // queues must be physically contiguous
inline constexpr u64 kWeighted = 1ull << 17;     // AMS: weighted round robin with urgent priority class
inline constexpr u64 kCssNvm = 1ull << 37;       // NVM Command Set
inline constexpr u64 kCssIocs = 1ull << 43;      // one or more I/O command sets (CC.CSS 110b)
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

inline constexpr u32 kSqeShift = 6;  // log2 of an SQE's bytes: CC.IOSQES
inline constexpr u32 kCqeShift = 4;  // log2 of a CQE's bytes: CC.IOCQES

}  // namespace nvmev::nvme
