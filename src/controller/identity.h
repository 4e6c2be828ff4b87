// SPDX-License-Identifier: GPL-2.0-only
// Who the device is: names and identifiers that follow from its serial number, the same at every attach.
#pragma once

#include <array>

#include "nvmev/types.h"

namespace nvmev {

// Firmware of slot 1: the version of NVMeVirt.
inline constexpr char kFirmwareRevision[] = NVMEV_VERSION;

// A version 8 (custom) UUID, RFC 9562 section 5.8: a hash of `serial` and `purpose`.
std::array<u8, 16> make_uuid(const char* serial, const char* purpose);
// Of a namespace.
std::array<u8, 16> namespace_uuid(const char* serial, u32 nsid);

// NVM Subsystem NVMe Qualified Name; the rest of `text` is left as it is.
void format_subnqn(const char* serial, char (&text)[256]);

// As "8-4-4-4-12" hexadecimal digits; `text` has room for 37 bytes.
void format_uuid(const std::array<u8, 16>& uuid, char* text);

}  // namespace nvmev
