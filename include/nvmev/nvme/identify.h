// SPDX-License-Identifier: GPL-2.0-only
// Identify data structures: NVMe 2.0 section 5.17.2, NVM Command Set 1.0 section 4.1.5.
#pragma once

#include "nvmev/types.h"

namespace nvmev::nvme {

enum class Cns : u8 {
  kNamespace = 0x00,
  kController = 0x01,
  kActiveNamespaces = 0x02,
  kNamespaceDescriptors = 0x03,
  kNvmSets = 0x04,
  kCsiNamespace = 0x05,
  kCsiController = 0x06,
  kCsiActiveNamespaces = 0x07,
  kIndependentNamespace = 0x08,
  kAllocatedNamespaces = 0x10,
  kAllocatedNamespace = 0x11,
  kNamespaceControllers = 0x12,
  kControllers = 0x13,
  kPrimaryCapabilities = 0x14,
  kSecondaryControllers = 0x15,
  kNamespaceGranularity = 0x16,
  kUuids = 0x17,
  kDomains = 0x18,
  kEnduranceGroups = 0x19,
  kCsiAllocatedNamespaces = 0x1a,
  kCsiAllocatedNamespace = 0x1b,
  kCommandSets = 0x1c,
  kIndependentAllocatedNamespace = 0x1f,
};

// Figure 276.
struct PowerState {
  u16 max_power;  // centiwatts
  u8 reserved2;
  u8 flags;
  u32 entry_latency;  // us
  u32 exit_latency;   // us
  u8 relative[4];
  u8 reserved16[16];
};
static_assert(sizeof(PowerState) == 32);
inline constexpr u8 kPowerUnits = 1u << 0;           // MXPS: max_power in units of 0.0001 W
inline constexpr u8 kPowerNonOperational = 1u << 1;  // NOPS

// Figure 275.
struct [[gnu::packed]] IdentifyController {
  u16 vid;
  u16 ssvid;
  char sn[20];
  char mn[40];
  char fr[8];
  u8 rab;
  u8 ieee[3];
  u8 cmic;
  u8 mdts;
  u16 cntlid;
  u32 ver;
  u32 rtd3r;
  u32 rtd3e;
  u32 oaes;
  u32 ctratt;
  u16 rrls;
  u8 reserved102[9];
  u8 cntrltype;
  u8 fguid[16];
  u16 crdt[3];
  u8 reserved134[119];
  u8 nvmsr;
  u8 vwci;
  u8 mec;
  u16 oacs;
  u8 acl;
  u8 aerl;
  u8 frmw;
  u8 lpa;
  u8 elpe;
  u8 npss;
  u8 avscc;
  u8 apsta;
  u16 wctemp;
  u16 cctemp;
  u16 mtfa;
  u32 hmpre;
  u32 hmmin;
  u8 tnvmcap[16];
  u8 unvmcap[16];
  u32 rpmbs;
  u16 edstt;
  u8 dsto;
  u8 fwug;
  u16 kas;
  u16 hctma;
  u16 mntmt;
  u16 mxtmt;
  u32 sanicap;
  u32 hmminds;
  u16 hmmaxd;
  u16 nsetidmax;
  u16 endgidmax;
  u8 anatt;
  u8 anacap;
  u32 anagrpmax;
  u32 nanagrpid;
  u32 pels;
  u16 domain_id;
  u8 reserved358[10];
  u8 megcap[16];
  u8 reserved384[128];
  u8 sqes;
  u8 cqes;
  u16 maxcmd;
  u32 nn;
  u16 oncs;
  u16 fuses;
  u8 fna;
  u8 vwc;
  u16 awun;
  u16 awupf;
  u8 icsvscc;
  u8 nwpc;
  u16 acwu;
  u16 cdfs;
  u32 sgls;
  u32 mnan;
  u8 maxdna[16];
  u32 maxcna;
  u8 reserved564[204];
  char subnqn[256];
  u8 reserved1024[768];
  u8 fabrics[256];
  PowerState psd[32];
  u8 vendor[1024];
};
static_assert(sizeof(IdentifyController) == 4096);
static_assert(offsetof(IdentifyController, cntrltype) == 111);
static_assert(offsetof(IdentifyController, oacs) == 256);
static_assert(offsetof(IdentifyController, tnvmcap) == 280);
static_assert(offsetof(IdentifyController, sanicap) == 328);
static_assert(offsetof(IdentifyController, sqes) == 512);
static_assert(offsetof(IdentifyController, sgls) == 536);
static_assert(offsetof(IdentifyController, subnqn) == 768);
static_assert(offsetof(IdentifyController, psd) == 2048);

namespace oacs {
inline constexpr u16 kSecurity = 1u << 0;
inline constexpr u16 kFirmware = 1u << 2;
inline constexpr u16 kSelfTest = 1u << 4;
inline constexpr u16 kFormat = 1u << 1;
inline constexpr u16 kNamespaceManagement = 1u << 3;
inline constexpr u16 kDirectives = 1u << 5;
inline constexpr u16 kVirtualization = 1u << 7;
inline constexpr u16 kDoorbellBuffer = 1u << 8;
inline constexpr u16 kLbaStatus = 1u << 9;
}  // namespace oacs

namespace oncs {
inline constexpr u16 kReservations = 1u << 5;
inline constexpr u16 kWriteUncorrectable = 1u << 1;
inline constexpr u16 kVerify = 1u << 7;
inline constexpr u16 kCopy = 1u << 8;
inline constexpr u16 kCopyAtomicity = 1u << 9;  // NVMCSA: the write of a Copy is as atomic as one command's
inline constexpr u16 kAllFastCopy = 1u << 10;   // NVMAFC: no copy is slower than the host's would be
inline constexpr u16 kCompare = 1u << 0;
inline constexpr u16 kDatasetManagement = 1u << 2;
inline constexpr u16 kWriteZeroes = 1u << 3;
inline constexpr u16 kSaveSelect = 1u << 4;
inline constexpr u16 kTimestamp = 1u << 6;
}  // namespace oncs

inline constexpr u16 kFusesCompareAndWrite = 1u << 0;

// FNA: Format NVM has the setting; formats and erasures are of one namespace.
inline constexpr u8 kFnaCryptographicErase = 1u << 2;

namespace sgls {
inline constexpr u32 kByteAligned = 1;  // neither alignment nor granularity is required
inline constexpr u32 kBitBucket = 1u << 16;
inline constexpr u32 kMetadataByteAligned = 1u << 17;  // of a contiguous buffer
inline constexpr u32 kLongerThanData = 1u << 18;
inline constexpr u32 kMetadataSgl = 1u << 19;  // MPTR may point to a descriptor
}  // namespace sgls

namespace lpa {
inline constexpr u8 kCommandEffects = 1u << 1;
inline constexpr u8 kExtendedData = 1u << 2;
inline constexpr u8 kTelemetry = 1u << 3;
inline constexpr u8 kPersistentEvents = 1u << 4;
inline constexpr u8 kSupportedLogs = 1u << 5;  // logs 00h, 12h and 13h, and scopes in log 05h
inline constexpr u8 kTelemetryArea4 = 1u << 6;
}  // namespace lpa

namespace frmw {
inline constexpr u8 kSlot1ReadOnly = 1u << 0;
constexpr u8 slots(u8 slots) { return static_cast<u8>(slots << 1); }
inline constexpr u8 kActivateWithoutReset = 1u << 4;
}  // namespace frmw

// NWPC: write protection, until the next power cycle, permanent.
inline constexpr u8 kWriteProtectionStates = 0x7;

namespace ctratt {
inline constexpr u32 kHostIdentifier128 = 1u << 0;
inline constexpr u32 kNonOperationalPermissive = 1u << 1;
inline constexpr u32 kNvmSets = 1u << 2;
inline constexpr u32 kEnduranceGroups = 1u << 4;
inline constexpr u32 kNamespaceGranularity = 1u << 7;
inline constexpr u32 kUuidList = 1u << 9;
inline constexpr u32 kDomains = 1u << 10;  // MDS
inline constexpr u32 kExtendedFormats = 1u << 15;  // ELBAS
inline constexpr u32 kFlexibleDataPlacement = 1u << 19;
}  // namespace ctratt

inline constexpr u32 kOaesNamespaceAttribute = 1u << 8;
inline constexpr u32 kOaesAnaChange = 1u << 11;
inline constexpr u32 kOaesZoneDescriptor = 1u << 27;
inline constexpr u32 kOaesLbaStatus = 1u << 13;
inline constexpr u32 kOaesEnduranceGroup = 1u << 14;
inline constexpr u32 kOaesFirmwareActivation = 1u << 9;
inline constexpr u8 kVwcPresent = 1u << 0;
inline constexpr u8 kVwcFlushBroadcast = 3u << 1;  // Flush with NSID FFFFFFFFh is supported
inline constexpr u8 kCntrlTypeIo = 1;
// CMIC: the subsystem has several controllers, they report Asymmetric Namespace Access.
inline constexpr u8 kCmicControllers = 1u << 1;
inline constexpr u8 kCmicAna = 1u << 3;

// NVM Command Set 1.0 figure 98.
struct LbaFormat {
  u16 ms;
  u8 lbads;
  u8 rp;
};
static_assert(sizeof(LbaFormat) == 4);

// NVM Command Set 1.0 figure 97.
struct [[gnu::packed]] IdentifyNamespace {
  u64 nsze;
  u64 ncap;
  u64 nuse;
  u8 nsfeat;
  u8 nlbaf;
  u8 flbas;
  u8 mc;
  u8 dpc;
  u8 dps;
  u8 nmic;
  u8 rescap;
  u8 fpi;
  u8 dlfeat;
  u16 nawun;
  u16 nawupf;
  u16 nacwu;
  u16 nabsn;
  u16 nabo;
  u16 nabspf;
  u16 noiob;
  u8 nvmcap[16];
  u16 npwg;
  u16 npwa;
  u16 npdg;
  u16 npda;
  u16 nows;
  u16 mssrl;
  u32 mcl;
  u8 msrc;
  u8 reserved81[11];
  u32 anagrpid;
  u8 reserved96[3];
  u8 nsattr;
  u16 nvmsetid;
  u16 endgid;
  u8 nguid[16];
  u8 eui64[8];
  LbaFormat lbaf[64];
  u8 vendor[3712];
};
static_assert(sizeof(IdentifyNamespace) == 4096);
static_assert(offsetof(IdentifyNamespace, nvmcap) == 48);
static_assert(offsetof(IdentifyNamespace, nguid) == 104);
static_assert(offsetof(IdentifyNamespace, lbaf) == 128);

inline constexpr u8 kNmicShared = 1u << 0;
inline constexpr u8 kNsfeatAtomicUnits = 1u << 1;  // NSABP: NAWUN, NAWUPF and NACWU are valid
inline constexpr u8 kNsfeatDeallocatedError = 1u << 2;  // DAE: feature 05h, DULBE
inline constexpr u8 kNsfeatOptimalPerformance = 1u << 4;  // OPTPERF: NPWG, NPWA, NPDG, NPDA and NOWS are valid
// DLFEAT: deallocated blocks read as zeros (001b), Write Zeroes honours DEAC (bit 3).
inline constexpr u8 kDlfeatZeroes = 1u << 0;
inline constexpr u8 kDlfeatWriteZeroes = 1u << 3;

// MC: metadata as part of an extended block, in a buffer of their own.
inline constexpr u8 kMcInterleaved = 1u << 0;
inline constexpr u8 kMcSeparate = 1u << 1;
// DPC: protection information of types 1 to 3, as the first or the last bytes of the metadata.
inline constexpr u8 kDpcTypes = 0x7;
inline constexpr u8 kDpcFirst = 1u << 3;
inline constexpr u8 kDpcLast = 1u << 4;

// NVM Command Set 1.0 figure 100.
struct [[gnu::packed]] IdentifyNvmNamespace {
  u64 lbstm;
  u8 pic;
  u8 reserved9[3];
  u32 elbaf[64];  // STS in bits 6:0, PIF in bits 8:7
  u8 reserved268[3828];
};
static_assert(sizeof(IdentifyNvmNamespace) == 4096);
inline constexpr u8 kPicStorageTagOf16 = 1u << 0;   // 16BPISTS: guards of 16 bits may have storage tags
inline constexpr u8 kPicWholeMaskOf16 = 1u << 1;    // 16BPISTM: with all bits of LBSTM set
inline constexpr u8 kPicStorageTagReadCheck = 1u << 2;
inline constexpr u32 kElbafPifShift = 7;

// NVMe 2.0 figure 280.
struct IdentifyIndependentNamespace {
  u8 nsfeat;
  u8 nmic;
  u8 rescap;
  u8 fpi;
  u32 anagrpid;
  u8 nsattr;
  u8 reserved9;
  u16 nvmsetid;
  u16 endgid;
  u8 nstat;
  u8 reserved15[4081];
};
static_assert(sizeof(IdentifyIndependentNamespace) == 4096);
inline constexpr u8 kNsattrWriteProtected = 1u << 0;
inline constexpr u8 kNstatReady = 1u << 0;

// NVM Command Set 1.0 figure 102.
struct IdentifyNvmController {
  u8 vsl;
  u8 wzsl;
  u8 wusl;
  u8 dmrl;
  u32 dmrsl;
  u64 dmsl;
  u8 reserved16[4080];
};
static_assert(sizeof(IdentifyNvmController) == 4096);

// NVM Command Set 1.0 section 4.1.5.6: Namespace Granularity List with one descriptor.
struct NamespaceGranularityList {
  u32 attributes;
  u8 descriptors;  // 0-based
  u8 reserved5[27];
  struct {
    u64 size;      // bytes
    u64 capacity;  // bytes
  } descriptor[16];
  u8 reserved288[3808];
};
static_assert(sizeof(NamespaceGranularityList) == 4096);

// NVM Set List, NVMe 2.0 section 5.17.2.4.
struct NvmSetList {
  u8 count;
  u8 reserved1[127];
  struct Entry {
    u16 nvmsetid;
    u16 endgid;
    u8 reserved4[4];
    u32 random_read;  // typical, of 4 KiB: 100 ns; 0: not reported
    u32 optimal_write;  // bytes; 0: not reported
    u8 total_capacity[16];
    u8 unallocated_capacity[16];
    u8 reserved48[80];
  } entry[31];
};
static_assert(sizeof(NvmSetList) == 4096);

// UUID List, NVMe 2.0 section 5.17.2.16.
struct UuidList {
  u8 reserved0[32];
  struct Entry {
    u8 header;  // Identifier Association in bits 1:0; 0: none
    u8 reserved1[15];
    u8 uuid[16];
  } entry[127];
};
static_assert(sizeof(UuidList) == 4096);

// Domain List, NVMe 2.0 section 5.17.2.17.
struct DomainList {
  u8 count;
  u8 reserved1[127];
  struct Entry {
    u16 domain_id;
    u8 reserved2[14];
    u8 total_capacity[16];
    u8 unallocated_capacity[16];
    u8 max_group_capacity[16];
    u8 reserved64[64];
  } entry[31];
};
static_assert(sizeof(DomainList) == 4096);

// NVMe 2.0 figure 278: Namespace Identification Descriptor, header.
struct NamespaceDescriptor {
  u8 nidt;
  u8 nidl;
  u8 reserved2[2];
};
static_assert(sizeof(NamespaceDescriptor) == 4);
enum class Nidt : u8 { kEui64 = 1, kNguid = 2, kUuid = 3, kCsi = 4 };

}  // namespace nvmev::nvme
