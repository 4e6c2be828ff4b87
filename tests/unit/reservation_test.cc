// SPDX-License-Identifier: GPL-2.0-only
// Reservations: NVMe 2.0 section 8.19.
#include <gtest/gtest.h>

#include "host/pair.h"
#include "nvmev/nvme/reservation.h"

namespace nvmev::test {
namespace {

using nvme::AcquireAction;
using nvme::AdminOpcode;
using nvme::Feature;
using nvme::LogPage;
using nvme::NvmOpcode;
using nvme::RegisterAction;
using nvme::ReleaseAction;
using nvme::ReservationNoticeType;
using nvme::ReservationType;
using nvme::Status;

constexpr u32 kIgnoreKey = 1u << 3;
constexpr u32 kClearPersistence = 2u << 30, kSetPersistence = 3u << 30;
constexpr u32 kEvent = 0x80'00'06;
constexpr u64 kFirstKey = 0x1111, kSecondKey = 0x2222;
constexpr ReservationType kTypes[] = {
    ReservationType::kWriteExclusive,
    ReservationType::kExclusiveAccess,
    ReservationType::kWriteExclusiveRegistrants,
    ReservationType::kExclusiveAccessRegistrants,
    ReservationType::kWriteExclusiveAllRegistrants,
    ReservationType::kExclusiveAccessAllRegistrants,
};

struct Report {
  nvme::ReservationStatus status;
  std::vector<nvme::RegisteredController> entries;
};

// Hosts 1 and 2 at controllers 1 and 2.
class Reservation : public testing::Test {
 protected:
  explicit Reservation(Settings settings = {}) : pair_(std::move(settings)) {
    pair_.start(2);
    EXPECT_TRUE(set_host(first_, 1).ok());
    EXPECT_TRUE(set_host(second_, 2).ok());
  }

  static Completion set_host(Driver& driver, u64 low, bool extended = false, u64 high = 0) {
    DmaBuffer buffer(driver.arena(), 16);
    std::vector<u8> data(16);
    std::memcpy(&data[0], &low, 8);
    std::memcpy(&data[8], &high, 8);
    buffer.write(data);
    nvme::Sqe sqe = cmd::set_feature(Feature::kHostIdentifier, extended);
    sqe.prp1 = buffer.bus();
    return driver.admin(sqe);
  }
  static Completion send(Driver& driver, NvmOpcode opcode, u32 cdw10, u64 key, u64 other = 0) {
    DmaBuffer buffer(driver.arena(), 16);
    std::vector<u8> data(16);
    std::memcpy(&data[0], &key, 8);
    std::memcpy(&data[8], &other, 8);
    buffer.write(data);
    nvme::Sqe sqe = cmd::io(opcode, 0, 1);
    sqe.cdw10 = cdw10;
    sqe.cdw12 = 0;
    sqe.prp1 = buffer.bus();
    return driver.run(1, sqe);
  }
  static Status register_key(Driver& driver, u64 key, u32 rest = 0) {
    return send(driver, NvmOpcode::kReservationRegister, static_cast<u32>(RegisterAction::kRegister) | rest, 0, key).status;
  }
  static Status unregister(Driver& driver, u64 key, u32 rest = 0) {
    return send(driver, NvmOpcode::kReservationRegister, static_cast<u32>(RegisterAction::kUnregister) | rest, key).status;
  }
  static Status replace(Driver& driver, u64 key, u64 fresh, u32 rest = 0) {
    return send(driver, NvmOpcode::kReservationRegister, static_cast<u32>(RegisterAction::kReplace) | rest, key, fresh).status;
  }
  static Status acquire(Driver& driver, ReservationType type, u64 key, u64 preempted = 0,
                        AcquireAction action = AcquireAction::kAcquire) {
    const u32 cdw10 = static_cast<u32>(action) | static_cast<u32>(type) << 8;
    return send(driver, NvmOpcode::kReservationAcquire, cdw10, key, preempted).status;
  }
  static Status release(Driver& driver, ReservationType type, u64 key, ReleaseAction action = ReleaseAction::kRelease) {
    return send(driver, NvmOpcode::kReservationRelease, static_cast<u32>(action) | static_cast<u32>(type) << 8, key).status;
  }
  static Completion report(Driver& driver, std::vector<u8>* bytes, bool extended) {
    DmaBuffer buffer(driver.arena(), bytes->size());
    buffer.fill(0xee);
    nvme::Sqe sqe = cmd::io(NvmOpcode::kReservationReport, 0, 1);
    sqe.cdw10 = static_cast<u32>(bytes->size() / 4 - 1);
    sqe.cdw11 = extended;
    sqe.cdw12 = 0;
    sqe.prp1 = buffer.bus();
    const Completion completion = driver.run(1, sqe);
    *bytes = buffer.read();
    return completion;
  }
  static Report report(Driver& driver) {
    std::vector<u8> bytes(1024);
    Report result{};
    EXPECT_TRUE(report(driver, &bytes, false).ok());
    std::memcpy(&result.status, bytes.data(), sizeof(result.status));
    result.entries.resize(result.status.controllers);
    for (size_t i = 0; i < result.entries.size(); i++) {
      std::memcpy(&result.entries[i], &bytes[24 + 24 * i], 24);
    }
    return result;
  }
  ReservationType type() { return static_cast<ReservationType>(report(first_).status.type); }
  static nvme::ReservationNoticeLog notice(Driver& driver) {
    return driver.log<nvme::ReservationNoticeLog>(LogPage::kReservationNotice);
  }
  // Forgets all registrations, and what was told of it.
  void clear() {
    ASSERT_EQ(replace(first_, 0, kFirstKey, kIgnoreKey), Status::kSuccess);
    ASSERT_EQ(release(first_, ReservationType::kNone, kFirstKey, ReleaseAction::kClear), Status::kSuccess);
    for (Driver* driver : {&first_, &second_}) {
      while (notice(*driver).type != 0) {
      }
    }
  }

  Pair pair_;
  Driver& first_ = pair_.first;
  Driver& second_ = pair_.second;
};

TEST_F(Reservation, IdentifyTellsOfThem) {
  EXPECT_EQ(first_.identify(nvme::Cns::kNamespace, 1).bytes[31], 0xff) << "RESCAP";
  EXPECT_EQ(first_.identify(nvme::Cns::kIndependentNamespace, 1).bytes[2], 0xff);
  const std::vector<u8> controller = first_.identify(nvme::Cns::kController).bytes;
  EXPECT_NE(controller[520] & 1u << 5, 0u) << "ONCS";
  EXPECT_NE(controller[96] & 1, 0) << "CTRATT: identifiers of 128 bits";
}

TEST_F(Reservation, HostIdentifier) {
  EXPECT_TRUE(set_host(first_, 1).ok()) << "the same again";
  EXPECT_EQ(set_host(first_, 3).status, Status::kCommandSequenceError);
  first_.disable();
  ASSERT_TRUE(first_.enable());
  EXPECT_EQ(set_host(first_, 3, true, 4).status, Status::kHostIdInconsistentFormat) << "the other has one of 64 bits";
  second_.disable();
  ASSERT_TRUE(second_.enable());
  EXPECT_TRUE(set_host(first_, 3, true, 4).ok());
  DmaBuffer buffer(first_.arena(), 16);
  nvme::Sqe sqe = cmd::get_feature(Feature::kHostIdentifier, nvme::FeatureSelect::kCurrent, 1);
  sqe.prp1 = buffer.bus();
  ASSERT_TRUE(first_.admin(sqe).ok());
  const std::vector<u8> expected = {3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(buffer.read(), expected);
  EXPECT_EQ(set_host(second_, 1).status, Status::kHostIdInconsistentFormat);
}

TEST_F(Reservation, Registration) {
  const u32 generation = report(first_).status.generation;
  ASSERT_EQ(register_key(first_, kFirstKey), Status::kSuccess);
  EXPECT_EQ(register_key(first_, kFirstKey), Status::kSuccess) << "the same key";
  EXPECT_EQ(register_key(first_, 5), Status::kReservationConflict) << "another key";
  EXPECT_EQ(register_key(second_, kSecondKey), Status::kSuccess);
  Report now = report(second_);
  EXPECT_EQ(now.status.generation, generation + 3);
  EXPECT_EQ(now.status.type, 0);
  ASSERT_EQ(now.entries.size(), 2u);
  EXPECT_EQ(now.entries[0].cntlid, 1);
  EXPECT_EQ(u64{now.entries[0].host}, 1u);
  EXPECT_EQ(u64{now.entries[0].key}, kFirstKey);
  EXPECT_EQ(now.entries[0].status, 0);
  EXPECT_EQ(now.entries[1].cntlid, 2);
  EXPECT_EQ(u64{now.entries[1].key}, kSecondKey);

  EXPECT_EQ(replace(first_, 5, 6), Status::kReservationConflict);
  EXPECT_EQ(replace(first_, kFirstKey, 6), Status::kSuccess);
  EXPECT_EQ(replace(first_, 0, 7, kIgnoreKey), Status::kSuccess);
  EXPECT_EQ(u64{report(first_).entries[0].key}, 7u);
  EXPECT_EQ(unregister(first_, 6), Status::kReservationConflict);
  EXPECT_EQ(unregister(first_, 7), Status::kSuccess);
  EXPECT_EQ(unregister(first_, 7), Status::kReservationConflict) << "is none any more";
  EXPECT_EQ(unregister(second_, 0, kIgnoreKey), Status::kSuccess);
  EXPECT_TRUE(report(first_).entries.empty());
  EXPECT_EQ(replace(first_, 0, 8, kIgnoreKey), Status::kSuccess) << "whether registered or not";
  EXPECT_EQ(report(first_).entries.size(), 1u);
}

TEST_F(Reservation, TwoControllersOfOneHost) {
  second_.disable();
  ASSERT_TRUE(second_.enable());
  second_.create_queue_pair(1, 64);
  ASSERT_TRUE(set_host(second_, 1).ok());
  ASSERT_EQ(register_key(first_, kFirstKey), Status::kSuccess);
  EXPECT_EQ(report(first_).entries.size(), 2u) << "both controllers are the host's";
  ASSERT_EQ(acquire(second_, ReservationType::kExclusiveAccess, kFirstKey), Status::kSuccess);
  EXPECT_TRUE(first_.write(0, pattern(512, 1)).ok());
  EXPECT_TRUE(second_.write(0, pattern(512, 1)).ok());
}

TEST_F(Reservation, MalformedCommands) {
  ASSERT_EQ(register_key(first_, kFirstKey), Status::kSuccess);
  const struct {
    const char* what;
    NvmOpcode opcode;
    u32 cdw10;
  } cases[] = {
      {"register action 3", NvmOpcode::kReservationRegister, 3},
      {"CPTPL 1", NvmOpcode::kReservationRegister, 1u << 30},
      {"acquire action 3", NvmOpcode::kReservationAcquire, 3 | 1u << 8},
      {"type 0", NvmOpcode::kReservationAcquire, 0},
      {"type 7", NvmOpcode::kReservationAcquire, 7u << 8},
      {"IEKEY of Acquire", NvmOpcode::kReservationAcquire, kIgnoreKey | 1u << 8},
      {"release action 2", NvmOpcode::kReservationRelease, 2 | 1u << 8},
      {"type 0 to release", NvmOpcode::kReservationRelease, 0},
      {"IEKEY of Release", NvmOpcode::kReservationRelease, kIgnoreKey | 1u << 8},
  };
  for (const auto& c : cases) EXPECT_EQ(send(first_, c.opcode, c.cdw10, kFirstKey).status, Status::kInvalidField) << c.what;
  nvme::Sqe sqe = cmd::io(NvmOpcode::kReservationRegister, 0, 1, 7);
  EXPECT_EQ(first_.run(1, sqe).status, Status::kInvalidNamespaceOrFormat);
  sqe = cmd::io(NvmOpcode::kReservationRegister, 0, 1);
  sqe.cdw10 = sqe.cdw12 = 0;
  sqe.prp1 = 1ull << 60;
  EXPECT_EQ(first_.run(1, sqe).status, Status::kDataTransferError);
  EXPECT_EQ(report(first_).entries.size(), 1u) << "nothing has changed";
}

TEST_F(Reservation, AcquireAndRelease) {
  for (const ReservationType one : kTypes) {
    SCOPED_TRACE(static_cast<int>(one));
    const bool all = one >= ReservationType::kWriteExclusiveAllRegistrants;
    clear();
    EXPECT_EQ(acquire(first_, one, kFirstKey), Status::kReservationConflict) << "not registered";
    ASSERT_EQ(register_key(first_, kFirstKey), Status::kSuccess);
    ASSERT_EQ(register_key(second_, kSecondKey), Status::kSuccess);
    EXPECT_EQ(acquire(first_, one, 5), Status::kReservationConflict) << "another key";
    const u32 generation = report(first_).status.generation;
    ASSERT_EQ(acquire(first_, one, kFirstKey), Status::kSuccess);
    EXPECT_EQ(report(first_).status.generation, generation);
    EXPECT_EQ(acquire(first_, one, kFirstKey), Status::kSuccess) << "held already";
    EXPECT_EQ(type(), one);
    const std::vector<nvme::RegisteredController> entries = report(second_).entries;
    EXPECT_EQ(entries[0].status, 1);
    EXPECT_EQ(entries[1].status, all ? 1 : 0) << "holders";
    for (const ReservationType other : kTypes) {
      if (other == one) continue;
      EXPECT_EQ(acquire(first_, other, kFirstKey), Status::kReservationConflict);
      EXPECT_EQ(acquire(second_, other, kSecondKey), Status::kReservationConflict);
      EXPECT_EQ(release(first_, other, kFirstKey), Status::kInvalidField) << "another type";
    }
    EXPECT_EQ(acquire(second_, one, kSecondKey), all ? Status::kSuccess : Status::kReservationConflict);
    EXPECT_EQ(release(first_, one, 5), Status::kReservationConflict);
    if (!all) {
      EXPECT_EQ(release(second_, one, kSecondKey), Status::kSuccess) << "not its own: nothing to do";
      EXPECT_EQ(type(), one);
    }
    EXPECT_EQ(release(all ? second_ : first_, one, all ? kSecondKey : kFirstKey), Status::kSuccess);
    EXPECT_EQ(type(), ReservationType::kNone);
    EXPECT_EQ(release(first_, one, kFirstKey), Status::kSuccess) << "there is none";
  }
}

// Every command, under every type, of the holder, of another registrant, and of a host that is none.
TEST_F(Reservation, WhatIsKeptOut) {
  const auto dsm = [](Driver& driver) { return driver.deallocate({{0, 1, 0}}).status; };
  const struct {
    const char* name;
    bool writes;
    std::function<Status(Driver&)> run;
  } commands[] = {
      {"Read", false, [](Driver& d) { return d.read(0, 8).completion.status; }},
      {"Compare", false, [](Driver& d) { return d.compare(0, std::vector<u8>(4096, 0)).status; }},
      {"Verify", false, [](Driver& d) { return d.run(1, cmd::io(NvmOpcode::kVerify, 0, 8)).status; }},
      {"Write", true, [](Driver& d) { return d.write(0, std::vector<u8>(4096, 0)).status; }},
      {"Write Zeroes", true, [](Driver& d) { return d.run(1, cmd::write_zeroes(0, 8)).status; }},
      {"Flush", true, [](Driver& d) { return d.run(1, cmd::flush()).status; }},
      {"Dataset Management", true, dsm},
      {"Write Uncorrectable", true, [](Driver& d) { return d.run(1, cmd::io(NvmOpcode::kWriteUncorrectable, 99, 1)).status; }},
      {"Format NVM", true, [](Driver& d) { return d.admin(cmd::format(1, 0)).status; }},
      {"Sanitize", true, [](Driver& d) {
         const Status status = d.admin(cmd::sanitize(nvme::SanitizeAction::kBlockErase)).status;
         static_cast<ManualRunner&>(d.runner()).run_for(20'000'000'000);
         return status;
       }},
  };
  enum Role { kHolder, kRegistrant, kNone };
  for (const ReservationType one : kTypes) {
    for (const Role role : {kHolder, kRegistrant, kNone}) {
      SCOPED_TRACE("type " + std::to_string(static_cast<int>(one)) + " role " + std::to_string(role));
      clear();
      ASSERT_EQ(register_key(first_, kFirstKey), Status::kSuccess);
      ASSERT_EQ(acquire(first_, one, kFirstKey), Status::kSuccess);
      if (role == kRegistrant) {
        ASSERT_EQ(register_key(second_, kSecondKey), Status::kSuccess);
      }
      Driver& driver = role == kHolder ? first_ : second_;
      const bool for_registrants = one >= ReservationType::kWriteExclusiveRegistrants;
      const bool keeps_readers_out = static_cast<u8>(one) % 2 == 0;
      for (const auto& command : commands) {
        SCOPED_TRACE(command.name);
        const bool in = role == kHolder || (role == kRegistrant && for_registrants) || (!command.writes && !keeps_readers_out);
        EXPECT_EQ(command.run(driver), in ? Status::kSuccess : Status::kReservationConflict);
      }
    }
  }
  EXPECT_EQ(pair_.runner.fault(), "");
}

TEST_F(Reservation, ARefusedWriteWritesNothing) {
  ASSERT_TRUE(first_.write(0, pattern(4096, 1)).ok());
  ASSERT_EQ(register_key(first_, kFirstKey), Status::kSuccess);
  ASSERT_EQ(acquire(first_, ReservationType::kWriteExclusive, kFirstKey), Status::kSuccess);
  EXPECT_EQ(second_.write(0, pattern(4096, 2)).status, Status::kReservationConflict);
  EXPECT_EQ(second_.read(0, 8).bytes, pattern(4096, 1));
}

TEST_F(Reservation, UnregisteringReleases) {
  for (const ReservationType one : kTypes) {
    SCOPED_TRACE(static_cast<int>(one));
    const bool all = one >= ReservationType::kWriteExclusiveAllRegistrants;
    const bool told = one >= ReservationType::kWriteExclusiveRegistrants && !all;
    clear();
    ASSERT_EQ(register_key(first_, kFirstKey), Status::kSuccess);
    ASSERT_EQ(register_key(second_, kSecondKey), Status::kSuccess);
    ASSERT_EQ(acquire(first_, one, kFirstKey), Status::kSuccess);
    ASSERT_EQ(unregister(first_, kFirstKey), Status::kSuccess);
    EXPECT_EQ(type(), all ? one : ReservationType::kNone);
    EXPECT_EQ(notice(second_).type, told ? static_cast<u8>(ReservationNoticeType::kReservationReleased) : 0);
    ASSERT_EQ(unregister(second_, kSecondKey), Status::kSuccess);
    EXPECT_EQ(type(), ReservationType::kNone) << "the last registrant";
  }
}

TEST_F(Reservation, Preempt) {
  for (const AcquireAction action : {AcquireAction::kPreempt, AcquireAction::kPreemptAndAbort}) {
    clear();
    ASSERT_EQ(register_key(first_, kFirstKey), Status::kSuccess);
    ASSERT_EQ(register_key(second_, kSecondKey), Status::kSuccess);
    ASSERT_EQ(acquire(first_, ReservationType::kWriteExclusive, kFirstKey), Status::kSuccess);
    const ReservationType fresh = ReservationType::kExclusiveAccess;
    EXPECT_EQ(acquire(second_, fresh, kSecondKey, 77, action), Status::kReservationConflict) << "nobody has that key";
    EXPECT_EQ(acquire(second_, fresh, kSecondKey, 0, action), Status::kInvalidField);
    EXPECT_EQ(acquire(second_, fresh, 5, kFirstKey, action), Status::kReservationConflict) << "not its own key";
    EXPECT_EQ(type(), ReservationType::kWriteExclusive);
    const u32 generation = report(first_).status.generation;
    ASSERT_EQ(acquire(second_, fresh, kSecondKey, kFirstKey, action), Status::kSuccess);
    const Report now = report(first_);
    EXPECT_EQ(now.status.generation, generation + 1);
    EXPECT_EQ(now.status.type, static_cast<u8>(fresh));
    ASSERT_EQ(now.entries.size(), 1u) << "the host that was preempted is registered no more";
    EXPECT_EQ(now.entries[0].cntlid, 2);
    EXPECT_EQ(now.entries[0].status, 1);
    EXPECT_EQ(notice(first_).type, static_cast<u8>(ReservationNoticeType::kRegistrationPreempted));
    EXPECT_EQ(first_.read(0, 1).completion.status, Status::kReservationConflict);
    ASSERT_EQ(acquire(second_, ReservationType::kWriteExclusive, kSecondKey, kSecondKey, action), Status::kSuccess)
        << "its own reservation";
    EXPECT_EQ(report(second_).entries.size(), 1u);
    EXPECT_TRUE(first_.read(0, 1).completion.ok());
  }
}

TEST_F(Reservation, PreemptARegistrantThatHoldsNothing) {
  ASSERT_EQ(register_key(first_, kFirstKey), Status::kSuccess);
  ASSERT_EQ(register_key(second_, kSecondKey), Status::kSuccess);
  ASSERT_EQ(acquire(first_, ReservationType::kWriteExclusiveRegistrants, kFirstKey), Status::kSuccess);
  EXPECT_EQ(acquire(first_, ReservationType::kExclusiveAccess, kFirstKey, kSecondKey, AcquireAction::kPreempt),
            Status::kSuccess);
  EXPECT_EQ(type(), ReservationType::kWriteExclusiveRegistrants) << "the reservation stays as it is";
  EXPECT_EQ(report(first_).entries.size(), 1u);
}

TEST_F(Reservation, PreemptOfAllRegistrants) {
  ASSERT_EQ(register_key(first_, kFirstKey), Status::kSuccess);
  ASSERT_EQ(register_key(second_, kSecondKey), Status::kSuccess);
  ASSERT_EQ(acquire(first_, ReservationType::kWriteExclusiveAllRegistrants, kFirstKey), Status::kSuccess);
  EXPECT_EQ(acquire(second_, ReservationType::kWriteExclusive, kSecondKey, 0, AcquireAction::kPreempt), Status::kSuccess);
  EXPECT_EQ(type(), ReservationType::kWriteExclusive);
  const Report now = report(second_);
  ASSERT_EQ(now.entries.size(), 1u);
  EXPECT_EQ(now.entries[0].cntlid, 2);
}

TEST_F(Reservation, ClearTellsOthers) {
  ASSERT_EQ(register_key(first_, kFirstKey), Status::kSuccess);
  ASSERT_EQ(register_key(second_, kSecondKey), Status::kSuccess);
  ASSERT_EQ(acquire(first_, ReservationType::kExclusiveAccess, kFirstKey), Status::kSuccess);
  EXPECT_EQ(release(second_, ReservationType::kNone, 5, ReleaseAction::kClear), Status::kReservationConflict);
  ASSERT_EQ(release(second_, ReservationType::kNone, kSecondKey, ReleaseAction::kClear), Status::kSuccess);
  EXPECT_EQ(type(), ReservationType::kNone);
  EXPECT_TRUE(report(first_).entries.empty());
  EXPECT_EQ(notice(first_).type, static_cast<u8>(ReservationNoticeType::kReservationPreempted));
  EXPECT_EQ(notice(second_).type, 0) << "it knows";
}

TEST_F(Reservation, NoticesAreEventsInOrder) {
  const u16 event = second_.submit(0, cmd::async_event());
  for (const u64 key : {kFirstKey, kFirstKey}) {
    ASSERT_EQ(register_key(first_, key), Status::kSuccess);
    ASSERT_EQ(register_key(second_, kSecondKey), Status::kSuccess);
    ASSERT_EQ(acquire(first_, ReservationType::kWriteExclusiveRegistrants, key), Status::kSuccess);
    ASSERT_EQ(release(first_, ReservationType::kWriteExclusiveRegistrants, key), Status::kSuccess);
  }
  pair_.runner.settle();
  second_.reap();
  const auto completion = second_.take(0, event);
  ASSERT_TRUE(completion.has_value());
  EXPECT_EQ(completion->dw0, kEvent);
  const u16 next = second_.submit(0, cmd::async_event());
  nvme::ReservationNoticeLog log = notice(second_);
  EXPECT_EQ(log.count, 1u);
  EXPECT_EQ(log.available, 1);
  EXPECT_EQ(log.nsid, 1u);
  EXPECT_EQ(log.type, static_cast<u8>(ReservationNoticeType::kReservationReleased));
  pair_.runner.settle();
  second_.reap();
  EXPECT_TRUE(second_.take(0, next).has_value()) << "there is another";
  log = notice(second_);
  EXPECT_EQ(log.count, 2u);
  EXPECT_EQ(log.available, 0);
  EXPECT_EQ(notice(second_).type, 0) << "empty";
}

TEST_F(Reservation, NoticesCanBeMasked) {
  nvme::Sqe sqe = cmd::set_feature(Feature::kReservationNoticeMask, 1u << 2);
  sqe.nsid = 1;
  ASSERT_TRUE(second_.admin(sqe).ok());
  sqe = cmd::get_feature(Feature::kReservationNoticeMask);
  sqe.nsid = 1;
  EXPECT_EQ(second_.admin(sqe).dw0, 1u << 2);
  EXPECT_EQ(first_.admin(sqe).dw0, 0u) << "each controller's own";
  ASSERT_EQ(register_key(first_, kFirstKey), Status::kSuccess);
  ASSERT_EQ(register_key(second_, kSecondKey), Status::kSuccess);
  ASSERT_EQ(acquire(first_, ReservationType::kWriteExclusiveRegistrants, kFirstKey), Status::kSuccess);
  ASSERT_EQ(release(first_, ReservationType::kWriteExclusiveRegistrants, kFirstKey), Status::kSuccess);
  EXPECT_EQ(notice(second_).type, 0);
  sqe = cmd::set_feature(Feature::kReservationNoticeMask, 1);
  sqe.nsid = 1;
  EXPECT_EQ(second_.admin(sqe).status, Status::kInvalidField);
}

TEST_F(Reservation, ReportIsCutOrShorter) {
  ASSERT_EQ(register_key(first_, kFirstKey), Status::kSuccess);
  for (const size_t size : {4, 24, 28, 48, 52, 4096}) {
    std::vector<u8> bytes(size);
    ASSERT_TRUE(report(first_, &bytes, false).ok());
    for (size_t at = 48; at < size; at++) ASSERT_EQ(bytes[at], 0xee) << at << ": nothing is transferred beyond it";
  }
  std::vector<u8> bytes(64);
  EXPECT_EQ(report(first_, &bytes, true).status, Status::kHostIdInconsistentFormat);
}

TEST(ReservationExtended, HostIdentifiersOf128Bits) {
  Rig rig;
  rig.start();
  DmaBuffer buffer(rig.driver.arena(), 256);
  std::vector<u8> data(256);
  for (u8 i = 0; i < 16; i++) data[i] = static_cast<u8>(i + 1);
  buffer.write(data);
  nvme::Sqe sqe = cmd::set_feature(Feature::kHostIdentifier, 1);
  sqe.prp1 = buffer.bus();
  ASSERT_TRUE(rig.admin(sqe).ok());
  sqe = cmd::io(NvmOpcode::kReservationRegister, 0, 1);
  sqe.cdw10 = sqe.cdw12 = 0;
  sqe.prp1 = buffer.bus();
  ASSERT_TRUE(rig.io(sqe).ok());
  sqe = cmd::io(NvmOpcode::kReservationReport, 0, 1);
  sqe.cdw10 = 256 / 4 - 1;
  sqe.prp1 = buffer.bus();
  sqe.cdw11 = sqe.cdw12 = 0;
  EXPECT_EQ(rig.io(sqe).status, Status::kHostIdInconsistentFormat);
  sqe.cdw11 = 1;
  ASSERT_TRUE(rig.io(sqe).ok());
  const std::vector<u8> report = buffer.read();
  EXPECT_EQ(report[5], 1) << "REGCTL";
  nvme::RegisteredControllerExtended entry;
  std::memcpy(&entry, &report[64], sizeof(entry));
  EXPECT_EQ(entry.cntlid, 1);
  EXPECT_EQ(u64{entry.key}, 0x100f'0e0d'0c0b'0a09u);
  EXPECT_TRUE(std::equal(entry.host, entry.host + 16, data.begin()));
}

TEST_F(Reservation, SurvivesAResetOfItsControllerWithAnIdentifier) {
  ASSERT_EQ(register_key(first_, kFirstKey), Status::kSuccess);
  ASSERT_EQ(acquire(first_, ReservationType::kWriteExclusive, kFirstKey), Status::kSuccess);
  first_.disable();
  EXPECT_EQ(second_.write(0, pattern(512, 1)).status, Status::kReservationConflict);
  const Report now = report(second_);
  ASSERT_EQ(now.entries.size(), 1u);
  EXPECT_EQ(now.entries[0].cntlid, 0xffff) << "its host has no controller now";
  ASSERT_TRUE(first_.enable());
  first_.create_queue_pair(1, 64);
  EXPECT_EQ(first_.write(0, pattern(512, 1)).status, Status::kReservationConflict) << "unknown without its identifier";
  ASSERT_TRUE(set_host(first_, 1).ok());
  EXPECT_TRUE(first_.write(0, pattern(512, 1)).ok());
}

TEST(ReservationAnonymous, EndsWithAReset) {
  Pair pair;
  pair.start();
  DmaBuffer buffer(pair.first.arena(), 16);
  nvme::Sqe sqe = cmd::io(NvmOpcode::kReservationRegister, 0, 1);
  sqe.cdw10 = sqe.cdw12 = 0;
  sqe.prp1 = buffer.bus();
  ASSERT_TRUE(pair.first.run(1, sqe).ok());
  sqe.opcode = static_cast<u8>(NvmOpcode::kReservationAcquire);
  sqe.cdw10 = 1u << 8;
  ASSERT_TRUE(pair.first.run(1, sqe).ok());
  EXPECT_EQ(pair.second.write(0, pattern(512, 1)).status, Status::kReservationConflict) << "another host";
  pair.first.disable();
  EXPECT_TRUE(pair.second.write(0, pattern(512, 1)).ok());
}

TEST_F(Reservation, PersistsThroughPowerLossIfItIsToldTo) {
  for (const bool persists : {false, true}) {
    TestHost host;
    const nvmev_config config = make_config(Pair::with_controllers({}));
    {
      Device device(host, config);
      ManualRunner runner(device);
      Driver driver(device, runner);
      ASSERT_TRUE(driver.enable());
      driver.create_queue_pair(1, 64);
      ASSERT_TRUE(set_host(driver, 1).ok());
      ASSERT_EQ(register_key(driver, kFirstKey, persists ? kSetPersistence : kClearPersistence), Status::kSuccess);
      EXPECT_EQ(report(driver).status.persists, persists);
      nvme::Sqe sqe = cmd::get_feature(Feature::kReservationPersistence);
      sqe.nsid = 1;
      EXPECT_EQ(driver.admin(sqe).dw0, persists ? 1u : 0u);
      ASSERT_EQ(acquire(driver, ReservationType::kExclusiveAccess, kFirstKey), Status::kSuccess);
      driver.disable();
      nvmev_error error{};
      ASSERT_EQ(nvmev_dev_save(device.get(), runner.now(), &error), 0) << error.text;
    }
    Device device(host, config);
    nvmev_error error{};
    ASSERT_EQ(nvmev_dev_load(device.get(), &error), 0) << error.text;
    ManualRunner runner(device);
    Driver driver(device, runner, 1);
    ASSERT_TRUE(driver.enable());
    driver.create_queue_pair(1, 64);
    EXPECT_EQ(driver.read(0, 1).completion.status, persists ? Status::kReservationConflict : Status::kSuccess);
    ASSERT_TRUE(set_host(driver, 1).ok());
    EXPECT_TRUE(driver.read(0, 1).completion.ok());
  }
}

TEST_F(Reservation, FeaturePersistence) {
  nvme::Sqe sqe = cmd::set_feature(Feature::kReservationPersistence, 1);
  sqe.nsid = nvme::kNsidBroadcast;
  ASSERT_TRUE(first_.admin(sqe).ok());
  EXPECT_EQ(report(second_).status.persists, 1);
  sqe.cdw11 = 2;
  EXPECT_EQ(first_.admin(sqe).status, Status::kInvalidField);
}

// A write that was let through before a Preempt and Abort has moved its data when that is complete, and its completion is there.
TEST_F(Reservation, PreemptAndAbortEndsWritesUnderWay) {
  ASSERT_EQ(register_key(first_, kFirstKey), Status::kSuccess);
  ASSERT_EQ(register_key(second_, kSecondKey), Status::kSuccess);
  ASSERT_EQ(acquire(first_, ReservationType::kWriteExclusive, kFirstKey), Status::kSuccess);
  DmaBuffer buffer(first_.arena(), 4096);
  buffer.write(pattern(4096, 1));
  const Prps prps(first_.arena(), buffer);
  const u16 write = first_.submit(1, cmd::with_prps(cmd::write(0, 8), prps));
  pair_.runner.dispatch(0);  // fetched, not carried out
  DmaBuffer keys(second_.arena(), 16);
  std::vector<u8> data(16);
  std::memcpy(&data[0], &kSecondKey, 8);
  std::memcpy(&data[8], &kFirstKey, 8);
  keys.write(data);
  nvme::Sqe sqe = cmd::io(NvmOpcode::kReservationAcquire, 0, 1);
  sqe.cdw10 = static_cast<u32>(AcquireAction::kPreemptAndAbort) | 1u << 8;
  sqe.cdw12 = 0;
  sqe.prp1 = keys.bus();
  ASSERT_TRUE(second_.run(1, sqe).ok());
  EXPECT_EQ(second_.read(0, 8).bytes, pattern(4096, 1));
  first_.reap();
  const auto ended = first_.take(1, write);
  ASSERT_TRUE(ended.has_value()) << "before its time";
  EXPECT_EQ(ended->status, Status::kAbortRequested);
  EXPECT_EQ(first_.write(0, pattern(4096, 2)).status, Status::kReservationConflict);
}

// Of the host that is preempted, in that namespace, and of no other.
TEST_F(Reservation, PreemptAndAbortEndsWhatIsMeant) {
  Pair pair({{"namespaces", "nvm:16M:read_time=1000000000,nvm:16M:read_time=1000000000"}, {"capacity", "32M"}, {"queues", "2"}}, 2);
  pair.start(2);
  const auto with_keys = [&](Driver& driver, NvmOpcode opcode, u32 action, u64 current, u64 other) {
    DmaBuffer keys(driver.arena(), 16);
    std::vector<u8> data(16);
    std::memcpy(&data[0], &current, 8);
    std::memcpy(&data[8], &other, 8);
    keys.write(data);
    nvme::Sqe sqe = cmd::io(opcode, 0, 1);
    sqe.cdw12 = 0;
    sqe.cdw10 = action;
    sqe.prp1 = keys.bus();
    return driver.run(1, sqe).status;
  };
  ASSERT_EQ(with_keys(pair.first, NvmOpcode::kReservationRegister, 0, 0, kFirstKey), Status::kSuccess);
  ASSERT_EQ(with_keys(pair.second, NvmOpcode::kReservationRegister, 0, 0, kSecondKey), Status::kSuccess);
  DmaBuffer buffer(pair.first.arena(), 4096);
  const Prps prps(pair.first.arena(), buffer);
  struct Read {
    Driver& driver;
    u16 queue;
    u32 nsid;
    u16 cid = 0;
  } reads[] = {{pair.first, 1, 1}, {pair.first, 2, 1}, {pair.first, 1, 2}, {pair.first, 2, 2}, {pair.second, 1, 1}, {pair.second, 2, 1}};
  for (Read& read : reads) {
    read.cid = read.driver.submit(read.queue, cmd::with_prps(cmd::io(NvmOpcode::kRead, 0, 8, read.nsid), prps));
  }
  const u16 zeroes = pair.first.submit(1, cmd::write_zeroes(0, 32768));
  pair.runner.settle();
  const u64 before = pair.runner.now();
  const u32 preempt = static_cast<u32>(AcquireAction::kPreemptAndAbort) | 1u << 8;
  ASSERT_EQ(with_keys(pair.second, NvmOpcode::kReservationAcquire, preempt, kSecondKey, kFirstKey), Status::kSuccess);
  EXPECT_LT(pair.runner.now(), before + 500'000'000) << "nothing was waited for";
  pair.first.reap();
  pair.second.reap();
  for (const Read& read : reads) {
    const bool meant = &read.driver == &pair.first && read.nsid == 1;
    const auto completion = read.driver.take(read.queue, read.cid);
    ASSERT_EQ(completion.has_value(), meant) << read.queue << " " << read.nsid;
    if (meant) {
      EXPECT_EQ(completion->status, Status::kAbortRequested);
    } else {
      EXPECT_TRUE(read.driver.wait(read.queue, read.cid).ok());
    }
  }
  EXPECT_FALSE(pair.first.wait(1, zeroes).dnr);
  EXPECT_EQ(pair.runner.fault(), "");
}

// Long commands behind two of them, at both controllers: nothing waits for ever.
TEST_F(Reservation, PreemptAndAbortAtBothControllersWithLongCommands) {
  std::vector<std::unique_ptr<DmaBuffer>> buffers;
  for (Driver* driver : {&first_, &second_}) {
    for (u32 i = 0; i < 6; i++) {
      buffers.push_back(std::make_unique<DmaBuffer>(driver->arena(), 4096));
      std::vector<u8> data(4096);
      const u64 key = driver == &first_ ? kFirstKey : kSecondKey;
      std::memcpy(&data[i == 0 ? 8 : 0], &key, 8);
      std::memcpy(&data[8], &key, 8);
      buffers.back()->write(data);
      nvme::Sqe sqe = cmd::io(i == 0 ? NvmOpcode::kReservationRegister : NvmOpcode::kReservationAcquire, 0, 1);
      sqe.cdw12 = 0;
      sqe.cdw10 = i == 0 ? 0 : static_cast<u32>(AcquireAction::kPreemptAndAbort) | 5u << 8;
      if (i == 1) sqe.cdw10 = 5u << 8;
      sqe.prp1 = buffers.back()->bus();
      driver->queue(1, sqe);
      driver->queue(1, cmd::write_zeroes(0, 60000));
      driver->queue(2, cmd::write_zeroes(0, 60000));
    }
    driver->ring(1);
    driver->ring(2);
  }
  EXPECT_TRUE(first_.wait_for(18));
  EXPECT_TRUE(second_.wait_for(18));
}

TEST_F(Reservation, EndsWithTheNamespace) {
  ASSERT_EQ(register_key(first_, kFirstKey), Status::kSuccess);
  ASSERT_EQ(acquire(first_, ReservationType::kExclusiveAccess, kFirstKey), Status::kSuccess);
  DmaBuffer buffer(first_.arena(), 4096);
  nvme::Sqe remove = cmd::admin(AdminOpcode::kNamespaceManagement, 1);
  remove.prp1 = buffer.bus();
  remove.cdw10 = 1;
  EXPECT_EQ(second_.admin(remove).status, Status::kReservationConflict);
  ASSERT_TRUE(first_.admin(remove).ok());
  std::vector<u8> wanted(4096);
  wanted[1] = wanted[9] = 16;
  wanted[30] = 1;
  buffer.write(wanted);
  remove.nsid = remove.cdw10 = 0;
  ASSERT_EQ(first_.admin(remove).dw0, 1u);
  std::vector<u8> list(4096);
  list[0] = 2;
  list[2] = 1;
  list[4] = 2;
  buffer.write(list);
  nvme::Sqe attach = cmd::admin(AdminOpcode::kNamespaceAttachment, 1);
  attach.prp1 = buffer.bus();
  ASSERT_TRUE(first_.admin(attach).ok());
  EXPECT_TRUE(second_.write(0, pattern(512, 1)).ok());
  EXPECT_TRUE(report(second_).entries.empty());
}

}  // namespace
}  // namespace nvmev::test
