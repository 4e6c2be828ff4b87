// SPDX-License-Identifier: GPL-2.0-only
// Type "zns": an SSD with zones. zone_table.* has the states, layout.* says where zones lie, write_buffer.h is what it
// says; this is how they work together, and what it costs. zns.cc: life and dispatch; write.cc, read.cc, send.cc: the
// commands; advance.cc: what happens without one; report.cc: what it tells.
//
// Data go into flash in the order of the zone's blocks, a program unit at a time, from a write buffer that power failures do
// not reach: a write has finished when the buffer has it (early_completion), and Flush has nothing to do.
#pragma once

#include <array>
#include <atomic>

#include "../conv/firmware.h"
#include "../flash/array.h"
#include "../flash/ecc.h"
#include "../flash/random.h"
#include "../flash/wear.h"
#include "layout.h"
#include "nvmev/counter.h"
#include "nvmev/ftl.h"
#include "nvmev/host_array.h"
#include "nvmev/run_clock.h"
#include "nvmev/zones.h"
#include "write_buffer.h"
#include "zone_table.h"

namespace nvmev::zns {

struct Statistics {
  Counter host_read_bytes, host_written_bytes;
  Counter appends;             // writes whose place the device chose
  Counter refused_writes;
  Counter flash_read_rows;     // rows of flash read
  Counter buffered_read_bytes;
  Counter unwritten_read_bytes;
  Counter resets, finishes, explicit_opens, closes;
  Counter padding_units;       // program units without data of the host
  Counter erased_blocks;
  Counter zrwa_flushes;        // times that a write pointer moved over a random write area
  Counter excursions;          // changes of zones without a command
  Counter read_retries, uncorrectable_reads;
};

class Zns final : public Ftl, public Zones {
 public:
  static int check(const nvmev_config& config, nvmev_error* error);
  static Ftl* create(const nvmev_config& config, nvmev_host* host);

  // ---- Ftl
  IoPlan plan(const IoRequest& request) override;
  void format() override;
  Zones* zones() override { return this; }
  u32 erase_counts(u32 die, u32* counts, u32 size) const override { return wear_.erase_counts(die, counts, size); }
  u64 state_hash() const override;
  bool keeps_state() const override { return true; }
  void transfer(StateArchive& archive, u64* now) override;
  void retune(const nvmev_config& config) override;
  FtlHealth health() const override { return wear_.health(); }
  MediaTraffic traffic() const override { return array_.traffic(); }
  MediaCounters media() const override;
  void report(TextWriter& text) const override;
  void destroy() override;

  // ---- Zones
  const ZoneLimits& limits() const override { return table_.limits(); }
  ZoneView view(u32 zone) const override { return table_.view(zone); }
  u64 readable(u32 zone) const override { return table_[zone].readable.load(std::memory_order_acquire); }
  const u8* extension(u32 zone) const override {
    return &extensions_[static_cast<std::size_t>(zone) * limits().extension_bytes];
  }
  ZoneAnswer find_place(ZoneWrite& write) override;
  ZoneAnswer write(u64 now, ZoneWrite& write, u64* done) override;
  void settle(u64 offset) override {
    table_[zone_of(offset)].unsettled.fetch_sub(1, std::memory_order_release);
  }
  bool unsettled(u32 zone) const override { return table_[zone].unsettled.load(std::memory_order_acquire) != 0; }
  IoPlan read(u64 now, u64 offset, u64 length, bool unwritten_fails) override;
  ZoneAnswer send(u64 now, ZoneSend& send, u64* done) override;
  bool discards(u32 zone, u32 reset) const override {
    return table_[zone].reset.load(std::memory_order_acquire) == reset;
  }
  void discarded(u32 zone) override { table_[zone].reset.store(0, std::memory_order_release); }
  void advance(u64 now) override;
  u32 changes() const override { return table_.changes(); }
  u32 take_changed(u32* zones, u32 most, bool forget) override { return table_.take_changed(zones, most, forget); }

  void power_cycle(u64 now, u64 seed, PowerLossSink& sink) override;

  // ---- For tests
  const Layout& layout() const { return layout_; }
  const ZoneTable& table() const { return table_; }
  const Statistics& statistics() const { return statistics_; }
  const flash::Array& array() const { return array_; }
  u64 buffered_bytes() const;

  explicit Zns(nvmev_host* host) : host_(host) {}

 private:
  // How far the data of a zone are on their way into flash.
  struct Flow {
    u32 units = 0;          // program units that are programmed, or being so
    u32 filled = 0;         // bytes of the next one that wait for the rest
    u32 buffer = kNone;     // where
    u64 ready = 0;          // ns: when these bytes were there
    u64 programmed_at = 0;  // ns: of the first unit
  };

  // The last program operations of a die: data are read from the buffer until they are over.
  static constexpr u32 kRecent = 16;
  struct Recent {
    u32 line = kNone;  // program unit of the die
    u64 end = 0;  // ns, as planned when it began: reads may push it back
  };
  struct RecentPrograms {
    std::array<Recent, kRecent> last;
    u32 next = 0;
  };

  bool init(const nvmev_config& config);
  // Whether all die blocks of a zone are good.
  bool usable(u32 zone) const;
  u32 zone_of(u64 offset) const { return static_cast<u32>(offset / limits().zone_bytes); }
  u64 start_of(u32 zone) const { return zone * limits().zone_bytes; }
  u32 index(const Zone& zone) const { return static_cast<u32>(&zone - &table_[0]); }
  // Every command begins here: returns when the controller takes it.
  u64 begin(u64 now);
  IoPlan finished(u64 now, u64 done, nvme::Status status);

  // state.cc
  void restore(Zone& zone, nvme::ZoneState state, u8 kept, u64 high, u32 units);
  void check_zones(StateArchive& archive) const;

  // write.cc
  // Bytes of the zone, behind all that were streamed before, go from the buffer into flash as program units fill.
  struct Streamed {
    u64 arrived;     // ns: the buffer has all of them
    u64 programmed;  // ns: all units that they filled are in flash
  };
  Streamed stream(u32 zone, u64 bytes, u64 at, bool over_link, flash::Cause cause);
  u64 program_unit(u32 zone, flash::Cause cause);
  void take_buffer(u32 zone);
  void release_buffer(u32 zone);
  u64 commit_zrwa(Zone& zone, u64 to, u64 high, u64 at, flash::Cause cause);

  // read.cc
  struct ReadResult {
    u64 end;
    bool uncorrectable = false;
  };
  ReadResult read_zone(u32 zone, u64 begin, u64 end, u64 at, flash::Link* onward);
  bool in_buffer(u32 zone, u32 unit, u64 at) const;

  // send.cc
  nvme::Status change_all(ZoneSend& send, u64 at, u64* done);
  nvme::Status change(Zone& zone, ZoneSend& send, u64 at, u64* done);
  nvme::Status open_zone(Zone& zone, const ZoneSend& send, u64 now);
  nvme::Status close_zone(Zone& zone, u64 now);
  nvme::Status reset_zone(Zone& zone, ZoneSend& send, u64 now);
  nvme::Status finish_zone(Zone& zone, u64 now, u64 at, flash::Cause cause, u64* done);
  nvme::Status offline_zone(Zone& zone, u64 now);
  nvme::Status set_extension(Zone& zone, const ZoneSend& send, u64 now);
  nvme::Status flush_zrwa(Zone& zone, ZoneSend& send, u64 now, u64 at, u64* done);
  void erase_zone(u32 zone, bool* worn_out);
  u64 pad_zone(u32 zone, u64 at, flash::Cause cause);
  void forget_data(u32 zone);
  u64 run_batches(u64 at, flash::Cause cause);

  // advance.cc
  void apply_fault(u64 now);
  void apply_limits(u64 now);
  void finish_by_controller(Zone& zone, u64 now);
  void change_without_command(Zone& zone);

  nvmev_host* host_;
  Layout layout_{};
  bool early_completion_ = false;
  bool own_buffers_ = false;  // each active zone has one; otherwise all share the first
  conv::Firmware firmware_;
  flash::Array array_;
  flash::Wear wear_;
  flash::Ecc ecc_;
  flash::Link pcie_in_, pcie_out_;
  ZoneTable table_;
  HostArray<Flow> flows_;               // [zone]
  WriteBuffers buffers_;
  HostArray<u32> free_buffers_;         // stack
  u32 free_count_ = 0;
  HostArray<RecentPrograms> recent_;    // [die]
  HostArray<u32> to_erase_, to_pad_;    // [die]: operations that a command has called for
  bool batched_ = false;                // there are any
  HostArray<u8> extensions_;            // [zone][extension_bytes]
  u32 last_reset_ = 0;                  // numbers resets; 0 is none

  std::atomic<u64> finish_recommended_{0}, reset_recommended_{0}, active_limit_{0};  // ns; 0: never
  std::atomic<u64> fault_{0};           // as configured
  u64 seen_fault_ = 0;
  u64 next_check_ = 0;                  // ns: of the limits

  u64 last_now_ = 0;                    // ns
  RunClock run_clock_;
  Statistics statistics_;
};

}  // namespace nvmev::zns
