// SPDX-License-Identifier: GPL-2.0-only
// State that survives: nvmev_dev_save() and nvmev_dev_load() through a state file.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "../src/controller/state/xxh64.h"
#include "host/attached.h"
#include "host/pair.h"

namespace nvmev::test {
namespace {

constexpr u64 kBlocks = (32u << 20) / 512;  // of which random writes take

std::vector<u8> pattern(u64 seed, size_t bytes) {
  std::mt19937_64 random(seed);
  std::vector<u8> data(bytes);
  for (u8& byte : data) byte = static_cast<u8>(random());
  return data;
}

// Writes 4 KiB blocks at random places; what each holds then is in `contents`.
void write_randomly(Rig& rig, std::map<u64, u64>& contents, u64 seed, u32 count) {
  std::mt19937_64 random(seed);
  for (u32 i = 0; i < count; i++) {
    const u64 slba = random() % (kBlocks / 8) * 8;
    contents[slba] = seed * 1000000 + i;
    ASSERT_TRUE(rig.driver.write(slba, pattern(contents[slba], 4096)).ok());
  }
}

void expect_contents(Rig& rig, const std::map<u64, u64>& contents) {
  for (const auto& [slba, seed] : contents) ASSERT_EQ(rig.driver.read(slba, 8).bytes, pattern(seed, 4096)) << slba;
}

u64 smart_field(const std::vector<u8>& log, u32 offset) {
  u64 value;
  std::memcpy(&value, &log[offset], sizeof(value));
  return value;
}

const Settings kConv{{"type", "conv"}, {"dies_per_channel", "1"}, {"channels", "2"}, {"early_completion", "1"}};

class State : public testing::TestWithParam<const char*> {
 protected:
  static Settings settings() {
    const std::string type = GetParam();
    if (type == "conv") return kConv;
    if (type == "controllers") return {{"type", "nvm"}, {"controllers", "2"}};
    if (type == "both") return {{"namespaces", "conv:32M:dies_per_channel=1,nvm:32M"}};
    return {{"type", type}};
  }
};

TEST(Xxh64, KnownValues) {
  // Of the reference implementation's own test vectors and of `xxhsum -H1`.
  const auto hash = [](const std::string& text) {
    Xxh64 sum;
    sum.add(text.data(), text.size());
    return sum.value();
  };
  EXPECT_EQ(hash(""), 0xef46db3751d8e999u);
  EXPECT_EQ(hash("a"), 0xd24ec4f1a98c6e5bu);
  EXPECT_EQ(hash("abc"), 0x44bc2cf5ad770999u);
  EXPECT_EQ(hash("message digest"), 0x066ed728fceeb3beu);
  EXPECT_EQ(hash("abcdefghijklmnopqrstuvwxyz"), 0xcfe1f278fa89835cu);
  EXPECT_EQ(hash("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
            0xe04a477f19ee145du);
  // In any pieces.
  Xxh64 sum;
  sum.add("abcdefghijklmnopqrstu", 21);
  sum.add("vwxyz", 5);
  EXPECT_EQ(sum.value(), 0xcfe1f278fa89835cu);
}

TEST_P(State, DataAndDecisionsSurvive) {
  TestFile file;
  std::map<u64, u64> contents;
  u64 hash = 0;
  {
    Attached first(file, settings());
    ASSERT_EQ(first.loaded, 0) << first.message;
    write_randomly(first.rig, contents, 1, 500);
    ASSERT_EQ(first.save(), 0) << first.message;
    hash = nvmev_dev_state_hash(first.rig.device.get());
  }
  for (u32 run = 2; run < 6; run++) {
    Attached next(file, settings());
    ASSERT_EQ(next.loaded, 0) << next.message;
    EXPECT_EQ(nvmev_dev_state_hash(next.rig.device.get()), hash);
    expect_contents(next.rig, contents);
    write_randomly(next.rig, contents, run, 500);
    ASSERT_EQ(next.save(), 0) << next.message;
    hash = nvmev_dev_state_hash(next.rig.device.get());
  }
}

TEST_P(State, SmartCountersGoOn) {
  TestFile file;
  std::map<u64, u64> contents;
  {
    Attached first(file, settings());
    write_randomly(first.rig, contents, 1, 300);
    ASSERT_EQ(first.save(), 0);
  }
  Attached second(file, settings());
  write_randomly(second.rig, contents, 2, 10);
  const std::vector<u8> log = second.smart();
  EXPECT_EQ(smart_field(log, 80), 310u);   // Host Write Commands
  EXPECT_EQ(smart_field(log, 112), 2u);    // Power Cycles
}

TEST_P(State, NamespacesAndFormatsSurvive) {
  TestFile file;
  {
    Attached first(file, settings());
    nvme::Sqe format = cmd::admin(nvme::AdminOpcode::kFormatNvm, 1);
    format.cdw10 = 1;  // 4 KiB
    ASSERT_TRUE(first.rig.admin(format).ok());
    ASSERT_EQ(first.save(), 0);
  }
  Attached second(file, settings());
  EXPECT_EQ(second.rig.driver.identify(nvme::Cns::kNamespace, 1).bytes[26], 1);  // FLBAS
}

TEST_P(State, WriteProtectionSurvivesAsItsStateSays) {
  using nvme::Status;
  using nvme::WriteProtection;
  for (const WriteProtection state :
       {WriteProtection::kProtected, WriteProtection::kUntilPowerCycle, WriteProtection::kPermanent}) {
    TestFile file;
    {
      Attached first(file, settings());
      nvme::Sqe sqe = cmd::set_feature(nvme::Feature::kWriteProtection, static_cast<u32>(state));
      sqe.nsid = 1;
      ASSERT_TRUE(first.rig.admin(sqe).ok());
      ASSERT_EQ(first.save(), 0);
    }
    Attached second(file, settings());
    const bool ended = state == WriteProtection::kUntilPowerCycle;
    EXPECT_EQ(second.rig.driver.write(0, pattern(1, 4096)).status,
              ended ? Status::kSuccess : Status::kNamespaceWriteProtected);
  }
}

TEST_P(State, UnreadableBlocksSurvive) {
  using nvme::Status;
  TestFile file;
  {
    Attached first(file, settings());
    ASSERT_TRUE(first.rig.io(cmd::io(nvme::NvmOpcode::kWriteUncorrectable, 8, 1)).ok());
    ASSERT_TRUE(first.rig.io(cmd::io(nvme::NvmOpcode::kWriteUncorrectable, 33000, 100)).ok());
    ASSERT_EQ(first.save(), 0);
  }
  Attached second(file, settings());
  const auto verify = [&](u64 slba, u32 blocks) {
    return second.rig.io(cmd::io(nvme::NvmOpcode::kVerify, slba, blocks)).status;
  };
  EXPECT_EQ(verify(8, 1), Status::kUnrecoveredReadError);
  EXPECT_EQ(verify(9, 32991), Status::kSuccess);
  EXPECT_EQ(verify(33099, 1), Status::kUnrecoveredReadError);
  EXPECT_EQ(verify(33100, 1), Status::kSuccess);
}

TEST_P(State, SavedFeaturesSurvive) {
  constexpr u32 kSave = 1u << 31;
  TestFile file;
  {
    Attached first(file, settings());
    nvme::Sqe sqe = cmd::set_feature(nvme::Feature::kTemperatureThreshold, 350);
    sqe.cdw10 |= kSave;
    ASSERT_TRUE(first.rig.admin(sqe).ok());
    ASSERT_EQ(first.save(), 0);
  }
  Attached second(file, settings());
  EXPECT_EQ(second.rig.driver.get_feature(nvme::Feature::kTemperatureThreshold).dw0, 350u);
}

TEST_P(State, WhatIsUnderWayWhenTheDeviceIsHeldIsSaved) {
  TestFile file;
  std::map<u64, u64> contents;
  {
    Attached first(file, settings());
    write_randomly(first.rig, contents, 1, 50);
    nvmev_dev_hold(first.rig.device.get());
    for (u32 i = 0; i < 100 && !nvmev_dev_held(first.rig.device.get()); i++) first.rig.runner.step();
    ASSERT_TRUE(nvmev_dev_held(first.rig.device.get()));
    // Commands wait meanwhile.
    const u16 cid = first.rig.driver.submit(1, cmd::flush());
    for (u32 i = 0; i < 100; i++) first.rig.runner.step();
    EXPECT_EQ(first.rig.driver.reap(), 0u);
    ASSERT_EQ(first.save(), 0);
    nvmev_dev_release(first.rig.device.get());
    EXPECT_TRUE(first.rig.driver.wait(1, cid).ok());
  }
  Attached second(file, settings());
  ASSERT_EQ(second.loaded, 0) << second.message;
  expect_contents(second.rig, contents);
}

TEST_P(State, InterruptedSavesLoseNothing) {
  std::mt19937_64 random(7);
  TestFile file;
  std::map<u64, u64> contents, saved;
  u32 failures = 0;
  for (u32 run = 0; run < 200; run++) {
    Attached device(file, settings());
    ASSERT_EQ(device.loaded, 0) << "run " << run << ": " << device.message;
    expect_contents(device.rig, saved);
    contents = saved;
    write_randomly(device.rig, contents, run + 1, 3);
    if (run % 20 == 0) contents.clear();
    if (run % 20 == 0) ASSERT_TRUE(device.rig.admin(cmd::admin(nvme::AdminOpcode::kFormatNvm, 1)).ok());
    if (run != 0) device.rig.host.file.fail_after(random() % 8);
    const bool ok = device.save() == 0;
    if (device.rig.host.file.operations() != 0) file.crash(random);
    if (ok) saved = contents;
    failures += !ok;
    // A save that failed at its very end may still have come to be: the device knows only what the host told it.
    if (!ok) {
      Attached look(file, settings());
      ASSERT_EQ(look.loaded, 0) << look.message;
      bool is_new = true;
      for (const auto& [slba, seed] : contents) is_new &= look.rig.driver.read(slba, 8).bytes == pattern(seed, 4096);
      if (is_new) saved = contents;
    }
  }
  EXPECT_GT(failures, 50u);
}

TEST_P(State, DamagedFilesAreRefused) {
  TestFile good;
  std::map<u64, u64> contents;
  {
    Attached first(good, settings());
    write_randomly(first.rig, contents, 1, 100);
    ASSERT_EQ(first.save(), 0);
  }
  std::mt19937_64 random(3);
  for (u32 i = 0; i < 60; i++) {
    TestFile file = good;
    std::vector<u8> bytes = good.bytes();
    const u64 bit = (8192 + random() % (bytes.size() - 8192)) * 8 + random() % 8;
    bytes[bit / 8] ^= static_cast<u8>(1u << bit % 8);
    file.replace(bytes);
    Attached run(file, settings());
    EXPECT_NE(run.loaded, 0);
    EXPECT_NE(run.message.find("it is damaged: its checksum is"), std::string::npos) << run.message;
    EXPECT_EQ(run.rig.host.file.bytes(), bytes);
  }
  TestFile cut = good;
  std::vector<u8> bytes = good.bytes();
  bytes.resize(bytes.size() - 1000);
  cut.replace(bytes);
  EXPECT_NE(Attached(cut, settings()).message.find("it is cut off"), std::string::npos);
  bytes.resize(100);
  cut.replace(bytes);
  EXPECT_NE(Attached(cut, settings()).message.find("it is no state file: it has 100 bytes"), std::string::npos);
  cut.replace(std::vector<u8>(100000, 'x'));
  EXPECT_NE(Attached(cut, settings()).message.find("it is no state file"), std::string::npos);
}

TEST_P(State, ADamagedSuperblockLeavesTheOther) {
  TestFile file;
  std::map<u64, u64> contents;
  {
    Attached first(file, settings());
    write_randomly(first.rig, contents, 1, 50);
    ASSERT_EQ(first.save(), 0);
  }
  file.bytes()[4096 + 100] ^= 1;  // the second one, never written
  file.replace(file.bytes());
  Attached second(file, settings());
  ASSERT_EQ(second.loaded, 0) << second.message;
  expect_contents(second.rig, contents);
}

INSTANTIATE_TEST_SUITE_P(Types, State, testing::Values("nvm", "conv", "both", "controllers"));

// However long what was under way would have taken: here the firmware begins a command every 1000 s.
TEST(StateFile, ALongQueueThatWasGivenUpIsNoDamage) {
  Settings settings = kConv;
  settings.add("fw_interval", "1000000000000");
  TestFile file;
  {
    Attached first(file, settings);
    ASSERT_EQ(first.loaded, 0) << first.message;
    for (u32 i = 0; i < 8; i++) first.rig.driver.submit(1, cmd::write_zeroes(i * 8, 8));
    first.rig.runner.settle();
    first.rig.driver.disable();
    ASSERT_EQ(first.save(), 0) << first.message;
  }
  Attached second(file, settings);
  EXPECT_EQ(second.loaded, 0) << second.message;
}

TEST(StateFile, OtherDevicesAndVersionsAreRefused) {
  TestFile file;
  {
    Attached first(file, kConv);
    ASSERT_EQ(first.save(), 0);
  }
  EXPECT_NE(Attached(file, {{"type", "nvm"}}).message.find("it is of another device: \"conv of"), std::string::npos);
  Settings other = kConv;
  other.add("serial", "OTHER");
  EXPECT_NE(Attached(file, other).message.find("it is of another device"), std::string::npos);
  other = kConv;
  other.add("mapping_unit", "8192");
  Attached unit(file, other);
  EXPECT_NE(unit.loaded, 0);
  EXPECT_NE(unit.message.find("it is of another device: the mapping unit is 4096 there and 8192 here"),
            std::string::npos)
      << unit.message;
  // Another version, with a checksum that is right.
  std::vector<u8> bytes = file.bytes();
  bytes[8] = 1;
  Xxh64 sum;
  sum.add(bytes.data(), 4096 - 8);
  const u64 value = sum.value();
  std::memcpy(&bytes[4096 - 8], &value, sizeof(value));
  file.replace(bytes);
  EXPECT_NE(Attached(file, kConv).message.find("it is of version 1: 5 is right"), std::string::npos);
}

TEST(StateFile, OnlyWhatIsWrittenTakesRoom) {
  TestFile file;
  Attached run(file, {{"type", "nvm"}, {"capacity", "1T"}});
  ASSERT_TRUE(run.rig.driver.write((1ull << 40) / 512 - 8, pattern(1, 4096)).ok());
  ASSERT_TRUE(run.rig.driver.write(0, std::vector<u8>(65536)).ok());  // zeros
  ASSERT_EQ(run.save(), 0);
  EXPECT_LT(file.size(), 40000u);
}

// Memory that outlives the device: the state file has the rest.
TEST(StateFile, DataThatStayWhereTheyAreAreNotInIt) {
  constexpr u64 kBytes = 64u << 20;
  std::vector<u8> memory(kBytes + kPageSize);
  nvmev_config config = make_config(kConv);
  config.medium = NVMEV_MEDIUM_RESERVED;
  config.reserved_base = memory.data() + (kPageSize - reinterpret_cast<uintptr_t>(memory.data()) % kPageSize);
  config.reserved_size = kBytes;
  TestFile file;
  std::map<u64, u64> contents;
  u64 hash = 0;
  for (u32 run = 1; run < 4; run++) {
    Rig rig(&config);
    rig.host.file = file;
    rig.host.medium_stays = true;
    nvmev_error error{};
    ASSERT_EQ(nvmev_dev_load(rig.device.get(), &error), 0) << error.text;
    if (run != 1) EXPECT_EQ(nvmev_dev_state_hash(rig.device.get()), hash);
    rig.start();
    expect_contents(rig, contents);
    write_randomly(rig, contents, run, 400);
    ASSERT_EQ(nvmev_dev_save(rig.device.get(), rig.runner.now(), &error), 0) << error.text;
    hash = nvmev_dev_state_hash(rig.device.get());
    file = rig.host.file;
    EXPECT_LT(file.size(), 400u * 4096);
  }
  // Such a state is not one of a file with the data, nor the other way round.
  Rig rig(&config);
  rig.host.file = file;
  nvmev_error error{};
  EXPECT_NE(nvmev_dev_load(rig.device.get(), &error), 0);
  EXPECT_NE(std::string(error.text).find("whether the data lie elsewhere is 1 there and 0 here"), std::string::npos) << error.text;
}

TEST(StateFile, RoomIsUsedAgain) {
  TestFile file;
  std::map<u64, u64> contents;
  Attached run(file, {{"type", "nvm"}});
  write_randomly(run.rig, contents, 1, 200);
  ASSERT_EQ(run.save(), 0);
  const u64 one = file.size();
  for (u32 i = 0; i < 10; i++) {
    ASSERT_TRUE(run.rig.driver.write(0, pattern(i, 4096)).ok());
    ASSERT_EQ(run.save(), 0);
  }
  EXPECT_LT(file.size(), 4 * one);
  EXPECT_GE(run.rig.host.file.discarded(), 9 * (one - 8192));
}

TEST(StateFile, NothingIsWrittenWhereNothingChanged) {
  TestFile file;
  Attached run(file, {{"type", "nvm"}});
  ASSERT_EQ(run.save(), 0);
  const u64 operations = run.rig.host.file.operations();
  EXPECT_EQ(run.save(), 1);
  EXPECT_EQ(run.rig.host.file.operations(), operations);
  ASSERT_TRUE(run.rig.driver.write(0, pattern(1, 4096)).ok());
  EXPECT_EQ(run.save(), 0);
}

TEST(StateFile, ShutdownWaitsForTheSave) {
  TestFile file;
  std::map<u64, u64> contents;
  Attached run(file, kConv);
  write_randomly(run.rig, contents, 1, 20);
  bool asked = false;
  run.rig.host.on_shutdown = [&asked] { return asked = true; };
  run.rig.driver.write32(offsetof(nvme::Registers, cc), run.rig.driver.read32(offsetof(nvme::Registers, cc)) | 1 << 14);
  for (u32 i = 0; i < 200; i++) run.rig.runner.step();
  EXPECT_TRUE(asked);
  EXPECT_EQ(run.rig.driver.csts() & nvme::csts::kShutdownMask, nvme::csts::kShutdownOccurring);
  nvmev_dev_hold(run.rig.device.get());
  for (u32 i = 0; i < 10; i++) run.rig.runner.step();
  ASSERT_TRUE(nvmev_dev_held(run.rig.device.get()));
  ASSERT_EQ(run.save(), 0);
  nvmev_dev_release(run.rig.device.get());
  for (u32 i = 0; i < 10; i++) run.rig.runner.step();
  EXPECT_EQ(run.rig.driver.csts() & nvme::csts::kShutdownMask, nvme::csts::kShutdownComplete);
  run.rig.driver.forget_queues();
  Attached next(file, kConv);
  ASSERT_EQ(next.loaded, 0);
  expect_contents(next.rig, contents);
}

TEST(StateFile, BesideDataOnlyTheLastControllersShutdownIsASave) {
  for (const bool stays : {false, true}) {
    Pair pair;
    u32 asked = 0;
    pair.host.on_shutdown = [&asked] {
      asked++;
      return false;
    };
    pair.host.medium_stays = stays;
    pair.start();
    EXPECT_EQ(pair.host.enabled.load(), 2u);
    pair.second.shutdown();
    EXPECT_EQ(asked, stays ? 0u : 1u);
    pair.first.shutdown();
    EXPECT_EQ(asked, stays ? 1u : 2u);
    // What the device says when it runs again.
    pair.first.disable();
    EXPECT_EQ(pair.host.enabled.load(), 2u);
    ASSERT_TRUE(pair.first.enable());
    EXPECT_EQ(pair.host.enabled.load(), 3u);
  }
}

TEST(StateFile, MediumWithoutDataHasNoState) {
  TestFile file;
  const Attached run(file, {{"medium", "none"}});
  EXPECT_NE(run.message.find("medium=none keeps no data"), std::string::npos);
}

TEST(StateFile, AllocationFailuresAreErrors) {
  TestFile file;
  std::map<u64, u64> contents;
  Attached run(file, kConv);
  write_randomly(run.rig, contents, 1, 20);
  for (u32 n = 0; n < 2; n++) {
    run.rig.host.fail_allocation(n);
    EXPECT_NE(run.save(), 0);
    run.rig.host.fail_allocation(TestHost::kNever);
  }
  EXPECT_EQ(run.save(), 0);
}

}  // namespace
}  // namespace nvmev::test
