// SPDX-License-Identifier: GPL-2.0-only
// Which logical blocks cannot be read: Get LBA Status, log page 0Eh, feature 15h. All of them are known (tracked): they are those
// that Write Uncorrectable has marked.
#pragma once

#include "admin.h"

namespace nvmev {

// Whether the device has namespaces whose blocks can become unreadable.
bool has_lba_status(const Shared& shared);

AdminResult get_lba_status(Controller&, const nvme::Sqe&);
u32 lba_status_log(Controller&, const nvme::Sqe&, u8* data);

}  // namespace nvmev
