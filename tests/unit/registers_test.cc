// SPDX-License-Identifier: GPL-2.0-only
// Controller registers: NVMe 2.0 section 3.1.3, initialization 3.5, shutdown 3.6.
#include <gtest/gtest.h>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Registers;

constexpr u32 kCc = offsetof(Registers, cc);
constexpr u32 kCsts = offsetof(Registers, csts);
constexpr u32 kAqa = offsetof(Registers, aqa);

TEST(Registers, ValuesBeforeEnable) {
  Rig rig({{"queue_entries", "512"}});
  const u64 cap = rig.driver.cap();
  EXPECT_EQ(cap & 0xffff, 511u) << "MQES";
  EXPECT_EQ(cap >> 16 & 1, 1u) << "CQR";
  EXPECT_EQ(cap >> 17 & 3, 1u) << "AMS: weighted round robin with urgent priority class";
  EXPECT_GT(cap >> 24 & 0xff, 0u) << "TO";
  EXPECT_EQ(cap >> 32 & 0xf, 0u) << "DSTRD";
  EXPECT_EQ(cap >> 36 & 1, 0u) << "NSSRS";
  EXPECT_EQ(cap >> 37 & 1, 1u) << "CSS: NVM command set";
  EXPECT_EQ(cap >> 48 & 0xf, 0u) << "MPSMIN";
  EXPECT_EQ(cap >> 59 & 3, 1u) << "CRMS: what a controller of version 2.0 shall have";
  EXPECT_GE(rig.driver.read32(offsetof(Registers, crto)) & 0xffff, cap >> 24 & 0xff) << "CRWMT";
  EXPECT_EQ(cap >> 52 & 0xf, 0u) << "MPSMAX";
  EXPECT_EQ(rig.driver.read32(offsetof(Registers, vs)), 0x00020000u);
  EXPECT_EQ(rig.driver.read32(kCc), 0u);
  EXPECT_EQ(rig.driver.csts(), 0u);
}

TEST(Registers, EnableAndDisable) {
  Rig rig;
  for (int i = 0; i < 3; i++) {
    ASSERT_TRUE(rig.driver.enable());
    EXPECT_EQ(rig.driver.csts(), nvme::csts::kReady);
    EXPECT_TRUE(rig.driver.identify(nvme::Cns::kController).completion.ok());
    rig.driver.disable();
    EXPECT_EQ(rig.driver.csts(), 0u);
  }
  EXPECT_EQ(rig.runner.fault(), "");
}

TEST(Registers, AdminQueueRegistersSurviveControllerReset) {
  Rig rig;
  ASSERT_TRUE(rig.driver.enable());
  const u32 aqa = rig.driver.read32(kAqa);
  const u64 asq = rig.driver.read64(offsetof(Registers, asq));
  const u64 acq = rig.driver.read64(offsetof(Registers, acq));
  rig.driver.disable();
  EXPECT_EQ(rig.driver.read32(kAqa), aqa);
  EXPECT_EQ(rig.driver.read64(offsetof(Registers, asq)), asq);
  EXPECT_EQ(rig.driver.read64(offsetof(Registers, acq)), acq);
}

TEST(Registers, WritesToReadOnlyRegistersAreUndone) {
  Rig rig;
  for (const bool enabled : {false, true}) {
    if (enabled) ASSERT_TRUE(rig.driver.enable());
    const u64 cap = rig.driver.cap();
    const u32 vs = rig.driver.read32(offsetof(Registers, vs));
    const u32 csts = rig.driver.csts();
    rig.driver.write64(offsetof(Registers, cap), ~cap);
    rig.driver.write32(offsetof(Registers, vs), 0x12345678);
    const u32 crto = rig.driver.read32(offsetof(Registers, crto));
    rig.driver.write32(offsetof(Registers, crto), ~crto);
    rig.driver.write32(kCsts, csts ^ 0x3);
    rig.runner.run_for(1'000'000);
    EXPECT_EQ(rig.driver.cap(), cap);
    EXPECT_EQ(rig.driver.read32(offsetof(Registers, vs)), vs);
    EXPECT_EQ(rig.driver.read32(offsetof(Registers, crto)), crto);
    EXPECT_EQ(rig.driver.csts(), csts);
  }
  EXPECT_TRUE(rig.driver.identify(nvme::Cns::kController).completion.ok());
}

struct BadConfiguration {
  const char* what;
  Driver::EnableOptions options;
};

TEST(Registers, InvalidConfigurationIsFatal) {
  const BadConfiguration cases[] = {
      {"CSS 001b", {.css = 1}},
      {"CSS 101b", {.css = 5}},
      {"MPS 1, beyond CAP.MPSMAX", {.extra_cc = 1u << 7}},
      {"MPS 15", {.extra_cc = 15u << 7}},
      {"AMS 010b, not in CAP.AMS", {.extra_cc = 2u << 11}},
      {"AMS 111b", {.extra_cc = 7u << 11}},
  };
  Rig rig;
  for (const BadConfiguration& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_FALSE(rig.driver.enable(c.options));
    EXPECT_EQ(rig.driver.csts() & (nvme::csts::kFatal | nvme::csts::kReady), nvme::csts::kFatal);
    rig.driver.disable();
    EXPECT_EQ(rig.driver.csts(), 0u) << "a controller reset clears CFS";
    EXPECT_TRUE(rig.driver.enable());
    rig.driver.disable();
  }
}

TEST(Registers, ValidCommandSetSelections) {
  Rig rig;
  for (const u32 css : {nvme::cc::kCssNvm, nvme::cc::kCssAllIocs, nvme::cc::kCssAdminOnly}) {
    // CAP.CSS tells which of them are offered: bit 0 NVM, bit 6 all I/O command sets, bit 7 admin only.
    const u32 bit = css == nvme::cc::kCssNvm ? 37 : 37 + css;
    EXPECT_EQ(rig.driver.enable({.css = css}), (rig.driver.cap() >> bit & 1) != 0) << css;
    rig.driver.disable();
  }
}

TEST(Registers, AdminQueuesThatCannotBe) {
  Rig rig;
  Driver& driver = rig.driver;
  const u64 good = driver.arena().alloc(2);
  const u64 outside = driver.arena().end() + 0x1000;
  struct Case {
    const char* what;
    u32 aqa;
    u64 asq, acq;
  };
  const Case cases[] = {
      {"ASQS of one entry", 31u << 16, good, good + kPageSize},
      {"ACQS of one entry", 31u, good, good + kPageSize},
      {"ASQ outside memory", 31u | 31u << 16, outside, good},
      {"ACQ outside memory", 31u | 31u << 16, good, outside},
      {"ASQ zero", 31u | 31u << 16, 0, good},
      {"the end of ASQ outside memory", 4095u | 31u << 16, driver.arena().end() - kPageSize, good},
      {"ASQ at the end of the address space", 4095u | 31u << 16, ~0xfffull, good},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    driver.write32(kAqa, c.aqa);
    driver.write64(offsetof(Registers, asq), c.asq);
    driver.write64(offsetof(Registers, acq), c.acq);
    driver.write32(kCc, 6u << 16 | 4u << 20 | 1);
    rig.runner.run_for(1'000'000'000);
    EXPECT_EQ(driver.csts() & 3, nvme::csts::kFatal);
    driver.disable();
  }
  EXPECT_TRUE(driver.enable());
  driver.disable();
  driver.arena().free(good, 2);
}

TEST(Registers, AdminQueueSizes) {
  Rig rig;
  struct Size {
    u32 sq, cq;
  };
  for (const Size size : {Size{2, 2}, Size{2, 4096}, Size{4096, 2}, Size{4096, 4096}, Size{3, 5}, Size{257, 64}}) {
    SCOPED_TRACE(std::to_string(size.sq) + "/" + std::to_string(size.cq));
    ASSERT_TRUE(rig.driver.enable({.admin_entries = size.sq, .admin_cq_entries = size.cq}));
    // Round both queues at least twice where that is quick.
    const u32 rounds = std::min(600u, 2 * std::max(size.sq, size.cq) + 3);
    for (u32 i = 0; i < rounds; i++) {
      ASSERT_TRUE(rig.driver.get_feature(nvme::Feature::kNumberOfQueues).ok()) << i;
    }
    rig.driver.disable();
  }
  EXPECT_EQ(rig.runner.fault(), "");
}

TEST(Registers, ShutdownNotification) {
  for (const u32 shn : {1u, 2u}) {
    Rig rig;
    rig.start();
    Driver& driver = rig.driver;
    driver.write32(kCc, driver.read32(kCc) | shn << 14);
    rig.runner.run_for(1'000'000'000);
    EXPECT_EQ(driver.csts() & nvme::csts::kShutdownMask, nvme::csts::kShutdownComplete) << shn;
    driver.disable();
    EXPECT_EQ(driver.csts(), 0u) << "a controller reset ends the shutdown state";
    EXPECT_TRUE(driver.enable());
    EXPECT_EQ(driver.csts(), nvme::csts::kReady);
  }
}

TEST(Registers, ShutdownWithCommandsInFlight) {
  Rig rig;
  rig.start();
  DmaBuffer buffer(rig.driver.arena(), 512);
  const Prps prps(rig.driver.arena(), buffer);
  for (int i = 0; i < 20; i++) rig.driver.submit(1, cmd::with_prps(cmd::read(0, 1), prps));
  rig.runner.settle();
  rig.driver.shutdown();
  rig.runner.run_for(1'000'000'000);
  rig.driver.reap();
  // The driver should have waited; what it left behind is given up, and said to be.
  for (const Completion& completion : rig.driver.take()) {
    EXPECT_TRUE(completion.ok() || completion.status == nvme::Status::kAbortedPowerLoss);
  }
}

}  // namespace
}  // namespace nvmev::test
