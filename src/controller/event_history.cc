// SPDX-License-Identifier: GPL-2.0-only
#include "event_history.h"

#include "identity.h"
#include "nvmev/error.h"
#include "nvmev/text.h"

namespace nvmev {

using nvme::PersistentEvent;
using nvme::PersistentEventHeader;
using nvme::PersistentEventType;

namespace {

constexpr PersistentEventType kSupported[] = {
    PersistentEventType::kSmartSnapshot,   PersistentEventType::kFirmwareCommit, PersistentEventType::kTimestampChange,
    PersistentEventType::kPowerOnOrReset,  PersistentEventType::kChangeNamespace, PersistentEventType::kFormatStart,
    PersistentEventType::kFormatCompletion, PersistentEventType::kSanitizeStart,
    PersistentEventType::kSanitizeCompletion, PersistentEventType::kSetFeature, PersistentEventType::kTelemetryCreated,
};

}  // namespace

void EventHistory::drop_oldest() {
  PersistentEvent oldest;
  memcpy(&oldest, events_.data(), sizeof(oldest));
  const u32 length = sizeof(oldest) + oldest.length;
  for (u32 at = length; at < bytes_; at++) events_[at - length] = events_[at];
  bytes_ -= length;
  count_--;
}

void EventHistory::add(PersistentEventType type, u16 cntlid, u64 timestamp, const void* data, u32 length) {
  while (bytes_ + sizeof(PersistentEvent) + length > kRoom) drop_oldest();
  PersistentEvent event{};
  event.type = static_cast<u8>(type);
  event.revision = 1;
  event.header_length = sizeof(event) - 3;
  event.cntlid = cntlid;
  event.timestamp = timestamp;
  event.length = static_cast<u16>(length);
  memcpy(&events_[bytes_], &event, sizeof(event));
  bytes_ += sizeof(event);
  memcpy(&events_[bytes_], data, length);
  bytes_ += length;
  count_++;
}

bool EventHistory::holds(u32 bytes, u32 count) const {
  u32 at = 0;
  while (at < bytes) {
    PersistentEvent event;
    if (count-- == 0 || bytes - at < sizeof(event)) return false;
    memcpy(&event, &events_[at], sizeof(event));
    at += sizeof(event);
    if (event.header_length != sizeof(event) - 3 || event.length > bytes - at) return false;
    at += event.length;
  }
  return count == 0;
}

void EventHistory::transfer(StateArchive& archive) {
  archive.array("the size of the persistent event log", events_);
  u32 bytes = bytes_, count = count_;
  archive.value(bytes);
  archive.value(count);
  archive.value(generation_);
  if (!archive.loading() || !archive.ok()) return;
  if (bytes > kRoom || !holds(bytes, count)) {
    return archive.refuse(err::kInvalid, "%u bytes of persistent events are not the %u it has", bytes, count);
  }
  bytes_ = bytes;
  count_ = count;
}

bool EventHistory::establish(const PersistentEventHeader& device, u16 cntlid) {
  if (has_context()) return false;
  context_of_ = cntlid;
  PersistentEventHeader header = device;
  header.lid = static_cast<u8>(nvme::LogPage::kPersistentEvents);
  header.events = count_;
  header.length = sizeof(header) + bytes_;
  header.revision = nvme::kPersistentEventLogRevision;
  header.header_length = sizeof(header) - 20;
  header.generation = ++generation_;
  header.context = nvme::kContextExists;
  for (const PersistentEventType type : kSupported) {
    header.supported[static_cast<u8>(type) / 8] |= static_cast<u8>(1u << static_cast<u8>(type) % 8);
  }
  memcpy(context_.data(), &header, sizeof(header));
  memcpy(&context_[sizeof(header)], events_.data(), bytes_);
  context_bytes_ = static_cast<u32>(sizeof(header)) + bytes_;
  return true;
}

}  // namespace nvmev
