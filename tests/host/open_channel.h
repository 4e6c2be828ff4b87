// SPDX-License-Identifier: GPL-2.0-only
// A driver's view of an open-channel namespace: vector commands, metadata, the admin commands of both versions.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "host/rig.h"
#include "nvmev/nvme/lightnvm.h"

namespace nvmev::test {

using Addresses = std::vector<u64>;

inline Addresses operator+(Addresses a, const Addresses& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class OpenChannelDriver {
 public:
  explicit OpenChannelDriver(Rig& rig, u32 nsid = 1) : rig_(rig), nsid_(nsid) {}

  u32 sector_bytes = 4096;
  u32 metadata_bytes = 16;

  struct Result {
    Completion completion;
    u64 failed;  // the bitmap
    std::vector<u8> data, metadata;

    nvme::Status status() const { return completion.status; }
    bool ok() const { return completion.ok(); }
  };

  // ---- Vector commands. Metadata of no bytes: none is transferred.
  Result write(const Addresses& to, const std::vector<u8>& data, const std::vector<u8>& metadata = {}, u16 control = 0,
               u8 opcode = nvme::kVectorWrite, u64 logical = 0) {
    nvme::Sqe sqe = vector(opcode, to.size(), control);
    sqe.cdw14 = static_cast<u32>(logical);
    sqe.cdw15 = static_cast<u32>(logical >> 32);
    return transfer(sqe, to, {}, data, metadata, true);
  }
  Result read(const Addresses& from, bool metadata = true, u16 control = 0) {
    return transfer(vector(nvme::kVectorRead, from.size(), control), from, {},
                    std::vector<u8>(from.size() * sector_bytes, 0xee),
                    std::vector<u8>(metadata ? from.size() * metadata_bytes : 0, 0xee), false);
  }
  // 2.0: the new descriptors in `metadata`, if wanted.
  Result erase(const Addresses& chunks, u16 control = 0, bool descriptors = false) {
    return transfer(vector(nvme::kVectorErase, chunks.size(), control), chunks, {}, {},
                    std::vector<u8>(descriptors ? chunks.size() * 32 : 0, 0xee), false);
  }
  Result copy(const Addresses& from, const Addresses& to) {
    return transfer(vector(nvme::kVectorCopy, from.size(), 0), from, to, {}, {}, false);
  }

  // ---- Scalar commands
  Result scalar(nvme::NvmOpcode opcode, u64 slba, u32 blocks, const std::vector<u8>& data,
                const std::vector<u8>& metadata = {}) {
    nvme::Sqe sqe = cmd::io(opcode, slba, blocks, nsid_);
    const bool write = opcode == nvme::NvmOpcode::kWrite;
    return transfer(sqe, {}, {}, write ? data : std::vector<u8>(blocks * sector_bytes, 0xee),
                    write ? metadata : std::vector<u8>(blocks * metadata_bytes, 0xee), write);
  }

  // ---- Admin commands
  Result admin(u8 opcode, u32 cdw10, u32 cdw11, u32 cdw12, u32 cdw13, std::vector<u8> data) {
    nvme::Sqe sqe{};
    sqe.opcode = opcode;
    sqe.nsid = nsid_;
    sqe.cdw10 = cdw10;
    sqe.cdw11 = cdw11;
    sqe.cdw12 = cdw12;
    sqe.cdw13 = cdw13;
    Result result{};
    if (data.empty()) {
      result.completion = rig_.admin(sqe);
      return result;
    }
    DmaBuffer buffer(rig_.driver.arena(), data.size());
    buffer.write(data);
    const Prps prps(rig_.driver.arena(), buffer);
    result.completion = rig_.admin(cmd::with_prps(sqe, prps));
    result.data = buffer.read();
    return result;
  }
  std::vector<u8> geometry() { return admin(nvme::kOcGeometry, 0, 0, 0, 0, std::vector<u8>(4096, 0xee)).data; }

  // Get Log Page of this namespace.
  Result log(u8 page, u32 bytes, u64 offset = 0, bool retain = false) {
    const u32 numd = bytes / 4 - 1;
    return admin(static_cast<u8>(nvme::AdminOpcode::kGetLogPage), page | (retain ? 1u << 15 : 0) | (numd & 0xffff) << 16,
                 numd >> 16, static_cast<u32>(offset), static_cast<u32>(offset >> 32), std::vector<u8>(bytes, 0xee));
  }
  std::vector<nvme::ChunkDescriptor> chunks(u32 count, u32 first = 0) {
    std::vector<nvme::ChunkDescriptor> list(count);
    const Result result = log(0xca, count * 32, first * 32);
    if (!result.ok()) return {};
    std::memcpy(list.data(), result.data.data(), count * 32);
    return list;
  }
  nvme::ChunkDescriptor chunk(u32 number) { return chunks(1, number).at(0); }
  Result set_chunks(u32 first, const std::vector<nvme::ChunkDescriptor>& list) {
    std::vector<u8> data(list.size() * 32);
    std::memcpy(data.data(), list.data(), data.size());
    const u32 numd = static_cast<u32>(data.size()) / 4 - 1;
    return admin(nvme::kSetChunkInformation, 0xca | numd << 16, 0, first * 32, 0, data);
  }
  Result set_feature(u8 feature, u32 value) {
    // Media feedback is of the controller.
    OpenChannelDriver target(rig_, feature == 0xca ? 0 : nsid_);
    return target.admin(static_cast<u8>(nvme::AdminOpcode::kSetFeatures), feature, value, 0, 0, {});
  }

  // Data and metadata of a sector that nothing else has.
  std::vector<u8> data_of(u64 tag) const { return pattern(sector_bytes, tag); }
  std::vector<u8> metadata_of(u64 tag) const { return pattern(metadata_bytes, ~tag); }
  static void append(std::vector<u8>& to, const std::vector<u8>& more) { to.insert(to.end(), more.begin(), more.end()); }

 private:
  nvme::Sqe vector(u8 opcode, std::size_t count, u16 control) const {
    nvme::Sqe sqe{};
    sqe.opcode = opcode;
    sqe.nsid = nsid_;
    sqe.cdw12 = (static_cast<u32>(count) - 1) | static_cast<u32>(control) << 16;
    return sqe;
  }

  // A list in requester memory, or the address itself.
  struct List {
    List(Rig& rig, const Addresses& addresses) : buffer(rig.driver.arena(), std::max<size_t>(addresses.size(), 1) * 8) {
      if (addresses.empty()) return;
      std::vector<u8> bytes(addresses.size() * 8);
      std::memcpy(bytes.data(), addresses.data(), bytes.size());
      buffer.write(bytes);
      field = addresses.size() == 1 ? addresses[0] : buffer.bus();
    }
    DmaBuffer buffer;
    u64 field = 0;
  };

  Result transfer(nvme::Sqe sqe, const Addresses& from, const Addresses& to, const std::vector<u8>& data,
                  const std::vector<u8>& metadata, bool write) {
    Arena& arena = rig_.driver.arena();
    List list(rig_, from), second(rig_, to);
    if (!from.empty()) {
      sqe.cdw10 = static_cast<u32>(list.field);
      sqe.cdw11 = static_cast<u32>(list.field >> 32);
    }
    if (!to.empty()) {
      sqe.cdw14 = static_cast<u32>(second.field);
      sqe.cdw15 = static_cast<u32>(second.field >> 32);
    }
    DmaBuffer meta(arena, std::max<size_t>(metadata.size(), 1));
    if (!metadata.empty()) {
      meta.write(metadata);
      sqe.mptr = meta.bus();
    }
    DmaBuffer buffer(arena, std::max<size_t>(data.size(), 1));
    if (!data.empty()) buffer.write(data);
    const Prps prps(arena, buffer);
    Result result{};
    result.completion = rig_.io(data.empty() ? sqe : cmd::with_prps(sqe, prps));
    result.failed = result.completion.dw0 | static_cast<u64>(result.completion.dw1) << 32;
    if (!write) {
      if (!data.empty()) result.data = buffer.read();
      if (!metadata.empty()) result.metadata = meta.read();
    }
    return result;
  }

  Rig& rig_;
  u32 nsid_;
};

}  // namespace nvmev::test
