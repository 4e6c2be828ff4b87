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
  bytes_ = end3_ = kTelemetryBlock;
  generation_++;
  header().lid = lid;
  snprintf(header().reason, sizeof(header().reason), "%s", reason);
}

void TelemetryCapture::end_area(u32 area, u32 length) {
  bytes_ += (length + kTelemetryBlock - 1) / kTelemetryBlock * kTelemetryBlock;
  for (u32 i = area - 1; i < 3; i++) header().last_block[i] = static_cast<u16>(bytes_ / kTelemetryBlock - 1);
  if (area <= 3) end3_ = bytes_;
}

namespace {

const char* name_of(SqState state) {
  constexpr const char* kNames[] = {"absent", "active", "stopping", "draining", "drained"};
  return kNames[static_cast<u8>(state)];
}

// What dispatcher 0 may look at of the queues that there are.
void report_queues(const Shared& shared, TextWriter& text) {
  for (const SubmissionQueue& sq : shared.sqs) {
    const SqState state = sq.state.load(std::memory_order_relaxed);
    if (state == SqState::kAbsent) continue;
    text.add("sq.%u cq %u entries %u head %u doorbell %u %s\n", sq.id, sq.cq_id, sq.size, sq.head.load(std::memory_order_relaxed),
             load_relaxed(sq.doorbell.load(std::memory_order_relaxed)), name_of(state));
  }
  for (const CompletionQueue& cq : shared.cqs) {
    if (!cq.exists) continue;
    text.add("cq.%u entries %u doorbell %u vector %u sqs %u\n", cq.id, cq.size,
             load_relaxed(cq.doorbell.load(std::memory_order_relaxed)), cq.vector, cq.users);
  }
}

}  // namespace

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

  TextWriter queues(reinterpret_cast<char*>(to.room()), to.room_bytes());
  report_queues(*shared_, queues);
  to.end_area(4, queues.length() < to.room_bytes() ? static_cast<u32>(queues.length()) : to.room_bytes());
  record(nvme::PersistentEventType::kTelemetryCreated, to.header());
}

// Feature 16h, ETDAS.
bool Controller::knows_area_4() const { return (features_.host_behavior & kKnowsTelemetryArea4) != 0; }

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
  header.last_block4 = knows_area_4() ? capture.last_block4() : 0;
  header.host_generation = host_telemetry_.generation();
  header.controller_available = controller_telemetry_available_;
  header.controller_generation = controller_telemetry_.generation();
}

}  // namespace nvmev
