// SPDX-License-Identifier: GPL-2.0-only
// Sanitize: NVMe 2.0 sections 5.24 and 8.21.
#include <gtest/gtest.h>

#include <cstdlib>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::SanitizeAction;
using nvme::SanitizeLog;
using nvme::SanitizeStatus;
using nvme::Status;

constexpr u64 kSecond = 1'000'000'000;
constexpr u32 kUnrestricted = 1u << 3;
constexpr u32 kInvert = 1u << 8;
constexpr u32 kNoDeallocate = 1u << 9;
constexpr u32 kCompletedEvent = 0x81'01'06;

SanitizeStatus state(const SanitizeLog& log) { return static_cast<SanitizeStatus>(log.status & 7); }
u32 passes(const SanitizeLog& log) { return log.status >> 3 & 0x1f; }
bool erased(const SanitizeLog& log) { return log.status & nvme::kGlobalDataErased; }

class Sanitize : public testing::Test {
 protected:
  Sanitize() { rig_.start(2); }
  SanitizeLog log() { return rig_.driver.log<SanitizeLog>(nvme::LogPage::kSanitize); }
  Status start(SanitizeAction action, u32 rest = 0, u32 word = 0) {
    return rig_.admin(cmd::sanitize(action, rest, word)).status;
  }
  void fill() {
    for (u32 i = 0; i < 50; i++) ASSERT_TRUE(rig_.driver.write(i * 1000, pattern(8192, i + 1)).ok());
  }
  bool all_zero() {
    for (u32 i = 0; i < 50; i++) {
      if (rig_.driver.read(i * 1000, 16).bytes != std::vector<u8>(8192, 0)) return false;
    }
    return true;
  }
  std::optional<Completion> event(u16 cid) {
    rig_.driver.reap();
    return rig_.driver.take(0, cid);
  }
  Rig rig_;
};

TEST_F(Sanitize, NeverSanitizedAtFirst) {
  const SanitizeLog first = log();
  EXPECT_EQ(state(first), SanitizeStatus::kNever);
  EXPECT_EQ(first.progress, nvme::kNoProgress);
  EXPECT_TRUE(erased(first)) << "nothing was ever written";
  fill();
  EXPECT_FALSE(erased(log()));
  EXPECT_LT(first.overwrite_seconds, ~0u);
  EXPECT_LE(first.crypto_erase_seconds, first.block_erase_seconds);
  EXPECT_LE(first.block_erase_seconds, first.overwrite_seconds);
}

TEST_F(Sanitize, EachActionLeavesNothing) {
  for (const SanitizeAction action :
       {SanitizeAction::kBlockErase, SanitizeAction::kOverwrite, SanitizeAction::kCryptoErase}) {
    SCOPED_TRACE(static_cast<int>(action));
    fill();
    ASSERT_FALSE(all_zero());
    const u16 cid = rig_.driver.submit(0, cmd::async_event());
    ASSERT_EQ(start(action), Status::kSuccess);
    EXPECT_EQ(state(log()), SanitizeStatus::kInProgress);
    EXPECT_FALSE(event(cid).has_value());
    rig_.runner.run_for(30 * kSecond);
    const SanitizeLog done = log();
    EXPECT_EQ(state(done), SanitizeStatus::kDone);
    EXPECT_EQ(done.progress, nvme::kNoProgress);
    EXPECT_EQ(done.cdw10, static_cast<u32>(action));
    EXPECT_EQ(passes(done), action == SanitizeAction::kOverwrite ? 16u : 0u);
    EXPECT_TRUE(erased(done));
    const auto completion = event(cid);
    ASSERT_TRUE(completion.has_value());
    EXPECT_EQ(completion->dw0, kCompletedEvent);
    EXPECT_LE(rig_.host.medium_pages(), 40u) << "no data; tables may stay";
    EXPECT_TRUE(all_zero());
    fill();
    EXPECT_FALSE(erased(log()));
  }
  EXPECT_EQ(rig_.runner.fault(), "");
}

// Where the medium keeps its memory, what it holds is seen from behind the controller.
class SanitizeReserved : public testing::Test {
 protected:
  static constexpr u64 kBytes = 16 << 20;
  SanitizeReserved() : memory_(static_cast<u8*>(std::aligned_alloc(kPageSize, kBytes))) {
    std::memset(memory_, 0x77, kBytes);
    config_ = make_config({{"capacity", "16M"}});
    config_.medium = NVMEV_MEDIUM_RESERVED;
    config_.reserved_base = memory_;
    config_.reserved_size = kBytes;
    rig_ = std::make_unique<Rig>(&config_);
    rig_->start();
  }
  ~SanitizeReserved() override {
    rig_.reset();
    std::free(memory_);
  }
  void run(SanitizeAction action, u32 rest, u32 word = 0) {
    ASSERT_TRUE(rig_->admin(cmd::sanitize(action, rest, word)).ok());
    rig_->runner.run_for(60 * kSecond);
    EXPECT_EQ(state(rig_->driver.log<SanitizeLog>(nvme::LogPage::kSanitize)), SanitizeStatus::kDone);
  }
  bool filled_with(u32 word) const {
    for (size_t i = 0; i < kBytes; i += 4) {
      u32 found;
      std::memcpy(&found, memory_ + i, 4);
      if (found != word) return false;
    }
    return true;
  }
  u8* memory_;
  nvmev_config config_;
  std::unique_ptr<Rig> rig_;
};

TEST_F(SanitizeReserved, ErasuresZeroTheMemory) {
  run(SanitizeAction::kBlockErase, 0);
  EXPECT_TRUE(filled_with(0));
  std::memset(memory_, 0x55, kBytes);
  run(SanitizeAction::kCryptoErase, 0);
  EXPECT_TRUE(filled_with(0));
}

TEST_F(SanitizeReserved, OverwritePasses) {
  run(SanitizeAction::kOverwrite, 1u << 4, 0x12345678);
  EXPECT_TRUE(filled_with(0x12345678));
  run(SanitizeAction::kOverwrite, 2u << 4 | kInvert, 0x0f0f00ff);
  EXPECT_TRUE(filled_with(0x0f0f00ff)) << "the last pass writes the pattern itself";
}

// Half-way through an operation of two passes the medium holds the inverse.
TEST_F(SanitizeReserved, PassesInBetweenAreInverted) {
  ASSERT_TRUE(rig_->admin(cmd::sanitize(SanitizeAction::kOverwrite, 2u << 4 | kInvert, 0x0f0f00ff)).ok());
  bool seen = false;
  for (u32 i = 0; i < 100'000 && !seen; i++) {
    rig_->runner.dispatch(0);
    rig_->runner.work(0);
    seen = filled_with(0xf0f0ff00);
    if (memory_[kBytes - 1] == 0x0f) break;
  }
  EXPECT_TRUE(seen);
}

TEST_F(Sanitize, ProgressGrowsWithTime) {
  ASSERT_EQ(start(SanitizeAction::kCryptoErase), Status::kSuccess);
  u16 last = 0;
  for (u32 i = 0; i < 9; i++) {
    rig_.runner.run_for(kSecond / 10);
    const SanitizeLog now = log();
    ASSERT_EQ(state(now), SanitizeStatus::kInProgress);
    EXPECT_GT(now.progress, last);
    last = now.progress;
  }
  EXPECT_GT(last, 65536 / 10 * 8);
  rig_.runner.run_for(kSecond / 5);
  EXPECT_EQ(state(log()), SanitizeStatus::kDone);
}

TEST_F(Sanitize, ErrorLogTellsNoBlocksMeanwhile) {
  EXPECT_EQ(rig_.io(cmd::read(~0ull - 9, 1)).status, Status::kLbaOutOfRange);
  const auto lba = [&] { return u64{rig_.driver.log<nvme::ErrorLogEntry>(nvme::LogPage::kError).lba}; };
  EXPECT_EQ(lba(), ~0ull - 9);
  ASSERT_EQ(start(SanitizeAction::kCryptoErase), Status::kSuccess);
  EXPECT_EQ(lba(), 0u);
  rig_.runner.run_for(2 * kSecond);
  EXPECT_EQ(lba(), ~0ull - 9);
}

TEST_F(Sanitize, OtherCommandsAreRefusedMeanwhile) {
  fill();
  ASSERT_EQ(start(SanitizeAction::kCryptoErase), Status::kSuccess);
  const Completion read = rig_.driver.read(0, 8).completion;
  EXPECT_EQ(read.status, Status::kSanitizeInProgress);
  EXPECT_FALSE(read.dnr) << "worth a retry";
  EXPECT_EQ(rig_.driver.write(0, pattern(4096, 1)).status, Status::kSanitizeInProgress);
  EXPECT_EQ(rig_.io(cmd::flush()).status, Status::kSanitizeInProgress);
  EXPECT_EQ(rig_.io(cmd::flush(0xffffffff)).status, Status::kSanitizeInProgress);
  EXPECT_EQ(rig_.admin(cmd::format(1, 0)).status, Status::kSanitizeInProgress);
  EXPECT_EQ(start(SanitizeAction::kBlockErase), Status::kSanitizeInProgress);
  EXPECT_EQ(start(SanitizeAction::kExitFailureMode), Status::kSanitizeInProgress);
  EXPECT_EQ(rig_.admin(cmd::firmware_commit(nvme::CommitAction::kActivate, 1)).status, Status::kSanitizeInProgress);
  EXPECT_EQ(rig_.admin(cmd::admin(nvme::AdminOpcode::kSecurityReceive)).status, Status::kSanitizeInProgress);
  EXPECT_EQ(rig_.driver.get_log(nvme::LogPage::kPersistentEvents, 512).completion.status, Status::kSanitizeInProgress);
  EXPECT_EQ(rig_.driver.get_log(nvme::LogPage::kTelemetryHost, 512).completion.status, Status::kSanitizeInProgress);
  // These go on.
  EXPECT_TRUE(rig_.driver.identify(nvme::Cns::kController).completion.ok());
  EXPECT_TRUE(rig_.driver.get_log(nvme::LogPage::kSmart, 512).completion.ok());
  EXPECT_TRUE(rig_.driver.set_feature(nvme::Feature::kArbitration, 1).ok());
  EXPECT_EQ(rig_.admin(cmd::admin(nvme::AdminOpcode::kKeepAlive)).status, Status::kSuccess);
  rig_.driver.create_queue_pair(3);
  rig_.runner.run_for(2 * kSecond);
  EXPECT_TRUE(rig_.driver.write(0, pattern(4096, 1)).ok());
}

TEST_F(Sanitize, CommandsInFlightAreOverBeforeAnythingIsErased) {
  DmaBuffer buffer(rig_.driver.arena(), 65536);
  const Prps prps(rig_.driver.arena(), buffer);
  buffer.fill(0x11);
  for (u32 i = 0; i < 40; i++) rig_.driver.queue(1, cmd::with_prps(cmd::write(i * 128, 128), prps));
  rig_.driver.ring(1);
  const u16 sanitize = rig_.driver.submit(0, cmd::sanitize(SanitizeAction::kBlockErase));
  ASSERT_TRUE(rig_.driver.wait(0, sanitize).ok());
  ASSERT_TRUE(rig_.driver.wait_for(40));
  rig_.driver.take();
  rig_.runner.run_for(5 * kSecond);
  EXPECT_EQ(state(log()), SanitizeStatus::kDone);
  for (u32 i = 0; i < 40; i++) ASSERT_EQ(rig_.driver.read(i * 128, 8).bytes, std::vector<u8>(4096, 0)) << i;
}

TEST_F(Sanitize, GoesOnOverResets) {
  fill();
  ASSERT_EQ(start(SanitizeAction::kOverwrite, 3u << 4), Status::kSuccess);
  rig_.driver.disable();
  rig_.runner.run_for(kSecond / 2);
  rig_.start();
  EXPECT_EQ(state(log()), SanitizeStatus::kInProgress);
  EXPECT_EQ(rig_.driver.read(0, 8).completion.status, Status::kSanitizeInProgress);
  rig_.driver.disable();
  rig_.runner.run_for(30 * kSecond);
  rig_.start();
  EXPECT_EQ(state(log()), SanitizeStatus::kDone) << "while the controller was disabled";
  EXPECT_EQ(passes(log()), 3u);
  EXPECT_TRUE(all_zero());
  EXPECT_EQ(rig_.runner.fault(), "");
}

TEST_F(Sanitize, NoDeallocateIsInhibited) {
  EXPECT_EQ(start(SanitizeAction::kBlockErase, kNoDeallocate), Status::kInvalidField) << "NODRM is 0: error";
  EXPECT_EQ(state(log()), SanitizeStatus::kNever);
  ASSERT_TRUE(rig_.driver.set_feature(nvme::Feature::kSanitizeConfig, 1).ok());
  const u16 cid = rig_.driver.submit(0, cmd::async_event());
  EXPECT_EQ(start(SanitizeAction::kBlockErase, kNoDeallocate), Status::kSuccess) << "NODRM is 1: warning";
  rig_.runner.run_for(5 * kSecond);
  EXPECT_EQ(state(log()), SanitizeStatus::kDoneUnexpectedDeallocation);
  const auto completion = event(cid);
  ASSERT_TRUE(completion.has_value());
  EXPECT_EQ(completion->dw0, 0x81'02'06u) << "completed with unexpected deallocation";
}

TEST_F(Sanitize, UnrestrictedFailureIsLeftByExit) {
  fill();
  ASSERT_EQ(rig_.device.set("sanitize_fail", "1"), 0);
  ASSERT_EQ(start(SanitizeAction::kBlockErase, kUnrestricted), Status::kSuccess);
  rig_.runner.run_for(5 * kSecond);
  ASSERT_EQ(rig_.device.set("sanitize_fail", "0"), 0);
  EXPECT_EQ(state(log()), SanitizeStatus::kFailed);
  EXPECT_FALSE(erased(log()));
  const Completion read = rig_.driver.read(0, 8).completion;
  EXPECT_EQ(read.status, Status::kSanitizeFailed);
  EXPECT_TRUE(read.dnr);
  EXPECT_EQ(rig_.admin(cmd::format(1, 0)).status, Status::kSanitizeFailed);
  rig_.driver.disable();
  rig_.start();
  EXPECT_EQ(rig_.driver.read(0, 8).completion.status, Status::kSanitizeFailed) << "over a reset";
  EXPECT_EQ(start(SanitizeAction::kExitFailureMode), Status::kSuccess);
  EXPECT_EQ(state(log()), SanitizeStatus::kFailed) << "the last operation did";
  EXPECT_TRUE(rig_.driver.read(0, 8).completion.ok());
  EXPECT_EQ(start(SanitizeAction::kExitFailureMode), Status::kSuccess) << "nothing to leave";
}

TEST_F(Sanitize, RestrictedFailureIsLeftBySuccessOnly) {
  ASSERT_EQ(rig_.device.set("sanitize_fail", "1"), 0);
  ASSERT_EQ(start(SanitizeAction::kOverwrite), Status::kSuccess);
  rig_.runner.run_for(30 * kSecond);
  ASSERT_EQ(rig_.device.set("sanitize_fail", "0"), 0);
  EXPECT_EQ(start(SanitizeAction::kExitFailureMode), Status::kSanitizeFailed);
  EXPECT_EQ(start(SanitizeAction::kBlockErase, kUnrestricted), Status::kSanitizeFailed);
  EXPECT_EQ(start(SanitizeAction::kBlockErase), Status::kSuccess);
  rig_.runner.run_for(5 * kSecond);
  EXPECT_EQ(state(log()), SanitizeStatus::kDone);
  EXPECT_TRUE(rig_.driver.read(0, 8).completion.ok());
}

TEST_F(Sanitize, Refusals) {
  EXPECT_EQ(start(static_cast<SanitizeAction>(0)), Status::kInvalidField);
  EXPECT_EQ(start(static_cast<SanitizeAction>(5)), Status::kInvalidField);
  EXPECT_EQ(start(SanitizeAction::kBlockErase, 1u << 31), Status::kInvalidField);
  ASSERT_EQ(rig_.admin(cmd::firmware_commit(nvme::CommitAction::kActivate, 1)).status, Status::kSuccess);
  EXPECT_EQ(start(SanitizeAction::kBlockErase), Status::kFirmwareNeedsReset);
  EXPECT_EQ(state(log()), SanitizeStatus::kNever);
}

TEST_F(Sanitize, TimeScalesWithTheModel) {
  ASSERT_EQ(rig_.device.set("time_scale", "10"), 0);
  ASSERT_EQ(start(SanitizeAction::kCryptoErase), Status::kSuccess);
  rig_.runner.run_for(9 * kSecond);
  EXPECT_EQ(state(log()), SanitizeStatus::kInProgress);
  rig_.runner.run_for(2 * kSecond);
  EXPECT_EQ(state(log()), SanitizeStatus::kDone);
}

}  // namespace
}  // namespace nvmev::test
