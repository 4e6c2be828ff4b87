// SPDX-License-Identifier: GPL-2.0-only
// Virtualization Enhancements (NVMe 2.0 section 8.26): the first controller is a primary controller, the others are its secondary
// controllers: PCI functions as well, and no virtual ones. They have queues and interrupt vectors as far as the primary controller
// assigns flexible resources to them, and cannot be used before they have been brought online.
#pragma once

#include <array>

#include "nvmev/host.h"
#include "nvmev/nvme/command.h"
#include "nvmev/nvme/status.h"
#include "nvmev/nvme/virtualization.h"
#include "nvmev/types.h"

namespace nvmev {

class Controller;
class StateArchive;
struct Shared;

// Who has which resources. Controllers by index, from 0. Dispatcher 0 only.
class Virtualization {
 public:
  static constexpr u32 kPrimary = 0;

  void init(const nvmev_config& config);

  // Otherwise all controllers are online and have all that there is.
  bool on() const { return on_; }
  bool is_primary(u32 controller) const { return on_ && controller == kPrimary; }
  bool is_secondary(u32 controller) const { return on_ && controller != kPrimary && controller < controllers_; }
  bool online(u32 controller) const { return !is_secondary(controller) || online_[controller]; }

  // What a controller has that is online: I/O queue pairs, at least 1; interrupt vectors, at least 1.
  u32 queues(u32 controller) const { return count(nvme::ResourceType::kQueue, controller) - 1; }
  u32 vectors(u32 controller) const { return count(nvme::ResourceType::kInterrupt, controller); }

  // ---- Actions of the Virtualization Management command

  // From the primary controller's next reset on that is no Controller Reset.
  nvme::Status allocate(u32 type, u32 resources);
  nvme::Status assign(u32 secondary, u32 type, u32 resources);
  nvme::Status bring_online(u32 secondary);
  // Its resources are free then.
  void take_offline(u32 secondary);

  // The primary controller was reset: what it was to be allocated it has now. All secondary controllers are offline.
  void activate();

  void fill(nvme::PrimaryCapabilities& data) const;
  void fill(u32 secondary, nvme::SecondaryController& entry) const;

  // What the primary controller is allocated, to or from a state file.
  void transfer(StateArchive& archive);

 private:
  // Resources of a type.
  struct Pool {
    u16 flexible;   // in all
    u16 own;        // private resources of the primary controller
    u16 allocated;  // flexible resources of the primary controller
    u16 next;       // the same, after its next reset
    std::array<u16, NVMEV_MAX_CONTROLLERS> assigned;  // to secondary controllers

    u32 all_assigned() const;
  };

  Pool& pool(nvme::ResourceType type) { return pools_[static_cast<u8>(type)]; }
  const Pool& pool(nvme::ResourceType type) const { return pools_[static_cast<u8>(type)]; }
  u32 count(nvme::ResourceType type, u32 controller) const;

  bool on_ = false;
  u32 controllers_ = 1;
  std::array<bool, NVMEV_MAX_CONTROLLERS> online_{};
  std::array<Pool, nvme::kResourceTypes> pools_{};
};

bool is_primary(const Shared& shared);

// Identify CNS 14h and 15h.
nvme::Status primary_capabilities(Controller& controller, const nvme::Sqe& sqe, u8* data);
nvme::Status secondary_controllers(Controller& controller, const nvme::Sqe& sqe, u8* data);

}  // namespace nvmev
