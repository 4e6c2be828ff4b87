// SPDX-License-Identifier: GPL-2.0-only
// Which logical blocks cannot be read: Get LBA Status, log page 0Eh, feature 15h. All of them are known (tracked): they are those
// that Write Uncorrectable has marked.
#pragma once

#include "admin.h"
#include "namespace.h"
#include "nvmev/nvme/lba_status.h"

namespace nvmev {

// Whether the device has namespaces whose blocks can become unreadable.
bool has_lba_status(const Shared& shared);

// Log page 0Eh as it was when a host began to read it; 0 bytes: nobody is reading it.
struct KeptLbaStatus {
  static constexpr u32 kBytes = sizeof(nvme::LbaStatusLogHeader) + kMaxNamespaces * sizeof(nvme::LbaStatusElement);

  alignas(8) u8 data[kBytes] = {};
  u32 bytes = 0;
};

AdminResult get_lba_status(Controller&, const nvme::Sqe&);
u32 lba_status_log(Controller&, const nvme::Sqe&, u8* data);
// Without Retain Asynchronous Event.
void lba_status_read(Controller&);

}  // namespace nvmev
