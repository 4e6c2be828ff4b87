// SPDX-License-Identifier: GPL-2.0-only
// Open-channel SSDs (LightNVM 1.2 and 2.0) as a device type offers them: the host addresses flash itself.
#pragma once

#include "nvmev/ftl.h"
#include "nvmev/nvme/lightnvm.h"
#include "nvmev/types.h"

namespace nvmev {

// Where sectors lie among the bytes of the namespace. A sector's index counts all sectors of the namespace in the order
// of their addresses, without the gaps that addresses have.
struct SectorLayout {
  u32 sector_bytes;    // power of two
  u32 metadata_bytes;  // of each sector, apart from its data; power of two or 0
  u64 sectors;
  u64 metadata_base;   // byte of the namespace at which the metadata of sector 0 lies

  u64 data_of(u64 sector) const { return sector * sector_bytes; }
  u64 metadata_of(u64 sector) const { return metadata_base + sector * metadata_bytes; }
};

inline constexpr u64 kNoSector = ~0ull;

// Sectors of a command that follow one another in the list and on the medium.
struct SectorRun {
  u64 sector;  // kNoSector: nothing is stored there, and zeros are read
  u32 count;
  u32 at;  // which of the command's sectors is the first
};

// The addresses of a command: a list, or consecutive ones.
struct AddressList {
  const u64* list;  // nullptr: consecutive
  u64 first;
  u32 count;

  u64 operator[](u32 i) const { return list != nullptr ? list[i] : first + i; }
};

enum class VectorOp : u8 { kErase, kWrite, kRead, kCopy, kHybridWrite, kScalarRead, kScalarWrite };

struct VectorRequest {
  VectorOp op;
  AddressList from;
  AddressList to;         // of kCopy
  u64 logical = 0;        // of kHybridWrite: the first logical block, mapped to `from` one by one
  u32 plane_mode = 0;     // 1.2: bits 1:0 of the control field
  bool dulbe = false;     // reads of what is not written fail
  bool feedback = false;  // reads may end with High ECC
  bool check_only = false;  // tell what would be refused, and change nothing
};

struct VectorOutcome {
  u64 done;             // modelled ns, >= now
  nvme::Status status;  // kSuccess, kHighEcc and media failures of a write move the data of `runs`; others move nothing
  u64 failed = 0;       // a bit for each address that failed
  bool moves = true;    // whether `runs` are to be moved; of an erase: whether what did not fail was erased
  u32 runs = 0;
  u32 to_runs = 0;      // of kCopy, behind the others
};

inline constexpr u32 kMaxRuns = 256;

class OpenChannel {
 public:
  // 1 (LightNVM 1.2) or 2 (2.0).
  virtual u32 version() const = 0;

  virtual const SectorLayout& layout() const = 0;

  // Logical blocks that Identify shows: the addresses of 2.0, gaps included; the sectors of 1.2.
  virtual u64 blocks() const = 0;

  // Index of the sector with that address; kNoSector if there is none.
  virtual u64 sector_of(u64 address) const = 0;

  // The sectors that erasing at an address frees, where these follow one another; none otherwise.
  virtual u64 erased_sectors(u64 address, u32 plane_mode, u32* count) const = 0;

  // Fills in a zeroed page: Geometry12 or Geometry20. Any thread.
  virtual void geometry(u8* page) const = 0;

  // Addresses that a vector command may have, at most kMaxVector.
  virtual u32 max_vector() const = 0;

  // Carries out a command in the model: checks the state of what it addresses and changes it. `runs` has room for
  // kMaxRuns. As Ftl::plan().
  virtual VectorOutcome execute(u64 now, const VectorRequest& request, SectorRun* runs) = 0;

  // Takes the oldest notification that was not taken yet (count, nsid are not filled in). As Ftl::plan().
  virtual bool take_notification(nvme::ChunkNotification* notification) = 0;

  // ---- 2.0. As Ftl::plan().
  virtual u64 chunks() const = 0;
  virtual void describe(u64 chunk, nvme::ChunkDescriptor* descriptor) const = 0;
  // kInvalidField if a chunk cannot have that state; changes nothing then.
  virtual nvme::Status set_chunk(u64 chunk, const nvme::ChunkDescriptor& descriptor, bool check_only) = 0;
  // The chunk of an address; chunks() if there is none.
  virtual u64 chunk_of(u64 address) const = 0;

  // ---- 1.2. As Ftl::plan().
  // False unless the address names a LUN.
  virtual bool bad_block_table(u64 address, nvme::BadBlockTableHeader* header, u32* first) const = 0;
  // An entry of the table of all LUNs, from the `first` of a LUN on.
  virtual u8 block_type_of(u32 entry) const = 0;
  virtual nvme::Status set_block_types(const AddressList& blocks, u8 type) = 0;
  virtual bool has_l2p_table() const = 0;
  // The address that a logical block is mapped to; kUnmapped.
  virtual u64 mapped(u64 logical) const = 0;

 protected:
  ~OpenChannel() = default;
};

}  // namespace nvmev
