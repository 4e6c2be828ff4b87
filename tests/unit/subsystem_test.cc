// SPDX-License-Identifier: GPL-2.0-only
// Several controllers in one NVM subsystem: NVMe 2.0 sections 2.4.1 and 3.2.
#include <gtest/gtest.h>

#include "host/pair.h"

namespace nvmev::test {
namespace {

using nvme::AdminOpcode;
using nvme::Cns;
using nvme::Feature;
using nvme::LogPage;
using nvme::NvmOpcode;
using nvme::SanitizeAction;
using nvme::Status;

constexpr u32 kAttach = 0, kDetach = 1;
constexpr u32 kNamespaceEvent = 0x04'00'02;
constexpr u32 kSanitizeEvent = 0x81'01'06;

class Subsystem : public testing::Test {
 protected:
  explicit Subsystem(Settings settings = {}) : pair_(std::move(settings)) { pair_.start(); }

  static u64 field(const std::vector<u8>& data, size_t at, size_t bytes) {
    u64 value = 0;
    std::memcpy(&value, &data[at], bytes);
    return value;
  }
  static std::vector<u16> controllers(Driver& driver, Cns cns, u32 nsid, u16 from = 0) {
    const std::vector<u8> data = driver.identify(cns, nsid, nvme::Csi::kNvm, from).bytes;
    std::vector<u16> list(field(data, 0, 2));
    for (size_t i = 0; i < list.size(); i++) list[i] = static_cast<u16>(field(data, 2 + 2 * i, 2));
    return list;
  }
  static Completion send(Driver& driver, AdminOpcode opcode, u32 nsid, u32 select, const std::vector<u8>& data) {
    DmaBuffer buffer(driver.arena(), 4096);
    buffer.write(data);
    nvme::Sqe sqe = cmd::admin(opcode, nsid);
    sqe.prp1 = buffer.bus();
    sqe.cdw10 = select;
    return driver.admin(sqe);
  }
  static Status attachment(Driver& driver, u32 nsid, u32 select, const std::vector<u16>& ids) {
    std::vector<u8> data(4096);
    data[0] = static_cast<u8>(ids.size());
    for (size_t i = 0; i < ids.size(); i++) data[2 + 2 * i] = static_cast<u8>(ids[i]);
    return send(driver, AdminOpcode::kNamespaceAttachment, nsid, select, data).status;
  }
  static std::vector<u8> wanted(u64 blocks, u8 nmic) {
    std::vector<u8> data(4096);
    std::memcpy(&data[0], &blocks, 8);
    std::memcpy(&data[8], &blocks, 8);
    data[30] = nmic;
    return data;
  }
  static std::optional<Completion> event(Driver& driver, u16 cid) {
    driver.reap();
    return driver.take(0, cid);
  }
  static bool active(Driver& driver, u32 nsid) {
    const std::vector<u8> list = driver.identify(Cns::kActiveNamespaces).bytes;
    for (u32 at = 0; at < 4096; at += 4) {
      if (field(list, at, 4) == nsid) return true;
    }
    return false;
  }

  Pair pair_;
  Driver& first_ = pair_.first;
  Driver& second_ = pair_.second;
};

// Feature 05h is of a namespace, whichever controller asks.
TEST_F(Subsystem, ErrorRecoveryIsOfTheNamespace) {
  const auto recovery = [&](Driver& driver, nvme::FeatureSelect select = nvme::FeatureSelect::kCurrent) {
    nvme::Sqe sqe = cmd::get_feature(Feature::kErrorRecovery, select);
    sqe.nsid = 1;
    return driver.admin(sqe).dw0;
  };
  nvme::Sqe sqe = cmd::set_feature(Feature::kErrorRecovery, 7);
  sqe.nsid = 1;
  ASSERT_TRUE(pair_.first.admin(sqe).ok());
  EXPECT_EQ(recovery(pair_.second), 7u);
  EXPECT_EQ(recovery(pair_.second, nvme::FeatureSelect::kSaved), 0u);
  sqe.cdw10 |= 1u << 31;
  sqe.cdw11 = 9;
  ASSERT_TRUE(pair_.second.admin(sqe).ok());
  EXPECT_EQ(recovery(pair_.first), 9u);
  EXPECT_EQ(recovery(pair_.first, nvme::FeatureSelect::kSaved), 9u);
  sqe.cdw10 &= ~(1u << 31);
  sqe.cdw11 = 11;
  ASSERT_TRUE(pair_.first.admin(sqe).ok());
  pair_.first.disable();
  ASSERT_TRUE(pair_.first.enable());
  EXPECT_EQ(recovery(pair_.first), 11u) << "a reset of one controller is none of the namespace";
  EXPECT_EQ(recovery(pair_.second), 11u);
}

TEST_F(Subsystem, ControllersKnowOfEachOther) {
  const std::vector<u8> first = first_.identify(Cns::kController).bytes;
  const std::vector<u8> second = second_.identify(Cns::kController).bytes;
  EXPECT_EQ(field(first, 78, 2), 1u) << "CNTLID";
  EXPECT_EQ(field(second, 78, 2), 2u);
  EXPECT_EQ(first[76], 0x0a) << "CMIC: several controllers, ANA";
  EXPECT_EQ(second[76], first[76]);
  EXPECT_TRUE(std::equal(&first[768], &first[1024], &second[768])) << "SUBNQN";
  EXPECT_EQ(controllers(first_, Cns::kControllers, 0), (std::vector<u16>{1, 2}));
  EXPECT_EQ(controllers(second_, Cns::kControllers, 0, 2), (std::vector<u16>{2}));
  EXPECT_TRUE(controllers(second_, Cns::kControllers, 0, 3).empty());
  EXPECT_EQ(controllers(first_, Cns::kNamespaceControllers, 1), (std::vector<u16>{1, 2}));
}

TEST_F(Subsystem, NamespaceIsTheSameThroughBoth) {
  const std::vector<u8> first = first_.identify(Cns::kNamespace, 1).bytes;
  EXPECT_EQ(first, second_.identify(Cns::kNamespace, 1).bytes);
  EXPECT_EQ(first[30], 1) << "NMIC: shared";
  EXPECT_EQ(first_.identify(Cns::kIndependentNamespace, 1).bytes[1], 1);
  EXPECT_EQ(first_.identify(Cns::kNamespaceDescriptors, 1).bytes, second_.identify(Cns::kNamespaceDescriptors, 1).bytes);
  for (u32 i = 0; i < 20; i++) {
    Driver& writer = i % 2 == 0 ? first_ : second_;
    Driver& reader = i % 2 == 0 ? second_ : first_;
    ASSERT_TRUE(writer.write(i * 3, pattern(4096, i)).ok());
    ASSERT_EQ(reader.read(i * 3, 8).bytes, pattern(4096, i));
  }
  EXPECT_EQ(pair_.runner.fault(), "");
}

TEST(SubsystemAlone, OneControllerSaysNothingOfOthers) {
  Rig rig;
  rig.start();
  const std::vector<u8> controller = rig.driver.identify(Cns::kController).bytes;
  EXPECT_EQ(controller[76], 0) << "CMIC";
  EXPECT_EQ(rig.driver.identify(Cns::kNamespace, 1).bytes[30], 0) << "NMIC";
  DmaBuffer buffer(rig.driver.arena(), 4096);
  EXPECT_EQ(rig.admin(cmd::get_log(LogPage::kAna, 0, 512, buffer.bus())).status, Status::kInvalidLogPage);
}

TEST_F(Subsystem, InterruptsAndQueuesAreEachOnesOwn) {
  const u64 of_first = pair_.host.interrupts(1, 0), of_second = pair_.host.interrupts(1, 1);
  ASSERT_TRUE(second_.write(0, pattern(512, 1)).ok());
  EXPECT_EQ(pair_.host.interrupts(1, 0), of_first);
  EXPECT_GT(pair_.host.interrupts(1, 1), of_second);
  ASSERT_TRUE(second_.delete_sq(1).ok());
  EXPECT_TRUE(first_.write(0, pattern(512, 2)).ok());
}

TEST_F(Subsystem, FeaturesAreEachOnesOwn) {
  ASSERT_TRUE(first_.set_feature(Feature::kAsyncEventConfig, 0x100).ok());
  EXPECT_EQ(first_.get_feature(Feature::kAsyncEventConfig).dw0, 0x100u);
  EXPECT_EQ(second_.get_feature(Feature::kAsyncEventConfig).dw0, 0u);
}

TEST_F(Subsystem, AttachmentIsByController) {
  for (Driver* driver : {&first_, &second_}) ASSERT_TRUE(driver->set_feature(Feature::kAsyncEventConfig, 0x100).ok());
  const u16 told = second_.submit(0, cmd::async_event());
  ASSERT_EQ(attachment(first_, 1, kDetach, {2}), Status::kSuccess);
  EXPECT_TRUE(active(first_, 1));
  EXPECT_FALSE(active(second_, 1));
  EXPECT_EQ(controllers(second_, Cns::kNamespaceControllers, 1), (std::vector<u16>{1}));
  EXPECT_EQ(second_.write(0, pattern(512, 1)).status, Status::kInvalidNamespaceOrFormat);
  EXPECT_TRUE(first_.write(0, pattern(512, 1)).ok());
  pair_.runner.settle();
  const auto completion = event(second_, told);
  ASSERT_TRUE(completion.has_value()) << "the controller whose namespaces changed is told";
  EXPECT_EQ(completion->dw0, kNamespaceEvent);
  EXPECT_EQ(second_.log<nvme::ChangedNamespacesLog>(LogPage::kChangedNamespaces).nsid[0], 1u);
  EXPECT_EQ(first_.log<nvme::ChangedNamespacesLog>(LogPage::kChangedNamespaces).nsid[0], 0u);

  EXPECT_EQ(attachment(first_, 1, kAttach, {1, 2}), Status::kNamespaceAlreadyAttached);
  EXPECT_EQ(attachment(first_, 1, kDetach, {1, 2}), Status::kNamespaceNotAttached);
  EXPECT_EQ(attachment(first_, 1, kAttach, {3}), Status::kControllerListInvalid);
  EXPECT_EQ(attachment(first_, 1, kAttach, {2, 2}), Status::kControllerListInvalid);
  EXPECT_EQ(attachment(first_, 1, kAttach, {2, 1}), Status::kControllerListInvalid) << "not in order";
  EXPECT_EQ(attachment(first_, 1, kAttach, {}), Status::kControllerListInvalid);
  ASSERT_EQ(attachment(second_, 1, kAttach, {2}), Status::kSuccess) << "by itself";
  EXPECT_EQ(second_.read(0, 1).bytes, pattern(512, 1));
}

TEST_F(Subsystem, PrivateNamespacesHaveOneController) {
  ASSERT_TRUE(send(first_, AdminOpcode::kNamespaceManagement, 1, 1, std::vector<u8>(4096)).ok());
  EXPECT_FALSE(active(second_, 1)) << "deleted for both";
  ASSERT_EQ(send(second_, AdminOpcode::kNamespaceManagement, 0, 0, wanted(1024, 0)).dw0, 1u);
  ASSERT_EQ(send(second_, AdminOpcode::kNamespaceManagement, 0, 0, wanted(1024, 1)).dw0, 2u);
  EXPECT_EQ(send(second_, AdminOpcode::kNamespaceManagement, 0, 0, wanted(1024, 2)).status, Status::kInvalidField);
  EXPECT_EQ(attachment(first_, 1, kAttach, {1, 2}), Status::kNamespaceIsPrivate);
  EXPECT_EQ(attachment(first_, 1, kAttach, {2}), Status::kSuccess);
  EXPECT_EQ(attachment(first_, 1, kAttach, {1}), Status::kNamespaceIsPrivate);
  EXPECT_EQ(attachment(first_, 2, kAttach, {1, 2}), Status::kSuccess);
  EXPECT_FALSE(active(first_, 1));
  EXPECT_TRUE(active(second_, 1) && active(first_, 2) && active(second_, 2));
}

class SlowSubsystem : public Subsystem {
 protected:
  SlowSubsystem() : Subsystem(Settings{{"write_time", "50000000"}, {"read_time", "1000"}}) {}

  // Submits writes that take 50 ms, without waiting for them.
  std::vector<u16> submit_writes(Driver& driver, u32 count, u64 from) {
    std::vector<u16> cids;
    for (u32 i = 0; i < count; i++) {
      buffers_.push_back(std::make_unique<DmaBuffer>(driver.arena(), 512));
      buffers_.back()->write(pattern(512, from + i));
      const Prps prps(driver.arena(), *buffers_.back());
      cids.push_back(driver.queue(1, cmd::with_prps(cmd::write(from + i, 1), prps)));
    }
    driver.ring(1);
    pair_.runner.settle();
    return cids;
  }

  std::vector<std::unique_ptr<DmaBuffer>> buffers_;
};

TEST_F(SlowSubsystem, ResetOfOneLeavesTheOtherAlone) {
  submit_writes(first_, 8, 0);
  submit_writes(second_, 8, 100);
  first_.disable();
  EXPECT_EQ(first_.csts() & nvme::csts::kReady, 0u);
  EXPECT_TRUE(second_.ready());
  ASSERT_TRUE(second_.wait_for(8));
  for (const Completion& completion : second_.take()) EXPECT_TRUE(completion.ok());
  EXPECT_EQ(second_.read(107, 1).bytes, pattern(512, 107));
  ASSERT_TRUE(first_.enable());
  first_.create_queue_pair(1, 64);
  EXPECT_EQ(first_.read(100, 1).bytes, pattern(512, 100));
}

TEST_F(SlowSubsystem, FunctionLevelResetOfOneLeavesTheOtherAlone) {
  submit_writes(second_, 4, 0);
  nvmev_dev_request_reset(pair_.device.get(), 0);
  pair_.runner.settle();
  EXPECT_TRUE(nvmev_dev_reset_done(pair_.device.get(), 0));
  EXPECT_FALSE(first_.ready());
  first_.forget_queues();
  ASSERT_TRUE(second_.wait_for(4));
  for (const Completion& completion : second_.take()) EXPECT_TRUE(completion.ok());
}

TEST_F(SlowSubsystem, FormatIsForAllControllers) {
  for (Driver* driver : {&first_, &second_}) ASSERT_TRUE(driver->set_feature(Feature::kAsyncEventConfig, 0x100).ok());
  const u16 told = second_.submit(0, cmd::async_event());
  submit_writes(second_, 4, 0);
  const u16 format = first_.submit(0, cmd::format(1, 1));
  pair_.runner.settle();
  ASSERT_TRUE(first_.wait(0, format).ok());
  ASSERT_TRUE(second_.wait_for(5)) << "four writes and the event";
  EXPECT_TRUE(event(second_, told).has_value());
  second_.lba_size = 4096;
  EXPECT_EQ(second_.read(0, 1).bytes, std::vector<u8>(4096, 0)) << "written before the format";
  EXPECT_EQ(second_.identify(Cns::kNamespace, 1).bytes[26] & 0xf, 1) << "FLBAS";
}

TEST_F(Subsystem, SanitizeIsForAllControllers) {
  ASSERT_TRUE(second_.write(5, pattern(4096, 1)).ok());
  const u16 first = first_.submit(0, cmd::async_event()), second = second_.submit(0, cmd::async_event());
  ASSERT_TRUE(first_.admin(cmd::sanitize(SanitizeAction::kBlockErase)).ok());
  EXPECT_EQ(second_.write(0, pattern(512, 1)).status, Status::kSanitizeInProgress);
  EXPECT_EQ(second_.admin(cmd::sanitize(SanitizeAction::kBlockErase)).status, Status::kSanitizeInProgress);
  EXPECT_EQ(second_.admin(cmd::format(1, 0)).status, Status::kSanitizeInProgress);
  pair_.runner.run_for(20'000'000'000);
  ASSERT_TRUE(event(first_, first).has_value());
  EXPECT_FALSE(event(second_, second).has_value()) << "the controller that got the command reports";
  EXPECT_EQ(second_.read(5, 8).bytes, std::vector<u8>(4096, 0));
  EXPECT_EQ(second_.log<nvme::SanitizeLog>(LogPage::kSanitize).status & 7, 1u);
  EXPECT_EQ(kSanitizeEvent, 0x810106u);
}

TEST_F(Subsystem, SanitizeGoesOnOverTheResetOfItsController) {
  ASSERT_TRUE(second_.write(5, pattern(4096, 1)).ok());
  ASSERT_TRUE(first_.admin(cmd::sanitize(SanitizeAction::kBlockErase)).ok());
  first_.disable();
  EXPECT_EQ(second_.read(5, 8).completion.status, Status::kSanitizeInProgress);
  pair_.runner.run_for(20'000'000'000);
  EXPECT_EQ(second_.read(5, 8).bytes, std::vector<u8>(4096, 0));
}

TEST_F(SlowSubsystem, HoldIsForAllControllers) {
  submit_writes(first_, 4, 0);
  submit_writes(second_, 4, 100);
  nvmev_dev_hold(pair_.device.get());
  pair_.runner.settle();
  EXPECT_TRUE(nvmev_dev_held(pair_.device.get()));
  submit_writes(second_, 1, 200);
  EXPECT_FALSE(second_.wait_for(6));
  EXPECT_EQ(second_.take().size(), 4u) << "what was fetched completes, and no more";
  nvmev_dev_release(pair_.device.get());
  EXPECT_TRUE(second_.wait_for(1));
  EXPECT_EQ(pair_.runner.fault(), "");
}

// A host that makes no room for its completions, more of them than the device keeps.
TEST(SubsystemQueues, NobodyWaitsForAnothersHost) {
  Pair pair({{"inflight", "64"}});
  ASSERT_TRUE(pair.first.enable());
  ASSERT_TRUE(pair.first.create_cq(1, 4, 1).ok());
  ASSERT_TRUE(pair.first.create_sq(1, 256, 1).ok());
  for (int i = 0; i < 200; i++) pair.first.queue(1, i % 50 == 20 ? cmd::write_zeroes(0, 64) : cmd::flush());
  pair.first.ring(1);
  pair.runner.run_for(1'000'000);
  ASSERT_TRUE(pair.second.enable());
  pair.second.create_queue_pair(1, 16);
  for (const nvme::Sqe& command : {cmd::format(1, 1), cmd::sanitize(nvme::SanitizeAction::kBlockErase), cmd::delete_sq(1), cmd::delete_cq(1)}) {
    const u16 cid = pair.second.submit(0, command);
    pair.runner.run_for(10'000'000'000);
    pair.second.reap();
    const auto done = pair.second.take(0, cid);
    ASSERT_TRUE(done.has_value());
    EXPECT_TRUE(done->ok());
  }
  nvmev_dev_hold(pair.device.get());
  pair.runner.settle();
  EXPECT_TRUE(nvmev_dev_held(pair.device.get()));
  nvmev_dev_release(pair.device.get());
  size_t got = 0;
  for (int i = 0; i < 100; i++) {
    got += pair.first.reap();
    pair.runner.run_for(1'000'000);
  }
  EXPECT_EQ(got, 200u);
  EXPECT_EQ(pair.runner.fault(), "");
}

TEST(SubsystemPower, CutIsForAllControllers) {
  Pair pair({{"type", "conv"}, {"power_cuts", "1"}, {"channels", "2"}, {"dies_per_channel", "1"}});
  pair.start();
  ASSERT_TRUE(pair.first.write(0, pattern(4096, 1)).ok());
  ASSERT_TRUE(pair.second.run(1, cmd::flush()).ok());
  ASSERT_TRUE(pair.second.write(1000, pattern(4096, 2)).ok());
  nvmev_error error{};
  ASSERT_EQ(nvmev_dev_power_cut(pair.device.get(), 1, &error), 0);
  pair.runner.settle();
  for (const u32 controller : {0u, 1u}) EXPECT_TRUE(nvmev_dev_reset_done(pair.device.get(), controller));
  for (Driver* driver : {&pair.first, &pair.second}) {
    EXPECT_FALSE(driver->ready());
    driver->forget_queues();
  }
  pair.start();
  EXPECT_EQ(pair.second.read(0, 8).bytes, pattern(4096, 1)) << "flushed by the other controller";
}

TEST(SubsystemState, SurvivesAndKnowsItsControllers) {
  TestHost host;
  std::vector<u8> kept;
  {
    Device device(host, make_config(Pair::with_controllers({})));
    ManualRunner runner(device);
    Driver driver(device, runner, 1);
    ASSERT_TRUE(driver.enable());
    driver.create_queue_pair(1, 64);
    ASSERT_TRUE(driver.write(3, pattern(512, 3)).ok());
    driver.disable();
    nvmev_error error{};
    ASSERT_EQ(nvmev_dev_save(device.get(), runner.now(), &error), 0) << error.text;
  }
  nvmev_error error{};
  {
    Device device(host, make_config({}));
    EXPECT_EQ(nvmev_dev_load(device.get(), &error), -EINVAL) << "one controller instead of two";
  }
  Device device(host, make_config(Pair::with_controllers({})));
  ASSERT_EQ(nvmev_dev_load(device.get(), &error), 0) << error.text;
  ManualRunner runner(device);
  Driver driver(device, runner, 0);
  ASSERT_TRUE(driver.enable());
  driver.create_queue_pair(1, 64);
  EXPECT_EQ(driver.read(3, 1).bytes, pattern(512, 3));
}

}  // namespace
}  // namespace nvmev::test
