// SPDX-License-Identifier: GPL-2.0-only
// The state of a controller that its dispatchers and workers share, and the way from there to what all controllers have in common.
#pragma once

#include <array>
#include <atomic>

#include "ana.h"
#include "controller_memory.h"
#include "error_log.h"
#include "life.h"
#include "nvmev/host.h"
#include "nvmev/host_array.h"
#include "nvmev/nvme/async_event.h"
#include "power.h"
#include "queue.h"
#include "stats.h"
#include "subsystem.h"
#include "task.h"
#include "worker_room.h"

namespace nvmev {

// Events that any thread can bring about; dispatcher 0 reports them.
enum class PendingEvent : u32 {
  kInvalidDoorbellRegister = 1u << 0,
  kInvalidDoorbellValue = 1u << 1,
  kTuned = 1u << 2,  // a live key was set
  kChunkNotification = 1u << 3,
  kReservation = 1u << 4,  // a notice
  kLbaStatus = 1u << 5,  // blocks have become unreadable
};

// Interrupt coalescing (features 08h and 09h), as workers need it.
struct Coalescing {
  std::atomic<u32> threshold{0};  // completions beyond the first
  std::atomic<u64> time{0};       // ns; 0: no coalescing
  std::atomic<u64> disabled[NVMEV_MAX_VECTORS / 64]{};

  bool applies_to(u16 vector) const {
    return time.load(std::memory_order_relaxed) != 0 && threshold.load(std::memory_order_relaxed) != 0 &&
           (disabled[vector / 64].load(std::memory_order_relaxed) >> vector % 64 & 1) == 0;
  }
};

struct Shared {
  // `index`: of the controller, from 0. `function` and `bar` are its own.
  Shared(Subsystem& of, u32 number, nvmev_function* pci, u8* registers)
      : subsystem(of), index(number), function(pci), bar(registers), host(of.host), namespaces(of.namespaces, number) {}

  Subsystem& subsystem;
  const u32 index;
  nvmev_function* const function;
  u8* const bar;

  // Of the subsystem.
  nvmev_host* const host;
  const nvmev_config& config = subsystem.config;
  Medium& medium = subsystem.medium;
  Metadata& metadata = subsystem.metadata;
  Uncorrectable& uncorrectable = subsystem.uncorrectable;
  AtomicUnits& atomic_units = subsystem.atomic_units;
  Regions& regions = subsystem.regions;
  FdpEvents& fdp_events = subsystem.fdp_events;
  ChunkLog& chunk_log = subsystem.chunk_log;
  LiveConfig& live = subsystem.live;
  UndoLog& undo_log = subsystem.undo_log;
  WriteOrder& write_order = subsystem.write_order;
  std::atomic<nvme::Status>& sanitize_gate = subsystem.sanitize_gate;
  std::atomic<bool>& hold = subsystem.hold;

  Bus bus{function};
  ControllerMemory memory{host, config, index, bar, bus, sanitize_gate};
  ControllerNamespaces namespaces;

  HostArray<SubmissionQueue> sqs;  // by queue id; 0 is the admin queue
  HostArray<CompletionQueue> cqs;
  std::atomic<u32> sq_generation{0};  // changes whenever an I/O submission queue comes or goes

  HostArray<TaskRing> rings;  // dispatcher d to worker w: ring(d, w)
  HostArray<WorkerRoom> worker_rooms;
  HostArray<WorkerStats> worker_stats;
  HostArray<DispatcherStats> dispatcher_stats;

  ErrorLog error_log;
  AnaAccess ana;
  // Namespaces whose commands each worker is to abort, by NSID - 1: Preempt and Abort.
  std::array<std::atomic<u32>, NVMEV_MAX_WORKERS> aborts{};
  Coalescing coalescing;
  Power power;
  std::atomic<u32> pending_events{0};  // PendingEvent bits
  std::atomic<u32> media_feedback{0};  // feature CAh
  std::atomic<bool> weighted{false};   // CC.AMS is 001b
  std::atomic<u32> arbitration{0};     // feature 01h
  std::atomic<bool> extended_formats{false};  // LBAFEE of feature 16h
  std::atomic<u16> copy_formats{0};  // CDFE of feature 16h: a bit for each that has to be asked for
  std::atomic<bool> all_command_sets{false};  // CC.CSS is 110b
  LifeTotals earlier;  // of the runs before this one

  TaskRing& ring(u32 d, u32 w) { return rings[static_cast<std::size_t>(d) * config.workers + w]; }
  const TaskRing& ring(u32 d, u32 w) const { return rings[static_cast<std::size_t>(d) * config.workers + w]; }

  u16 controller_id() const { return static_cast<u16>(index + 1); }
  u32 max_transfer() const { return kPageSize << config.mdts; }

  // Doorbells in BAR 0 (stride 4 bytes).
  u32* sq_doorbell(u32 id) { return reinterpret_cast<u32*>(bar + NVMEV_BAR_DOORBELLS) + 2 * id; }
  u32* cq_doorbell(u32 id) { return sq_doorbell(id) + 1; }

  void raise(PendingEvent event) {
    pending_events.fetch_or(static_cast<u32>(event), std::memory_order_release);
  }
};

}  // namespace nvmev
