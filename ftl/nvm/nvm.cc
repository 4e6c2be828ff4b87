// SPDX-License-Identifier: GPL-2.0-only
// Type "nvm": a byte-addressable medium without flash. `nr_io_units` units work in parallel; the address space is
// striped over them in pieces of `io_unit_size` bytes. A unit serves its pieces in order:
//
//   start      = max(now, unit free)
//   completion = start + delay + time
//   unit free  = completion + trailing
//
// and a command finishes when the last of its pieces does. Flush and Deallocate touch no unit and take no time:
// the medium has no volatile cache.
#include <atomic>

#include "nvmev/error.h"
#include "nvmev/host_array.h"
#include "nvmev/ftl.h"
#include "nvmev/text.h"

namespace nvmev {
namespace {

// The parameters of one direction, ns.
struct UnitTiming {
  std::atomic<u64> service;  // delay + time
  std::atomic<u64> trailing;

  void set(u64 delay, u64 time, u64 after) {
    service.store(delay + time, std::memory_order_relaxed);
    trailing.store(after, std::memory_order_relaxed);
  }
};

class NvmFtl final : public Ftl {
 public:
  NvmFtl(const nvmev_config& config, nvmev_host* host)
      : host_(host), units_(config.nr_io_units), unit_shift_(static_cast<u32>(std::countr_zero(config.io_unit_size))) {
    set_timing(config);
  }

  bool allocate() { return unit_free_.allocate(host_, units_); }

  IoPlan plan(const IoRequest& request) override {
    switch (request.op) {
      case IoOp::kRead:
      case IoOp::kCompare:
        return {serve(request, read_), nvme::Status::kSuccess};
      case IoOp::kWrite:
      case IoOp::kWriteZeroes:
        return {serve(request, write_), nvme::Status::kSuccess};
      case IoOp::kFlush:
      case IoOp::kDeallocate:
        break;
    }
    return {request.now, nvme::Status::kSuccess};
  }

  void retune(const nvmev_config& config) override { set_timing(config); }

  void format() override {}

  bool keeps_state() const override { return true; }
  void transfer(StateArchive&, u64* now) override {
    for (const u64 free : unit_free_) {
      if (free > *now) *now = free;
    }
  }

  void report(TextWriter& text) const override {
    text.add("nvm_io_units %u\nnvm_io_unit_size %u\n", units_, 1u << unit_shift_);
  }

  void destroy() override {
    nvmev_host* host = host_;
    this->~NvmFtl();
    nvmev_host_free(host, this, sizeof(*this));
  }

 private:
  void set_timing(const nvmev_config& config) {
    read_.set(config.read_delay, config.read_time, config.read_trailing);
    write_.set(config.write_delay, config.write_time, config.write_trailing);
  }

  // Returns when the last piece is finished.
  u64 serve(const IoRequest& request, const UnitTiming& timing) {
    const u64 service = timing.service.load(std::memory_order_relaxed);
    const u64 trailing = timing.trailing.load(std::memory_order_relaxed);
    const u64 first = request.offset >> unit_shift_;
    const u64 pieces = ((request.offset + request.length - 1) >> unit_shift_) - first + 1;
    const u32 touched = pieces < units_ ? static_cast<u32>(pieces) : units_;
    // The first `extra` of the touched units serve one piece more than the others.
    u64 each = 1;
    u32 extra = 0;
    if (pieces > units_) {
      each = pieces / units_;
      extra = static_cast<u32>(pieces % units_);
    }
    u64 last = request.now;
    u32 unit = static_cast<u32>(first % units_);
    for (u32 i = 0; i < touched; i++) {
      const u64 count = each + (i < extra ? 1 : 0);
      const u64 start = unit_free_[unit] > request.now ? unit_free_[unit] : request.now;
      const u64 completion = start + count * service + (count - 1) * trailing;
      unit_free_[unit] = completion + trailing;
      if (completion > last) last = completion;
      if (++unit == units_) unit = 0;
    }
    return last;
  }

  nvmev_host* host_;
  u32 units_;
  u32 unit_shift_;
  UnitTiming read_;
  UnitTiming write_;
  HostArray<u64> unit_free_;  // modelled ns
};

Ftl* create(const nvmev_config& config, nvmev_host* host) {
  void* memory = nvmev_host_alloc(host, sizeof(NvmFtl));
  if (memory == nullptr) return nullptr;
  NvmFtl* ftl = construct_at<NvmFtl>(memory, config, host);
  if (ftl->allocate()) return ftl;
  ftl->destroy();
  return nullptr;
}

}  // namespace

extern const FtlType kNvmType;
constinit const FtlType kNvmType = {"nvm", CommandFamily::kNvm, nullptr, create};

}  // namespace nvmev
