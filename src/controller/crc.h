// SPDX-License-Identifier: GPL-2.0-only
// The CRCs of protection information: NVM Command Set 1.0 sections 5.2.1.1 to 5.2.1.3. They continue what was computed
// so far; a computation begins with 0 and its result is the guard.
#pragma once

#include "nvmev/types.h"

namespace nvmev {

// CRC-16 of T10 DIF: polynomial 8BB7h.
u16 crc16(u16 crc, const u8* data, u64 length);

// CRC-32C: polynomial 1EDC6F41h, reflected, all ones before and inverted after.
u32 crc32c(u32 crc, const u8* data, u64 length);

// CRC-64/NVME: polynomial AD93D23594C93659h, reflected, all ones before and inverted after.
u64 crc64(u64 crc, const u8* data, u64 length);

}  // namespace nvmev
