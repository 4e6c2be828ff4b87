// SPDX-License-Identifier: GPL-2.0-only
// Command sets: the I/O commands of a namespace, and what Identify says of it beyond what all have in common.
#pragma once

#include <array>

#include "io_commands.h"
#include "nvmev/nvme/command.h"
#include "nvmev/nvme/identify.h"

namespace nvmev {

class Controller;

using CommandTable = std::array<IoCommand, 256>;  // by opcode

struct CommandSet {
  CommandFamily family;
  nvme::Csi csi;
  const CommandTable* commands;
  // Its namespaces take all of their region: their FTL is not shared.
  bool whole_region;
  // Formats of kBlockFormats that its namespaces can have on any device: the first ones.
  u8 formats = kPlainFormats;
  // Whether they can have those with metadata too, as far as there is room.
  bool has_metadata = false;
  // Identify CNS 05h and 06h: fill in a zeroed page; nullptr: it stays so.
  void (*identify_namespace)(const Shared&, const Namespace&, u8* page) = nullptr;
  void (*identify_controller)(const Shared&, u8* page) = nullptr;
  // Namespace Management: checks what the host wants of a new namespace and says how many bytes it takes; nullptr: it is described
  // in blocks.
  nvme::Status (*read_wanted)(const u8* page, u64* bytes) = nullptr;
  // A region of the device comes into being; nullptr: nothing to do.
  void (*attach)(Subsystem&, Region&) = nullptr;
  // The only LBA format that Format NVM accepts; nullptr: the first ones of kBlockFormats.
  u32 (*fixed_format)(const Namespace&) = nullptr;
  // Identify CNS 00h and 11h: changes what all sets say; nullptr: nothing.
  void (*describe_namespace)(const Shared&, const Namespace&, nvme::IdentifyNamespace&) = nullptr;
};

// How many of kBlockFormats namespaces of the set can have on this device.
u32 format_count(const Shared& shared, const CommandSet& set);
// What Format NVM and Namespace Management answer to the choice of a host that knows extended formats or does not: kSuccess,
// kInvalidFormat, kInvalidNamespaceOrFormat.
nvme::Status check_format(const Shared& shared, const CommandSet& set, const FormatChoice& choice);

// Families that this build has no type of have the NVM Command Set's row.
const CommandSet& command_set(CommandFamily family);

// The set of a namespace's commands; the NVM Command Set's where there is no such namespace.
const CommandSet& command_set_of(const Namespace* ns);

inline const IoCommand& find_command(const CommandSet& set, u8 opcode) { return (*set.commands)[opcode]; }

// The row by which a task's command was prepared.
inline const IoCommand& command_of(const Task& task) { return find_command(command_set(task.family), task.sqe.opcode); }

// Whether any namespaces of the device could carry out the opcode of the NVM Command Set.
bool offers(const Shared& shared, nvme::NvmOpcode opcode);

// Whether it has the fused operation Compare and Write.
bool offers_fused(const Shared& shared);

// Whether any namespaces know reservations.
inline bool has_reservations(const Shared& shared) { return offers(shared, nvme::NvmOpcode::kReservationRegister); }

// Whether the device has namespaces of the set, or could have them.
bool has_command_set(const Shared& shared, u8 csi);

// Identify CNS 05h of the NVM Command Set.
void identify_nvm_namespace(const Shared& shared, const Namespace& ns, u8* page);

// One for each family.
extern const CommandSet kNvmCommandSet;
extern const CommandSet kKeyValueCommandSet;
extern const CommandSet kZonedCommandSet;
extern const CommandSet kOpenChannelCommandSet;

}  // namespace nvmev
