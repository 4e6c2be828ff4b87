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
    // With the marks of what could not be read, also where nothing was.
    const u64 undone = shared_.undo_log.undo(shared_.medium, shared_.uncorrectable, offset, loss.length, loss.since);
    bytes_ += loss.deallocated ? loss.length : undone;
    for (u64 at = offset; loss.deallocated && at < offset + loss.length;) {
      const u64 rest = kPageSize - (at & (kPageSize - 1));
      const u64 left = offset + loss.length - at;
      const u64 part = rest < left ? rest : left;
      lose(at, static_cast<u32>(part));
      at += part;
    }
  }

  bool can_undo(u64 plan) const override { return shared_.undo_log.has_all_of(region_.index, plan); }

  u64 bytes() const { return bytes_; }

 private:
  // Bytes within a page.
  void lose(u64 offset, u32 bytes) {
    shared_.medium.zero(offset, bytes);
    for (const Namespace& ns : shared_.namespaces) {
      if (!ns.exists() || offset < ns.base || offset - ns.base >= ns.allocated() || ns.metadata_bytes() == 0) continue;
      shared_.metadata.medium().zero(shared_.metadata.place(ns, offset), (bytes >> ns.lba_shift()) * ns.metadata_bytes());
    }
  }

  Shared& shared_;
  const Region& region_;
  u64 bytes_ = 0;
};

}  // namespace

void Subsystem::begin_power_cut(u64 seed) {
  power_cut_seed.store(seed, std::memory_order_relaxed);
  cutting_power.store(controller_count, std::memory_order_relaxed);
  for_each_controller([](Controller& controller) { controller.request_power_cut(); });
}

// The last controller to stop finds all of them stopped.
void Controller::stopped_for_power_cut() {
  waits_for_cut_ = true;
  if (subsystem().cutting_power.fetch_sub(1, std::memory_order_relaxed) != 1) return;
  cut_power();
  subsystem().for_each_controller([](Controller& controller) { controller.end_power_cut(); });
}

void Controller::cut_power() {
  Shared& shared = *shared_;
  const u64 seed = subsystem().power_cut_seed.load(std::memory_order_relaxed);
  u64 lost = 0;
  for (Region& region : shared.regions) {
    DataLoss loss(shared, region);
    region.model.power_cycle(now_, seed + region.index, loss);
    lost += loss.bytes();
  }
  shared.undo_log.clear();
  for (Namespace& ns : subsystem().namespaces) {
    auto until_now = nvme::WriteProtection::kUntilPowerCycle;
    if (ns.exists()) ns.protection.compare_exchange_strong(until_now, nvme::WriteProtection::kNone);
  }
  subsystem().reservations.power_cycle();
  subsystem().for_each_controller([](Controller& controller) {
    controller.shared().earlier.power_cycles++;
    controller.shared().earlier.unsafe_shutdowns++;
    controller.restore_error_recovery();
  });
  subsystem().power_cut_lost.store(lost, std::memory_order_relaxed);
  nvmev_host_log(shared.host, NVMEV_LOG_NOTICE, "power cut, seed %llu: %llu KiB written and not flushed are lost",
                 static_cast<unsigned long long>(seed), static_cast<unsigned long long>(lost >> 10));
}

}  // namespace nvmev
