// SPDX-License-Identifier: GPL-2.0-only
#include "firmware.h"

#include "admin.h"
#include "controller.h"
#include "identity.h"
#include "nvmev/error.h"
#include "nvmev/text.h"

namespace nvmev {

using nvme::CommitAction;
using nvme::Sqe;
using nvme::Status;

namespace {

// CRC-32 of IEEE 802.3, bit by bit: images are small and rare.
u32 crc32(u32 crc, const u8* data, u32 length) {
  constexpr u32 kPolynomial = 0xedb88320;
  crc = ~crc;
  for (u32 i = 0; i < length; i++) {
    crc ^= data[i];
    for (u32 bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? kPolynomial : 0);
  }
  return ~crc;
}

}  // namespace

bool Firmware::init(nvmev_host* host) {
  set_padded(revisions_[0].data(), revisions_[0].size(), kFirmwareRevision);
  return image_.allocate(host, kMaxImage) && received_.allocate(host, kWords / 64);
}

Status Firmware::check_piece(u64 offset, u64 length) const {
  if (offset > kMaxImage || length > kMaxImage - offset) return Status::kInvalidField;
  for (u64 word = offset / 4; word < (offset + length) / 4; word++) {
    if (received_[word / 64] >> word % 64 & 1) return Status::kOverlappingRange;
  }
  return Status::kSuccess;
}

void Firmware::note_piece(u32 offset, u32 length) {
  for (u32 word = offset / 4; word < (offset + length) / 4; word++) received_[word / 64] |= 1ull << word % 64;
  words_ += length / 4;
  if (offset + length > length_) length_ = offset + length;
}

void Firmware::drop_image() {
  for (u64& word : received_) word = 0;
  length_ = words_ = 0;
}

bool Firmware::valid_image(Revision* revision) const {
  FirmwareHeader header;
  if (length_ < sizeof(header) || words_ * 4 != length_) return false;  // a gap
  memcpy(&header, image_.data(), sizeof(header));
  if (memcmp(header.magic, kFirmwareMagic, sizeof(header.magic)) != 0) return false;
  // A download may be padded to its granularity.
  if (header.length < sizeof(header) || header.length > length_) return false;
  for (const char c : header.revision) {
    if (c < ' ' || c > '~') return false;
  }
  if (header.revision[0] == ' ') return false;
  const u32 wanted = header.checksum;
  header.checksum = 0;
  const u32 head = crc32(0, reinterpret_cast<const u8*>(&header), sizeof(header));
  if (crc32(head, image_.data() + sizeof(header), header.length - sizeof(header)) != wanted) return false;
  memcpy(revision->data(), header.revision, sizeof(header.revision));
  return true;
}

// The first writable slot that is empty, or else one that is not in use.
u32 Firmware::choose_slot() const {
  for (u32 slot = 2; slot <= kSlots; slot++) {
    if (empty(slot)) return slot;
  }
  return active_ == 2 ? 3 : 2;
}

Status Firmware::commit(CommitAction action, u32 slot, u32* chosen, bool* activated) {
  *activated = false;
  const bool has_image = words_ != 0;
  const bool replaces = action == CommitAction::kReplace || action == CommitAction::kReplaceAndActivate ||
                        (action == CommitAction::kActivateNow && has_image);
  *chosen = slot;
  if (slot > kSlots) return Status::kInvalidFirmwareSlot;
  if (replaces && slot == 1) return Status::kInvalidFirmwareSlot;  // FRMW bit 0
  if (slot == 0) *chosen = replaces ? choose_slot() : active_;
  slot = *chosen;
  if (replaces) {
    Revision revision;
    const bool valid = valid_image(&revision);
    drop_image();
    if (!valid) return Status::kInvalidFirmwareImage;
    revisions_[slot - 1] = revision;
  } else if (empty(slot)) {
    return Status::kInvalidFirmwareImage;
  }
  switch (action) {
    case CommitAction::kReplace:
      break;
    case CommitAction::kReplaceAndActivate:
    case CommitAction::kActivate:
      next_ = slot;
      break;
    case CommitAction::kActivateNow:
      active_ = slot;
      next_ = 0;
      *activated = true;
      break;
  }
  return Status::kSuccess;
}

bool Firmware::reset() {
  drop_image();
  if (next_ == 0) return false;
  active_ = next_;
  next_ = 0;
  return true;
}

void Firmware::fill(nvme::FirmwareSlotLog& log) const {
  log.afi = static_cast<u8>(active_ | next_ << 4);
  for (u32 slot = 1; slot <= kSlots; slot++) {
    if (!empty(slot)) memcpy(log.revision[slot - 1], revisions_[slot - 1].data(), sizeof(log.revision[0]));
  }
}

// ---- Commands ----------------------------------------------------------------------------------------------------

AdminResult firmware_download(Controller& controller, const Sqe& sqe) {
  const u64 length = (sqe.cdw10 + 1ull) * sizeof(u32);
  const u64 offset = sqe.cdw11 * static_cast<u64>(sizeof(u32));
  if (length > controller.shared().max_transfer()) return {Status::kInvalidField};
  Firmware& firmware = controller.firmware();
  if (const Status status = firmware.check_piece(offset, length); status != Status::kSuccess) return {status};
  const Status status = controller.receive(sqe, firmware.place(offset), static_cast<u32>(length));
  if (status == Status::kSuccess) firmware.note_piece(static_cast<u32>(offset), static_cast<u32>(length));
  return {status};
}

void Firmware::transfer(StateArchive& archive) {
  archive.value(revisions_);
  u32 active = active_, next = next_;
  archive.value(active);
  archive.value(next);
  if (!archive.loading() || !archive.ok()) return;
  if (active == 0 || active > kSlots || empty(active) || next > kSlots || (next != 0 && empty(next))) {
    return archive.refuse(err::kInvalid, "firmware slot %u is active, and %u next", active, next);
  }
  active_ = active;
  next_ = next;
}

AdminResult firmware_commit(Controller& controller, const Sqe& sqe) {
  const u32 slot = sqe.cdw10 & 0x7;
  const u32 action = sqe.cdw10 >> 3 & 0x7;
  if (action > static_cast<u32>(nvme::CommitAction::kActivateNow)) return {Status::kInvalidField};  // no boot partitions
  Firmware& firmware = controller.firmware();
  nvme::FirmwareCommitEvent event{};
  memcpy(event.old_revision, firmware.revision(), sizeof(event.old_revision));
  u32 chosen;
  bool activated;
  const Status status = firmware.commit(static_cast<CommitAction>(action), slot, &chosen, &activated);
  nvme::FirmwareSlotLog log{};
  firmware.fill(log);
  if (chosen - 1 < Firmware::kSlots) memcpy(event.new_revision, log.revision[chosen - 1], sizeof(event.new_revision));
  event.action = static_cast<u8>(action);
  event.slot = static_cast<u8>(chosen);
  event.sct = static_cast<u8>(static_cast<u16>(status) >> 8);
  event.sc = static_cast<u8>(status);
  controller.record(nvme::PersistentEventType::kFirmwareCommit, event);
  if (activated) controller.subsystem().for_each_controller([](Controller& each) { each.firmware_activated(); });
  return {status};
}

}  // namespace nvmev
