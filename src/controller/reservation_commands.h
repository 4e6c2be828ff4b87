// SPDX-License-Identifier: GPL-2.0-only
// The reservation commands: the same rows in every command set that has them.
#pragma once

#include "command_set.h"

namespace nvmev {

nvme::Status check_reservation_register(const IoContext&, Task&);
nvme::Status check_reservation_acquire(const IoContext&, Task&);
nvme::Status check_reservation_release(const IoContext&, Task&);
nvme::Status check_reservation_report(const IoContext&, Task&);
void act_reservation_register(const IoContext&, Task&, u64 now);
void act_reservation_acquire(const IoContext&, Task&, u64 now);
void act_reservation_release(const IoContext&, Task&, u64 now);
void act_reservation_report(const IoContext&, Task&, u64 now);
bool step_preempt_and_abort(Shared&, Task&, u64* at);
nvme::Status move_reservation_report(Shared&, DataBuffer&, Task&);

constexpr void add_reservation_rows(CommandTable& table) {
  constexpr u32 kEffects = nvme::effects::kSupported | nvme::effects::kScopeNamespace;
  const auto row = [&](nvme::NvmOpcode opcode) -> IoCommand& { return table[static_cast<u8>(opcode)]; };
  row(nvme::NvmOpcode::kReservationRegister) = {.name = "Reservation Register",
                                                .check = check_reservation_register,
                                                .act = act_reservation_register,
                                                .counter = &WorkerStats::management,
                                                .effects = kEffects,
                                                .reserves = true};
  row(nvme::NvmOpcode::kReservationReport) = {.name = "Reservation Report",
                                              .check = check_reservation_report,
                                              .act = act_reservation_report,
                                              .move = move_reservation_report,
                                              .counter = &WorkerStats::management,
                                              .effects = kEffects,
                                              .reserves = true};
  row(nvme::NvmOpcode::kReservationAcquire) = {.name = "Reservation Acquire",
                                               .check = check_reservation_acquire,
                                               .act = act_reservation_acquire,
                                               .counter = &WorkerStats::management,
                                               .effects = kEffects,
                                               .reserves = true,
                                               .long_running = true,
                                               .step = step_preempt_and_abort};
  row(nvme::NvmOpcode::kReservationRelease) = {.name = "Reservation Release",
                                               .check = check_reservation_release,
                                               .act = act_reservation_release,
                                               .counter = &WorkerStats::management,
                                               .effects = kEffects,
                                               .reserves = true};
}

}  // namespace nvmev
