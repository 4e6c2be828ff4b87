// SPDX-License-Identifier: GPL-2.0-only
// Firmware Image Download and Firmware Commit: NVMe 2.0 sections 5.12, 5.13 and 3.11.
#include <gtest/gtest.h>

#include "host/pair.h"

namespace nvmev::test {
namespace {

using nvme::CommitAction;
using nvme::FirmwareSlotLog;
using nvme::Status;

u32 crc32(const std::vector<u8>& bytes) {
  u32 crc = ~0u;
  for (const u8 byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
  }
  return ~crc;
}

std::vector<u8> image(const std::string& revision, u32 bytes = 12 << 10) {
  FirmwareHeader header{};
  std::memcpy(header.magic, kFirmwareMagic, sizeof(header.magic));
  std::memset(header.revision, ' ', sizeof(header.revision));
  std::memcpy(header.revision, revision.data(), revision.size());
  header.length = bytes;
  std::vector<u8> image = pattern(bytes, 7);
  std::memcpy(image.data(), &header, sizeof(header));
  header.checksum = crc32(image);
  std::memcpy(image.data(), &header, sizeof(header));
  return image;
}

class Firmware : public testing::Test {
 protected:
  Firmware() { rig_.start(); }

  Status piece(const std::vector<u8>& image, u32 offset, u32 bytes) {
    DmaBuffer buffer(rig_.driver.arena(), bytes);
    buffer.write(std::vector<u8>(image.begin() + offset, image.begin() + offset + bytes));
    const Prps prps(rig_.driver.arena(), buffer);
    return rig_.admin(cmd::firmware_download(offset, bytes, prps.prp1(), prps.prp2())).status;
  }
  void download(const std::vector<u8>& image, u32 step = 4096) {
    for (u32 at = 0; at < image.size(); at += step) {
      ASSERT_EQ(piece(image, at, std::min<u32>(step, static_cast<u32>(image.size()) - at)), Status::kSuccess);
    }
  }
  Status commit(CommitAction action, u8 slot) { return rig_.admin(cmd::firmware_commit(action, slot)).status; }
  std::string fr() {
    const std::vector<u8> id = rig_.driver.identify(nvme::Cns::kController).bytes;
    return std::string(id.begin() + 64, id.begin() + 72);
  }
  FirmwareSlotLog log() { return rig_.driver.log<FirmwareSlotLog>(nvme::LogPage::kFirmwareSlot); }
  std::string slot(u32 number) { return std::string(log().revision[number - 1], 8); }
  void reset() {
    rig_.driver.disable();
    rig_.start();
  }

  Rig rig_;
  const std::string original_ = NVMEV_VERSION + std::string(8 - std::strlen(NVMEV_VERSION), ' ');
};

TEST_F(Firmware, TheModulesVersionIsInSlotOne) {
  EXPECT_EQ(fr(), original_);
  EXPECT_EQ(slot(1), original_);
  EXPECT_EQ(slot(2), std::string(8, '\0'));
  EXPECT_EQ(log().afi, 1);
}

TEST_F(Firmware, ActivatedByTheNextReset) {
  download(image("1.2.3"));
  ASSERT_EQ(commit(CommitAction::kReplaceAndActivate, 2), Status::kSuccess);
  EXPECT_EQ(fr(), original_) << "not before the reset";
  EXPECT_EQ(slot(2), "1.2.3   ");
  EXPECT_EQ(log().afi, 1 | 2 << 4);
  reset();
  EXPECT_EQ(fr(), "1.2.3   ");
  EXPECT_EQ(log().afi, 2);
  reset();
  EXPECT_EQ(fr(), "1.2.3   ");
}

TEST_F(Firmware, ReplacedOnlyThenActivated) {
  download(image("2.0"));
  ASSERT_EQ(commit(CommitAction::kReplace, 3), Status::kSuccess);
  reset();
  EXPECT_EQ(fr(), original_);
  ASSERT_EQ(commit(CommitAction::kActivate, 3), Status::kSuccess);
  reset();
  EXPECT_EQ(fr(), "2.0     ");
  ASSERT_EQ(commit(CommitAction::kActivate, 1), Status::kSuccess) << "back to what the device came with";
  reset();
  EXPECT_EQ(fr(), original_);
}

TEST_F(Firmware, ActivatedWithoutResetTellsIt) {
  ASSERT_TRUE(rig_.driver.set_feature(nvme::Feature::kAsyncEventConfig, 1u << 9).ok());
  const u16 event = rig_.driver.submit(0, cmd::async_event());
  download(image("3.1"));
  ASSERT_EQ(commit(CommitAction::kActivateNow, 2), Status::kSuccess);
  EXPECT_EQ(fr(), "3.1     ");
  EXPECT_EQ(log().afi, 2);
  rig_.runner.run_for(1'000'000);
  rig_.driver.reap();
  const auto completion = rig_.driver.take(0, event);
  ASSERT_TRUE(completion.has_value());
  EXPECT_EQ(completion->dw0, 0x03'01'02u) << "Firmware Activation Starting";
}

TEST_F(Firmware, ActivatedWithoutResetTellsAllControllers) {
  Pair pair;
  pair.start();
  ASSERT_TRUE(pair.second.set_feature(nvme::Feature::kAsyncEventConfig, 1u << 9).ok());
  const u16 event = pair.second.submit(0, cmd::async_event());
  ASSERT_TRUE(pair.first.admin(cmd::firmware_commit(CommitAction::kActivateNow, 1)).ok());
  pair.runner.run_for(1'000'000);
  pair.second.reap();
  const auto completion = pair.second.take(0, event);
  ASSERT_TRUE(completion.has_value()) << "the firmware is the subsystem's";
  EXPECT_EQ(completion->dw0, 0x03'01'02u);
}

TEST_F(Firmware, DeviceChoosesASlot) {
  download(image("A"));
  ASSERT_EQ(commit(CommitAction::kReplace, 0), Status::kSuccess);
  download(image("B"));
  ASSERT_EQ(commit(CommitAction::kReplace, 0), Status::kSuccess);
  EXPECT_EQ(slot(2).substr(0, 1), "A");
  EXPECT_EQ(slot(3).substr(0, 1), "B");
  ASSERT_EQ(commit(CommitAction::kActivateNow, 2), Status::kSuccess);
  download(image("C"));
  ASSERT_EQ(commit(CommitAction::kReplace, 0), Status::kSuccess);
  EXPECT_EQ(slot(3).substr(0, 1), "C") << "not the one in use";
}

TEST_F(Firmware, PiecesInAnyOrderAndOfAnyLength) {
  const std::vector<u8> whole = image("9.9", 10'000);
  ASSERT_EQ(piece(whole, 8192, 1808), Status::kSuccess);
  ASSERT_EQ(piece(whole, 0, 4), Status::kSuccess);
  ASSERT_EQ(piece(whole, 4, 8188), Status::kSuccess);
  ASSERT_EQ(commit(CommitAction::kActivateNow, 2), Status::kSuccess);
  EXPECT_EQ(fr(), "9.9     ");
}

TEST_F(Firmware, OverlappingPieces) {
  const std::vector<u8> whole = image("9.9");
  ASSERT_EQ(piece(whole, 0, 4096), Status::kSuccess);
  EXPECT_EQ(piece(whole, 4092, 8), Status::kOverlappingRange);
  EXPECT_EQ(piece(whole, 0, 4096), Status::kOverlappingRange);
  EXPECT_EQ(piece(whole, 4096, 8192), Status::kSuccess) << "a refused piece took nothing";
  EXPECT_EQ(commit(CommitAction::kReplace, 2), Status::kSuccess);
  EXPECT_EQ(piece(whole, 0, 4096), Status::kSuccess) << "a new download";
}

TEST_F(Firmware, BadImages) {
  const auto refused = [&](std::vector<u8> bytes, const char* what) {
    SCOPED_TRACE(what);
    download(bytes);
    EXPECT_EQ(commit(CommitAction::kActivateNow, 2), Status::kInvalidFirmwareImage);
    EXPECT_EQ(fr(), original_);
    EXPECT_EQ(slot(2), std::string(8, '\0'));
  };
  std::vector<u8> bad = image("1");
  bad[5000] ^= 1;
  refused(bad, "a flipped bit");
  bad = image("1");
  bad[0] ^= 1;
  refused(bad, "wrong magic");
  bad = image("1");
  bad.resize(8192);
  refused(bad, "too short");
  refused(std::vector<u8>(4, 0), "four bytes");
  refused(image(""), "no revision");
  refused(image(std::string("\x01", 1)), "a revision that is not text");

  const std::vector<u8> whole = image("1");
  ASSERT_EQ(piece(whole, 0, 4096), Status::kSuccess);
  ASSERT_EQ(piece(whole, 8192, 4096), Status::kSuccess);
  EXPECT_EQ(commit(CommitAction::kReplace, 2), Status::kInvalidFirmwareImage) << "a gap";
}

TEST_F(Firmware, Refusals) {
  EXPECT_EQ(commit(CommitAction::kReplace, 2), Status::kInvalidFirmwareImage) << "nothing was downloaded";
  EXPECT_EQ(commit(CommitAction::kActivate, 2), Status::kInvalidFirmwareImage) << "the slot is empty";
  EXPECT_EQ(commit(CommitAction::kActivateNow, 3), Status::kInvalidFirmwareImage);
  EXPECT_EQ(commit(CommitAction::kActivate, 4), Status::kInvalidFirmwareSlot);
  EXPECT_EQ(commit(static_cast<CommitAction>(6), 2), Status::kInvalidField) << "no boot partitions";
  download(image("1"));
  EXPECT_EQ(commit(CommitAction::kReplace, 1), Status::kInvalidFirmwareSlot) << "slot 1 is read-only";
  EXPECT_EQ(commit(CommitAction::kReplace, 7), Status::kInvalidFirmwareSlot);
  EXPECT_EQ(commit(CommitAction::kReplace, 2), Status::kSuccess) << "the image is still there";

  const std::vector<u8> bytes(4096);
  DmaBuffer buffer(rig_.driver.arena(), 4096);
  EXPECT_EQ(rig_.admin(cmd::firmware_download(64 << 10, 4, buffer.bus())).status, Status::kInvalidField) << "beyond all";
  nvme::Sqe sqe = cmd::firmware_download(0, 4, buffer.bus());
  sqe.cdw10 = ~0u;
  EXPECT_EQ(rig_.admin(sqe).status, Status::kInvalidField);
  sqe = cmd::firmware_download(0, 4, buffer.bus());
  sqe.cdw11 = ~0u;
  EXPECT_EQ(rig_.admin(sqe).status, Status::kInvalidField);
  // A piece whose memory is not there leaves nothing behind.
  EXPECT_EQ(rig_.admin(cmd::firmware_download(0, 4096, 1ull << 60)).status, Status::kDataTransferError);
  EXPECT_EQ(rig_.admin(cmd::firmware_download(0, 4096, buffer.bus())).status, Status::kSuccess);
}

TEST_F(Firmware, ResetDropsAPartialDownload) {
  const std::vector<u8> whole = image("1");
  ASSERT_EQ(piece(whole, 0, 4096), Status::kSuccess);
  reset();
  EXPECT_EQ(piece(whole, 0, 4096), Status::kSuccess);
}

}  // namespace
}  // namespace nvmev::test
