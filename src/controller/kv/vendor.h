// SPDX-License-Identifier: GPL-2.0-only
// The vendor specific key-value commands: see include/nvmev/nvme/kv.h.
#pragma once

#include "../command_set.h"
#include "nvmev/nvme/kv.h"
#include "nvmev/nvme/log.h"

namespace nvmev::kv_vendor {

nvme::Status check_store(const IoContext& context, Task& task);
nvme::Status check_append(const IoContext& context, Task& task);
nvme::Status check_retrieve(const IoContext& context, Task& task);
nvme::Status check_delete(const IoContext& context, Task& task);
nvme::Status check_exist(const IoContext& context, Task& task);
void act_store(const IoContext& context, Task& task, u64 now);
void act_append(const IoContext& context, Task& task, u64 now);
void act_retrieve(const IoContext& context, Task& task, u64 now);
void act_delete(const IoContext& context, Task& task, u64 now);
void act_exist(const IoContext& context, Task& task, u64 now);
nvme::Status move_store(Shared& shared, DataBuffer& buffer, Task& task);
nvme::Status move_append(Shared& shared, DataBuffer& buffer, Task& task);
nvme::Status move_retrieve(Shared& shared, DataBuffer& buffer, Task& task);

nvme::Status check_iterator_request(const IoContext& context, Task& task);  // iterator.cc
nvme::Status check_iterator_read(const IoContext& context, Task& task);
void act_iterator_request(const IoContext& context, Task& task, u64 now);
void act_iterator_read(const IoContext& context, Task& task, u64 now);
nvme::Status move_iterator_read(Shared& shared, DataBuffer& buffer, Task& task);

nvme::Status check_batch(const IoContext& context, Task& task);  // batch.cc
void act_batch(const IoContext& context, Task& task, u64 now);
nvme::Status move_batch(Shared& shared, DataBuffer& buffer, Task& task);

// A status of the key-value command set as these commands have it.
nvme::Status vendor_status(nvme::Status status);

// Fills in their rows.
constexpr void add_commands(CommandTable& table) {
  using Op = nvme::KvVendorOpcode;
  using Stats = WorkerStats;
  constexpr u32 kReads = nvme::effects::kSupported;
  constexpr u32 kWrites = nvme::effects::kSupported | nvme::effects::kLbaContent;
  const auto row = [&](Op opcode) -> IoCommand& { return table[static_cast<u8>(opcode)]; };
  row(Op::kStore) = {.name = "Store (vendor)", .check = check_store, .act = act_store, .move = move_store,
                     .counter = &Stats::writes, .effects = kWrites, .needs_list = true};
  row(Op::kAppend) = {.name = "Append (vendor)", .check = check_append, .act = act_append, .move = move_append,
                      .counter = &Stats::writes, .effects = kWrites, .needs_list = true};
  row(Op::kBatch) = {.name = "Batch (vendor)", .check = check_batch, .act = act_batch, .move = move_batch,
                     .counter = &Stats::writes, .effects = kWrites};
  row(Op::kRetrieve) = {.name = "Retrieve (vendor)", .check = check_retrieve, .act = act_retrieve, .move = move_retrieve,
                        .counter = &Stats::reads, .effects = kReads, .needs_list = true};
  row(Op::kDelete) = {.name = "Delete (vendor)", .check = check_delete, .act = act_delete,
                      .counter = &Stats::deallocates, .effects = kWrites, .needs_list = true};
  row(Op::kExist) = {.name = "Exist (vendor)", .check = check_exist, .act = act_exist,
                     .counter = &Stats::key_commands, .effects = kReads, .needs_list = true};
  row(Op::kIteratorRequest) = {.name = "Iterator Request (vendor)", .check = check_iterator_request,
                               .act = act_iterator_request, .counter = &Stats::key_commands, .effects = kReads};
  row(Op::kIteratorRead) = {.name = "Iterator Read (vendor)", .check = check_iterator_read, .act = act_iterator_read,
                            .move = move_iterator_read, .counter = &Stats::key_commands, .effects = kReads};
}

}  // namespace nvmev::kv_vendor
