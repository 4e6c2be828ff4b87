// SPDX-License-Identifier: GPL-2.0-only
// How long flash operations take.
#pragma once

#include <array>
#include <atomic>

#include "geometry.h"
#include "nvmev/host.h"
#include "nvmev/types.h"

namespace nvmev::flash {

// ns. Set by any thread while operations are planned in another.
class Timing {
 public:
  void set(const nvmev_config& config) {
    const auto put = [](std::atomic<u64>& to, u64 ns) { to.store(ns, std::memory_order_relaxed); };
    put(read_[0], config.nand_read_lsb);
    // Page types of a word line, fastest first: MLC has no central page.
    const bool mlc = config.cell == static_cast<u32>(Cell::kMlc);
    put(read_[1], mlc ? config.nand_read_msb : config.nand_read_csb);
    put(read_[2], config.nand_read_msb);
    put(read_[3], config.nand_read_tsb);
    put(read_saving_, config.nand_read_saving);
    put(program_, config.nand_program);
    put(erase_, config.nand_erase);
    put(command_, config.nand_command);
    put(suspend_, config.nand_suspend);
  }

  // Array time of a read; `bytes` is what is wanted of the row.
  u64 read(u32 page_type, u32 bytes) const {
    const u64 whole = get(read_[page_type]);
    const u64 saving = bytes <= kPageSize ? get(read_saving_) : 0;
    return whole > saving ? whole - saving : 0;
  }
  u64 program() const { return get(program_); }
  u64 erase() const { return get(erase_); }
  u64 command() const { return get(command_); }  // command and address cycles on the channel
  u64 suspend() const { return get(suspend_); }  // and as much to resume; 0: no suspension

 private:
  static u64 get(const std::atomic<u64>& from) { return from.load(std::memory_order_relaxed); }

  std::array<std::atomic<u64>, kPageTypes> read_{};
  std::atomic<u64> read_saving_{0};
  std::atomic<u64> program_{0};
  std::atomic<u64> erase_{0};
  std::atomic<u64> command_{0};
  std::atomic<u64> suspend_{0};
};

}  // namespace nvmev::flash
