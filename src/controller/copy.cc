// SPDX-License-Identifier: GPL-2.0-only
#include "copy.h"

#include "block_io.h"
#include "io_check.h"
#include "plan_task.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;

namespace {

u32 max_blocks(const Shared& shared, const Namespace& ns) { return shared.max_transfer() >> ns.lba_shift(); }

u32 max_range_blocks(const Shared& shared, const Namespace& ns) {
  constexpr u32 kLargest = 0xffff;
  const u32 blocks = max_blocks(shared, ns);
  return blocks < kLargest ? blocks : kLargest;
}

// ---- Fields of CDW12, and descriptors ------------------------------------------------------------------------------

u32 format_of(const Sqe& sqe) { return sqe.cdw12 >> 8 & 0xf; }

// PRINFOR and STCR; PRINFOW and STCW are where other commands have PRINFO and STC.
u32 prinfo_of_read(const Sqe& sqe) {
  return (sqe.cdw12 >> 12 & 0xf) | ((sqe.cdw12 >> 25 & 1) != 0 ? prinfo::kStorageCheck : 0);
}

bool names_namespaces(u32 format) { return format >= 2; }
bool has_long_tags(u32 format) { return format % 2 != 0; }

// Figures 34 to 37. Those with long tags are for guards of 32 and 64 bits; those that name namespaces are for hosts that have
// asked for them.
Status check_descriptor_format(const Shared& shared, const Namespace& to, u32 format) {
  constexpr u32 kAlways = 1u << 0 | 1u << 1;
  const u32 enabled = kAlways | shared.copy_formats.load(std::memory_order_relaxed);
  if ((copy_formats(shared) & enabled & 1u << format) == 0) return Status::kInvalidField;
  const bool long_guard = to.block_format().guard != GuardFormat::k16;
  return has_long_tags(format) == long_guard ? Status::kSuccess : Status::kInvalidNamespaceOrFormat;
}

struct Descriptor {
  u32 nsid;
  u64 slba;
  u32 blocks;
  ProtectionTags tags;
};

Descriptor read_descriptor(const u8* from, u32 format, u32 own_nsid) {
  if (has_long_tags(format)) {
    nvme::CopyRangeLong range;
    __builtin_memcpy(&range, from, sizeof(range));
    u64 tags = 0;  // the lower 64 of 80 bits
    for (const u8 byte : range.elbt) tags = tags << 8 | byte;
    const u16 upper = static_cast<u16>(range.elbt[0] << 8 | range.elbt[1]);
    return {names_namespaces(format) ? range.snsid : own_nsid,
            range.slba,
            range.nlb + 1u,
            {tags, range.elbat, range.elbatm, upper}};
  }
  nvme::CopyRange range;
  __builtin_memcpy(&range, from, sizeof(range));
  return {names_namespaces(format) ? range.snsid : own_nsid, range.slba, range.nlb + 1u,
          {range.elbt, range.elbat, range.elbatm, 0}};
}

// ---- What may be copied where ----------------------------------------------------------------------------------------

bool acts(u32 prinfo) { return (prinfo & prinfo::kAction) != 0; }

bool same_format(const Namespace& a, const Namespace& b) {
  const BlockFormat &x = a.block_format(), &y = b.block_format();
  return x.shift == y.shift && x.metadata == y.metadata && x.guard == y.guard && x.storage_tag == y.storage_tag &&
         a.dps.load(std::memory_order_relaxed) == b.dps.load(std::memory_order_relaxed);
}

// Of two namespaces, one of which has protection information and the other nothing: the controller makes it, or takes it away.
bool corresponds(const Namespace& with, const Namespace& without) {
  return with.lba_shift() == without.lba_shift() && protection_of(with).whole_metadata() && without.metadata_bytes() == 0;
}

Status check_formats(const Namespace& from, const Namespace& to, u32 read, u32 write) {
  const bool of_from = protection_of(from).enabled(), of_to = protection_of(to).enabled();
  bool possible;
  if (of_from == of_to) {
    if (of_from && acts(read) != acts(write)) return Status::kInvalidField;
    possible = same_format(from, to);
  } else {
    // Descriptors are for the guard of the namespace that is written to.
    const bool same_guard = !of_from || from.block_format().guard == to.block_format().guard;
    possible = same_guard && (of_from ? acts(read) && corresponds(from, to) : acts(write) && corresponds(to, from));
  }
  return possible ? Status::kSuccess : Status::kIncompatibleNamespaceOrFormat;
}

// A namespace that a descriptor names.
Status find_source(const IoContext& context, u32 nsid, const Namespace** found) {
  const Namespace* ns = context.shared.namespaces.find(nsid);
  if (ns == nullptr) return Status::kInvalidNamespaceOrFormat;
  if (!context.shared.namespaces.attached(*ns)) return Status::kInvalidField;
  if (ns->region->set != context.ns->region->set) return Status::kIncompatibleNamespaceOrFormat;
  if (const Status gate = context.shared.ana.gate(*ns); gate != Status::kSuccess) return gate;
  if (!context.shared.subsystem.reservations.admits(*ns, context.shared.index, false)) return Status::kReservationConflict;
  *found = ns;
  return ns->formatting.load(std::memory_order_seq_cst) ? Status::kFormatInProgress : Status::kSuccess;
}

Status check_source(const IoContext& context, const Sqe& sqe, const Descriptor& descriptor, CopySource* source) {
  const Namespace* ns = context.ns;
  if (descriptor.nsid != sqe.nsid) {
    if (const Status status = find_source(context, descriptor.nsid, &ns); status != Status::kSuccess) return status;
  }
  if (descriptor.blocks > max_range_blocks(context.shared, *ns)) return Status::kCommandSizeLimitExceeded;
  if (descriptor.slba > ns->blocks() || descriptor.blocks > ns->blocks() - descriptor.slba) return Status::kLbaOutOfRange;
  Status status = check_formats(*ns, *context.ns, prinfo_of_read(sqe), prinfo_of(sqe));
  if (status != Status::kSuccess) return status;
  status = protection_of(*ns).check_fields(prinfo_of_read(sqe), descriptor.slba, descriptor.tags);
  *source = {ns->base + (descriptor.slba << ns->lba_shift()), descriptor.tags, descriptor.nsid, descriptor.blocks};
  return status;
}

}  // namespace

u16 copy_formats(const Shared& shared) {
  constexpr u16 kShort = 1u << 0 | 1u << 2, kLong = 1u << 1 | 1u << 3;
  for (u32 i = 0; i < shared.metadata.formats(); i++) {
    if (kBlockFormats[i].guard != GuardFormat::k16) return kShort | kLong;
  }
  return kShort;
}

void fill_copy_limits(const Shared& shared, const Namespace& ns, nvme::IdentifyNamespace& data) {
  data.mssrl = static_cast<u16>(max_range_blocks(shared, ns));
  data.mcl = max_blocks(shared, ns);
  data.msrc = nvme::kMaxCopyRanges - 1;
}

Status check_copy(const IoContext& context, Task& task) {
  const Sqe& sqe = task.sqe;
  if (const Status status = check_common(context, sqe); status != Status::kSuccess) return status;
  const Namespace& ns = *context.ns;
  const u32 ranges = (sqe.cdw12 & 0xff) + 1;
  const u32 format = format_of(sqe);
  if (const Status status = check_descriptor_format(context.shared, ns, format); status != Status::kSuccess) return status;
  if (ranges > nvme::kMaxCopyRanges) return Status::kCommandSizeLimitExceeded;
  CommandList& list = *context.list;
  list.count = ranges;
  const u32 size = has_long_tags(format) ? sizeof(nvme::CopyRangeLong) : sizeof(nvme::CopyRange);
  const Status mapped = context.buffer->map(sqe, ranges * size);
  if (mapped != Status::kSuccess) return mapped;
  context.buffer->copy_in(list.descriptors, ranges * size);
  u64 blocks = 0;
  for (u32 i = 0; i < ranges; i++) {
    const Descriptor descriptor = read_descriptor(list.descriptors + i * size, format, sqe.nsid);
    // In the place of descriptors that have been read.
    const Status status = check_source(context, sqe, descriptor, &list.sources[i]);
    if (status != Status::kSuccess) return status;
    blocks += descriptor.blocks;
  }
  if (blocks > max_blocks(context.shared, ns)) return Status::kCommandSizeLimitExceeded;
  if (sqe.slba() > ns.blocks() || blocks > ns.blocks() - sqe.slba()) return Status::kLbaOutOfRange;
  if (const Status status = check_protection(ns, sqe, true); status != Status::kSuccess) return status;
  task.op = IoOp::kWrite;
  task.offset = ns.base + (sqe.slba() << ns.lba_shift());
  task.length = blocks << ns.lba_shift();
  for (u32 i = 0; names_namespaces(format) && i < ranges; i++) {
    const CopySource& source = list.sources[i];
    const u64 length = static_cast<u64>(source.blocks) << ns.lba_shift();
    if (source.offset < task.offset + task.length && task.offset < source.offset + length) return Status::kOverlappingIoRange;
  }
  task.list = &list;
  return Status::kSuccess;
}

// The device reads all sources at once, and writes when it has them. Both are asked for as of `now`: the model's time
// must not run ahead for others.
void act_copy(const IoContext& context, Task& task, u64 now) {
  u64 read = now;
  for (u32 i = 0; i < task.list->count && task.status == Status::kSuccess; i++) {
    const CopySource& source = task.list->sources[i];
    const Namespace& from = *context.shared.namespaces.find(source.nsid);
    const u64 length = static_cast<u64>(source.blocks) << context.ns->lba_shift();
    const IoPlan plan = from.region->model.plan({now, source.offset, length, IoOp::kRead, false});
    if (plan.done > read) read = plan.done;
    task.status = plan.status;
  }
  if (task.status == Status::kSuccess) {
    u64 number = 0;
    const bool atomic = context.shared.atomic_units.survive_whole(task.offset - context.ns->base, task.length);
    const IoPlan plan =
        context.ns->region->model.plan({now, task.offset, task.length, IoOp::kWrite, forces_unit_access(task), 0, atomic}, &number);
    task.target = read + (plan.done - now);
    task.status = plan.status;
    if (task.undoable) task.result = number;
  }
  if (task.status != Status::kSuccess) task.list = nullptr;
}

namespace {

// Holds the locks of two blocks' pages.
class BothLocks {
 public:
  BothLocks(nvmev_host* host, Spinlock& a, Spinlock& b) : host_(host), first_(&a < &b ? a : b), second_(&a < &b ? b : a) {
    nvmev_host_critical_begin(host_);
    first_.lock();
    if (&first_ != &second_) second_.lock();
  }
  ~BothLocks() {
    if (&first_ != &second_) second_.unlock();
    first_.unlock();
    nvmev_host_critical_end(host_);
  }
  BothLocks(const BothLocks&) = delete;
  BothLocks& operator=(const BothLocks&) = delete;

 private:
  nvmev_host* host_;
  Spinlock& first_;
  Spinlock& second_;
};

// All that the command is about to change.
void note_all_for_undo(Shared& shared, const Task& task, const Namespace& to, u64 plan) {
  if (!task.undoable) return;
  const u64 end = task.offset + task.length;
  for (u64 at = task.offset; at < end; at = (at | (kPageSize - 1)) + 1) note_for_undo(shared, to, at, plan);
}

// Blocks of `bytes`, each at once: nobody sees half of one. `page`: memory for a block.
bool copy_data(Medium& medium, u64 from, u64 to, u64 length, u32 bytes, u8* page) {
  for (u64 at = 0; at < length; at += bytes) {
    medium.read(from + at, {page, bytes, page, 0});
    if (!medium.write(to + at, {page, bytes, page, 0})) return false;
  }
  return true;
}

// Calls `with(namespace, source, block of it, block of all)` for every block of the sources; stops at the first status that is no success.
template <typename Function>
Status for_each_block(Shared& shared, const CommandList& list, Function with) {
  u64 all = 0;
  for (u32 i = 0; i < list.count; i++) {
    const CopySource& source = list.sources[i];
    const Namespace& from = *shared.namespaces.find(source.nsid);
    for (u64 block = 0; block < source.blocks; block++, all++) {
      if (const Status status = with(from, source, block, all); status != Status::kSuccess) return status;
    }
  }
  return Status::kSuccess;
}

// What PRINFOR asks for of the source, and PRINFOW of what is to be written.
Status check_blocks_read(Shared& shared, const Task& task, const Namespace& to) {
  const Protection written = protection_of(to);
  const u32 read = prinfo_of_read(task.sqe), write = prinfo_of(task.sqe);
  const ProtectionTags tags = tags_of(task.sqe);
  return for_each_block(shared, *task.list, [&](const Namespace& from, const CopySource& source, u64 block, u64 all) {
    const Protection kept = protection_of(from);
    if (!kept.enabled()) return Status::kSuccess;
    const u64 offset = source.offset + (block << from.lba_shift());
    u8 metadata[kMaxMetadata];
    u64 guard = 0;
    {
      SpinGuard lock(shared.host, shared.metadata.lock_of(offset));
      load_metadata(shared, from, offset, metadata);
      if (((read | write) & prinfo::kGuardCheck) != 0) guard = guard_of(shared, kept, offset, 1u << from.lba_shift(), metadata);
    }
    const Status status = kept.check(metadata, read, guard, source.tags, block);
    if (status != Status::kSuccess || !written.enabled() || acts(write)) return status;
    return written.check(metadata, write, guard, tags, all);
  });
}

Status copy_blocks(Shared& shared, const Task& task, const Namespace& to, u64 plan, u8* page) {
  if (const Status status = check_blocks_read(shared, task, to); status != Status::kSuccess) return status;
  if (!prepare_blocks(shared, to, task.offset, task.length)) return Status::kWriteFault;
  note_all_for_undo(shared, task, to, plan);
  const Protection written = protection_of(to);
  const bool generates = written.enabled() && acts(prinfo_of(task.sqe));
  const ProtectionTags tags = tags_of(task.sqe);
  const u32 bytes = 1u << to.lba_shift();
  return for_each_block(shared, *task.list, [&](const Namespace& from, const CopySource& source, u64 block, u64 all) {
    const u64 offset = source.offset + block * bytes;
    const u64 target = task.offset + all * bytes;
    u8 metadata[kMaxMetadata] = {};
    const BothLocks locks(shared.host, shared.metadata.lock_of(offset), shared.metadata.lock_of(target));
    if (from.metadata_bytes() != 0) load_metadata(shared, from, offset, metadata);
    if (generates) written.generate(metadata, guard_of(shared, written, offset, bytes, metadata), tags, all);
    if (!copy_data(shared.medium, offset, target, bytes, bytes, page)) return Status::kWriteFault;
    if (to.metadata_bytes() != 0 && !store_metadata(shared, to, target, metadata)) return Status::kWriteFault;
    return Status::kSuccess;
  });
}

Status copy_ranges(Shared& shared, const Task& task, u64 plan, u8* page) {
  const CommandList& list = *task.list;
  const Namespace& to = *shared.namespaces.find(task.sqe.nsid);
  const u32 shift = to.lba_shift();
  bool metadata = to.metadata_bytes() != 0;
  for (u32 i = 0; i < list.count; i++) {
    const CopySource& source = list.sources[i];
    if (shared.uncorrectable.any(source.offset, static_cast<u64>(source.blocks) << shift)) return Status::kUnrecoveredReadError;
    metadata |= shared.namespaces.find(source.nsid)->metadata_bytes() != 0;
  }
  if (metadata) {
    const Status status = copy_blocks(shared, task, to, plan, page);
    if (status != Status::kSuccess) return status;
  } else {
    // All memory first, so that running out of it leaves the blocks as they were.
    if (!prepare_blocks(shared, to, task.offset, task.length)) return Status::kWriteFault;
    note_all_for_undo(shared, task, to, plan);
    u64 at = task.offset;
    for (u32 i = 0; i < list.count; i++) {
      const u64 length = static_cast<u64>(list.sources[i].blocks) << shift;
      if (!copy_data(shared.medium, list.sources[i].offset, at, length, 1u << shift, page)) return Status::kWriteFault;
      at += length;
    }
  }
  shared.uncorrectable.clear(task.offset, task.length);
  return Status::kSuccess;
}

}  // namespace

Status move_copy(Shared& shared, DataBuffer& buffer, Task& task) {
  const u64 plan = task.result;
  if (task.undoable) task.result = 0;
  const Status status = copy_ranges(shared, task, plan, buffer.scratch());
  task.list->give_back();
  return status;
}

}  // namespace nvmev
