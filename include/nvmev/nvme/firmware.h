// SPDX-License-Identifier: GPL-2.0-only
// Firmware Commit and Firmware Image Download: NVMe 2.0 sections 5.12, 5.13 and 3.11; and what an image of this
// device is.
#pragma once

#include "nvmev/types.h"

namespace nvmev::nvme {

// Commit Action, figure 178.
enum class CommitAction : u8 {
  kReplace = 0,             // replaces the image of a slot
  kReplaceAndActivate = 1,  // the same, and the next reset activates it
  kActivate = 2,            // the next reset activates the slot's image
  kActivateNow = 3,         // replaces if there is a new image; activates at once
};

}  // namespace nvmev::nvme

namespace nvmev {

// How an image begins. The device's behaviour does not depend on it: it has a revision that Identify shows, and contents
// that must have arrived whole. scripts/firmware-image makes one.
struct FirmwareHeader {
  char magic[8];     // kFirmwareMagic
  char revision[8];  // ASCII, padded with spaces
  u32 length;        // bytes of the whole image, a multiple of 4
  u32 checksum;      // CRC-32 (IEEE 802.3) of the image with this field 0
  u8 reserved24[8];
};
static_assert(sizeof(FirmwareHeader) == 32);

inline constexpr char kFirmwareMagic[] = "NVMEVIRT";

}  // namespace nvmev
