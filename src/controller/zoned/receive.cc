// SPDX-License-Identifier: GPL-2.0-only
// Zone Management Receive: section 3.4.2.
#include "../io_check.h"
#include "nvmev/text.h"
#include "zoned.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;
using nvme::ZoneReceiveAction;
using nvme::ZoneState;

namespace {

bool is_extended(const Sqe& sqe) { return (sqe.cdw13 & 0xff) == static_cast<u8>(ZoneReceiveAction::kExtendedReport); }

// The states that the Zone Receive Action Specific Field chooses; 0: all.
constexpr ZoneState kFilters[nvme::kZoneFilters] = {
    ZoneState{},           ZoneState::kEmpty, ZoneState::kImplicitlyOpen, ZoneState::kExplicitlyOpen,
    ZoneState::kClosed, ZoneState::kFull,  ZoneState::kReadOnly,       ZoneState::kOffline,
};

u8 filter_of(const Sqe& sqe) { return static_cast<u8>(sqe.cdw13 >> 8); }

// Writes one piece after another to the requester, as far as there is room.
class Output {
 public:
  Output(const DataBuffer& buffer, u32 length) : buffer_(buffer), length_(length) {}

  // Whether all of it found room.
  bool put(const void* data, u32 bytes) {
    const u32 room = length_ - at_;
    const u32 fits = bytes < room ? bytes : room;
    if (fits != 0) buffer_.copy_out(data, fits, at_);
    at_ += fits;
    return fits == bytes;
  }
  bool full() const { return at_ == length_; }
  void clear_rest() const {
    if (at_ != length_) buffer_.clear(at_, length_ - at_);
  }

 private:
  const DataBuffer& buffer_;
  u32 length_;
  u32 at_ = 0;
};

nvme::ZoneDescriptor describe(const Zones& zones, u32 zone, ZoneView view, u32 shift) {
  const ZoneLimits& limits = zones.limits();
  const bool ended =
      view.state == ZoneState::kFull || view.state == ZoneState::kReadOnly || view.state == ZoneState::kOffline;
  nvme::ZoneDescriptor descriptor{};
  descriptor.type = nvme::kZoneTypeSequentialWriteRequired;
  descriptor.state = static_cast<u8>(static_cast<u8>(view.state) << 4);
  descriptor.attributes = view.attributes;
  descriptor.capacity = limits.zone_capacity >> shift;
  descriptor.start = zone * limits.zone_bytes >> shift;
  descriptor.write_pointer = ended ? nvme::kNoWritePointer : descriptor.start + (view.written >> shift);
  return descriptor;
}

bool put_zone(Output& output, const Zones& zones, u32 zone, ZoneView view, u32 shift, bool extended) {
  const nvme::ZoneDescriptor descriptor = describe(zones, zone, view, shift);
  const bool whole = output.put(&descriptor, sizeof(descriptor));
  if (!extended) return whole;
  if (view.attributes & nvme::zone_attributes::kDescriptorExtensionValid) {
    return output.put(zones.extension(zone), zones.limits().extension_bytes);
  }
  static constexpr u8 kNothing[nvme::kExtensionUnit] = {};
  bool all = whole;
  for (u32 at = 0; at < zones.limits().extension_bytes; at += sizeof(kNothing)) {
    all = output.put(kNothing, sizeof(kNothing));
  }
  return all;
}

}  // namespace

Status check_zone_receive(const IoContext& context, Task& task) {
  const Sqe& sqe = task.sqe;
  task.op = IoOp::kFlush;
  task.offset = 0;
  if (const Status status = check_common(context, sqe); status != Status::kSuccess) return status;
  const Namespace& ns = *context.ns;
  if (sqe.slba() >= ns.blocks()) return Status::kLbaOutOfRange;
  if ((sqe.cdw13 & 0xff) > static_cast<u8>(ZoneReceiveAction::kExtendedReport)) return Status::kInvalidField;
  if (is_extended(sqe) && ns.region->model.zones()->limits().extension_bytes == 0) return Status::kInvalidField;
  if (filter_of(sqe) >= nvme::kZoneFilters) return Status::kInvalidField;
  task.offset = sqe.slba() << ns.lba_shift();
  task.length = (sqe.cdw12 + 1ull) * sizeof(u32);
  if (task.length > context.shared.max_transfer()) return Status::kInvalidField;
  return DataBuffer::check(sqe, static_cast<u32>(task.length));
}

// Zones are looked at in the worker, as there may be many, and as they are by now.
void act_zone_receive(const IoContext& context, Task&, u64 now) {
  context.ns->region->model.carry_out(now, [](Ftl& ftl, u64 at) {
    ftl.zones()->advance(at);
    return IoPlan{at, Status::kSuccess};
  });
}

Status move_zone_report(Shared& shared, DataBuffer& buffer, Task& task) {
  const u32 length = static_cast<u32>(task.length);
  if (const Status status = buffer.map(task.sqe, length); status != Status::kSuccess) return status;
  const Namespace& ns = *shared.namespaces.find(task.sqe.nsid);
  const Zones& zones = *ns.region->model.zones();
  const bool partial = (task.sqe.cdw13 & nvme::kReceivePartial) != 0;
  const u8 filter = filter_of(task.sqe);
  Output output(buffer, length);
  nvme::ZoneReportHeader header{};
  output.put(&header, sizeof(header));
  for (u32 zone = static_cast<u32>(task.offset / zones.limits().zone_bytes); zone < zones.limits().zones; zone++) {
    if (partial && output.full()) break;
    const ZoneView view = zones.view(zone);
    if (filter != 0 && view.state != kFilters[filter]) continue;
    const bool whole = !output.full() && put_zone(output, zones, zone, view, ns.lba_shift(), is_extended(task.sqe));
    if (whole || !partial) header.zones++;
  }
  output.clear_rest();
  Output(buffer, length).put(&header, sizeof(header));
  return Status::kSuccess;
}

}  // namespace nvmev
