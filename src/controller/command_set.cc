// SPDX-License-Identifier: GPL-2.0-only
#include "command_set.h"

namespace nvmev {

namespace {

// By CommandFamily.
constexpr const CommandSet* kSets[] = {
    &kNvmCommandSet,
    &kKeyValueCommandSet,
    &kZonedCommandSet,
    &kOpenChannelCommandSet,
};

}  // namespace

const CommandSet& command_set(CommandFamily family) { return *kSets[static_cast<u8>(family)]; }

const CommandSet& command_set_of(const Namespace* ns) { return ns != nullptr ? *ns->region->set : kNvmCommandSet; }

u32 format_count(const Shared& shared, const CommandSet& set) {
  return set.has_metadata ? shared.metadata.formats() : set.formats;
}

nvme::Status check_format(const Shared& shared, const CommandSet& set, const FormatChoice& choice) {
  using nvme::Status;
  constexpr u8 kTypes = 3;
  if (choice.index >= format_count(shared, set)) return Status::kInvalidFormat;
  const BlockFormat& format = kBlockFormats[choice.index];
  // NVM Command Set 1.0 figure 86.
  if (format.extended() && !shared.extended_formats.load(std::memory_order_relaxed)) return Status::kInvalidNamespaceOrFormat;
  const u8 type = choice.dps & kDpsType;
  return type == 0 || (type <= kTypes && format.metadata >= format.tuple()) ? Status::kSuccess : Status::kInvalidFormat;
}

bool offers(const Shared& shared, nvme::NvmOpcode opcode) {
  for (const Region& region : shared.regions) {
    if (region.set->csi == nvme::Csi::kKeyValue) continue;  // its opcodes mean other things
    if (supports(shared, find_command(*region.set, static_cast<u8>(opcode)))) return true;
  }
  return false;
}

bool offers_fused(const Shared& shared) {
  for (const Region& region : shared.regions) {
    if (region.set->family == CommandFamily::kNvm) return true;
  }
  return false;
}

bool has_command_set(const Shared& shared, u8 csi) {
  for (const Region& region : shared.regions) {
    if (static_cast<u8>(region.set->csi) == csi) return true;
  }
  return csi == static_cast<u8>(nvme::Csi::kNvm);
}

}  // namespace nvmev
