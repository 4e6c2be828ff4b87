// SPDX-License-Identifier: GPL-2.0-only
// Data phases of commands on blocks that have metadata: each block is moved, and checked, together with its metadata.
#pragma once

#include "io_commands.h"

namespace nvmev {

// Of a command's blocks, what its data pointers and its metadata pointer describe.
struct BlockTransfer {
  u64 bytes;           // PRP1 and PRP2
  u64 metadata_bytes;  // MPTR; 0: it is not used
  u32 stride;          // bytes from block to block behind the data pointers
  bool metadata;       // they go along, behind either
};
BlockTransfer transfer_of(const Namespace& ns, const nvme::Sqe& sqe, u64 blocks);

// Checks PRINFO and the tags of a command on blocks with metadata. `acts`: whether PRACT may be set.
nvme::Status check_protection(const Namespace& ns, const nvme::Sqe& sqe, bool acts);

// As the functions of io_data.h, for tasks with `has_metadata`.
nvme::Status move_blocks_in(Shared& shared, DataBuffer& buffer, Task& task);   // Read
nvme::Status move_blocks_out(Shared& shared, DataBuffer& buffer, Task& task);  // Write
nvme::Status compare_blocks(Shared& shared, DataBuffer& buffer, Task& task);
nvme::Status verify_blocks(Shared& shared, DataBuffer& buffer, Task& task);

// Verify of more than kVerifyBytes with metadata, which are as many blocks as nobody should wait for, goes on in steps (IoCommand::step).
inline constexpr u64 kVerifyBytes = 256 << 10;
bool is_long_verify(const Task& task);
bool verify_step(Shared& shared, Task& task, u64* at);

// ---- Compare and Write of one block, fused (fused.h)

struct FusedOutcome {
  nvme::Status compare;
  nvme::Status write;
};
// Both tasks are checked. `block`: memory for the data of the block.
FusedOutcome fuse_blocks(const IoContext& context, Task& compare, Task& write, u8* block, u64 now);

// ---- Write Zeroes and deallocation

// Takes the memory that zero_blocks() will need for the whole of the task, of at most 65536 blocks. False: there is none.
bool prepare_zeroes(Shared& shared, const Task& task);
// The blocks from byte `at` of the device's address space on, all in one page of the medium.
void zero_blocks(Shared& shared, const Task& task, u64 at, u32 bytes);
void deallocate_blocks(Shared& shared, const Task& task, u64 at, u32 bytes);
// As Medium::skip_unwritten(), of data and metadata; on a page.
u64 skip_unwritten_blocks(Shared& shared, const Task& task, u64 at);

// ---- Power cuts

// The page at `offset`, or blocks of it, are about to be changed by the write that was plan number `plan` of the region.
void note_for_undo(Shared& shared, const Namespace& ns, u64 offset, u64 plan);

// ---- Single blocks, for Copy

// What is kept of the block at `offset`: its metadata as a host sees them, and its guard with these metadata. Under the lock of
// its page (Metadata::lock_of).
void load_metadata(Shared& shared, const Namespace& ns, u64 offset, u8* metadata);
u64 guard_of(Shared& shared, const Protection& protection, u64 offset, u32 bytes, const u8* metadata);
// The other way round; consumes `metadata`. Its memory has been prepared.
bool store_metadata(Shared& shared, const Namespace& ns, u64 offset, u8* metadata);
// Takes the memory of all data and metadata from `offset` on.
bool prepare_blocks(Shared& shared, const Namespace& ns, u64 offset, u64 length);

inline Protection protection_of(const Namespace& ns) {
  return Protection(ns.block_format(), ns.dps.load(std::memory_order_relaxed));
}

}  // namespace nvmev
