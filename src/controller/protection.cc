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
  return {sqe.cdw14 | static_cast<u64>(sqe.cdw3) << 32, static_cast<u16>(sqe.cdw15), static_cast<u16>(sqe.cdw15 >> 16),
          static_cast<u16>(sqe.cdw2)};
}

Status Protection::check_fields(u32 prinfo, u64 slba, const ProtectionTags& tags) const {
  if (!enabled() || (prinfo & prinfo::kReferenceCheck) == 0) return Status::kSuccess;
  if (type_ == 3) return Status::kInvalidProtectionInformation;
  const bool of_block = (tags.storage_reference & reference_mask()) == (slba & reference_mask());
  return type_ == 1 && !of_block ? Status::kInvalidProtectionInformation : Status::kSuccess;
}

u64 Protection::add_to_guard(u64 guard, const u8* data, u64 length) const {
  switch (format_->guard) {
    case GuardFormat::k16:
      return crc16(static_cast<u16>(guard), data, length);
    case GuardFormat::k32:
      return crc32c(static_cast<u32>(guard), data, length);
    case GuardFormat::k64:
      return crc64(guard, data, length);
  }
  return 0;
}

// What lies before the protection information is guarded too.
u64 Protection::finish_guard(u64 guard, const u8* metadata) const { return add_to_guard(guard, metadata, at_); }

// Either tag has at most 64 bits, so that their border is at most at bit 64.
u64 Protection::storage_of(u64 upper, u64 lower) const {
  const u32 border = format_->reference_bits();
  const u64 all = border == 64 ? upper : lower >> border | (border == 0 ? 0 : upper << (64 - border));
  return all & ones(format_->storage_tag);
}

void Protection::generate(u8* metadata, u64 guard, const ProtectionTags& tags, u64 index) const {
  const u32 border = format_->reference_bits(), bytes = format_->tag_bits() / 8;
  const u64 storage_tag = storage(tags);
  u8* to = metadata + at_;
  store_big_endian(to, format_->guard_bytes(), guard);
  to += format_->guard_bytes();
  store_big_endian(to, 2, tags.application);
  to += 2;
  if (bytes > 8) store_big_endian(to, bytes - 8, border == 64 ? storage_tag : storage_tag >> (64 - border));
  const u32 lower = bytes > 8 ? 8 : bytes;
  store_big_endian(to + bytes - lower, lower, (border == 64 ? 0 : storage_tag << border) | reference(tags, index));
}

Protection::Fields Protection::load(const u8* metadata) const {
  const u8* from = metadata + at_;
  const u64 guard = load_big_endian(from, format_->guard_bytes());
  from += format_->guard_bytes();
  const u16 application = static_cast<u16>(load_big_endian(from, 2));
  from += 2;
  const u32 bytes = format_->tag_bits() / 8, lower = bytes > 8 ? 8 : bytes;
  const u64 low = load_big_endian(from + bytes - lower, lower);
  return {guard, application, storage_of(load_big_endian(from, bytes - lower), low), low & reference_mask()};
}

bool Protection::escapes(const u8* metadata) const {
  const Fields fields = load(metadata);
  if (fields.application != kNoApplicationTag) return false;
  return type_ != 3 || fields.reference == reference_mask();
}

Status Protection::check(const u8* metadata, u32 prinfo, u64 guard, const ProtectionTags& tags, u64 index) const {
  if (escapes(metadata)) return Status::kSuccess;
  const Fields fields = load(metadata);
  if ((prinfo & prinfo::kGuardCheck) != 0 && fields.guard != guard) return Status::kGuardCheckError;
  if ((prinfo & prinfo::kApplicationCheck) != 0 && ((fields.application ^ tags.application) & tags.mask) != 0) {
    return Status::kApplicationTagCheckError;
  }
  if ((prinfo & prinfo::kReferenceCheck) != 0 && fields.reference != reference(tags, index)) {
    return Status::kReferenceTagCheckError;
  }
  if ((prinfo & prinfo::kStorageCheck) != 0 && fields.storage != storage(tags)) return Status::kStorageTagCheckError;
  return Status::kSuccess;
}

}  // namespace nvmev
