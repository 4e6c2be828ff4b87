// SPDX-License-Identifier: GPL-2.0-only
// Controller Memory Buffer and Persistent Memory Region: NVMe 2.0 sections 8.5 and 8.14. The memory is the host's; what is here are the
// registers that say which addresses of the requester refer to it.
//
// Two things differ from hardware, as nothing traps an access to memory. CMBLOC and CMBSZ can be read without CMBMSC.CRE: drivers read
// them in the instruction after the one that sets it. And a Persistent Memory Region that is not ready takes what is written to it.
#pragma once

#include <atomic>

#include "bus.h"
#include "mmio.h"
#include "nvmev/host.h"
#include "nvmev/nvme/registers.h"
#include "nvmev/nvme/status.h"
#include "nvmev/spinlock.h"
#include "nvmev/types.h"

namespace nvmev {

inline constexpr u32 kMinControllerMemory = 64u << 10;  // bytes
inline constexpr u32 kMaxControllerMemory = 1u << 30;

// Bytes of the Persistent Memory Regions of all controllers, from nvmev_config::pmr_base on.
inline u64 pmr_bytes(const nvmev_config& config) { return static_cast<u64>(config.pmr_size) * config.controllers; }

class ControllerMemory {
 public:
  // `index`: of the controller, from 0; `bar` is its BAR 0. `gate`: see Subsystem::sanitize_gate.
  ControllerMemory(nvmev_host* host, const nvmev_config& config, u32 index, u8* bar, Bus& bus,
                   const std::atomic<nvme::Status>& gate);

  // What CAP says.
  u64 capabilities() const;

  // Whether look() would find something to do. Any thread.
  bool changed() const { return present_ && has_changed(); }

  // Acts on what the requester has written to CMBMSC, PMRCTL and PMRMSC. Called behind every look at a doorbell, so that what was
  // written before the doorbell holds for the command. Any dispatcher.
  void look() {
    if (changed()) act();
  }

  // Puts read-only registers back. True if there was something to put back. Dispatcher 0.
  bool restore();

  // A Controller Level Reset other than a Controller Reset (CC.EN), by which all of this survives. `power_cut`: other than a Function
  // Level Reset, by which CMBMSC survives. Dispatcher 0.
  void reset(bool power_cut);

  bool pmr_enabled() const { return (load_relaxed(&pmr_registers()->pmrctl) & nvme::pmrctl::kEnable) != 0; }
  // How often it has become ready.
  u64 pmr_enables() const { return pmr_enables_.load(std::memory_order_relaxed); }

 private:
  // As the requester has written them.
  struct Control {
    u64 cmbmsc;
    u64 pmrmsc;
    u32 pmrctl;
  };

  nvme::Registers* registers() const { return reinterpret_cast<nvme::Registers*>(bar_ + NVMEV_BAR_REGISTERS); }
  nvme::PmrRegisters* pmr_registers() const {
    return reinterpret_cast<nvme::PmrRegisters*>(bar_ + NVMEV_BAR_REGISTERS + nvme::kPmrRegisters);
  }
  Control read() const;
  bool has_changed() const;
  bool becomes_ready(u32 pmrctl) const;
  void act();
  bool place(MemoryWindow& window, const MemoryWindow& other, u64 control, bool permitted) const;

  nvmev_host* const host_;
  u8* const bar_;
  Bus& bus_;
  const std::atomic<nvme::Status>& gate_;
  bool present_ = false;

  // As last acted upon; written under the lock.
  Spinlock lock_;
  std::atomic<u64> cmbmsc_{0};
  std::atomic<u64> pmrmsc_{0};
  std::atomic<bool> pmr_ready_{false};
  std::atomic<u64> pmr_enables_{0};
  u32 cmbsts_ = 0;
  u32 pmrsts_ = 0;
};

}  // namespace nvmev
