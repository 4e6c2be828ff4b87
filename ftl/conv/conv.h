// SPDX-License-Identifier: GPL-2.0-only
// Type "conv": the page-mapped FTL of a conventional SSD. Its parts are in files of their own; this is how they work
// together. conv.cc: life and dispatch; read.cc, write.cc, collect.cc: the three activities; power.cc: its
// sudden end; state.cc, state_check.cc: what is kept in a state file; report.cc: what it tells.
#pragma once

#include <atomic>

#include "../flash/array.h"
#include "../flash/ecc.h"
#include "../flash/wear.h"
#include "allocation.h"
#include "firmware.h"
#include "frontier.h"
#include "layout.h"
#include "mapping_cache.h"
#include "nvmev/ftl.h"
#include "nvmev/host_array.h"
#include "nvmev/placement.h"
#include "nvmev/run_clock.h"
#include "placement_events.h"
#include "separation.h"
#include "statistics.h"
#include "superblocks.h"
#include "victim.h"
#include "write_buffer.h"

namespace nvmev::conv {

class Conv final : public Ftl, public Placement {
 public:
  static int check(const nvmev_config& config, nvmev_error* error);
  static Ftl* create(const nvmev_config& config, nvmev_host* host);

  // ---- Ftl
  IoPlan plan(const IoRequest& request) override;
  bool works_in_idle_time() const override { return idle_below_ != 0; }
  bool catch_up(u64 now) override;
  void format() override;
  bool format_step() override;
  bool has_volatile_cache() const override { return early_completion_ && !power_loss_protection_; }
  void set_volatile_cache(bool on) override { cache_on_ = on; }
  u64 wanted_host_memory() const override { return host_memory_; }
  void set_host_memory(u64 bytes) override { map_cache_.set_host_pages(static_cast<u32>(bytes / layout_.unit_bytes)); }
  Placement* placement() override { return offers_placement_ ? this : nullptr; }
  StreamLimits streams() const override;
  PreferredSizes preferred_sizes() const override { return {layout_.unit_bytes, layout_.stripe_bytes()}; }
  void power_cycle(u64 now, u64 seed, PowerLossSink& sink) override;
  u32 erase_counts(u32 die, u32* counts, u32 size) const override { return wear_.erase_counts(die, counts, size); }
  u64 state_hash() const override;
  void retune(const nvmev_config& config) override;
  FtlHealth health() const override { return wear_.health(); }
  MediaTraffic traffic() const override { return array_.traffic(); }
  MediaCounters media() const override;
  bool keeps_state() const override { return true; }
  void transfer(StateArchive& archive, u64* now) override;
  void report(TextWriter& text) const override;
  void destroy() override;

  // ---- Placement: a reclaim unit is a superblock.
  u32 handles() const override { return handles_; }
  u64 reclaim_unit_bytes() const override { return static_cast<u64>(layout_.superblock_units) * layout_.unit_bytes; }
  bool stay_apart() const override { return isolation_; }
  u64 remaining(u16 handle) const override { return remaining_[handle].get(); }
  void update(u64 now, u16 handle) override;
  PlacementCounters counters() const override;
  bool take_event(PlacementEvent* event) override { return events_.take(event); }

  // ---- For tests
  const Layout& layout() const { return layout_; }
  const Map& map() const { return map_; }
  const Superblocks& superblocks() const { return blocks_; }
  const Statistics& statistics() const { return statistics_; }
  const flash::Array& array() const { return array_; }
  // Empty, or what is wrong: valid counts, map and inverse map contradict each other. Takes long.
  const char* inconsistency() const;

  explicit Conv(nvmev_host* host) : host_(host) {}

 private:
  // A stream of host writes fills one stripe unit at a time, in one group after the other.
  struct HostStream {
    u32 group = 0;
    bool filling = false;
  };

  // Garbage collection of a group: one superblock at a time, row by row.
  struct Collector {
    u32 victim = kNone;
    u32 row = 0, end_row = 0;  // row numbers of the whole device
    u32 to_move = 0;           // units that were valid when it began
    u32 gain = 0;              // and those that were not
    u32 moved = 0;
    u64 host_units = 0;        // units of the host programmed since, for the pace
    u64 ready = 0;             // ns when all that was moved is in flash
    u32 stream = 0;
    bool for_wear = false;     // static wear levelling
  };

  // Rows of flash that a command reads, one at a time.
  struct RowRead {
    u32 row = kNone;
    u32 bytes = 0;
    u64 planes = 0;  // a bit for each
    u64 ready = 0;
  };

  struct ReadResult {
    u64 end;
    bool behind_collection = false;
    bool uncorrectable = false;
  };

  bool init(const nvmev_config& config);
  void init_streams(const nvmev_config& config);
  void reset();

  // conv.cc
  IoPlan serve(const IoRequest& request);
  IoPlan deallocate(const IoRequest& request, u64 start);
  IoPlan write_zeroes(const IoRequest& request, u64 start);
  void unmap(u64 first, u64 end);

  // read.cc
  IoPlan read(const IoRequest& request, u64 start);
  ReadResult read_row(const RowRead& read, flash::Cause cause, flash::Link* onward);
  void add_to_row(RowRead& read, u32 physical, u32 from, u32 to) const;
  ReadResult read_unit(u32 physical, u64 at);
  // Makes sure that the map entry of a unit is in memory; returns when it is.
  u64 load_map_entry(u32 logical, bool changes, u64 at) {
    return map_cache_.enabled() ? load_map_page(logical, changes, at) : at;
  }
  u64 load_map_page(u32 logical, bool changes, u64 at);

  // write.cc
  IoPlan write(const IoRequest& request, u64 start);
  u64 merge(u32 logical, u64 at);
  u64 flush(u64 now);
  Frontier& frontier(u32 group, u32 stream) { return frontiers_[static_cast<std::size_t>(group) * streams_ + stream]; }
  bool has_room(u32 group) const;
  u32 choose_group(u32 stream, u32 logical);
  // The stripe unit that a host stream fills; nullptr when there is no space for one.
  Frontier* open_stripe(u32 stream, u32 logical, u64 at);
  bool open_superblock(Frontier& frontier, u64 at);
  void begin_superblock(Frontier& frontier, u32 superblock, u32 handle, u32 generation, u64 at);
  void begin_stripe(Frontier& frontier);
  void place(Frontier& frontier, u32 logical, u32 old);
  flash::ProgramDone program_stripe(Frontier& frontier, flash::Cause cause);
  flash::ProgramDone program_units(Frontier& frontier, flash::Cause cause);
  // Programs what a host stream has collected, full or not, and does the garbage collection that this calls for.
  u64 program_stream(u32 stream);
  void program_any_stream();
  void close_superblock(Frontier& frontier);
  void store_map_page(u32 page, u64 at);
  void note_remaining(const Frontier& frontier);
  u32 erases_at(u32 physical) const { return blocks_[layout_.superblock_of(physical)].erases; }
  u32 handle_of(u32 host_stream) const { return host_stream / separation_->host_streams; }

  // state_check.cc
  void check_state(StateArchive& archive, u64 now);
  void check_streams(StateArchive& archive, u64 latest) const;
  void check_frontier(StateArchive& archive, const Frontier& at, flash::Marks& open, u64 latest) const;
  void check_collector(StateArchive& archive, u32 group, u64 latest) const;
  void check_retired(StateArchive& archive) const;

  // power.cc
  bool is_current(const WriteBuffer::Version& version) const {
    return map_.valid(version.place) && erases_at(version.place) == version.place_erases;
  }
  bool is_final(const WriteBuffer::Version& version, const PowerLossSink& sink) const;
  WriteBuffer::Version* before(const WriteBuffer::Version& version, u64 now);
  void choose_survivors(u64 now, u64 seed, const PowerLossSink& sink);
  void undo(const WriteBuffer::Version& newest, u64 now, PowerLossSink& sink);

  // collect.cc
  bool begin_collection(u32 group, u32 victim, bool for_wear);
  u32 choose_victim(u32 group);
  u32 wear_victim(u32 group);
  // Moves what is valid in the next row that has any; ends the collection when there is none.
  void collect_row(u32 group, u64 at);
  void move_units(Collector& collector, Frontier& to, u32 row, u64 bits, u64 ready);
  bool copy_back(Collector& collector, Frontier& to, u64 at);
  bool prepare_frontier(Collector& collector, Frontier& to, u64 at);
  void end_collection(u32 group, u64 at);
  bool collect_now(u32 group, u64 at);
  void keep_pace(u32 group, u32 units, u64 at);
  // False: there is more to do.
  bool collect_in_idle_time(u64 now);
  u64 row_bits(u32 row) const { return map_.valid_bits(row * layout_.row_units, layout_.row_units); }
  void prefetch_row(u32 row) const;

  // Whether others than garbage collection may take a free superblock: what is left must hold all that a superblock can
  // have valid, although sizes differ a little.
  bool may_take_free(u32 group) const { return blocks_.free_units(group) >= 2ull * layout_.superblock_units; }
  bool short_of_space(u32 group) const {
    return blocks_.free_units(group) < (collect_below_ + 1ull) * layout_.superblock_units;
  }

  nvmev_host* host_;
  Layout layout_{};
  u64 capacity_ = 0;           // bytes
  bool early_completion_ = false;
  bool power_loss_protection_ = false;
  bool cache_on_ = true;
  bool copyback_ = false;
  bool isolation_ = false;
  u32 handles_ = 0;            // of placement, or for streams and what has none; 0: neither
  bool offers_placement_ = false;
  u32 host_streams_ = 1;
  u32 collector_streams_ = 1;
  u32 streams_ = 2;            // of each group; the map's is last, if there is one
  u32 map_stream_ = kNone;
  u32 collect_below_ = 2;      // free superblocks of a group at which collection begins
  u32 idle_below_ = 0;         // and in idle time
  u64 idle_delay_ = 0;
  u32 wear_threshold_ = 0;
  u32 victim_choices_ = 0;
  u32 wear_countdown_ = 0;
  u32 map_group_ = 0;          // where the map was written last
  const VictimPolicy* victim_policy_ = nullptr;
  const AllocationPolicy* allocation_ = nullptr;
  const SeparationPolicy* separation_ = nullptr;
  const WriteBufferPolicy* buffer_policy_ = nullptr;

  Firmware firmware_;
  flash::Array array_;
  flash::Wear wear_;
  flash::Ecc ecc_;
  flash::Link pcie_in_, pcie_out_;
  flash::Random random_;
  Map map_;
  Superblocks blocks_;
  WriteBuffer buffer_;
  u64 host_memory_ = 0;  // bytes that the mapping cache could use
  MappingCache map_cache_;
  WriteFrequency frequency_;
  HostArray<Frontier> frontiers_;      // [group][stream]
  HostArray<HostStream> fills_;         // [host stream]
  HostArray<Collector> collectors_;    // [group]
  HostArray<u64> group_free_at_;       // [group], for the allocation policy
  HostArray<Counter> remaining_;       // [handle], bytes
  PlacementEvents events_;
  Statistics statistics_;

  u64 last_now_ = 0;    // ns
  u64 last_done_ = 0;   // ns; all commands so far have finished
  u64 requests_ = 0;    // calls of plan()
  u64 format_chunk_ = 0;  // of the map, that a format has come to
  Counter clock_;       // units written to flash
  RunClock run_clock_;
};

}  // namespace nvmev::conv
