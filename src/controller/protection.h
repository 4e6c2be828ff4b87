// SPDX-License-Identifier: GPL-2.0-only
// End-to-end data protection: NVM Command Set 1.0 section 5.2. What is at the place of the protection information in a block's
// metadata, how it is made and what it is checked against.
#pragma once

#include "block_format.h"
#include "nvmev/nvme/command.h"
#include "nvmev/nvme/status.h"

namespace nvmev {

// PRINFO, and the storage tag check bit above it: figure 11.
namespace prinfo {
inline constexpr u32 kReferenceCheck = 1u << 0;
inline constexpr u32 kApplicationCheck = 1u << 1;
inline constexpr u32 kGuardCheck = 1u << 2;
inline constexpr u32 kAction = 1u << 3;  // PRACT
inline constexpr u32 kStorageCheck = 1u << 4;
inline constexpr u32 kChecks = kReferenceCheck | kApplicationCheck | kGuardCheck | kStorageCheck;
}  // namespace prinfo

// End-to-end Data Protection Type Settings (DPS).
inline constexpr u8 kDpsType = 0x7;
inline constexpr u8 kDpsFirst = 1u << 3;  // at the beginning of the metadata

// What a command expects of its first block, or gives to it.
struct ProtectionTags {
  u64 storage_reference;  // LBST and ILBRT, as in the command: the lower bits
  u16 application;
  u16 mask;           // bits of the application tag that count
  u16 storage_upper;  // LBST, bits 79:64: of a guard of 32 bits
};

// Protection information of the blocks of a namespace; type 0: there is none, and nothing else may be called then.
class Protection {
 public:
  Protection() = default;
  Protection(const BlockFormat& format, u8 dps)
      : format_(&format), type_(dps & kDpsType), at_((dps & kDpsFirst) != 0 ? 0 : format.metadata - format.tuple()) {}

  bool enabled() const { return type_ != 0; }
  u32 type() const { return type_; }
  // Where in the metadata it is, and how long.
  u32 at() const { return at_; }
  u32 bytes() const { return format_->tuple(); }
  bool whole_metadata() const { return format_->metadata == bytes(); }

  // Whether PRINFO and the tag of the first block agree with the type: section 5.2.1.5.
  nvme::Status check_fields(u32 prinfo, u64 slba, const ProtectionTags& tags) const;

  // Goes on with the guard (0 at first): the data of a block, then finish_guard() with its metadata.
  u64 add_to_guard(u64 guard, const u8* data, u64 length) const;
  u64 finish_guard(u64 guard, const u8* metadata) const;

  // Puts the protection information of the command's block `index` into its metadata.
  void generate(u8* metadata, u64 guard, const ProtectionTags& tags, u64 index) const;

  // Whether the block's checks are switched off by the values of its tags.
  bool escapes(const u8* metadata) const;
  // The checks that PRINFO asks for of the command's block `index`, unless it escapes. `guard` matters if it is checked.
  nvme::Status check(const u8* metadata, u32 prinfo, u64 guard, const ProtectionTags& tags, u64 index) const;

  // Metadata are kept with their protection information inverted: what was never written, and reads as zeros, has the FFh that the
  // specification wants there (section 3.2.3.2.1).
  void convert(u8* metadata) const {
    for (u32 i = at_; i < at_ + bytes(); i++) metadata[i] = static_cast<u8>(~metadata[i]);
  }

 private:
  struct Fields {
    u64 guard;
    u16 application;
    u64 storage;
    u64 reference;
  };
  Fields load(const u8* metadata) const;
  u64 reference_mask() const { return ones(format_->reference_bits()); }
  // Of block `index` of a command: types 1 and 2 count up.
  u64 reference(const ProtectionTags& tags, u64 index) const {
    return (tags.storage_reference + (type_ == 3 ? 0 : index)) & reference_mask();
  }
  u64 storage(const ProtectionTags& tags) const { return storage_of(tags.storage_upper, tags.storage_reference); }
  // The storage tag in storage and reference tag: bits 79:64 and 63:0.
  u64 storage_of(u64 upper, u64 lower) const;

  const BlockFormat* format_ = &kBlockFormats[0];
  u32 type_ = 0;
  u32 at_ = 0;
};

// The fields of Read, Write, Compare, Verify and Write Zeroes: CDW2, CDW3, CDW12, CDW14 and CDW15.
u32 prinfo_of(const nvme::Sqe& sqe);
ProtectionTags tags_of(const nvme::Sqe& sqe);

}  // namespace nvmev
