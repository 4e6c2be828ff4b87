// SPDX-License-Identifier: GPL-2.0-only
// Namespace write protection: NVMe 2.0 sections 5.27.1.30 and 8.12.
#include <gtest/gtest.h>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Cns;
using nvme::Feature;
using nvme::FeatureSelect;
using nvme::Status;
using nvme::WriteProtection;

class WriteProtectionTest : public testing::Test {
 protected:
  WriteProtectionTest() { rig_.start(); }
  Status set(WriteProtection state, u32 nsid = 1, bool save = false) {
    nvme::Sqe sqe = cmd::set_feature(Feature::kWriteProtection, static_cast<u32>(state), save);
    sqe.nsid = nsid;
    return rig_.admin(sqe).status;
  }
  u32 get(FeatureSelect select = FeatureSelect::kCurrent) {
    nvme::Sqe sqe = cmd::get_feature(Feature::kWriteProtection, select);
    sqe.nsid = 1;
    const Completion completion = rig_.admin(sqe);
    EXPECT_TRUE(completion.ok());
    return completion.dw0;
  }
  Status remove() {
    nvme::Sqe sqe = cmd::admin(nvme::AdminOpcode::kNamespaceManagement, 1);
    sqe.cdw10 = 1;
    return rig_.admin(sqe).status;
  }
  void expect_protected() {
    EXPECT_EQ(rig_.driver.write(0, pattern(4096, 2)).status, Status::kNamespaceWriteProtected);
    EXPECT_EQ(rig_.io(cmd::write_zeroes(0, 8)).status, Status::kNamespaceWriteProtected);
    EXPECT_EQ(rig_.io(cmd::write_zeroes(0, 8, true)).status, Status::kNamespaceWriteProtected);
    EXPECT_EQ(rig_.driver.deallocate({{0, 8, 0}}).status, Status::kNamespaceWriteProtected);
    EXPECT_EQ(rig_.admin(cmd::format(1, 0)).status, Status::kNamespaceWriteProtected);
    EXPECT_EQ(rig_.admin(cmd::format(0xffffffff, 0)).status, Status::kNamespaceWriteProtected);
    EXPECT_EQ(rig_.admin(cmd::sanitize(nvme::SanitizeAction::kBlockErase)).status, Status::kNamespaceWriteProtected);
    EXPECT_EQ(remove(), Status::kNamespaceWriteProtected);
    EXPECT_EQ(rig_.driver.read(0, 8).bytes, pattern(4096, 1)) << "the data is as it was";
    EXPECT_TRUE(rig_.driver.compare(0, pattern(4096, 1)).ok());
    EXPECT_TRUE(rig_.io(cmd::flush()).ok());
    EXPECT_EQ(rig_.driver.identify(Cns::kNamespace, 1).bytes[99] & 1, 1) << "NSATTR";
    EXPECT_EQ(rig_.driver.identify(Cns::kIndependentNamespace, 1).bytes[8] & 1, 1);
    EXPECT_EQ(rig_.driver.identify(Cns::kIndependentAllocatedNamespace, 1).bytes[8] & 1, 1);
  }
  Rig rig_;
};

TEST_F(WriteProtectionTest, ProtectsAndLetsGo) {
  ASSERT_TRUE(rig_.driver.write(0, pattern(4096, 1)).ok());
  EXPECT_EQ(rig_.driver.identify(Cns::kController).bytes[531] & 7, 7) << "NWPC";
  EXPECT_EQ(get(), 0u);
  ASSERT_EQ(set(WriteProtection::kProtected), Status::kSuccess);
  EXPECT_EQ(get(), 1u);
  EXPECT_EQ(get(FeatureSelect::kDefault), 0u);
  expect_protected();
  rig_.driver.disable();
  rig_.start();
  expect_protected();
  ASSERT_EQ(set(WriteProtection::kNone), Status::kSuccess);
  EXPECT_TRUE(rig_.driver.write(0, pattern(4096, 2)).ok());
  EXPECT_EQ(rig_.driver.identify(Cns::kNamespace, 1).bytes[99] & 1, 0);
}

TEST_F(WriteProtectionTest, UntilThePowerCycle) {
  ASSERT_TRUE(rig_.driver.write(0, pattern(4096, 1)).ok());
  ASSERT_EQ(set(WriteProtection::kUntilPowerCycle), Status::kSuccess);
  EXPECT_EQ(set(WriteProtection::kNone), Status::kFeatureNotChangeable);
  EXPECT_EQ(set(WriteProtection::kPermanent), Status::kFeatureNotChangeable);
  EXPECT_EQ(set(WriteProtection::kUntilPowerCycle), Status::kSuccess) << "no change";
  rig_.driver.disable();
  rig_.start();
  EXPECT_EQ(get(), 2u);
  expect_protected();
}

TEST_F(WriteProtectionTest, Permanent) {
  ASSERT_TRUE(rig_.driver.write(0, pattern(4096, 1)).ok());
  ASSERT_EQ(set(WriteProtection::kPermanent), Status::kSuccess);
  for (const u32 state : {0u, 1u, 2u}) EXPECT_EQ(set(static_cast<WriteProtection>(state)), Status::kFeatureNotChangeable);
  expect_protected();
}

TEST_F(WriteProtectionTest, OfAllNamespaces) {
  ASSERT_TRUE(rig_.driver.write(0, pattern(4096, 1)).ok());
  ASSERT_EQ(set(WriteProtection::kProtected, 0xffffffff), Status::kSuccess);
  expect_protected();
}

TEST_F(WriteProtectionTest, Refusals) {
  EXPECT_EQ(set(static_cast<WriteProtection>(4)), Status::kInvalidField);
  EXPECT_EQ(set(WriteProtection::kProtected, 0), Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(set(WriteProtection::kProtected, 2), Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(set(WriteProtection::kProtected, 1, true), Status::kFeatureNotSaveable);
  EXPECT_EQ(get(), 0u);
}

// A new namespace with the id of one that is gone is not protected.
TEST_F(WriteProtectionTest, NotInherited) {
  ASSERT_EQ(set(WriteProtection::kProtected), Status::kSuccess);
  ASSERT_EQ(set(WriteProtection::kNone), Status::kSuccess);
  ASSERT_EQ(remove(), Status::kSuccess);
  EXPECT_EQ(set(WriteProtection::kProtected), Status::kInvalidNamespaceOrFormat) << "not attached";
}

// When the command is complete, what was let through before has been written, and nothing more will be.
TEST_F(WriteProtectionTest, WritesInFlightAreOverFirst) {
  DmaBuffer buffer(rig_.driver.arena(), 65536);
  const Prps prps(rig_.driver.arena(), buffer);
  buffer.fill(0x11);
  for (u32 i = 0; i < 40; i++) rig_.driver.queue(1, cmd::with_prps(cmd::write(i * 128, 128), prps));
  rig_.driver.ring(1);
  ASSERT_EQ(set(WriteProtection::kProtected), Status::kSuccess);
  std::vector<std::vector<u8>> then;
  for (u32 i = 0; i < 40; i++) then.push_back(rig_.driver.read(i * 128, 1).bytes);
  rig_.runner.run_for(1'000'000'000);
  for (u32 i = 0; i < 40; i++) EXPECT_EQ(rig_.driver.read(i * 128, 1).bytes, then[i]) << i;
}

}  // namespace
}  // namespace nvmev::test
