// SPDX-License-Identifier: GPL-2.0-only
// Asymmetric Namespace Access: NVMe 2.0 section 8.1.
#include <gtest/gtest.h>

#include <algorithm>

#include <cstring>
#include <tuple>
#include <vector>

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
  EXPECT_EQ(controller->anacap, 0xdf) << "all five states; a group is chosen at creation and does not change while attached";
  EXPECT_EQ(u32{controller->anagrpmax}, 4u);
  EXPECT_EQ(u32{controller->nanagrpid}, 4u);
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

TEST_F(Ana, WhatIsNotReachedIsNotTold) {
  ASSERT_TRUE(pair_.first.write(0, pattern(4096, 1)).ok());
  const struct {
    const char* name;
    Status status;
    bool told;
  } rows[] = {{"optimized", Status::kSuccess, true},
              {"non-optimized", Status::kSuccess, true},
              {"inaccessible", Status::kAnaInaccessible, false},
              {"persistent-loss", Status::kAnaPersistentLoss, false},
              {"change", Status::kAnaTransition, true}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    set(std::string("2:") + row.name);
    const std::vector<u8> data = pair_.second.identify(nvme::Cns::kNamespace, 1).bytes;
    const auto* ns = reinterpret_cast<const nvme::IdentifyNamespace*>(data.data());
    EXPECT_NE(u64{ns->nsze}, 0u);
    EXPECT_EQ(u64{ns->nuse} != 0, row.told);
    EXPECT_EQ(std::any_of(ns->nvmcap, ns->nvmcap + 16, [](u8 byte) { return byte != 0; }), row.told);
    nvme::Sqe feature = cmd::get_feature(Feature::kErrorRecovery);
    feature.nsid = 1;
    EXPECT_EQ(pair_.second.admin(feature).status, on_wire(row.status));
  }
}

TEST_F(Ana, NamespacesThatAreNotThereHaveNoState) {
  set("2:inaccessible");
  EXPECT_EQ(pair_.second.run(1, cmd::io(nvme::NvmOpcode::kRead, 0, 1, 7)).status, Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(pair_.second.run(1, cmd::flush(0)).status, Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(pair_.second.run(1, cmd::flush(nvme::kNsidBroadcast)).status, on_wire(Status::kAnaInaccessible)) << "this is about all";
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
                            "2:optimized,1:optimized", "3:optimized", "4:inaccessible", "2.0:optimized",
                            "2.5:optimized", "2.:optimized", "2.1", "3.1:optimized", ".1:optimized"}) {
    std::string text;
    EXPECT_NE(pair_.device.set("ana", wrong, &text), 0) << wrong;
    EXPECT_NE(text, "") << wrong;
  }
  Rig alone;
  EXPECT_NE(alone.device.set("ana", "1:inaccessible"), 0) << "one controller has no others";
}

// ---- Groups

class AnaGroups : public testing::Test {
 protected:
  AnaGroups() { pair_.start(); }
  void set(const std::string& value) {
    std::string text;
    ASSERT_EQ(pair_.device.set("ana", value, &text), 0) << text;
    pair_.runner.settle();
  }
  static u32 group_of(Driver& driver, u32 nsid) {
    const std::vector<u8> ns = driver.identify(nvme::Cns::kNamespace, nsid).bytes;
    return reinterpret_cast<const nvme::IdentifyNamespace*>(ns.data())->anagrpid;
  }
  static Status read(Driver& driver, u32 nsid) {
    DmaBuffer buffer(driver.arena(), 512);
    const Prps prps(driver.arena(), buffer);
    return driver.run(1, cmd::with_prps(cmd::io(nvme::NvmOpcode::kRead, 0, 1, nsid), prps)).status;
  }
  // Group, state and namespaces of each descriptor.
  using Groups = std::vector<std::tuple<u32, AnaState, std::vector<u32>>>;
  static Groups groups(Driver& driver) {
    const std::vector<u8> data = driver.get_log(LogPage::kAna, 512).bytes;
    nvme::AnaLogHeader header;
    std::memcpy(&header, data.data(), sizeof(header));
    Groups found;
    size_t at = sizeof(header);
    for (u32 i = 0; i < header.groups; i++) {
      nvme::AnaGroupDescriptor group;
      std::memcpy(&group, &data[at], sizeof(group));
      std::vector<u32> ids(group.namespaces);
      std::memcpy(ids.data(), &data[at + sizeof(group)], ids.size() * 4);
      at += sizeof(group) + ids.size() * 4;
      found.emplace_back(group.group, static_cast<AnaState>(group.state), ids);
    }
    return found;
  }
  Pair pair_{{{"namespaces", "nvm:8M,nvm:8M:ana_group=3,nvm:8M,nvm:8M"}, {"capacity", "32M"}, {"ana", "1.3:non-optimized"}}};
};

TEST_F(AnaGroups, HaveStatesOfTheirOwn) {
  EXPECT_EQ(group_of(pair_.first, 1), 1u);
  EXPECT_EQ(group_of(pair_.first, 2), 3u);
  EXPECT_EQ(groups(pair_.first), (Groups{{1, AnaState::kOptimized, {1, 3, 4}}, {3, AnaState::kNonOptimized, {2}}}));
  EXPECT_EQ(groups(pair_.second), (Groups{{1, AnaState::kOptimized, {1, 3, 4}}, {3, AnaState::kOptimized, {2}}}));
  set("2.3:inaccessible+1.1:change");
  EXPECT_EQ(read(pair_.second, 2), on_wire(Status::kAnaInaccessible));
  EXPECT_EQ(read(pair_.second, 1), Status::kSuccess);
  EXPECT_EQ(read(pair_.first, 1), on_wire(Status::kAnaTransition));
  EXPECT_EQ(read(pair_.first, 2), Status::kSuccess);
  EXPECT_EQ(pair_.second.admin(cmd::format(2, 0)).status, on_wire(Status::kAnaInaccessible));
  EXPECT_EQ(pair_.second.admin(cmd::format(0xffffffff, 0)).status, on_wire(Status::kAnaInaccessible)) << "one of them";
  EXPECT_EQ(pair_.second.run(1, cmd::flush(0xffffffff)).status, on_wire(Status::kAnaInaccessible));
  EXPECT_TRUE(pair_.second.admin(cmd::format(1, 0)).ok());
  nvme::Sqe feature = cmd::set_feature(Feature::kErrorRecovery, 5);
  feature.nsid = 2;
  EXPECT_EQ(pair_.second.admin(feature).status, on_wire(Status::kAnaInaccessible));
  feature.nsid = 1;
  EXPECT_TRUE(pair_.second.admin(feature).ok());
  set("2:optimized");
  EXPECT_EQ(read(pair_.second, 2), Status::kSuccess) << "all groups";
}

TEST_F(AnaGroups, AreChosenAtCreation) {
  ASSERT_TRUE(pair_.first.admin(cmd::manage_namespace(4, cmd::kDeleteNamespace)).ok());
  DmaBuffer data(pair_.first.arena(), 4096);
  const Prps prps(pair_.first.arena(), data);
  const auto create = [&](u32 group) {
    nvme::IdentifyNamespace wanted{};
    wanted.nsze = wanted.ncap = 8;
    wanted.nmic = nvme::kNmicShared;
    wanted.anagrpid = group;
    const u8* bytes = reinterpret_cast<const u8*>(&wanted);
    data.write(std::vector<u8>(bytes, bytes + sizeof(wanted)));
    return pair_.first.admin(cmd::with_prps(cmd::manage_namespace(0, cmd::kCreateNamespace), prps));
  };
  EXPECT_EQ(create(5).status, Status::kAnaGroupIdInvalid);
  ASSERT_TRUE(pair_.first.admin(cmd::manage_namespace(1, cmd::kDeleteNamespace)).ok());
  const Completion created = create(4);
  ASSERT_TRUE(created.ok());
  data.write({2, 0, 1, 0, 2, 0});
  ASSERT_TRUE(pair_.first.admin(cmd::with_prps(cmd::attach_namespace(created.dw0), prps)).ok());
  EXPECT_EQ(group_of(pair_.second, created.dw0), 4u);
  set("2.4:persistent-loss");
  EXPECT_EQ(read(pair_.second, created.dw0), on_wire(Status::kAnaPersistentLoss));
  EXPECT_EQ(read(pair_.first, created.dw0), Status::kSuccess);
}

TEST(AnaAtAttach, StatesAreAsConfigured) {
  Pair pair({{"ana", "1:inaccessible+2:optimized"}});
  pair.start();
  EXPECT_EQ(pair.first.read(0, 1).completion.status, on_wire(Status::kAnaInaccessible));
  EXPECT_TRUE(pair.second.read(0, 1).completion.ok());
}

}  // namespace
}  // namespace nvmev::test
