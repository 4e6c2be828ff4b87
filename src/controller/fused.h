// SPDX-License-Identifier: GPL-2.0-only
// The fused operation Compare and Write (NVMe 2.0 section 3.4.2, NVM Command Set 1.0 section 2.1.3.1), of one logical block
// (ACWU).
#pragma once

#include "io_commands.h"

namespace nvmev {

// The largest logical block.
inline constexpr u32 kMaxFusedBytes = kPageSize;

// Of a command that says that it is part of a fused operation and whose other part is not next to it.
nvme::Status status_of_lone_fused(const Namespace* ns, const nvme::Sqe& sqe);

// Carries both commands out, or neither: fills in their status and target. On entry their status says whether they are admitted
// at all. `block`: kMaxFusedBytes to work with. Of a dispatcher: commands of a queue have no order among each other, so that
// this data phase need not wait for those before it.
void carry_out_fused(const IoContext& context, Task& compare, Task& write, u8* block, u64 now);

}  // namespace nvmev
