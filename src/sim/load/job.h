// SPDX-License-Identifier: GPL-2.0-only
// A running job: says what its next I/O is, and when it may be issued.
#pragma once

#include <array>

#include "io.h"
#include "load/job_spec.h"

namespace nvmev::sim {

class Job {
 public:
  // Copy `copy` of the job, on a device of `capacity` bytes. Equal seeds give equal I/Os. `zones`: of the device, or nullptr.
  Job(const JobSpec& spec, u32 copy, u64 capacity, u64 lba_size, u64 seed, const Zones* zones);

  // The job begins; it issues nothing before the returned time.
  u64 begin(u64 now);

  // The next I/O of place `place` (below depth()), to be issued at *when (>= now), as the rate allows. False when the job
  // is at its end.
  bool next(u64 now, u32 place, Io* io, u64* when);

  // When the place of an I/O that finished at `done` is free for another.
  u64 free_after(u64 done) {
    if (think_time_ == 0) [[likely]]
      return done;
    return ++since_pause_ % think_blocks_ == 0 ? done + think_time_ : done;
  }

  u32 depth() const { return depth_; }
  // Share of the job that is issued, 0 to 1.
  double progress(u64 now) const;

 private:
  // Share thresholds over 32 random bits, made from percent.
  struct SizePick {
    u64 below;  // of 2^32
    u64 bytes;
  };

  void pick(Io* io);
  // The next I/O where zones are written in order. False: it is a reset, which counts as none of the job's.
  bool next_of_zones(u32 place, Io* io);
  IoOp pick_op();
  u64 pick_size(u32 kind);
  u64 pick_offset(u32 kind, u64 length);
  // The time of the next I/O under the rate; the one after it comes later by what `length` takes.
  u64 take_turn(u64 now, u64 length);

  Pattern pattern_;
  bool trim_then_write_;
  bool pure_;  // one operation only
  IoOp pure_op_;
  u64 trim_below_, read_below_;  // of 2^32
  std::array<std::vector<SizePick>, 3> sizes_;
  u64 region_begin_, region_size_;
  u64 unit_;
  u64 blocks_;
  bool random_map_;
  Permutation map_;
  u64 map_at_ = 0;
  u64 passes_ = 0;
  u64 seed_;
  std::array<u64, 3> position_{};
  Random random_;
  Distribution distribution_;

  u32 depth_;
  u64 rate_;  // per second, of I/Os or bytes; 0: none
  bool rate_counts_bytes_;
  bool poisson_;
  u64 turn_ = 0;           // ns
  u64 turn_fraction_ = 0;  // of `rate_` parts of a ns
  u64 think_time_;
  u32 think_blocks_;
  u32 since_pause_ = 0;
  u64 start_delay_;
  u32 flush_every_;
  u32 unflushed_ = 0;
  bool fua_;
  u16 placement_;

  u64 max_bytes_, max_ios_, runtime_;
  u64 bytes_ = 0, ios_ = 0;
  u64 begin_ = 0, end_ = ~0ull;
  bool trimmed_ = false;  // trim_then_write: the write of that range comes next
  u64 trimmed_offset_ = 0;
  std::optional<ZoneWalk> walk_;
  bool append_;
};

}  // namespace nvmev::sim
