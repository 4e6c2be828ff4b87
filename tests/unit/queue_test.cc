// SPDX-License-Identifier: GPL-2.0-only
// Creation and deletion of I/O queues: NVMe 2.0 sections 5.4 to 5.7.
#include <gtest/gtest.h>

#include <functional>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Sqe;
using nvme::Status;

constexpr u32 kMaxEntries = 256;
constexpr u16 kMaxQueues = 4;

Settings settings() { return {{"queues", std::to_string(kMaxQueues)}, {"queue_entries", std::to_string(kMaxEntries)}}; }

struct Refusal {
  const char* what;
  std::function<void(Sqe&)> spoil;  // makes a good command bad
  Status status;
};

u32 with_low(u32 dword, u32 low) { return (dword & 0xffff0000) | low; }
u32 with_high(u32 dword, u32 high) { return (dword & 0xffff) | high << 16; }

TEST(CreateCompletionQueue, Refusals) {
  Rig rig(settings());
  rig.start(1);
  const u64 bus = rig.driver.arena().alloc(4);
  const Refusal cases[] = {
      {"QID 0", [](Sqe& s) { s.cdw10 = with_low(s.cdw10, 0); }, Status::kInvalidQueueIdentifier},
      {"QID in use", [](Sqe& s) { s.cdw10 = with_low(s.cdw10, 1); }, Status::kInvalidQueueIdentifier},
      {"QID beyond", [](Sqe& s) { s.cdw10 = with_low(s.cdw10, kMaxQueues + 1); }, Status::kInvalidQueueIdentifier},
      {"QID FFFFh", [](Sqe& s) { s.cdw10 = with_low(s.cdw10, 0xffff); }, Status::kInvalidQueueIdentifier},
      {"one entry", [](Sqe& s) { s.cdw10 = with_high(s.cdw10, 0); }, Status::kInvalidQueueSize},
      {"more than MQES", [](Sqe& s) { s.cdw10 = with_high(s.cdw10, kMaxEntries); }, Status::kInvalidQueueSize},
      {"65536 entries", [](Sqe& s) { s.cdw10 = with_high(s.cdw10, 0xffff); }, Status::kInvalidQueueSize},
      {"not contiguous", [](Sqe& s) { s.cdw11 &= ~1u; }, Status::kInvalidField},
      {"offset in PRP1", [](Sqe& s) { s.prp1 += 64; }, Status::kInvalidPrpOffset},
      {"vector beyond", [&](Sqe& s) { s.cdw11 = with_high(s.cdw11, nvmev_dev_vectors(rig.device.get())); },
       Status::kInvalidInterruptVector},
      {"vector FFFFh", [](Sqe& s) { s.cdw11 = with_high(s.cdw11, 0xffff); }, Status::kInvalidInterruptVector},
      {"outside memory", [](Sqe& s) { s.prp1 = 0x1000; }, Status::kInvalidField},
  };
  for (const Refusal& c : cases) {
    SCOPED_TRACE(c.what);
    Sqe sqe = cmd::create_cq(2, 64, bus, 2);
    c.spoil(sqe);
    const Completion completion = rig.admin(sqe);
    EXPECT_EQ(completion.status, c.status);
    EXPECT_TRUE(completion.dnr);
  }
  EXPECT_TRUE(rig.driver.create_cq(2, 64, 2).ok()) << "nothing of the failed attempts is left";
  rig.driver.disable();
  rig.driver.arena().free(bus, 4);
}

TEST(CreateSubmissionQueue, Refusals) {
  Rig rig(settings());
  rig.start(1);
  const u64 bus = rig.driver.arena().alloc(4);
  const Refusal cases[] = {
      {"QID 0", [](Sqe& s) { s.cdw10 = with_low(s.cdw10, 0); }, Status::kInvalidQueueIdentifier},
      {"QID in use", [](Sqe& s) { s.cdw10 = with_low(s.cdw10, 1); }, Status::kInvalidQueueIdentifier},
      {"QID beyond", [](Sqe& s) { s.cdw10 = with_low(s.cdw10, kMaxQueues + 1); }, Status::kInvalidQueueIdentifier},
      {"one entry", [](Sqe& s) { s.cdw10 = with_high(s.cdw10, 0); }, Status::kInvalidQueueSize},
      {"more than MQES", [](Sqe& s) { s.cdw10 = with_high(s.cdw10, kMaxEntries); }, Status::kInvalidQueueSize},
      {"not contiguous", [](Sqe& s) { s.cdw11 &= ~1u; }, Status::kInvalidField},
      {"offset in PRP1", [](Sqe& s) { s.prp1 += 64; }, Status::kInvalidPrpOffset},
      {"CQID not created", [](Sqe& s) { s.cdw11 = with_high(s.cdw11, 3); }, Status::kCompletionQueueInvalid},
      {"CQID 0", [](Sqe& s) { s.cdw11 = with_high(s.cdw11, 0); }, Status::kInvalidQueueIdentifier},
      {"CQID beyond", [](Sqe& s) { s.cdw11 = with_high(s.cdw11, kMaxQueues + 1); }, Status::kInvalidQueueIdentifier},
      {"outside memory", [](Sqe& s) { s.prp1 = 0x1000; }, Status::kInvalidField},
  };
  for (const Refusal& c : cases) {
    SCOPED_TRACE(c.what);
    Sqe sqe = cmd::create_sq(2, 64, bus, 1);
    c.spoil(sqe);
    EXPECT_EQ(rig.admin(sqe).status, c.status);
  }
  EXPECT_TRUE(rig.driver.create_sq(2, 64, 1).ok());
  rig.driver.disable();
  rig.driver.arena().free(bus, 4);
}

TEST(DeleteQueue, Refusals) {
  Rig rig(settings());
  rig.start(2);
  for (const u16 qid : {0, 3, kMaxQueues + 1, 0xffff}) {
    EXPECT_EQ(rig.admin(cmd::delete_sq(static_cast<u16>(qid))).status, Status::kInvalidQueueIdentifier) << qid;
    EXPECT_EQ(rig.admin(cmd::delete_cq(static_cast<u16>(qid))).status, Status::kInvalidQueueIdentifier) << qid;
  }
  EXPECT_EQ(rig.admin(cmd::delete_cq(1)).status, Status::kInvalidQueueDeletion) << "its SQ exists";
  EXPECT_TRUE(rig.driver.delete_sq(1).ok());
  EXPECT_EQ(rig.admin(cmd::delete_sq(1)).status, Status::kInvalidQueueIdentifier) << "twice";
  EXPECT_TRUE(rig.driver.delete_cq(1).ok());
  EXPECT_EQ(rig.admin(cmd::delete_cq(1)).status, Status::kInvalidQueueIdentifier) << "twice";
}

TEST(Queues, SeveralSubmissionQueuesOnOneCompletionQueue) {
  Rig rig(settings());
  rig.start(1);
  for (const u16 id : {2, 3, 4}) ASSERT_TRUE(rig.driver.create_sq(id, 16, 1).ok());
  for (int round = 0; round < 40; round++) {
    for (const u16 id : {1, 2, 3, 4}) ASSERT_TRUE(rig.driver.run(id, cmd::flush()).ok());
  }
  EXPECT_TRUE(rig.driver.delete_sq(3).ok());
  EXPECT_EQ(rig.admin(cmd::delete_cq(1)).status, Status::kInvalidQueueDeletion);
  EXPECT_TRUE(rig.driver.run(4, cmd::flush()).ok());
  for (const u16 id : {1, 2, 4}) EXPECT_TRUE(rig.driver.delete_sq(id).ok());
  EXPECT_TRUE(rig.driver.delete_cq(1).ok());
  EXPECT_EQ(rig.runner.fault(), "");
}

TEST(Queues, AllIdentifiersAndOverAgain) {
  Rig rig({{"queues", "255"}, {"queue_entries", "16"}});
  ASSERT_TRUE(rig.driver.enable());
  for (int round = 0; round < 2; round++) {
    for (u16 id = 1; id <= 255; id++) rig.driver.create_queue_pair(id, 16);
    for (u16 id = 1; id <= 255; id++) ASSERT_TRUE(rig.driver.run(id, cmd::flush()).ok());
    for (u16 id = 255; id >= 1; id--) {
      ASSERT_TRUE(rig.driver.delete_sq(id).ok());
      ASSERT_TRUE(rig.driver.delete_cq(id).ok());
    }
  }
  EXPECT_EQ(rig.runner.fault(), "");
}

TEST(Queues, NumberAskedForBoundsIdentifiers) {
  Rig rig(settings());
  ASSERT_TRUE(rig.driver.enable());
  // Number of Queues: both counts 0-based; more than there are is cut.
  const Completion many = rig.driver.set_feature(nvme::Feature::kNumberOfQueues, 0xfffe'fffe);
  ASSERT_TRUE(many.ok());
  EXPECT_EQ(many.dw0, (kMaxQueues - 1u) | (kMaxQueues - 1u) << 16);
}

// Every size from 2 up, each wrapped around at least twice with batches of all lengths.
TEST(Queues, EverySizeWrapsAround) {
  Rig rig(settings());
  ASSERT_TRUE(rig.driver.enable());
  for (u32 size = 2; size <= 65; size++) {
    SCOPED_TRACE(size);
    rig.driver.create_queue_pair(1, size);
    u32 sent = 0;
    for (u32 batch = 1; sent < 2 * size + 1; batch = batch % (size - 1) + 1) {
      for (u32 i = 0; i < batch; i++) rig.driver.queue(1, cmd::flush());
      rig.driver.ring(1);
      ASSERT_TRUE(rig.driver.wait_for(batch));
      for (const Completion& completion : rig.driver.take()) ASSERT_TRUE(completion.ok());
      sent += batch;
    }
    ASSERT_TRUE(rig.driver.delete_sq(1).ok());
    ASSERT_TRUE(rig.driver.delete_cq(1).ok());
  }
  EXPECT_EQ(rig.runner.fault(), "");
}

TEST(Queues, LargestSize) {
  Rig rig({{"queue_entries", "65536"}, {"queues", "1"}, {"inflight", "65536"}, {"nr_io_units", "1024"}});
  rig.start(1, 65536);
  for (u32 round = 0; round < 2; round++) {
    for (u32 i = 0; i < 65535; i++) rig.driver.queue(1, cmd::flush());
    rig.driver.ring(1);
    ASSERT_TRUE(rig.driver.wait_for(65535));
    rig.driver.take();
  }
}

// Pages of a queue need not be neighbours for the device (IOMMU), but they are for the requester; the SQ of 65 entries
// and more spans pages.
TEST(Queues, SqHeadIsReported) {
  Rig rig(settings());
  rig.start(1, 8);
  for (u32 i = 1; i <= 20; i++) {
    const Completion completion = rig.io(cmd::flush());
    EXPECT_EQ(completion.sq_head, i % 8);
    EXPECT_EQ(completion.sq_id, 1);
  }
}

class DeleteBusyQueue : public testing::TestWithParam<u32> {};

TEST_P(DeleteBusyQueue, CommandsInFlightEndWithAbortedSqDeletion) {
  const u32 workers = GetParam();
  Rig rig({{"read_time", "1000000"}, {"nr_io_units", "4"}}, workers);
  rig.start(2);
  DmaBuffer buffer(rig.driver.arena(), 4096);
  const Prps prps(rig.driver.arena(), buffer);
  constexpr u32 kCommands = 40;
  for (u32 i = 0; i < kCommands; i++) rig.driver.queue(1, cmd::with_prps(cmd::read(i * 8, 8), prps));
  rig.driver.ring(1);
  const u16 other = rig.driver.submit(2, cmd::with_prps(cmd::read(0, 8), prps));
  rig.runner.run_for(2'500'000);  // two rounds of four are done
  const u16 deletion = rig.driver.submit(0, cmd::delete_sq(1));
  const Completion deleted = rig.driver.wait(0, deletion);
  EXPECT_TRUE(deleted.ok());
  // No completion of the queue comes after that of the deletion.
  rig.driver.reap();
  const std::vector<Completion> seen = rig.driver.take();
  u32 good = 0;
  u32 aborted = 0;
  for (const Completion& completion : seen) {
    if (completion.sq_id != 1) continue;
    if (completion.ok()) {
      good++;
    } else {
      EXPECT_EQ(completion.status, Status::kAbortedSqDeletion);
      EXPECT_FALSE(completion.dnr);
      aborted++;
    }
  }
  EXPECT_EQ(good, 8u);
  // Every fetched command is completed.
  EXPECT_EQ(good + aborted, kCommands);
  rig.runner.run_for(1'000'000'000);
  EXPECT_EQ(rig.driver.reap(1), 0u);
  EXPECT_TRUE(rig.driver.wait(2, other).ok()) << "the other queue is not disturbed";
  // The identifier is free again, and the queue is a new one.
  rig.driver.arena().free(rig.driver.sq(1).bus);
  ASSERT_TRUE(rig.driver.create_sq(1, 16, 1).ok());
  EXPECT_TRUE(rig.driver.run(1, cmd::flush()).ok());
  EXPECT_EQ(rig.runner.fault(), "");
}

INSTANTIATE_TEST_SUITE_P(Workers, DeleteBusyQueue, testing::Values(1, 2, 3));

TEST(Queues, CreateWithWrongEntrySizeIsRefused) {
  Rig rig;
  ASSERT_TRUE(rig.driver.enable({.iosqes = 0, .iocqes = 0}));
  EXPECT_FALSE(rig.driver.create_cq(1, 16, 1).ok()) << "CC.IOCQES is 0";
  rig.driver.disable();
  ASSERT_TRUE(rig.driver.enable({.iosqes = 0}));
  EXPECT_TRUE(rig.driver.create_cq(1, 16, 1).ok());
  EXPECT_FALSE(rig.driver.create_sq(1, 16, 1).ok()) << "CC.IOSQES is 0";
}

}  // namespace
}  // namespace nvmev::test
