// SPDX-License-Identifier: GPL-2.0-only
// Open-channel namespaces in the controller: their commands, admin commands, log pages and events.
#pragma once

#include "../admin.h"
#include "../shared.h"
#include "nvmev/nvme/identify.h"
#include "nvmev/nvme/lightnvm.h"
#include "nvmev/open_channel.h"

namespace nvmev {

class DataBuffer;

// ---- Which device has what

bool has_open_channel(const Shared& shared);
bool has_open_channel_12(const Shared& shared);
bool has_open_channel_20(const Shared& shared);

// nullptr for namespaces of other families, and for nullptr.
OpenChannel* open_channel_of(const Namespace* ns);

// ---- Admin commands, admin.cc. Of version 1.2 or 2.0 where their names say so.

AdminResult oc_geometry(Controller&, const nvme::Sqe&);
AdminResult oc_get_l2p_table(Controller&, const nvme::Sqe&);         // 1.2
AdminResult oc_set_bad_block_table(Controller&, const nvme::Sqe&);   // 1.2
AdminResult oc_get_bad_block_table(Controller&, const nvme::Sqe&);   // 1.2
AdminResult oc_set_chunk_information(Controller&, const nvme::Sqe&);  // 2.0

// ---- Log pages, logs.cc

// Whether the log page belongs to open-channel namespaces, and this device has it.
bool is_oc_log(const Shared& shared, u8 log);
AdminResult get_oc_log(Controller&, const nvme::Sqe&);

// Moves notifications of a region from its FTL to the log. Whoever executes commands calls it. True if there were any.
bool collect_notifications(Shared& shared, Namespace& ns, OpenChannel& ssd);

// ---- Identify

// What Identify Namespace says of an open-channel namespace.
u32 open_channel_format(const Namespace& ns);
void identify_open_channel(const Shared& shared, const Namespace& ns, nvme::IdentifyNamespace& data);

// ---- Data phases, data.cc: see IoCommand::move

nvme::Status move_vector_read(Shared& shared, DataBuffer& buffer, Task& task);
nvme::Status move_vector_write(Shared& shared, DataBuffer& buffer, Task& task);
nvme::Status move_vector_copy(Shared& shared, DataBuffer& buffer, Task& task);

}  // namespace nvmev
