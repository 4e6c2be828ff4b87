// SPDX-License-Identifier: GPL-2.0-only
// Get LBA Status, log page 0Eh, feature 15h and its event: NVM Command Set 1.0 sections 4.1.6 and 4.1.4.5.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "host/rig.h"
#include "nvmev/nvme/async_event.h"
#include "nvmev/nvme/lba_status.h"

namespace nvmev::test {
namespace {

using nvme::Feature;
using nvme::LbaStatusAction;
using nvme::LogPage;
using nvme::NvmOpcode;
using nvme::Status;

struct Stretch {
  u64 slba;
  u32 blocks;
  bool operator==(const Stretch&) const = default;
};

struct Answer {
  Status status;
  u8 condition;
  std::vector<Stretch> runs;
};

class LbaStatus : public testing::Test {
 protected:
  explicit LbaStatus(const Settings& settings = {}) : rig_(settings) { rig_.start(); }

  Answer ask(u64 slba, u32 range = 0, u32 dwords = 1024, u32 action = 0x11, u32 nsid = 1) {
    DmaBuffer buffer(rig_.driver.arena(), size_t{dwords} * 4, 8);
    buffer.fill(0xee);
    const Prps prps(rig_.driver.arena(), buffer);
    nvme::Sqe sqe = cmd::with_prps(cmd::admin(nvme::AdminOpcode::kGetLbaStatus, nsid), prps);
    sqe.cdw10 = static_cast<u32>(slba);
    sqe.cdw11 = static_cast<u32>(slba >> 32);
    sqe.cdw12 = dwords - 1;
    sqe.cdw13 = range | action << 24;
    Answer answer{rig_.admin(sqe).status, 0, {}};
    EXPECT_TRUE(buffer.margins_intact());
    if (answer.status != Status::kSuccess) return answer;
    const std::vector<u8> bytes = buffer.read();
    u32 count;
    std::memcpy(&count, bytes.data(), 4);
    answer.condition = bytes[4];
    for (u32 i = 0; i < count && 8 + (i + 1) * 16 <= bytes.size(); i++) {
      Stretch run{};
      std::memcpy(&run.slba, &bytes[8 + i * 16], 8);
      std::memcpy(&run.blocks, &bytes[16 + i * 16], 4);
      run.blocks++;  // 0-based
      EXPECT_EQ(bytes[8 + i * 16 + 13], 3) << "written so, and not readable";
      answer.runs.push_back(run);
    }
    EXPECT_EQ(answer.runs.size(), count);
    return answer;
  }
  std::vector<Stretch> all() { return ask(0).runs; }
  void mark(u64 slba, u32 blocks, u32 nsid = 1) {
    ASSERT_TRUE(rig_.io(cmd::io(NvmOpcode::kWriteUncorrectable, slba, blocks, nsid)).ok());
  }
  std::vector<u8> log() { return rig_.driver.get_log(LogPage::kLbaStatus, 64).bytes; }
  static u64 field(const std::vector<u8>& bytes, size_t at, size_t length) {
    u64 value = 0;
    std::memcpy(&value, &bytes[at], length);
    return value;
  }

  Rig rig_;
};

TEST_F(LbaStatus, ListsRunsOfMarkedBlocks) {
  EXPECT_EQ(ask(0).condition, nvme::kLbaStatusComplete);
  EXPECT_TRUE(all().empty());
  mark(7, 1);
  mark(100, 300);
  mark(32700, 70);  // over the boundary of a page of marks
  mark((64u << 20) / 512 - 1, 1);
  const std::vector<Stretch> expected{{7, 1}, {100, 300}, {32700, 70}, {131071, 1}};
  EXPECT_EQ(all(), expected);
  EXPECT_EQ(ask(0, 0, 1024, 0x10).runs, expected) << "a scan finds no others";
  EXPECT_EQ(ask(150).runs, (std::vector<Stretch>{{150, 250}, {32700, 70}, {131071, 1}}));
  EXPECT_EQ(ask(8, 100).runs, (std::vector<Stretch>{{100, 8}}));
  EXPECT_TRUE(ask(400, 1000).runs.empty());
  ASSERT_TRUE(rig_.driver.write(200, pattern(512, 1)).ok());
  EXPECT_EQ(ask(0, 500).runs, (std::vector<Stretch>{{7, 1}, {100, 100}, {201, 199}}));
  ASSERT_TRUE(rig_.admin(cmd::format(1, 0)).ok());
  EXPECT_TRUE(all().empty());
}

TEST_F(LbaStatus, NoMoreThanThereIsRoomFor) {
  for (u32 i = 0; i < 10; i++) mark(i * 10, 1);
  const Answer some = ask(0, 0, 2 + 3 * 4);
  EXPECT_EQ(some.condition, nvme::kLbaStatusIncomplete);
  EXPECT_EQ(some.runs, (std::vector<Stretch>{{0, 1}, {10, 1}, {20, 1}}));
  EXPECT_EQ(ask(0, 0, 2 + 10 * 4).condition, nvme::kLbaStatusComplete);
  EXPECT_EQ(ask(0, 0, 2).condition, nvme::kLbaStatusIncomplete) << "a header alone";
  EXPECT_EQ(ask(91, 0, 2).condition, nvme::kLbaStatusComplete);
  // More than the device returns at once.
  for (u32 i = 0; i < 300; i++) mark(1000 + i * 2, 1);
  const Answer most = ask(1000, 0, 8192);
  EXPECT_EQ(most.condition, nvme::kLbaStatusIncomplete);
  EXPECT_EQ(most.runs.size(), 255u);
  EXPECT_EQ(ask(most.runs.back().slba + 1).runs.size(), 45u);
}

TEST_F(LbaStatus, LogStaysWhileItIsRead) {
  const auto retained = [&] { return rig_.driver.get_log(LogPage::kLbaStatus, 64, 0, true).bytes; };
  mark(7, 1);
  const std::vector<u8> begun = retained();
  EXPECT_EQ(field(begun, 8, 4), 1u) << "blocks";
  mark(100, 5);
  EXPECT_EQ(retained(), begun) << "it is the log that the host has begun to read";
  const std::vector<u8> last = log();
  EXPECT_EQ(field(last, 8, 4), 6u) << "the generation tells that there is more";
  EXPECT_NE(field(last, 14, 2), field(begun, 14, 2));
  EXPECT_EQ(retained(), last);
  mark(200, 1);
  rig_.driver.disable();
  rig_.start();
  EXPECT_EQ(field(retained(), 8, 4), 7u) << "a reset ends the reading";
}

// In the report interval, which a read begins anew.
TEST_F(LbaStatus, NoAlertForWhatWasReadOrIsNotWanted) {
  constexpr u32 kAlert = 1u << 13;
  constexpr u64 kSecond = 1'000'000'000;
  const auto enable = [&](u32 config) { ASSERT_TRUE(rig_.driver.set_feature(Feature::kAsyncEventConfig, config).ok()); };
  const auto alerted = [&](u16 event) {
    rig_.runner.run_for(2 * kSecond);
    rig_.driver.reap();
    return rig_.driver.take(0, event).has_value();
  };
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kLbaStatusAttributes, 10).ok());  // 1 s
  enable(kAlert);
  u16 event = rig_.driver.submit(0, cmd::async_event());
  mark(7, 1);
  ASSERT_TRUE(alerted(event)) << "the first";
  log();
  event = rig_.driver.submit(0, cmd::async_event());
  mark(9, 1);
  log();
  EXPECT_FALSE(alerted(event)) << "the log with it has been read";
  log();
  mark(11, 1);
  rig_.runner.run_for(kSecond / 2);
  EXPECT_FALSE(rig_.driver.reap() != 0) << "the interval began with the read";
  enable(0);
  EXPECT_FALSE(alerted(event)) << "alerts are off";
}

TEST_F(LbaStatus, AgreesWithWhatCanBeRead) {
  std::mt19937_64 random(1);
  std::vector<bool> marked(100000);
  for (u32 step = 0; step < 400; step++) {
    const u32 slba = static_cast<u32>(random() % 99000), blocks = 1 + static_cast<u32>(random() % (step % 7 == 0 ? 1000 : 30));
    const bool mark = random() % 3 != 0;
    ASSERT_TRUE(rig_.io(mark ? cmd::io(NvmOpcode::kWriteUncorrectable, slba, blocks) : cmd::write_zeroes(slba, blocks)).ok());
    std::fill_n(marked.begin() + slba, blocks, mark);
    std::vector<bool> found(marked.size());
    u32 total = 0;
    for (u64 at = 0;;) {
      const Answer answer = ask(at);
      ASSERT_EQ(answer.status, Status::kSuccess);
      for (const Stretch& run : answer.runs) {
        std::fill_n(found.begin() + static_cast<std::ptrdiff_t>(run.slba), run.blocks, true);
        total += run.blocks;
      }
      if (answer.condition == nvme::kLbaStatusComplete) break;
      at = answer.runs.back().slba + answer.runs.back().blocks;
    }
    ASSERT_EQ(found, marked) << step;
    if (step % 20 == 0) ASSERT_EQ(field(log(), 8, 4), total) << "ESTULB";
  }
}

TEST_F(LbaStatus, OfLargerBlocks) {
  ASSERT_TRUE(rig_.admin(cmd::format(1, 1)).ok());
  mark(5, 2);
  mark(16383, 1);
  EXPECT_EQ(all(), (std::vector<Stretch>{{5, 2}, {16383, 1}}));
  EXPECT_EQ(field(log(), 8, 4), 3u);
}

TEST_F(LbaStatus, Refusals) {
  mark(0, 1);
  EXPECT_EQ(ask(0, 0, 1).status, Status::kInvalidField) << "no room for the header";
  EXPECT_EQ(ask(0, 0, 1024, 0x12).status, Status::kInvalidField);
  EXPECT_EQ(ask(0, 0, 1024, 0).status, Status::kInvalidField);
  EXPECT_EQ(ask(0, 0, 1024, 0x11, 2).status, Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(ask(0, 0, 1024, 0x11, 0xffffffff).status, Status::kInvalidNamespaceOrFormat);
  EXPECT_EQ(ask(131072).status, Status::kLbaOutOfRange);
  EXPECT_EQ(ask(~0ull).status, Status::kLbaOutOfRange);
  EXPECT_EQ(ask(131071, 2).status, Status::kLbaOutOfRange);
  EXPECT_EQ(ask(131071, 1).status, Status::kSuccess);
  nvme::Sqe sqe = cmd::admin(nvme::AdminOpcode::kGetLbaStatus, 1);
  sqe.cdw13 = 0x11u << 24;
  sqe.cdw12 = ~0u;
  EXPECT_EQ(rig_.admin(sqe).status, Status::kInvalidField) << "beyond MDTS";
  sqe.cdw12 = 1023;
  sqe.prp1 = 1ull << 60;
  EXPECT_EQ(rig_.admin(sqe).status, Status::kDataTransferError);
}

TEST_F(LbaStatus, LogNamesNamespacesWithUnreadableBlocks) {
  std::vector<u8> before = log();
  EXPECT_EQ(field(before, 0, 4), 16u);
  EXPECT_EQ(field(before, 4, 4), 0u);
  mark(10, 5);
  const std::vector<u8> after = log();
  EXPECT_EQ(field(after, 0, 4), 32u);
  EXPECT_EQ(field(after, 4, 4), 1u);
  EXPECT_EQ(field(after, 8, 4), 5u);
  EXPECT_NE(field(after, 14, 2), field(before, 14, 2)) << "LSGC";
  EXPECT_EQ(field(after, 16, 4), 1u) << "NEID";
  EXPECT_EQ(field(after, 20, 4), 0xffffffffu) << "NLRD";
  EXPECT_EQ(after[24], 0x11) << "RATYPE";
  EXPECT_EQ(log(), after) << "nothing has changed";
  ASSERT_TRUE(rig_.io(cmd::write_zeroes(10, 5)).ok());
  EXPECT_EQ(field(log(), 4, 4), 0u);
}

TEST_F(LbaStatus, EventComesNoMoreOftenThanTheHostWants) {
  constexpr u32 kEnable = 1u << 13;
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kAsyncEventConfig, kEnable).ok());
  const Completion set = rig_.driver.set_feature(Feature::kLbaStatusAttributes, 50);  // 5 s
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set.dw0, 50u) << "as it is set";
  EXPECT_EQ(rig_.driver.get_feature(Feature::kLbaStatusAttributes).dw0, 50u);
  rig_.runner.run_for(10'000'000'000);
  const auto event = [&](u16 cid) { return rig_.driver.take(0, cid); };
  const u16 first = rig_.driver.submit(0, cmd::async_event());
  mark(1, 1);
  rig_.runner.run_for(1'000'000);
  rig_.driver.reap();
  const auto completion = event(first);
  ASSERT_TRUE(completion.has_value());
  EXPECT_EQ(completion->dw0, 0x0e0502u);
  log();
  const u16 second = rig_.driver.submit(0, cmd::async_event());
  mark(3, 1);
  rig_.runner.run_for(4'000'000'000);
  rig_.driver.reap();
  EXPECT_FALSE(event(second).has_value()) << "too early";
  rig_.runner.run_for(1'100'000'000);
  rig_.driver.reap();
  EXPECT_TRUE(event(second).has_value());
  log();
  // Not enabled, there is none.
  ASSERT_TRUE(rig_.driver.set_feature(Feature::kAsyncEventConfig, 0).ok());
  const u16 third = rig_.driver.submit(0, cmd::async_event());
  mark(5, 1);
  rig_.runner.run_for(20'000'000'000);
  rig_.driver.reap();
  EXPECT_FALSE(event(third).has_value());
}

class LbaStatusOfOthers : public LbaStatus {
 protected:
  LbaStatusOfOthers()
      : LbaStatus({{"namespaces", "nvm:16M,zns:64M:zone_size=8M,nvm:16M,kv:32M:dies_per_channel=1"}, {"capacity", "128M"}}) {}
};

TEST_F(LbaStatusOfOthers, EachNamespaceHasItsOwn) {
  mark(32767, 1);
  mark(0, 2, 3);
  EXPECT_EQ(all(), (std::vector<Stretch>{{32767, 1}}));
  EXPECT_EQ(ask(0, 0, 1024, 0x11, 3).runs, (std::vector<Stretch>{{0, 2}}));
  EXPECT_EQ(ask(0, 0, 1024, 0x11, 2).status, Status::kInvalidField) << "zoned";
  EXPECT_EQ(ask(0, 0, 1024, 0x11, 4).status, Status::kInvalidField) << "keys, not blocks";
  EXPECT_EQ(field(log(), 4, 4), 2u);
  EXPECT_EQ(field(log(), 16, 4), 1u);
  EXPECT_EQ(field(log(), 32, 4), 3u);
}

}  // namespace
}  // namespace nvmev::test
