// SPDX-License-Identifier: GPL-2.0-only
#include "controller_memory.h"

namespace nvmev {

namespace cmbloc = nvme::cmbloc;
namespace cmbsz = nvme::cmbsz;
namespace memory_space = nvme::memory_space;
namespace pmrcap = nvme::pmrcap;

namespace {

u32 location() {
  return cmbloc::bir(NVMEV_CMB_BAR) | cmbloc::kMixedList | cmbloc::kIndependentList | cmbloc::kMixedData;
}

u32 size_and_uses(u64 bytes) {
  return cmbsz::kSubmissionQueues | cmbsz::kCompletionQueues | cmbsz::kLists | cmbsz::kReadData | cmbsz::kWriteData |
         cmbsz::pages(bytes);
}

// What is written is persistent at once, so that any read shows it.
u32 region_capabilities() {
  constexpr u8 kTimeout = 2;  // 1 s; a Sanitize operation keeps it longer
  return pmrcap::kReadData | pmrcap::kWriteData | pmrcap::bir(NVMEV_PMR_BAR) | pmrcap::kReadIsBarrier |
         pmrcap::kStatusIsBarrier | pmrcap::timeout(kTimeout) | pmrcap::kMemorySpace;
}

// The part of a controller.
u8* part_of(void* all, u64 size, u32 index) { return all != nullptr ? static_cast<u8*>(all) + size * index : nullptr; }

}  // namespace

ControllerMemory::ControllerMemory(nvmev_host* host, const nvmev_config& config, u32 index, u8* bar, Bus& bus,
                                   const std::atomic<nvme::Status>& gate)
    : host_(host), bar_(bar), bus_(bus), gate_(gate), present_((config.cmb_size | config.pmr_size) != 0) {
  bus.cmb.init(part_of(config.cmb_base, config.cmb_size, index), config.cmb_size);
  bus.pmr.init(part_of(config.pmr_base, config.pmr_size, index), config.pmr_size);
  if (config.pmr_size != 0) pmrsts_ = nvme::pmrsts::kNotReady;
  restore();
}

u64 ControllerMemory::capabilities() const {
  return (bus_.cmb.size() != 0 ? nvme::cap::kCmbs : 0) | (bus_.pmr.size() != 0 ? nvme::cap::kPmrs : 0);
}

ControllerMemory::Control ControllerMemory::read() const {
  Control control{};
  if (bus_.cmb.size() != 0) control.cmbmsc = load_relaxed(&registers()->cmbmsc);
  if (bus_.pmr.size() != 0) {
    const nvme::PmrRegisters* pmr = pmr_registers();
    control.pmrctl = load_relaxed(&pmr->pmrctl);
    control.pmrmsc = load_relaxed(&pmr->pmrmscl) | static_cast<u64>(load_relaxed(&pmr->pmrmscu)) << 32;
  }
  return control;
}

bool ControllerMemory::has_changed() const {
  const Control control = read();
  return control.cmbmsc != cmbmsc_.load(std::memory_order_relaxed) ||
         control.pmrmsc != pmrmsc_.load(std::memory_order_relaxed) ||
         becomes_ready(control.pmrctl) != pmr_ready_.load(std::memory_order_relaxed);
}

// Section 8.21: not as long as a Sanitize operation is under way.
bool ControllerMemory::becomes_ready(u32 value) const {
  return (value & nvme::pmrctl::kEnable) != 0 && gate_.load(std::memory_order_relaxed) != nvme::Status::kSanitizeInProgress;
}

// Opens the window as `control` says, or closes it. False when the base address is invalid: the addresses wrap around, or are those
// of the other window, which had them first.
bool ControllerMemory::place(MemoryWindow& window, const MemoryWindow& other, u64 control, bool permitted) const {
  if (!permitted || (control & memory_space::kEnable) == 0) {
    window.close();
    return true;
  }
  const u64 base = control & memory_space::kBaseMask;
  const bool valid = base + (window.size() - 1) >= base && !other.overlaps(base, window.size());
  if (valid) {
    window.open(base);
  } else {
    window.close();
  }
  return valid;
}

void ControllerMemory::act() {
  SpinGuard guard(host_, lock_);
  const Control control = read();
  const bool cmb_moves = control.cmbmsc != cmbmsc_.load(std::memory_order_relaxed);
  const bool pmr_moves = control.pmrmsc != pmrmsc_.load(std::memory_order_relaxed);
  if (cmb_moves) bus_.cmb.close();
  if (pmr_moves) bus_.pmr.close();
  const auto place_cmb = [&] {
    const bool capable = (control.cmbmsc & memory_space::kCapabilities) != 0;
    cmbsts_ = place(bus_.cmb, bus_.pmr, control.cmbmsc, bus_.cmb.size() != 0 && capable) ? 0 : nvme::cmbsts::kBaseInvalid;
  };
  // The one that stays where it is goes first.
  if (!cmb_moves) place_cmb();
  const bool pmr_valid = place(bus_.pmr, bus_.cmb, control.pmrmsc, bus_.pmr.size() != 0);
  if (cmb_moves) place_cmb();
  const bool ready = becomes_ready(control.pmrctl);
  bus_.pmr_ready.store(ready, std::memory_order_release);
  if (bus_.pmr.size() != 0) pmrsts_ = (ready ? 0 : nvme::pmrsts::kNotReady) | (pmr_valid ? 0 : nvme::pmrsts::kBaseInvalid);
  cmbmsc_.store(control.cmbmsc, std::memory_order_relaxed);
  pmrmsc_.store(control.pmrmsc, std::memory_order_relaxed);
  if (ready && !pmr_ready_.load(std::memory_order_relaxed)) pmr_enables_.fetch_add(1, std::memory_order_relaxed);
  pmr_ready_.store(ready, std::memory_order_relaxed);
  if (bus_.cmb.size() != 0) store_release(&registers()->cmbsts, cmbsts_);
  if (bus_.pmr.size() != 0) store_release(&pmr_registers()->pmrsts, pmrsts_);
}

bool ControllerMemory::restore() {
  if (!present_) return false;
  SpinGuard guard(host_, lock_);
  bool restored = false;
  const auto keep = [&](u32* where, u32 value) {
    if (load_relaxed(where) == value) return;
    store_release(where, value);
    restored = true;
  };
  if (bus_.cmb.size() != 0) {
    keep(&registers()->cmbloc, location());
    keep(&registers()->cmbsz, size_and_uses(bus_.cmb.size()));
    keep(&registers()->cmbsts, cmbsts_);
    keep(&registers()->cmbebs, 0);
    keep(&registers()->cmbswtp, 0);
  }
  if (bus_.pmr.size() != 0) {
    keep(&pmr_registers()->pmrcap, region_capabilities());
    keep(&pmr_registers()->pmrsts, pmrsts_);
    keep(&pmr_registers()->pmrebs, 0);
    keep(&pmr_registers()->pmrswtp, 0);
  }
  return restored;
}

void ControllerMemory::reset(bool power_cut) {
  if (bus_.cmb.size() != 0 && power_cut) store_relaxed(&registers()->cmbmsc, 0);
  if (bus_.pmr.size() != 0) {
    store_relaxed(&pmr_registers()->pmrctl, 0);
    store_relaxed(&pmr_registers()->pmrmscl, 0);
    store_relaxed(&pmr_registers()->pmrmscu, 0);
  }
  look();
}

}  // namespace nvmev
