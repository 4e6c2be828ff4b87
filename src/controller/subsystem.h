// SPDX-License-Identifier: GPL-2.0-only
// The NVM subsystem (NVMe 2.0 section 3.2): what the controllers of a device have in common. Each controller has its own registers,
// queues, features, events and counters (shared.h).
#pragma once

#include <array>
#include <atomic>

#include "admin_jobs.h"
#include "atomic_units.h"
#include "event_history.h"
#include "fdp.h"
#include "firmware.h"
#include "live_config.h"
#include "medium.h"
#include "metadata.h"
#include "namespace.h"
#include "nvmev/host.h"
#include "open_channel/chunk_log.h"
#include "region.h"
#include "reservations.h"
#include "sanitize.h"
#include "self_test.h"
#include "uncorrectable.h"
#include "undo_log.h"
#include "virtualization.h"
#include "write_order.h"

namespace nvmev {

class Controller;

struct Subsystem {
  nvmev_config config;  // as attached; live keys follow nvmev_dev_set()
  nvmev_host* host;
  Medium medium;
  Metadata metadata;  // of namespaces whose LBA format has some
  // Whether MPTR may point to an SGL. Not beside open-channel namespaces: drivers would use it for their metadata, too, which do not
  // come that way.
  bool metadata_sgls = false;
  Uncorrectable uncorrectable;
  AtomicUnits atomic_units;
  Regions regions;
  Namespaces namespaces;
  FdpEvents fdp_events;
  ChunkLog chunk_log;
  LiveConfig live;
  Reservations reservations;
  Quiesce abort_quiesce;  // of Preempt and Abort
  UndoLog undo_log;  // empty unless power_cuts=1
  WriteOrder write_order;  // where there is an undo log
  // What all I/O commands and most admin commands are answered during and after a failed Sanitize operation.
  std::atomic<nvme::Status> sanitize_gate{nvme::Status::kSuccess};
  // Power cuts: power_cut.cc
  std::atomic<u32> cutting_power{0};  // controllers that the cut under way has not stopped yet
  std::atomic<u64> power_cut_seed{0};
  std::atomic<u64> power_cut_lost{0};  // bytes that the last one took
  std::atomic<bool> hold{false};  // no command is to be fetched: nvmev_dev_hold()

  // Dispatcher 0, which runs all controllers in turn, has the rest to itself.
  EventHistory history;
  Firmware firmware;
  Sanitize sanitize;
  SelfTest self_test;
  Virtualization virtualization;
  std::array<Controller*, NVMEV_MAX_CONTROLLERS> controllers{};
  u32 controller_count = 0;

  // Everything but the controllers. 0 or a negative errno with *error.
  int init(const nvmev_config& config, nvmev_host* host, nvmev_error* error);

  // Whether a controller's reset is one of the subsystem, as far as its state goes: there is no other.
  bool has_one_controller() const { return controller_count == 1; }

  // Jobs of all controllers.
  u32 count_jobs(AdminJob::Step step) const;
  template <typename Function>
  void for_each_controller(Function with) {
    for (u32 i = 0; i < controller_count; i++) with(*controllers[i]);
  }

  // All controllers stop, then what was not durable is gone, then they are as after power-on. Any thread.
  void begin_power_cut(u64 seed);

  // Feature 06h: the cache is used while no controller has it switched off.
  void apply_volatile_cache();
};

}  // namespace nvmev
