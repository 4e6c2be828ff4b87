// SPDX-License-Identifier: GPL-2.0-only
#include "admin.h"

#include <array>

#include "fdp.h"
#include "nvmev/nvme/log.h"

namespace nvmev {

namespace {

constexpr u32 kPlain = nvme::effects::kSupported;
constexpr u32 kFormat = nvme::effects::kSupported | nvme::effects::kLbaContent |
                        nvme::effects::kNamespaceCapability | nvme::effects::kExecutionOneNamespace;

constexpr u32 kInventory = nvme::effects::kSupported | nvme::effects::kNamespaceInventory;

constexpr auto make_table() {
  using Opcode = nvme::AdminOpcode;
  std::array<AdminCommand, 256> table{};
  const auto row = [&](Opcode opcode) -> AdminCommand& { return table[static_cast<u8>(opcode)]; };
  row(Opcode::kDeleteIoSq) = {"Delete I/O Submission Queue", delete_io_sq, kPlain, nullptr};
  row(Opcode::kCreateIoSq) = {"Create I/O Submission Queue", create_io_sq, kPlain, nullptr};
  row(Opcode::kGetLogPage) = {"Get Log Page", get_log_page, kPlain, nullptr};
  row(Opcode::kDeleteIoCq) = {"Delete I/O Completion Queue", delete_io_cq, kPlain, nullptr};
  row(Opcode::kCreateIoCq) = {"Create I/O Completion Queue", create_io_cq, kPlain, nullptr};
  row(Opcode::kIdentify) = {"Identify", identify, kPlain, nullptr};
  row(Opcode::kAbort) = {"Abort", abort_command, kPlain, nullptr};
  row(Opcode::kSetFeatures) = {"Set Features", set_features, kPlain, nullptr};
  row(Opcode::kGetFeatures) = {"Get Features", get_features, kPlain, nullptr};
  row(Opcode::kAsyncEventRequest) = {"Asynchronous Event Request", async_event_request, kPlain, nullptr};
  row(Opcode::kDoorbellBufferConfig) = {"Doorbell Buffer Config", doorbell_buffer_config, kPlain, nullptr};
  row(Opcode::kFormatNvm) = {"Format NVM", format_nvm, kFormat, nullptr};
  row(nvme::AdminOpcode::kNamespaceManagement) = {"Namespace Management", namespace_management, kInventory, nullptr};
  row(nvme::AdminOpcode::kNamespaceAttachment) = {"Namespace Attachment", namespace_attachment, kInventory, nullptr};
  row(nvme::AdminOpcode::kDirectiveSend) = {"Directive Send", directive_send, kPlain, has_placement};
  row(nvme::AdminOpcode::kDirectiveReceive) = {"Directive Receive", directive_receive, kPlain, has_placement};
  return table;
}

constexpr std::array<AdminCommand, 256> kAdminCommands = make_table();

}  // namespace

const AdminCommand& admin_command(u8 opcode) { return kAdminCommands[opcode]; }

}  // namespace nvmev
