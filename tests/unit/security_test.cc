// SPDX-License-Identifier: GPL-2.0-only
// Security Send and Receive: NVMe 2.0 sections 5.25 and 5.26, security protocol 00h.
#include <gtest/gtest.h>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Status;

class Security : public testing::Test {
 protected:
  Security() { rig_.start(); }
  Driver::Data receive(u8 protocol, u16 specific, u32 bytes) {
    DmaBuffer buffer(rig_.driver.arena(), 4096);
    buffer.fill(0xee);
    const Completion completion = rig_.admin(cmd::security_receive(protocol, specific, bytes, buffer.bus()));
    return {completion, buffer.read()};
  }
  Rig rig_;
};

TEST_F(Security, ListOfProtocolsNamesItself) {
  const Driver::Data list = receive(0, 0, 512);
  ASSERT_TRUE(list.completion.ok());
  std::vector<u8> expected(512, 0);
  expected[7] = 1;  // length; the protocol is 00h
  expected.resize(4096, 0xee);
  EXPECT_EQ(list.bytes, expected);
}

TEST_F(Security, CutAtTheAllocationLength) {
  const Driver::Data list = receive(0, 0, 8);
  ASSERT_TRUE(list.completion.ok());
  EXPECT_EQ(list.bytes[7], 1);
  EXPECT_EQ(list.bytes[8], 0xee);
  const Driver::Data nothing = receive(0, 0, 0);
  ASSERT_TRUE(nothing.completion.ok());
  EXPECT_EQ(nothing.bytes[0], 0xee);
}

TEST_F(Security, NoCertificate) {
  const Driver::Data certificate = receive(0, 1, 4);
  ASSERT_TRUE(certificate.completion.ok());
  EXPECT_EQ(std::vector<u8>(certificate.bytes.begin(), certificate.bytes.begin() + 4), std::vector<u8>(4, 0));
}

TEST_F(Security, OtherProtocolsAreRefused) {
  for (const u8 protocol : {0x01, 0x02, 0xea, 0xef, 0xff}) {
    EXPECT_EQ(receive(protocol, 0, 512).completion.status, Status::kInvalidField) << int{protocol};
  }
  EXPECT_EQ(receive(0, 2, 512).completion.status, Status::kInvalidField);
  EXPECT_EQ(receive(0, 0, ~0u).completion.status, Status::kInvalidField) << "beyond MDTS";
  for (const u8 protocol : {0x00, 0x01, 0xef}) {
    nvme::Sqe sqe = cmd::admin(nvme::AdminOpcode::kSecuritySend);
    sqe.cdw10 = static_cast<u32>(protocol) << 24;
    EXPECT_EQ(rig_.admin(sqe).status, Status::kInvalidField);
  }
}

}  // namespace
}  // namespace nvmev::test
