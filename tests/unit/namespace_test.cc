// SPDX-License-Identifier: GPL-2.0-only
// Namespace Management and Attachment: NVMe 2.0 sections 5.22 and 5.23.
#include <gtest/gtest.h>

#include <cstring>

#include "host/bytes.h"
#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::AdminOpcode;
using nvme::Cns;
using nvme::Status;

constexpr u32 kCreate = 0, kDelete = 1, kAttach = 0, kDetach = 1;
constexpr u64 kCapacity = 64u << 20;  // of a Rig's device

class Namespaces : public testing::Test {
 protected:
  explicit Namespaces(const Settings& settings = {}) : rig_(settings) { rig_.start(2); }

  Completion send(AdminOpcode opcode, u32 nsid, u32 select, const std::vector<u8>& data, u32 cdw11 = 0) {
    DmaBuffer buffer(rig_.driver.arena(), 4096);
    buffer.write(data);
    const Prps prps(rig_.driver.arena(), buffer);
    nvme::Sqe sqe = cmd::with_prps(cmd::admin(opcode, nsid), prps);
    sqe.cdw10 = select;
    sqe.cdw11 = cdw11;
    return rig_.admin(sqe);
  }

  // Fields of the host software specified structure (section 5.23).
  static std::vector<u8> wanted(u64 nsze, u64 ncap, u8 flbas) {
    std::vector<u8> data(4096);
    std::memcpy(&data[0], &nsze, 8);
    std::memcpy(&data[8], &ncap, 8);
    data[26] = flbas;
    return data;
  }
  Completion create(u64 blocks, u8 flbas = 0) {
    return send(AdminOpcode::kNamespaceManagement, 0, kCreate, wanted(blocks, blocks, flbas));
  }
  Completion remove(u32 nsid) {
    return send(AdminOpcode::kNamespaceManagement, nsid, kDelete, std::vector<u8>(4096));
  }
  Completion attachment(u32 nsid, u32 select, std::vector<u16> list = {1, 1}) {
    std::vector<u8> data(4096);
    std::memcpy(data.data(), list.data(), list.size() * sizeof(u16));
    return send(AdminOpcode::kNamespaceAttachment, nsid, select, data);
  }
  std::vector<u32> ids(Cns cns, u32 above = 0) {
    const std::vector<u8> data = rig_.driver.identify(cns, above).bytes;
    std::vector<u32> list;
    for (u32 at = 0; at < 4096; at += 4) {
      u32 id;
      std::memcpy(&id, &data[at], 4);
      if (id != 0) list.push_back(id);
    }
    return list;
  }
  u64 field(Cns cns, u32 nsid, u32 offset) {
    u64 value;
    std::memcpy(&value, &rig_.driver.identify(cns, nsid).bytes[offset], 8);
    return value;
  }
  u64 unallocated() { return field(Cns::kController, 0, 296); }  // UNVMCAP

  Status io(nvme::NvmOpcode opcode, u32 nsid, u64 slba, std::vector<u8>* data) {
    DmaBuffer buffer(rig_.driver.arena(), static_cast<u32>(data->size()));
    buffer.write(*data);
    const Prps prps(rig_.driver.arena(), buffer);
    const u32 blocks = static_cast<u32>(data->size() / 512);
    const Status status = rig_.io(cmd::with_prps(cmd::io(opcode, slba, blocks, nsid), prps)).status;
    *data = buffer.read();
    return status;
  }

  Rig rig_;
};

TEST_F(Namespaces, DeliveredWithAllCapacityInOne) {
  EXPECT_EQ(ids(Cns::kActiveNamespaces), std::vector<u32>{1});
  EXPECT_EQ(ids(Cns::kAllocatedNamespaces), std::vector<u32>{1});
  EXPECT_EQ(field(Cns::kController, 0, 280), kCapacity) << "TNVMCAP";
  EXPECT_EQ(unallocated(), 0u);
  EXPECT_EQ(create(8).status, Status::kInsufficientCapacity);
}

TEST_F(Namespaces, CapacityIsAccounted) {
  ASSERT_TRUE(remove(1).ok());
  EXPECT_EQ(unallocated(), kCapacity);
  EXPECT_EQ(create((kCapacity >> 9) + 1).status, Status::kInsufficientCapacity);
  EXPECT_EQ(create(~0ull).status, Status::kInsufficientCapacity);
  ASSERT_EQ(create(16384).dw0, 1u);       // 8 MiB
  ASSERT_EQ(create(4096, 1).dw0, 2u);     // 16 MiB
  ASSERT_EQ(create(1).dw0, 3u);           // takes a page
  EXPECT_EQ(unallocated(), kCapacity - (24u << 20) - 4096);
  EXPECT_EQ(field(Cns::kAllocatedNamespace, 3, 0), 1u) << "NSZE as asked for";
  EXPECT_EQ(field(Cns::kAllocatedNamespace, 3, 48), 4096u) << "NVMCAP";
  ASSERT_TRUE(remove(1).ok());
  EXPECT_EQ(create(16385).dw0, 1u) << "does not fit the gap of 8 MiB, but behind";
  ASSERT_TRUE(remove(0xffffffff).ok());
  EXPECT_EQ(unallocated(), kCapacity);
  EXPECT_TRUE(ids(Cns::kAllocatedNamespaces).empty());
}

TEST_F(Namespaces, IdsRunOut) {
  ASSERT_TRUE(remove(1).ok());
  for (u32 id = 1; id <= 32; id++) ASSERT_EQ(create(8).dw0, id);
  EXPECT_EQ(create(8).status, Status::kNsidUnavailable);
  ASSERT_TRUE(remove(7).ok());
  EXPECT_EQ(create(8).dw0, 7u);
  EXPECT_EQ(ids(Cns::kAllocatedNamespaces, 30), (std::vector<u32>{31, 32}));
}

TEST_F(Namespaces, AttachmentMakesItUsable) {
  ASSERT_TRUE(remove(1).ok());
  ASSERT_EQ(create(1024).dw0, 1u);
  std::vector<u8> data(4096, 0xaa);
  EXPECT_EQ(io(nvme::NvmOpcode::kWrite, 1, 0, &data), Status::kInvalidNamespaceOrFormat) << "not attached";
  EXPECT_TRUE(ids(Cns::kActiveNamespaces).empty());
  EXPECT_EQ(attachment(1, kDetach).status, Status::kNamespaceNotAttached);
  ASSERT_TRUE(attachment(1, kAttach).ok());
  EXPECT_EQ(attachment(1, kAttach).status, Status::kNamespaceAlreadyAttached);
  EXPECT_EQ(io(nvme::NvmOpcode::kWrite, 1, 1016, &data), Status::kSuccess);
  EXPECT_EQ(io(nvme::NvmOpcode::kWrite, 1, 1017, &data), Status::kLbaOutOfRange);
  ASSERT_TRUE(attachment(1, kDetach).ok());
  EXPECT_EQ(io(nvme::NvmOpcode::kRead, 1, 1016, &data), Status::kInvalidNamespaceOrFormat);
  ASSERT_TRUE(attachment(1, kAttach).ok());
  std::vector<u8> back(4096);
  EXPECT_EQ(io(nvme::NvmOpcode::kRead, 1, 1016, &back), Status::kSuccess);
  EXPECT_EQ(back, std::vector<u8>(4096, 0xaa)) << "detaching loses nothing";
}

TEST_F(Namespaces, NamespacesDoNotMeet) {
  ASSERT_TRUE(remove(1).ok());
  for (u32 id = 1; id <= 4; id++) {
    ASSERT_EQ(create(1000 + id).dw0, id);
    ASSERT_TRUE(attachment(id, kAttach).ok());
  }
  for (u32 id = 1; id <= 4; id++) {
    for (const u64 slba : {u64{0}, u64{1000 + id - 8}}) {
      std::vector<u8> data = pattern(4096, static_cast<u32>(id * 10000 + slba));
      ASSERT_EQ(io(nvme::NvmOpcode::kWrite, id, slba, &data), Status::kSuccess);
    }
  }
  // A namespace that goes takes its own blocks with it and no others.
  ASSERT_TRUE(remove(2).ok());
  ASSERT_TRUE(rig_.admin(cmd::format(3, 0)).ok());
  for (const u32 id : {1u, 3u, 4u}) {
    for (const u64 slba : {u64{0}, u64{1000 + id - 8}}) {
      std::vector<u8> data(4096);
      ASSERT_EQ(io(nvme::NvmOpcode::kRead, id, slba, &data), Status::kSuccess);
      const std::vector<u8> expected =
          id == 3 ? std::vector<u8>(4096) : pattern(4096, static_cast<u32>(id * 10000 + slba));
      EXPECT_EQ(data, expected) << id << " at " << slba;
    }
  }
}

TEST_F(Namespaces, DeletionErasesAndGivesMemoryBack) {
  ASSERT_TRUE(rig_.driver.write(0, pattern(1 << 18, 1)).ok());
  ASSERT_TRUE(remove(1).ok());
  EXPECT_LE(rig_.host.medium_pages(), 32u) << "no data; tables of 2 MiB each may stay";
  ASSERT_EQ(create(16384).dw0, 1u);
  ASSERT_TRUE(attachment(1, kAttach).ok());
  EXPECT_EQ(rig_.driver.read(0, 8).bytes, std::vector<u8>(4096));
}

TEST_F(Namespaces, OneFormatEach) {
  ASSERT_TRUE(remove(1).ok());
  ASSERT_EQ(create(8192, 0).dw0, 1u);
  ASSERT_EQ(create(1024, 1).dw0, 2u);
  for (const u32 id : {1u, 2u}) ASSERT_TRUE(attachment(id, kAttach).ok());
  EXPECT_EQ(rig_.driver.identify(Cns::kNamespace, 1).bytes[26], 0);
  EXPECT_EQ(rig_.driver.identify(Cns::kNamespace, 2).bytes[26], 1);
  ASSERT_TRUE(rig_.admin(cmd::format(1, 1)).ok());
  EXPECT_EQ(field(Cns::kNamespace, 1, 0), 1024u);
  EXPECT_EQ(field(Cns::kNamespace, 2, 0), 1024u);
  ASSERT_TRUE(rig_.admin(cmd::format(0xffffffff, 0)).ok());
  EXPECT_EQ(field(Cns::kNamespace, 1, 0), 8192u);
  EXPECT_EQ(field(Cns::kNamespace, 2, 0), 8192u);
}

// All are deleted, which takes a while: one that is created meanwhile must not go with them.
TEST_F(Namespaces, NoneIsCreatedWhileAllAreDeleted) {
  DmaBuffer buffer(rig_.driver.arena(), 4096);
  buffer.write(wanted(8, 8, 0));
  const Prps prps(rig_.driver.arena(), buffer);
  const u16 deleted = rig_.driver.queue(0, cmd::with_prps(cmd::manage_namespace(nvme::kNsidBroadcast, kDelete), prps));
  const u16 created = rig_.driver.queue(0, cmd::with_prps(cmd::manage_namespace(0, kCreate), prps));
  rig_.driver.ring(0);
  const Completion refused = rig_.driver.wait(0, created);
  EXPECT_EQ(refused.status, Status::kNamespaceNotReady);
  EXPECT_FALSE(refused.dnr) << "worth a retry";
  EXPECT_TRUE(rig_.driver.wait(0, deleted).ok());
  EXPECT_TRUE(create(8).ok());
  EXPECT_EQ(ids(Cns::kAllocatedNamespaces), std::vector<u32>{1});
}

TEST_F(Namespaces, NeverWithoutABlock) {
  ASSERT_TRUE(remove(1).ok());
  ASSERT_TRUE(create(7).ok());
  ASSERT_TRUE(attachment(1, kAttach).ok());
  EXPECT_EQ(rig_.admin(cmd::format(1, 1)).status, Status::kInvalidFormat) << "4096 bytes are more than it has";
  EXPECT_EQ(field(Cns::kNamespace, 1, 0), 7u);
  EXPECT_TRUE(rig_.admin(cmd::format(1, 0)).ok());
}

TEST_F(Namespaces, Refusals) {
  ASSERT_TRUE(remove(1).ok());
  struct Case {
    const char* what;
    u32 nsid;
    u32 select;
    std::vector<u8> data;
    u32 cdw11;
    Status status;
  };
  std::vector<u8> protection = wanted(8, 8, 0), shared = wanted(8, 8, 0);
  protection[29] = 1;
  shared[30] = 1;
  const Case cases[] = {
      {"size 0", 0, kCreate, wanted(0, 0, 0), 0, Status::kInvalidField},
      {"capacity above size", 0, kCreate, wanted(8, 9, 0), 0, Status::kInvalidField},
      {"thin", 0, kCreate, wanted(8, 7, 0), 0, Status::kThinProvisioningNotSupported},
      {"LBA format", 0, kCreate, wanted(8, 8, 10), 0, Status::kInvalidFormat},
      {"LBA format that a host has to know", 0, kCreate, wanted(8, 8, 8), 0, Status::kInvalidNamespaceOrFormat},
      {"protection", 0, kCreate, protection, 0, Status::kInvalidFormat},
      {"sharing", 0, kCreate, shared, 0, Status::kInvalidField},
      {"NSID", 1, kCreate, wanted(8, 8, 0), 0, Status::kInvalidField},
      {"command set", 0, kCreate, wanted(8, 8, 0), 2u << 24, Status::kIoCommandSetNotSupported},
      {"selection", 0, 2, wanted(8, 8, 0), 0, Status::kInvalidField},
      {"absent", 1, kDelete, {}, 0, Status::kInvalidNamespaceOrFormat},
      {"id 0", 0, kDelete, {}, 0, Status::kInvalidNamespaceOrFormat},
      {"beyond NN", 33, kDelete, {}, 0, Status::kInvalidNamespaceOrFormat},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(send(AdminOpcode::kNamespaceManagement, c.nsid, c.select, c.data, c.cdw11).status, c.status) << c.what;
  }
  EXPECT_EQ(unallocated(), kCapacity);
  ASSERT_EQ(create(8).dw0, 1u);
  EXPECT_EQ(attachment(2, kAttach).status, Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(attachment(0xffffffff, kAttach).status, Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(attachment(1, 2).status, Status::kInvalidField);
  EXPECT_EQ(attachment(1, kAttach, {0}).status, Status::kControllerListInvalid);
  EXPECT_EQ(attachment(1, kAttach, {1, 2}).status, Status::kControllerListInvalid);
  EXPECT_EQ(attachment(1, kAttach, {2, 1, 2}).status, Status::kControllerListInvalid);
}

TEST_F(Namespaces, ChangesAreNoticed) {
  constexpr u32 kNamespaceAttribute = 1u << 8;
  ASSERT_TRUE(rig_.driver.set_feature(nvme::Feature::kAsyncEventConfig, kNamespaceAttribute).ok());
  const u16 event = rig_.driver.submit(0, cmd::async_event());
  ASSERT_TRUE(remove(1).ok());
  EXPECT_EQ(rig_.driver.wait(0, event).dw0, 0x00040002u);
  ASSERT_EQ(create(8).dw0, 1u);
  ASSERT_EQ(create(8).dw0, 2u);
  ASSERT_TRUE(attachment(2, kAttach).ok());
  const std::vector<u8> log = rig_.driver.get_log(nvme::LogPage::kChangedNamespaces, 4096).bytes;
  EXPECT_EQ(log[0], 1) << "deleted";
  EXPECT_EQ(log[4], 2) << "attached";
  EXPECT_EQ(log[8], 0);
}

TEST_F(Namespaces, DeletedWithCommandsInFlight) {
  std::vector<u16> cids;
  for (u32 i = 0; i < 20; i++) cids.push_back(rig_.driver.queue(1, cmd::write_zeroes(i * 8, 8)));
  rig_.driver.ring(1);
  ASSERT_TRUE(remove(1).ok());
  for (const u16 cid : cids) {
    const Status status = rig_.driver.wait(1, cid).status;
    EXPECT_TRUE(status == Status::kSuccess || status == Status::kInvalidNamespaceOrFormat);
  }
  EXPECT_EQ(rig_.runner.fault(), "");
}

class FlashNamespaces : public Namespaces {
 protected:
  FlashNamespaces()
      : Namespaces({{"type", "conv"}, {"channels", "2"}, {"page_size", "16K"}, {"planes", "2"}, {"mapping_unit", "16K"}}) {}
};

// NPWG, NPWA, NPDG, NPDA and NOWS: multiples of a mapping unit, counted from the first block of the namespace.
TEST_F(FlashNamespaces, PreferredSizes) {
  const std::vector<u8> ns = rig_.driver.identify(Cns::kNamespace, 1).bytes;
  EXPECT_EQ(ns[24] >> 4 & 1, 1) << "NSFEAT.OPTPERF";
  for (u32 at = 64; at < 72; at += 2) EXPECT_EQ(le(ns, at, 2), 31u) << at;
  const u64 write = le(ns, 72, 2) + 1;
  EXPECT_GE(write, 64u);
  EXPECT_EQ(write % 64, 0u) << "NOWS: a page of both planes, or several";
  nvme::Sqe format = cmd::admin(AdminOpcode::kFormatNvm, 1);
  format.cdw10 = 1;  // 4096 bytes
  ASSERT_TRUE(rig_.admin(format).ok());
  EXPECT_EQ(field(Cns::kNamespace, 1, 64) & 0xffff, 3u);
  EXPECT_EQ((field(Cns::kNamespace, 1, 72) & 0xffff) + 1, write / 8);
}

TEST_F(FlashNamespaces, NothingIsPreferredWhereUnitsBeginElsewhere) {
  ASSERT_TRUE(remove(1).ok());
  for (u32 nsid = 1; nsid <= 2; nsid++) {
    ASSERT_TRUE(create(24).ok());
    ASSERT_TRUE(attachment(nsid, kAttach).ok());
    EXPECT_EQ(field(Cns::kNamespace, nsid, 24) >> 4 & 1, nsid == 1) << nsid;
    EXPECT_EQ(field(Cns::kNamespace, nsid, 64) & 0xffff, nsid == 1 ? 31u : 0u) << nsid;
  }
}

TEST_F(Namespaces, FixedLatenciesPreferNothing) {
  EXPECT_EQ(field(Cns::kNamespace, 1, 24) >> 4 & 1, 0u);
  EXPECT_EQ(field(Cns::kNamespace, 1, 64), 0u);
}

}  // namespace
}  // namespace nvmev::test
