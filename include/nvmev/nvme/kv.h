// SPDX-License-Identifier: GPL-2.0-only
// NVMe Key Value Command Set 1.0, and the vendor specific commands of earlier key-value SSD prototypes.
#pragma once

#include "nvmev/nvme/command.h"
#include "nvmev/text.h"
#include "nvmev/types.h"

namespace nvmev::nvme {

// Section 3.2. Flush (00h) is that of all command sets.
enum class KvOpcode : u8 {
  kStore = 0x01,
  kRetrieve = 0x02,
  kList = 0x06,
  kDelete = 0x10,
  kExist = 0x14,
};

enum class KvVendorOpcode : u8 {
  kStore = 0x81,
  kAppend = 0x83,
  kBatch = 0x85,
  kRetrieve = 0x90,
  kDelete = 0xa1,
  kIteratorRequest = 0xb1,
  kIteratorRead = 0xb2,
  kExist = 0xb3,
};

inline constexpr u32 kKvMaxKey = 16;  // bytes

// The key of up to 16 bytes in a command: its first half in CDW2-3, the rest in CDW14-15.
inline void kv_key(const Sqe& sqe, u8 (&key)[kKvMaxKey]) {
  memcpy(key, &sqe.cdw2, 8);
  memcpy(key + 8, &sqe.cdw14, 8);
}
inline void set_kv_key(Sqe& sqe, const void* bytes, u32 length) {
  u8 key[kKvMaxKey]{};
  memcpy(key, bytes, length < kKvMaxKey ? length : kKvMaxKey);
  memcpy(&sqe.cdw2, key, 8);
  memcpy(&sqe.cdw14, key + 8, 8);
}

// CDW11 of Store: store options.
namespace kv_store {
inline constexpr u32 kMustExist = 1u << 8;      // do not store if the key does not exist
inline constexpr u32 kMustNotExist = 1u << 9;   // do not store if it exists
inline constexpr u32 kNoCompression = 1u << 10;
inline constexpr u32 kReserved = 0x1fu << 11;
}  // namespace kv_store

// CDW11 of Retrieve: retrieve options.
namespace kv_retrieve {
inline constexpr u32 kRaw = 1u << 8;  // do not decompress
inline constexpr u32 kReserved = 0x7fu << 9;
}  // namespace kv_retrieve

// What List returns: this, then for each key its length in 2 bytes, the key, and zeros up to a multiple of 4 bytes.
struct KvListHeader {
  u32 returned;  // keys
};
static_assert(sizeof(KvListHeader) == 4);

struct KvFormat {
  u16 key_length;  // KVKML: largest key, bytes
  u8 reserved2;
  u8 options;
  u32 value_length;  // KVVML: largest value, bytes
  u32 keys;          // MNKS: largest number of keys; 0: no limit but room
  u8 reserved12[4];
};
static_assert(sizeof(KvFormat) == 16);

// Identify CNS 05h with CSI 1.
struct [[gnu::packed]] IdentifyKvNamespace {
  u64 nsze;  // bytes
  u8 reserved8[8];
  u64 nuse;  // bytes
  u8 nsfeat;
  u8 nkvf;  // 0-based
  u8 nmic;
  u8 rescap;
  u8 fpi;
  u8 reserved29[3];
  u32 novg;  // bytes of value for which performance is best
  u32 anagrpid;
  u8 reserved40[3];
  u8 nsattr;
  u16 nvmsetid;
  u16 endgid;
  u8 nguid[16];
  u8 eui64[8];
  KvFormat kvf[16];
  u8 reserved328[3512];
  u8 vendor[256];
};
static_assert(sizeof(IdentifyKvNamespace) == 4096);
static_assert(offsetof(IdentifyKvNamespace, novg) == 32);
static_assert(offsetof(IdentifyKvNamespace, nguid) == 48);
static_assert(offsetof(IdentifyKvNamespace, kvf) == 72);

// ---- Vendor specific ---------------------------------------------------------------------------------------------------
//
// CDW10: dwords of value. CDW11: key length - 1 in bits 7:0, option in bits 15:8, bytes of the last dword that do not count in
// bits 17:16. CDW12-15: the key, or for keys of more than 16 bytes two PRP entries that point to it. CDW4: offset in the value.

inline constexpr u32 kKvVendorMaxKey = 255;

namespace kv_vendor {
inline constexpr u8 kStoreCompress = 1 << 0;       // a hint
inline constexpr u8 kStoreMustNotExist = 1 << 1;   // "idempotent"
inline constexpr u8 kStoreCompressLater = 1 << 2;  // a hint
inline constexpr u8 kStoreOptions = 7;
inline constexpr u8 kRetrieveDecompress = 1 << 0;  // a hint
inline constexpr u8 kRetrieveLength = 1 << 1;      // the value's length only
inline constexpr u8 kRetrieveOptions = 3;
inline constexpr u8 kDeleteCheck = 1 << 0;  // the key must exist
inline constexpr u8 kIteratorOpen = 1 << 0;
inline constexpr u8 kIteratorClose = 1 << 1;
inline constexpr u8 kIteratorKeys = 1 << 2;  // keys without values, which is what there is
}  // namespace kv_vendor

// Batch: up to 8 commands, described at the beginning of the data. Behind these 512 bytes follow the commands' own data, each
// in a block that begins on a multiple of 64 bytes: 64 bytes of header, the key and the value, both padded to a multiple of 64.
struct KvBatchCommand {
  u8 opcode;  // of KvVendorOpcode: store or delete; A0h is delete, too
  u8 key_length;
  u8 reserved2[2];
  u32 value_length;  // bytes
  u8 option;
  u8 space;
  u8 reserved10[6];
};
static_assert(sizeof(KvBatchCommand) == 16);
inline constexpr u32 kKvBatchCommands = 8;
inline constexpr u32 kKvBatchHeader = 512;
inline constexpr u32 kKvBatchAlign = 64;

}  // namespace nvmev::nvme
