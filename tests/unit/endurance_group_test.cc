// SPDX-License-Identifier: GPL-2.0-only
// Endurance groups, NVM sets and domains: NVMe 2.0 section 3.2. Fields by byte offset, so that a wrong structure definition shows.
#include <gtest/gtest.h>

#include "host/bytes.h"
#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Cns;
using nvme::Feature;
using nvme::LogPage;
using nvme::Status;

class EnduranceGroup : public testing::Test {
 protected:
  explicit EnduranceGroup(const Settings& keys = {{"capacity", "48M"}}) : rig_(keys) { rig_.start(); }

  // A list of Identify from `first` (CDW11.CNSSID) on.
  std::vector<u8> list(Cns cns, u16 first) {
    DmaBuffer buffer(rig_.driver.arena(), 4096);
    nvme::Sqe sqe = cmd::identify(cns, 0, buffer.bus());
    sqe.cdw11 |= first;
    EXPECT_TRUE(rig_.driver.admin(sqe).ok());
    return buffer.read();
  }

  Driver::Data log(LogPage page, u32 bytes, u16 group, bool retain = false) {
    DmaBuffer buffer(rig_.driver.arena(), bytes);
    nvme::Sqe sqe = cmd::get_log(page, 0, bytes, buffer.bus(), 0, retain);
    sqe.cdw11 |= static_cast<u32>(group) << 16;
    const Completion completion = rig_.driver.admin(sqe);
    return {completion, buffer.read()};
  }

  Rig rig_;
};

TEST_F(EnduranceGroup, IdentifySaysThatThereIsOneOfEach) {
  const std::vector<u8> id = rig_.driver.identify(Cns::kController).bytes;
  for (const u32 bit : {2u, 4u, 10u}) EXPECT_TRUE(le(id, 96, 4) & 1u << bit) << "CTRATT, bit " << bit;
  EXPECT_TRUE(le(id, 92, 4) & 1u << 14) << "OAES";
  EXPECT_EQ(le(id, 338, 2), 1u) << "NSETIDMAX";
  EXPECT_EQ(le(id, 340, 2), 1u) << "ENDGIDMAX";
  EXPECT_EQ(le(id, 356, 2), 1u) << "Domain Identifier";
  EXPECT_EQ(le(id, 368, 8), 48u << 20) << "MEGCAP";
  for (const Cns cns : {Cns::kNamespace, Cns::kAllocatedNamespace}) {
    const std::vector<u8> ns = rig_.driver.identify(cns, 1).bytes;
    EXPECT_EQ(le(ns, 100, 2), 1u) << "NVMSETID";
    EXPECT_EQ(le(ns, 102, 2), 1u) << "ENDGID";
  }
  const std::vector<u8> independent = rig_.driver.identify(Cns::kIndependentNamespace, 1).bytes;
  EXPECT_EQ(le(independent, 10, 2), 1u) << "NVMSETID";
  EXPECT_EQ(le(independent, 12, 2), 1u) << "ENDGID";
}

TEST_F(EnduranceGroup, Lists) {
  for (const u16 first : {u16{0}, u16{1}}) {
    const std::vector<u8> sets = list(Cns::kNvmSets, first);
    EXPECT_EQ(sets[0], 1) << "NVM sets from " << first;
    EXPECT_EQ(le(sets, 128, 2), 1u);
    EXPECT_EQ(le(sets, 130, 2), 1u) << "ENDGID";
    EXPECT_EQ(le(sets, 128 + 16, 8), 48u << 20) << "capacity";
    EXPECT_EQ(le(sets, 128 + 32, 8), 0u) << "unallocated";
    const std::vector<u8> domains = list(Cns::kDomains, first);
    EXPECT_EQ(domains[0], 1) << "domains from " << first;
    EXPECT_EQ(le(domains, 128, 2), 1u);
    EXPECT_EQ(le(domains, 128 + 16, 8), 48u << 20) << "capacity";
    EXPECT_EQ(le(domains, 128 + 48, 8), 48u << 20) << "largest group";
  }
  EXPECT_EQ(le(list(Cns::kEnduranceGroups, 0), 0, 4), 0x00010001u) << "one, its number is 1";
  for (const Cns cns : {Cns::kNvmSets, Cns::kDomains}) EXPECT_EQ(list(cns, 2), std::vector<u8>(4096));
  EXPECT_EQ(list(Cns::kEnduranceGroups, 1), std::vector<u8>(4096));
}

TEST_F(EnduranceGroup, UnallocatedCapacityIsThatOfTheSet) {
  ASSERT_TRUE(rig_.driver.admin(cmd::manage_namespace(1, cmd::kDeleteNamespace)).ok());
  EXPECT_EQ(le(list(Cns::kNvmSets, 1), 128 + 32, 8), 48u << 20);
  EXPECT_EQ(le(list(Cns::kDomains, 1), 128 + 32, 8), 48u << 20);
  EXPECT_EQ(le(log(LogPage::kEnduranceGroup, 512, 1).bytes, 176, 8), 48u << 20) << "UEGCAP";
}

TEST_F(EnduranceGroup, LogCounts) {
  ASSERT_TRUE(rig_.driver.write(0, pattern(4096, 1)).ok());
  ASSERT_TRUE(rig_.driver.read(0, 8).completion.ok());
  ASSERT_TRUE(rig_.driver.read(0, 8).completion.ok());
  const Driver::Data data = log(LogPage::kEnduranceGroup, 512, 1);
  ASSERT_TRUE(data.completion.ok());
  EXPECT_EQ(data.bytes[0], 0) << "critical warnings";
  EXPECT_EQ(data.bytes[3], 100) << "available spare";
  EXPECT_EQ(data.bytes[4], 10) << "its threshold";
  EXPECT_EQ(le(data.bytes, 6, 2), 1u) << "domain";
  EXPECT_EQ(le(data.bytes, 48, 8), 1u) << "data units read, 10^9 bytes, rounded up";
  EXPECT_EQ(le(data.bytes, 64, 8), 1u) << "data units written";
  EXPECT_EQ(le(data.bytes, 96, 8), 2u) << "reads";
  EXPECT_EQ(le(data.bytes, 112, 8), 1u) << "writes";
  EXPECT_EQ(le(data.bytes, 160, 8), 48u << 20) << "capacity";
  for (const u16 group : {u16{0}, u16{2}, u16{0xffff}}) {
    EXPECT_EQ(log(LogPage::kEnduranceGroup, 512, group).completion.status, Status::kInvalidField) << group;
  }
}

TEST_F(EnduranceGroup, FeatureValues) {
  const auto set = [&](u32 value) { return rig_.driver.set_feature(Feature::kEnduranceGroupEvents, value).status; };
  EXPECT_EQ(rig_.driver.get_feature(Feature::kEnduranceGroupEvents, 1).dw0, 1u);
  EXPECT_EQ(set(0x10001), Status::kSuccess);
  EXPECT_EQ(rig_.driver.get_feature(Feature::kEnduranceGroupEvents, 1).dw0, 0x10001u);
  EXPECT_EQ(set(0x10000), Status::kInvalidField) << "group 0";
  EXPECT_EQ(set(0x10002), Status::kInvalidField) << "group 2";
  EXPECT_EQ(set(0x20001), Status::kInvalidField) << "a warning that never comes";
  EXPECT_EQ(set(0x1000001), Status::kInvalidField) << "reserved";
  EXPECT_EQ(rig_.driver.get_feature(Feature::kEnduranceGroupEvents, 2).status, Status::kInvalidField);
  EXPECT_EQ(rig_.driver.get_feature(Feature::kEnduranceGroupEvents, 1).dw0, 0x10001u) << "as before";
}

TEST_F(EnduranceGroup, CommandSetProfile) {
  const auto set = [&](u32 value) { return rig_.driver.set_feature(Feature::kCommandSetProfile, value).status; };
  EXPECT_EQ(rig_.driver.get_feature(Feature::kCommandSetProfile).dw0, 0u);
  EXPECT_EQ(set(0), Status::kSuccess);
  EXPECT_EQ(set(1), Status::kCommandSetCombinationRejected) << "CNS 1Ch has no second one";
  EXPECT_EQ(set(0x1ff), Status::kCommandSetCombinationRejected);
  EXPECT_EQ(set(0x200), Status::kInvalidField);
}

// A device that is written until its spare blocks are gone.
class WornGroup : public EnduranceGroup {
 protected:
  WornGroup()
      : EnduranceGroup({{"type", "conv"}, {"capacity", "64M"}, {"pe_cycles", "1"}, {"spare_blocks", "10"}, {"channels", "1"},
                        {"dies_per_channel", "1"}}) {}

  u8 spare() { return log(LogPage::kEnduranceGroup, 512, 1, true).bytes[3]; }

  void wear() {
    for (u32 i = 0; i < 40'000 && rig_.driver.write(i % 512 * 256, pattern(128 << 10, i)).ok(); i++) {
      if (i % 64 == 0 && spare() < 10) break;
    }
    ASSERT_LT(spare(), 10);
    rig_.runner.run_for(10'000'000);
  }

  std::optional<Completion> event(u16 cid) {
    rig_.runner.run_for(100'000'000);
    rig_.driver.reap();
    return rig_.driver.take(0, cid);
  }
};

constexpr u32 kSpareEvent = 0x02'02'01;
constexpr u32 kGroupEvent = 0x0f'06'02;
constexpr u32 kSpareBit = 1u << 0, kGroupBit = 1u << 14;  // of Asynchronous Event Configuration

TEST_F(WornGroup, WarnsOfItsSpare) {
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kAsyncEventConfig, kSpareBit | kGroupBit).ok());
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kEnduranceGroupEvents, 0x10001).ok());
  const u16 first = rig_.driver.submit(0, cmd::async_event());
  const u16 second = rig_.driver.submit(0, cmd::async_event());
  EXPECT_EQ(le(log(LogPage::kEnduranceGroupEvents, 16, 0).bytes, 0, 8), 0u);
  wear();
  const auto spare = event(first), group = event(second);
  ASSERT_TRUE(spare.has_value() && group.has_value());
  EXPECT_EQ(spare->dw0, kSpareEvent);
  EXPECT_EQ(group->dw0, kGroupEvent);
  EXPECT_EQ(rig_.driver.get_log(LogPage::kSmart, 512).bytes[0] & 1, 1) << "critical warning";
  EXPECT_EQ(rig_.driver.get_log(LogPage::kSmart, 512).bytes[6] & 1, 1) << "endurance group critical warning summary";

  // Both stay, and are not told again, until the group's log is read for good.
  const std::vector<u8> events = log(LogPage::kEnduranceGroupEvents, 16, 0).bytes;
  EXPECT_EQ(le(events, 0, 8), 1u);
  EXPECT_EQ(le(events, 8, 2), 1u) << "group";
  const u16 third = rig_.driver.submit(0, cmd::async_event());
  EXPECT_FALSE(event(third).has_value());
  EXPECT_EQ(log(LogPage::kEnduranceGroup, 512, 1, true).bytes[0] & 1, 1);
  EXPECT_EQ(le(log(LogPage::kEnduranceGroupEvents, 16, 0).bytes, 0, 8), 1u) << "it was retained";
  EXPECT_EQ(log(LogPage::kEnduranceGroup, 512, 1).bytes[0] & 1, 1);
  EXPECT_EQ(le(log(LogPage::kEnduranceGroupEvents, 16, 0).bytes, 0, 8), 0u);
}

TEST_F(WornGroup, SaysNothingUnasked) {
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kAsyncEventConfig, 0).ok());
  const u16 request = rig_.driver.submit(0, cmd::async_event());
  wear();
  EXPECT_FALSE(event(request).has_value());
  EXPECT_EQ(le(log(LogPage::kEnduranceGroupEvents, 16, 0).bytes, 0, 8), 0u);
  // As soon as it is asked for it comes.
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kAsyncEventConfig, kSpareBit).ok());
  const auto spare = event(request);
  ASSERT_TRUE(spare.has_value());
  EXPECT_EQ(spare->dw0, kSpareEvent);
}

}  // namespace
}  // namespace nvmev::test
