// SPDX-License-Identifier: GPL-2.0-only
// An open-channel SSD 1.2: vector commands on the sectors of blocks, a table of bad blocks, a map of logical blocks.
#pragma once

#include "nand.h"
#include "nvmev/open_channel.h"
#include "nvmev/run_clock.h"
#include "runs.h"

namespace nvmev::ocssd {

struct InitialBlocks;

class Ocssd12 final : public Ftl, public OpenChannel {
 public:
  static int check(const nvmev_config& config, nvmev_error* error);
  static Ftl* create(const nvmev_config& config, nvmev_host* host);

  // ---- Ftl
  IoPlan plan(const IoRequest& request) override { return {request.now, nvme::Status::kSuccess}; }
  void format() override;
  OpenChannel* open_channel() override { return this; }
  u64 state_hash() const override;
  void retune(const nvmev_config& config) override { nand_.retune(config); }
  FtlHealth health() const override;
  MediaTraffic traffic() const override { return nand_.traffic(); }
  void report(TextWriter& text) const override;
  void destroy() override;
  bool keeps_state() const override { return true; }
  void transfer(StateArchive& archive, u64* now) override;

  // ---- OpenChannel
  u32 version() const override { return 1; }
  const SectorLayout& layout() const override { return shape_.layout; }
  u64 blocks() const override { return shape_.layout.sectors; }
  u64 sector_of(u64 address) const override { return shape_.sector_of(address); }
  u64 erased_sectors(u64 address, u32 plane_mode, u32* count) const override;
  void geometry(u8* page) const override;
  u32 max_vector() const override { return config_.max_sectors; }
  VectorOutcome execute(u64 now, const VectorRequest& request, SectorRun* runs) override;
  bool take_notification(nvme::ChunkNotification*) override { return false; }
  bool bad_block_table(u64 address, nvme::BadBlockTableHeader* header, u32* first) const override;
  u8 block_type_of(u32 entry) const override { return types_[entry]; }
  nvme::Status set_block_types(const AddressList& blocks, u8 type) override;
  bool has_l2p_table() const override { return map_.size() != 0; }
  u64 mapped(u64 logical) const override;

  // ---- 2.0 has these.
  u64 chunks() const override { return 0; }
  void describe(u64, nvme::ChunkDescriptor*) const override {}
  nvme::Status set_chunk(u64, const nvme::ChunkDescriptor&, bool) override { return nvme::Status::kInvalidOpcode; }
  u64 chunk_of(u64) const override { return 0; }

  explicit Ocssd12(nvmev_host* host) : host_(host) {}

 private:
  bool init(const nvmev_config& config);
  void set_initial(const InitialBlocks& blocks);
  bool is_written(u64 sector) const { return written_[sector / 64] >> sector % 64 & 1; }
  void set_written(u64 sector, bool on) {
    const u64 bit = 1ull << sector % 64;
    written_[sector / 64] = on ? written_[sector / 64] | bit : written_[sector / 64] & ~bit;
  }
  // Planes that a mode lets work at once; 0 if the device does not have it.
  u32 planes_of(u32 mode) const {
    const u32 planes = 1u << mode;
    return mode <= nvme::kPlaneModeQuad && planes <= shape_.planes ? planes : 0;
  }
  u32 plane_of(u32 offset) const { return offset / shape_.page_sectors % shape_.planes; }
  // Entry of the bad block table.
  u64 entry_of(u64 address) const {
    return shape_.chunk_of(address) * shape_.planes + plane_of(shape_.offset_of(address));
  }
  // One of the types, each of which is a bit, or none.
  static bool is_block_type(u8 type) { return type <= nvme::block_type::kHostReserved && (type & (type - 1)) == 0; }
  bool is_bad(u64 entry) const {
    return types_[entry] & (nvme::block_type::kBad | nvme::block_type::kGrownBad | nvme::block_type::kDeviceReserved);
  }
  VectorOutcome erase(u64 now, const VectorRequest& request);
  VectorOutcome write(u64 now, const VectorRequest& request, RunBuilder& runs);
  VectorOutcome read(u64 now, const VectorRequest& request, RunBuilder& runs);
  VectorOutcome read_mapped(u64 now, const VectorRequest& request, RunBuilder& runs);
  void erase_plane(u64 chunk, u32 plane);
  bool write_fails();
  template <typename Function>
  void for_each_span(const SectorRun* runs, u32 count, Function with) const;

  nvmev_host* host_;
  Shape shape_{};
  nvmev_open_channel config_{};
  u32 rated_ = 1;
  Nand nand_;
  HostArray<u64> written_;  // a bit for each sector
  HostArray<u8> types_;     // [unit][block][plane]: the bad block tables
  HostArray<u32> map_;      // [logical block]: 1 + sector; 0: unmapped
  u32 until_failure_ = 0;   // sectors that are written before the next injected failures
  u32 failures_left_ = 0;
  Counter sectors_written_, sectors_read_, erases_;
  RunClock run_clock_;
};

}  // namespace nvmev::ocssd
