// SPDX-License-Identifier: GPL-2.0-only
// The Streams directive: NVMe 2.0 section 8.7.3.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "host/rig.h"
#include "nvmev/nvme/directive.h"

namespace nvmev::test {
namespace {

using nvme::AdminOpcode;
using nvme::Cns;
using nvme::Status;
using nvme::StreamsParameters;

constexpr u16 kIdentify = nvme::kDirectiveIdentify << 8, kStreams = nvme::kDirectiveStreams << 8;
constexpr u32 kAll = 0xffffffff;

const Settings kFour{{"type", "conv"}, {"capacity", "64M"}, {"channels", "2"}, {"dies_per_channel", "1"}, {"streams", "4"}};

class StreamsRig : public Rig {
 public:
  explicit StreamsRig(const Settings& settings = kFour) : Rig(settings) { start(1); }

  Completion send(u16 what, u16 specific = 0, u32 cdw12 = 0, u32 nsid = 1) {
    nvme::Sqe sqe = cmd::admin(AdminOpcode::kDirectiveSend, nsid);
    sqe.cdw11 = what | static_cast<u32>(specific) << 16;
    sqe.cdw12 = cdw12;
    return admin(sqe);
  }
  Completion enable(bool on = true, u32 nsid = 1) {
    return send(kIdentify | nvme::kIdentifyEnable, 0, u32{on} | static_cast<u32>(nvme::kDirectiveStreams) << 8, nsid);
  }
  Driver::Data receive(u16 what, u32 bytes, u32 cdw12 = 0, u32 nsid = 1) {
    DmaBuffer buffer(driver.arena(), bytes);
    const Prps prps(driver.arena(), buffer);
    nvme::Sqe sqe = cmd::with_prps(cmd::admin(AdminOpcode::kDirectiveReceive, nsid), prps);
    sqe.cdw10 = bytes / 4 - 1;
    sqe.cdw11 = what;
    sqe.cdw12 = cdw12;
    Driver::Data data;
    data.completion = admin(sqe);
    data.bytes = buffer.read();
    return data;
  }
  StreamsParameters parameters(u32 nsid = 1) {
    StreamsParameters parameters{};
    const Driver::Data data = receive(kStreams | nvme::kStreamsReturnParameters, sizeof(parameters), 0, nsid);
    EXPECT_TRUE(data.completion.ok());
    std::memcpy(&parameters, data.bytes.data(), sizeof(parameters));
    return parameters;
  }
  Completion allocate(u16 wanted, u32 nsid = 1) {
    return receive(kStreams | nvme::kStreamsAllocateResources, 4, wanted, nsid).completion;
  }
  std::vector<u16> open(u32 nsid = 1) {
    const std::vector<u8> bytes = receive(kStreams | nvme::kStreamsGetStatus, 256, 0, nsid).bytes;
    std::vector<u16> words(bytes.size() / 2);
    std::memcpy(words.data(), bytes.data(), bytes.size());
    return {words.begin() + 1, words.begin() + 1 + words[0]};
  }
  Status write(u64 slba, u16 stream, u32 nsid = 1) {
    DmaBuffer buffer(driver.arena(), 4096);
    const Prps prps(driver.arena(), buffer);
    nvme::Sqe sqe = cmd::with_prps(cmd::io(nvme::NvmOpcode::kWrite, slba, 8, nsid), prps);
    sqe.cdw12 |= static_cast<u32>(nvme::kDirectiveStreams) << 20;
    sqe.cdw13 = static_cast<u32>(stream) << 16;
    return io(sqe).status;
  }
};

TEST(Streams, AreOffUntilTheyAreEnabled) {
  StreamsRig rig;
  EXPECT_NE(rig.driver.identify(Cns::kController).bytes[256] & 1 << 5, 0) << "OACS: directives";
  const auto directives = [&] { return rig.receive(kIdentify | nvme::kIdentifyReturnParameters, 4096).bytes; };
  EXPECT_EQ(directives()[0], 0x03) << "supported: Identify, Streams";
  EXPECT_EQ(directives()[32], 0x01) << "enabled: Identify";
  EXPECT_EQ(rig.write(0, 1), Status::kInvalidField);
  EXPECT_EQ(rig.receive(kStreams | nvme::kStreamsReturnParameters, 32).completion.status, Status::kInvalidField);
  ASSERT_TRUE(rig.enable().ok());
  EXPECT_EQ(directives()[32], 0x03);
  EXPECT_EQ(rig.write(0, 1), Status::kSuccess);
  EXPECT_EQ(rig.write(8, 0), Status::kSuccess) << "no stream";
  EXPECT_EQ(rig.open(), (std::vector<u16>{1}));
  ASSERT_TRUE(rig.enable(false).ok());
  EXPECT_EQ(rig.write(0, 1), Status::kInvalidField);
  ASSERT_TRUE(rig.enable(true, kAll).ok()) << "of all namespaces";
  EXPECT_EQ(rig.open(), std::vector<u16>{}) << "closed when they were disabled";
  EXPECT_EQ(rig.write(0, 7), Status::kSuccess);
  rig.driver.disable();
  rig.start();
  EXPECT_EQ(rig.write(0, 7), Status::kInvalidField) << "not persistent across a reset";
  ASSERT_TRUE(rig.enable().ok());
  EXPECT_EQ(rig.open(), std::vector<u16>{});
}

TEST(Streams, ParametersCountThem) {
  StreamsRig rig;
  ASSERT_TRUE(rig.enable().ok());
  StreamsParameters found = rig.parameters();
  EXPECT_EQ(found.msl, 4);
  EXPECT_EQ(found.nssa, 4);
  EXPECT_EQ(found.nsso, 0);
  EXPECT_EQ(found.nsa, 0);
  EXPECT_GT(found.sws, 0u);
  EXPECT_GT(found.sgs, 0u);
  for (const u16 stream : {500, 3}) ASSERT_EQ(rig.write(0, stream), Status::kSuccess);
  found = rig.parameters();
  EXPECT_EQ(found.nssa, 2);
  EXPECT_EQ(found.nsso, 2);
  EXPECT_EQ(found.nso, 2);
  EXPECT_EQ(rig.allocate(9).dw0, 2u) << "what is left";
  EXPECT_EQ(rig.allocate(1).status, Status::kInvalidField) << "it has some";
  found = rig.parameters();
  EXPECT_EQ(found.nssa, 0);
  EXPECT_EQ(found.nsa, 2);
  ASSERT_TRUE(rig.send(kStreams | nvme::kStreamsReleaseResources).ok());
  EXPECT_EQ(rig.parameters().nsa, 0);
  EXPECT_EQ(rig.open(), (std::vector<u16>{500, 3}));
  const StreamsParameters all = rig.parameters(kAll);
  EXPECT_EQ(all.msl, 4);
  EXPECT_EQ(all.sws, 0u) << "of no namespace";
}

TEST(Streams, TheOneWrittenLongestAgoMakesRoom) {
  StreamsRig rig;
  ASSERT_TRUE(rig.enable().ok());
  for (const u16 stream : {10, 20, 30, 40, 10, 50}) ASSERT_EQ(rig.write(0, stream), Status::kSuccess);
  EXPECT_EQ(rig.open(), (std::vector<u16>{10, 50, 30, 40}));
  ASSERT_TRUE(rig.send(kStreams | nvme::kStreamsReleaseIdentifier, 30).ok());
  ASSERT_TRUE(rig.send(kStreams | nvme::kStreamsReleaseIdentifier, 31).ok()) << "which is not open";
  EXPECT_EQ(rig.open(), (std::vector<u16>{10, 50, 40}));
  ASSERT_EQ(rig.write(0, 60), Status::kSuccess);
  EXPECT_EQ(rig.open(), (std::vector<u16>{10, 50, 60, 40}));
}

// Two namespaces share the region of one: each has its identifiers, and its allocated resources to itself.
TEST(Streams, OfTwoNamespaces) {
  StreamsRig rig;
  ASSERT_TRUE(rig.admin(cmd::manage_namespace(1, cmd::kDeleteNamespace)).ok());
  DmaBuffer data(rig.driver.arena(), 4096);
  const Prps prps(rig.driver.arena(), data);
  const u64 blocks = 16 << 11;
  for (u32 id = 1; id <= 2; id++) {
    std::vector<u8> bytes(4096);
    std::memcpy(&bytes[0], &blocks, 8);
    std::memcpy(&bytes[8], &blocks, 8);
    data.write(bytes);
    ASSERT_TRUE(rig.admin(cmd::with_prps(cmd::manage_namespace(0, cmd::kCreateNamespace), prps)).ok());
    data.write({1, 0, 1, 0});
    ASSERT_TRUE(rig.admin(cmd::with_prps(cmd::attach_namespace(id), prps)).ok());
  }
  ASSERT_TRUE(rig.enable(true, 2).ok());
  EXPECT_EQ(rig.write(0, 5), Status::kInvalidField) << "of the other one";
  ASSERT_TRUE(rig.enable().ok());
  ASSERT_EQ(rig.allocate(3, 2).dw0, 3u);
  for (const u16 stream : {5, 6, 7}) ASSERT_EQ(rig.write(0, stream), Status::kSuccess);
  EXPECT_EQ(rig.open(), (std::vector<u16>{7})) << "one is left for namespace 1";
  for (const u16 stream : {7, 8, 9}) ASSERT_EQ(rig.write(0, stream, 2), Status::kSuccess);
  EXPECT_EQ(rig.open(2), (std::vector<u16>{7, 8, 9}));
  EXPECT_EQ(rig.open(), (std::vector<u16>{7}));
  ASSERT_TRUE(rig.admin(cmd::manage_namespace(2, cmd::kDeleteNamespace)).ok());
  const StreamsParameters left = rig.parameters();
  EXPECT_EQ(left.nssa, 3);
  EXPECT_EQ(left.nsso, 1);
}

TEST(Streams, Refusals) {
  StreamsRig rig;
  const u16 enable = kIdentify | nvme::kIdentifyEnable;
  EXPECT_EQ(rig.send(enable, 0, 1).status, Status::kInvalidField) << "Identify cannot be switched";
  EXPECT_EQ(rig.send(enable, 0, 0x0201).status, Status::kInvalidField) << "no Data Placement";
  EXPECT_EQ(rig.enable(true, 2).status, Status::kInvalidNamespaceOrFormat);
  ASSERT_TRUE(rig.enable().ok());
  EXPECT_EQ(rig.send(kStreams | 3).status, Status::kInvalidField);
  EXPECT_EQ(rig.receive(kStreams | 4, 32).completion.status, Status::kInvalidField);
  EXPECT_EQ(rig.send(0x0301).status, Status::kInvalidField) << "no such directive";
  EXPECT_EQ(rig.allocate(1, kAll).status, Status::kInvalidNamespaceOrFormat);
  StreamsRig without({{"type", "conv"}, {"channels", "2"}, {"dies_per_channel", "1"}});
  EXPECT_EQ(without.driver.identify(Cns::kController).bytes[256] & 1 << 5, 0);
  EXPECT_EQ(without.enable().status, Status::kInvalidOpcode);
  EXPECT_EQ(without.write(0, 1), Status::kInvalidField);
  StreamsRig placement({{"type", "conv"}, {"channels", "2"}, {"dies_per_channel", "1"}, {"placement_handles", "2"}});
  EXPECT_EQ(placement.enable().status, Status::kInvalidField);
  EXPECT_EQ(placement.enable(true, kAll).status, Status::kInvalidField);
  EXPECT_EQ(placement.write(0, 1), Status::kInvalidField);
}

// Nine tenths of the writes go to a tenth of the blocks.
double amplification(bool with_streams) {
  StreamsRig rig({{"type", "conv"}, {"capacity", "16M"}, {"channels", "1"}, {"dies_per_channel", "1"}, {"planes", "1"}, {"page_size", "16K"},
                  {"program_pages", "1"}, {"pages_per_block", "16"}, {"over_provisioning", "20"}, {"gc_isolation", "1"}, {"streams", "2"},
                  {"time_scale", "0.001"}});
  EXPECT_TRUE(rig.enable().ok());
  std::mt19937_64 random(3);
  const u64 pages = 16 << 8, hot_pages = pages / 10;
  const auto write = [&](u64 page, bool hot) { ASSERT_EQ(rig.write(page * 8, with_streams ? hot ? 1 : 2 : 0), Status::kSuccess); };
  for (u64 page = 0; page < pages; page++) write(page, page < hot_pages);
  for (u64 i = 0; i < 4 * pages; i++) {
    const bool hot = random() % 10 != 0;
    write(hot ? random() % hot_pages : hot_pages + random() % (pages - hot_pages), hot);
  }
  const std::string report = rig.device.report(), name = "write_amplification ";
  return std::stod(report.substr(report.find(name) + name.size()));
}

TEST(Streams, TwoOfThemLowerWriteAmplification) {
  const double together = amplification(false), apart = amplification(true);
  EXPECT_GT(together, 1.2);
  EXPECT_LT(apart - 1, (together - 1) * 0.8) << together << " together, " << apart << " apart";
}

}  // namespace
}  // namespace nvmev::test
