// SPDX-License-Identifier: GPL-2.0-only
#include "stats/recorder.h"

namespace nvmev::sim {

u64 Totals::ios() const {
  u64 sum = 0;
  for (const OpTotals& op : ops) sum += op.latency.count();
  return sum;
}

Recorder::Recorder(std::function<Figures()> report, const SeriesOptions& options, SeriesSink sink)
    : report_(std::move(report)), options_(options), sink_(std::move(sink)) {}

void Recorder::begin_series(u64 now) {
  if (!sink_) return;
  series_begin_ = now;
  boundary_ = now + options_.interval;
  before_ = report_();
}

void Recorder::end_series(u64 now) {
  if (!sink_ || boundary_ == kNever) return;
  const Figures last = report_();
  bool sampled = false;
  while (!open_.empty()) {
    close_first(sampled ? nullptr : &last, now);
    sampled = true;
  }
  boundary_ = kNever;
}

void Recorder::record_interval(u32 op, u64 begin, u64 done, u64 bytes) {
  const u64 index = done <= boundary_ ? 0 : (done - boundary_ - 1) / options_.interval + 1;
  while (open_.size() <= index) {
    if (spare_.empty()) {
      open_.emplace_back();
    } else {
      open_.push_back(std::move(spare_.back()));
      spare_.pop_back();
    }
  }
  std::unique_ptr<Interval::Op>& slot = open_[index].ops[op];
  if (!slot) slot = std::make_unique<Interval::Op>();
  slot->latency.add(done - begin);
  slot->bytes += bytes;
}

// The figures are those of now: what the device did since the last report counts to the interval in which it was asked
// to.
void Recorder::roll(u64 now) {
  const Figures present = report_();
  bool sampled = false;
  while (boundary_ <= now) {
    if (open_.empty()) {
      open_.emplace_back();
      // Of a time without I/O the first interval and the last say enough.
      const u64 idle = (now - boundary_) / options_.interval;
      if (sampled && idle > 1) {
        close_first(nullptr);
        boundary_ += (idle - 1) * options_.interval;
        open_.emplace_back();
      }
    }
    close_first(sampled ? nullptr : &present);
    sampled = true;
  }
}

void Recorder::close_first(const Figures* sampled, u64 end) {
  SeriesRow row{};
  const u64 begin = boundary_ - options_.interval;
  row.begin = begin - series_begin_;
  row.length = end > begin && end < boundary_ ? end - begin : options_.interval;
  for (u32 op = 0; op < kOps; op++) {
    Interval::Op* interval = open_.front().ops[op].get();
    if (interval == nullptr) continue;
    const CoarseHistogram& latency = interval->latency;
    row.ops[op] = {latency.count(),           interval->bytes,           latency.percentile(50000),
                   latency.percentile(99000), latency.percentile(99900), latency.max()};
    interval->latency.clear();
    interval->bytes = 0;
  }
  if (sampled != nullptr) {
    row.write_amplification = write_amplification(before_, *sampled);
    before_ = *sampled;
  }
  for (const std::string& name : options_.reported) row.reported.push_back(before_.number(name));
  sink_(row);
  spare_.push_back(std::move(open_.front()));
  open_.pop_front();
  boundary_ += options_.interval;
}

}  // namespace nvmev::sim
