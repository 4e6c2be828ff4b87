// SPDX-License-Identifier: GPL-2.0-only
// Submission queue entries by name. The driver fills in the command identifier.
#pragma once

#include "host/dma.h"
#include "nvmev/nvme/command.h"
#include "nvmev/nvme/feature.h"
#include "nvmev/nvme/firmware.h"
#include "nvmev/nvme/identify.h"
#include "nvmev/nvme/log.h"
#include "nvmev/nvme/persistent_event.h"
#include "nvmev/nvme/sanitize.h"
#include "nvmev/nvme/self_test.h"
#include "nvmev/nvme/telemetry.h"

namespace nvmev::test::cmd {

using nvme::Sqe;

inline Sqe admin(nvme::AdminOpcode opcode, u32 nsid = 0) {
  Sqe sqe{};
  sqe.opcode = static_cast<u8>(opcode);
  sqe.nsid = nsid;
  return sqe;
}

inline Sqe with_prps(Sqe sqe, const Prps& prps) {
  sqe.prp1 = prps.prp1();
  sqe.prp2 = prps.prp2();
  return sqe;
}

inline Sqe identify(nvme::Cns cns, u32 nsid, u64 prp1, nvme::Csi csi = nvme::Csi::kNvm, u16 cntid = 0) {
  Sqe sqe = admin(nvme::AdminOpcode::kIdentify, nsid);
  sqe.prp1 = prp1;
  sqe.cdw10 = static_cast<u32>(cns) | static_cast<u32>(cntid) << 16;
  sqe.cdw11 = static_cast<u32>(csi) << 24;
  return sqe;
}

// `bytes` is a multiple of 4.
inline Sqe get_log(nvme::LogPage page, u64 offset, u32 bytes, u64 prp1, u64 prp2 = 0, bool retain = false,
                   u32 nsid = nvme::kNsidBroadcast) {
  Sqe sqe = admin(nvme::AdminOpcode::kGetLogPage, nsid);
  const u32 numd = bytes / 4 - 1;
  sqe.prp1 = prp1;
  sqe.prp2 = prp2;
  sqe.cdw10 = static_cast<u32>(page) | (retain ? 1u << 15 : 0) | (numd & 0xffff) << 16;
  sqe.cdw11 = numd >> 16;
  sqe.cdw12 = static_cast<u32>(offset);
  sqe.cdw13 = static_cast<u32>(offset >> 32);
  return sqe;
}

inline Sqe set_feature(nvme::Feature feature, u32 value, bool save = false) {
  Sqe sqe = admin(nvme::AdminOpcode::kSetFeatures);
  sqe.cdw10 = static_cast<u32>(feature) | (save ? 1u << 31 : 0);
  sqe.cdw11 = value;
  return sqe;
}

inline Sqe get_feature(nvme::Feature feature, nvme::FeatureSelect select = nvme::FeatureSelect::kCurrent,
                       u32 cdw11 = 0) {
  Sqe sqe = admin(nvme::AdminOpcode::kGetFeatures);
  sqe.cdw10 = static_cast<u32>(feature) | static_cast<u32>(select) << 8;
  sqe.cdw11 = cdw11;
  return sqe;
}

inline Sqe create_cq(u16 qid, u32 entries, u64 prp1, u16 vector, bool interrupts = true) {
  Sqe sqe = admin(nvme::AdminOpcode::kCreateIoCq);
  sqe.prp1 = prp1;
  sqe.cdw10 = qid | (entries - 1) << 16;
  sqe.cdw11 = 1u | (interrupts ? 2u : 0u) | static_cast<u32>(vector) << 16;
  return sqe;
}

inline Sqe create_sq(u16 qid, u32 entries, u64 prp1, u16 cqid,
                     nvme::QueuePriority priority = nvme::QueuePriority::kUrgent) {
  Sqe sqe = admin(nvme::AdminOpcode::kCreateIoSq);
  sqe.prp1 = prp1;
  sqe.cdw10 = qid | (entries - 1) << 16;
  sqe.cdw11 = 1u | static_cast<u32>(priority) << 1 | static_cast<u32>(cqid) << 16;
  return sqe;
}

inline Sqe delete_sq(u16 qid) {
  Sqe sqe = admin(nvme::AdminOpcode::kDeleteIoSq);
  sqe.cdw10 = qid;
  return sqe;
}

inline Sqe delete_cq(u16 qid) {
  Sqe sqe = admin(nvme::AdminOpcode::kDeleteIoCq);
  sqe.cdw10 = qid;
  return sqe;
}

inline Sqe abort(u16 sqid, u16 cid) {
  Sqe sqe = admin(nvme::AdminOpcode::kAbort);
  sqe.cdw10 = sqid | static_cast<u32>(cid) << 16;
  return sqe;
}

inline Sqe async_event() { return admin(nvme::AdminOpcode::kAsyncEventRequest); }

inline Sqe format(u32 nsid, u8 lbaf, u32 rest = 0) {
  Sqe sqe = admin(nvme::AdminOpcode::kFormatNvm, nsid);
  sqe.cdw10 = lbaf | rest;
  return sqe;
}

inline constexpr u32 kCreateNamespace = 0, kDeleteNamespace = 1;
inline Sqe manage_namespace(u32 nsid, u32 select) {
  Sqe sqe = admin(nvme::AdminOpcode::kNamespaceManagement, nsid);
  sqe.cdw10 = select;
  return sqe;
}
inline Sqe attach_namespace(u32 nsid) { return admin(nvme::AdminOpcode::kNamespaceAttachment, nsid); }

inline Sqe doorbell_buffers(u64 shadow, u64 event_idx) {
  Sqe sqe = admin(nvme::AdminOpcode::kDoorbellBufferConfig);
  sqe.prp1 = shadow;
  sqe.prp2 = event_idx;
  return sqe;
}

inline Sqe self_test(nvme::SelfTestCode code, u32 nsid = 0) {
  Sqe sqe = admin(nvme::AdminOpcode::kDeviceSelfTest, nsid);
  sqe.cdw10 = static_cast<u32>(code);
  return sqe;
}

// `rest`: AUSE, OWPASS, OIPBP, NDAS.
inline Sqe sanitize(nvme::SanitizeAction action, u32 rest = 0, u32 pattern = 0) {
  Sqe sqe = admin(nvme::AdminOpcode::kSanitize);
  sqe.cdw10 = static_cast<u32>(action) | rest;
  sqe.cdw11 = pattern;
  return sqe;
}

// Bytes; multiples of 4.
inline Sqe firmware_download(u32 offset, u32 bytes, u64 prp1, u64 prp2 = 0) {
  Sqe sqe = admin(nvme::AdminOpcode::kFirmwareDownload);
  sqe.prp1 = prp1;
  sqe.prp2 = prp2;
  sqe.cdw10 = bytes / 4 - 1;
  sqe.cdw11 = offset / 4;
  return sqe;
}

inline Sqe firmware_commit(nvme::CommitAction action, u8 slot) {
  Sqe sqe = admin(nvme::AdminOpcode::kFirmwareCommit);
  sqe.cdw10 = slot | static_cast<u32>(action) << 3;
  return sqe;
}

inline Sqe security_receive(u8 protocol, u16 specific, u32 bytes, u64 prp1) {
  Sqe sqe = admin(nvme::AdminOpcode::kSecurityReceive);
  sqe.prp1 = prp1;
  sqe.cdw10 = static_cast<u32>(protocol) << 24 | static_cast<u32>(specific) << 8;
  sqe.cdw11 = bytes;
  return sqe;
}

// ---- NVM Command Set; `blocks` counts from 1 ------------------------------------------------------

inline Sqe io(nvme::NvmOpcode opcode, u64 slba, u32 blocks, u32 nsid = 1) {
  Sqe sqe{};
  sqe.opcode = static_cast<u8>(opcode);
  sqe.nsid = nsid;
  sqe.cdw10 = static_cast<u32>(slba);
  sqe.cdw11 = static_cast<u32>(slba >> 32);
  sqe.cdw12 = blocks - 1;
  return sqe;
}

inline Sqe read(u64 slba, u32 blocks) { return io(nvme::NvmOpcode::kRead, slba, blocks); }
inline Sqe write(u64 slba, u32 blocks) { return io(nvme::NvmOpcode::kWrite, slba, blocks); }
inline Sqe compare(u64 slba, u32 blocks) { return io(nvme::NvmOpcode::kCompare, slba, blocks); }

inline Sqe write_zeroes(u64 slba, u32 blocks, bool deallocate = false) {
  Sqe sqe = io(nvme::NvmOpcode::kWriteZeroes, slba, blocks);
  if (deallocate) sqe.cdw12 |= 1u << 25;
  return sqe;
}

inline Sqe flush(u32 nsid = 1) {
  Sqe sqe{};
  sqe.opcode = static_cast<u8>(nvme::NvmOpcode::kFlush);
  sqe.nsid = nsid;
  return sqe;
}

// `ranges` counts from 1.
inline Sqe dataset_management(u32 ranges, bool deallocate = true) {
  Sqe sqe{};
  sqe.opcode = static_cast<u8>(nvme::NvmOpcode::kDatasetManagement);
  sqe.nsid = 1;
  sqe.cdw10 = ranges - 1;
  sqe.cdw11 = deallocate ? 1u << 2 : 0;
  return sqe;
}

}  // namespace nvmev::test::cmd
