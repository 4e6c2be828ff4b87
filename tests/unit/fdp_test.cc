// SPDX-License-Identifier: GPL-2.0-only
// Flexible Data Placement through the controller: NVMe 2.1 sections 8.1.10 and 7.3 (TP4146).
#include <gtest/gtest.h>

#include <cstring>

#include "host/bytes.h"
#include "host/rig.h"
#include "nvmev/nvme/fdp.h"

namespace nvmev::test {
namespace {

using nvme::Cns;
using nvme::Feature;
using nvme::LogPage;
using nvme::NvmOpcode;
using nvme::Status;

constexpr u32 kHandles = 4;

class Fdp : public testing::Test {
 protected:
  explicit Fdp(const char* handles = "4", const char* gc_isolation = "0")
      : rig_({{"type", "conv"},
              {"capacity", "64M"},
              {"channels", "2"},
              {"dies_per_channel", "1"},
              {"over_provisioning", "30"},
              {"time_scale", "2"},
              {"gc_isolation", gc_isolation},
              {"placement_handles", handles}}) {
    rig_.start(1);
  }

  Completion run(nvme::Sqe sqe, std::vector<u8>* data, u16 queue = 1) {
    DmaBuffer buffer(rig_.driver.arena(), data->size());
    buffer.write(*data);
    const Prps prps(rig_.driver.arena(), buffer);
    const Completion completion = rig_.driver.run(queue, cmd::with_prps(sqe, prps));
    *data = buffer.read();
    return completion;
  }

  // I/O Management Receive and Send.
  Completion receive(u8 operation, std::vector<u8>* data) {
    nvme::Sqe sqe = cmd::io(NvmOpcode::kIoManagementReceive, 0, 1);
    sqe.cdw10 = operation;
    sqe.cdw11 = static_cast<u32>(data->size() / 4 - 1);
    sqe.cdw12 = 0;
    return run(sqe, data);
  }
  Completion update(const std::vector<u16>& ids, u8 operation = nvme::kRuhUpdate) {
    std::vector<u8> data(ids.size() * 2);
    std::memcpy(data.data(), ids.data(), data.size());
    nvme::Sqe sqe = cmd::io(NvmOpcode::kIoManagementSend, 0, 1);
    sqe.cdw10 = operation | static_cast<u32>(ids.size() - 1) << 16;
    sqe.cdw11 = sqe.cdw12 = 0;
    return run(sqe, &data);
  }

  // A write of 4 KiB with directive `type` and placement identifier `id`.
  Completion write(u64 slba, u16 id, u8 type = nvme::kDirectiveDataPlacement) {
    std::vector<u8> data = pattern(4096, static_cast<u32>(slba));
    nvme::Sqe sqe = cmd::write(slba, 8);
    sqe.cdw12 |= static_cast<u32>(type) << 20;
    sqe.cdw13 = static_cast<u32>(id) << 16;
    return run(sqe, &data);
  }

  // Logical blocks left in the reclaim unit of a handle.
  u64 room(u16 handle) {
    std::vector<u8> data(16 + 32 * kHandles);
    EXPECT_TRUE(receive(nvme::kRuhStatus, &data).ok());
    EXPECT_EQ(le(data, 14, 2), kHandles);
    EXPECT_EQ(le(data, 16 + 32u * handle, 2), handle) << "PID";
    return le(data, 16 + 32u * handle + 8, 8);
  }

  Completion log(LogPage page, std::vector<u8>* data, u8 specific = 0, u16 group = 1) {
    nvme::Sqe sqe = cmd::get_log(page, 0, static_cast<u32>(data->size()), 0);
    sqe.cdw10 |= static_cast<u32>(specific) << 8;
    sqe.cdw11 |= static_cast<u32>(group) << 16;
    return run(sqe, data, 0);
  }

  Completion enable_events(u16 handle, std::vector<u8> types) {
    nvme::Sqe sqe = cmd::set_feature(Feature::kFdpEvents, handle | static_cast<u32>(types.size()) << 16);
    sqe.nsid = 1;
    sqe.cdw12 = 1;
    return run(sqe, &types, 0);
  }

  // Feature 0Eh.
  u64 timestamp() {
    std::vector<u8> data(8);
    EXPECT_TRUE(run(cmd::get_feature(Feature::kTimestamp), &data, 0).ok());
    return le(data, 0, 8);
  }

  Rig rig_;
};

class IsolatedFdp : public Fdp {
 protected:
  IsolatedFdp() : Fdp("4", "1") {}
};

class NoFdp : public Fdp {
 protected:
  NoFdp() : Fdp("0") {}
};

TEST_F(Fdp, IsIdentified) {
  const std::vector<u8> controller = rig_.driver.identify(Cns::kController).bytes;
  EXPECT_TRUE(le(controller, 96, 4) & 1u << 19) << "CTRATT.FDPS";
  EXPECT_TRUE(le(controller, 96, 4) & 1u << 4) << "CTRATT: endurance groups";
  EXPECT_TRUE(le(controller, 256, 2) & 1u << 5) << "OACS: directives";
  EXPECT_EQ(le(controller, 340, 2), 1u) << "ENDGIDMAX";
  EXPECT_EQ(le(rig_.driver.identify(Cns::kNamespace, 1).bytes, 102, 2), 1u) << "ENDGID";
  EXPECT_EQ(rig_.driver.get_feature(Feature::kFlexibleDataPlacement, 1).dw0, 1u) << "enabled, configuration 0";
  EXPECT_EQ(rig_.driver.get_feature(Feature::kFlexibleDataPlacement, 2).status, Status::kInvalidField);
  EXPECT_EQ(rig_.driver.set_feature(Feature::kFlexibleDataPlacement, 1).status, Status::kFeatureNotChangeable);
}

TEST_F(NoFdp, IsNotThere) {
  EXPECT_EQ(le(rig_.driver.identify(Cns::kController).bytes, 96, 4) & 1u << 19, 0u);
  EXPECT_EQ(update({0}).status, Status::kInvalidOpcode);
  std::vector<u8> data(64);
  EXPECT_EQ(receive(nvme::kRuhStatus, &data).status, Status::kInvalidOpcode);
  EXPECT_EQ(log(LogPage::kFdpStatistics, &data).status, Status::kInvalidLogPage);
  EXPECT_EQ(rig_.driver.get_feature(Feature::kFlexibleDataPlacement, 1).status, Status::kInvalidField);
  EXPECT_EQ(write(0, 0).status, Status::kInvalidField) << "no directives";
}

TEST_F(Fdp, ConfigurationsLog) {
  std::vector<u8> data(16 + 64 + 4 * kHandles);
  ASSERT_TRUE(log(LogPage::kFdpConfigurations, &data).ok());
  EXPECT_EQ(le(data, 0, 2), 0u) << "NUMFDPC, 0-based";
  EXPECT_EQ(le(data, 4, 4), data.size());
  EXPECT_TRUE(data[16 + 2] & 0x80) << "valid";
  EXPECT_EQ(le(data, 16 + 4, 4), 1u) << "NRG";
  EXPECT_EQ(le(data, 16 + 8, 2), kHandles) << "NRUH";
  EXPECT_EQ(le(data, 16 + 10, 2), kHandles - 1) << "MAXPIDS, 0-based";
  EXPECT_GE(le(data, 16 + 16, 8), 4096u) << "RUNS";
  for (u32 i = 0; i < kHandles; i++) EXPECT_EQ(data[16 + 64 + 4 * i], 1) << "initially isolated";
  std::vector<u8> usage(8 + 8 * kHandles);
  ASSERT_TRUE(log(LogPage::kRuhUsage, &usage).ok());
  EXPECT_EQ(le(usage, 0, 2), kHandles);
  for (const u16 group : {u16{0}, u16{2}}) {
    EXPECT_EQ(log(LogPage::kFdpConfigurations, &data, 0, group).status, Status::kInvalidField) << group;
  }
}

TEST_F(Fdp, WritesGoToTheirHandle) {
  const u64 first = room(1), second = room(2);
  for (u32 i = 0; i < 3; i++) ASSERT_TRUE(write(i * 8, 1).ok());
  ASSERT_TRUE(rig_.io(cmd::flush()).ok());
  EXPECT_LE(room(1), first - 24) << "and what the flush has padded";
  EXPECT_EQ(room(2), second);
  EXPECT_EQ(write(0, 1, 1).status, Status::kInvalidField) << "streams are no directive of this drive";
  EXPECT_EQ(rig_.driver.read(0, 8).bytes, pattern(4096, 0));
}

TEST_F(IsolatedFdp, CollectedDataStayApart) {
  std::vector<u8> data(16 + 64 + 4 * kHandles);
  ASSERT_TRUE(log(LogPage::kFdpConfigurations, &data).ok());
  for (u32 i = 0; i < kHandles; i++) EXPECT_EQ(data[16 + 64 + 4 * i], 2) << "persistently isolated";
}

// RUAMW is what can be written now, not what could when a stripe unit was programmed last.
TEST_F(Fdp, WhatIsLeftShrinksWithEachWrite) {
  const u64 whole = room(1);
  for (u32 i = 1; i <= 20; i++) {
    ASSERT_TRUE(write(i * 8, 1).ok());
    ASSERT_EQ(room(1), whole - 8 * i);
  }
  EXPECT_EQ(room(0), whole);
}

TEST_F(Fdp, WhatHappenedBeforeAnEventWasWantedIsNone) {
  ASSERT_TRUE(write(0, 3).ok());
  ASSERT_TRUE(update({3}).ok());
  ASSERT_TRUE(enable_events(3, {0x00}).ok());
  std::vector<u8> events(64 + 64 * 2);
  ASSERT_TRUE(log(LogPage::kFdpEvents, &events, 1).ok());
  EXPECT_EQ(le(events, 0, 4), 0u);
  ASSERT_TRUE(write(0, 3).ok());
  ASSERT_TRUE(update({3}).ok());
  ASSERT_TRUE(log(LogPage::kFdpEvents, &events, 1).ok());
  ASSERT_EQ(le(events, 0, 4), 1u);
  EXPECT_EQ(events[64], 0x00) << "not fully written";
}

// Whichever part of the device has noticed them, and however fast its time passes.
TEST_F(Fdp, EventsHaveTheTimestampOfTheController) {
  std::vector<u8> set{0, 0, 0, 0, 0, 1, 0, 0};  // 2^40 ms
  ASSERT_TRUE(run(cmd::set_feature(Feature::kTimestamp, 0), &set, 0).ok());
  ASSERT_TRUE(enable_events(0, {0x03}).ok());
  ASSERT_TRUE(enable_events(3, {0x00}).ok());
  std::vector<u8> events(64 + 64 * 2);
  for (const bool known : {false, true}) {
    rig_.runner.run_for(60'000'000'000);
    const u64 before = timestamp();
    ASSERT_TRUE(write(0, known ? 3 : 9).ok());
    if (known) {
      ASSERT_TRUE(update({3}).ok());
    }
    const u64 after = timestamp();
    rig_.runner.run_for(10'000'000'000);
    ASSERT_TRUE(log(LogPage::kFdpEvents, &events, 1).ok());
    const u64 at = le(events, 64u + 64 * known + 4, 8);
    EXPECT_GE(at + 1, before) << known;
    EXPECT_LE(at, after + 1) << known;
  }
}

TEST_F(Fdp, HandleUpdateStartsAReclaimUnit) {
  const u64 whole = room(3);
  ASSERT_TRUE(write(0, 3).ok());
  ASSERT_TRUE(rig_.io(cmd::flush()).ok());
  ASSERT_LE(room(3), whole - 8);
  ASSERT_TRUE(update({3}).ok());
  EXPECT_EQ(room(3), whole);
  EXPECT_EQ(update({3, 4}).status, Status::kInvalidField) << "no such identifier";
  EXPECT_EQ(update({1}, 2).status, Status::kInvalidField) << "no such operation";
  std::vector<u8> data(64);
  EXPECT_EQ(receive(2, &data).status, Status::kInvalidField);
  EXPECT_EQ(rig_.driver.read(0, 8).bytes, pattern(4096, 0)) << "what was written stays";
}

TEST_F(Fdp, StatusIsCutWhereTheBufferEnds) {
  std::vector<u8> data(16 + 32 + 4);
  ASSERT_TRUE(receive(nvme::kRuhStatus, &data).ok());
  EXPECT_EQ(le(data, 14, 2), kHandles);
  std::vector<u8> large(8192, 0xff);
  ASSERT_TRUE(receive(nvme::kRuhStatus, &large).ok());
  EXPECT_EQ(large.back(), 0) << "padded with zeros";
}

TEST_F(Fdp, StatisticsCountBytes) {
  for (u32 i = 0; i < 64; i++) ASSERT_TRUE(write(i * 8, static_cast<u16>(i % kHandles)).ok());
  std::vector<u8> data(64);
  ASSERT_TRUE(log(LogPage::kFdpStatistics, &data).ok());
  EXPECT_EQ(le(data, 0, 8), 64u * 4096) << "HBMW";
}

TEST_F(Fdp, InvalidIdentifierIsAnEvent) {
  // Nothing is kept before it is asked for.
  ASSERT_TRUE(write(0, 9).ok()) << "goes to the default handle";
  std::vector<u8> events(64 + 64 * 2);
  ASSERT_TRUE(log(LogPage::kFdpEvents, &events, 1).ok());
  EXPECT_EQ(le(events, 0, 4), 0u);
  ASSERT_TRUE(enable_events(0, {0x03}).ok());
  ASSERT_TRUE(write(0, 9).ok());
  ASSERT_TRUE(log(LogPage::kFdpEvents, &events, 1).ok());
  ASSERT_EQ(le(events, 0, 4), 1u);
  EXPECT_EQ(events[64], 0x03) << "invalid placement identifier";
  EXPECT_EQ(le(events, 64 + 2, 2), 9u) << "PID";
  EXPECT_EQ(le(events, 64 + 12, 4), 1u) << "NSID";
  ASSERT_TRUE(log(LogPage::kFdpEvents, &events, 0).ok());
  EXPECT_EQ(le(events, 0, 4), 0u) << "controller events are apart";
  EXPECT_EQ(enable_events(0, {0x55}).status, Status::kInvalidField) << "no such event type";
}

// Whichever part of the device has noticed them.
TEST_F(Fdp, EventsAreInOrder) {
  ASSERT_TRUE(enable_events(0, {0x03}).ok());
  ASSERT_TRUE(enable_events(3, {0x00}).ok());
  for (int i = 0; i < 2; i++) {
    ASSERT_TRUE(write(0, 3).ok());
    ASSERT_TRUE(update({3}).ok());
    ASSERT_TRUE(write(0, 9).ok());
  }
  std::vector<u8> events(64 + 64 * 4);
  ASSERT_TRUE(log(LogPage::kFdpEvents, &events, 1).ok());
  ASSERT_EQ(le(events, 0, 4), 4u);
  for (u32 i = 0; i < 4; i++) EXPECT_EQ(events[64 + 64 * i], i % 2 == 0 ? 0x00 : 0x03) << i;
}

// A handle that goes on to another reclaim unit because the host said so has not gone by itself, wherever in a unit it was.
TEST_F(Fdp, OnlyAFullReclaimUnitModifiesItsHandleImplicitly) {
  ASSERT_TRUE(enable_events(2, {0x00, 0x81}).ok());
  const u64 whole = room(2) / 8;
  u32 updates = 0;
  for (u64 units = 1; units < whole; units += units < whole - 2 ? 5 : 1) {
    for (u64 i = 0; i < units; i++) ASSERT_TRUE(write(i * 8, 2).ok());
    ASSERT_TRUE(update({2}).ok());
    updates++;
  }
  std::vector<u8> events(64 + 64 * 63);
  ASSERT_TRUE(log(LogPage::kFdpEvents, &events, 0).ok());
  EXPECT_EQ(le(events, 0, 4), 0u);
  ASSERT_TRUE(log(LogPage::kFdpEvents, &events, 1).ok());
  EXPECT_EQ(le(events, 0, 4), updates);
  for (u64 i = 0; i < whole; i++) ASSERT_TRUE(write(i * 8, 2).ok());
  ASSERT_TRUE(rig_.io(cmd::flush()).ok());
  ASSERT_TRUE(log(LogPage::kFdpEvents, &events, 0).ok());
  ASSERT_EQ(le(events, 0, 4), 1u);
  EXPECT_EQ(events[64], 0x81);
}

TEST_F(Fdp, EventsThatNobodyWantsDisplaceNone) {
  ASSERT_TRUE(enable_events(2, {0x81}).ok());
  const u64 whole = room(2) / 8;
  for (u64 i = 0; i < whole + 2; i++) ASSERT_TRUE(write(i * 8, 2).ok());
  for (u64 i = 0; i < 70 * whole; i++) ASSERT_TRUE(write(i % 8192 * 8, 1).ok());
  std::vector<u8> events(64 + 64 * 2);
  ASSERT_TRUE(log(LogPage::kFdpEvents, &events, 0).ok());
  ASSERT_EQ(le(events, 0, 4), 1u);
  EXPECT_EQ(events[64], 0x81) << "implicitly modified";
  EXPECT_EQ(le(events, 64 + 2, 2), 2u) << "PID";
}

TEST_F(Fdp, DirectivesAreReported) {
  std::vector<u8> data(4096);
  nvme::Sqe sqe = cmd::admin(nvme::AdminOpcode::kDirectiveReceive, 1);
  sqe.cdw10 = 1023;
  sqe.cdw11 = 0x01;
  ASSERT_TRUE(run(sqe, &data, 0).ok());
  EXPECT_EQ(data[0], 0x05) << "supported: Identify, Data Placement";
  EXPECT_EQ(data[32], 0x05) << "enabled";
  sqe.cdw11 = 0x0201;
  EXPECT_EQ(run(sqe, &data, 0).status, Status::kInvalidField);
  EXPECT_EQ(rig_.admin(cmd::admin(nvme::AdminOpcode::kDirectiveSend, 1)).status, Status::kInvalidField);
}

}  // namespace
}  // namespace nvmev::test
