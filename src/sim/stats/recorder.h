// SPDX-License-Identifier: GPL-2.0-only
// What happened to I/Os: totals of a phase, and a time series.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "io.h"
#include "stats/figures.h"
#include "stats/histogram.h"

namespace nvmev::sim {

struct OpTotals {
  u64 bytes = 0;
  u64 errors = 0;  // I/Os that ended with a status other than success; they count as I/Os
  FineHistogram latency;
};

struct Totals {
  std::array<OpTotals, kOps> ops;
  u64 last_done = 0;  // ns

  u64 ios() const;
};

// One interval of the time series. I/Os count where they finish; one that finishes between two, to the first.
struct SeriesRow {
  struct Op {
    u64 ios = 0, bytes = 0;
    u64 p50 = 0, p99 = 0, p999 = 0, max = 0;  // ns
  };
  u64 begin;   // ns
  u64 length;  // ns; the last one is as long as there was something to do
  std::array<Op, kOps> ops;
  std::optional<double> write_amplification;
  std::vector<std::optional<u64>> reported;  // the figures that the series is asked for, at the interval's end
};

using SeriesSink = std::function<void(const SeriesRow&)>;

struct SeriesOptions {
  u64 interval = 0;                   // ns
  std::vector<std::string> reported;  // names of figures
};

class Recorder {
 public:
  // `report` gives the device's figures. Without a sink there is no series.
  Recorder(std::function<Figures()> report, const SeriesOptions& options, SeriesSink sink);

  // Between the two every I/O counts to the series.
  void begin_series(u64 now);
  void end_series(u64 now);

  void begin_phase() { totals_ = {}; }
  Totals take_totals() { return std::move(totals_); }

  // Time has come to `now`: call it before the I/O is planned that is issued then.
  void advance(u64 now) {
    if (now >= boundary_) [[unlikely]]
      roll(now);
  }

  void record(IoOp op, u64 begin, u64 done, u64 bytes, bool success) {
    OpTotals& totals = totals_.ops[op_index(op)];
    totals.latency.add(done - begin);
    totals.bytes += bytes;
    totals.errors += !success;
    if (done > totals_.last_done) totals_.last_done = done;
    if (boundary_ != kNever) record_interval(op_index(op), begin, done, bytes);
  }

 private:
  static constexpr u64 kNever = ~0ull;

  struct Interval {
    struct Op {
      u64 bytes = 0;
      CoarseHistogram latency;
    };
    // Only for operations that occur.
    std::array<std::unique_ptr<Op>, kOps> ops;
  };

  void record_interval(u32 op, u64 begin, u64 done, u64 bytes);
  void roll(u64 now);
  // The first open interval goes to the sink, with figures that were reported at its end if `sampled`. The series ends
  // at `end`.
  void close_first(const Figures* sampled, u64 end = kNever);

  std::function<Figures()> report_;
  SeriesOptions options_;
  SeriesSink sink_;
  Totals totals_;
  u64 boundary_ = kNever;  // ns; end of the first open interval
  u64 series_begin_ = 0;
  // Intervals from the first that is not over; I/Os in flight finish in later ones.
  std::deque<Interval> open_;
  std::vector<Interval> spare_;
  Figures before_;
};

}  // namespace nvmev::sim
