// SPDX-License-Identifier: GPL-2.0-only
// Erase counts, bad die blocks and those that replace them.
#pragma once

#include "geometry.h"
#include "nvmev/counter.h"
#include "nvmev/ftl.h"
#include "nvmev/host_array.h"
#include "nvmev/state_archive.h"

namespace nvmev::flash {

// Each die has `used` die blocks that the FTL addresses, by numbers from 0, and spare ones behind them. A bad block's
// number passes to a spare block of the same die.
class Wear {
 public:
  // False when there is no memory. Marks the blocks that are bad at birth.
  bool init(const Geometry& geometry, u32 used, const nvmev_config& config, nvmev_host* host);

  // Erases what number `block` of `die` stands for. False when that failed and there is no spare block left: the
  // number must not be used again.
  bool erase(u32 die, u32 block);

  // False if the number is bad from birth because all spare blocks are.
  bool usable(u32 die, u32 block) const { return bad_.size() == 0 || !bad_[index(die, block)]; }

  u32 erases(u32 die, u32 block) const { return erases_[index(die, physical(die, block))]; }

  // Of a die block itself, spare ones behind the others.
  u32 block_erases(u32 die, u32 physical) const { return erases_[index(die, physical)]; }
  // See Ftl::erase_counts().
  u32 erase_counts(u32 die, u32* counts, u32 size) const;

  // Refuses what erases cannot have left.
  void transfer(StateArchive& archive, nvmev_host* host);

  u64 total_erases() const { return total_.get(); }
  u32 largest() const { return static_cast<u32>(largest_.get()); }
  u64 bad_blocks() const { return bad_count_.get(); }
  u64 spare_blocks() const { return spare_total_; }
  u64 spare_left() const { return spare_left_.get(); }
  u32 rated() const { return rated_; }
  // Mean erase count of all die blocks over the rated number, percent.
  u32 percentage_used() const;
  // What the SMART log says of this.
  FtlHealth health() const;

 private:
  std::size_t index(u32 die, u32 block) const { return static_cast<std::size_t>(die) * die_blocks_ + block; }
  u32 physical(u32 die, u32 block) const {
    const u32 spare = replaced_.size() != 0 ? replaced_[static_cast<std::size_t>(die) * used_ + block] : 0;
    return spare != 0 ? used_ + spare - 1 : block;
  }
  // Erases that a die block survives.
  u32 endurance(u32 die, u32 physical) const;
  // Gives the number to a good spare block. False if there is none.
  bool replace(u32 die, u32 block);
  bool bad_at_birth(u32 die, u32 physical) const;
  void check(StateArchive& archive, nvmev_host* host) const;

  u64 seed_ = 0;
  u32 rated_ = 1;
  u32 dies_ = 0;
  u32 die_blocks_ = 0;
  u32 used_ = 0;
  u32 bad_milli_percent_ = 0;
  u64 spare_total_ = 0;
  Counter spare_left_;
  Counter total_;
  Counter largest_;
  Counter bad_count_;
  HostArray<u32> erases_;      // [die][physical block]
  HostArray<u32> replaced_;    // [die][number]: 1 + which spare block stands in, 0: none
  HostArray<u32> spare_next_;  // [die]: spare blocks that are given out
  HostArray<bool> bad_;        // [die][number]: nothing stands for it
};

}  // namespace nvmev::flash
