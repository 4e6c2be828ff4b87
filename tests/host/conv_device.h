// SPDX-License-Identifier: GPL-2.0-only
// A page-mapped FTL alone, without controller: for tests and benchmarks.
#pragma once

#include <algorithm>
#include <string>

#include "ftl/conv/conv.h"
#include "host/ftl_device.h"

namespace nvmev::test {

class ConvDevice : public FtlDevice<conv::Conv> {
 public:
  // From defaults, or from a profile, with these keys on top: "name=value name=value".
  explicit ConvDevice(const std::string& keys, const char* profile = nullptr) : FtlDevice(configure(keys, profile)) {}

  static nvmev_config configure(const std::string& keys, const char* profile = nullptr) {
    return FtlDevice::configure("conv", keys, profile);
  }

  conv::Conv& ftl() { return *ftl_; }

  u64 units() const { return config.capacity / config.mapping_unit; }
  u32 unit() const { return config.mapping_unit; }

  // Bytes; each at `now`, which moves on to the end of the command unless `queued`.
  IoPlan run(IoOp op, u64 offset, u64 length, bool fua = false, u16 placement = 0) {
    const IoPlan plan = ftl_->plan({now, offset, length, op, fua, placement});
    if (!queued) now = plan.done;
    return plan;
  }
  IoPlan write(u64 unit_number, u64 count = 1) {
    return run(IoOp::kWrite, unit_number * unit(), count * unit());
  }
  IoPlan read(u64 unit_number, u64 count = 1) { return run(IoOp::kRead, unit_number * unit(), count * unit()); }
  IoPlan deallocate(u64 unit_number, u64 count) {
    return run(IoOp::kDeallocate, unit_number * unit(), count * unit());
  }
  void fill() {
    for (u64 i = 0; i < units(); i += 32) write(i, std::min<u64>(32, units() - i));
  }

  bool queued = false;  // commands do not wait for one another
};

}  // namespace nvmev::test
