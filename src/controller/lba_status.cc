// SPDX-License-Identifier: GPL-2.0-only
#include "lba_status.h"

#include "command_set.h"
#include "controller.h"
#include "nvmev/nvme/lba_status.h"
#include "nvmev/text.h"

namespace nvmev {

using nvme::LbaStatusAction;
using nvme::LbaStatusDescriptor;
using nvme::LbaStatusElement;
using nvme::LbaStatusHeader;
using nvme::LbaStatusLogHeader;
using nvme::Sqe;
using nvme::Status;

namespace {

// A command returns no more than a page has room for: the host goes on behind the last of them.
constexpr u32 kMostDescriptors = (kPageSize - sizeof(LbaStatusHeader)) / sizeof(LbaStatusDescriptor);

bool has_lba_status(const Namespace& ns) { return ns.region->set->family == CommandFamily::kNvm; }

u64 unreadable_blocks(const Shared& shared, const Namespace& ns) {
  constexpr u32 kUnitShift = 9;
  return shared.uncorrectable.count(ns.base, ns.bytes) >> (ns.lba_shift() - kUnitShift);
}

// Fills in the runs of unreadable blocks from `slba` on. True if there are no more of them.
bool list_runs(const Shared& shared, const Namespace& ns, u64 slba, u64 blocks, LbaStatusDescriptor* to, u32 room, u32* count) {
  const u32 shift = ns.lba_shift();
  const u64 end = ns.base + ((slba + blocks) << shift);
  constexpr u64 kMostBlocks = 0xffffffff;
  u64 at = ns.base + (slba << shift);
  for (;;) {
    at = shared.uncorrectable.find(at, end, true);
    if (at >= end) return true;
    if (*count == room) return false;
    u64 run = (shared.uncorrectable.find(at, end, false) - at) >> shift;
    if (run > kMostBlocks) run = kMostBlocks;
    // A block that is being written while it is looked at.
    if (run == 0) run = 1;
    to[(*count)++] = {(at - ns.base) >> shift, static_cast<u32>(run - 1), 0, nvme::kLbaMayFail | nvme::kLbaUncorrectable, {}};
    at += run << shift;
  }
}

}  // namespace

bool has_lba_status(const Shared& shared) { return shared.regions.has(CommandFamily::kNvm); }

AdminResult get_lba_status(Controller& controller, const Sqe& sqe) {
  const Shared& shared = controller.shared();
  const Namespace* ns = shared.namespaces.find_attached(sqe.nsid);
  if (ns == nullptr) return {Status::kInvalidNamespaceOrFormat};
  const auto action = static_cast<LbaStatusAction>(sqe.cdw13 >> 24);
  if (action != LbaStatusAction::kScan && action != LbaStatusAction::kTracked) return {Status::kInvalidField};
  // In zones there are marks beyond the write pointer that mean nothing.
  if (!has_lba_status(*ns)) return {Status::kInvalidField};
  if (ns->formatting.load(std::memory_order_relaxed)) return {Status::kFormatInProgress};
  const u64 bytes = (sqe.cdw12 + 1ull) * sizeof(u32);  // MNDW is 0-based
  if (bytes < sizeof(LbaStatusHeader) || bytes > shared.max_transfer()) return {Status::kInvalidField};
  const u64 slba = sqe.slba();
  const u64 range = sqe.cdw13 & 0xffff;  // RL; 0: to the end
  if (slba >= ns->blocks() || range > ns->blocks() - slba) return {Status::kLbaOutOfRange};
  u8* data = controller.scratch();
  auto& header = *reinterpret_cast<LbaStatusHeader*>(data);
  const u64 wanted = (bytes - sizeof(header)) / sizeof(LbaStatusDescriptor);
  const u32 room = wanted < kMostDescriptors ? static_cast<u32>(wanted) : kMostDescriptors;
  auto* descriptors = reinterpret_cast<LbaStatusDescriptor*>(data + sizeof(header));
  const u64 blocks = range != 0 ? range : ns->blocks() - slba;
  const bool all = list_runs(shared, *ns, slba, blocks, descriptors, room, &header.descriptors);
  header.condition = all ? nvme::kLbaStatusComplete : nvme::kLbaStatusIncomplete;
  const u32 length = static_cast<u32>(sizeof(header) + header.descriptors * sizeof(LbaStatusDescriptor));
  return {controller.send_padded(sqe, data, length, static_cast<u32>(bytes))};
}

namespace {

// As things are. `data`: zeroed.
u32 build_log(const Shared& shared, u8* data) {
  auto& header = *reinterpret_cast<LbaStatusLogHeader*>(data);
  auto* elements = reinterpret_cast<LbaStatusElement*>(data + sizeof(header));
  u64 estimate = 0;
  for (const Namespace& ns : shared.namespaces) {
    const u64 blocks = shared.namespaces.attached(ns) && has_lba_status(ns) ? unreadable_blocks(shared, ns) : 0;
    if (blocks == 0) continue;
    estimate += blocks;
    elements[header.elements++] = {ns.id, nvme::kLbaStatusWholeNamespace, static_cast<u8>(LbaStatusAction::kTracked), {}};
  }
  header.length = static_cast<u32>(sizeof(header) + header.elements * sizeof(LbaStatusElement));
  header.estimate = estimate < ~0u ? static_cast<u32>(estimate) : ~0u;
  header.generation = static_cast<u16>(shared.uncorrectable.generation());
  return header.length;
}

}  // namespace

// A host that reads with Retain Asynchronous Event is not done: it finds the same log again (NVM Command Set 1.2 section 5.2.1).
u32 lba_status_log(Controller& controller, const Sqe& sqe, u8* data) {
  if ((sqe.cdw10 & nvme::kRetainAsynchronousEvent) == 0) return build_log(controller.shared(), data);
  KeptLbaStatus& kept = controller.kept_lba_status();
  if (kept.bytes == 0) {
    kept = {};
    kept.bytes = build_log(controller.shared(), kept.data);
  }
  memcpy(data, kept.data, kept.bytes);
  return kept.bytes;
}

void lba_status_read(Controller& controller) { controller.lba_status_was_read(); }

// ---- LBA Status Information Alert, and feature 15h ---------------------------------------------------------------------

// Report interval (LSIRI), ns.
u64 Controller::lba_status_interval() const {
  constexpr u64 kUnit = 100ull * 1000 * 1000;
  return (features_.lba_status & 0xffff) * kUnit;
}

u64 Controller::lba_status_wake_at() const {
  return lba_status_news_ ? lba_status_reported_ + lba_status_interval() : NVMEV_NEVER;
}

// The report interval begins anew.
void Controller::lba_status_was_read() {
  kept_lba_status_.bytes = 0;
  lba_status_news_ = false;
  lba_status_reported_ = now_;
}

void Controller::report_lba_status(bool news) {
  const bool enabled = (features_.async_config & nvme::async_config::kLbaStatus) != 0;
  lba_status_news_ = enabled && (lba_status_news_ || news);
  if (!lba_status_news_ || now_ < lba_status_wake_at()) return;
  lba_status_news_ = false;
  lba_status_reported_ = now_;
  events_.raise(nvme::kEventLbaStatus);
}

}  // namespace nvmev
