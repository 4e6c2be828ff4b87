// SPDX-License-Identifier: GPL-2.0-only
// Virtualization Enhancements: NVMe 2.0 sections 5.28 and 8.26. A primary controller and two secondary controllers.
#include <gtest/gtest.h>

#include <cerrno>

#include "host/rig.h"
#include "nvmev/nvme/virtualization.h"

namespace nvmev::test {
namespace {

using nvme::AdminOpcode;
using nvme::Cns;
using nvme::Feature;
using nvme::LogPage;
using nvme::ResourceType;
using nvme::Status;
using nvme::VirtualizationAction;

constexpr auto kVq = ResourceType::kQueue;
constexpr auto kVi = ResourceType::kInterrupt;
constexpr u16 kPrimary = 1;

nvme::Sqe manage(VirtualizationAction action, u16 controller, ResourceType type = kVq, u32 resources = 0) {
  nvme::Sqe sqe = cmd::admin(AdminOpcode::kVirtualizationManagement);
  sqe.cdw10 = static_cast<u32>(action) | static_cast<u32>(type) << 8 | static_cast<u32>(controller) << 16;
  sqe.cdw11 = resources;
  return sqe;
}

// Of 9 resources of either type (8 I/O queue pairs), 5 VQ and 6 VI are flexible: the primary controller keeps 4 and 3.
class Virtualization : public testing::Test {
 protected:
  explicit Virtualization(const Settings& more = {})
      : device_(host_, make_config(with(more))), runner_(device_), first_(device_, runner_, 0), second_(device_, runner_, 1),
        third_(device_, runner_, 2) {
    start_primary();
  }
  ~Virtualization() override { EXPECT_EQ(runner_.fault(), ""); }

  static Settings with(const Settings& more) {
    Settings settings{{"controllers", "3"}, {"virtualization", "1"}, {"vq_flexible", "5"}, {"vi_flexible", "6"}};
    for (const auto& [key, value] : more) settings.add(key, value);
    return settings;
  }

  void start_primary() {
    ASSERT_TRUE(first_.enable());
    first_.create_queue_pair(1, 64);
  }
  static void start(Driver& driver) {
    ASSERT_TRUE(driver.enable());
    driver.create_queue_pair(1, 64, 0);
  }

  Completion assign(u16 controller, ResourceType type, u32 resources) {
    return first_.admin(manage(VirtualizationAction::kAssign, controller, type, resources));
  }
  Completion allocate(ResourceType type, u32 resources) {
    return first_.admin(manage(VirtualizationAction::kAllocate, kPrimary, type, resources));
  }
  Completion online(u16 controller) { return first_.admin(manage(VirtualizationAction::kOnline, controller)); }
  Completion offline(u16 controller) { return first_.admin(manage(VirtualizationAction::kOffline, controller)); }
  void bring_online(u16 controller, u32 queues = 2, u32 vectors = 2) {
    ASSERT_TRUE(assign(controller, kVq, queues).ok());
    ASSERT_TRUE(assign(controller, kVi, vectors).ok());
    ASSERT_TRUE(online(controller).ok());
  }

  template <typename Structure>
  Structure identify(Cns cns, u16 from = 0) {
    Structure data;
    const Driver::Data page = first_.identify(cns, 0, nvme::Csi::kNvm, from);
    EXPECT_TRUE(page.completion.ok());
    std::memcpy(&data, page.bytes.data(), sizeof(data));
    return data;
  }
  nvme::PrimaryCapabilities capabilities() { return identify<nvme::PrimaryCapabilities>(Cns::kPrimaryCapabilities); }
  nvme::ResourceCapabilities pool(ResourceType type) { return capabilities().resources[static_cast<u8>(type)]; }
  nvme::SecondaryControllerList secondaries(u16 from = 0) {
    return identify<nvme::SecondaryControllerList>(Cns::kSecondaryControllers, from);
  }
  nvme::SecondaryController entry(u16 controller) { return secondaries().entry[controller - 2]; }

  static u32 io_queues(Driver& driver) { return (driver.get_feature(Feature::kNumberOfQueues).dw0 & 0xffff) + 1; }
  void function_level_reset(u32 controller) {
    nvmev_dev_request_reset(device_.get(), controller);
    runner_.settle();
    ASSERT_TRUE(nvmev_dev_reset_done(device_.get(), controller));
  }

  // Writes that take 50 ms with slow settings, submitted and not waited for.
  void submit_writes(Driver& driver, u32 count) {
    for (u32 i = 0; i < count; i++) {
      buffers_.push_back(std::make_unique<DmaBuffer>(driver.arena(), 512));
      const Prps prps(driver.arena(), *buffers_.back());
      driver.queue(1, cmd::with_prps(cmd::write(i, 1), prps));
    }
    driver.ring(1);
    runner_.settle();
  }

  // Whether the device leaves the requester's memory alone from now on.
  void expect_silence() {
    host_.arena.forbid();
    runner_.run_for(1'000'000'000);
    host_.arena.allow();
  }

  void expect_offline(Driver& driver) {
    EXPECT_EQ(driver.csts(), nvme::csts::kFatal);
    EXPECT_EQ(driver.cap(), 0u) << "drivers do not wait for it";
  }

  TestHost host_;
  Device device_;
  ManualRunner runner_;
  Driver first_, second_, third_;
  std::vector<std::unique_ptr<DmaBuffer>> buffers_;
};

// ---- What is told

TEST_F(Virtualization, CapabilitiesOfThePrimaryController) {
  const nvme::PrimaryCapabilities data = capabilities();
  EXPECT_EQ(data.cntlid, kPrimary);
  EXPECT_EQ(data.crt, 3) << "VQ and VI";
  const auto check = [](const nvme::ResourceCapabilities& pool, u32 flexible, u32 own) {
    EXPECT_EQ(pool.flexible, flexible);
    EXPECT_EQ(pool.assigned, 0u);
    EXPECT_EQ(pool.allocated, 0);
    EXPECT_EQ(pool.own, own);
    EXPECT_EQ(pool.maximum, flexible);
    EXPECT_EQ(pool.granularity, 1);
  };
  check(data.resources[0], 5, 4);
  check(data.resources[1], 6, 3);
  EXPECT_EQ(io_queues(first_), 3u) << "one of four is the admin queue";
  EXPECT_TRUE(first_.identify(Cns::kPrimaryCapabilities, 0, nvme::Csi::kNvm, kPrimary).completion.ok());
  EXPECT_EQ(first_.identify(Cns::kPrimaryCapabilities, 0, nvme::Csi::kNvm, 2).completion.status, Status::kInvalidField);
}

TEST_F(Virtualization, ListOfSecondaryControllers) {
  ASSERT_TRUE(assign(3, kVq, 3).ok());
  ASSERT_TRUE(assign(3, kVi, 1).ok());
  ASSERT_TRUE(online(3).ok());
  const nvme::SecondaryControllerList all = secondaries();
  ASSERT_EQ(all.numid, 2);
  const auto check = [](const nvme::SecondaryController& entry, u16 id, u8 state, u16 queues, u16 vectors) {
    EXPECT_EQ(entry.scid, id);
    EXPECT_EQ(entry.pcid, kPrimary);
    EXPECT_EQ(entry.scs, state);
    EXPECT_EQ(entry.vfn, 0) << "no virtual function";
    EXPECT_EQ(entry.nvq, queues);
    EXPECT_EQ(entry.nvi, vectors);
  };
  check(all.entry[0], 2, 0, 0, 0);
  check(all.entry[1], 3, 1, 3, 1);
  EXPECT_EQ(pool(kVq).assigned, 3u);
  EXPECT_EQ(pool(kVi).assigned, 1u);
  ASSERT_EQ(secondaries(2).numid, 2);
  ASSERT_EQ(secondaries(3).numid, 1);
  EXPECT_EQ(secondaries(3).entry[0].scid, 3);
  EXPECT_EQ(secondaries(4).numid, 0);
}

TEST_F(Virtualization, SecondaryControllersHaveNoneOfTheirOwn) {
  bring_online(2);
  start(second_);
  EXPECT_EQ(second_.admin(manage(VirtualizationAction::kOffline, 3)).status, Status::kInvalidOpcode);
  EXPECT_EQ(second_.identify(Cns::kPrimaryCapabilities).completion.status, Status::kInvalidField);
  EXPECT_EQ(second_.identify(Cns::kSecondaryControllers).completion.status, Status::kInvalidField);
  const auto oacs = [](Driver& driver) { return driver.identify(Cns::kController).bytes[256]; };
  EXPECT_EQ(oacs(first_) & 0x80, 0x80);
  EXPECT_EQ(oacs(second_) & 0x80, 0);
  const auto effects = [](Driver& driver) { return driver.log<nvme::CommandEffectsLog>(LogPage::kCommandEffects).admin[0x1c] & 1; };
  EXPECT_EQ(effects(first_), 1u);
  EXPECT_EQ(effects(second_), 0u);
}

// ---- States

TEST_F(Virtualization, SecondaryControllersStartOffline) {
  for (Driver* driver : {&second_, &third_}) {
    expect_offline(*driver);
    EXPECT_FALSE(driver->enable());
  }
  host_.arena.forbid();
  second_.write32(offsetof(nvme::Registers, cc), nvme::cc::kEnable | 6u << 16 | 4u << 20);
  second_.write_sq_doorbell(0, 3);
  second_.write32(offsetof(nvme::Registers, csts), 1);
  runner_.run_for(1'000'000'000);
  host_.arena.allow();
  expect_offline(second_);
  for (Driver* driver : {&second_, &third_}) driver->write32(offsetof(nvme::Registers, cc), 0);  // for their destructors
  EXPECT_EQ(first_.identify(Cns::kControllers).bytes[0], 3) << "they are controllers all the same";
}

TEST_F(Virtualization, OnlineWithEnoughResourcesOnly) {
  EXPECT_EQ(online(2).status, Status::kInvalidSecondaryState);
  ASSERT_TRUE(assign(2, kVi, 1).ok());
  ASSERT_TRUE(assign(2, kVq, 1).ok());
  EXPECT_EQ(online(2).status, Status::kInvalidSecondaryState) << "there is no I/O queue";
  ASSERT_TRUE(assign(2, kVq, 2).ok());
  ASSERT_TRUE(assign(2, kVi, 0).ok());
  EXPECT_EQ(online(2).status, Status::kInvalidSecondaryState) << "no vector";
  expect_offline(second_);
  ASSERT_TRUE(assign(2, kVi, 1).ok());
  const Completion completion = online(2);
  ASSERT_TRUE(completion.ok());
  EXPECT_EQ(completion.dw0, 0u);
  EXPECT_EQ(second_.csts(), 0u);
  EXPECT_EQ(second_.cap(), first_.cap());
  EXPECT_EQ(second_.read32(offsetof(nvme::Registers, cc)), 0u);
  EXPECT_TRUE(online(2).ok()) << "it is online already";
  EXPECT_EQ(assign(2, kVq, 3).status, Status::kInvalidSecondaryState);
  start(second_);
  ASSERT_TRUE(second_.write(5, pattern(512, 5)).ok());
  EXPECT_EQ(first_.read(5, 1).bytes, pattern(512, 5));
  ASSERT_TRUE(online(2).ok());
  EXPECT_TRUE(second_.ready()) << "nothing happens to it";
}

// What a driver has left in its registers while it was offline does not enable it.
TEST_F(Virtualization, RegistersStartAnew) {
  EXPECT_FALSE(second_.enable());
  EXPECT_NE(second_.read32(offsetof(nvme::Registers, cc)), 0u);
  bring_online(2);
  runner_.run_for(1'000'000);
  EXPECT_EQ(second_.read32(offsetof(nvme::Registers, cc)), 0u);
  EXPECT_EQ(second_.csts(), 0u);
  start(second_);
}

TEST_F(Virtualization, ResourcesAreLimitsOfQueuesAndVectors) {
  bring_online(2, 3, 2);
  ASSERT_TRUE(second_.enable());
  EXPECT_EQ(io_queues(second_), 2u);
  const u32 granted = second_.set_feature(Feature::kNumberOfQueues, 7 << 16 | 7).dw0;
  EXPECT_EQ(granted, 1u << 16 | 1u) << "0-based";
  EXPECT_EQ(second_.create_cq(3, 16, 1).status, Status::kInvalidQueueIdentifier);
  EXPECT_EQ(second_.create_cq(2, 16, 2).status, Status::kInvalidInterruptVector);
  ASSERT_TRUE(second_.create_cq(2, 16, 1).ok());
  EXPECT_EQ(second_.create_sq(3, 16, 2).status, Status::kInvalidQueueIdentifier);
  EXPECT_EQ(second_.create_sq(2, 16, 3).status, Status::kInvalidQueueIdentifier);
  ASSERT_TRUE(second_.create_sq(2, 16, 2).ok());
  EXPECT_TRUE(second_.write(0, pattern(512, 1), 2).ok());
  EXPECT_EQ(second_.get_feature(Feature::kInterruptVectorConfig, 2).status, Status::kInvalidField);
  EXPECT_TRUE(second_.get_feature(Feature::kInterruptVectorConfig, 1).ok());
  // The primary controller has its private resources.
  EXPECT_EQ(first_.create_cq(4, 16, 0).status, Status::kInvalidQueueIdentifier);
  EXPECT_EQ(first_.create_cq(3, 16, 3).status, Status::kInvalidInterruptVector);
  EXPECT_TRUE(first_.create_cq(3, 16, 2).ok());
}

TEST_F(Virtualization, OfflineTakesResourcesAway) {
  bring_online(2);
  start(second_);
  const Completion completion = offline(2);
  ASSERT_TRUE(completion.ok());
  EXPECT_EQ(completion.dw0, 0u);
  expect_offline(second_);
  second_.forget_queues();
  EXPECT_EQ(entry(2).scs, 0);
  EXPECT_EQ(entry(2).nvq, 0);
  EXPECT_EQ(entry(2).nvi, 0);
  EXPECT_EQ(pool(kVq).assigned, 0u);
  EXPECT_TRUE(offline(2).ok()) << "it is offline already";
  EXPECT_EQ(online(2).status, Status::kInvalidSecondaryState);
  bring_online(2, 5, 6);
  start(second_);
  EXPECT_EQ(io_queues(second_), 4u);
}

class SlowVirtualization : public Virtualization {
 protected:
  SlowVirtualization() : Virtualization({{"write_time", "50000000"}, {"read_time", "1000"}}) {}
};

TEST_F(SlowVirtualization, OfflineWithCommandsInFlight) {
  bring_online(2);
  bring_online(3);
  start(second_);
  start(third_);
  submit_writes(second_, 8);
  submit_writes(third_, 8);
  const u16 event = second_.submit(0, cmd::async_event());
  runner_.settle();
  ASSERT_TRUE(offline(2).ok());
  expect_offline(second_);
  EXPECT_FALSE(second_.take(0, event).has_value());
  EXPECT_EQ(second_.reap(), 0u) << "they end without a completion";
  second_.forget_queues();
  ASSERT_TRUE(third_.wait_for(8)) << "the other one goes on";
  for (const Completion& completion : third_.take()) EXPECT_TRUE(completion.ok());
  EXPECT_TRUE(third_.ready());
  expect_silence();
  bring_online(2);
  start(second_);
  EXPECT_TRUE(second_.write(1, pattern(512, 1)).ok());
}

// The command completes when nothing is touched any more: not before a Format NVM of the secondary controller is over.
TEST_F(SlowVirtualization, OfflineWaitsForJobs) {
  bring_online(2);
  start(second_);
  submit_writes(second_, 4);
  second_.submit(0, cmd::format(1, 1));
  runner_.settle();
  const u16 cid = first_.submit(0, manage(VirtualizationAction::kOffline, 2));
  const Completion completion = first_.wait(0, cid);
  EXPECT_TRUE(completion.ok());
  expect_offline(second_);
  expect_silence();
}

TEST_F(SlowVirtualization, BackOnlineBeforeItHasStopped) {
  bring_online(2);
  start(second_);
  submit_writes(second_, 8);
  std::vector<u16> cids;
  cids.push_back(first_.queue(0, manage(VirtualizationAction::kOffline, 2)));
  cids.push_back(first_.queue(0, manage(VirtualizationAction::kAssign, 2, kVq, 2)));
  cids.push_back(first_.queue(0, manage(VirtualizationAction::kAssign, 2, kVi, 1)));
  cids.push_back(first_.queue(0, manage(VirtualizationAction::kOnline, 2)));
  first_.ring(0);
  for (const u16 cid : cids) EXPECT_TRUE(first_.wait(0, cid).ok());
  runner_.settle();
  EXPECT_EQ(second_.csts(), 0u);
  EXPECT_EQ(second_.read32(offsetof(nvme::Registers, cc)), 0u);
  second_.forget_queues();
  start(second_);
  EXPECT_TRUE(second_.write(1, pattern(512, 1)).ok());
}

// ---- Refusals

TEST_F(Virtualization, Refusals) {
  bring_online(3, 2, 1);
  const auto status = [&](u32 action, u16 controller, u32 type, u32 resources) {
    const Completion completion = first_.admin(
        manage(static_cast<VirtualizationAction>(action), controller, static_cast<ResourceType>(type), resources));
    if (!completion.ok()) EXPECT_EQ(completion.dw0, 0u);
    return completion.status;
  };
  for (const u32 action : {0u, 2u, 3u, 4u, 5u, 6u, 10u, 15u}) EXPECT_EQ(status(action, 2, 0, 1), Status::kInvalidField) << action;
  for (const u32 action : {7u, 8u, 9u}) {
    for (const u16 controller : {0, 1, 4, 5, 0xffff}) {
      EXPECT_EQ(status(action, static_cast<u16>(controller), 0, 2), Status::kInvalidControllerIdentifier) << action << " " << controller;
    }
  }
  for (const u16 controller : {0, 2, 3, 4, 0xffff}) {
    EXPECT_EQ(status(1, static_cast<u16>(controller), 0, 1), Status::kInvalidControllerIdentifier) << controller;
  }
  for (const u32 type : {2u, 7u}) {
    EXPECT_EQ(status(1, 1, type, 1), Status::kInvalidResourceIdentifier);
    EXPECT_EQ(status(8, 2, type, 1), Status::kInvalidResourceIdentifier);
  }
  EXPECT_EQ(status(8, 3, 0, 1), Status::kInvalidSecondaryState);
  EXPECT_EQ(status(8, 2, 0, 6), Status::kInvalidNumberOfResources);
  EXPECT_EQ(status(8, 2, 1, 7), Status::kInvalidNumberOfResources);
  EXPECT_EQ(status(8, 2, 0, 0xffff), Status::kInvalidNumberOfResources);
  EXPECT_EQ(status(8, 2, 0, 4), Status::kInvalidResourceIdentifier) << "two of five are in use";
  EXPECT_EQ(status(8, 2, 1, 6), Status::kInvalidResourceIdentifier);
  EXPECT_EQ(status(1, 1, 0, 6), Status::kInvalidNumberOfResources);
  EXPECT_EQ(status(1, 1, 0, 4), Status::kInvalidResourceIdentifier);
  EXPECT_EQ(entry(2).nvq, 0);
  EXPECT_EQ(entry(2).nvi, 0);
  EXPECT_EQ(entry(3).scs, 1);
  EXPECT_EQ(pool(kVq).allocated, 0);
}

TEST_F(Virtualization, NumberOfResourcesModifiedIsTold) {
  EXPECT_EQ(assign(2, kVq, 4).dw0, 4u);
  EXPECT_EQ(assign(2, kVq, 2).dw0, 2u) << "it has two then, not six";
  EXPECT_EQ(entry(2).nvq, 2);
  EXPECT_EQ(assign(3, kVq, 3).dw0, 3u);
  EXPECT_EQ(assign(2, kVq, 3).status, Status::kInvalidResourceIdentifier);
  EXPECT_EQ(assign(2, kVq, 0).dw0, 0u);
  EXPECT_EQ(allocate(kVq, 2).dw0, 2u);
}

// ---- The primary controller's resources, and its resets

TEST_F(Virtualization, AllocationTakesEffectWithAResetThatIsNoControllerReset) {
  ASSERT_TRUE(allocate(kVq, 3).ok());
  ASSERT_TRUE(allocate(kVi, 4).ok());
  EXPECT_EQ(pool(kVq).allocated, 0);
  first_.disable();
  start_primary();
  EXPECT_EQ(pool(kVq).allocated, 0);
  EXPECT_EQ(io_queues(first_), 3u);
  EXPECT_TRUE(assign(2, kVq, 5).ok()) << "they are not the primary controller's yet";
  function_level_reset(0);
  first_.forget_queues();
  start_primary();
  EXPECT_EQ(pool(kVq).allocated, 3);
  EXPECT_EQ(pool(kVi).allocated, 4);
  EXPECT_EQ(pool(kVq).assigned, 0u);
  EXPECT_EQ(io_queues(first_), 6u);
  ASSERT_TRUE(first_.create_cq(6, 16, 6).ok());
  EXPECT_EQ(first_.create_cq(7, 16, 6).status, Status::kInvalidQueueIdentifier);
  EXPECT_EQ(first_.create_cq(5, 16, 7).status, Status::kInvalidInterruptVector);
  EXPECT_EQ(assign(2, kVq, 3).status, Status::kInvalidResourceIdentifier);
  EXPECT_TRUE(assign(2, kVq, 2).ok());
  first_.disable();
  start_primary();
  EXPECT_EQ(pool(kVq).allocated, 3);
}

TEST_F(SlowVirtualization, ResetOfThePrimaryControllerTakesSecondaryControllersOffline) {
  for (const bool function_level : {false, true}) {
    bring_online(2);
    ASSERT_TRUE(assign(3, kVq, 2).ok());
    start(second_);
    submit_writes(second_, 8);
    if (function_level) {
      function_level_reset(0);
      first_.forget_queues();
    } else {
      first_.disable();
      runner_.settle();
    }
    expect_offline(second_);
    expect_offline(third_);
    second_.forget_queues();
    expect_silence();
    start_primary();
    EXPECT_EQ(entry(2).scs, 0);
    EXPECT_EQ(entry(2).nvq + entry(3).nvq, 0) << "assigned resources are gone, of those that were offline too";
    EXPECT_EQ(online(2).status, Status::kInvalidSecondaryState);
  }
}

TEST_F(Virtualization, ShutdownOfThePrimaryControllerIsNoReset) {
  bring_online(2);
  start(second_);
  first_.shutdown();
  EXPECT_TRUE(second_.write(5, pattern(512, 5)).ok());
  first_.disable();
  runner_.settle();
  expect_offline(second_);
}

TEST_F(Virtualization, ResetOfASecondaryControllerLeavesItsState) {
  bring_online(2);
  start(second_);
  second_.disable();
  start(second_);
  function_level_reset(1);
  second_.forget_queues();
  EXPECT_EQ(second_.csts(), 0u);
  EXPECT_EQ(entry(2).scs, 1);
  EXPECT_EQ(entry(2).nvq, 2);
  start(second_);
  second_.shutdown();
  EXPECT_EQ(entry(2).scs, 1);
  ASSERT_TRUE(offline(2).ok());
  expect_offline(second_);
  function_level_reset(1);
  expect_offline(second_);
  function_level_reset(2);
  expect_offline(third_);
}

// A secondary controller that has failed is no obstacle.
TEST_F(Virtualization, OfflineAfterAFailure) {
  bring_online(2);
  Driver::EnableOptions options;
  options.extra_cc = 3u << 7;  // MPS
  EXPECT_FALSE(second_.enable(options));
  ASSERT_TRUE(offline(2).ok());
  expect_offline(second_);
  bring_online(2);
  start(second_);
}

class VirtualizationPower : public Virtualization {
 protected:
  VirtualizationPower()
      : Virtualization({{"type", "conv"}, {"power_cuts", "1"}, {"channels", "2"}, {"dies_per_channel", "1"}}) {}
};

TEST_F(VirtualizationPower, CutLeavesTheAllocationOnly) {
  bring_online(2);
  start(second_);
  ASSERT_TRUE(allocate(kVq, 2).ok());
  submit_writes(second_, 4);
  nvmev_error error{};
  ASSERT_EQ(nvmev_dev_power_cut(device_.get(), 1, &error), 0);
  runner_.settle();
  for (const u32 controller : {0u, 1u, 2u}) EXPECT_TRUE(nvmev_dev_reset_done(device_.get(), controller));
  EXPECT_EQ(first_.csts(), 0u);
  expect_offline(second_);
  expect_offline(third_);
  first_.forget_queues();
  second_.forget_queues();
  start_primary();
  EXPECT_EQ(pool(kVq).allocated, 2);
  EXPECT_EQ(entry(2).nvq, 0);
  bring_online(2);
  start(second_);
  EXPECT_TRUE(second_.write(5, pattern(512, 5)).ok());
}

// ---- Held devices

// The primary controller cannot be held before its commands are over, of which it takes more until then; the secondary one is held
// already.
TEST_F(SlowVirtualization, OfflineWhileTheDeviceIsToBeHeld) {
  constexpr u32 kBytes = 512 << 10;
  bring_online(2);
  start(second_);
  for (u32 i = 0; i < 60; i++) ASSERT_TRUE(first_.write(i * kBytes / 512, pattern(kBytes, i)).ok());
  submit_writes(second_, 4);
  const u16 format = first_.submit(0, cmd::format(1, 0));
  const auto pass = [&] {
    runner_.dispatch(0);
    runner_.work(0);
  };
  pass();
  nvmev_dev_hold(device_.get());
  for (u32 i = 0; i < 3; i++) pass();
  ASSERT_EQ(first_.reap(0), 0u) << "Format NVM is over too early for this test";
  const u16 cid = first_.submit(0, manage(VirtualizationAction::kOffline, 2));
  runner_.settle();
  EXPECT_TRUE(nvmev_dev_held(device_.get()));
  EXPECT_TRUE(first_.wait(0, format).ok());
  EXPECT_TRUE(first_.wait(0, cid).ok());
  expect_offline(second_);
  nvmev_dev_release(device_.get());
  runner_.settle();
  expect_offline(second_);
}

// A reset of the primary controller while the device is held is carried out afterwards, for all of them.
TEST_F(SlowVirtualization, ResetWhileTheDeviceIsHeld) {
  bring_online(2);
  start(second_);
  submit_writes(second_, 4);
  nvmev_dev_hold(device_.get());
  runner_.settle();
  ASSERT_TRUE(nvmev_dev_held(device_.get()));
  nvmev_dev_request_reset(device_.get(), 0);
  runner_.settle();
  EXPECT_TRUE(second_.ready());
  nvmev_dev_release(device_.get());
  runner_.settle();
  expect_offline(second_);
}

// One that waits for its state to be saved has no queues any more; the command does not wait for the save.
TEST_F(Virtualization, OfflineWhileItsStateIsSaved) {
  bring_online(2);
  start(second_);
  bool asked = false;
  host_.on_shutdown = [&asked] { return asked = true; };
  second_.write32(offsetof(nvme::Registers, cc), second_.read32(offsetof(nvme::Registers, cc)) | 1u << 14);
  runner_.settle();
  ASSERT_TRUE(asked);
  ASSERT_TRUE(offline(2).ok());
  nvmev_dev_hold(device_.get());
  runner_.settle();
  ASSERT_TRUE(nvmev_dev_held(device_.get()));
  nvmev_dev_release(device_.get());
  runner_.settle();
  expect_offline(second_);
}

// ---- Threads

// Once the command has completed, none of the device's threads touches memory of the secondary controller's host.
class VirtualizationThreads : public testing::TestWithParam<u32> {};
INSTANTIATE_TEST_SUITE_P(Threads, VirtualizationThreads, testing::Values(1, 3));

TEST_P(VirtualizationThreads, OfflineUnderLoad) {
  TestHost host;
  Device device(host, make_config({{"controllers", "2"}, {"virtualization", "1"}, {"dispatchers", "2"}}, 2));
  ThreadRunner runner(device, GetParam());
  Driver primary(device, runner, 0), secondary(device, runner, 1);
  ASSERT_TRUE(primary.enable());
  constexpr u32 kBytes = 512 << 10;  // which take their time to move
  DmaBuffer buffer(host.arena, kBytes);
  const Prps prps(host.arena, buffer);
  for (u32 round = 0; round < 60; round++) {
    ASSERT_TRUE(primary.admin(manage(VirtualizationAction::kAssign, 2, kVq, 3)).ok());
    ASSERT_TRUE(primary.admin(manage(VirtualizationAction::kAssign, 2, kVi, 1)).ok());
    ASSERT_TRUE(primary.admin(manage(VirtualizationAction::kOnline, 2)).ok());
    ASSERT_TRUE(secondary.enable());
    for (u16 queue = 1; queue <= 2; queue++) secondary.create_queue_pair(queue, 64, 0);
    for (u32 i = 0; i < 60; i++) secondary.submit(static_cast<u16>(1 + i % 2), cmd::with_prps(cmd::read(0, kBytes / 512), prps));
    if (round % 2 == 0) ASSERT_TRUE(secondary.wait_for(round % 40));
    ASSERT_TRUE(primary.admin(manage(VirtualizationAction::kOffline, 2)).ok());
    ASSERT_EQ(secondary.csts(), nvme::csts::kFatal);
    host.arena.forbid();
    for (const u64 end = runner.now() + 1'000'000; runner.now() < end;) runner.step();
    host.arena.allow();
    secondary.forget_queues();
    secondary.take();
  }
}

// ---- State files

Settings three(const char* flexible) {
  return {{"controllers", "3"}, {"virtualization", "1"}, {"vq_flexible", flexible}};
}

TEST(VirtualizationState, AllocationSurvives) {
  TestHost host;
  const auto primary = [&](const Settings& settings, auto with) {
    Device device(host, make_config(settings));
    nvmev_error error{};
    const int result = nvmev_dev_load(device.get(), &error);
    if (result != 0) return result;
    ManualRunner runner(device);
    Driver driver(device, runner, 0);
    EXPECT_TRUE(driver.enable());
    with(driver);
    EXPECT_EQ(nvmev_dev_save(device.get(), runner.now(), &error), 0) << error.text;
    return result;
  };
  const auto allocated = [](Driver& driver) {
    const std::vector<u8> data = driver.identify(Cns::kPrimaryCapabilities).bytes;
    return std::pair(data[36], data[40]);  // VQRFA, VQRFAP
  };
  primary(three("5"), [&](Driver& driver) {
    ASSERT_TRUE(driver.admin(manage(VirtualizationAction::kAllocate, kPrimary, kVq, 3)).ok());
    ASSERT_TRUE(driver.admin(manage(VirtualizationAction::kAssign, 2, kVq, 2)).ok());
    EXPECT_EQ(allocated(driver), std::pair(u8{2}, u8{0}));
  });
  EXPECT_EQ(primary(three("5"), [&](Driver& driver) { EXPECT_EQ(allocated(driver), std::pair(u8{0}, u8{3})); }), 0);
  EXPECT_EQ(primary(three("2"), [&](Driver& driver) { EXPECT_EQ(allocated(driver), std::pair(u8{0}, u8{2})) << "there are no more"; }), 0);
  EXPECT_EQ(primary({{"controllers", "3"}}, [](Driver&) {}), -EINVAL) << "none";
}

// ---- Keys

TEST(VirtualizationKeys, ControllersAndQueuesThatFit) {
  const auto check = [](const Settings& settings) {
    nvmev_config config;
    nvmev_config_init(&config);
    config.capacity = 1 << 20;
    nvmev_error error{};
    for (const auto& [key, value] : settings) EXPECT_EQ(nvmev_config_set(&config, key.c_str(), value.c_str(), &error), 0) << key;
    return nvmev_config_check(&config, &error);
  };
  EXPECT_EQ(check({{"virtualization", "1"}}), -EINVAL) << "one controller";
  EXPECT_EQ(check({{"virtualization", "1"}, {"controllers", "2"}}), 0);
  EXPECT_EQ(check({{"virtualization", "1"}, {"controllers", "2"}, {"queues", "2"}}), -EINVAL);
  EXPECT_EQ(check({{"virtualization", "1"}, {"controllers", "2"}, {"queues", "3"}}), 0);
  EXPECT_EQ(check({{"controllers", "2"}, {"vq_flexible", "2"}}), -EINVAL) << "without virtualization";
  EXPECT_EQ(check({{"controllers", "2"}, {"vi_flexible", "2"}}), -EINVAL);
  const auto flexible = [&](const char* key, const char* value) {
    return check({{"virtualization", "1"}, {"controllers", "2"}, {"queues", "8"}, {key, value}});
  };
  EXPECT_EQ(flexible("vq_flexible", "1"), -ERANGE);
  EXPECT_EQ(flexible("vq_flexible", "2"), 0);
  EXPECT_EQ(flexible("vq_flexible", "7"), 0);
  EXPECT_EQ(flexible("vq_flexible", "8"), -ERANGE) << "the primary controller needs two";
  EXPECT_EQ(flexible("vi_flexible", "1"), 0);
  EXPECT_EQ(flexible("vi_flexible", "8"), 0);
  EXPECT_EQ(flexible("vi_flexible", "9"), -ERANGE);
}

TEST(VirtualizationKeys, HalfIsFlexibleWhereNothingIsSaid) {
  Rig rig({{"controllers", "2"}, {"virtualization", "1"}, {"queues", "3"}});
  rig.start();
  const std::vector<u8> data = rig.driver.identify(Cns::kPrimaryCapabilities).bytes;
  EXPECT_EQ(data[32], 2) << "VQFRT";
  EXPECT_EQ(data[42], 2) << "VQPRT";
  EXPECT_EQ(data[64], 2) << "VIFRT";
}

}  // namespace
}  // namespace nvmev::test
