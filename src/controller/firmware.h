// SPDX-License-Identifier: GPL-2.0-only
// Firmware slots and the image that is being downloaded (NVMe 2.0 section 3.11). Slot 1 holds what the device came with and cannot be
// written.
#pragma once

#include <array>

#include "nvmev/host_array.h"
#include "nvmev/nvme/firmware.h"
#include "nvmev/nvme/log.h"
#include "nvmev/nvme/status.h"
#include "nvmev/state_archive.h"
#include "nvmev/types.h"

namespace nvmev {

class Firmware {
 public:
  static constexpr u32 kSlots = 3;
  static constexpr u32 kMaxImage = 64 << 10;  // bytes

  // False when there is no memory.
  bool init(nvmev_host* host);

  // Whether a piece of `length` bytes at `offset` can be taken: kSuccess, kInvalidField, kOverlappingRange.
  nvme::Status check_piece(u64 offset, u64 length) const;
  // Where the bytes of a piece belong that was checked.
  u8* place(u64 offset) { return image_.data() + offset; }
  // The piece has been copied to its place.
  void note_piece(u32 offset, u32 length);

  // Firmware Commit; `slot` 0: the device chooses. *activated: the active revision has changed, now.
  nvme::Status commit(nvme::CommitAction action, u32 slot, u32* chosen, bool* activated);

  // A Controller Level Reset: pieces are dropped, and what waits for activation is activated. Whether something was.
  bool reset();

  bool activation_pending() const { return next_ != 0; }
  // FR, 8 characters padded with spaces.
  const char* revision() const { return revisions_[active_ - 1].data(); }
  void fill(nvme::FirmwareSlotLog& log) const;

  void transfer(StateArchive& archive);

 private:
  using Revision = std::array<char, 8>;
  static constexpr u32 kWords = kMaxImage / 4;

  bool valid_image(Revision* revision) const;
  void drop_image();
  u32 choose_slot() const;
  bool empty(u32 slot) const { return revisions_[slot - 1][0] == '\0'; }

  HostArray<u8> image_;
  HostArray<u64> received_;  // a bit for each dword of the image
  u32 length_ = 0;           // highest byte received
  u32 words_ = 0;            // dwords received
  u32 active_ = 1;           // slots count from 1
  u32 next_ = 0;             // the slot that the next reset activates; 0: none
  std::array<Revision, kSlots> revisions_{};  // starts with NUL: nothing in the slot
};

}  // namespace nvmev
