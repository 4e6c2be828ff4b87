// SPDX-License-Identifier: GPL-2.0-only
// Zone Management Send: Zoned Namespace Command Set 1.1, section 3.4.3.
#include "nvmev/text.h"
#include "zns.h"

namespace nvmev::zns {

using nvme::Status;
using nvme::ZoneSendAction;
using nvme::ZoneState;
namespace attributes = nvme::zone_attributes;

namespace {

bool raise_to(u64* time, u64 to) {
  if (to <= *time) return false;
  *time = to;
  return true;
}

}  // namespace

ZoneAnswer Zns::send(u64 now, ZoneSend& send, u64* done) {
  const u64 at = begin(now) + firmware_.write(0);
  *done = at;
  send.reset = 0;
  send.gap = 0;
  if (++last_reset_ == 0) last_reset_ = 1;
  const Status status = send.all ? change_all(send, at, done) : change(table_[send.zone], send, at, done);
  raise_to(done, run_batches(at, flash::Cause::kHost));
  return {status};
}

// Erases and pads what the zones of one command, or excursion, have called for: the sum for each die.
u64 Zns::run_batches(u64 at, flash::Cause cause) {
  u64 end = at;
  if (!batched_) return end;
  batched_ = false;
  for (u32 die = 0; die < layout_.geometry.dies; die++) {
    if (to_pad_[die] != 0) raise_to(&end, array_.pad(die, to_pad_[die], at, cause));
    if (to_erase_[die] != 0) raise_to(&end, array_.erase_many(die, to_erase_[die], at, cause));
    to_pad_[die] = to_erase_[die] = 0;
  }
  return end;
}

Status Zns::change(Zone& zone, ZoneSend& send, u64 at, u64* done) {
  const u64 now = last_now_;
  switch (send.action) {
    case ZoneSendAction::kClose:
      return close_zone(zone, now);
    case ZoneSendAction::kFinish:
      return finish_zone(zone, now, at, flash::Cause::kHost, done);
    case ZoneSendAction::kOpen:
      return open_zone(zone, send, now);
    case ZoneSendAction::kReset:
      return reset_zone(zone, send, now);
    case ZoneSendAction::kOffline:
      return offline_zone(zone, now);
    case ZoneSendAction::kSetDescriptorExtension:
      return set_extension(zone, send, now);
    case ZoneSendAction::kFlushZrwa:
      return flush_zrwa(zone, send, now, at, done);
  }
  return Status::kInvalidField;
}

// ---- All zones ---------------------------------------------------------------------------------------------------

namespace {

// The zones that Select All means: figure 32.
bool selected(ZoneSendAction action, ZoneState state) {
  switch (action) {
    case ZoneSendAction::kClose:
      return is_open(state);
    case ZoneSendAction::kFinish:
      return is_active(state);
    case ZoneSendAction::kOpen:
      return state == ZoneState::kClosed;
    case ZoneSendAction::kReset:
      return is_active(state) || state == ZoneState::kFull;
    case ZoneSendAction::kOffline:
      return state == ZoneState::kReadOnly;
    default:
      return false;
  }
}

}  // namespace

Status Zns::change_all(ZoneSend& send, u64 at, u64* done) {
  if (send.action == ZoneSendAction::kOpen) {
    // All of them or none.
    u32 wanted = table_.opened();
    for (const Zone& zone : table_) wanted += selected(send.action, zone.state);
    if (limits().max_open != 0 && wanted > limits().max_open) return Status::kTooManyOpenZones;
  }
  for (Zone& zone : table_) {
    if (selected(send.action, zone.state)) change(zone, send, at, done);
  }
  return Status::kSuccess;
}

// ---- One zone ----------------------------------------------------------------------------------------------------

Status Zns::close_zone(Zone& zone, u64 now) {
  if (!is_active(zone.state)) return Status::kInvalidZoneTransition;
  if (zone.state == ZoneState::kClosed) return Status::kSuccess;
  table_.close(zone, now);
  statistics_.closes.add(1);
  return Status::kSuccess;
}

Status Zns::open_zone(Zone& zone, const ZoneSend& send, u64 now) {
  if (send.allocate_zrwa && limits().zrwa_zones == 0) return Status::kInvalidZoneOperation;
  if (!is_active(zone.state) && zone.state != ZoneState::kEmpty) return Status::kInvalidZoneTransition;
  if (send.allocate_zrwa) {
    if (zone.state != ZoneState::kEmpty) return Status::kInvalidZoneOperation;
    if (!table_.zrwa_left()) return Status::kZrwaUnavailable;
  }
  if (const Status status = table_.check_open(zone); status != Status::kSuccess) return status;
  if (zone.state == ZoneState::kExplicitlyOpen) return Status::kSuccess;
  table_.open(zone, ZoneState::kExplicitlyOpen, now);
  if (send.allocate_zrwa) table_.allocate_zrwa(zone);
  statistics_.explicit_opens.add(1);
  return Status::kSuccess;
}

// Data that wait in the buffer are forgotten, and so is what the zone has in flash.
void Zns::forget_data(u32 zone) {
  Flow& flow = flows_[zone];
  if (flow.filled != 0) buffers_.forgo(flow.buffer, flow.filled);
  release_buffer(zone);
  flow = Flow{};
}

// Has the die blocks erased that hold data.
void Zns::erase_zone(u32 zone, bool* worn_out) {
  const u32 units = flows_[zone].units;
  if (units == 0) return;
  const u32 blocks = layout_.blocks_for(units);
  const u32 dies = units < layout_.width ? units : layout_.width;
  for (u32 i = 0; i < dies; i++) {
    const u32 die = layout_.die_of(zone, i);
    for (u32 block = 0; block < blocks; block++) {
      if (!wear_.erase(die, layout_.first_block(zone) + block)) *worn_out = true;
    }
    to_erase_[die] += blocks;
  }
  batched_ = true;
  statistics_.erased_blocks.add(static_cast<u64>(dies) * blocks);
}

Status Zns::reset_zone(Zone& zone, ZoneSend& send, u64 now) {
  if (zone.state == ZoneState::kEmpty) return Status::kSuccess;
  if (!is_active(zone.state) && zone.state != ZoneState::kFull) return Status::kInvalidZoneTransition;
  bool worn_out = false;
  erase_zone(index(zone), &worn_out);
  forget_data(index(zone));
  if (send.discard && zone.high != 0) {
    send.reset = last_reset_;
    zone.reset.store(last_reset_, std::memory_order_release);
  }
  table_.reset(zone, now);
  statistics_.resets.add(1);
  if (worn_out) {
    table_.fail(zone, ZoneState::kOffline, now);
    change_without_command(zone);
  }
  return Status::kSuccess;
}

// The rest of the zone is programmed without data, so that its blocks may be left alone.
u64 Zns::pad_zone(u32 zone, u64 at, flash::Cause cause) {
  Flow& flow = flows_[zone];
  u64 end = at;
  if (flow.filled != 0) {
    if (flow.ready < at) flow.ready = at;
    end = program_unit(zone, cause);
  }
  const u32 left = layout_.units - flow.units;
  for (u32 i = 0; i < layout_.width && i < left; i++) {
    to_pad_[layout_.die_of(zone, flow.units + i)] += (left - i + layout_.width - 1) / layout_.width;
  }
  statistics_.padding_units.add(left);
  flow.units = layout_.units;
  batched_ = true;
  return end;
}

Status Zns::finish_zone(Zone& zone, u64 now, u64 at, flash::Cause cause, u64* done) {
  if (zone.state == ZoneState::kFull) return Status::kSuccess;
  if (!is_active(zone.state) && zone.state != ZoneState::kEmpty) return Status::kInvalidZoneTransition;
  const u32 z = index(zone);
  // What lies in a random write area stays: up to its end.
  if (zone.high > zone.write_pointer) {
    raise_to(done, stream(z, zone.high - zone.write_pointer, at, false, cause).arrived);
    zone.write_pointer = zone.high;
  }
  const bool empty = flows_[z].units == 0 && flows_[z].filled == 0;
  if (!empty) raise_to(done, pad_zone(z, at, cause));
  release_buffer(z);
  table_.finish(zone, now);
  statistics_.finishes.add(1);
  return Status::kSuccess;
}

Status Zns::offline_zone(Zone& zone, u64 now) {
  if (zone.state == ZoneState::kOffline) return Status::kSuccess;
  if (zone.state != ZoneState::kReadOnly) return Status::kInvalidZoneTransition;
  forget_data(index(zone));
  table_.fail(zone, ZoneState::kOffline, now);
  return Status::kSuccess;
}

Status Zns::set_extension(Zone& zone, const ZoneSend& send, u64 now) {
  if (zone.state != ZoneState::kEmpty) return Status::kInvalidZoneTransition;
  if (const Status status = table_.check_activate(zone); status != Status::kSuccess) return status;
  memcpy(&extensions_[static_cast<std::size_t>(index(zone)) * limits().extension_bytes], send.extension,
         limits().extension_bytes);
  table_.close(zone, now);
  table_.set_attribute(zone, attributes::kDescriptorExtensionValid);
  return Status::kSuccess;
}

Status Zns::flush_zrwa(Zone& zone, ZoneSend& send, u64 now, u64 at, u64* done) {
  if (!table_.has_zrwa(zone)) return Status::kInvalidZoneOperation;
  const u64 end = send.flush_end - start_of(index(zone));
  if (end <= zone.write_pointer || end > zone.write_pointer + limits().zrwa_bytes || end > limits().zone_capacity ||
      (end - zone.write_pointer) % limits().zrwa_granularity != 0) {
    return Status::kInvalidZoneOperation;
  }
  if (const Status status = table_.check_open(zone); status != Status::kSuccess) return status;
  if (!is_open(zone.state)) table_.open(zone, ZoneState::kImplicitlyOpen, now);
  const u64 high = end > zone.high ? end : zone.high;
  send.gap = high - zone.high;
  send.gap_offset = start_of(index(zone)) + zone.high;
  raise_to(done, commit_zrwa(zone, end, high, at, flash::Cause::kHost));
  return Status::kSuccess;
}

}  // namespace nvmev::zns
