// SPDX-License-Identifier: GPL-2.0-only
// Asynchronous events: NVMe 2.0 section 5.2.
#include <gtest/gtest.h>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Feature;
using nvme::LogPage;
using nvme::Status;

constexpr u32 kDoorbellEvent = 0x01'01'00;
constexpr u32 kTemperatureEvent = 0x02'01'01;
constexpr u32 kNamespaceEvent = 0x04'00'02;

constexpr u32 kTemperatureBit = 1u << 1;  // of Asynchronous Event Configuration
constexpr u32 kNamespaceBit = 1u << 8;

class AsyncEvent : public testing::Test {
 protected:
  AsyncEvent() { rig_.start(2, 16); }

  std::optional<Completion> after_a_while(u16 cid) {
    rig_.runner.run_for(100'000'000);
    rig_.driver.reap();
    return rig_.driver.take(0, cid);
  }

  // Each call causes one more.
  void cause_doorbell_event(u16 queue = 1) { rig_.driver.write_sq_doorbell(queue, 100 + causes_++); }

  void cause_temperature_event() {
    const u16 kelvin = temperature();
    ASSERT_TRUE(rig_.driver.set_feature(Feature::kTemperatureThreshold, kelvin - 1).ok());
  }

  u16 temperature() {
    const Driver::Data log = rig_.driver.get_log(LogPage::kSmart, 512, 0, true);
    return static_cast<u16>(log.bytes[1] | log.bytes[2] << 8);
  }

  Rig rig_;
  u32 causes_ = 0;
};

TEST_F(AsyncEvent, HeldUntilSomethingHappens) {
  const u16 event = rig_.driver.submit(0, cmd::async_event());
  EXPECT_FALSE(after_a_while(event).has_value());
  cause_doorbell_event();
  const auto completion = after_a_while(event);
  ASSERT_TRUE(completion.has_value());
  EXPECT_TRUE(completion->ok());
  EXPECT_EQ(completion->dw0, kDoorbellEvent);
  EXPECT_EQ(rig_.runner.fault(), "");
}

TEST_F(AsyncEvent, KeptUntilAskedFor) {
  cause_doorbell_event();
  rig_.runner.run_for(1'000'000);
  const u16 event = rig_.driver.submit(0, cmd::async_event());
  const auto completion = after_a_while(event);
  ASSERT_TRUE(completion.has_value());
  EXPECT_EQ(completion->dw0, kDoorbellEvent);
}

TEST_F(AsyncEvent, LimitIsTheOneThatIdentifyTells) {
  const u8 aerl = rig_.driver.identify(nvme::Cns::kController).bytes[259];
  std::vector<u16> held;
  for (u32 i = 0; i <= aerl; i++) held.push_back(rig_.driver.submit(0, cmd::async_event()));
  const Completion refused = rig_.admin(cmd::async_event());
  EXPECT_EQ(refused.status, Status::kAsyncEventLimitExceeded);
  for (const u16 cid : held) EXPECT_FALSE(after_a_while(cid).has_value());
  cause_doorbell_event();
  rig_.runner.run_for(1'000'000);
  EXPECT_EQ(rig_.driver.reap(), 1u) << "one event completes one request";
  rig_.driver.take();
  const u16 next = rig_.driver.submit(0, cmd::async_event());
  EXPECT_FALSE(after_a_while(next).has_value()) << "there is room for one again";
}

TEST_F(AsyncEvent, OneTooManyIsWorthARetry) {
  for (u32 i = 0; i < 4; i++) rig_.driver.submit(0, cmd::async_event());
  const Completion refused = rig_.admin(cmd::async_event());
  EXPECT_EQ(refused.status, Status::kAsyncEventLimitExceeded);
  EXPECT_FALSE(refused.dnr);
}

TEST_F(AsyncEvent, TypeIsMaskedUntilItsLogIsRead) {
  const u16 first = rig_.driver.submit(0, cmd::async_event());
  const u16 second = rig_.driver.submit(0, cmd::async_event());
  cause_doorbell_event(1);
  EXPECT_TRUE(after_a_while(first).has_value());
  cause_doorbell_event(2);
  EXPECT_FALSE(after_a_while(second).has_value()) << "the log was not read";
  ASSERT_TRUE(rig_.driver.get_log(LogPage::kError, 64, 0, true).completion.ok());
  EXPECT_FALSE(after_a_while(second).has_value()) << "Retain Asynchronous Event";
  ASSERT_TRUE(rig_.driver.get_log(LogPage::kError, 64).completion.ok());
  cause_doorbell_event(1);
  const auto completion = after_a_while(second);
  ASSERT_TRUE(completion.has_value());
  EXPECT_EQ(completion->dw0, kDoorbellEvent);
}

TEST_F(AsyncEvent, NotSentOnceItsLogWasRead) {
  cause_doorbell_event();
  rig_.runner.run_for(1'000'000);
  ASSERT_TRUE(rig_.driver.get_log(LogPage::kSmart, 512).completion.ok());
  ASSERT_TRUE(rig_.driver.get_log(LogPage::kError, 64).completion.ok());
  const u16 event = rig_.driver.submit(0, cmd::async_event());
  EXPECT_FALSE(after_a_while(event).has_value()) << "the log had been read before there was a request";
  cause_doorbell_event();
  EXPECT_TRUE(after_a_while(event).has_value());
  // One that came while its type was masked is read with the one that was reported.
  const u16 next = rig_.driver.submit(0, cmd::async_event());
  cause_doorbell_event();
  rig_.runner.run_for(1'000'000);
  ASSERT_TRUE(rig_.driver.get_log(LogPage::kError, 64).completion.ok());
  EXPECT_FALSE(after_a_while(next).has_value());
}

TEST_F(AsyncEvent, OtherTypesAreNotMaskedAlong) {
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kAsyncEventConfig, kTemperatureBit).ok());
  const u16 first = rig_.driver.submit(0, cmd::async_event());
  const u16 second = rig_.driver.submit(0, cmd::async_event());
  cause_doorbell_event();
  EXPECT_TRUE(after_a_while(first).has_value());
  cause_temperature_event();
  const auto completion = after_a_while(second);
  ASSERT_TRUE(completion.has_value());
  EXPECT_EQ(completion->dw0, kTemperatureEvent);
}

TEST_F(AsyncEvent, TemperatureOverThreshold) {
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kAsyncEventConfig, kTemperatureBit).ok());
  const u16 event = rig_.driver.submit(0, cmd::async_event());
  EXPECT_FALSE(after_a_while(event).has_value());
  cause_temperature_event();
  const auto completion = after_a_while(event);
  ASSERT_TRUE(completion.has_value());
  EXPECT_EQ(completion->dw0, kTemperatureEvent);
  const Driver::Data log = rig_.driver.get_log(LogPage::kSmart, 512);
  EXPECT_EQ(log.bytes[0] & 2, 2) << "critical warning: temperature";
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kTemperatureThreshold, temperature() + 50u).ok());
  EXPECT_EQ(rig_.driver.get_log(LogPage::kSmart, 512).bytes[0] & 2, 0);
}

TEST_F(AsyncEvent, TemperatureUnderThreshold) {
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kAsyncEventConfig, kTemperatureBit).ok());
  const u16 event = rig_.driver.submit(0, cmd::async_event());
  const u32 under = 1u << 20;  // THSEL
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kTemperatureThreshold, under | (temperature() + 10u)).ok());
  const auto completion = after_a_while(event);
  ASSERT_TRUE(completion.has_value());
  EXPECT_EQ(completion->dw0, kTemperatureEvent);
}

TEST_F(AsyncEvent, ConfigurationMasksTemperature) {
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kAsyncEventConfig, 0).ok());
  const u16 event = rig_.driver.submit(0, cmd::async_event());
  cause_temperature_event();
  EXPECT_FALSE(after_a_while(event).has_value());
}

TEST_F(AsyncEvent, FormatChangesTheNamespace) {
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kAsyncEventConfig, kNamespaceBit).ok());
  const u16 event = rig_.driver.submit(0, cmd::async_event());
  ASSERT_TRUE(rig_.admin(cmd::format(1, 1)).ok());
  const auto completion = after_a_while(event);
  ASSERT_TRUE(completion.has_value());
  EXPECT_EQ(completion->dw0, kNamespaceEvent);
  const Driver::Data log = rig_.driver.get_log(LogPage::kChangedNamespaces, 4096);
  ASSERT_TRUE(log.completion.ok());
  EXPECT_EQ(log.bytes[0], 1) << "namespace 1";
  for (size_t i = 1; i < log.bytes.size(); i++) ASSERT_EQ(log.bytes[i], 0) << i;
  EXPECT_EQ(rig_.driver.get_log(LogPage::kChangedNamespaces, 4096).bytes[0], 0) << "reading clears the list";
}

TEST_F(AsyncEvent, ConfigurationMasksNamespaceAttribute) {
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kAsyncEventConfig, 0).ok());
  const u16 event = rig_.driver.submit(0, cmd::async_event());
  ASSERT_TRUE(rig_.admin(cmd::format(1, 1)).ok());
  EXPECT_FALSE(after_a_while(event).has_value());
}

TEST_F(AsyncEvent, RequestsEndSilentlyWithControllerReset) {
  for (int i = 0; i < 3; i++) rig_.driver.submit(0, cmd::async_event());
  rig_.runner.settle();
  rig_.driver.disable();
  rig_.start(1);
  rig_.runner.run_for(100'000'000);
  EXPECT_EQ(rig_.driver.reap(), 0u);
}

}  // namespace
}  // namespace nvmev::test
