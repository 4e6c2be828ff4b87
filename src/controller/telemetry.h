// SPDX-License-Identifier: GPL-2.0-only
// Telemetry: what the device knows about itself at one moment, kept for Get Log Page 07h (when the host asked) and 08h (when something went
// wrong). NVMe 2.0 section 8.22.
//
// Data area 1 is the statistics as text (docs/statistics.md), area 2 adds the Error Information log, area 3 the SMART log and the
// registers, area 4 the queues as text. Area 4 is for hosts that say that they know it (feature 16h, ETDAS).
#pragma once

#include "nvmev/host_array.h"
#include "nvmev/nvme/telemetry.h"
#include "nvmev/types.h"

namespace nvmev {

class TelemetryCapture {
 public:
  static constexpr u32 kBytes = 64 << 10;

  bool init(nvmev_host* host) { return data_.allocate(host, kBytes); }

  // Starts a new capture: header without data.
  void begin(u8 lid, const char* reason);
  // Room for the next data; `length` is how much of it was used.
  u8* room() { return data_.data() + bytes_; }
  u32 room_bytes() const { return kBytes - bytes_; }
  // Ends data area `area` (1 to 4) behind `length` bytes more. Every area is whole blocks.
  void end_area(u32 area, u32 length);

  nvme::TelemetryHeader& header() { return *reinterpret_cast<nvme::TelemetryHeader*>(data_.data()); }
  const u8* data() const { return data_.data(); }
  // Without data area 4, unless it is asked for.
  u32 bytes(bool with_area_4 = false) const { return with_area_4 ? bytes_ : end3_; }
  u32 last_block4() const { return bytes_ / nvme::kTelemetryBlock - 1; }
  u8 generation() const { return generation_; }

 private:
  HostArray<u8> data_;
  u32 bytes_ = 0;
  u32 end3_ = 0;  // bytes up to the end of data area 3
  u8 generation_ = 0;  // captures so far, modulo 256
};

}  // namespace nvmev
