// SPDX-License-Identifier: GPL-2.0-only
// Admin commands of open-channel namespaces, and what Identify says of these.
#include "../bus.h"
#include "../controller.h"
#include "nvmev/text.h"
#include "open_channel.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;

namespace {

u64 address_of(const Sqe& sqe) { return sqe.slba(); }

// The namespace that the command is for, if it is of that version (0: of any).
Namespace* find_open_channel(Controller& controller, const Sqe& sqe, u32 version) {
  Namespace* ns = controller.shared().namespaces.find_attached(sqe.nsid);
  const OpenChannel* ssd = open_channel_of(ns);
  return ssd != nullptr && (version == 0 || ssd->version() == version) ? ns : nullptr;
}

// Works on the FTL, `with(ssd)`, while no command does.
template <typename Function>
void with_ssd(Controller& controller, Namespace& ns, Function with) {
  OpenChannel& ssd = *open_channel_of(&ns);
  ns.region->model.carry_out(controller.now(), [&](Ftl&, u64 now) {
    with(ssd);
    return IoPlan{now, Status::kSuccess};
  });
}

// Values of a log-like transfer: NUMD and the offset, as in Get Log Page.
u64 bytes_of(const Sqe& sqe) { return ((sqe.cdw10 >> 16 | static_cast<u64>(sqe.cdw11 & 0xffff) << 16) + 1) * 4; }
u64 offset_of(const Sqe& sqe) { return sqe.cdw12 | static_cast<u64>(sqe.cdw13) << 32; }

}  // namespace

// Sectors of 512 << index bytes.
u32 open_channel_format(const Namespace& ns) {
  return static_cast<u32>(std::countr_zero(open_channel_of(&ns)->layout().sector_bytes)) - 9;
}

void identify_open_channel(const Shared&, const Namespace& ns, nvme::IdentifyNamespace& data) {
  const OpenChannel& ssd = *open_channel_of(&ns);
  const SectorLayout& layout = ssd.layout();
  const u32 formats = ns.region->config.oc.lba_formats;
  constexpr u8 kDeallocatedErrors = 1u << 2;  // NSFEAT.DAE
  constexpr u8 kSeparateMetadata = 1u << 1;   // MC
  data.nsze = ssd.blocks();
  data.ncap = data.nuse = layout.sectors;
  data.nlbaf = static_cast<u8>(formats - 1);
  data.flbas = static_cast<u8>(open_channel_format(ns));
  data.mc = layout.metadata_bytes != 0 ? kSeparateMetadata : 0;
  data.dlfeat = nvme::kDlfeatZeroes;
  if (ssd.version() == 2) data.nsfeat |= kDeallocatedErrors;
  memset(data.lbaf, 0, sizeof(data.lbaf));
  for (u32 i = 0; i < formats; i++) {
    data.lbaf[i].lbads = static_cast<u8>(9 + i);
    data.lbaf[i].ms = static_cast<u16>(layout.metadata_bytes);
  }
  data.vendor[0] = nvme::kOcNamespace;
}

AdminResult oc_geometry(Controller& controller, const Sqe& sqe) {
  const Namespace* ns = find_open_channel(controller, sqe, 0);
  if (ns == nullptr) return {Status::kInvalidNamespaceOrFormat};
  u8* page = controller.scratch();
  open_channel_of(ns)->geometry(page);
  return {controller.send(sqe, page, kPageSize)};
}

// ---- 1.2 --------------------------------------------------------------------------------------------------------------

AdminResult oc_get_l2p_table(Controller& controller, const Sqe& sqe) {
  Namespace* ns = find_open_channel(controller, sqe, 1);
  if (ns == nullptr) return {Status::kInvalidNamespaceOrFormat};
  const OpenChannel& table = *open_channel_of(ns);
  if (!table.has_l2p_table()) return {Status::kInvalidOpcode};
  const u64 slba = sqe.slba();
  const u64 count = sqe.cdw12;
  const u64 bytes = count * sizeof(u64);
  if (count == 0 || bytes > controller.shared().max_transfer()) return {Status::kInvalidField};
  if (slba > table.blocks() || count > table.blocks() - slba) return {Status::kLbaOutOfRange};
  const Status mapped = controller.map(sqe, static_cast<u32>(bytes));
  if (mapped != Status::kSuccess) return {mapped};
  with_ssd(controller, *ns, [&](const OpenChannel& ssd) {
    for (u32 i = 0; i < count; i++) {
      const u64 entry = ssd.mapped(slba + i);
      controller.put(&entry, sizeof(entry), i * static_cast<u32>(sizeof(entry)));
    }
  });
  return {};
}

AdminResult oc_get_bad_block_table(Controller& controller, const Sqe& sqe) {
  Namespace* ns = find_open_channel(controller, sqe, 1);
  if (ns == nullptr) return {Status::kInvalidNamespaceOrFormat};
  nvme::BadBlockTableHeader header{};
  u32 first = 0;
  bool found = false;
  with_ssd(controller, *ns, [&](const OpenChannel& ssd) {
    found = ssd.bad_block_table(address_of(sqe), &header, &first);
  });
  if (!found) return {Status::kLbaOutOfRange};
  const Status mapped = controller.map(sqe, static_cast<u32>(sizeof(header)) + header.tblks);
  if (mapped != Status::kSuccess) return {mapped};
  controller.put(&header, sizeof(header), 0);
  with_ssd(controller, *ns, [&](const OpenChannel& ssd) {
    for (u32 i = 0; i < header.tblks; i++) {
      const u8 type = ssd.block_type_of(first + i);
      controller.put(&type, 1, static_cast<u32>(sizeof(header)) + i);
    }
  });
  return {};
}

AdminResult oc_set_bad_block_table(Controller& controller, const Sqe& sqe) {
  Namespace* ns = find_open_channel(controller, sqe, 1);
  if (ns == nullptr) return {Status::kInvalidNamespaceOrFormat};
  const u32 count = (sqe.cdw12 & 0xffff) + 1;
  const u8 type = static_cast<u8>(sqe.cdw12 >> 16);
  if (count > nvme::kMaxVector) return {Status::kInvalidField};
  u64 list[nvme::kMaxVector];
  if (count > 1) {
    if (address_of(sqe) % sizeof(u64) != 0) return {Status::kInvalidField};
    if (!copy_from_bus(controller.shared().bus, address_of(sqe), list, count * static_cast<u32>(sizeof(u64)))) {
      return {Status::kDataTransferError};
    }
  } else {
    list[0] = address_of(sqe);
  }
  Status status = Status::kSuccess;
  with_ssd(controller, *ns, [&](OpenChannel& ssd) { status = ssd.set_block_types({list, 0, count}, type); });
  return {status};
}

// ---- 2.0 --------------------------------------------------------------------------------------------------------------

// Chunk descriptors as they stand in log page CAh, from the offset on: a page of them at most, all or none.
AdminResult oc_set_chunk_information(Controller& controller, const Sqe& sqe) {
  constexpr u32 kEntry = sizeof(nvme::ChunkDescriptor);
  Namespace* ns = find_open_channel(controller, sqe, 2);
  if (ns == nullptr) return {Status::kInvalidNamespaceOrFormat};
  if (ns->write_protected()) return {Status::kNamespaceWriteProtected};
  if ((sqe.cdw10 & 0xff) != static_cast<u8>(nvme::LogPage::kChunkInformation)) return {Status::kInvalidLogPage};
  const u64 bytes = bytes_of(sqe);
  const u64 first = offset_of(sqe) / kEntry;
  const u64 chunks = open_channel_of(ns)->chunks();
  if (bytes > kPageSize || bytes % kEntry != 0 || offset_of(sqe) % kEntry != 0 || first >= chunks ||
      bytes / kEntry > chunks - first) {
    return {Status::kInvalidField};
  }
  auto* entries = reinterpret_cast<nvme::ChunkDescriptor*>(controller.scratch());
  Status status = controller.receive(sqe, entries, static_cast<u32>(bytes));
  if (status != Status::kSuccess) return {status};
  with_ssd(controller, *ns, [&](OpenChannel& ssd) {
    for (const bool check_only : {true, false}) {
      for (u32 i = 0; i < bytes / kEntry && status == Status::kSuccess; i++) {
        status = ssd.set_chunk(first + i, entries[i], check_only);
      }
    }
  });
  return {status};
}

// ---- Log pages ----------------------------------------------------------------------------------------------------------

bool is_oc_log(const Shared& shared, u8 log) {
  const bool known = log == static_cast<u8>(nvme::LogPage::kChunkInformation) ||
                     log == static_cast<u8>(nvme::LogPage::kChunkNotification);
  return known && has_open_channel_20(shared);
}

bool collect_notifications(Shared& shared, Namespace& ns, OpenChannel& ssd) {
  bool any = false;
  nvme::ChunkNotification notification;
  while (ssd.take_notification(&notification)) {
    shared.chunk_log.add(notification, ns.id);
    any = true;
  }
  return any;
}

namespace {

AdminResult chunk_information_log(Controller& controller, const Sqe& sqe) {
  constexpr u32 kEntry = sizeof(nvme::ChunkDescriptor);
  Namespace* ns = find_open_channel(controller, sqe, 2);
  if (ns == nullptr) return {Status::kInvalidNamespaceOrFormat};
  const u64 size = open_channel_of(ns)->chunks() * kEntry;
  const u64 offset = offset_of(sqe);
  const u32 bytes = static_cast<u32>(bytes_of(sqe));
  if (offset > size) return {Status::kInvalidField};
  if (const Status mapped = controller.map(sqe, bytes); mapped != Status::kSuccess) return {mapped};
  with_ssd(controller, *ns, [&](const OpenChannel& ssd) {
    nvme::ChunkDescriptor entry{};
    for (u32 at = 0; at < bytes;) {
      const u64 from = offset + at;
      const u32 skip = static_cast<u32>(from % kEntry);
      const u32 part = kEntry - skip < bytes - at ? kEntry - skip : bytes - at;
      if (from < size) {
        ssd.describe(from / kEntry, &entry);
      } else {
        entry = {};
      }
      controller.put(reinterpret_cast<const u8*>(&entry) + skip, part, at);
      at += part;
    }
  });
  return {};
}

AdminResult chunk_notification_log(Controller& controller, const Sqe& sqe) {
  Shared& shared = controller.shared();
  const u32 nsid = sqe.nsid == 0 ? nvme::kNsidBroadcast : sqe.nsid;
  if (nsid != nvme::kNsidBroadcast && find_open_channel(controller, sqe, 2) == nullptr) {
    return {Status::kInvalidNamespaceOrFormat};
  }
  static_assert(sizeof(ChunkLog::Entries) == kPageSize);
  u8* page = controller.scratch();
  shared.chunk_log.read(nsid, *reinterpret_cast<ChunkLog::Entries*>(page));
  const u64 offset = offset_of(sqe);
  if (offset > kPageSize) return {Status::kInvalidField};
  const u32 from = static_cast<u32>(offset);
  const Status status = controller.send_padded(sqe, page + from, kPageSize - from, static_cast<u32>(bytes_of(sqe)));
  if (status == Status::kSuccess && (sqe.cdw10 & nvme::kRetainAsynchronousEvent) == 0) {
    controller.events().clear(nvme::LogPage::kChunkNotification, sqe.nsid);
  }
  return {status};
}

}  // namespace

AdminResult get_oc_log(Controller& controller, const Sqe& sqe) {
  constexpr u32 kOffsetType = 1u << 23;
  constexpr u32 kUuidIndex = 0x7f;
  if (sqe.cdw14 & (kOffsetType | kUuidIndex)) return {Status::kInvalidField};
  if (bytes_of(sqe) > controller.shared().max_transfer() || offset_of(sqe) % sizeof(u32) != 0) {
    return {Status::kInvalidField};
  }
  return (sqe.cdw10 & 0xff) == static_cast<u8>(nvme::LogPage::kChunkInformation)
             ? chunk_information_log(controller, sqe)
             : chunk_notification_log(controller, sqe);
}

}  // namespace nvmev
