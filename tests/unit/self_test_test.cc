// SPDX-License-Identifier: GPL-2.0-only
// Device Self-test: NVMe 2.0 sections 5.9 and 8.6.
#include <gtest/gtest.h>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::SelfTestCode;
using nvme::SelfTestLog;
using nvme::SelfTestResult;
using nvme::Status;

constexpr u64 kSecond = 1'000'000'000;

class SelfTest : public testing::Test {
 protected:
  SelfTest() { rig_.start(); }
  SelfTestLog log() { return rig_.driver.log<SelfTestLog>(nvme::LogPage::kSelfTest); }
  Status start(SelfTestCode code, u32 nsid = 0) { return rig_.admin(cmd::self_test(code, nsid)).status; }
  static u8 status(SelfTestCode code, SelfTestResult result) {
    return static_cast<u8>(static_cast<u8>(code) << 4 | static_cast<u8>(result));
  }

  Rig rig_;
};

TEST_F(SelfTest, NothingAtFirst) {
  const SelfTestLog nothing = log();
  EXPECT_EQ(nothing.current, 0);
  for (const auto& entry : nothing.entries) EXPECT_EQ(entry.status, 0x0f);
}

TEST_F(SelfTest, ShortTestGoesOnInTheBackgroundAndPasses) {
  ASSERT_EQ(start(SelfTestCode::kShort, 1), Status::kSuccess);
  EXPECT_EQ(log().current, 1);
  rig_.runner.run_for(5 * kSecond);
  EXPECT_EQ(log().completion, 49);  // whole per cents that have passed
  ASSERT_TRUE(rig_.driver.write(0, pattern(4096, 1)).ok()) << "I/O goes on";
  rig_.runner.run_for(6 * kSecond);
  const SelfTestLog done = log();
  EXPECT_EQ(done.current, 0);
  EXPECT_EQ(done.completion, 0);
  EXPECT_EQ(done.entries[0].status, status(SelfTestCode::kShort, SelfTestResult::kPassed));
  EXPECT_EQ(done.entries[0].valid, nvme::self_test_valid::kNsid);
  EXPECT_EQ(done.entries[0].nsid, 1u);
  EXPECT_EQ(done.entries[1].status, 0x0f);
}

TEST_F(SelfTest, OneAtATime) {
  ASSERT_EQ(start(SelfTestCode::kShort), Status::kSuccess);
  EXPECT_EQ(start(SelfTestCode::kShort), Status::kSelfTestInProgress);
  EXPECT_EQ(start(SelfTestCode::kExtended), Status::kSelfTestInProgress);
}

TEST_F(SelfTest, AbortedByCommand) {
  EXPECT_EQ(start(SelfTestCode::kAbort), Status::kSuccess) << "nothing to abort";
  EXPECT_EQ(log().entries[0].status, 0x0f);
  ASSERT_EQ(start(SelfTestCode::kExtended), Status::kSuccess);
  ASSERT_EQ(start(SelfTestCode::kAbort), Status::kSuccess);
  const SelfTestLog aborted = log();
  EXPECT_EQ(aborted.current, 0);
  EXPECT_EQ(aborted.entries[0].status, status(SelfTestCode::kExtended, SelfTestResult::kAbortedByCommand));
  EXPECT_EQ(aborted.entries[0].valid, 0) << "no namespace was tested";
}

TEST_F(SelfTest, ResetAbortsTheShortTestAndNotTheExtendedOne) {
  ASSERT_EQ(start(SelfTestCode::kShort), Status::kSuccess);
  rig_.driver.disable();
  rig_.start();
  EXPECT_EQ(log().entries[0].status, status(SelfTestCode::kShort, SelfTestResult::kAbortedByReset));
  ASSERT_EQ(start(SelfTestCode::kExtended), Status::kSuccess);
  rig_.driver.disable();
  rig_.start();
  EXPECT_EQ(log().current, 2);
  rig_.runner.run_for(61 * kSecond);
  EXPECT_EQ(log().entries[0].status, status(SelfTestCode::kExtended, SelfTestResult::kPassed));
}

TEST_F(SelfTest, FormatAbortsTheTestOfItsNamespaceOnly) {
  ASSERT_EQ(start(SelfTestCode::kExtended, 1), Status::kSuccess);
  ASSERT_TRUE(rig_.admin(cmd::format(1, 0)).ok());
  EXPECT_EQ(log().entries[0].status, status(SelfTestCode::kExtended, SelfTestResult::kAbortedByFormat));
  ASSERT_EQ(start(SelfTestCode::kExtended, 0), Status::kSuccess);
  ASSERT_TRUE(rig_.admin(cmd::format(1, 0)).ok());
  EXPECT_EQ(log().current, 2) << "the controller alone is tested";
}

TEST_F(SelfTest, SanitizeAborts) {
  ASSERT_EQ(start(SelfTestCode::kExtended, 0xffffffff), Status::kSuccess);
  ASSERT_TRUE(rig_.admin(cmd::sanitize(nvme::SanitizeAction::kCryptoErase)).ok());
  EXPECT_EQ(start(SelfTestCode::kShort), Status::kSanitizeInProgress);
  rig_.runner.run_for(10 * kSecond);
  EXPECT_EQ(log().entries[0].status, status(SelfTestCode::kExtended, SelfTestResult::kAbortedBySanitize));
}

TEST_F(SelfTest, DeletionOfTheNamespaceAborts) {
  ASSERT_EQ(start(SelfTestCode::kExtended, 1), Status::kSuccess);
  nvme::Sqe sqe = cmd::admin(nvme::AdminOpcode::kNamespaceManagement, 1);
  sqe.cdw10 = 1;
  ASSERT_TRUE(rig_.admin(sqe).ok());
  EXPECT_EQ(log().entries[0].status, status(SelfTestCode::kExtended, SelfTestResult::kAbortedByRemoval));
  EXPECT_EQ(start(SelfTestCode::kShort, 1), Status::kInvalidField) << "inactive";
}

TEST_F(SelfTest, NewestFirstAndTwentyOfThem) {
  for (u32 i = 0; i < 25; i++) {
    ASSERT_EQ(start(i % 2 ? SelfTestCode::kShort : SelfTestCode::kExtended), Status::kSuccess);
    ASSERT_EQ(start(SelfTestCode::kAbort), Status::kSuccess);
  }
  const SelfTestLog all = log();
  for (u32 i = 0; i < 20; i++) {
    const SelfTestCode code = (24 - i) % 2 ? SelfTestCode::kShort : SelfTestCode::kExtended;
    EXPECT_EQ(all.entries[i].status, status(code, SelfTestResult::kAbortedByCommand)) << i;
  }
}

TEST_F(SelfTest, Refusals) {
  EXPECT_EQ(start(SelfTestCode::kNone), Status::kInvalidField);
  EXPECT_EQ(start(static_cast<SelfTestCode>(0x3)), Status::kInvalidField);
  EXPECT_EQ(start(static_cast<SelfTestCode>(0xe)), Status::kInvalidField) << "vendor specific";
  EXPECT_EQ(start(SelfTestCode::kShort, 2), Status::kInvalidField) << "inactive";
  EXPECT_EQ(start(SelfTestCode::kShort, 33), Status::kInvalidNamespaceOrFormat) << "beyond NN";
  EXPECT_EQ(log().current, 0);
}

// On a worn device the extended test finds what the SMART log says.
TEST(SelfTestOfWornDevice, FailsInItsSegment) {
  Rig rig({{"type", "conv"}, {"capacity", "64M"}, {"pe_cycles", "1"}, {"channels", "1"}, {"dies_per_channel", "1"}});
  rig.start();
  const auto used = [&] { return rig.driver.log<nvme::SmartLog>(nvme::LogPage::kSmart).percentage_used; };
  // Until it is worn so much that it takes no more.
  for (u32 i = 0; i < 40'000 && rig.driver.write(i % 512 * 256, pattern(128 << 10, i)).ok(); i++) {
    if (used() >= 100) break;
  }
  ASSERT_GE(used(), 100);
  ASSERT_TRUE(rig.admin(cmd::self_test(SelfTestCode::kExtended)).ok());
  rig.runner.run_for(61 * kSecond);
  const SelfTestLog log = rig.driver.log<SelfTestLog>(nvme::LogPage::kSelfTest);
  EXPECT_EQ(log.entries[0].status & 0xf, static_cast<u8>(SelfTestResult::kFailedSegment));
  EXPECT_NE(log.entries[0].segment, 0);
}

}  // namespace
}  // namespace nvmev::test
