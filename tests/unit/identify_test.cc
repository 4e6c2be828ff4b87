// SPDX-License-Identifier: GPL-2.0-only
// Identify: NVMe 2.0 section 5.17, NVM Command Set 1.0 section 4.1.5. Fields by byte offset, so that a wrong structure
// definition shows.
#include <gtest/gtest.h>

#include <cstring>

#include "host/bytes.h"
#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Cns;
using nvme::Csi;
using nvme::Status;

class Identify : public testing::Test {
 protected:
  Identify()
      : rig_({{"capacity", "48M"},
              {"serial", "S123"},
              {"model", "Some Model"},
              {"mdts", "5"},
              {"queue_entries", "128"}}) {
    rig_.start();
  }

  std::vector<u8> get(Cns cns, u32 nsid = 0, Csi csi = Csi::kNvm) {
    const Driver::Data data = rig_.driver.identify(cns, nsid, csi);
    EXPECT_TRUE(data.completion.ok());
    return data.bytes;
  }
  Status status(Cns cns, u32 nsid = 0, Csi csi = Csi::kNvm) {
    return rig_.driver.identify(cns, nsid, csi).completion.status;
  }

  static std::string text(const std::vector<u8>& bytes, size_t at, size_t length) {
    return std::string(reinterpret_cast<const char*>(bytes.data()) + at, length);
  }
  static bool zero(const std::vector<u8>& bytes, size_t from, size_t to) {
    return std::all_of(bytes.begin() + static_cast<long>(from), bytes.begin() + static_cast<long>(to),
                       [](u8 byte) { return byte == 0; });
  }

  Rig rig_;
};

TEST_F(Identify, Controller) {
  const std::vector<u8> id = get(Cns::kController);
  EXPECT_EQ(le(id, 0, 2), NVMEV_PCI_VENDOR_ID) << "VID";
  EXPECT_EQ(le(id, 2, 2), NVMEV_PCI_VENDOR_ID) << "SSVID";
  EXPECT_EQ(text(id, 4, 20), "S123                ") << "SN is padded with spaces";
  EXPECT_EQ(text(id, 24, 40), "Some Model" + std::string(30, ' ')) << "MN";
  EXPECT_EQ(text(id, 64, 8).find('\0'), std::string::npos) << "FR is ASCII";
  EXPECT_EQ(id[77], 5) << "MDTS";
  EXPECT_EQ(le(id, 80, 4), 0x20000u) << "VER";
  EXPECT_TRUE(le(id, 92, 4) & 1u << 8) << "OAES: namespace attribute notices";
  EXPECT_EQ(id[111], 1) << "CNTRLTYPE: I/O controller";
  EXPECT_EQ(le(id, 256, 2), 0x31fu) << "OACS: Security, Format NVM, Firmware, Namespace Management, Self-test, Doorbells, Get LBA Status";
  EXPECT_EQ(id[261] & 0x7, 0x6) << "LPA: effects log, offsets; no log for each namespace";
  EXPECT_GT(le(id, 266, 2), 273u) << "WCTEMP";
  EXPECT_GT(le(id, 268, 2), le(id, 266, 2)) << "CCTEMP";
  EXPECT_EQ(id[512], 0x66) << "SQES";
  EXPECT_EQ(id[513], 0x44) << "CQES";
  EXPECT_EQ(le(id, 516, 4), 32u) << "NN";
  EXPECT_TRUE(le(id, 520, 2) & 2) << "ONCS: Write Uncorrectable";
  EXPECT_TRUE(le(id, 520, 2) & 1) << "Compare";
  EXPECT_TRUE(le(id, 520, 2) & 4) << "Dataset Management";
  EXPECT_TRUE(le(id, 520, 2) & 8) << "Write Zeroes";
  EXPECT_EQ(le(id, 522, 2), 1u) << "FUSES: Compare and Write";
  EXPECT_EQ(le(id, 536, 4), 0xf0001u) << "SGLS: byte aligned, bit bucket, longer than the data, metadata";
  const std::string nqn = text(id, 768, 256);
  EXPECT_EQ(nqn.substr(0, 4), "nqn.") << "SUBNQN";
  EXPECT_NE(nqn.find('\0'), std::string::npos) << "SUBNQN is terminated";
  EXPECT_TRUE(zero(id, 1024, 1792)) << "reserved";
}

TEST_F(Identify, CapacityFieldsAgree) {
  const std::vector<u8> controller = get(Cns::kController);
  const std::vector<u8> ns = get(Cns::kNamespace, 1);
  // TNVMCAP and UNVMCAP belong to namespace management, but are never wrong.
  const u64 tnvmcap = le(controller, 280, 8);
  if (tnvmcap != 0) EXPECT_EQ(tnvmcap, 48u << 20);
  EXPECT_EQ(le(ns, 48, 8) == 0 || le(ns, 48, 8) == 48u << 20, true) << "NVMCAP";
}

TEST_F(Identify, Namespace) {
  const std::vector<u8> ns = get(Cns::kNamespace, 1);
  const u64 blocks = (48ull << 20) / 512;
  EXPECT_EQ(le(ns, 0, 8), blocks) << "NSZE";
  EXPECT_EQ(le(ns, 8, 8), blocks) << "NCAP";
  EXPECT_LE(le(ns, 16, 8), blocks) << "NUSE";
  EXPECT_EQ(ns[25], 9) << "NLBAF, 0-based";
  EXPECT_EQ(ns[26] & 0xf, 0) << "FLBAS";
  EXPECT_EQ(ns[27], 3) << "MC";
  EXPECT_EQ(ns[28], 0x1f) << "DPC";
  EXPECT_EQ(ns[29], 0) << "DPS";
  EXPECT_EQ(ns[33] & 7, 1) << "DLFEAT: deallocated blocks read as zeros";
  EXPECT_EQ(le(ns, 128, 4) & 0xffffff, 9u << 16) << "LBAF0: 512 bytes, no metadata";
  EXPECT_EQ(le(ns, 132, 4) & 0xffffff, 12u << 16) << "LBAF1: 4096 bytes";
  EXPECT_FALSE(zero(ns, 104, 128)) << "NGUID or EUI64";
}

TEST_F(Identify, UtilizationIsWhatWasWritten) {
  EXPECT_EQ(le(get(Cns::kNamespace, 1), 16, 8), 0u);
  ASSERT_TRUE(rig_.driver.write(0, pattern(64 * 1024, 1)).ok());
  EXPECT_EQ(le(get(Cns::kNamespace, 1), 16, 8), 128u);
}

TEST_F(Identify, NamespaceIdentifiers) {
  EXPECT_EQ(status(Cns::kNamespace, 0), Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(status(Cns::kNamespace, 33), Status::kInvalidNamespaceOrFormat) << "beyond NN";
  EXPECT_EQ(status(Cns::kNamespace, 0xfffffffe), Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(status(Cns::kNamespaceDescriptors, 2), Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(status(Cns::kNamespaceDescriptors, 0xffffffff), Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(status(Cns::kCsiNamespace, 33), Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(status(Cns::kIndependentNamespace, 33), Status::kInvalidNamespaceOrFormat);
  // Valid but inactive: zeros.
  EXPECT_TRUE(zero(get(Cns::kNamespace, 2), 0, 4096));
  EXPECT_TRUE(zero(get(Cns::kIndependentNamespace, 2), 0, 4096));
}

TEST_F(Identify, ActiveNamespaces) {
  for (const Cns cns : {Cns::kActiveNamespaces, Cns::kCsiActiveNamespaces}) {
    std::vector<u8> list = get(cns, 0);
    EXPECT_EQ(le(list, 0, 4), 1u);
    EXPECT_TRUE(zero(list, 4, 4096));
    EXPECT_TRUE(zero(get(cns, 1), 0, 4096)) << "identifiers above 1";
    EXPECT_EQ(status(cns, 0xfffffffe), Status::kInvalidNamespaceOrFormat);
    EXPECT_EQ(status(cns, 0xffffffff), Status::kInvalidNamespaceOrFormat);
  }
}

TEST_F(Identify, NamespaceDescriptors) {
  const std::vector<u8> list = get(Cns::kNamespaceDescriptors, 1);
  const std::vector<u8> ns = get(Cns::kNamespace, 1);
  const size_t lengths[] = {0, 8, 16, 16, 1};
  bool seen[5] = {};
  size_t at = 0;
  while (at + 4 <= list.size() && list[at + 1] != 0) {
    const u8 type = list[at];
    ASSERT_GE(type, 1);
    ASSERT_LE(type, 4);
    ASSERT_EQ(list[at + 1], lengths[type]) << "type " << int{type};
    ASSERT_FALSE(seen[type]) << "each type once";
    seen[type] = true;
    if (type == 1) EXPECT_EQ(std::memcmp(&list[at + 4], &ns[120], 8), 0) << "EUI64";
    if (type == 2) EXPECT_EQ(std::memcmp(&list[at + 4], &ns[104], 16), 0) << "NGUID";
    if (type == 4) EXPECT_EQ(list[at + 4], 0) << "CSI: NVM";
    at += 4u + list[at + 1];
  }
  EXPECT_TRUE(seen[1] || seen[2] || seen[3]) << "an identifier that tells the namespace from others";
  EXPECT_TRUE(seen[4]) << "CSI";
  EXPECT_TRUE(zero(list, at, 4096));
}

TEST_F(Identify, DevicesWithDifferentSerialsHaveDifferentIdentifiers) {
  Rig other({{"serial", "S124"}});
  other.start();
  EXPECT_NE(get(Cns::kNamespaceDescriptors, 1), other.driver.identify(Cns::kNamespaceDescriptors, 1).bytes);
  Rig same({{"serial", "S123"}, {"capacity", "8M"}});
  same.start();
  EXPECT_EQ(get(Cns::kNamespaceDescriptors, 1), same.driver.identify(Cns::kNamespaceDescriptors, 1).bytes)
      << "the same device again keeps its identifiers";
}

TEST_F(Identify, CommandSetSpecific) {
  EXPECT_TRUE(zero(get(Cns::kCsiNamespace, 1, Csi::kNvm), 0, 8)) << "LBSTM of a namespace without protection";
  const std::vector<u8> controller = get(Cns::kCsiController, 0, Csi::kNvm);
  EXPECT_TRUE(zero(controller, 16, 4096)) << "reserved";
  EXPECT_NE(status(Cns::kCsiController, 0, Csi::kZoned), Status::kSuccess);
  EXPECT_NE(status(Cns::kCsiController, 0, Csi::kKeyValue), Status::kSuccess);
  EXPECT_NE(status(Cns::kCsiNamespace, 1, Csi::kZoned), Status::kSuccess);
}

TEST_F(Identify, IndependentNamespace) {
  const std::vector<u8> ns = get(Cns::kIndependentNamespace, 1);
  EXPECT_TRUE(ns[14] & 1) << "NSTAT: ready";
  EXPECT_TRUE(zero(ns, 15, 4096));
}

TEST_F(Identify, ControllerLists) {
  const u64 cntlid = le(get(Cns::kController), 78, 2);
  for (const Cns cns : {Cns::kControllers, Cns::kNamespaceControllers}) {
    if (status(cns, 1) != Status::kSuccess) continue;  // belongs to namespace management
    const std::vector<u8> list = get(cns, 1);
    EXPECT_EQ(le(list, 0, 2), 1u);
    EXPECT_EQ(le(list, 2, 2), cntlid);
    EXPECT_TRUE(zero(list, 4, 4096));
    const Driver::Data above = rig_.driver.identify(cns, 1, Csi::kNvm, static_cast<u16>(cntlid + 1));
    EXPECT_TRUE(zero(above.bytes, 0, 4096));
  }
}

TEST_F(Identify, CommandSets) {
  if ((rig_.driver.cap() >> 43 & 1) == 0) GTEST_SKIP() << "CAP.CSS bit 6 is cleared";
  const Driver::Data data = rig_.driver.identify(Cns::kCommandSets, 0, Csi::kNvm, 0xffff);
  ASSERT_TRUE(data.completion.ok());
  const std::vector<u8>& list = data.bytes;
  EXPECT_EQ(le(list, 0, 8), 1u) << "combination 0: the NVM command set";
  EXPECT_TRUE(zero(list, 8, 4096));
}

TEST_F(Identify, UnknownStructures) {
  for (const u32 cns : {0x09u, 0x0bu, 0x0fu, 0x14u, 0x1du, 0x80u, 0xffu}) {
    EXPECT_EQ(status(static_cast<Cns>(cns), 1), Status::kInvalidField) << cns;
  }
}

TEST_F(Identify, DataAcrossTwoPages) {
  DmaBuffer buffer(rig_.driver.arena(), 4096, 1024);
  const Prps prps(rig_.driver.arena(), buffer);
  ASSERT_TRUE(rig_.admin(cmd::with_prps(cmd::identify(Cns::kController, 0, 0), prps)).ok());
  EXPECT_EQ(buffer.read(), get(Cns::kController));
  EXPECT_TRUE(buffer.margins_intact());
  EXPECT_EQ(rig_.admin(cmd::identify(Cns::kController, 0, rig_.driver.arena().end())).status,
            Status::kDataTransferError);
}

}  // namespace
}  // namespace nvmev::test
