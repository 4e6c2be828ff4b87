// SPDX-License-Identifier: GPL-2.0-only
// Get Features and Set Features: NVMe 2.0 sections 5.15 and 5.27.
#include <gtest/gtest.h>

#include <cstring>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Feature;
using nvme::FeatureSelect;
using nvme::Status;

constexpr u32 kSaveable = 1;
constexpr u32 kNamespaceSpecific = 2;
constexpr u32 kChangeable = 4;

struct Row {
  Feature feature;
  const char* name;
  u32 new_value;  // for changeable ones: valid, and not the default
  u32 mask;       // bits that are read back as set
  bool changeable;
  u32 select;  // CDW11 of Get Features
  u32 nsid = 0;
  bool saveable = true;
};

const Row kRows[] = {
    {Feature::kArbitration, "Arbitration", 0x0a0b0c02, 0xffffff07, true, 0},
    {Feature::kPowerManagement, "Power Management", 1, 0x1f, true, 0},
    {Feature::kTemperatureThreshold, "Temperature Threshold", 333, 0xffff, true, 0},
    {Feature::kErrorRecovery, "Error Recovery", 0x0012, 0xffff, true, 0, 1},
    {Feature::kNumberOfQueues, "Number of Queues", 0x00010001, 0, true, 0, 0, false},
    {Feature::kInterruptCoalescing, "Interrupt Coalescing", 0x0203, 0xffff, true, 0},
    {Feature::kInterruptVectorConfig, "Interrupt Vector Configuration", 1u << 16 | 1, 0x1ffff, true, 1},
    {Feature::kWriteAtomicity, "Write Atomicity", 1, 1, true, 0},
    {Feature::kAsyncEventConfig, "Asynchronous Event Configuration", 0x0102, 0xffff, true, 0},
    {Feature::kKeepAliveTimer, "Keep Alive Timer", 5000, 0xffffffff, true, 0, 0, false},
    {Feature::kThermalManagement, "Host Controlled Thermal Management", 340u << 16 | 350, 0xffffffff, true, 0},
    {Feature::kNonOperationalConfig, "Non-Operational Power State Config", 1, 1, true, 0},
    {Feature::kSanitizeConfig, "Sanitize Config", 1, 1, true, 0},
};

TEST(Features, CurrentDefaultSavedSupported) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    Rig rig;
    rig.start();
    const auto get = [&](FeatureSelect select) {
      nvme::Sqe sqe = cmd::get_feature(row.feature, select, row.select);
      sqe.nsid = row.nsid;
      return rig.admin(sqe);
    };
    const auto set = [&](bool save) {
      nvme::Sqe sqe = cmd::set_feature(row.feature, row.new_value, save);
      sqe.nsid = row.nsid;
      return rig.admin(sqe).status;
    };
    const Completion before = get(FeatureSelect::kCurrent);
    ASSERT_TRUE(before.ok());
    const Completion fallback = get(FeatureSelect::kDefault);
    ASSERT_TRUE(fallback.ok());
    EXPECT_EQ(before.dw0, fallback.dw0) << "nothing was set yet";
    const Completion supported = get(FeatureSelect::kSupported);
    ASSERT_TRUE(supported.ok());
    EXPECT_EQ(supported.dw0 & kChangeable, row.changeable ? kChangeable : 0);
    EXPECT_EQ(supported.dw0 & kNamespaceSpecific, row.nsid ? kNamespaceSpecific : 0);
    EXPECT_EQ(supported.dw0 & kSaveable, row.saveable ? kSaveable : 0);
    if (row.feature == Feature::kNumberOfQueues) continue;  // not after queues exist

    ASSERT_EQ(set(false), Status::kSuccess);
    EXPECT_EQ(get(FeatureSelect::kCurrent).dw0 & row.mask, row.new_value & row.mask);
    EXPECT_EQ(get(FeatureSelect::kDefault).dw0, fallback.dw0);
    // No saved value: the default is returned.
    const Completion saved = get(FeatureSelect::kSaved);
    ASSERT_TRUE(saved.ok());
    EXPECT_EQ(saved.dw0, fallback.dw0);
    rig.driver.disable();
    rig.start();
    EXPECT_EQ(get(FeatureSelect::kCurrent).dw0, fallback.dw0) << "what is not saved does not survive a reset";

    if (!row.saveable) {
      EXPECT_EQ(set(true), Status::kFeatureNotSaveable);
      continue;
    }
    ASSERT_EQ(set(true), Status::kSuccess);
    EXPECT_EQ(get(FeatureSelect::kSaved).dw0 & row.mask, row.new_value & row.mask);
    EXPECT_EQ(get(FeatureSelect::kDefault).dw0, fallback.dw0);
    rig.driver.disable();
    rig.start();
    EXPECT_EQ(get(FeatureSelect::kCurrent).dw0 & row.mask, row.new_value & row.mask) << "saved";
  }
}

// What is saved is what the command named, not its neighbours.
TEST(Features, SavedOneByOne) {
  Rig rig;
  rig.start();
  const u32 under = 1u << 20;
  ASSERT_TRUE(rig.driver.set_feature(Feature::kTemperatureThreshold, under | 280).ok());
  ASSERT_TRUE(rig.admin(cmd::set_feature(Feature::kTemperatureThreshold, 350, true)).ok());
  ASSERT_TRUE(rig.driver.set_feature(Feature::kInterruptVectorConfig, 1u << 16 | 2).ok());
  ASSERT_TRUE(rig.admin(cmd::set_feature(Feature::kInterruptVectorConfig, 1u << 16 | 1, true)).ok());
  rig.driver.disable();
  rig.start();
  EXPECT_EQ(rig.driver.get_feature(Feature::kTemperatureThreshold).dw0, 350u);
  EXPECT_EQ(rig.driver.get_feature(Feature::kTemperatureThreshold, under).dw0, 0u);
  EXPECT_EQ(rig.driver.get_feature(Feature::kInterruptVectorConfig, 1).dw0, 1u << 16 | 1);
  EXPECT_EQ(rig.driver.get_feature(Feature::kInterruptVectorConfig, 2).dw0, 2u);
}

TEST(Features, InvalidSelect) {
  Rig rig;
  rig.start();
  for (u32 select = 4; select < 8; select++) {
    EXPECT_EQ(rig.admin(cmd::get_feature(Feature::kArbitration, static_cast<FeatureSelect>(select))).status,
              Status::kInvalidField);
  }
}

TEST(Features, UnknownIdentifiers) {
  Rig rig;
  rig.start();
  // Reserved, LBA Range Type, Read Recovery Level, and vendor specific.
  for (const u32 fid : {0x00u, 0x03u, 0x13u, 0x7eu, 0xc0u, 0xffu}) {
    SCOPED_TRACE(fid);
    EXPECT_EQ(rig.driver.get_feature(static_cast<Feature>(fid)).status, Status::kInvalidField);
    EXPECT_EQ(rig.driver.set_feature(static_cast<Feature>(fid), 0).status, Status::kInvalidField);
  }
}

struct BadValue {
  const char* what;
  Feature feature;
  u32 value;
};

TEST(Features, BadValues) {
  Rig rig;
  ASSERT_TRUE(rig.driver.enable());
  const u8 npss = rig.driver.identify(nvme::Cns::kController).bytes[263];
  const BadValue cases[] = {
      {"power state beyond NPSS", Feature::kPowerManagement, npss + 1u},
      {"65536 submission queues", Feature::kNumberOfQueues, 0x0000ffff},
      {"65536 completion queues", Feature::kNumberOfQueues, 0xffff0000},
      {"vector beyond all", Feature::kInterruptVectorConfig, nvmev_dev_vectors(rig.device.get())},
      {"vector FFFFh", Feature::kInterruptVectorConfig, 0xffff},
      {"reserved threshold type", Feature::kTemperatureThreshold, 3u << 20 | 300},
      {"sensor that does not exist", Feature::kTemperatureThreshold, 8u << 16 | 300},
      {"thermal management below MNTMT", Feature::kThermalManagement, 272u << 16},
      {"thermal management beyond MXTMT", Feature::kThermalManagement, 354},
      {"light throttling not below heavy", Feature::kThermalManagement, 350u << 16 | 350},
  };
  for (const BadValue& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_EQ(rig.driver.set_feature(c.feature, c.value).status, Status::kInvalidField);
  }
}

TEST(Features, NumberOfQueuesIsFixedOnceQueuesExist) {
  Rig rig({{"queues", "8"}});
  ASSERT_TRUE(rig.driver.enable());
  const Completion set = rig.driver.set_feature(Feature::kNumberOfQueues, 3u | 5u << 16);
  ASSERT_TRUE(set.ok());
  // What is allocated may be more or less than what was asked for; it is what Get tells afterwards.
  EXPECT_LE(set.dw0 & 0xffff, 7u);
  EXPECT_LE(set.dw0 >> 16, 7u);
  EXPECT_EQ(rig.driver.get_feature(Feature::kNumberOfQueues).dw0, set.dw0);
  rig.driver.create_queue_pair(1);
  EXPECT_EQ(rig.driver.set_feature(Feature::kNumberOfQueues, 0x00010001).status, Status::kCommandSequenceError);
}

TEST(Features, NamespaceIdentifier) {
  Rig rig;
  rig.start();
  const auto set = [&](Feature feature, u32 nsid) {
    nvme::Sqe sqe = cmd::set_feature(feature, 1);
    sqe.nsid = nsid;
    return rig.admin(sqe).status;
  };
  EXPECT_EQ(set(Feature::kArbitration, 0), Status::kSuccess);
  EXPECT_EQ(set(Feature::kArbitration, 0xffffffff), Status::kSuccess);
  EXPECT_EQ(set(Feature::kArbitration, 1), Status::kFeatureNotNamespaceSpecific);
  EXPECT_EQ(set(Feature::kErrorRecovery, 1), Status::kSuccess);
  EXPECT_EQ(set(Feature::kErrorRecovery, 0xffffffff), Status::kSuccess);
  EXPECT_EQ(set(Feature::kErrorRecovery, 2), Status::kInvalidNamespaceOrFormat);
}

TEST(Features, OfAllNamespacesAreThoseThatAreAttached) {
  Rig rig({{"namespaces", "nvm:8M,nvm:8M"}, {"capacity", "16M"}});
  rig.start();
  const auto list = [&](u32 select) {
    DmaBuffer buffer(rig.driver.arena(), 4096);
    buffer.write({1, 0, 1, 0});
    nvme::Sqe sqe = cmd::with_prps(cmd::attach_namespace(2), Prps(rig.driver.arena(), buffer));
    sqe.cdw10 = select;
    return rig.admin(sqe).status;
  };
  const auto value = [&](u32 nsid) {
    nvme::Sqe sqe = cmd::get_feature(Feature::kErrorRecovery);
    sqe.nsid = nsid;
    return rig.admin(sqe).dw0;
  };
  constexpr u32 kAttach = 0, kDetach = 1;
  ASSERT_EQ(list(kDetach), Status::kSuccess);
  nvme::Sqe all = cmd::set_feature(Feature::kErrorRecovery, 9);
  all.nsid = nvme::kNsidBroadcast;
  ASSERT_TRUE(rig.admin(all).ok());
  ASSERT_EQ(list(kAttach), Status::kSuccess);
  EXPECT_EQ(value(1), 9u);
  EXPECT_EQ(value(2), 0u) << "it was not attached then";
}

TEST(Features, TemperatureThresholdsAreSeparate) {
  Rig rig;
  rig.start();
  const u32 under = 1u << 20;
  ASSERT_TRUE(rig.driver.set_feature(Feature::kTemperatureThreshold, 350).ok());
  ASSERT_TRUE(rig.driver.set_feature(Feature::kTemperatureThreshold, under | 280).ok());
  EXPECT_EQ(rig.driver.get_feature(Feature::kTemperatureThreshold).dw0 & 0xffff, 350u);
  EXPECT_EQ(rig.driver.get_feature(Feature::kTemperatureThreshold, under).dw0 & 0xffff, 280u);
}

TEST(Features, TemperatureDefaults) {
  Rig rig;
  rig.start();
  const Driver::Data controller = rig.driver.identify(nvme::Cns::kController);
  const u32 wctemp = controller.bytes[266] | controller.bytes[267] << 8;
  EXPECT_EQ(rig.driver.get_feature(Feature::kTemperatureThreshold).dw0 & 0xffff, wctemp);
  EXPECT_EQ(rig.driver.get_feature(Feature::kTemperatureThreshold, 1u << 20).dw0 & 0xffff, 0u);
}

TEST(Features, VolatileWriteCacheAgreesWithIdentify) {
  Rig rig;
  rig.start();
  const bool present = rig.driver.identify(nvme::Cns::kController).bytes[525] & 1;
  // Without a volatile cache, Get and Set Features are refused with Invalid Field in Command.
  const Status expected = present ? Status::kSuccess : Status::kInvalidField;
  EXPECT_EQ(rig.driver.get_feature(Feature::kVolatileWriteCache).status, expected);
  EXPECT_EQ(rig.driver.set_feature(Feature::kVolatileWriteCache, 1).status, expected);
}

class Timestamp : public testing::Test {
 protected:
  Timestamp() { rig_.start(); }

  u64 get() {
    DmaBuffer buffer(rig_.driver.arena(), 8);
    nvme::Sqe sqe = cmd::get_feature(Feature::kTimestamp);
    sqe.prp1 = buffer.bus();
    EXPECT_TRUE(rig_.admin(sqe).ok());
    u64 value;
    std::memcpy(&value, buffer.read().data(), 8);
    return value;
  }

  void set(u64 milliseconds) {
    DmaBuffer buffer(rig_.driver.arena(), 8);
    std::vector<u8> bytes(8);
    std::memcpy(bytes.data(), &milliseconds, 8);
    buffer.write(bytes);
    nvme::Sqe sqe = cmd::set_feature(Feature::kTimestamp, 0);
    sqe.prp1 = buffer.bus();
    EXPECT_TRUE(rig_.admin(sqe).ok());
  }

  static u64 milliseconds(u64 value) { return value & 0xffff'ffff'ffff; }
  static u32 origin(u64 value) { return value >> 49 & 7; }

  Rig rig_;
};

TEST_F(Timestamp, CountsFromReset) {
  const u64 first = get();
  EXPECT_EQ(origin(first), 0u);
  rig_.runner.run_for(5'000'000'000);
  EXPECT_EQ(milliseconds(get()) - milliseconds(first), 5000u);
}

TEST_F(Timestamp, CountsFromWhatWasSet) {
  set(1'700'000'000'000);
  EXPECT_EQ(milliseconds(get()), 1'700'000'000'000u);
  EXPECT_EQ(origin(get()), 1u);
  rig_.runner.run_for(2'500'000'000);
  EXPECT_EQ(milliseconds(get()), 1'700'000'002'500u);
}

TEST_F(Timestamp, ClearedByControllerResetOrKept) {
  set(1'700'000'000'000);
  rig_.driver.disable();
  rig_.start();
  const u64 value = get();
  // Origin tells which of the two it is.
  if (origin(value) == 1) {
    EXPECT_GE(milliseconds(value), 1'700'000'000'000u);
  } else {
    EXPECT_LT(milliseconds(value), 1'000u);
  }
}

}  // namespace
}  // namespace nvmev::test
