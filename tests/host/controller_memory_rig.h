// SPDX-License-Identifier: GPL-2.0-only
// A device with a Controller Memory Buffer, a Persistent Memory Region, or both, at addresses outside the requester's memory.
#pragma once

#include "host/rig.h"
#include "nvmev/nvme/registers.h"

namespace nvmev::test {

namespace space = nvme::memory_space;

struct MemoryRig : Rig {
  static constexpr u64 kCmbBase = 0x80'0000'0000;
  static constexpr u64 kPmrBase = 0x90'0000'0000;
  static constexpr u32 kSize = 256 << 10;  // of either

  explicit MemoryRig(const Settings& settings) : Rig(settings) {
    if (device.cmb() != nullptr) host.arena.overlay(kCmbBase, device.cmb(), kSize);
    if (device.pmr() != nullptr) host.arena.overlay(kPmrBase, device.pmr(), kSize);
  }

  // CMBMSC, as a driver writes it; the device takes notice.
  void place_cmb(u64 value) {
    write_cmbmsc(value);
    runner.run_for(1'000'000);
  }
  void write_cmbmsc(u64 value) { driver.write64(offsetof(nvme::Registers, cmbmsc), value); }
  bool cmb_invalid() { return driver.read32(offsetof(nvme::Registers, cmbsts)) & nvme::cmbsts::kBaseInvalid; }

  u32 pmr(u32 offset) { return driver.read32(nvme::kPmrRegisters + offset); }
  void write_pmr(u32 offset, u32 value) { driver.write32(nvme::kPmrRegisters + offset, value); }
  void enable_pmr(bool enable = true) {
    write_pmr(offsetof(nvme::PmrRegisters, pmrctl), enable);
    runner.run_for(1'000'000);
  }
  bool pmr_ready() { return !(pmr(offsetof(nvme::PmrRegisters, pmrsts)) & nvme::pmrsts::kNotReady); }
  bool pmr_invalid() { return pmr(offsetof(nvme::PmrRegisters, pmrsts)) & nvme::pmrsts::kBaseInvalid; }
  void place_pmr(u64 value) {
    write_pmr(offsetof(nvme::PmrRegisters, pmrmscu), static_cast<u32>(value >> 32));
    write_pmr(offsetof(nvme::PmrRegisters, pmrmscl), static_cast<u32>(value));
    runner.run_for(1'000'000);
  }

  void put(u64 bus, const std::vector<u8>& bytes) { std::memcpy(host.arena.at(bus), bytes.data(), bytes.size()); }
  std::vector<u8> get(u64 bus, size_t bytes) {
    const u8* from = host.arena.at(bus);
    return {from, from + bytes};
  }
  nvme::Status status(nvme::Sqe sqe, u64 prp1, u64 prp2 = 0, u16 queue = 1) {
    sqe.prp1 = prp1;
    sqe.prp2 = prp2;
    return driver.run(queue, sqe).status;
  }
};

}  // namespace nvmev::test
