// SPDX-License-Identifier: GPL-2.0-only
// The Zoned Namespace Command Set (1.1) in the controller. What zones are and do, the device type knows
// (include/nvmev/zones.h); here are the commands: commands.cc has their table, write.cc, read.cc, copy.cc, send.cc and
// receive.cc the commands, identify.cc the structures of CNS 05h and 06h.
#pragma once

#include "../io_commands.h"
#include "../region.h"
#include "nvmev/zones.h"

namespace nvmev {

class Controller;
struct Namespace;

// The region of a task's namespace. Of workers, too: a namespace is not deleted while commands use it.
inline Region& region_of(Shared& shared, const Task& task) { return *shared.namespaces.find(task.sqe.nsid)->region; }

// Of `bytes` of the region's address space, those that can be written: less than all where zones have gaps.
inline u64 writable_bytes(const Region& region, u64 bytes) {
  const Zones* zones = region.model.zones();
  return zones != nullptr ? bytes / zones->limits().zone_bytes * zones->limits().zone_capacity : bytes;
}

// Largest Zone Append of the controller, bytes: of all its zoned namespaces.
u64 append_limit(const Shared& shared);

// Zeroes what a random write area skips; at most as much as it is large.
void zero_gap(Shared& shared, u64 offset, u64 length);

// Takes all memory of the medium that data in the range need; false when there is none.
bool prepare(Medium& medium, u64 offset, u64 length);

// Calls `with(offset, length, readable)` for the parts of a range of the device's address space, bytes, which hold data or
// were never written: these are zeros, whatever medium and marks (Uncorrectable) say of them. Stops when that returns false.
template <typename Function>
bool for_each_part(const Region& region, u64 offset, u64 length, Function with) {
  const Zones& zones = *region.model.zones();
  const u64 zone_bytes = zones.limits().zone_bytes;
  for (const u64 end = offset + length; offset < end;) {
    const u32 zone = static_cast<u32>((offset - region.base) / zone_bytes);
    const u64 zone_start = region.base + zone * zone_bytes;
    const u64 readable_end = zone_start + zones.readable(zone);
    const bool readable = offset < readable_end;
    u64 to = readable ? readable_end : zone_start + zone_bytes;
    if (to > end) to = end;
    if (!with(offset, to - offset, readable)) return false;
    offset = to;
  }
  return true;
}

// Whether no block of the range is uncorrectable.
bool is_good(const Shared& shared, const Region& region, u64 offset, u64 length);

// Rows of the command table.
nvme::Status check_zone_write(const IoContext&, Task&);
nvme::Status check_zone_append(const IoContext&, Task&);
nvme::Status check_zone_zeroes(const IoContext&, Task&);
nvme::Status check_zone_uncorrectable(const IoContext&, Task&);
void act_zone_write(const IoContext&, Task&, u64 now);
nvme::Status move_zone_write(Shared&, DataBuffer&, Task&);
nvme::Status move_zone_uncorrectable(Shared&, DataBuffer&, Task&);
bool step_zone_zeroes(Shared&, Task&, u64* at);

nvme::Status check_zone_read(const IoContext&, Task&);
nvme::Status check_zone_compare(const IoContext&, Task&);
nvme::Status check_zone_verify(const IoContext&, Task&);
void act_zone_read(const IoContext&, Task&, u64 now);
nvme::Status move_zone_read(Shared&, DataBuffer&, Task&);
nvme::Status move_zone_compare(Shared&, DataBuffer&, Task&);
nvme::Status move_zone_verify(Shared&, DataBuffer&, Task&);

nvme::Status check_zone_copy(const IoContext& context, Task& task);
void act_zone_copy(const IoContext&, Task&, u64 now);
nvme::Status move_zone_copy(Shared&, DataBuffer&, Task&);

nvme::Status check_zone_send(const IoContext&, Task&);
void act_zone_send(const IoContext&, Task&, u64 now);
bool zone_send_ready(Shared&, const Task&);
bool step_zone_reset(Shared&, Task&, u64* at);

nvme::Status check_zone_receive(const IoContext&, Task&);
void act_zone_receive(const IoContext&, Task&, u64 now);
nvme::Status move_zone_report(Shared&, DataBuffer&, Task&);

// Log page BFh.
u32 changed_zones_log(Controller&, const nvme::Sqe&, u8* data);

void identify_zoned_namespace(const Shared&, const Namespace&, u8* page);
void identify_zoned_controller(const Shared&, u8* page);

}  // namespace nvmev
