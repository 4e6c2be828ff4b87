// SPDX-License-Identifier: GPL-2.0-only
// Telemetry logs: NVMe 2.0 sections 5.16.1.8, 5.16.1.9 and 8.22.
#include <gtest/gtest.h>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::LogPage;
using nvme::Status;
using nvme::TelemetryHeader;

constexpr u8 kCreate = 1;

class Telemetry : public testing::Test {
 protected:
  Telemetry() { rig_.start(); }
  TelemetryHeader header(LogPage page, u8 specific = 0, bool retain = true) {
    const Driver::Data data = rig_.driver.get_log(page, 512, 0, retain, specific);
    EXPECT_TRUE(data.completion.ok());
    TelemetryHeader header;
    std::memcpy(&header, data.bytes.data(), sizeof(header));
    return header;
  }
  std::string area1(LogPage page, const TelemetryHeader& header) {
    const Driver::Data data = rig_.driver.get_log(page, header.last_block[0] * 512u, 512, true);
    EXPECT_TRUE(data.completion.ok());
    return std::string(reinterpret_cast<const char*>(data.bytes.data()));
  }
  // Makes the controller fail: reserved CC.CSS.
  void break_controller() {
    rig_.driver.disable();
    Driver::EnableOptions options;
    options.css = 3;
    ASSERT_FALSE(rig_.driver.enable(options));
    rig_.driver.disable();
    rig_.start();
  }
  Rig rig_;
};

TEST_F(Telemetry, EmptyUntilCreated) {
  const TelemetryHeader nothing = header(LogPage::kTelemetryHost);
  EXPECT_EQ(nothing.lid, 0x07);
  EXPECT_EQ(nothing.last_block[0], 0);
  EXPECT_EQ(nothing.last_block[2], 0);
  EXPECT_EQ(nothing.controller_available, 0);
}

TEST_F(Telemetry, HostInitiatedHoldsTheStatistics) {
  ASSERT_TRUE(rig_.driver.write(0, pattern(4096, 1)).ok());
  const TelemetryHeader created = header(LogPage::kTelemetryHost, kCreate);
  EXPECT_GT(created.last_block[0], 0);
  EXPECT_GT(created.last_block[1], created.last_block[0]);
  EXPECT_GT(created.last_block[2], created.last_block[1]);
  EXPECT_EQ(std::string(created.reason), "host");
  const std::string text = area1(LogPage::kTelemetryHost, created);
  EXPECT_NE(text.find("\nwrites 1\n"), std::string::npos) << text;
  // What was captured stays as it was.
  ASSERT_TRUE(rig_.driver.write(0, pattern(4096, 1)).ok());
  EXPECT_EQ(area1(LogPage::kTelemetryHost, created), text);
  const TelemetryHeader again = header(LogPage::kTelemetryHost, kCreate);
  EXPECT_EQ(again.host_generation, static_cast<u8>(created.host_generation + 1));
  EXPECT_NE(area1(LogPage::kTelemetryHost, again).find("\nwrites 2\n"), std::string::npos);
}

TEST_F(Telemetry, NothingIsCapturedForACommandThatFails) {
  const u8 before = header(LogPage::kTelemetryHost, kCreate).host_generation;
  nvme::Sqe sqe = cmd::get_log(LogPage::kTelemetryHost, 0, 512, 3);
  sqe.cdw10 |= kCreate << 8;
  EXPECT_EQ(rig_.admin(sqe).status, nvme::Status::kInvalidPrpOffset);
  EXPECT_EQ(header(LogPage::kTelemetryHost).host_generation, before);
}

TEST_F(Telemetry, AreaFourIsForHostsThatKnowIt) {
  ASSERT_TRUE(rig_.driver.identify(nvme::Cns::kController).bytes[261] & 1 << 6) << "LPA";
  const TelemetryHeader unknown = header(LogPage::kTelemetryHost, kCreate);
  EXPECT_EQ(unknown.last_block4, 0u);
  const u64 area4 = (unknown.last_block[2] + 1u) * 512;
  EXPECT_EQ(rig_.driver.get_log(LogPage::kTelemetryHost, 512, area4 + 512, true).completion.status, Status::kInvalidField);

  DmaBuffer behavior(rig_.driver.arena(), 512);
  behavior.write({0, 1});  // ETDAS
  nvme::Sqe sqe = cmd::set_feature(nvme::Feature::kHostBehavior, 0);
  sqe.prp1 = behavior.bus();
  ASSERT_TRUE(rig_.driver.admin(sqe).ok());
  sqe = cmd::get_feature(nvme::Feature::kHostBehavior);
  sqe.prp1 = behavior.bus();
  behavior.write({7, 7});
  ASSERT_TRUE(rig_.driver.admin(sqe).ok());
  EXPECT_EQ(behavior.read()[0], 0);
  EXPECT_EQ(behavior.read()[1], 1);

  const TelemetryHeader known = header(LogPage::kTelemetryHost, kCreate);
  ASSERT_GT(known.last_block4, known.last_block[2]);
  const u32 bytes = (known.last_block4 - known.last_block[2]) * 512;
  const Driver::Data data = rig_.driver.get_log(LogPage::kTelemetryHost, bytes, (known.last_block[2] + 1u) * 512, true);
  ASSERT_TRUE(data.completion.ok());
  const std::string text(reinterpret_cast<const char*>(data.bytes.data()));
  EXPECT_EQ(text.rfind("sq.0 cq 0 entries ", 0), 0u) << text;
  EXPECT_NE(text.find("\ncq.0 entries "), std::string::npos) << text;
  EXPECT_NE(text.find(" active\n"), std::string::npos) << text;

  behavior.write({0, 2});
  sqe = cmd::set_feature(nvme::Feature::kHostBehavior, 0);
  sqe.prp1 = behavior.bus();
  EXPECT_EQ(rig_.driver.admin(sqe).status, Status::kInvalidField);
}

TEST_F(Telemetry, FurtherAreasAreErrorLogAndRegisters) {
  rig_.io(cmd::read(~0ull, 1));
  const TelemetryHeader created = header(LogPage::kTelemetryHost, kCreate);
  const Driver::Data errors =
      rig_.driver.get_log(LogPage::kTelemetryHost, 512, (created.last_block[0] + 1u) * 512, true);
  ASSERT_TRUE(errors.completion.ok());
  EXPECT_EQ(errors.bytes[0], 1) << "error count";
  const Driver::Data smart =
      rig_.driver.get_log(LogPage::kTelemetryHost, 1024, (created.last_block[1] + 1u) * 512, true);
  ASSERT_TRUE(smart.completion.ok());
  u64 cap;
  std::memcpy(&cap, smart.bytes.data() + 512, sizeof(cap));
  EXPECT_EQ(cap, rig_.driver.cap());
}

TEST_F(Telemetry, WholeBlocksOnly) {
  EXPECT_EQ(rig_.driver.get_log(LogPage::kTelemetryHost, 256).completion.status, Status::kInvalidField);
  EXPECT_EQ(rig_.driver.get_log(LogPage::kTelemetryHost, 512, 256).completion.status, Status::kInvalidField);
  EXPECT_EQ(rig_.driver.get_log(LogPage::kTelemetryHost, 512, 1 << 20).completion.status, Status::kInvalidField);
}

TEST_F(Telemetry, ControllerInitiatedAfterAFailureUntilRead) {
  EXPECT_EQ(header(LogPage::kTelemetryController).controller_available, 0);
  break_controller();
  const TelemetryHeader failed = header(LogPage::kTelemetryController);
  EXPECT_EQ(failed.lid, 0x08);
  EXPECT_EQ(failed.controller_available, 1);
  EXPECT_NE(std::string(failed.reason).find("CSS"), std::string::npos) << failed.reason;
  EXPECT_EQ(header(LogPage::kTelemetryHost).controller_available, 1) << "both logs tell";
  EXPECT_NE(area1(LogPage::kTelemetryController, failed).find("type nvm"), std::string::npos);
  // The first failure is kept until its log has been read.
  break_controller();
  EXPECT_EQ(header(LogPage::kTelemetryController).controller_generation, failed.controller_generation);
  header(LogPage::kTelemetryController, 0, false);
  EXPECT_EQ(header(LogPage::kTelemetryController).controller_available, 0);
  break_controller();
  EXPECT_EQ(header(LogPage::kTelemetryController).controller_generation,
            static_cast<u8>(failed.controller_generation + 1));
}

}  // namespace
}  // namespace nvmev::test
