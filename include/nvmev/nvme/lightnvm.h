// SPDX-License-Identifier: GPL-2.0-only
// Open-channel SSDs (LightNVM): Open-Channel Solid State Drives Specification 1.2 (April 2016) and 2.0 (January 2018).
#pragma once

#include "nvmev/types.h"

namespace nvmev::nvme {

// Vendor specific admin commands.
inline constexpr u8 kSetChunkInformation = 0xc1;  // 2.0: the opposite of Get Log Page CAh
inline constexpr u8 kOcGeometry = 0xe2;           // both versions
inline constexpr u8 kGetL2pTable = 0xea;          // 1.2
inline constexpr u8 kSetBadBlockTable = 0xf1;     // 1.2
inline constexpr u8 kGetBadBlockTable = 0xf2;     // 1.2

// I/O commands.
inline constexpr u8 kHybridWrite = 0x81;  // 1.2
inline constexpr u8 kVectorErase = 0x90;  // 2.0: vector chunk reset
inline constexpr u8 kVectorWrite = 0x91;
inline constexpr u8 kVectorRead = 0x92;
inline constexpr u8 kVectorCopy = 0x93;  // 2.0

// Addresses in a list: the bitmap of those that failed has 64 bits.
inline constexpr u32 kMaxVector = 64;

// Identify Namespace, vendor specific byte 0: the namespace is an open-channel SSD.
inline constexpr u8 kOcNamespace = 1;

// Media Feedback (feature CAh).
inline constexpr u32 kHighEcc = 1u << 0;        // scalar reads may end with High ECC
inline constexpr u32 kVectorHighEcc = 1u << 1;  // vector reads




// ---- 1.2 -----------------------------------------------------------------------------------------------------------

// Bits 1:0 of the control field: how many planes work at once.
inline constexpr u32 kPlaneModeMask = 0x3;
inline constexpr u32 kPlaneModeQuad = 2;

// State of a block of a plane, in the bad block table.
namespace block_type {
inline constexpr u8 kFree = 0;
inline constexpr u8 kBad = 1;            // factory bad
inline constexpr u8 kGrownBad = 2;
inline constexpr u8 kDeviceReserved = 4;
inline constexpr u8 kHostReserved = 8;
}  // namespace block_type

struct AddressField12 {
  u8 offset;
  u8 length;  // bits
};

struct [[gnu::packed]] Geometry12 {
  u8 ver;
  u8 vmnt;
  u8 cgrps;
  u8 reserved3;
  u32 cap;  // bit 0 bad block table, bit 1 hybrid command support
  u32 dom;  // bit 0: the device maps logical blocks
  AddressField12 ch, lun, pln, blk, pg, sec;
  u8 reserved24[232];
  struct [[gnu::packed]] {
    u8 mtype;
    u8 fmtype;
    u16 reserved2;
    u8 num_ch;
    u8 num_lun;
    u8 num_pln;
    u8 reserved7;
    u16 num_blk;
    u16 num_pg;
    u16 fpg_sz;
    u16 csecs;
    u16 sos;
    u16 reserved18;
    u32 trdt, trdm, tprt, tprm, tbet, tbem;  // ns
    u32 mpos;
    u32 mccap;
    u16 cpar;
    u8 reserved54[10];
    u8 pair_id[8];
    u16 pair_count;
    u8 pairs[886];
  } group;
  u8 reserved1216[2880];
};
static_assert(sizeof(Geometry12) == 4096);
static_assert(offsetof(Geometry12, ch) == 12);
static_assert(offsetof(Geometry12, group) == 256);
static_assert(sizeof(Geometry12::group) == 960);
static_assert(offsetof(Geometry12, group.trdt) == 256 + 20);
static_assert(offsetof(Geometry12, group.mpos) == 256 + 44);
static_assert(offsetof(Geometry12, group.pairs) == 256 + 74);

struct BadBlockTableHeader {
  char tblid[4];  // "BBLT"
  u16 verid;
  u16 revid;
  u32 reserved8;
  u32 tblks;   // entries that follow, a byte each
  u32 tfact;   // of these, factory bad
  u32 tgrown;  // grown bad
  u32 tdresv;  // reserved by the device
  u32 thresv;  // reserved by the host
  u32 reserved32[8];
};
static_assert(sizeof(BadBlockTableHeader) == 64);

// Entry of the L2P table that maps nowhere.
inline constexpr u64 kUnmapped = ~0ull;

// ---- 2.0 -----------------------------------------------------------------------------------------------------------

namespace mccap {
inline constexpr u32 kVectorCopy = 1u << 0;
inline constexpr u32 kMultipleResets = 1u << 1;  // free chunks may be reset
inline constexpr u32 kEarlyReset = 1u << 2;      // open chunks may be reset
}  // namespace mccap

struct Geometry20 {
  u8 mjr;
  u8 mnr;
  u8 reserved2[6];
  u8 grp_len, pu_len, chk_len, lba_len;  // bits
  u8 reserved12[4];
  u32 mccap;
  u8 reserved20[12];
  u8 wit;
  u8 reserved33[31];
  u16 num_grp;
  u16 num_pu;
  u32 num_chk;
  u32 clba;
  u8 reserved76[52];
  u32 ws_min;
  u32 ws_opt;
  u32 mw_cunits;
  u32 maxoc;
  u32 maxocpu;
  u8 reserved148[44];
  u32 trdt, trdm, twrt, twrm, tcrst, tcrsm;  // ns
  u8 reserved216[2856];
  u8 vendor[1024];
};
static_assert(sizeof(Geometry20) == 4096);
static_assert(offsetof(Geometry20, num_grp) == 64);
static_assert(offsetof(Geometry20, ws_min) == 128);
static_assert(offsetof(Geometry20, trdt) == 192);
static_assert(offsetof(Geometry20, vendor) == 3072);

enum class ChunkState : u8 { kFree = 1, kClosed = 2, kOpen = 4, kOffline = 8 };

namespace chunk_type {
inline constexpr u8 kSequential = 1;
inline constexpr u8 kRandom = 2;
inline constexpr u8 kResized = 16;  // cnlb differs from the geometry's clba
}  // namespace chunk_type

// Log page CAh, one for each chunk in the order of group, parallel unit, chunk.
struct ChunkDescriptor {
  u8 state;
  u8 type;
  u8 wear_index;
  u8 reserved3[5];
  u64 slba;
  u64 cnlb;
  u64 wp;  // relative to slba; all ones where it means nothing
};
static_assert(sizeof(ChunkDescriptor) == 32);
inline constexpr u64 kNoChunkPointer = ~0ull;

namespace chunk_event {
inline constexpr u16 kRefreshLow = 1;
inline constexpr u16 kRefreshMedium = 2;
inline constexpr u16 kRefreshHigh = 4;
inline constexpr u16 kUnrecoverable = 8;
inline constexpr u16 kRefreshed = 16;
inline constexpr u16 kWear = 256;  // the wear index is further from the mean than WIT
inline constexpr u8 kOfLba = 1;
inline constexpr u8 kOfChunk = 2;
inline constexpr u8 kOfUnit = 4;
}  // namespace chunk_event

// Log page D0h, newest first.
struct ChunkNotification {
  u64 count;  // of all notifications so far, from 1; 0: unused entry
  u64 lba;
  u32 nsid;
  u16 state;
  u8 mask;
  u8 reserved23[9];
  u16 nlb;  // 0-based
  u8 reserved34[30];
};
static_assert(sizeof(ChunkNotification) == 64);
static_assert(offsetof(ChunkNotification, nsid) == 16 && offsetof(ChunkNotification, nlb) == 32);
inline constexpr u32 kChunkNotifications = 64;

}  // namespace nvmev::nvme
