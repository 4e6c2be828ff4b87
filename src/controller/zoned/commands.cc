// SPDX-License-Identifier: GPL-2.0-only
// The table of the Zoned Namespace Command Set's commands (1.1, figure 15).
#include "../command_set.h"
#include "../io_check.h"
#include "../reservation_commands.h"
#include "nvmev/nvme/log.h"
#include "nvmev/nvme/zns.h"
#include "zoned.h"

namespace nvmev {

namespace {

constexpr u32 kReads = nvme::effects::kSupported | nvme::effects::kScopeNamespace;
constexpr u32 kWrites = kReads | nvme::effects::kLbaContent;

// The opcodes that are new exist for hosts that have enabled all command sets (CC.CSS 110b).
bool zns_enabled(const Shared& shared) { return shared.all_command_sets.load(std::memory_order_relaxed); }

// Deallocation is a hint, and space comes back by resetting zones: nothing changes (NVM Command Set 1.0, section 3.2.3.2.1).
void act_deallocate(const IoContext&, Task& task, u64) { task.list = nullptr; }

constexpr auto make_table() {
  using Op = nvme::NvmOpcode;
  using ZoneOp = nvme::ZnsOpcode;
  using Stats = WorkerStats;
  CommandTable table{};
  const auto row = [&](auto opcode) -> IoCommand& { return table[static_cast<u8>(opcode)]; };
  row(Op::kFlush) = {.name = "Flush",
                     .check = check_flush,
                     .act = act_flush,
                     .counter = &Stats::flushes,
                     .effects = kReads,
                     .as_write = true};
  row(Op::kWrite) = {.name = "Write",
                     .check = check_zone_write,
                     .act = act_zone_write,
                     .move = move_zone_write,
                     .counter = &Stats::writes,
                     .effects = kWrites};
  row(Op::kRead) = {.name = "Read",
                    .check = check_zone_read,
                    .act = act_zone_read,
                    .move = move_zone_read,
                    .counter = &Stats::reads,
                    .effects = kReads};
  row(Op::kCompare) = {.name = "Compare",
                       .check = check_zone_compare,
                       .act = act_zone_read,
                       .move = move_zone_compare,
                       .counter = &Stats::compares,
                       .effects = kReads};
  row(Op::kWriteZeroes) = {.name = "Write Zeroes",
                           .check = check_zone_zeroes,
                           .act = act_zone_write,
                           .counter = &Stats::write_zeroes,
                           .effects = kWrites,
                           .long_running = true,
                           .step = step_zone_zeroes};
  row(Op::kVerify) = {.name = "Verify",
                      .check = check_zone_verify,
                      .act = act_zone_read,
                      .move = move_zone_verify,
                      .counter = &Stats::verifies,
                      .effects = kReads};
  row(Op::kWriteUncorrectable) = {.name = "Write Uncorrectable",
                                  .check = check_zone_uncorrectable,
                                  .act = act_zone_write,
                                  .move = move_zone_uncorrectable,
                                  .counter = &Stats::write_uncorrectables,
                                  .effects = kWrites};
  row(Op::kCopy) = {.name = "Copy",
                    .check = check_zone_copy,
                    .act = act_zone_copy,
                    .move = move_zone_copy,
                    .counter = &Stats::copies,
                    .effects = kWrites,
                    .needs_list = true};
  row(Op::kDatasetManagement) = {.name = "Dataset Management",
                                 .check = check_dataset_management,
                                 .act = act_deallocate,
                                 .counter = &Stats::deallocates,
                                 .effects = kWrites,
                                 .checks_protection = true,
                                 .needs_list = true};
  row(ZoneOp::kZoneManagementSend) = {.name = "Zone Management Send",
                                      .exists = zns_enabled,
                                      .check = check_zone_send,
                                      .act = act_zone_send,
                                      .ready = zone_send_ready,
                                      .counter = &Stats::management,
                                      .effects = kWrites,
                                      .needs_list = true,
                                      .long_running = true,
                                      .step = step_zone_reset};
  row(ZoneOp::kZoneManagementReceive) = {.name = "Zone Management Receive",
                                         .exists = zns_enabled,
                                         .check = check_zone_receive,
                                         .act = act_zone_receive,
                                         .move = move_zone_report,
                                         .counter = &Stats::management,
                                         .effects = kReads};
  row(ZoneOp::kZoneAppend) = {.name = "Zone Append",
                              .exists = zns_enabled,
                              .check = check_zone_append,
                              .act = act_zone_write,
                              .move = move_zone_write,
                              .counter = &Stats::writes,
                              .effects = kWrites};
  add_reservation_rows(table);
  return table;
}

constexpr CommandTable kZonedCommands = make_table();

}  // namespace

constinit const CommandSet kZonedCommandSet = {
    .family = CommandFamily::kZoned,
    .csi = nvme::Csi::kZoned,
    .commands = &kZonedCommands,
    .whole_region = true,
    .identify_namespace = identify_zoned_namespace,
    .identify_controller = identify_zoned_controller,
};

}  // namespace nvmev
