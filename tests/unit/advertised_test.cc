// SPDX-License-Identifier: GPL-2.0-only
// What the controller says that it can do is what it does: every opcode, log page, feature and CNS value is tried, and compared with the
// logs and the capability fields that speak of it.
#include <gtest/gtest.h>

#include <bit>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Cns;
using nvme::Feature;
using nvme::FeatureSelect;
using nvme::LogPage;
using nvme::Status;

struct DeviceCase {
  const char* name;
  Settings settings;
};

void PrintTo(const DeviceCase& device, std::ostream* out) { *out << device.name; }

const DeviceCase kDevices[] = {
    {"nvm", {}},
    {"conv", {{"type", "conv"}}},
    {"streams", {{"type", "conv"}, {"streams", "2"}, {"channels", "2"}, {"dies_per_channel", "1"}}},
    {"fdp", {{"type", "conv"}, {"placement_handles", "2"}, {"channels", "2"}, {"dies_per_channel", "1"}}},
    {"apst", {{"apst", "1"}}},
    {"virtualization", {{"controllers", "2"}, {"virtualization", "1"}}},
};

class Advertised : public testing::TestWithParam<DeviceCase> {
 protected:
  Advertised() : rig_(GetParam().settings) {
    rig_.start();
    controller_ = rig_.driver.identify(Cns::kController).bytes;
    effects_ = rig_.driver.log<nvme::CommandEffectsLog>(LogPage::kCommandEffects);
  }
  u64 field(size_t at, size_t bytes) const {
    u64 value = 0;
    std::memcpy(&value, controller_.data() + at, bytes);
    return value;
  }
  bool oacs(u32 bit) const { return field(256, 2) >> bit & 1; }
  bool oncs(u32 bit) const { return field(520, 2) >> bit & 1; }
  bool ctratt(u32 bit) const { return field(96, 4) >> bit & 1; }
  bool lpa(u32 bit) const { return field(261, 1) >> bit & 1; }
  bool admin(u8 opcode) const { return effects_.admin[opcode] & 1; }
  bool io(u8 opcode) const { return effects_.io[opcode] & 1; }

  Rig rig_;
  std::vector<u8> controller_;
  nvme::CommandEffectsLog effects_;
};

INSTANTIATE_TEST_SUITE_P(Devices, Advertised, testing::ValuesIn(kDevices),
                         [](const auto& device) { return std::string(device.param.name); });

TEST_P(Advertised, OpcodesAreAnsweredAsTheEffectsLogSays) {
  DmaBuffer buffer(rig_.driver.arena(), 4096);
  for (u32 opcode = 0; opcode < 256; opcode++) {
    SCOPED_TRACE(opcode);
    nvme::Sqe sqe{};
    sqe.opcode = static_cast<u8>(opcode);
    sqe.prp1 = buffer.bus();
    sqe.nsid = 77;  // beyond NN: nothing is done
    if (opcode != 0x0c) {  // held
      EXPECT_EQ(rig_.admin(sqe).status != Status::kInvalidOpcode, admin(static_cast<u8>(opcode)));
    }
    sqe.nsid = 1;
    sqe.cdw11 = ~0u;  // far beyond the end
    EXPECT_EQ(rig_.io(sqe).status != Status::kInvalidOpcode, io(static_cast<u8>(opcode)));
  }
}

TEST_P(Advertised, EffectsHaveOneScopeEach) {
  const auto check = [](const u32 (&table)[256], const char* what) {
    for (u32 opcode = 0; opcode < 256; opcode++) {
      SCOPED_TRACE(std::string(what) + " " + std::to_string(opcode));
      if (table[opcode] & 1) {
        EXPECT_EQ(std::popcount(table[opcode] >> 20), 1) << "CSP";
      } else {
        EXPECT_EQ(table[opcode], 0u);
      }
    }
  };
  check(effects_.admin, "admin");
  check(effects_.io, "I/O");
}

TEST_P(Advertised, CapabilityBitsAgreeWithOpcodes) {
  const struct {
    u32 bit;
    std::vector<u8> opcodes;
  } admin_bits[] = {{0, {0x81, 0x82}}, {1, {0x80}},       {2, {0x10, 0x11}}, {3, {0x0d, 0x15}}, {4, {0x14}},  {5, {0x19, 0x1a}},
                    {6, {0x1d, 0x1e}}, {7, {0x1c}},       {8, {0x7c}},       {9, {0x86}},       {10, {0x24}}};
  for (const auto& row : admin_bits) {
    for (const u8 opcode : row.opcodes) EXPECT_EQ(admin(opcode), oacs(row.bit)) << "OACS bit " << row.bit;
  }
  const struct {
    u32 bit;
    std::vector<u8> opcodes;
  } io_bits[] = {{0, {0x05}}, {1, {0x04}}, {2, {0x09}}, {3, {0x08}}, {5, {0x0d, 0x0e, 0x11, 0x15}}, {7, {0x0c}}, {8, {0x19}}};
  for (const auto& row : io_bits) {
    for (const u8 opcode : row.opcodes) EXPECT_EQ(io(opcode), oncs(row.bit)) << "ONCS bit " << row.bit;
  }
  EXPECT_EQ(admin(0x84), field(328, 4) != 0) << "SANICAP";
  EXPECT_EQ(admin(0x18), field(320, 2) != 0) << "KAS";
  EXPECT_EQ(io(0x12), ctratt(19)) << "I/O Management with Flexible Data Placement";
  bool fused = false;
  for (u32 nsid = 1; nsid <= 4; nsid++) {
    nvme::Sqe sqe = cmd::io(nvme::NvmOpcode::kCompare, 0, 1, nsid);
    sqe.flags = nvme::kFuseFirst;
    fused |= rig_.io(sqe).status == nvme::Status::kMissingFusedCommand;
  }
  EXPECT_EQ(field(522, 2), fused ? 1u : 0u) << "FUSES";
}

TEST_P(Advertised, LogPagesAreAnsweredAsLogPageZeroSays) {
  const auto supported = rig_.driver.log<nvme::SupportedLogsLog>(LogPage::kSupportedLogs);
  DmaBuffer buffer(rig_.driver.arena(), 4096);
  for (u32 lid = 0; lid < 256; lid++) {
    SCOPED_TRACE(lid);
    nvme::Sqe sqe = cmd::get_log(static_cast<LogPage>(lid), 0, 512, buffer.bus(), 0, true);
    sqe.cdw11 |= 1u << 16;   // endurance group 1
    sqe.cdw10 |= 1u << 8;    // creates, or establishes a context
    const Status status = rig_.admin(sqe).status;
    EXPECT_EQ(status, supported.pages[lid] & 1 ? Status::kSuccess : Status::kInvalidLogPage);
  }
  const auto has = [&](u8 lid) { return (supported.pages[lid] & 1) != 0; };
  EXPECT_TRUE(has(0x01) && has(0x02) && has(0x03)) << "mandatory";
  EXPECT_EQ(has(0x05), lpa(1));
  EXPECT_EQ(has(0x07), lpa(3));
  EXPECT_EQ(has(0x08), lpa(3));
  EXPECT_EQ(has(0x0d), lpa(4));
  EXPECT_EQ(has(0x0d), field(352, 4) != 0) << "PELS";
  EXPECT_EQ(has(0x00), lpa(5));
  EXPECT_EQ(has(0x12), lpa(5));
  EXPECT_EQ(has(0x13), lpa(5));
  EXPECT_EQ(has(0x06), oacs(4));
  EXPECT_EQ(has(0x81), field(328, 4) != 0) << "SANICAP";
  EXPECT_EQ(has(0x09), ctratt(4)) << "endurance groups";
  EXPECT_EQ(has(0x0f), ctratt(4));
  EXPECT_EQ(has(0x0a), ctratt(5)) << "predictable latency";
  EXPECT_EQ(has(0x0c), (field(76, 1) >> 3 & 1) != 0) << "ANA";
  EXPECT_EQ(has(0x0e), oacs(9)) << "LBA status";
  EXPECT_EQ(has(0x20), ctratt(19)) << "Flexible Data Placement";
  EXPECT_EQ(has(0x80), oncs(5)) << "reservations";
}

TEST_P(Advertised, FeaturesAreAnsweredAsTheirLogSays) {
  const auto log = rig_.driver.log<nvme::FeatureEffectsLog>(LogPage::kFeatureEffects);
  DmaBuffer buffer(rig_.driver.arena(), 4096);
  for (u32 fid = 0; fid < 256; fid++) {
    SCOPED_TRACE(fid);
    const bool supported = log.features[fid] & 1;
    nvme::Sqe sqe = cmd::get_feature(static_cast<Feature>(fid), FeatureSelect::kSupported);
    const Completion capabilities = rig_.admin(sqe);
    EXPECT_EQ(capabilities.ok(), supported);
    if (!supported) {
      EXPECT_EQ(capabilities.status, Status::kInvalidField);
      EXPECT_EQ(log.features[fid], 0u);
      EXPECT_EQ(rig_.admin(cmd::set_feature(static_cast<Feature>(fid), 0)).status, Status::kInvalidField);
      continue;
    }
    EXPECT_EQ(std::popcount(log.features[fid] >> 20), 1) << "FSP";
    const bool of_namespace = capabilities.dw0 & nvme::feature_capability::kNamespaceSpecific;
    EXPECT_EQ((log.features[fid] & nvme::feature_effects::kScopeNamespace) != 0, of_namespace);
    sqe = cmd::get_feature(static_cast<Feature>(fid));
    sqe.prp1 = buffer.bus();
    sqe.nsid = of_namespace ? 1 : 0;
    if (fid == 0x18 || fid == 0x1d) sqe.cdw11 = 1;  // endurance group
    if (fid == 0x1e) sqe.cdw11 = 1u << 16;  // one event
    EXPECT_TRUE(rig_.admin(sqe).ok());
    // SV is taken or refused as the capabilities say. What is set may be refused for other reasons.
    nvme::Sqe set = cmd::set_feature(static_cast<Feature>(fid), 0, true);
    set.prp1 = 1ull << 60;
    set.nsid = of_namespace ? 1 : 0;
    const bool saveable = capabilities.dw0 & nvme::feature_capability::kSaveable;
    EXPECT_EQ(rig_.admin(set).status != Status::kFeatureNotSaveable, saveable);
  }
  const auto has = [&](u8 fid) { return (log.features[fid] & 1) != 0; };
  for (const u8 mandatory : {0x01, 0x02, 0x04, 0x05, 0x07, 0x08, 0x09, 0x0a, 0x0b}) EXPECT_TRUE(has(mandatory)) << int{mandatory};
  EXPECT_EQ(has(0x06), (field(525, 1) & 1) != 0) << "VWC";
  EXPECT_EQ(has(0x0c), field(265, 1) != 0) << "APSTA";
  EXPECT_EQ(has(0x0d), field(272, 4) != 0) << "HMPRE";
  EXPECT_EQ(has(0x0e), oncs(6)) << "Timestamp";
  EXPECT_EQ(has(0x0f), field(320, 2) != 0) << "KAS";
  EXPECT_EQ(has(0x10), (field(322, 2) & 1) != 0) << "HCTMA";
  EXPECT_EQ(has(0x11), ctratt(1));
  EXPECT_EQ(has(0x12), ctratt(3)) << "read recovery levels";
  EXPECT_EQ(has(0x13), ctratt(5)) << "predictable latency";
  EXPECT_EQ(has(0x15), oacs(9)) << "LBA status";
  EXPECT_EQ(has(0x17), (field(328, 4) >> 29 & 1) != 0) << "NODRM goes with NDI";
  EXPECT_EQ(has(0x18), ctratt(4)) << "endurance groups";
  EXPECT_TRUE(has(0x19)) << "I/O Command Set Profile, of CC.CSS 110b";
  EXPECT_EQ(has(0x1d), ctratt(19));
  EXPECT_EQ(has(0x82), oncs(5)) << "reservations";
  EXPECT_EQ(has(0x84), field(531, 1) != 0) << "NWPC";
  EXPECT_TRUE(oncs(4)) << "Save and Select fields";
}

TEST_P(Advertised, IdentifyAnswersWhatThereIs) {
  const auto answered = [&](u32 cns) {
    constexpr u16 kController = 1;
    const bool list = cns == 0x02 || cns == 0x07 || cns == 0x10 || cns == 0x1a;
    DmaBuffer buffer(rig_.driver.arena(), 4096);
    const Status status =
        rig_.admin(cmd::identify(static_cast<Cns>(cns), list ? 0 : 1, buffer.bus(), nvme::Csi::kNvm, kController)).status;
    EXPECT_TRUE(status == Status::kSuccess || status == Status::kInvalidField) << cns;
    return status == Status::kSuccess;
  };
  for (const u32 cns : {0x00u, 0x01u, 0x02u, 0x03u, 0x05u, 0x06u, 0x07u, 0x08u, 0x1cu}) EXPECT_TRUE(answered(cns)) << cns;
  EXPECT_EQ(answered(0x04), ctratt(2)) << "NVM sets";
  for (const u32 cns : {0x10u, 0x11u, 0x12u, 0x13u, 0x1au, 0x1bu, 0x1fu}) EXPECT_EQ(answered(cns), oacs(3)) << cns;
  EXPECT_EQ(answered(0x14), oacs(7)) << "virtualization";
  EXPECT_EQ(answered(0x15), oacs(7));
  EXPECT_EQ(answered(0x16), ctratt(7)) << "namespace granularity";
  EXPECT_EQ(answered(0x17), ctratt(9)) << "UUID list";
  EXPECT_EQ(answered(0x18), ctratt(10)) << "domains";
  EXPECT_EQ(answered(0x19), ctratt(4)) << "endurance groups";
  for (u32 cns = 0x20; cns < 256; cns++) EXPECT_FALSE(answered(cns)) << cns;
}

// Each event that can be enabled is one that Identify tells of, or one that is always there.
TEST_P(Advertised, EventsCanBeEnabledAsOaesSays) {
  const u32 oaes = static_cast<u32>(field(92, 4));
  for (u32 bit = 0; bit < 32; bit++) {
    const Status status = rig_.driver.set_feature(Feature::kAsyncEventConfig, 1u << bit).status;
    bool expected = bit < 5 || (oaes >> bit & 1) != 0;  // critical warnings
    if (bit == 10) expected = lpa(3);                   // telemetry
    EXPECT_EQ(status, expected ? Status::kSuccess : Status::kInvalidField) << bit;
  }
}

}  // namespace
}  // namespace nvmev::test
