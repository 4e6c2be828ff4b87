// SPDX-License-Identifier: GPL-2.0-only
// Get Log Page: NVMe 2.0 section 5.16.
#include <gtest/gtest.h>

#include <cstring>

#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::LogPage;
using nvme::Status;

u64 u64_at(const std::vector<u8>& bytes, size_t at) {
  u64 value;
  std::memcpy(&value, bytes.data() + at, 8);
  return value;
}

u32 u32_at(const std::vector<u8>& bytes, size_t at) {
  u32 value;
  std::memcpy(&value, bytes.data() + at, 4);
  return value;
}

struct Page {
  LogPage page;
  const char* name;
  u32 bytes;
};

const Page kPages[] = {
    {LogPage::kError, "Error Information", 64 * 64},
    {LogPage::kSmart, "SMART / Health Information", 512},
    {LogPage::kFirmwareSlot, "Firmware Slot Information", 512},
    {LogPage::kChangedNamespaces, "Changed Namespace List", 4096},
    {LogPage::kCommandEffects, "Commands Supported and Effects", 4096},
};

TEST(Log, UnknownPages) {
  Rig rig;
  rig.start();
  for (const u32 lid : {0x0au, 0x0cu, 0x70u, 0x7fu, 0xc0u, 0xffu}) {
    EXPECT_EQ(rig.driver.get_log(static_cast<LogPage>(lid), 512).completion.status, Status::kInvalidLogPage) << lid;
  }
}

// Any part equals that part of the whole. Retained, so that reading changes nothing.
TEST(Log, OffsetsAndLengths) {
  Rig rig;
  rig.start();
  for (int i = 0; i < 5; i++) rig.io(cmd::read(~0ull, 1));
  for (const Page& page : kPages) {
    SCOPED_TRACE(page.name);
    const Driver::Data whole = rig.driver.get_log(page.page, page.bytes, 0, true);
    ASSERT_TRUE(whole.completion.ok());
    for (const u32 offset : {0u, 4u, 64u, 508u, page.bytes - 4, page.bytes - 64}) {
      for (const u32 length : {4u, 64u, 512u, page.bytes}) {
        if (offset >= page.bytes) continue;
        SCOPED_TRACE(std::to_string(offset) + "+" + std::to_string(length));
        const Driver::Data part = rig.driver.get_log(page.page, length, offset, true);
        ASSERT_TRUE(part.completion.ok());
        const u32 inside = std::min(length, page.bytes - offset);
        ASSERT_EQ(std::memcmp(part.bytes.data(), whole.bytes.data() + offset, inside), 0);
        // "undefined" beyond the end, but nothing that was not this log's to tell.
        for (u32 i = inside; i < length; i++) ASSERT_EQ(part.bytes[i], 0);
      }
    }
    EXPECT_EQ(rig.driver.get_log(page.page, 64, page.bytes + 4, true).completion.status, Status::kInvalidField)
        << "offset beyond the log";
    EXPECT_EQ(rig.driver.get_log(page.page, 64, 1ull << 40, true).completion.status, Status::kInvalidField);
  }
}

TEST(Log, LengthBeyondAPageAndBeyondMdts) {
  Rig rig({{"mdts", "3"}});
  rig.start();
  const Driver::Data big = rig.driver.get_log(LogPage::kCommandEffects, 32 * 1024, 0, true);
  EXPECT_TRUE(big.completion.ok());
  const Driver::Data whole = rig.driver.get_log(LogPage::kCommandEffects, 4096, 0, true);
  EXPECT_EQ(std::memcmp(big.bytes.data(), whole.bytes.data(), 4096), 0);
  // MDTS covers Get Log Page as well: NVMe 2.0 figure 275.
  EXPECT_EQ(rig.driver.get_log(LogPage::kCommandEffects, 32 * 1024 + 4, 0, true).completion.status,
            Status::kInvalidField);
}

TEST(Log, PrpWithOffset) {
  Rig rig;
  rig.start();
  DmaBuffer buffer(rig.driver.arena(), 4096, 0x804);
  const Prps prps(rig.driver.arena(), buffer);
  ASSERT_TRUE(rig.admin(cmd::get_log(LogPage::kCommandEffects, 0, 4096, prps.prp1(), prps.prp2())).ok());
  EXPECT_EQ(buffer.read(), rig.driver.get_log(LogPage::kCommandEffects, 4096).bytes);
  EXPECT_TRUE(buffer.margins_intact());
}

TEST(SmartLog, CountsAreExact) {
  Rig rig;
  rig.start();
  const Driver::Data before = rig.driver.get_log(LogPage::kSmart, 512);
  ASSERT_TRUE(before.completion.ok());
  EXPECT_EQ(u64_at(before.bytes, 32), 0u);
  u64 blocks_read = 0;
  u64 blocks_written = 0;
  for (u32 i = 0; i < 7; i++) {
    ASSERT_TRUE(rig.driver.write(0, pattern(512 * 256, i)).ok());
    blocks_written += 256;
  }
  for (u32 i = 0; i < 11; i++) {
    ASSERT_TRUE(rig.driver.read(i * 100, 250).completion.ok());
    blocks_read += 250;
  }
  // A Compare counts as a read of its data. The NVM Command Set counts Compare in Host Read Commands as well.
  ASSERT_TRUE(rig.driver.compare(0, rig.driver.read(0, 8).bytes).ok());
  blocks_read += 16;
  // Failed commands and those without data units do not count.
  rig.io(cmd::read(~0ull, 1));
  ASSERT_TRUE(rig.io(cmd::flush()).ok());
  const Driver::Data after = rig.driver.get_log(LogPage::kSmart, 512);
  EXPECT_EQ(u64_at(after.bytes, 32), (blocks_read + 999) / 1000) << "Data Units Read";
  EXPECT_EQ(u64_at(after.bytes, 48), (blocks_written + 999) / 1000) << "Data Units Written";
  EXPECT_EQ(u64_at(after.bytes, 64), 13u) << "Host Read Commands";
  EXPECT_EQ(u64_at(after.bytes, 80), 7u) << "Host Write Commands";
  EXPECT_EQ(u64_at(after.bytes, 160), 0u) << "media errors";
  EXPECT_EQ(u64_at(after.bytes, 176), 1u) << "error log entries";
}

TEST(SmartLog, MediaErrors) {
  Rig rig;
  rig.start();
  rig.host.limit_medium_pages(0);
  for (int i = 0; i < 3; i++) ASSERT_EQ(rig.driver.write(0, pattern(512, 1)).status, Status::kWriteFault);
  const Driver::Data log = rig.driver.get_log(LogPage::kSmart, 512);
  EXPECT_EQ(u64_at(log.bytes, 160), 3u) << "media errors";
  EXPECT_EQ(u64_at(log.bytes, 80), 0u) << "Host Write Commands";
}

TEST(SmartLog, PlausibleHealth) {
  Rig rig;
  rig.start();
  const Driver::Data log = rig.driver.get_log(LogPage::kSmart, 512);
  EXPECT_EQ(log.bytes[0], 0) << "no critical warning";
  const u32 kelvin = log.bytes[1] | log.bytes[2] << 8;
  EXPECT_GT(kelvin, 273u);
  EXPECT_LT(kelvin, 343u);
  EXPECT_EQ(log.bytes[3], 100) << "available spare";
  EXPECT_GT(log.bytes[3], log.bytes[4]) << "spare above its threshold";
  EXPECT_LE(log.bytes[5], 100) << "percentage used";
  EXPECT_GE(u64_at(log.bytes, 112), 1u) << "power cycles";
}

TEST(SmartLog, NamespaceIdentifier) {
  Rig rig;
  rig.start();
  DmaBuffer buffer(rig.driver.arena(), 512);
  const auto status = [&](u32 nsid) {
    return rig.admin(cmd::get_log(LogPage::kSmart, 0, 512, buffer.bus(), 0, true, nsid)).status;
  };
  EXPECT_EQ(status(0), Status::kSuccess);
  EXPECT_EQ(status(0xffffffff), Status::kSuccess);
  // LPA bit 0 is cleared: no SMART log for each namespace.
  ASSERT_EQ(rig.driver.identify(nvme::Cns::kController).bytes[261] & 1, 0);
  EXPECT_NE(status(7), Status::kSuccess);
}

TEST(ErrorLog, RecordsWhatFailed) {
  Rig rig;
  rig.start(2);
  EXPECT_EQ(u64_at(rig.driver.get_log(LogPage::kError, 64).bytes, 0), 0u) << "empty at first";
  const Completion io = rig.driver.run(2, cmd::read(0x123456789abcull, 1));
  ASSERT_EQ(io.status, Status::kLbaOutOfRange);
  nvme::Sqe bad = cmd::admin(static_cast<nvme::AdminOpcode>(0x3f), 1);
  const Completion admin = rig.admin(bad);
  ASSERT_EQ(admin.status, Status::kInvalidOpcode);
  const Driver::Data log = rig.driver.get_log(LogPage::kError, 3 * 64);
  // Newest first.
  const auto entry = [&](size_t n) {
    return std::vector<u8>(log.bytes.begin() + 64 * n, log.bytes.begin() + 64 * (n + 1));
  };
  EXPECT_EQ(u64_at(entry(0), 0), 2u) << "error count";
  EXPECT_EQ(u32_at(entry(0), 8) & 0xffff, 0u) << "SQID";
  EXPECT_EQ(u32_at(entry(0), 8) >> 16, admin.cid);
  EXPECT_EQ(u32_at(entry(0), 12) >> 1 & 0x7ff, static_cast<u32>(Status::kInvalidOpcode));
  EXPECT_EQ(u64_at(entry(1), 0), 1u);
  EXPECT_EQ(u32_at(entry(1), 8) & 0xffff, 2u);
  EXPECT_EQ(u32_at(entry(1), 8) >> 16, io.cid);
  EXPECT_EQ(u32_at(entry(1), 12) >> 1 & 0x7ff, static_cast<u32>(Status::kLbaOutOfRange));
  EXPECT_EQ(u64_at(entry(1), 16), 0x123456789abcull) << "LBA";
  EXPECT_EQ(u32_at(entry(1), 24), 1u) << "NSID";
  EXPECT_EQ(u64_at(entry(2), 0), 0u);
}

TEST(ErrorLog, WrapsAroundAndCountsOn) {
  Rig rig;
  rig.start();
  const u32 entries = rig.driver.identify(nvme::Cns::kController).bytes[262] + 1u;  // ELPE
  for (u32 i = 0; i < entries + 10; i++) rig.io(cmd::read(1'000'000'000 + i, 1));
  const Driver::Data log = rig.driver.get_log(LogPage::kError, entries * 64);
  for (u32 i = 0; i < entries; i++) {
    ASSERT_EQ(u64_at(log.bytes, i * 64), entries + 10 - i);
    ASSERT_EQ(u64_at(log.bytes, i * 64 + 16), 1'000'000'000 + entries + 10 - i - 1);
  }
}

TEST(FirmwareSlotLog, AgreesWithIdentify) {
  Rig rig;
  rig.start();
  const Driver::Data log = rig.driver.get_log(LogPage::kFirmwareSlot, 512);
  const Driver::Data controller = rig.driver.identify(nvme::Cns::kController);
  EXPECT_EQ(log.bytes[0] & 7, 1) << "slot 1 is active";
  EXPECT_EQ(std::memcmp(log.bytes.data() + 8, controller.bytes.data() + 64, 8), 0) << "FR";
}

// What the log promises is what the controller does: each opcode is tried.
TEST(CommandEffectsLog, TellsTheTruth) {
  Rig rig;
  rig.start();
  const Driver::Data log = rig.driver.get_log(LogPage::kCommandEffects, 4096);
  DmaBuffer buffer(rig.driver.arena(), 4096);
  for (u32 opcode = 0; opcode < 256; opcode++) {
    SCOPED_TRACE(opcode);
    nvme::Sqe sqe{};
    sqe.opcode = static_cast<u8>(opcode);
    sqe.prp1 = buffer.bus();
    const bool admin_supported = u32_at(log.bytes, opcode * 4) & 1;
    const bool io_supported = u32_at(log.bytes, 1024 + opcode * 4) & 1;
    // Asynchronous Event Request is held; Format takes a namespace, which is not given.
    if (opcode != 0x0c) {
      EXPECT_EQ(rig.admin(sqe).status != Status::kInvalidOpcode, admin_supported);
    } else {
      EXPECT_TRUE(admin_supported);
    }
    EXPECT_EQ(rig.io(sqe).status != Status::kInvalidOpcode, io_supported);
  }
  const u32 write_effects = u32_at(log.bytes, 1024 + 4);
  EXPECT_TRUE(write_effects & 2) << "LBCC of Write";
  EXPECT_FALSE(u32_at(log.bytes, 1024 + 8) & 2) << "LBCC of Read";
}

}  // namespace
}  // namespace nvmev::test
