// SPDX-License-Identifier: GPL-2.0-only
// Persistent Event log: NVMe 2.0 section 5.16.1.14.
#include <gtest/gtest.h>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::LogPage;
using nvme::PersistentEventAction;
using nvme::PersistentEventHeader;
using nvme::PersistentEventType;
using nvme::Status;

struct Event {
  nvme::PersistentEvent header;
  std::vector<u8> data;

  template <typename T>
  T as() const {
    T value{};
    EXPECT_EQ(data.size(), sizeof(T));
    if (data.size() == sizeof(T)) std::memcpy(&value, data.data(), sizeof(T));
    return value;
  }
};

class PersistentEvents : public testing::Test {
 protected:
  PersistentEvents() { rig_.start(); }

  Driver::Data get(PersistentEventAction action, u32 bytes = 512, u64 offset = 0) {
    return rig_.driver.get_log(LogPage::kPersistentEvents, bytes, offset, false, static_cast<u8>(action));
  }

  // The log as a host reads it: establish, read piece by piece, release.
  std::vector<Event> read() {
    const Driver::Data first = get(PersistentEventAction::kEstablishAndRead);
    EXPECT_TRUE(first.completion.ok());
    std::memcpy(&header_, first.bytes.data(), sizeof(header_));
    std::vector<u8> whole = first.bytes;
    while (whole.size() < header_.length) {
      const Driver::Data next = get(PersistentEventAction::kRead, 4096, whole.size());
      EXPECT_TRUE(next.completion.ok());
      whole.insert(whole.end(), next.bytes.begin(), next.bytes.end());
    }
    whole.resize(header_.length);
    EXPECT_TRUE(get(PersistentEventAction::kRelease).completion.ok());
    std::vector<Event> events;
    size_t at = header_.header_length + 20u;
    while (at < whole.size()) {
      Event event;
      std::memcpy(&event.header, whole.data() + at, sizeof(event.header));
      const size_t data = at + event.header.header_length + 3;
      at = data + event.header.length;
      EXPECT_LE(at, whole.size());
      event.data.assign(whole.begin() + static_cast<long>(data), whole.begin() + static_cast<long>(at));
      events.push_back(event);
    }
    EXPECT_EQ(events.size(), header_.events);
    return events;
  }

  std::vector<Event> of_type(PersistentEventType type) {
    std::vector<Event> found;
    for (const Event& event : read()) {
      if (event.header.type == static_cast<u8>(type)) found.push_back(event);
    }
    return found;
  }

  Rig rig_{{{"serial", "PEL1"}}};
  PersistentEventHeader header_{};
};

TEST_F(PersistentEvents, HeaderDescribesDeviceAndLog) {
  const std::vector<Event> events = read();
  EXPECT_EQ(header_.lid, 0x0d);
  EXPECT_EQ(header_.revision, 3);
  EXPECT_EQ(header_.header_length, 492);
  EXPECT_EQ(std::string(header_.sn, 20), "PEL1                ");
  EXPECT_EQ(header_.power_cycles, 1u);
  const std::vector<u8> id = rig_.driver.identify(nvme::Cns::kController).bytes;
  EXPECT_EQ(std::memcmp(header_.subnqn, id.data() + 768, 256), 0);
  EXPECT_GE(id[352] * 65536u, header_.length) << "PELS";
  for (const Event& event : events) {
    EXPECT_TRUE(header_.supported[event.header.type / 8] >> event.header.type % 8 & 1) << int{event.header.type};
    EXPECT_EQ(event.header.cntlid, 1);
  }
}

TEST_F(PersistentEvents, Contexts) {
  EXPECT_EQ(get(PersistentEventAction::kRead).completion.status, Status::kCommandSequenceError) << "none yet";
  EXPECT_TRUE(get(PersistentEventAction::kRelease).completion.ok()) << "nothing to release";
  ASSERT_TRUE(get(PersistentEventAction::kEstablishAndRead).completion.ok());
  EXPECT_EQ(get(PersistentEventAction::kEstablishAndRead).completion.status, Status::kCommandSequenceError);
  const std::vector<u8> before = get(PersistentEventAction::kRead, 4096).bytes;
  ASSERT_TRUE(rig_.admin(cmd::format(1, 0)).ok());
  EXPECT_EQ(get(PersistentEventAction::kRead, 4096).bytes, before) << "a context does not change";
  ASSERT_TRUE(get(PersistentEventAction::kRelease).completion.ok());
  EXPECT_EQ(get(PersistentEventAction::kRead).completion.status, Status::kCommandSequenceError);
  EXPECT_EQ(get(static_cast<PersistentEventAction>(3)).completion.status, Status::kInvalidField);
  ASSERT_TRUE(get(PersistentEventAction::kEstablishAndRead).completion.ok());
  EXPECT_EQ(get(PersistentEventAction::kRead, 512, 1 << 20).completion.status, Status::kInvalidField);
  rig_.driver.disable();
  rig_.start();
  EXPECT_EQ(get(PersistentEventAction::kRead).completion.status, Status::kCommandSequenceError) << "gone with a reset";
}

TEST_F(PersistentEvents, ContextIsThereIfTheCommandSucceeded) {
  EXPECT_EQ(get(PersistentEventAction::kEstablishAndRead, 512, 1 << 20).completion.status, Status::kInvalidField);
  EXPECT_EQ(get(PersistentEventAction::kRead).completion.status, Status::kCommandSequenceError) << "offset beyond the log";
  nvme::Sqe sqe = cmd::get_log(nvme::LogPage::kPersistentEvents, 0, 512, 3);
  sqe.cdw10 |= static_cast<u32>(PersistentEventAction::kEstablishAndRead) << 8;
  EXPECT_EQ(rig_.admin(sqe).status, Status::kInvalidPrpOffset);
  EXPECT_EQ(get(PersistentEventAction::kRead).completion.status, Status::kCommandSequenceError) << "no memory to read it to";
}

TEST_F(PersistentEvents, PowerOnAndResets) {
  EXPECT_EQ(of_type(PersistentEventType::kPowerOnOrReset).size(), 1u);
  rig_.runner.run_for(7'000'000'000);
  rig_.driver.disable();
  rig_.start();
  const auto starts = of_type(PersistentEventType::kPowerOnOrReset);
  ASSERT_EQ(starts.size(), 2u);
  const auto reset = starts[1].as<nvme::PowerOnOrResetEvent>();
  EXPECT_EQ(reset.cntlid, 1);
  EXPECT_EQ(reset.power_cycle, 1u);
  EXPECT_GE(reset.power_on, 7000u);
  EXPECT_EQ(std::string(reset.revision, 5), NVMEV_VERSION);
  EXPECT_EQ(reset.firmware_activation, 0);
}

TEST_F(PersistentEvents, FormatStartAndCompletion) {
  ASSERT_TRUE(rig_.admin(cmd::format(1, 1)).ok());
  const auto start = of_type(PersistentEventType::kFormatStart);
  ASSERT_EQ(start.size(), 1u);
  EXPECT_EQ(start[0].as<nvme::FormatStartEvent>().nsid, 1u);
  EXPECT_EQ(start[0].as<nvme::FormatStartEvent>().cdw10, 1u);
  const auto end = of_type(PersistentEventType::kFormatCompletion);
  ASSERT_EQ(end.size(), 1u);
  EXPECT_EQ(end[0].as<nvme::FormatCompletionEvent>().status_field, 0u);
  EXPECT_EQ(rig_.admin(cmd::format(1, 10)).status, Status::kInvalidFormat);
  EXPECT_EQ(of_type(PersistentEventType::kFormatStart).size(), 1u) << "refused: never started";
}

TEST_F(PersistentEvents, SanitizeStartAndCompletion) {
  ASSERT_TRUE(rig_.admin(cmd::sanitize(nvme::SanitizeAction::kBlockErase)).ok());
  rig_.runner.run_for(5'000'000'000);
  const auto start = of_type(PersistentEventType::kSanitizeStart);
  ASSERT_EQ(start.size(), 1u);
  EXPECT_EQ(start[0].as<nvme::SanitizeStartEvent>().cdw10, 2u);
  const auto end = of_type(PersistentEventType::kSanitizeCompletion);
  ASSERT_EQ(end.size(), 1u);
  EXPECT_EQ(end[0].as<nvme::SanitizeCompletionEvent>().status & 7, 1);
}

TEST_F(PersistentEvents, TimestampChange) {
  DmaBuffer buffer(rig_.driver.arena(), 8);
  buffer.write({0x00, 0x68, 0xe5, 0xcf, 0x8b, 0x01, 0, 0});  // 1,700,000,000,000
  nvme::Sqe sqe = cmd::set_feature(nvme::Feature::kTimestamp, 0);
  sqe.prp1 = buffer.bus();
  rig_.runner.run_for(3'000'000'000);
  ASSERT_TRUE(rig_.admin(sqe).ok());
  const auto changes = of_type(PersistentEventType::kTimestampChange);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_GE(changes[0].as<nvme::TimestampChangeEvent>().previous, 3000u);
  EXPECT_LT(changes[0].as<nvme::TimestampChangeEvent>().previous, 4000u);
  ASSERT_TRUE(rig_.admin(cmd::format(1, 0)).ok());
  const auto format = of_type(PersistentEventType::kFormatStart);
  ASSERT_EQ(format.size(), 1u);
  EXPECT_EQ(format[0].header.timestamp & 0xffff'ffff'ffff, 1'700'000'000'000u) << "later events carry it";
}

TEST_F(PersistentEvents, NamespacesAndFeaturesAndFirmware) {
  nvme::Sqe sqe = cmd::admin(nvme::AdminOpcode::kNamespaceManagement, 1);
  sqe.cdw10 = 1;
  ASSERT_TRUE(rig_.admin(sqe).ok());
  const auto changes = of_type(PersistentEventType::kChangeNamespace);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].as<nvme::ChangeNamespaceEvent>().nsid, 1u);
  EXPECT_EQ(changes[0].as<nvme::ChangeNamespaceEvent>().cdw10, 1u);
  EXPECT_EQ(changes[0].as<nvme::ChangeNamespaceEvent>().nsze, (64u << 20) / 512);
  const auto create = [&] {
    DmaBuffer buffer(rig_.driver.arena(), 4096);
    std::vector<u8> wanted(4096);
    wanted[0] = wanted[8] = 64;
    wanted[26] = 2;  // FLBAS: 8 bytes of metadata
    wanted[29] = 1;  // DPS
    buffer.write(wanted);
    return rig_.admin(cmd::with_prps(cmd::manage_namespace(0, cmd::kCreateNamespace), Prps(rig_.driver.arena(), buffer))).ok();
  };
  ASSERT_TRUE(create());
  const auto created = of_type(PersistentEventType::kChangeNamespace).back().as<nvme::ChangeNamespaceEvent>();
  EXPECT_EQ(created.cdw10, 0u);
  EXPECT_EQ(created.flbas, 2);
  EXPECT_EQ(created.dps, 1);
  EXPECT_EQ(created.nmic, 0) << "private";
  EXPECT_EQ(created.nvmsetid, 1);

  const size_t before = of_type(PersistentEventType::kSetFeature).size();
  ASSERT_TRUE(rig_.driver.set_feature(nvme::Feature::kArbitration, 3).ok());
  EXPECT_FALSE(rig_.driver.set_feature(nvme::Feature::kArbitration, 8).ok());
  const auto features = of_type(PersistentEventType::kSetFeature);
  ASSERT_EQ(features.size(), before + 1);
  EXPECT_EQ(features.back().as<nvme::SetFeatureEvent>().cdw11, 3u);

  EXPECT_FALSE(rig_.admin(cmd::firmware_commit(nvme::CommitAction::kActivate, 2)).ok());
  const auto commits = of_type(PersistentEventType::kFirmwareCommit);
  ASSERT_EQ(commits.size(), 1u);
  EXPECT_EQ(commits[0].as<nvme::FirmwareCommitEvent>().sct, 1);
  EXPECT_EQ(commits[0].as<nvme::FirmwareCommitEvent>().sc, 7);
}

TEST_F(PersistentEvents, SmartSnapshots) {
  ASSERT_TRUE(rig_.driver.write(0, pattern(4096, 1)).ok());
  const auto snapshots = of_type(PersistentEventType::kSmartSnapshot);
  ASSERT_GE(snapshots.size(), 2u) << "at power-on, and with the context";
  EXPECT_EQ(snapshots.front().as<nvme::SmartLog>().host_writes.low, 0u);
  EXPECT_EQ(snapshots.back().as<nvme::SmartLog>().host_writes.low, 1u);
}

TEST_F(PersistentEvents, SmartSnapshotEveryDay) {
  constexpr u64 kHour = 3600ull * 1'000'000'000;
  const size_t before = of_type(PersistentEventType::kSmartSnapshot).size();
  for (u32 hours = 0; hours < 49; hours++) {
    rig_.runner.run_for(kHour);
    ASSERT_TRUE(rig_.driver.get_feature(nvme::Feature::kArbitration).ok());
  }
  EXPECT_EQ(of_type(PersistentEventType::kSmartSnapshot).size(), before + 3) << "two days, and the context";
}

TEST_F(PersistentEvents, TheOldestMakeRoom) {
  for (u32 i = 0; i < 2000; i++) ASSERT_TRUE(rig_.driver.set_feature(nvme::Feature::kArbitration, i << 24).ok());
  const std::vector<Event> events = read();
  EXPECT_GT(events.size(), 500u);
  EXPECT_LT(events.size(), 2000u);
  u32 last = 0;
  for (const Event& event : events) {
    if (event.header.type == static_cast<u8>(PersistentEventType::kSetFeature)) last = event.as<nvme::SetFeatureEvent>().cdw11;
  }
  EXPECT_EQ(last, 1999u << 24);
}

}  // namespace
}  // namespace nvmev::test
