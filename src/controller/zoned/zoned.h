// SPDX-License-Identifier: GPL-2.0-only
// The Zoned Namespace Command Set (1.1) in the controller. What zones are and do, the device type knows
// (include/nvmev/zones.h); here are the commands: commands.cc has their table, write.cc, read.cc, send.cc and receive.cc the
// commands, identify.cc the structures of CNS 05h and 06h.
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
void zero_gap(Medium& medium, u64 offset, u64 length);

// Rows of the command table.
nvme::Status check_zone_write(const IoContext&, Task&);
nvme::Status check_zone_append(const IoContext&, Task&);
nvme::Status check_zone_zeroes(const IoContext&, Task&);
void act_zone_write(const IoContext&, Task&, u64 now);
nvme::Status move_zone_write(Shared&, DataBuffer&, Task&);
bool step_zone_zeroes(Shared&, Task&, u64* at);

nvme::Status check_zone_read(const IoContext&, Task&);
nvme::Status check_zone_compare(const IoContext&, Task&);
void act_zone_read(const IoContext&, Task&, u64 now);
nvme::Status move_zone_read(Shared&, DataBuffer&, Task&);
nvme::Status move_zone_compare(Shared&, DataBuffer&, Task&);

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
