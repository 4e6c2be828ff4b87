// SPDX-License-Identifier: GPL-2.0-only
// A zoned FTL alone, without controller: for tests and benchmarks.
#pragma once

#include <string>

#include "ftl/zns/zns.h"
#include "host/ftl_device.h"

namespace nvmev::test {

class ZnsDevice : public FtlDevice<zns::Zns> {
 public:
  // From defaults, or from a profile, with these keys on top: "name=value name=value".
  explicit ZnsDevice(const std::string& keys, const char* profile = nullptr) : FtlDevice(configure(keys, profile)) {}

  static nvmev_config configure(const std::string& keys, const char* profile = nullptr) {
    return FtlDevice::configure("zns", keys, profile);
  }

  u64 start(u32 zone) const { return zone * config.zone_size; }

  // A live key.
  void tune(const char* name, const char* value) {
    nvmev_error error;
    must(nvmev_config_set(&config, name, value, &error) == 0, error.text);
    ftl_->retune(config);
  }

  // Bytes of a zone; each at `now`, which moves on to the end of the command unless `queued`.
  IoPlan write(u32 zone, u64 at, u64 length, ZoneWrite::Kind kind = ZoneWrite::Kind::kWrite) {
    ZoneWrite request{kind, start(zone) + at, length};
    u64 done = now;
    const ZoneAnswer answer = ftl_->write(now, request, &done);
    if (answer.status == nvme::Status::kSuccess) {
      ftl_->settle(request.offset);
      place = request.offset - start(zone);
    }
    return finish({done, answer.status});
  }
  IoPlan append(u32 zone, u64 length) { return write(zone, 0, length, ZoneWrite::Kind::kAppend); }
  IoPlan read(u32 zone, u64 at, u64 length, bool unwritten_fails = false) {
    return finish(ftl_->read(now, start(zone) + at, length, unwritten_fails));
  }
  IoPlan send(ZoneSend request) {
    u64 done = now;
    const ZoneAnswer answer = ftl_->send(now, request, &done);
    return finish({done, answer.status});
  }
  IoPlan send(nvme::ZoneSendAction action, u32 zone) {
    ZoneSend request{};
    request.action = action;
    request.zone = zone;
    return send(request);
  }
  // Writes the zone full.
  void fill(u32 zone, u64 piece = 131072) {
    const u64 capacity = ftl_->limits().zone_capacity;
    for (u64 at = 0; at < capacity; at += piece) {
      must(write(zone, at, piece < capacity - at ? piece : capacity - at).status == nvme::Status::kSuccess, "fill");
    }
  }

  u64 place = 0;        // of the last write, bytes of its zone
  bool queued = false;  // commands do not wait for one another

 private:
  IoPlan finish(IoPlan plan) {
    if (!queued && plan.done > now) now = plan.done;
    return plan;
  }
};

}  // namespace nvmev::test
