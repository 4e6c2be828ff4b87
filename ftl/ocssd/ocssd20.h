// SPDX-License-Identifier: GPL-2.0-only
// An open-channel SSD 2.0: vector commands on chunks.
#pragma once

#include "../flash/ecc.h"
#include "chunks.h"
#include "faults.h"
#include "nand.h"
#include "notifications.h"
#include "nvmev/open_channel.h"
#include "nvmev/run_clock.h"
#include "runs.h"

namespace nvmev::ocssd {

class Ocssd20 final : public Ftl, public OpenChannel {
 public:
  static int check(const nvmev_config& config, nvmev_error* error);
  static Ftl* create(const nvmev_config& config, nvmev_host* host);

  // ---- Ftl
  IoPlan plan(const IoRequest& request) override { return {request.now, nvme::Status::kSuccess}; }
  void format() override { chunks_.format(); }
  OpenChannel* open_channel() override { return this; }
  u64 state_hash() const override { return chunks_.hash(); }
  void retune(const nvmev_config& config) override;
  FtlHealth health() const override;
  MediaTraffic traffic() const override { return nand_.traffic(); }
  void report(TextWriter& text) const override;
  void destroy() override;
  void power_cycle(u64 now, u64 seed, PowerLossSink& sink) override;
  bool keeps_state() const override { return true; }
  void transfer(StateArchive& archive, u64* now) override;

  // ---- OpenChannel
  u32 version() const override { return 2; }
  const SectorLayout& layout() const override { return shape_.layout; }
  u64 blocks() const override { return shape_.last_address() + 1; }
  u64 sector_of(u64 address) const override { return shape_.sector_of(address); }
  u64 erased_sectors(u64 address, u32, u32* count) const override {
    *count = shape_.chunk_sectors;
    return shape_.chunk_of(address) * shape_.chunk_sectors;
  }
  void geometry(u8* page) const override;
  u32 max_vector() const override { return nvme::kMaxVector; }
  VectorOutcome execute(u64 now, const VectorRequest& request, SectorRun* runs) override;
  bool take_notification(nvme::ChunkNotification* notification) override { return notifications_.take(notification); }
  u64 chunks() const override { return chunks_.size(); }
  void describe(u64 chunk, nvme::ChunkDescriptor* to) const override { chunks_.describe(chunk, to); }
  nvme::Status set_chunk(u64 chunk, const nvme::ChunkDescriptor& descriptor, bool check_only) override {
    return chunks_.set(chunk, descriptor, check_only);
  }
  u64 chunk_of(u64 address) const override;

  // ---- 1.2 has these.
  bool bad_block_table(u64, nvme::BadBlockTableHeader*, u32*) const override { return false; }
  u8 block_type_of(u32) const override { return 0; }
  nvme::Status set_block_types(const AddressList&, u8) override { return nvme::Status::kInvalidOpcode; }
  bool has_l2p_table() const override { return false; }
  u64 mapped(u64) const override { return nvme::kUnmapped; }

  explicit Ocssd20(nvmev_host* host) : host_(host) {}

 private:
  // Neighbours in the list that are in the same chunk.
  struct Group {
    u64 chunk;
    u32 at, count;
  };

  bool init(const nvmev_config& config);

  // reset.cc
  VectorOutcome reset(u64 now, const AddressList& addresses);

  // write.cc
  VectorOutcome write(u64 now, const VectorRequest& request, const AddressList& to, RunBuilder& runs, u64 ready);
  template <typename Function>
  void for_each_group(const AddressList& addresses, Function with) const;
  u64 unwritable(const AddressList& to) const;
  u64 short_groups(const AddressList& to) const;
  u64 out_of_order(const AddressList& to);
  u64 beyond_open_limit(const AddressList& to);
  u32& planned(Chunk& chunk);
  bool write_group(const AddressList& to, const Group& group, RunBuilder& runs, u64 ready, bool apart,
                   VectorOutcome* outcome);
  u32 fail_group(const Group& group, u32 done, const Fault& fault, VectorOutcome* outcome);
  void put(const AddressList& to, const Group& group, u32 from, u32 count, RunBuilder& runs, bool apart, u64 ready,
           VectorOutcome* outcome);
  void close_if_full(u64 chunk);

  // read.cc
  bool readable(u64 address) const;
  VectorOutcome read(u64 now, const VectorRequest& request, RunBuilder& runs, bool to_host);
  u32 read_tries(u64 now, u64 chunk, u32 offset, const VectorRequest& request, u32 at, u32 count,
                 VectorOutcome* outcome);
  VectorOutcome copy(u64 now, const VectorRequest& request, SectorRun* runs);
  void notify(u64 chunk, u16 state);

  nvmev_host* host_;
  Shape shape_{};
  nvmev_open_channel config_{};
  u32 command_ = 0;  // number of the write at hand
  Nand nand_;
  Chunks chunks_;
  Faults write_faults_, reset_faults_;
  flash::Ecc ecc_;
  flash::Random random_;
  Notifications notifications_;
  HostArray<u32> opening_in_unit_;  // zeros between commands
  Counter written_, read_, copied_, resets_;
  RunClock run_clock_;
};

}  // namespace nvmev::ocssd
