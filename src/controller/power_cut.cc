// SPDX-License-Identifier: GPL-2.0-only
// A power cut: the FTL says which of the writes that no Flush and no FUA made durable are lost, and the data go back to what
// was there before.
#include "controller.h"

namespace nvmev {

namespace {

class DataLoss final : public PowerLossSink {
 public:
  DataLoss(Shared& shared, const Region& region) : shared_(shared), region_(region) {}

  void lost(const PowerLoss& loss) override {
    const u64 offset = region_.base + loss.offset;
    if (loss.deallocated) {
      for (u64 at = 0; at < loss.length; at += kPageSize) shared_.medium.zero(offset + at, kPageSize);
      bytes_ += loss.length;
    } else {
      bytes_ += shared_.undo_log.undo(shared_.medium, offset, loss.length, loss.since);
    }
  }

  u64 bytes() const { return bytes_; }

 private:
  Shared& shared_;
  const Region& region_;
  u64 bytes_ = 0;
};

}  // namespace

void Controller::cut_power(u64 seed) {
  Shared& shared = *shared_;
  u64 lost = 0;
  for (Region& region : shared.regions) {
    DataLoss loss(shared, region);
    region.model.power_cycle(now_, seed + region.index, loss);
    lost += loss.bytes();
  }
  shared.undo_log.clear();
  shared.earlier.power_cycles++;
  shared.earlier.unsafe_shutdowns++;
  power_cut_lost_.store(lost, std::memory_order_relaxed);
  nvmev_host_log(shared.host, NVMEV_LOG_NOTICE, "power cut, seed %llu: %llu KiB written and not flushed are lost",
                 static_cast<unsigned long long>(seed), static_cast<unsigned long long>(lost >> 10));
}

}  // namespace nvmev
