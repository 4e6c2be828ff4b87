// SPDX-License-Identifier: GPL-2.0-only
#include "host_memory.h"

#include "controller.h"
#include "nvmev/text.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;

namespace {

constexpr u32 kMaxEntries = 1024;  // HMMAXD
constexpr u32 kEnable = 1u << 0;   // EHM
constexpr u32 kReturn = 1u << 1;   // MR: the host gives memory back that the device had before. There is nothing in it.

struct Descriptor {
  u64 address;  // BADD
  u32 pages;    // BSIZE
  u32 reserved;
};
static_assert(sizeof(Descriptor) == 16);

struct Attributes {
  u32 pages;
  u32 list_low;
  u32 list_high;
  u32 entries;
  u8 reserved16[4080];
};
static_assert(sizeof(Attributes) == kPageSize);

u64 wanted(const Shared& shared) {
  u64 bytes = 0;
  for (const Region& region : shared.regions) bytes += region.model.wanted_host_memory();
  return bytes;
}

u32 least_pages(const Shared& shared) {
  const u64 pages = wanted(shared) >> kPageShift;
  return static_cast<u32>((pages + 3) / 4);
}

// Every part that the list describes is where it says, and all of them make up what was promised.
Status check_list(const Shared& shared, const HostMemoryBuffer& buffer) {
  u64 pages = 0;
  for (u32 i = 0; i < buffer.entries; i++) {
    const void* from = shared.bus.map_structure(buffer.list + i * sizeof(Descriptor), sizeof(Descriptor));
    if (from == nullptr) return Status::kDataTransferError;
    Descriptor descriptor;
    memcpy(&descriptor, from, sizeof(descriptor));
    if (descriptor.address % kPageSize != 0) return Status::kInvalidField;
    if (descriptor.pages == 0) continue;
    const u64 last = descriptor.address + (descriptor.pages - 1ull) * kPageSize;
    const bool reachable = last >= descriptor.address && shared.bus.map_structure(descriptor.address, kPageSize) != nullptr &&
                           shared.bus.map_structure(last, kPageSize) != nullptr;
    if (!reachable) return Status::kDataTransferError;
    pages += descriptor.pages;
  }
  return pages >= buffer.pages ? Status::kSuccess : Status::kInvalidField;
}

}  // namespace

bool has_host_memory(const Shared& shared) { return shared.config.controllers == 1 && wanted(shared) != 0; }

void describe_host_memory(const Shared& shared, nvme::IdentifyController& data) {
  if (!has_host_memory(shared)) return;
  data.hmpre = static_cast<u32>(wanted(shared) >> kPageShift);
  data.hmmin = least_pages(shared);
  data.hmmaxd = kMaxEntries;
}

Status set_host_memory(Controller& controller, const Sqe& sqe, HostMemoryBuffer& buffer) {
  Shared& shared = controller.shared();
  if ((sqe.cdw11 & ~(kEnable | kReturn)) != 0) return Status::kInvalidField;
  HostMemoryBuffer wants;
  if ((sqe.cdw11 & kEnable) != 0) {
    // To change it the host disables it first.
    if (buffer.pages != 0) return Status::kCommandSequenceError;
    wants = {sqe.cdw12, sqe.cdw15, sqe.cdw13 | static_cast<u64>(sqe.cdw14) << 32};
    if (wants.pages < least_pages(shared) || wants.list % sizeof(Descriptor) != 0 || wants.entries == 0 || wants.entries > kMaxEntries) {
      return Status::kInvalidField;
    }
    if (const Status status = check_list(shared, wants); status != Status::kSuccess) return status;
  }
  buffer = wants;
  apply_host_memory(shared, buffer, controller.now());
  return Status::kSuccess;
}

Status get_host_memory(Controller& controller, const Sqe& sqe, const HostMemoryBuffer& buffer) {
  auto& attributes = *reinterpret_cast<Attributes*>(controller.scratch());
  attributes.pages = buffer.pages;
  attributes.list_low = static_cast<u32>(buffer.list);
  attributes.list_high = static_cast<u32>(buffer.list >> 32);
  attributes.entries = buffer.entries;
  return controller.send(sqe, &attributes, sizeof(attributes));
}

void apply_host_memory(Shared& shared, const HostMemoryBuffer& buffer, u64 now) {
  u64 left = static_cast<u64>(buffer.pages) << kPageShift;
  for (Region& region : shared.regions) {
    const u64 wants = region.model.wanted_host_memory();
    if (wants == 0) continue;
    const u64 gets = wants < left ? wants : left;
    left -= gets;
    region.model.carry_out(now, [&](Ftl& ftl, u64 at) {
      ftl.set_host_memory(gets);
      return IoPlan{at, Status::kSuccess};
    });
  }
}

}  // namespace nvmev
