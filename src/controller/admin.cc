// SPDX-License-Identifier: GPL-2.0-only
#include "admin.h"

#include <array>

#include "fdp.h"
#include "lba_status.h"
#include "open_channel/open_channel.h"
#include "nvmev/nvme/log.h"
#include "virtualization.h"

namespace nvmev {

namespace {

namespace effects = nvme::effects;

constexpr u32 kPlain = effects::kSupported | effects::kScopeController;
constexpr u32 kOfNamespace = effects::kSupported | effects::kScopeNamespace;
constexpr u32 kOfSubsystem = effects::kSupported | effects::kScopeSubsystem;
constexpr u32 kFormat =
    kOfNamespace | effects::kLbaContent | effects::kNamespaceCapability | effects::kExecutionOneNamespace;
constexpr u32 kSanitize = kOfSubsystem | effects::kLbaContent | effects::kExecutionOne;
constexpr u32 kInventory = kOfSubsystem | effects::kNamespaceInventory;
constexpr u32 kFirmware = kOfSubsystem | effects::kControllerCapability;

constexpr bool kAllowed = true;  // while_sanitizing

constexpr auto make_table() {
  using Opcode = nvme::AdminOpcode;
  std::array<AdminCommand, 256> table{};
  const auto row = [&](Opcode opcode) -> AdminCommand& { return table[static_cast<u8>(opcode)]; };
  row(Opcode::kDeleteIoSq) = {"Delete I/O Submission Queue", delete_io_sq, kPlain, nullptr, kAllowed};
  row(Opcode::kCreateIoSq) = {"Create I/O Submission Queue", create_io_sq, kPlain, nullptr, kAllowed};
  // Which logs: log_pages.cc.
  row(Opcode::kGetLogPage) = {"Get Log Page", get_log_page, kPlain, nullptr, kAllowed};
  row(Opcode::kDeleteIoCq) = {"Delete I/O Completion Queue", delete_io_cq, kPlain, nullptr, kAllowed};
  row(Opcode::kCreateIoCq) = {"Create I/O Completion Queue", create_io_cq, kPlain, nullptr, kAllowed};
  row(Opcode::kIdentify) = {"Identify", identify, kPlain, nullptr, kAllowed};
  row(Opcode::kAbort) = {"Abort", abort_command, kPlain, nullptr, kAllowed};
  row(Opcode::kSetFeatures) = {"Set Features", set_features, kPlain, nullptr, kAllowed};
  row(Opcode::kGetFeatures) = {"Get Features", get_features, kPlain, nullptr, kAllowed};
  row(Opcode::kAsyncEventRequest) = {"Asynchronous Event Request", async_event_request, kPlain, nullptr, kAllowed};
  row(Opcode::kNamespaceManagement) = {"Namespace Management", namespace_management, kInventory};
  row(Opcode::kFirmwareCommit) = {"Firmware Commit", firmware_commit, kFirmware};
  row(Opcode::kFirmwareDownload) = {"Firmware Image Download", firmware_download, kOfSubsystem};
  row(Opcode::kDeviceSelfTest) = {"Device Self-test", device_self_test, kOfSubsystem};
  row(Opcode::kNamespaceAttachment) = {"Namespace Attachment", namespace_attachment, kInventory};
  row(Opcode::kKeepAlive) = {"Keep Alive", keep_alive, kPlain, nullptr, kAllowed};
  row(Opcode::kDirectiveSend) = {"Directive Send", directive_send, kOfNamespace, has_directives};
  row(Opcode::kDirectiveReceive) = {"Directive Receive", directive_receive, kOfNamespace, has_directives};
  row(Opcode::kVirtualizationManagement) = {"Virtualization Management", virtualization_management, kOfSubsystem, is_primary};
  // A driver that enables the controller meanwhile sets up its queues with it.
  row(Opcode::kDoorbellBufferConfig) = {"Doorbell Buffer Config", doorbell_buffer_config, kPlain, has_shadow_doorbells, kAllowed};
  row(Opcode::kFormatNvm) = {"Format NVM", format_nvm, kFormat};
  row(Opcode::kSecuritySend) = {"Security Send", security_send, kOfSubsystem};
  row(Opcode::kSecurityReceive) = {"Security Receive", security_receive, kOfSubsystem};
  row(Opcode::kSanitize) = {"Sanitize", sanitize_command, kSanitize, nullptr, kAllowed};
  row(Opcode::kGetLbaStatus) = {"Get LBA Status", get_lba_status, kOfNamespace, has_lba_status};
  table[nvme::kOcGeometry] = {"Open-Channel Geometry", oc_geometry, kOfNamespace, has_open_channel};
  table[nvme::kGetL2pTable] = {"Get L2P Table", oc_get_l2p_table, kOfNamespace, has_open_channel_12};
  table[nvme::kSetBadBlockTable] = {"Set Bad Block Table", oc_set_bad_block_table, kOfNamespace, has_open_channel_12};
  table[nvme::kGetBadBlockTable] = {"Get Bad Block Table", oc_get_bad_block_table, kOfNamespace, has_open_channel_12};
  table[nvme::kSetChunkInformation] = {"Set Chunk Information", oc_set_chunk_information,
                                       kOfNamespace | effects::kLbaContent, has_open_channel_20};
  return table;
}

constexpr std::array<AdminCommand, 256> kAdminCommands = make_table();

}  // namespace

const AdminCommand& admin_command(u8 opcode) { return kAdminCommands[opcode]; }

}  // namespace nvmev
