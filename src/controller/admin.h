// SPDX-License-Identifier: GPL-2.0-only
// Admin commands: one table of handlers (NVMe 2.0 section 5).
#pragma once

#include "nvmev/nvme/command.h"
#include "nvmev/nvme/identify.h"
#include "nvmev/nvme/status.h"
#include "nvmev/types.h"

namespace nvmev {

class Controller;
struct Shared;

// What a handler makes of a command.
struct AdminResult {
  nvme::Status status = nvme::Status::kSuccess;
  u32 dw0 = 0;
  bool deferred = false;  // the completion comes later, from a job or an event

  static AdminResult later() { return {nvme::Status::kSuccess, 0, true}; }
};

using AdminHandler = AdminResult (*)(Controller&, const nvme::Sqe&);

struct AdminCommand {
  const char* name;  // nullptr: not supported
  AdminHandler handler;
  u32 effects;  // Commands Supported and Effects, figure 214
  // Whether this device has the command; nullptr: always.
  bool (*exists)(const Shared&) = nullptr;
  // Whether it is carried out during a Sanitize operation and after one that failed (NVMe 2.0 figure 604).
  bool while_sanitizing = false;
};

// The row of an opcode.
const AdminCommand& admin_command(u8 opcode);

// Whether the device carries the opcode out.
inline bool supports(const Shared& shared, const AdminCommand& command) {
  return command.name != nullptr && (command.exists == nullptr || command.exists(shared));
}

// Doorbell Buffer Config.
bool has_shadow_doorbells(const Shared& shared);

// The handlers, each in the file of its topic.
AdminResult delete_io_sq(Controller&, const nvme::Sqe&);         // admin_queues.cc
AdminResult create_io_sq(Controller&, const nvme::Sqe&);
AdminResult delete_io_cq(Controller&, const nvme::Sqe&);
AdminResult create_io_cq(Controller&, const nvme::Sqe&);
AdminResult doorbell_buffer_config(Controller&, const nvme::Sqe&);
AdminResult get_log_page(Controller&, const nvme::Sqe&);         // log_pages.cc
AdminResult identify(Controller&, const nvme::Sqe&);             // identify.cc
AdminResult abort_command(Controller&, const nvme::Sqe&);        // abort.cc
AdminResult set_features(Controller&, const nvme::Sqe&);         // features.cc
AdminResult get_features(Controller&, const nvme::Sqe&);
// What Identify Controller tells of these commands: capabilities.cc.
void fill_admin_capabilities(Controller&, nvme::IdentifyController& data);

u32 ana_log(Controller&, const nvme::Sqe&, u8* data);  // ana.cc
u32 feature_effects_log(Controller&, const nvme::Sqe&, u8* data);
AdminResult async_event_request(Controller&, const nvme::Sqe&);  // async_events.cc
AdminResult format_nvm(Controller&, const nvme::Sqe&);           // format.cc
AdminResult namespace_management(Controller&, const nvme::Sqe&);  // namespace_management.cc
AdminResult namespace_attachment(Controller&, const nvme::Sqe&);
AdminResult directive_send(Controller&, const nvme::Sqe&);       // directives.cc
AdminResult directive_receive(Controller&, const nvme::Sqe&);
AdminResult device_self_test(Controller&, const nvme::Sqe&);     // self_test.cc
AdminResult firmware_commit(Controller&, const nvme::Sqe&);      // firmware.cc
AdminResult firmware_download(Controller&, const nvme::Sqe&);
AdminResult security_send(Controller&, const nvme::Sqe&);        // security.cc
AdminResult security_receive(Controller&, const nvme::Sqe&);
AdminResult keep_alive(Controller&, const nvme::Sqe&);           // keep_alive.cc
AdminResult sanitize_command(Controller&, const nvme::Sqe&);     // sanitize.cc
AdminResult virtualization_management(Controller&, const nvme::Sqe&);  // virtualization.cc

}  // namespace nvmev
