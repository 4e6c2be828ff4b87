// SPDX-License-Identifier: GPL-2.0-only
// I/O commands of open-channel namespaces: how they are checked and handed to the FTL.
#include "../bus.h"
#include "../command_set.h"
#include "../io_check.h"
#include "../io_data.h"
#include "nvmev/nvme/log.h"
#include "open_channel.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;

bool has_open_channel(const Shared& shared) { return shared.regions.has(CommandFamily::kOpenChannel); }

OpenChannel* open_channel_of(const Namespace* ns) {
  return ns != nullptr ? ns->region->model.open_channel() : nullptr;
}

namespace {

bool has_version(const Shared& shared, u32 version) {
  for (const Region& region : shared.regions) {
    const OpenChannel* ssd = region.model.open_channel();
    if (ssd != nullptr && ssd->version() == version) return true;
  }
  return false;
}

// What the FTL says of chunks, while no command changes it.
template <typename Function>
void with_ssd(const Namespace& ns, u64 now, Function with) {
  OpenChannel& ssd = *open_channel_of(&ns);
  ns.region->model.carry_out(now, [&](Ftl&, u64 modelled) {
    with(ssd);
    return IoPlan{modelled, Status::kSuccess};
  });
}

nvme::ChunkDescriptor describe(const Namespace& ns, u64 now, u64 chunk) {
  nvme::ChunkDescriptor descriptor;
  with_ssd(ns, now, [&](const OpenChannel& ssd) { ssd.describe(chunk, &descriptor); });
  return descriptor;
}

// ---- Fields of vector commands -------------------------------------------------------------------------------------

u32 vector_count(const Sqe& sqe) { return (sqe.cdw12 & 0xffff) + 1; }
u64 second_list(const Sqe& sqe) { return sqe.cdw14 | static_cast<u64>(sqe.cdw15) << 32; }

// The addresses at `field`: one, or the place of a list, which is copied once.
Status fetch_addresses(const Shared& shared, u64 field, u32 count, u64 (&addresses)[nvme::kMaxVector]) {
  if (count == 1) {
    addresses[0] = field;
    return Status::kSuccess;
  }
  if (field % sizeof(u64) != 0) return Status::kInvalidField;
  const u32 bytes = count * static_cast<u32>(sizeof(u64));
  return copy_from_bus(shared.bus, field, addresses, bytes) ? Status::kSuccess : Status::kDataTransferError;
}

// What all vector commands have: a namespace, a number of addresses, a list of them.
Status check_vector(const IoContext& context, Task& task) {
  if (const Status status = check_common(context, task.sqe); status != Status::kSuccess) return status;
  const u32 count = vector_count(task.sqe);
  if (count > open_channel_of(context.ns)->max_vector()) return Status::kInvalidField;
  if (task.sqe.mptr % sizeof(u32) != 0) return Status::kInvalidField;
  CommandList& list = *context.list;
  list.count = count;
  list.outcome = Status::kSuccess;
  task.offset = task.length = 0;
  task.list = &list;
  return fetch_addresses(context.shared, task.sqe.slba(), count, list.from);
}

// The transfer of `count` sectors. Commands that change the medium must not fail for want of memory behind their check:
// `write` looks at all of it.
Status check_data(const IoContext& context, Task& task, u32 count, bool write) {
  const SectorLayout& layout = open_channel_of(context.ns)->layout();
  const u64 length = static_cast<u64>(count) * layout.sector_bytes;
  if (length > context.shared.max_transfer()) return Status::kInvalidField;
  task.length = length;
  const Sqe& sqe = task.sqe;
  if (!write) return DataBuffer::check(sqe, static_cast<u32>(length));
  const u64 metadata = static_cast<u64>(count) * layout.metadata_bytes;
  if (sqe.mptr != 0 && !reachable(context.shared.bus, sqe.mptr, metadata)) return Status::kDataTransferError;
  return context.buffer->map(sqe, static_cast<u32>(length));
}

Status check_vector_read(const IoContext& context, Task& task) {
  task.op = IoOp::kRead;
  if (const Status status = check_vector(context, task); status != Status::kSuccess) return status;
  return check_data(context, task, task.list->count, false);
}

Status check_vector_write(const IoContext& context, Task& task) {
  task.op = IoOp::kWrite;
  if (const Status status = check_vector(context, task); status != Status::kSuccess) return status;
  return check_data(context, task, task.list->count, true);
}

Status check_hybrid_write(const IoContext& context, Task& task) {
  const OpenChannel* ssd = open_channel_of(context.ns);
  if (ssd != nullptr && !ssd->has_l2p_table()) return Status::kInvalidOpcode;
  return check_vector_write(context, task);
}

Status check_vector_erase(const IoContext& context, Task& task) {
  task.op = IoOp::kDeallocate;
  if (const Status status = check_vector(context, task); status != Status::kSuccess) return status;
  const u64 descriptors = static_cast<u64>(task.list->count) * sizeof(nvme::ChunkDescriptor);
  const bool wanted = open_channel_of(context.ns)->version() == 2 && task.sqe.mptr != 0;
  return !wanted || reachable(context.shared.bus, task.sqe.mptr, descriptors) ? Status::kSuccess
                                                                          : Status::kDataTransferError;
}

Status check_vector_copy(const IoContext& context, Task& task) {
  task.op = IoOp::kWrite;
  const OpenChannel* ssd = open_channel_of(context.ns);
  if (ssd != nullptr && ssd->version() != 2) return Status::kInvalidOpcode;
  if (const Status status = check_vector(context, task); status != Status::kSuccess) return status;
  task.length = static_cast<u64>(task.list->count) * ssd->layout().sector_bytes;
  return fetch_addresses(context.shared, second_list(task.sqe), task.list->count, task.list->to);
}

// ---- Scalar commands: SLBA is the address of the first sector -------------------------------------------------------

Status check_scalar(const IoContext& context, Task& task, bool write) {
  if (const Status status = check_common(context, task.sqe); status != Status::kSuccess) return status;
  const OpenChannel& ssd = *open_channel_of(context.ns);
  if (write && ssd.version() == 1) return Status::kInvalidOpcode;
  CommandList& list = *context.list;
  list.count = vector_count(task.sqe);
  list.outcome = Status::kSuccess;
  task.list = &list;
  task.offset = 0;
  if (task.sqe.mptr % sizeof(u32) != 0) return Status::kInvalidField;
  if (task.sqe.slba() > ssd.blocks() || list.count > ssd.blocks() - task.sqe.slba()) return Status::kLbaOutOfRange;
  return check_data(context, task, list.count, write);
}

Status check_scalar_read(const IoContext& context, Task& task) {
  task.op = IoOp::kRead;
  return check_scalar(context, task, false);
}

Status check_scalar_write(const IoContext& context, Task& task) {
  task.op = IoOp::kWrite;
  return check_scalar(context, task, true);
}

// Dataset Management: ranges that are exactly a chunk are reset; others are hints that nothing follows from.
Status check_chunk_deallocate(const IoContext& context, Task& task) {
  constexpr u32 kDeallocate = 1u << 2;
  task.op = IoOp::kDeallocate;
  task.offset = task.length = 0;
  if (const Status status = check_common(context, task.sqe); status != Status::kSuccess) return status;
  OpenChannel& ssd = *open_channel_of(context.ns);
  if (ssd.version() != 2) return Status::kInvalidOpcode;
  CommandList& list = *context.list;
  const u32 ranges = (task.sqe.cdw10 & 0xff) + 1;
  const u32 bytes = ranges * static_cast<u32>(sizeof(nvme::DsmRange));
  const Status fetched = fetch_list(context, task.sqe, list.ranges, bytes);
  if (fetched != Status::kSuccess) return fetched;
  u32 chunks = 0;
  for (u32 i = 0; i < ranges; i++) {
    const u64 slba = list.ranges[i].slba;
    const u32 nlb = list.ranges[i].nlb;
    if (slba > ssd.blocks() || nlb > ssd.blocks() - slba) return Status::kLbaOutOfRange;
    const u64 chunk = ssd.chunk_of(slba);
    if ((task.sqe.cdw11 & kDeallocate) == 0 || chunk == ssd.chunks()) continue;
    const nvme::ChunkDescriptor descriptor = describe(*context.ns, 0, chunk);
    if (descriptor.slba != slba || descriptor.cnlb != nlb) continue;
    if (chunks == nvme::kMaxVector) return Status::kInvalidField;
    list.from[chunks++] = slba;
  }
  if (chunks != 0 && context.ns->write_protected()) return Status::kNamespaceWriteProtected;
  list.count = chunks;
  list.outcome = Status::kSuccess;
  task.list = &list;
  return Status::kSuccess;
}

// ---- In the model ---------------------------------------------------------------------------------------------------

bool is_copy(const Sqe& sqe) { return sqe.opcode == nvme::kVectorCopy; }

// Takes the memory that a write will need, so that running out of it changes nothing.
bool prepare_medium(const IoContext& context, const Task& task, const AddressList& addresses) {
  const OpenChannel& ssd = *open_channel_of(context.ns);
  const SectorLayout& layout = ssd.layout();
  Medium& medium = context.shared.medium;
  for (u32 i = 0; i < addresses.count; i++) {
    const u64 sector = ssd.sector_of(addresses[i]);
    const u64 data = context.ns->base + layout.data_of(sector);
    for (u64 at = data; at < data + layout.sector_bytes; at = (at | (kPageSize - 1)) + 1) {
      if (!medium.prepare(at)) return false;
    }
    const bool metadata = layout.metadata_bytes != 0 && (task.sqe.mptr != 0 || is_copy(task.sqe));
    if (metadata && !medium.prepare(context.ns->base + layout.metadata_of(sector))) return false;
  }
  return true;
}

VectorOutcome execute(const IoContext& context, Task& task, u64 now, const VectorRequest& request) {
  OpenChannel& ssd = *open_channel_of(context.ns);
  VectorOutcome outcome{};
  bool told = false;
  const IoPlan plan = context.ns->region->model.carry_out(now, [&](Ftl&, u64 modelled) {
    outcome = ssd.execute(modelled, request, task.list->runs);
    told = collect_notifications(context.shared, *context.ns, ssd);
    return IoPlan{outcome.done, outcome.status};
  });
  if (told) context.shared.raise(PendingEvent::kChunkNotification);
  task.target = plan.done;
  task.status = outcome.status;
  return outcome;
}

VectorRequest request_of(const IoContext& context, const Task& task, VectorOp op) {
  const CommandList& list = *task.list;
  VectorRequest request{};
  request.op = op;
  const bool scalar = op == VectorOp::kScalarRead || op == VectorOp::kScalarWrite;
  request.from = {scalar ? nullptr : list.from, task.sqe.slba(), list.count};
  request.to = {list.to, 0, list.count};
  request.logical = second_list(task.sqe);
  request.plane_mode = task.sqe.cdw12 >> 16 & nvme::kPlaneModeMask;
  request.dulbe = context.ns->unwritten_fails.load(std::memory_order_relaxed);
  const u32 feedback = context.shared.media_feedback.load(std::memory_order_relaxed);
  request.feedback = (feedback & (scalar ? nvme::kHighEcc : nvme::kVectorHighEcc)) != 0;
  return request;
}

template <VectorOp kOp>
void act_transfer(const IoContext& context, Task& task, u64 now) {
  constexpr bool kVector = kOp != VectorOp::kScalarRead && kOp != VectorOp::kScalarWrite;
  constexpr bool kReads = kOp == VectorOp::kRead || kOp == VectorOp::kScalarRead;
  VectorRequest request = request_of(context, task, kOp);
  VectorOutcome outcome{};
  if (!kReads) {
    request.check_only = true;
    outcome = execute(context, task, now, request);
    request.check_only = false;
    if (task.status == Status::kSuccess &&
        !prepare_medium(context, task, kOp == VectorOp::kCopy ? request.to : request.from)) {
      task.status = Status::kWriteFault;
    }
  }
  if (task.status == Status::kSuccess) outcome = execute(context, task, now, request);
  if (kVector) task.result = outcome.failed;
  if (task.status != Status::kSuccess && !outcome.moves) {
    task.list = nullptr;
    return;
  }
  // What has failed in part moves the rest of its data before it says so.
  CommandList& list = *task.list;
  list.outcome = task.status;
  list.run_count = outcome.runs;
  list.to_run_count = outcome.to_runs;
  list.base = context.ns->base;
  list.layout = &open_channel_of(context.ns)->layout();
  task.status = Status::kSuccess;
}

// What erased chunks held is given back to the host piece by piece, as Dataset Management does it.
void discard_chunks(const IoContext& context, Task& task, u32 count) {
  OpenChannel& ssd = *open_channel_of(context.ns);
  CommandList& list = *task.list;
  const SectorLayout& layout = ssd.layout();
  u32 ranges = 0;
  for (u32 i = 0; i < count; i++) {
    u32 sectors;
    const u64 first = ssd.erased_sectors(list.from[i], list.plane_mode, &sectors);
    list.bytes[ranges++] = {context.ns->base + layout.data_of(first),
                            static_cast<u64>(sectors) * layout.sector_bytes};
    if (layout.metadata_bytes != 0) {
      list.bytes[ranges++] = {context.ns->base + layout.metadata_of(first),
                              static_cast<u64>(sectors) * layout.metadata_bytes};
    }
  }
  list.count = ranges;
}

void act_erase(const IoContext& context, Task& task, u64 now) {
  OpenChannel& ssd = *open_channel_of(context.ns);
  const VectorRequest request = request_of(context, task, VectorOp::kErase);
  const u32 count = task.list->count;
  if (count == 0) return;
  const VectorOutcome outcome = execute(context, task, now, request);
  const bool vector = task.sqe.opcode == nvme::kVectorErase;
  if (vector) task.result = outcome.failed;
  if (task.status != Status::kSuccess && !outcome.moves) {
    task.list = nullptr;
    return;
  }
  // What has failed in part gives back what the other chunks held before it says so.
  CommandList& list = *task.list;
  const bool whole = task.status == Status::kSuccess;
  list.outcome = task.status;
  task.status = Status::kSuccess;
  u32 erased = 0;
  for (u32 i = 0; i < count; i++) {
    if ((outcome.failed >> i & 1) == 0) list.from[erased++] = list.from[i];
  }
  for (u32 i = 0; ssd.version() == 2 && i < erased; i++) {
    const nvme::ChunkDescriptor descriptor = describe(*context.ns, now, ssd.chunk_of(list.from[i]));
    const u64 to = task.sqe.mptr + i * sizeof(descriptor);
    if (vector && whole && task.sqe.mptr != 0) copy_to_bus(context.shared.bus, to, &descriptor, sizeof(descriptor));
    // Sectors that were not written since can be read in an open random chunk: they must not be what they were.
    const bool random = descriptor.type & nvme::chunk_type::kRandom;
    if (random && !context.shared.medium.thin()) task.op = IoOp::kWriteZeroes;
  }
  list.plane_mode = request.plane_mode;
  discard_chunks(context, task, erased);
}

// ---- The table -------------------------------------------------------------------------------------------------------

constexpr u32 kReads = nvme::effects::kSupported;
constexpr u32 kWrites = nvme::effects::kSupported | nvme::effects::kLbaContent;

constexpr auto make_table() {
  using Op = nvme::NvmOpcode;
  using Stats = WorkerStats;
  CommandTable table{};
  const auto row = [&](Op opcode) -> IoCommand& { return table[static_cast<u8>(opcode)]; };
  row(Op::kFlush) = {.name = "Flush",
                     .check = check_flush,
                     .act = act_flush,
                     .counter = &Stats::flushes,
                     .effects = kReads};
  row(Op::kWrite) = {.name = "Write",
                     .exists = has_open_channel_20,
                     .check = check_scalar_write,
                     .act = act_transfer<VectorOp::kScalarWrite>,
                     .move = move_vector_write,
                     .counter = &Stats::writes,
                     .effects = kWrites,
                     .needs_list = true};
  row(Op::kRead) = {.name = "Read",
                    .check = check_scalar_read,
                    .act = act_transfer<VectorOp::kScalarRead>,
                    .move = move_vector_read,
                    .counter = &Stats::reads,
                    .effects = kReads,
                    .needs_list = true};
  row(Op::kDatasetManagement) = {.name = "Dataset Management",
                                 .exists = has_open_channel_20,
                                 .check = check_chunk_deallocate,
                                 .act = act_erase,
                                 .counter = &Stats::deallocates,
                                 .effects = kWrites,
                                 .checks_protection = true,
                                 .needs_list = true,
                                 .long_running = true};
  table[nvme::kHybridWrite] = {.name = "Hybrid Write",
                               .exists = has_open_channel_12,
                               .check = check_hybrid_write,
                               .act = act_transfer<VectorOp::kHybridWrite>,
                               .move = move_vector_write,
                               .counter = &Stats::writes,
                               .effects = kWrites,
                               .needs_list = true};
  table[nvme::kVectorErase] = {.name = "Vector Chunk Reset",
                               .check = check_vector_erase,
                               .act = act_erase,
                               .counter = &Stats::deallocates,
                               .effects = kWrites,
                               .needs_list = true,
                               .long_running = true};
  table[nvme::kVectorWrite] = {.name = "Vector Chunk Write",
                               .check = check_vector_write,
                               .act = act_transfer<VectorOp::kWrite>,
                               .move = move_vector_write,
                               .counter = &Stats::writes,
                               .effects = kWrites,
                               .needs_list = true};
  table[nvme::kVectorRead] = {.name = "Vector Chunk Read",
                              .check = check_vector_read,
                              .act = act_transfer<VectorOp::kRead>,
                              .move = move_vector_read,
                              .counter = &Stats::reads,
                              .effects = kReads,
                              .needs_list = true};
  table[nvme::kVectorCopy] = {.name = "Vector Chunk Copy",
                              .exists = has_open_channel_20,
                              .check = check_vector_copy,
                              .act = act_transfer<VectorOp::kCopy>,
                              .move = move_vector_copy,
                              .counter = &Stats::management,
                              .effects = kWrites,
                              .needs_list = true};
  return table;
}

constexpr CommandTable kOpenChannelCommands = make_table();

}  // namespace

bool has_open_channel_12(const Shared& shared) { return has_version(shared, 1); }
bool has_open_channel_20(const Shared& shared) { return has_version(shared, 2); }

constinit const CommandSet kOpenChannelCommandSet = {
    .family = CommandFamily::kOpenChannel,
    .csi = nvme::Csi::kNvm,
    .commands = &kOpenChannelCommands,
    .whole_region = true,
    .fixed_format = open_channel_format,
    .describe_namespace = identify_open_channel,
};

}  // namespace nvmev
