// SPDX-License-Identifier: GPL-2.0-only
#include "protection.h"

#include "crc.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;

namespace {

u64 load_big_endian(const u8* from, u32 bytes) {
  u64 value = 0;
  for (u32 i = 0; i < bytes; i++) value = value << 8 | from[i];
  return value;
}

void store_big_endian(u8* to, u32 bytes, u64 value) {
  for (u32 i = bytes; i-- > 0; value >>= 8) to[i] = static_cast<u8>(value);
}

constexpr u16 kNoApplicationTag = 0xffff;

}  // namespace

u32 prinfo_of(const Sqe& sqe) {
  return (sqe.cdw12 >> 26 & 0xf) | ((sqe.cdw12 >> 24 & 1) != 0 ? prinfo::kStorageCheck : 0);
}

ProtectionTags tags_of(const Sqe& sqe) {
  return {sqe.cdw14 | static_cast<u64>(sqe.cdw3 & 0xffff) << 32, static_cast<u16>(sqe.cdw15),
          static_cast<u16>(sqe.cdw15 >> 16)};
}

Status Protection::check_fields(u32 prinfo, u64 slba, const ProtectionTags& tags) const {
  if (!enabled() || (prinfo & prinfo::kReferenceCheck) == 0) return Status::kSuccess;
  if (type_ == 3) return Status::kInvalidProtectionInformation;
  const bool of_block = (tags.storage_reference & reference_mask()) == (slba & reference_mask());
  return type_ == 1 && !of_block ? Status::kInvalidProtectionInformation : Status::kSuccess;
}

u64 Protection::add_to_guard(u64 guard, const u8* data, u64 length) const {
  return format_->guard == GuardFormat::k16 ? crc16(static_cast<u16>(guard), data, length) : crc64(guard, data, length);
}

// What lies before the protection information is guarded too.
u64 Protection::finish_guard(u64 guard, const u8* metadata) const { return add_to_guard(guard, metadata, at_); }

void Protection::generate(u8* metadata, u64 guard, const ProtectionTags& tags, u64 index) const {
  const u64 storage = tags.storage_reference & ~reference_mask();
  const bool short_guard = format_->guard == GuardFormat::k16;
  const u32 guard_bytes = short_guard ? 2 : 8;
  u8* to = metadata + at_;
  store_big_endian(to, guard_bytes, guard);
  store_big_endian(to + guard_bytes, 2, tags.application);
  store_big_endian(to + guard_bytes + 2, space() / 8, storage | reference(tags, index));
}

Protection::Fields Protection::load(const u8* metadata) const {
  const u8* from = metadata + at_;
  const u32 guard_bytes = format_->guard == GuardFormat::k16 ? 2 : 8;
  return {load_big_endian(from, guard_bytes), static_cast<u16>(load_big_endian(from + guard_bytes, 2)),
          load_big_endian(from + guard_bytes + 2, space() / 8)};
}

bool Protection::escapes(const u8* metadata) const {
  const Fields fields = load(metadata);
  if (fields.application != kNoApplicationTag) return false;
  return type_ != 3 || (fields.storage_reference & reference_mask()) == reference_mask();
}

Status Protection::check(const u8* metadata, u32 prinfo, u64 guard, const ProtectionTags& tags, u64 index) const {
  if (escapes(metadata)) return Status::kSuccess;
  const Fields fields = load(metadata);
  if ((prinfo & prinfo::kGuardCheck) != 0 && fields.guard != guard) return Status::kGuardCheckError;
  if ((prinfo & prinfo::kApplicationCheck) != 0 && ((fields.application ^ tags.application) & tags.mask) != 0) {
    return Status::kApplicationTagCheckError;
  }
  if ((prinfo & prinfo::kReferenceCheck) != 0 &&
      (fields.storage_reference & reference_mask()) != reference(tags, index)) {
    return Status::kReferenceTagCheckError;
  }
  const u64 storage_mask = ((1ull << space()) - 1) & ~reference_mask();
  if ((prinfo & prinfo::kStorageCheck) != 0 &&
      ((fields.storage_reference ^ tags.storage_reference) & storage_mask) != 0) {
    return Status::kStorageTagCheckError;
  }
  return Status::kSuccess;
}

}  // namespace nvmev
