// SPDX-License-Identifier: GPL-2.0-only
// Asymmetric Namespace Access: NVMe 2.0 section 8.1.
#include <gtest/gtest.h>

#include "host/pair.h"
#include "nvmev/nvme/ana.h"

namespace nvmev::test {
namespace {

using nvme::AnaState;
using nvme::Feature;
using nvme::LogPage;
using nvme::Status;

constexpr u32 kEvent = 0x0c'03'02;

struct AnaLog {
  nvme::AnaLogHeader header;
  nvme::AnaGroupDescriptor group;
  u32 nsid[4];
};

// As it is on the wire: without what only the core distinguishes.
Status on_wire(Status status) { return static_cast<Status>(nvme::status_field(status) & 0x7ff); }

class Ana : public testing::Test {
 protected:
  Ana() { pair_.start(); }
  void set(const std::string& value) {
    std::string text;
    ASSERT_EQ(pair_.device.set("ana", value, &text), 0) << text;
    pair_.runner.settle();
  }
  static AnaLog log(Driver& driver, u8 specific = 0) {
    AnaLog log{};
    const Driver::Data data = driver.get_log(LogPage::kAna, sizeof(log), 0, false, specific);
    EXPECT_TRUE(data.completion.ok());
    std::memcpy(&log, data.bytes.data(), sizeof(log));
    return log;
  }
  Pair pair_;
};

TEST_F(Ana, IdentifyTellsOfIt) {
  const std::vector<u8> data = pair_.first.identify(nvme::Cns::kController).bytes;
  const auto* controller = reinterpret_cast<const nvme::IdentifyController*>(data.data());
  EXPECT_EQ(controller->cmic & 0x08, 0x08);
  EXPECT_EQ(controller->anacap, 0x5f) << "all five states; a group does not change while attached";
  EXPECT_EQ(u32{controller->anagrpmax}, 1u);
  EXPECT_EQ(u32{controller->nanagrpid}, 1u);
  EXPECT_GT(controller->anatt, 0);
  EXPECT_NE(controller->oaes & 1u << 11, 0u);
  const std::vector<u8> ns = pair_.first.identify(nvme::Cns::kNamespace, 1).bytes;
  EXPECT_EQ(u32{reinterpret_cast<const nvme::IdentifyNamespace*>(ns.data())->anagrpid}, 1u);
}

TEST_F(Ana, LogShowsEachControllersView) {
  AnaLog first = log(pair_.first);
  EXPECT_EQ(first.header.groups, 1);
  EXPECT_EQ(first.group.group, 1u);
  EXPECT_EQ(first.group.state, static_cast<u8>(AnaState::kOptimized));
  EXPECT_EQ(first.group.namespaces, 1u);
  EXPECT_EQ(first.nsid[0], 1u);
  set("2:non-optimized");
  EXPECT_EQ(log(pair_.first).group.state, static_cast<u8>(AnaState::kOptimized));
  const AnaLog second = log(pair_.second);
  EXPECT_EQ(second.group.state, static_cast<u8>(AnaState::kNonOptimized));
  EXPECT_EQ(second.header.changes, first.header.changes + 1);
  const AnaLog groups = log(pair_.second, 1);
  EXPECT_EQ(groups.group.namespaces, 0u) << "Return Groups Only";
  EXPECT_EQ(groups.nsid[0], 0u);
}

TEST_F(Ana, CommandsAreAnsweredByState) {
  ASSERT_TRUE(pair_.first.write(0, pattern(4096, 1)).ok());
  const struct {
    const char* name;
    Status status;
  } rows[] = {
      {"optimized", Status::kSuccess},
      {"non-optimized", Status::kSuccess},
      {"inaccessible", Status::kAnaInaccessible},
      {"persistent-loss", Status::kAnaPersistentLoss},
      {"change", Status::kAnaTransition},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    set(std::string("1:optimized+2:") + row.name);
    const Completion read = pair_.second.read(0, 8).completion;
    EXPECT_EQ(read.status, on_wire(row.status));
    EXPECT_FALSE(read.dnr) << "another path may be tried";
    EXPECT_EQ(pair_.second.write(0, pattern(4096, 2)).status, on_wire(row.status));
    EXPECT_EQ(pair_.second.run(1, cmd::flush()).status, on_wire(row.status));
    const bool through = row.status == Status::kSuccess;
    EXPECT_EQ(pair_.first.read(0, 8).bytes, pattern(4096, through ? 2 : 1)) << "a refused write writes nothing";
    ASSERT_TRUE(pair_.first.write(0, pattern(4096, 1)).ok()) << "the other path works";
    EXPECT_EQ(pair_.second.admin(cmd::format(1, 0)).status, on_wire(row.status));
    ASSERT_TRUE(pair_.first.write(0, pattern(4096, 1)).ok());
    nvme::Sqe feature = cmd::set_feature(Feature::kErrorRecovery, 5);
    feature.nsid = 1;
    EXPECT_EQ(pair_.second.admin(feature).status, on_wire(row.status));
    EXPECT_TRUE(pair_.second.identify(nvme::Cns::kController).completion.ok());
  }
}

TEST_F(Ana, ChangeIsAnEvent) {
  const u16 quiet = pair_.second.submit(0, cmd::async_event());
  set("2:inaccessible");
  pair_.second.reap();
  EXPECT_FALSE(pair_.second.take(0, quiet).has_value()) << "not enabled";
  ASSERT_TRUE(pair_.second.set_feature(Feature::kAsyncEventConfig, 1u << 11).ok());
  set("2:inaccessible");
  pair_.second.reap();
  EXPECT_FALSE(pair_.second.take(0, quiet).has_value()) << "no change";
  set("2:optimized");
  pair_.second.reap();
  const auto event = pair_.second.take(0, quiet);
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->dw0, kEvent);
  const u16 next = pair_.second.submit(0, cmd::async_event());
  set("2:change");
  pair_.second.reap();
  EXPECT_FALSE(pair_.second.take(0, next).has_value()) << "masked until the log is read";
  log(pair_.second);
  set("2:optimized");
  pair_.second.reap();
  EXPECT_TRUE(pair_.second.take(0, next).has_value());
}

TEST_F(Ana, StateIsThereAfterAResetAndBeforeAnEnable) {
  pair_.second.disable();
  set("2:inaccessible");
  ASSERT_TRUE(pair_.second.enable());
  EXPECT_EQ(log(pair_.second).group.state, static_cast<u8>(AnaState::kInaccessible));
}

TEST_F(Ana, ADisabledControllerKeepsNobodyAwake) {
  pair_.second.disable();
  pair_.runner.run_for(1'000'000);
  set("2:inaccessible");
  EXPECT_FALSE(nvmev_dispatch_pending(pair_.device.get(), 0));
}

TEST_F(Ana, KeyIsChecked) {
  for (const char* wrong : {"", "2", "2:", "2:lost", "0:optimized", "5:optimized", "2:optimized+", "+2:optimized",
                            "2:optimized,1:optimized", "3:optimized", "4:inaccessible"}) {
    std::string text;
    EXPECT_NE(pair_.device.set("ana", wrong, &text), 0) << wrong;
    EXPECT_NE(text, "") << wrong;
  }
  Rig alone;
  EXPECT_NE(alone.device.set("ana", "1:inaccessible"), 0) << "one controller has no others";
}

TEST(AnaAtAttach, StatesAreAsConfigured) {
  Pair pair({{"ana", "1:inaccessible+2:optimized"}});
  pair.start();
  EXPECT_EQ(pair.first.read(0, 1).completion.status, on_wire(Status::kAnaInaccessible));
  EXPECT_TRUE(pair.second.read(0, 1).completion.ok());
}

}  // namespace
}  // namespace nvmev::test
