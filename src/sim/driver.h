// SPDX-License-Identifier: GPL-2.0-only
// Plays the requester on the virtual clock: issues I/Os to the FTL when workload or trace say so.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "device.h"
#include "io.h"
#include "load/job.h"
#include "stats/recorder.h"
#include "trace/reader.h"

namespace nvmev::sim {

// What to do with I/Os of a trace that do not fit the device.
struct AddressRules {
  bool wrap = false;   // beyond the end: modulo the capacity; otherwise refused
  bool round = false;  // not on logical blocks: widened; otherwise refused
};

struct TraceRules {
  AddressRules addresses;
  u32 depth = 0;         // I/Os in flight at most; 0: no bound
  bool at_once = false;  // times of the trace do not count
  double speed = 1;      // trace time passes so many times as fast
};

// Told now and then how far it is, 0 to 1; negative when that is not known.
using ProgressSink = std::function<void(double)>;

class Driver {
 public:
  Driver(Device& device, Recorder& recorder, ProgressSink progress);

  // Where the virtual clock stands, ns: the end of all that was issued.
  u64 now() const { return now_; }
  // Commands sent to the FTL.
  u64 commands() const { return commands_; }

  // Runs the jobs together, to the end of all. Their I/Os come from `seed` and their numbers, which count copies from
  // `first` on. Returns the number behind the last.
  u64 run_jobs(const std::vector<JobSpec>& specs, u64 seed, u64 first);

  // Replays a trace from now on.
  void run_trace(Lines& lines, TraceReader& reader, const TraceRules& rules);

 private:
  // Issues an I/O, in as many commands as the device's largest transfer makes necessary. Returns when it is done.
  u64 issue(u64 now, const Io& io);
  // One command: of the I/O, or of a part of it.
  IoPlan plan(u64 now, u64 offset, u64 length, const Io& io);
  IoPlan append(u64 now, u64 offset, u64 length);
  IoPlan plan_split(u64 now, const Io& io);
  // Makes the I/O fit the device, or refuses.
  void fit(Io* io, const AddressRules& rules, const Lines& lines) const;

  Device& device_;
  Ftl& ftl_;
  Recorder& recorder_;
  ProgressSink progress_;
  u64 largest_;
  u64 largest_append_;
  u64 now_ = 0;
  u64 end_ = 0;  // latest completion
  u64 commands_ = 0;
};

}  // namespace nvmev::sim
