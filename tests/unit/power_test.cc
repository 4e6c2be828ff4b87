// SPDX-License-Identifier: GPL-2.0-only
// Power states, autonomous transitions and thermal management: NVMe 2.0 section 8.15.
#include <gtest/gtest.h>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Feature;
using nvme::Status;

constexpr u64 kMs = 1'000'000;
constexpr u64 kUs = 1'000;

class Power : public testing::Test {
 protected:
  explicit Power(const Settings& settings = {{"read_latency", "10"}}) : rig_(settings) { rig_.start(); }
  u32 state() { return rig_.driver.get_feature(Feature::kPowerManagement).dw0 & 0x1f; }
  Status set_state(u32 state) { return rig_.driver.set_feature(Feature::kPowerManagement, state).status; }
  // Of one read, ns.
  u64 latency() {
    const u64 begin = rig_.runner.now();
    const Completion read = rig_.driver.read(0, 8).completion;
    EXPECT_TRUE(read.ok());
    return read.time - begin;
  }
  Rig rig_;
};

TEST_F(Power, StatesAreThoseOfIdentify) {
  const std::vector<u8> id = rig_.driver.identify(nvme::Cns::kController).bytes;
  const u8 npss = id[263];
  ASSERT_EQ(npss, 4);
  u32 before = ~0u;
  for (u32 i = 0; i <= npss; i++) {
    nvme::PowerState state;
    std::memcpy(&state, id.data() + 2048 + i * sizeof(state), sizeof(state));
    const u32 power = state.max_power * (state.flags & nvme::kPowerUnits ? 1u : 100u);
    EXPECT_LT(power, before) << "each state draws less";
    before = power;
    EXPECT_EQ(set_state(i), Status::kSuccess);
    EXPECT_EQ(this->state(), i);
  }
  EXPECT_EQ(set_state(npss + 1u), Status::kInvalidField);
  EXPECT_EQ(state(), npss);
}

TEST_F(Power, LeavingANonOperationalStateTakesItsTime) {
  EXPECT_EQ(latency(), 10 * kUs);
  ASSERT_EQ(set_state(1), Status::kSuccess);
  EXPECT_EQ(latency(), 10 * kUs) << "operational";
  ASSERT_EQ(set_state(4), Status::kSuccess);
  rig_.runner.run_for(100 * kMs);
  EXPECT_EQ(latency(), 10 * kUs + 8 * kMs);
  EXPECT_EQ(state(), 1u) << "back in the last operational state";
  EXPECT_EQ(latency(), 10 * kUs);
}

TEST_F(Power, AStateIsEnteredBeforeItIsLeft) {
  ASSERT_EQ(set_state(4), Status::kSuccess);
  const u64 first = latency();  // entry takes 2 ms, exit 8 ms
  EXPECT_GT(first, 9 * kMs);
  EXPECT_LE(first, 10 * kMs + 10 * kUs);
}

TEST_F(Power, EveryCommandWaitsForTheDeviceToWake) {
  ASSERT_EQ(set_state(3), Status::kSuccess);
  rig_.runner.run_for(100 * kMs);
  const u64 begin = rig_.runner.now();
  DmaBuffer buffer(rig_.driver.arena(), 4096);
  const Prps prps(rig_.driver.arena(), buffer);
  std::vector<u16> cids;
  for (u32 i = 0; i < 3; i++) {
    cids.push_back(rig_.driver.submit(1, cmd::with_prps(cmd::read(i * 64, 8), prps)));
    rig_.runner.settle();
  }
  for (const u16 cid : cids) EXPECT_GE(rig_.driver.wait(1, cid).time - begin, 1 * kMs);
}

TEST_F(Power, SavedStateIsRestored) {
  ASSERT_TRUE(rig_.admin(cmd::set_feature(Feature::kPowerManagement, 2, true)).ok());
  ASSERT_EQ(set_state(4), Status::kSuccess);
  rig_.driver.disable();
  rig_.start();
  EXPECT_EQ(state(), 2u);
}

TEST_F(Power, NoAutonomousTransitionsUnlessConfigured) {
  EXPECT_EQ(rig_.driver.identify(nvme::Cns::kController).bytes[265], 0) << "APSTA";
  EXPECT_EQ(rig_.driver.get_feature(Feature::kAutonomousPowerStates).status, Status::kInvalidField);
}

class IdlePower : public Power {
 protected:
  IdlePower() : Power({{"read_latency", "10"}, {"apst", "1"}}) {}

  static u64 entry(u32 to, u32 after_ms) { return static_cast<u64>(to) << 3 | static_cast<u64>(after_ms) << 8; }
  Status set(const std::vector<u64>& entries, bool enable = true, bool save = false) {
    DmaBuffer buffer(rig_.driver.arena(), 256);
    std::vector<u8> bytes(256, 0);
    std::memcpy(bytes.data(), entries.data(), entries.size() * 8);
    buffer.write(bytes);
    nvme::Sqe sqe = cmd::set_feature(Feature::kAutonomousPowerStates, enable, save);
    sqe.prp1 = buffer.bus();
    return rig_.admin(sqe).status;
  }
  std::vector<u64> get(u32* enabled) {
    DmaBuffer buffer(rig_.driver.arena(), 256);
    nvme::Sqe sqe = cmd::get_feature(Feature::kAutonomousPowerStates);
    sqe.prp1 = buffer.bus();
    const Completion completion = rig_.admin(sqe);
    EXPECT_TRUE(completion.ok());
    *enabled = completion.dw0;
    std::vector<u64> entries(32);
    std::memcpy(entries.data(), buffer.read().data(), 256);
    return entries;
  }
  const std::vector<u64> usual_{entry(3, 50), entry(3, 50), entry(3, 50), entry(4, 500)};
};

TEST_F(IdlePower, TransitionsAfterIdleTime) {
  EXPECT_EQ(rig_.driver.identify(nvme::Cns::kController).bytes[265], 1) << "APSTA";
  ASSERT_EQ(set(usual_), Status::kSuccess);
  EXPECT_EQ(state(), 0u);
  rig_.runner.run_for(40 * kMs);
  EXPECT_EQ(latency(), 10 * kUs) << "not idle for long enough";
  rig_.runner.run_for(60 * kMs);
  EXPECT_EQ(state(), 3u);
  EXPECT_EQ(latency(), 10 * kUs + 1 * kMs);
  EXPECT_EQ(state(), 0u);
  rig_.runner.run_for(600 * kMs);
  EXPECT_EQ(state(), 4u) << "and on to the deepest";
  EXPECT_EQ(latency(), 10 * kUs + 8 * kMs);
}

TEST_F(IdlePower, DisabledMeansAwake) {
  ASSERT_EQ(set(usual_, false), Status::kSuccess);
  rig_.runner.run_for(10'000 * kMs);
  EXPECT_EQ(state(), 0u);
  EXPECT_EQ(latency(), 10 * kUs);
}

TEST_F(IdlePower, ReadsBackAndIsSaved) {
  ASSERT_EQ(set(usual_, true, true), Status::kSuccess);
  u32 enabled;
  std::vector<u64> expected = usual_;
  expected.resize(32);
  EXPECT_EQ(get(&enabled), expected);
  EXPECT_EQ(enabled, 1u);
  rig_.driver.disable();
  rig_.start();
  EXPECT_EQ(get(&enabled), expected);
  EXPECT_EQ(enabled, 1u);
}

TEST_F(IdlePower, Refusals) {
  EXPECT_EQ(set({entry(1, 50)}), Status::kInvalidField) << "an operational state";
  EXPECT_EQ(set({entry(5, 50)}), Status::kInvalidField) << "beyond NPSS";
  nvme::Sqe sqe = cmd::set_feature(Feature::kAutonomousPowerStates, 1);
  sqe.prp1 = 1ull << 60;
  EXPECT_EQ(rig_.admin(sqe).status, Status::kDataTransferError);
  u32 enabled;
  get(&enabled);
  EXPECT_EQ(enabled, 0u) << "a refused command changes nothing";
}

TEST_F(Power, ThermalManagementIsCounted) {
  const auto smart = [&] { return rig_.driver.log<nvme::SmartLog>(nvme::LogPage::kSmart); };
  const u16 kelvin = smart().composite_temperature;
  EXPECT_EQ(smart().thermal_transitions[0], 0u);
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kThermalManagement, (kelvin - 5u) << 16 | (kelvin + 5u)).ok());
  rig_.runner.run_for(4'000 * kMs);
  EXPECT_EQ(smart().thermal_transitions[0], 1u);
  EXPECT_EQ(smart().thermal_seconds[0], 4u);
  EXPECT_EQ(smart().thermal_seconds[1], 0u);
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kThermalManagement, (kelvin - 9u) << 16 | (kelvin - 5u)).ok());
  rig_.runner.run_for(3'000 * kMs);
  EXPECT_EQ(smart().thermal_transitions[1], 1u);
  EXPECT_EQ(smart().thermal_seconds[1], 3u);
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kThermalManagement, 0).ok());
  rig_.runner.run_for(3'000 * kMs);
  EXPECT_EQ(smart().thermal_seconds[0], 4u);
  EXPECT_EQ(smart().thermal_seconds[1], 3u);
}

}  // namespace
}  // namespace nvmev::test
