// SPDX-License-Identifier: GPL-2.0-only
// Abort: NVMe 2.0 section 5.1.
#include <gtest/gtest.h>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Status;

constexpr u32 kAborted = 0;  // DW0 bit 0 cleared: the command was aborted
constexpr u32 kNotAborted = 1;

class Abort : public testing::TestWithParam<u32> {
 protected:
  Abort() : rig_({{"read_time", "1000000000"}, {"nr_io_units", "1"}}, GetParam()) { rig_.start(2); }
  Rig rig_;
  DmaBuffer buffer_{rig_.driver.arena(), 512};
  Prps prps_{rig_.driver.arena(), buffer_};
  nvme::Sqe slow_ = cmd::with_prps(cmd::read(0, 1), prps_);
};

TEST_P(Abort, PendingCommand) {
  const u16 first = rig_.driver.submit(1, slow_);
  const u16 second = rig_.driver.submit(1, slow_);
  rig_.runner.settle();
  const u64 start = rig_.runner.now();
  const Completion abort = rig_.admin(cmd::abort(1, second));
  EXPECT_TRUE(abort.ok());
  EXPECT_EQ(abort.dw0 & 1, kAborted);
  rig_.driver.reap();
  const auto aborted = rig_.driver.take(1, second);
  ASSERT_TRUE(aborted.has_value()) << "its completion comes before that of the Abort";
  EXPECT_EQ(aborted->status, Status::kAbortRequested);
  EXPECT_LT(rig_.runner.now() - start, 1'000'000u) << "an abort does not wait for the model";
  EXPECT_TRUE(rig_.driver.wait(1, first).ok());
  rig_.runner.run_for(10'000'000'000);
  EXPECT_EQ(rig_.driver.reap(), 0u) << "completed once only";
  EXPECT_EQ(rig_.runner.fault(), "");
}

TEST_P(Abort, CommandThatIsNotThere) {
  const u16 done = rig_.driver.submit(1, cmd::flush());
  rig_.driver.wait(1, done);
  const u16 pending = rig_.driver.submit(2, slow_);
  rig_.runner.settle();
  struct Case {
    const char* what;
    u16 sq, cid;
  };
  const Case cases[] = {
      {"completed", 1, done},
      {"never sent", 1, 0x1234},
      {"of another queue", 1, static_cast<u16>(pending + 7)},
      {"queue does not exist", 3, 0},
      {"queue number beyond all", 0xffff, 0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    const Completion abort = rig_.admin(cmd::abort(c.sq, c.cid));
    // Linux and the specification take a missing command as no error; a queue that does not exist may be refused.
    if (c.sq <= 2) EXPECT_TRUE(abort.ok());
    if (abort.ok()) EXPECT_EQ(abort.dw0 & 1, kNotAborted);
  }
  EXPECT_TRUE(rig_.driver.wait(2, pending).ok());
}

TEST_P(Abort, AsyncEventRequest) {
  const u16 event = rig_.driver.submit(0, cmd::async_event());
  rig_.runner.settle();
  const Completion abort = rig_.admin(cmd::abort(0, event));
  EXPECT_TRUE(abort.ok());
  rig_.runner.settle();
  rig_.driver.reap();
  const auto aborted = rig_.driver.take(0, event);
  EXPECT_EQ(aborted.has_value(), (abort.dw0 & 1) == kAborted);
  if (aborted) EXPECT_EQ(aborted->status, Status::kAbortRequested);
}

TEST_P(Abort, ManyAtOnceEndWithinTheLimit) {
  const u8 acl = rig_.driver.identify(nvme::Cns::kController).bytes[258];
  std::vector<u16> commands;
  for (int i = 0; i < 28; i++) commands.push_back(rig_.driver.submit(1, slow_));
  rig_.runner.settle();
  std::vector<u16> aborts;
  for (const u16 cid : commands) aborts.push_back(rig_.driver.queue(0, cmd::abort(1, cid)));
  rig_.driver.ring(0);
  rig_.runner.run_for(1'000'000);
  rig_.driver.reap();
  u32 granted = 0;
  for (const u16 cid : aborts) {
    const auto completion = rig_.driver.take(0, cid);
    ASSERT_TRUE(completion.has_value());
    if (completion->status == Status::kAbortLimitExceeded) continue;
    EXPECT_TRUE(completion->ok());
    granted++;
  }
  EXPECT_GE(granted, acl + 1u) << "ACL is 0-based";
  u32 aborted = 0;
  for (const Completion& completion : rig_.driver.take()) aborted += completion.status == Status::kAbortRequested;
  EXPECT_EQ(aborted, granted);
}

INSTANTIATE_TEST_SUITE_P(Workers, Abort, testing::Values(1, 2));

}  // namespace
}  // namespace nvmev::test
