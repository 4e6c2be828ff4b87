// SPDX-License-Identifier: GPL-2.0-only
// Key-value commands by name, and a driver that sends them one at a time.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "host/rig.h"
#include "nvmev/nvme/kv.h"

namespace nvmev::test {

namespace cmd {

inline Sqe kv(nvme::KvOpcode opcode, std::string_view key, u32 bytes = 0, u32 options = 0, u32 nsid = 1) {
  Sqe sqe{};
  sqe.opcode = static_cast<u8>(opcode);
  sqe.nsid = nsid;
  sqe.cdw10 = bytes;
  sqe.cdw11 = static_cast<u32>(key.size() & 0xff) | options;
  nvme::set_kv_key(sqe, key.data(), static_cast<u32>(key.size()));
  return sqe;
}

// `bytes` of value or buffer; a key of up to 16 bytes.
inline Sqe kv_vendor(nvme::KvVendorOpcode opcode, std::string_view key, u32 bytes = 0, u8 option = 0) {
  Sqe sqe{};
  sqe.opcode = static_cast<u8>(opcode);
  sqe.nsid = 1;
  sqe.cdw10 = (bytes + 3) / 4;
  sqe.cdw11 = static_cast<u32>(key.size() - 1) | static_cast<u32>(option) << 8 | (sqe.cdw10 * 4 - bytes) << 16;
  std::memcpy(&sqe.cdw12, key.data(), key.size() < 16 ? key.size() : 16);
  return sqe;
}

}  // namespace cmd

// Commands on queue 1 of a rig, each waited for.
class KvDriver {
 public:
  explicit KvDriver(Rig& rig, u32 nsid = 1) : rig_(rig), nsid_(nsid) {}

  struct Result {
    Completion completion;
    std::vector<u8> bytes;
    nvme::Status status() const { return completion.status; }
  };

  nvme::Status store(std::string_view key, const std::vector<u8>& value, u32 options = 0, u32 offset = 0) {
    return send(cmd::kv(nvme::KvOpcode::kStore, key, static_cast<u32>(value.size()), options, nsid_), value, offset).status;
  }
  // The value, as far as `room` bytes reach; the margins of the buffer must stay untouched.
  Result retrieve(std::string_view key, u32 room, u32 offset = 0) {
    return fetch(cmd::kv(nvme::KvOpcode::kRetrieve, key, room, 0, nsid_), room, offset);
  }
  nvme::Status remove(std::string_view key) { return rig_.io(cmd::kv(nvme::KvOpcode::kDelete, key, 0, 0, nsid_)).status; }
  nvme::Status exist(std::string_view key) { return rig_.io(cmd::kv(nvme::KvOpcode::kExist, key, 0, 0, nsid_)).status; }
  Result list(std::string_view from, u32 room) { return fetch(cmd::kv(nvme::KvOpcode::kList, from, room, 0, nsid_), room, 0); }

  // All keys, by as many List commands with `room` bytes as that takes.
  std::vector<std::string> list_all(u32 room) {
    std::vector<std::string> keys;
    std::string from;
    for (;;) {
      const Result result = list(from, room);
      if (!result.completion.ok()) return {"failed"};
      const std::vector<std::string> part = keys_of(result.bytes, 2);
      const bool again = !keys.empty() && !part.empty() && part.front() == keys.back();
      if (part.size() <= (again ? 1u : 0u)) return keys;
      keys.insert(keys.end(), part.begin() + (again ? 1 : 0), part.end());
      from = keys.back();
    }
  }

  // Entries of List (lengths in 2 bytes) or of Iterator Read (4).
  static std::vector<std::string> keys_of(const std::vector<u8>& bytes, u32 header) {
    std::vector<std::string> keys;
    u32 count;
    std::memcpy(&count, bytes.data(), sizeof(count));
    std::size_t at = sizeof(count);
    for (u32 i = 0; i < count; i++) {
      u32 length = 0;
      std::memcpy(&length, &bytes.at(at), header);
      keys.emplace_back(reinterpret_cast<const char*>(&bytes.at(at + header)), length);
      at += (header + length + 3) / 4 * 4;
    }
    return keys;
  }

  Completion send(nvme::Sqe sqe, const std::vector<u8>& data, u32 offset = 0) {
    if (data.empty()) return rig_.io(sqe);
    DmaBuffer buffer(rig_.driver.arena(), data.size(), offset);
    buffer.write(data);
    const Prps prps(rig_.driver.arena(), buffer);
    return rig_.io(cmd::with_prps(sqe, prps));
  }
  Result fetch(nvme::Sqe sqe, u32 room, u32 offset = 0) {
    if (room == 0) return {rig_.io(sqe), {}};
    DmaBuffer buffer(rig_.driver.arena(), room, offset);
    buffer.fill(0xee);
    const Prps prps(rig_.driver.arena(), buffer);
    const Completion completion = rig_.io(cmd::with_prps(sqe, prps));
    if (!buffer.margins_intact()) std::abort();
    return {completion, buffer.read()};
  }

 private:
  Rig& rig_;
  u32 nsid_;
};

}  // namespace nvmev::test
