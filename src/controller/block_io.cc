// SPDX-License-Identifier: GPL-2.0-only
#include "block_io.h"

#include "bus.h"
#include "nvmev/text.h"
#include "plan_task.h"
#include "sgl.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;

namespace {

constexpr u8 kZeroes[kPageSize] = {};

const Namespace& namespace_of(const Shared& shared, const Task& task) { return *shared.namespaces.find(task.sqe.nsid); }

bool readable(const Shared& shared, const Task& task) { return !shared.uncorrectable.any(task.offset, task.length); }

Pieces whole(u8* memory, u32 bytes) { return {memory, bytes, memory, 0}; }

// The checks that the command asks for of what is kept of its blocks from `block` to `end`.
Status check_kept(Shared& shared, const Task& task, u64 block, u64 end) {
  const Namespace& ns = namespace_of(shared, task);
  const Protection protection = protection_of(ns);
  const u32 prinfo = prinfo_of(task.sqe);
  const ProtectionTags tags = tags_of(task.sqe);
  u8 metadata[kMaxMetadata];
  Status status = Status::kSuccess;
  for (; block < end && status == Status::kSuccess; block++) {
    const u64 offset = task.offset + (block << ns.lba_shift());
    u64 guard = 0;
    {
      SpinGuard lock(shared.host, shared.metadata.lock_of(offset));
      load_metadata(shared, ns, offset, metadata);
      if ((prinfo & prinfo::kGuardCheck) != 0) guard = guard_of(shared, protection, offset, 1u << ns.lba_shift(), metadata);
    }
    status = protection.check(metadata, prinfo, guard, tags, block);
  }
  return status;
}

// The blocks of one command between the requester's memory and the media.
class Blocks {
 private:
  Shared& shared_;
  DataBuffer& buffer_;
  const Task& task_;
  const Namespace& ns_;

 public:
  const Protection protection;
  const u32 prinfo;
  const ProtectionTags tags;
  const u32 lba_bytes;
  const u32 metadata_bytes;
  const u64 count;
  const BlockTransfer transfer;

  Blocks(Shared& shared, DataBuffer& buffer, const Task& task)
      : shared_(shared),
        buffer_(buffer),
        task_(task),
        ns_(namespace_of(shared, task)),
        protection(protection_of(ns_)),
        prinfo(prinfo_of(task.sqe)),
        tags(tags_of(task.sqe)),
        lba_bytes(1u << ns_.lba_shift()),
        metadata_bytes(ns_.metadata_bytes()),
        count(task.length >> ns_.lba_shift()),
        transfer(transfer_of(ns_, task.sqe, count)) {}

  // The requester's memory, all of it.
  Status map() {
    const Status status = buffer_.map(task_.sqe, static_cast<u32>(transfer.bytes));
    if (status != Status::kSuccess || transfer.metadata_bytes == 0) return status;
    if (has_metadata_sgl()) return buffer_.map_metadata(task_.sqe, static_cast<u32>(transfer.metadata_bytes));
    return reachable(shared_.bus, task_.sqe.mptr, transfer.metadata_bytes) ? Status::kSuccess
                                                                             : Status::kDataTransferError;
  }

  bool has_metadata_sgl() const { return task_.sqe.psdt() == kPsdtMetadataSgl; }
  // Where a block's metadata are in the buffer: behind all data, or behind the block's.
  u32 metadata_at(u64 block) const {
    return static_cast<u32>(transfer.metadata_bytes != 0 ? transfer.bytes + block * metadata_bytes : block * transfer.stride + lba_bytes);
  }

  u64 offset(u64 block) const { return task_.offset + (block << ns_.lba_shift()); }
  Pieces data(u64 block) const { return buffer_.pieces(static_cast<u32>(block * transfer.stride), lba_bytes); }

  // The requester's metadata of a block; only where they are transferred.
  void fetch(u64 block, u8* metadata) const {
    if (transfer.metadata_bytes != 0 && !has_metadata_sgl()) {
      copy_from_bus(shared_.bus, task_.sqe.mptr + block * metadata_bytes, metadata, metadata_bytes);
    } else {
      buffer_.copy_in(metadata, metadata_bytes, metadata_at(block));
    }
  }
  void deliver(u64 block, const u8* metadata) const {
    if (transfer.metadata_bytes != 0 && !has_metadata_sgl()) {
      copy_to_bus(shared_.bus, task_.sqe.mptr + block * metadata_bytes, metadata, metadata_bytes);
    } else {
      buffer_.copy_out(metadata, metadata_bytes, metadata_at(block));
    }
  }

  u64 guard_sent(const Pieces& data, const u8* metadata) const {
    u64 guard = 0;
    data.for_each([&](const u8* part, u32 bytes) { guard = protection.add_to_guard(guard, part, bytes); });
    return protection.finish_guard(guard, metadata);
  }

  // Whether the command asks for checks.
  bool checks() const { return protection.enabled() && (prinfo & prinfo::kChecks) != 0; }
  bool generates() const { return protection.enabled() && (prinfo & prinfo::kAction) != 0; }

  // Protection information is no part of what is compared (section 3.2.1).
  bool same_metadata(const u8* a, const u8* b) const {
    if (!protection.enabled()) return memcmp(a, b, metadata_bytes) == 0;
    const u32 behind = protection.at() + protection.bytes();
    return memcmp(a, b, protection.at()) == 0 && memcmp(a + behind, b + behind, metadata_bytes - behind) == 0;
  }

  // The checks of what the requester has sent, and of what is kept.
  Status check_sent() const {
    u8 metadata[kMaxMetadata];
    Status status = Status::kSuccess;
    for (u64 block = 0; block < count && status == Status::kSuccess; block++) {
      fetch(block, metadata);
      const u64 guard = (prinfo & prinfo::kGuardCheck) != 0 ? guard_sent(data(block), metadata) : 0;
      status = protection.check(metadata, prinfo, guard, tags, block);
    }
    return status;
  }
  Status check_kept() const { return nvmev::check_kept(shared_, task_, 0, count); }
};

}  // namespace

void note_for_undo(Shared& shared, const Namespace& ns, u64 offset, u64 plan) {
  if (!shared.undo_log.enabled()) return;
  const u64 page = offset & ~static_cast<u64>(kPageSize - 1);
  const bool metadata = ns.metadata_bytes() != 0;
  shared.undo_log.note(shared.medium, shared.uncorrectable, page, ns.region->index, plan, metadata ? &shared.metadata.medium() : nullptr,
                       metadata ? shared.metadata.place(ns, page) : 0, metadata ? ns.block_format().density() : 0);
}

BlockTransfer transfer_of(const Namespace& ns, const Sqe& sqe, u64 blocks) {
  const u32 lba_bytes = 1u << ns.lba_shift();
  const u32 metadata = ns.metadata_bytes();
  const Protection protection = protection_of(ns);
  // With PRACT the controller makes, or takes away, metadata that are nothing but protection information (section 5.2.2).
  const bool own = protection.enabled() && protection.whole_metadata() && (prinfo_of(sqe) & prinfo::kAction) != 0;
  if (metadata == 0 || own) return {blocks * lba_bytes, 0, lba_bytes, false};
  const bool interleaved = ns.interleaved.load(std::memory_order_relaxed);
  if (!interleaved) return {blocks * lba_bytes, blocks * metadata, lba_bytes, true};
  return {blocks * (lba_bytes + metadata), 0, lba_bytes + metadata, true};
}

Status check_protection(const Namespace& ns, const Sqe& sqe, bool acts) {
  const Protection protection = protection_of(ns);
  if (!protection.enabled()) return Status::kSuccess;
  const u32 prinfo = prinfo_of(sqe);
  if (!acts && (prinfo & prinfo::kAction) != 0) return Status::kInvalidProtectionInformation;
  return protection.check_fields(prinfo, sqe.slba(), tags_of(sqe));
}

void load_metadata(Shared& shared, const Namespace& ns, u64 offset, u8* metadata) {
  const Protection protection = protection_of(ns);
  shared.metadata.medium().read(shared.metadata.place(ns, offset), whole(metadata, ns.metadata_bytes()));
  if (protection.enabled()) protection.convert(metadata);
}

u64 guard_of(Shared& shared, const Protection& protection, u64 offset, u32 bytes, const u8* metadata) {
  const u64 guard = shared.medium.look(
      offset, [&](const u8* data) { return protection.add_to_guard(0, data != nullptr ? data : kZeroes, bytes); });
  return protection.finish_guard(guard, metadata);
}

bool store_metadata(Shared& shared, const Namespace& ns, u64 offset, u8* metadata) {
  const Protection protection = protection_of(ns);
  if (protection.enabled()) protection.convert(metadata);
  return shared.metadata.medium().write(shared.metadata.place(ns, offset), whole(metadata, ns.metadata_bytes()));
}

bool prepare_blocks(Shared& shared, const Namespace& ns, u64 offset, u64 length) {
  const auto prepare = [](Medium& medium, u64 at, u64 end) {
    for (; at < end; at = (at | (kPageSize - 1)) + 1) {
      if (!medium.prepare(at)) return false;
    }
    return true;
  };
  if (!prepare(shared.medium, offset, offset + length)) return false;
  if (ns.metadata_bytes() == 0) return true;
  return prepare(shared.metadata.medium(), shared.metadata.place(ns, offset), shared.metadata.place(ns, offset + length));
}

Status move_blocks_in(Shared& shared, DataBuffer& buffer, Task& task) {
  Blocks blocks(shared, buffer, task);
  if (const Status status = blocks.map(); status != Status::kSuccess) return status;
  if (!readable(shared, task)) return Status::kUnrecoveredReadError;
  // Before anything is moved.
  if (blocks.checks()) {
    if (const Status status = blocks.check_kept(); status != Status::kSuccess) return status;
  }
  const Namespace& ns = namespace_of(shared, task);
  for (u64 block = 0; block < blocks.count; block++) {
    u8 metadata[kMaxMetadata];
    const u64 offset = blocks.offset(block);
    {
      SpinGuard lock(shared.host, shared.metadata.lock_of(offset));
      shared.medium.read(offset, blocks.data(block));
      if (blocks.transfer.metadata) load_metadata(shared, ns, offset, metadata);
    }
    if (blocks.transfer.metadata) blocks.deliver(block, metadata);
  }
  return Status::kSuccess;
}

Status move_blocks_out(Shared& shared, DataBuffer& buffer, Task& task) {
  const u64 plan = task.result;
  if (task.undoable) task.result = 0;
  Blocks blocks(shared, buffer, task);
  if (const Status status = blocks.map(); status != Status::kSuccess) return status;
  if (blocks.checks() && !blocks.generates()) {
    if (const Status status = blocks.check_sent(); status != Status::kSuccess) return status;
  }
  const Namespace& ns = namespace_of(shared, task);
  if (!prepare_blocks(shared, ns, task.offset, task.length)) return Status::kWriteFault;
  u64 noted = ~0ull;
  for (u64 block = 0; block < blocks.count; block++) {
    u8 metadata[kMaxMetadata] = {};
    const u64 offset = blocks.offset(block);
    const Pieces data = blocks.data(block);
    if (blocks.transfer.metadata) blocks.fetch(block, metadata);
    if (blocks.generates()) blocks.protection.generate(metadata, blocks.guard_sent(data, metadata), blocks.tags, block);
    SpinGuard lock(shared.host, shared.metadata.lock_of(offset));
    const u64 page = offset & ~static_cast<u64>(kPageSize - 1);
    if (page != noted) note_for_undo(shared, ns, offset, plan);
    noted = page;
    if (!shared.medium.write(offset, data) || !store_metadata(shared, ns, offset, metadata)) return Status::kWriteFault;
  }
  shared.uncorrectable.clear(task.offset, task.length);
  return Status::kSuccess;
}

Status compare_blocks(Shared& shared, DataBuffer& buffer, Task& task) {
  Blocks blocks(shared, buffer, task);
  if (const Status status = blocks.map(); status != Status::kSuccess) return status;
  if (!readable(shared, task)) return Status::kUnrecoveredReadError;
  if (blocks.checks()) {
    if (const Status status = blocks.check_kept(); status != Status::kSuccess) return status;
    if (const Status status = blocks.check_sent(); status != Status::kSuccess) return status;
  }
  const Namespace& ns = namespace_of(shared, task);
  for (u64 block = 0; block < blocks.count; block++) {
    u8 sent[kMaxMetadata], kept[kMaxMetadata];
    const u64 offset = blocks.offset(block);
    blocks.fetch(block, sent);
    SpinGuard lock(shared.host, shared.metadata.lock_of(offset));
    if (!shared.medium.equals(offset, blocks.data(block))) return Status::kCompareFailure;
    load_metadata(shared, ns, offset, kept);
    if (!blocks.same_metadata(sent, kept)) return Status::kCompareFailure;
  }
  return Status::kSuccess;
}

Status verify_blocks(Shared& shared, DataBuffer& buffer, Task& task) {
  const Blocks blocks(shared, buffer, task);
  if (!readable(shared, task)) return Status::kUnrecoveredReadError;
  return blocks.checks() ? blocks.check_kept() : Status::kSuccess;
}

bool is_long_verify(const Task& task) { return task.has_metadata && task.length > kVerifyBytes; }

bool verify_step(Shared& shared, Task& task, u64* at) {
  if (*at == task.offset && !readable(shared, task)) {
    task.status = Status::kUnrecoveredReadError;
    return true;
  }
  const Namespace& ns = namespace_of(shared, task);
  if (!protection_of(ns).enabled() || (prinfo_of(task.sqe) & prinfo::kChecks) == 0) return true;
  const u64 end = task.offset + task.length;
  const u64 to = end - *at < kVerifyBytes ? end : *at + kVerifyBytes;
  task.status = check_kept(shared, task, (*at - task.offset) >> ns.lba_shift(), (to - task.offset) >> ns.lba_shift());
  *at = to;
  return task.status != Status::kSuccess || to == end;
}

// ---- Compare and Write -------------------------------------------------------------------------------------------

namespace {

// What is to be written, with its metadata as they will be kept: the buffer is needed for what is compared.
Status fetch_fused(const IoContext& context, const Task& task, u8* data, u8* metadata) {
  Blocks blocks(context.shared, *context.buffer, task);
  if (const Status status = blocks.map(); status != Status::kSuccess) return status;
  context.buffer->copy_in(data, blocks.lba_bytes);
  memset(metadata, 0, kMaxMetadata);
  if (blocks.transfer.metadata) blocks.fetch(0, metadata);
  const u64 guard = blocks.protection.enabled() ? blocks.guard_sent(whole(data, blocks.lba_bytes), metadata) : 0;
  if (blocks.generates()) blocks.protection.generate(metadata, guard, blocks.tags, 0);
  if (!blocks.checks() || blocks.generates()) return Status::kSuccess;
  return blocks.protection.check(metadata, blocks.prinfo, guard, blocks.tags, 0);
}

// Whether the block, under the lock of its page, is what the requester expects.
bool is_equal(Shared& shared, const Namespace& ns, u64 offset, const Blocks& blocks) {
  u8 sent[kMaxMetadata], kept[kMaxMetadata];
  blocks.fetch(0, sent);
  load_metadata(shared, ns, offset, kept);
  return shared.medium.equals(offset, blocks.data(0)) && blocks.same_metadata(sent, kept);
}

}  // namespace

FusedOutcome fuse_blocks(const IoContext& context, Task& compare, Task& write, u8* block, u64 now) {
  Shared& shared = context.shared;
  const Namespace& ns = *context.ns;
  u8 metadata[kMaxMetadata];
  if (const Status status = fetch_fused(context, write, block, metadata); status != Status::kSuccess) {
    return {Status::kFailedFusedCommand, status};
  }
  Blocks blocks(shared, *context.buffer, compare);
  u64 number = 0;
  Status status = blocks.map();
  if (status == Status::kSuccess) status = plan_task(shared, ns, compare, now, &number);
  if (status == Status::kSuccess && !readable(shared, compare)) status = Status::kUnrecoveredReadError;
  if (status == Status::kSuccess && blocks.checks()) {
    status = blocks.check_kept();
    if (status == Status::kSuccess) status = blocks.check_sent();
  }
  const u64 offset = compare.offset;
  if (status == Status::kSuccess) {
    SpinGuard lock(shared.host, shared.metadata.lock_of(offset));
    if (!is_equal(shared, ns, offset, blocks)) status = Status::kCompareFailure;
  }
  if (status != Status::kSuccess) return {status, Status::kFailedFusedCommand};
  status = plan_task(shared, ns, write, now, &number);
  if (write.target < compare.target) write.target = compare.target;
  if (status == Status::kSuccess && !prepare_blocks(shared, ns, offset, write.length)) status = Status::kWriteFault;
  if (status != Status::kSuccess) return {Status::kSuccess, status};
  SpinGuard lock(shared.host, shared.metadata.lock_of(offset));
  // Somebody else may have written since it was compared.
  if (!is_equal(shared, ns, offset, blocks)) return {Status::kCompareFailure, Status::kFailedFusedCommand};
  note_for_undo(shared, ns, offset, number);
  if (!shared.medium.write(offset, whole(block, blocks.lba_bytes)) || !store_metadata(shared, ns, offset, metadata)) {
    return {Status::kSuccess, Status::kWriteFault};
  }
  shared.uncorrectable.clear(offset, write.length);
  return {Status::kSuccess, Status::kSuccess};
}

// ---- Write Zeroes and deallocation -------------------------------------------------------------------------------

// Without protection information zeroes are what unwritten metadata read as.
bool prepare_zeroes(Shared& shared, const Task& task) {
  const Namespace& ns = namespace_of(shared, task);
  if (!protection_of(ns).enabled()) return true;
  const u64 end = shared.metadata.place(ns, task.offset + task.length);
  for (u64 at = shared.metadata.place(ns, task.offset); at < end; at = (at | (kPageSize - 1)) + 1) {
    if (!shared.metadata.medium().prepare(at)) return false;
  }
  return true;
}

void zero_blocks(Shared& shared, const Task& task, u64 at, u32 bytes) {
  const Namespace& ns = namespace_of(shared, task);
  const Protection protection = protection_of(ns);
  SpinGuard lock(shared.host, shared.metadata.lock_of(at));
  shared.medium.zero(at, bytes);
  if (!protection.enabled()) {
    shared.metadata.medium().zero(shared.metadata.place(ns, at), (bytes >> ns.lba_shift()) * ns.metadata_bytes());
    return;
  }
  // Section 3.2.8: with PRACT as a write of zeros has it, otherwise zeros too.
  const bool generate = (prinfo_of(task.sqe) & prinfo::kAction) != 0;
  u8 metadata[kMaxMetadata] = {};
  u64 guard = 0;
  if (generate) {
    guard = protection.finish_guard(protection.add_to_guard(0, kZeroes, 1ull << ns.lba_shift()), metadata);
  }
  for (u64 offset = at; offset < at + bytes; offset += 1ull << ns.lba_shift()) {
    memset(metadata, 0, sizeof(metadata));
    if (generate) {
      protection.generate(metadata, guard, tags_of(task.sqe), (offset - task.offset) >> ns.lba_shift());
    }
    store_metadata(shared, ns, offset, metadata);
  }
}

void deallocate_blocks(Shared& shared, const Task& task, u64 at, u32 bytes) {
  if (!shared.medium.thin()) return;
  const Namespace& ns = namespace_of(shared, task);
  Medium& metadata = shared.metadata.medium();
  const u64 end = shared.metadata.place(ns, at + bytes);
  {
    SpinGuard lock(shared.host, shared.metadata.lock_of(at));
    shared.medium.discard(at, bytes);
    metadata.zero(shared.metadata.place(ns, at), (bytes >> ns.lba_shift()) * ns.metadata_bytes());
  }
  if ((end & (kPageSize - 1)) == 0) metadata.discard_zeros(end - 1);
}

u64 skip_unwritten_blocks(Shared& shared, const Task& task, u64 at) {
  const Namespace& ns = namespace_of(shared, task);
  const u64 data = shared.medium.skip_unwritten(at);
  const u64 place = shared.metadata.place(ns, at);
  const u64 written = shared.metadata.medium().skip_unwritten(place);
  // Whole pages of data: their metadata do not cross a page.
  const u64 blocks = (written - place) / ns.metadata_bytes();
  const u64 metadata = at + ((blocks << ns.lba_shift()) & ~static_cast<u64>(kPageSize - 1));
  const u64 next = data < metadata ? data : metadata;
  return next > at ? next & ~static_cast<u64>(kPageSize - 1) : at;
}

}  // namespace nvmev
