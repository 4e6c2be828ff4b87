// SPDX-License-Identifier: GPL-2.0-only
// A small zoned device behind a controller, and its commands.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "host/rig.h"
#include "host/zoned_keys.h"
#include "nvmev/nvme/zns.h"

namespace nvmev::test {

inline constexpr u32 kBlock = 4096;
inline constexpr u64 kZone = 64;  // blocks: 256 KiB
inline constexpr u64 kCapacity = 48;

// Some keys, others than `more` has; then those.
inline Settings with(const Settings& more, const std::vector<std::string>& without = {}) {
  Settings all;
  for (const auto& [name, value] : kZonedKeys) {
    bool given = std::count(without.begin(), without.end(), name) != 0;
    for (const auto& pair : more) given |= pair.first == name;
    if (!given) all.add(name, value);
  }
  for (const auto& [name, value] : more) all.add(name, value);
  return all;
}

struct ZonedRig : Rig {
  explicit ZonedRig(const Settings& settings = kZonedKeys, u32 workers = 1, u16 pairs = 1, u32 entries = 64,
                    const TestFile* state = nullptr)
      : Rig(settings, workers), buffer(driver.arena(), 1 << 19), prps(driver.arena(), buffer) {
    if (state != nullptr) {
      host.file = *state;
      nvmev_error error{};
      EXPECT_EQ(nvmev_dev_load(device.get(), &error), 0) << error.text;
    }
    enable(pairs, entries);
  }
  explicit ZonedRig(const nvmev_config& config)
      : Rig(&config), buffer(driver.arena(), 1 << 19), prps(driver.arena(), buffer) {
    enable(1, 64);
  }
  // With all command sets.
  void enable(u16 pairs, u32 entries) {
    Driver::EnableOptions options;
    options.css = nvme::cc::kCssAllIocs;
    if (!driver.enable(options)) std::abort();
    for (u16 id = 1; id <= pairs; id++) driver.create_queue_pair(id, entries);
  }

  // The command with `bytes` of the buffer as its data.
  nvme::Sqe data(nvme::Sqe sqe, u64 bytes) {
    sqe = cmd::with_prps(sqe, prps);
    if (bytes <= 2 * kPageSize) sqe.prp2 = bytes > kPageSize ? buffer.bus(kPageSize) : 0;
    return sqe;
  }
  nvme::Sqe at(u8 opcode, u64 slba, u32 nsid = 1) {
    nvme::Sqe sqe{};
    sqe.opcode = opcode;
    sqe.nsid = nsid;
    sqe.cdw10 = static_cast<u32>(slba);
    sqe.cdw11 = static_cast<u32>(slba >> 32);
    return cmd::with_prps(sqe, prps);
  }
  Completion write(u64 slba, u32 blocks, u8 fill = 0x5a) {
    buffer.write(std::vector<u8>(static_cast<std::size_t>(blocks) * kBlock, fill));
    return io(data(cmd::write(slba, blocks), blocks * kBlock));
  }
  nvme::Sqe append_command(u64 zslba, u32 blocks) {
    nvme::Sqe sqe = at(static_cast<u8>(nvme::ZnsOpcode::kZoneAppend), zslba);
    sqe.cdw12 = blocks - 1;
    return data(sqe, blocks * kBlock);
  }
  Completion append(u64 zslba, u32 blocks, u8 fill = 0x5a) {
    buffer.write(std::vector<u8>(static_cast<std::size_t>(blocks) * kBlock, fill));
    return io(append_command(zslba, blocks));
  }
  std::vector<u8> read(u64 slba, u32 blocks, nvme::Status expected = nvme::Status::kSuccess) {
    buffer.write(std::vector<u8>(static_cast<std::size_t>(blocks) * kBlock, 0xee));
    EXPECT_EQ(io(data(cmd::read(slba, blocks), blocks * kBlock)).status, expected);
    std::vector<u8> bytes = buffer.read();
    bytes.resize(static_cast<std::size_t>(blocks) * kBlock);
    return bytes;
  }
  nvme::Sqe send_command(nvme::ZoneSendAction action, u64 slba, u32 flags = 0) {
    nvme::Sqe sqe = at(static_cast<u8>(nvme::ZnsOpcode::kZoneManagementSend), slba);
    sqe.cdw13 = static_cast<u32>(action) | flags;
    return sqe;
  }
  nvme::Status send(nvme::ZoneSendAction action, u64 slba, u32 flags = 0) { return io(send_command(action, slba, flags)).status; }
  nvme::Status send_all(nvme::ZoneSendAction action) { return send(action, 0, nvme::kSendSelectAll); }

  // A report of `bytes`.
  Completion receive(u64 slba, u32 bytes, u32 cdw13 = 0) {
    buffer.write(std::vector<u8>(1 << 19, 0xee));
    nvme::Sqe sqe = at(static_cast<u8>(nvme::ZnsOpcode::kZoneManagementReceive), slba);
    sqe.cdw12 = bytes / 4 - 1;
    sqe.cdw13 = cdw13;
    return io(data(sqe, bytes));
  }
  nvme::ZoneDescriptor zone(u32 number) {
    EXPECT_TRUE(receive(number * kZone, 128).ok());
    nvme::ZoneDescriptor descriptor;
    std::memcpy(&descriptor, buffer.read().data() + 64, sizeof(descriptor));
    return descriptor;
  }
  nvme::ZoneState state(u32 number) { return static_cast<nvme::ZoneState>(zone(number).state >> 4); }
  u64 reported() {
    u64 zones;
    std::memcpy(&zones, buffer.read().data(), sizeof(zones));
    return zones;
  }
  // Bytes of memory that hold data.
  u64 used() {
    const std::string report = device.report(), name = "medium_used_bytes ";
    return std::stoull(report.substr(report.find(name) + name.size()));
  }
  void fault(const std::string& value) {
    nvmev_error error{};
    ASSERT_EQ(nvmev_dev_set(device.get(), "zone_fault", value.c_str(), &error), 0) << error.text;
  }

  DmaBuffer buffer;
  Prps prps;
};

}  // namespace nvmev::test
