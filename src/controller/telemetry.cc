// SPDX-License-Identifier: GPL-2.0-only
#include "telemetry.h"

#include "controller.h"
#include "nvmev/nvme/feature.h"
#include "nvmev/text.h"
#include "report.h"

namespace nvmev {

using nvme::kTelemetryBlock;
using nvme::LogPage;

void TelemetryCapture::begin(u8 lid, const char* reason) {
  memset(data_.data(), 0, kBytes);
  bytes_ = kTelemetryBlock;
  generation_++;
  header().lid = lid;
  snprintf(header().reason, sizeof(header().reason), "%s", reason);
}

void TelemetryCapture::end_area(u32 area, u32 length) {
  bytes_ += (length + kTelemetryBlock - 1) / kTelemetryBlock * kTelemetryBlock;
  for (u32 i = area - 1; i < 3; i++) header().last_block[i] = static_cast<u16>(bytes_ / kTelemetryBlock - 1);
}

// ---- The controller's part ---------------------------------------------------------------------------------------

void Controller::capture(TelemetryCapture& to, LogPage page, const char* reason) {
  constexpr u32 kTextBytes = 16 << 10;
  to.begin(static_cast<u8>(page), reason);
  TextWriter text(reinterpret_cast<char*>(to.room()), kTextBytes);
  report(subsystem(), text);
  to.end_area(1, text.length() < kTextBytes ? static_cast<u32>(text.length()) : kTextBytes);

  using Entries = nvme::ErrorLogEntry[ErrorLog::kEntries];
  shared_->error_log.read(*reinterpret_cast<Entries*>(to.room()));
  to.end_area(2, sizeof(Entries));

  fill_smart(*reinterpret_cast<nvme::SmartLog*>(to.room()));
  memcpy(to.room() + sizeof(nvme::SmartLog), registers(), sizeof(nvme::Registers));
  to.end_area(3, sizeof(nvme::SmartLog) + sizeof(nvme::Registers));
  record(nvme::PersistentEventType::kTelemetryCreated, to.header());
}

void Controller::create_host_telemetry() { capture(host_telemetry_, LogPage::kTelemetryHost, "host"); }

// Kept until the host has read it: the first thing that went wrong tells most.
void Controller::create_controller_telemetry(const char* reason) {
  if (controller_telemetry_available_) return;
  capture(controller_telemetry_, LogPage::kTelemetryController, reason);
  controller_telemetry_available_ = true;
  if (features_.async_config & nvme::async_config::kTelemetry) events_.raise(nvme::kEventTelemetry);
}

void Controller::finish_telemetry_header(TelemetryCapture& capture) {
  nvme::TelemetryHeader& header = capture.header();
  header.host_generation = host_telemetry_.generation();
  header.controller_available = controller_telemetry_available_;
  header.controller_generation = controller_telemetry_.generation();
}

}  // namespace nvmev
