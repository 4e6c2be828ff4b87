// SPDX-License-Identifier: GPL-2.0-only
// The vendor specific key-value commands.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "host/kv_commands.h"

namespace nvmev::test {
namespace {

using nvme::KvOpcode;
using nvme::KvVendorOpcode;
using nvme::Sqe;
using nvme::Status;
using namespace nvme::kv_vendor;

class KvVendor : public testing::Test {
 protected:
  KvVendor() : rig_({{"type", "kv"}, {"kv_timing", "nvm"}, {"capacity", "4M"}}), standard_(rig_) { rig_.start(); }

  template <typename Function>
  auto with_key(Sqe sqe, const std::string& key, u32 offset, Function with) {
    if (key.size() <= 16) return with(sqe);
    DmaBuffer buffer(rig_.driver.arena(), key.size(), offset);
    buffer.write(std::vector<u8>(key.begin(), key.end()));
    const Prps prps(rig_.driver.arena(), buffer);
    const u64 prp1 = prps.prp1(), prp2 = prps.prp2();
    std::memcpy(&sqe.cdw12, &prp1, 8);
    std::memcpy(&sqe.cdw14, &prp2, 8);
    return with(sqe);
  }
  // With the key in requester memory if the command has no room for it, `offset` bytes into a page.
  Completion run(KvVendorOpcode opcode, const std::string& key, const std::vector<u8>& data = {}, u8 option = 0, u32 offset = 0) {
    Sqe sqe = cmd::kv_vendor(opcode, key, static_cast<u32>(data.size()), option);
    return with_key(sqe, key, offset, [&](Sqe ready) { return standard_.send(ready, data); });
  }
  KvDriver::Result get(const std::string& key, u32 room, u32 offset = 0, u8 option = 0) {
    Sqe sqe = cmd::kv_vendor(KvVendorOpcode::kRetrieve, key, room, option);
    sqe.mptr = offset;
    return with_key(sqe, key, 0, [&](Sqe ready) { return standard_.fetch(ready, room); });
  }
  Completion iterator(u8 option, u32 prefix = 0, u32 mask = 0, u8 number = 0) {
    Sqe sqe{};
    sqe.opcode = static_cast<u8>(KvVendorOpcode::kIteratorRequest);
    sqe.nsid = 1;
    sqe.cdw11 = number | static_cast<u32>(option) << 8;
    sqe.cdw12 = prefix;
    sqe.cdw13 = mask;
    return rig_.io(sqe);
  }
  KvDriver::Result iterate(u8 number, u32 room) {
    Sqe sqe{};
    sqe.opcode = static_cast<u8>(KvVendorOpcode::kIteratorRead);
    sqe.nsid = 1;
    sqe.cdw10 = room / 4;
    sqe.cdw11 = number;
    return standard_.fetch(sqe, room);
  }

  Rig rig_;
  KvDriver standard_;
};

TEST_F(KvVendor, ValuesOfAllLengthsAndKeys) {
  for (const u32 key_length : {1u, 4u, 16u, 17u, 100u, 255u}) {
    const std::string key(key_length, static_cast<char>('a' + key_length % 26));
    for (const u32 length : {0u, 1u, 2u, 3u, 4u, 1000u, 4099u, 50000u}) {
      const std::vector<u8> value = pattern(length, length);
      // Keys in requester memory may cross a page.
      ASSERT_EQ(run(KvVendorOpcode::kStore, key, value, 0, 4000).status, Status::kSuccess) << key_length << " " << length;
      const KvDriver::Result result = get(key, 60000);
      EXPECT_EQ(result.status(), Status::kSuccess);
      EXPECT_EQ(result.completion.dw0, length);
      EXPECT_TRUE(std::equal(value.begin(), value.end(), result.bytes.begin()));
    }
    EXPECT_EQ(run(KvVendorOpcode::kExist, key).status, Status::kSuccess);
    EXPECT_EQ(run(KvVendorOpcode::kDelete, key, {}, kDeleteCheck).status, Status::kSuccess);
    EXPECT_EQ(run(KvVendorOpcode::kExist, key).status, Status::kVendorKeyDoesNotExist);
    EXPECT_EQ(run(KvVendorOpcode::kDelete, key).status, Status::kSuccess);
    EXPECT_EQ(run(KvVendorOpcode::kDelete, key, {}, kDeleteCheck).status, Status::kVendorKeyDoesNotExist);
  }
}

TEST_F(KvVendor, TheStoreIsTheSameAsTheStandardSets) {
  ASSERT_EQ(run(KvVendorOpcode::kStore, "key", pattern(100, 1)).status, Status::kSuccess);
  EXPECT_EQ(standard_.retrieve("key", 100).bytes, pattern(100, 1));
  ASSERT_EQ(run(KvVendorOpcode::kStore, std::string(200, 'k'), pattern(100, 1)).status, Status::kSuccess);
  // List knows keys of its own lengths only.
  EXPECT_EQ(standard_.list_all(4096), (std::vector<std::string>{"key"}));
}

TEST_F(KvVendor, Retrievals) {
  ASSERT_EQ(run(KvVendorOpcode::kStore, "key", pattern(10000, 1)).status, Status::kSuccess);
  const std::vector<u8> value = pattern(10000, 1);
  const KvDriver::Result part = get("key", 3000, 5000);
  EXPECT_EQ(part.completion.dw0, 10000u);
  EXPECT_EQ(part.bytes, std::vector<u8>(value.begin() + 5000, value.begin() + 8000));
  const KvDriver::Result end = get("key", 3000, 9999);
  EXPECT_EQ(end.bytes[0], value[9999]);
  EXPECT_EQ(end.bytes[1], 0xee);
  EXPECT_EQ(get("key", 3000, 10000).status(), Status::kSuccess);
  EXPECT_EQ(get("key", 3000, 10001).status(), Status::kVendorInvalidValueOffset);
  const KvDriver::Result length = get("key", 3000, 0, kRetrieveLength);
  EXPECT_EQ(length.completion.dw0, 10000u);
  EXPECT_EQ(length.bytes, std::vector<u8>(3000, 0xee));
  EXPECT_EQ(get("none", 3000).status(), Status::kVendorKeyDoesNotExist);
}

TEST_F(KvVendor, WhatIsWrongIsToldInTheirTerms) {
  EXPECT_EQ(run(KvVendorOpcode::kStore, "key", pattern(100, 1), kStoreMustNotExist).status, Status::kSuccess);
  EXPECT_EQ(run(KvVendorOpcode::kStore, "key", pattern(100, 2), kStoreMustNotExist).status, Status::kVendorKeyExists);
  for (const u8 option : {8, 16, 128}) {
    EXPECT_EQ(run(KvVendorOpcode::kStore, "key", pattern(100, 2), option).status, Status::kVendorInvalidOption);
    EXPECT_EQ(get("key", 100, 0, option).status(), Status::kVendorInvalidOption);
    EXPECT_EQ(run(KvVendorOpcode::kDelete, "key", {}, option).status, Status::kVendorInvalidOption);
    EXPECT_EQ(run(KvVendorOpcode::kExist, "key", {}, option).status, Status::kVendorInvalidOption);
  }
  EXPECT_EQ(get("key", 100).bytes, pattern(100, 1));
  Sqe sqe = cmd::kv_vendor(KvVendorOpcode::kStore, "key");
  sqe.cdw11 |= 0xff;
  EXPECT_EQ(rig_.io(sqe).status, Status::kVendorInvalidKeySize);
  sqe = cmd::kv_vendor(KvVendorOpcode::kStore, "key");
  sqe.cdw10 = 1u << 30;
  EXPECT_EQ(rig_.io(sqe).status, Status::kVendorInvalidValueSize);
  sqe.cdw10 = 0;
  sqe.cdw11 |= 1 << 16;
  EXPECT_EQ(rig_.io(sqe).status, Status::kVendorInvalidValueSize);
  sqe = cmd::kv_vendor(KvVendorOpcode::kStore, "key", 100);
  sqe.mptr = 4;
  EXPECT_EQ(rig_.io(sqe).status, Status::kVendorInvalidValueOffset);
  sqe = cmd::kv_vendor(KvVendorOpcode::kExist, std::string(100, 'x'));
  sqe.cdw12 = 2;
  EXPECT_EQ(rig_.io(sqe).status, Status::kInvalidPrpOffset);
  sqe.cdw12 = 0;
  sqe.cdw13 = sqe.cdw14 = sqe.cdw15 = 0;
  EXPECT_EQ(rig_.io(sqe).status, Status::kDataTransferError);
  Status status = Status::kSuccess;
  for (u32 i = 0; status == Status::kSuccess; i++) {
    status = run(KvVendorOpcode::kStore, "fill" + std::to_string(i), pattern(400000, i)).status;
  }
  EXPECT_EQ(status, Status::kVendorCapacityExceeded);
}

TEST_F(KvVendor, Appending) {
  std::vector<u8> expected;
  for (const u32 length : {100u, 1u, 411u, 1u, 4000u, 30000u, 0u, 5u}) {
    const std::vector<u8> part = pattern(length, length);
    ASSERT_EQ(run(KvVendorOpcode::kAppend, "key", part).status, Status::kSuccess);
    expected.insert(expected.end(), part.begin(), part.end());
    EXPECT_EQ(get("key", static_cast<u32>(expected.size())).bytes, expected);
  }
  const std::string longer(40, 'l');
  EXPECT_EQ(run(KvVendorOpcode::kAppend, longer, pattern(10, 1)).status, Status::kSuccess);
  EXPECT_EQ(run(KvVendorOpcode::kAppend, longer, pattern(10, 2)).status, Status::kSuccess);
  EXPECT_EQ(get(longer, 100).completion.dw0, 20u);
  // Beyond the largest value.
  ASSERT_EQ(run(KvVendorOpcode::kStore, "large", pattern(500000, 1)).status, Status::kSuccess);
  EXPECT_EQ(run(KvVendorOpcode::kAppend, "large", pattern(30000, 1)).status, Status::kVendorInvalidValueSize);
  EXPECT_EQ(get("large", 500000).bytes, pattern(500000, 1));
  // Data that cannot be had.
  Sqe sqe = cmd::kv_vendor(KvVendorOpcode::kAppend, "key", 100);
  EXPECT_EQ(rig_.io(sqe).status, Status::kDataTransferError);
  EXPECT_EQ(get("key", static_cast<u32>(expected.size())).bytes, expected);
}

TEST_F(KvVendor, AppendsThatMeetAreBothThere) {
  Rig rig({{"type", "kv"}, {"kv_timing", "nvm"}, {"capacity", "4M"}}, 3);
  rig.start(3);
  DmaBuffer buffer(rig.driver.arena(), 700);
  buffer.fill(0x77);
  const Prps prps(rig.driver.arena(), buffer);
  for (u32 round = 0; round < 20; round++) {
    for (u16 queue = 1; queue <= 3; queue++) {
      for (u32 i = 0; i < 4; i++) {
        rig.driver.queue(queue, cmd::with_prps(cmd::kv_vendor(KvVendorOpcode::kAppend, "key", 700), prps));
      }
      rig.driver.ring(queue);
    }
    ASSERT_TRUE(rig.driver.wait_for(12));
    for (const Completion& completion : rig.driver.take()) ASSERT_TRUE(completion.ok());
  }
  KvDriver driver(rig);
  const KvDriver::Result result = driver.retrieve("key", 240 * 700);
  EXPECT_EQ(result.completion.dw0, 240u * 700);
  EXPECT_EQ(result.bytes, std::vector<u8>(240 * 700, 0x77));
}

TEST_F(KvVendor, Iterators) {
  std::set<std::string> expected;
  for (u32 i = 0; i < 700; i++) {
    const std::string key = (i % 2 ? "pre-" : "Pre-") + std::to_string(i) + std::string(i % 5 == 0 ? 50 : 0, 'y');
    ASSERT_EQ(run(KvVendorOpcode::kStore, key, {1}).status, Status::kSuccess);
    if (i % 2) expected.insert(key);
  }
  const Completion opened = iterator(kIteratorOpen | kIteratorKeys, 0x2d657270, 0xffffffff);  // "pre-"
  ASSERT_TRUE(opened.ok());
  std::set<std::string> returned;
  for (;;) {
    const KvDriver::Result part = iterate(static_cast<u8>(opened.dw0), 2000);
    ASSERT_TRUE(part.status() == Status::kSuccess || part.status() == Status::kIteratorFinished);
    EXPECT_GE(part.completion.dw0, 4u);
    EXPECT_LE(part.completion.dw0, 2000u);
    for (const std::string& key : KvDriver::keys_of(part.bytes, 4)) EXPECT_TRUE(returned.insert(key).second) << key;
    if (part.status() == Status::kIteratorFinished) break;
  }
  EXPECT_EQ(returned, expected);
  EXPECT_TRUE(iterator(kIteratorClose, 0, 0, static_cast<u8>(opened.dw0)).ok());
  EXPECT_EQ(iterator(kIteratorClose, 0, 0, static_cast<u8>(opened.dw0)).status, Status::kIteratorDoesNotExist);
  EXPECT_EQ(iterate(static_cast<u8>(opened.dw0), 2000).status(), Status::kIteratorDoesNotExist);
}

TEST_F(KvVendor, IteratorRequestsThatAreWrong) {
  EXPECT_EQ(iterator(0).status, Status::kVendorInvalidOption);
  EXPECT_EQ(iterator(kIteratorOpen | kIteratorClose).status, Status::kVendorInvalidOption);
  EXPECT_EQ(iterator(kIteratorOpen | 8).status, Status::kVendorInvalidOption);      // with values
  EXPECT_EQ(iterator(kIteratorOpen, 0, 0xff00).status, Status::kVendorInvalidOption);  // no prefix
  EXPECT_EQ(iterator(kIteratorOpen, 0, 0x0f).status, Status::kVendorInvalidOption);
  for (u32 i = 0; i < 16; i++) EXPECT_TRUE(iterator(kIteratorOpen, 0, 0).ok());
  EXPECT_EQ(iterator(kIteratorOpen).status, Status::kTooManyIterators);
  EXPECT_TRUE(iterator(kIteratorClose, 0, 0, 3).ok());
  EXPECT_EQ(iterator(kIteratorOpen).dw0, 3u);
  EXPECT_EQ(iterate(1, 260).status(), Status::kVendorInvalidValueSize);
  EXPECT_EQ(iterate(17, 2000).status(), Status::kIteratorDoesNotExist);
  EXPECT_TRUE(rig_.admin(cmd::format(1, 0)).ok());
  EXPECT_EQ(iterate(1, 2000).status(), Status::kIteratorDoesNotExist);
}

// ---- Batch -------------------------------------------------------------------------------------------------------------

struct Sub {
  u8 opcode;
  std::string key;
  std::vector<u8> value;
  u8 option = 0;
};

std::vector<u8> batch_data(const std::vector<Sub>& commands) {
  std::vector<u8> data(nvme::kKvBatchHeader);
  for (size_t i = 0; i < commands.size(); i++) {
    const Sub& sub = commands[i];
    nvme::KvBatchCommand command{};
    command.opcode = sub.opcode;
    command.key_length = static_cast<u8>(sub.key.size());
    command.value_length = static_cast<u32>(sub.value.size());
    command.option = sub.option;
    std::memcpy(&data[i * sizeof(command)], &command, sizeof(command));
    data.resize(data.size() + nvme::kKvBatchAlign);
    data.insert(data.end(), sub.key.begin(), sub.key.end());
    data.resize((data.size() + 63) / 64 * 64);
    data.insert(data.end(), sub.value.begin(), sub.value.end());
    data.resize((data.size() + 63) / 64 * 64);
  }
  return data;
}

TEST_F(KvVendor, Batches) {
  const auto batch = [&](const std::vector<Sub>& commands) {
    const std::vector<u8> data = batch_data(commands);
    Sqe sqe{};
    sqe.opcode = static_cast<u8>(KvVendorOpcode::kBatch);
    sqe.nsid = 1;
    sqe.cdw10 = static_cast<u32>(data.size() / 4);
    sqe.cdw11 = static_cast<u32>(commands.size());
    return standard_.send(sqe, data);
  };
  const Completion first = batch({{0x81, "one", pattern(1000, 1)},
                                  {0x81, std::string(200, 't'), pattern(5000, 2)},
                                  {0x81, "three", {}},
                                  {0xa1, "none", {}},
                                  {0xa1, "none", {}, kDeleteCheck},
                                  {0x90, "one", {}},
                                  {0x81, "one", pattern(10, 9), kStoreMustNotExist},
                                  {0x81, "eight", pattern(3, 8), 64}});
  EXPECT_TRUE(first.ok());
  EXPECT_EQ(first.dw0, 0x49360000u);
  EXPECT_EQ(get("one", 1000).bytes, pattern(1000, 1));
  EXPECT_EQ(get(std::string(200, 't'), 5000).bytes, pattern(5000, 2));
  EXPECT_EQ(get("three", 4).completion.dw0, 0u);
  EXPECT_EQ(run(KvVendorOpcode::kExist, "eight").status, Status::kVendorKeyDoesNotExist);
  const Completion second = batch({{0xa0, "one", {}}, {0xa1, "three", {}, kDeleteCheck}});
  EXPECT_TRUE(second.ok());
  EXPECT_EQ(second.dw0, 0u);
  EXPECT_EQ(run(KvVendorOpcode::kExist, "one").status, Status::kVendorKeyDoesNotExist);
  // A value that reaches beyond the data.
  std::vector<u8> data = batch_data({{0x81, "long", pattern(100, 1)}});
  const u32 length = 100000;
  std::memcpy(&data[4], &length, 4);
  Sqe sqe{};
  sqe.opcode = static_cast<u8>(KvVendorOpcode::kBatch);
  sqe.nsid = 1;
  sqe.cdw10 = static_cast<u32>(data.size() / 4);
  sqe.cdw11 = 1;
  EXPECT_EQ(standard_.send(sqe, data).dw0, 1u);
  sqe.cdw11 = 9;
  EXPECT_EQ(standard_.send(sqe, data).status, Status::kInvalidField);
  sqe.cdw11 = 0;
  EXPECT_EQ(standard_.send(sqe, data).status, Status::kInvalidField);
  sqe.cdw11 = 1;
  sqe.cdw10 = 127;
  EXPECT_EQ(standard_.send(sqe, data).status, Status::kVendorInvalidValueSize);
}

// Random commands of both sets: nothing but a status comes of it, and the store stays whole.
TEST_F(KvVendor, RandomCommands) {
  std::srand(1);
  Arena& arena = rig_.driver.arena();
  const u64 pages = arena.alloc(8);
  const u8 opcodes[] = {0x00, 0x01, 0x02, 0x06, 0x10, 0x14, 0x81, 0x83, 0x85, 0x90, 0xa1, 0xb1, 0xb2, 0xb3};
  const auto random = [] { return static_cast<u32>(std::rand()); };
  u32 succeeded = 0;
  for (u32 i = 0; i < 30000; i++) {
    Sqe sqe{};
    sqe.opcode = opcodes[random() % sizeof(opcodes)];
    sqe.nsid = random() % 50 ? 1 : random();
    sqe.cdw2 = random() % 4;
    sqe.mptr = random() % 3 ? 0 : random() % 5000;
    sqe.prp1 = pages + random() % 4 * 4096 + (random() % 4 ? 0 : random() % 4096);
    sqe.prp2 = random() % 2 ? pages + random() % 8 * 4096 : random();
    sqe.cdw10 = random() % 3 ? random() % 3000 : random() % 2 ? random() % 300000 : random() << 1;
    sqe.cdw11 = random() % 20 | (random() % 3 ? 0 : random() << 8);
    sqe.cdw12 = random() % 3;
    sqe.cdw13 = random() % 2;
    sqe.flags = random() % 40 ? 0 : static_cast<u8>(random());
    succeeded += rig_.io(sqe).ok();
    if (i % 16 == 0) {
      u64* list = reinterpret_cast<u64*>(arena.at(pages + random() % 8 * 4096));
      for (u32 k = 0; k < 512; k++) list[k] = random() % 9 ? pages + random() % 8 * 4096 : random();
    }
  }
  EXPECT_GT(succeeded, 1000u);
  for (const std::string& key : standard_.list_all(65536)) EXPECT_EQ(standard_.remove(key), Status::kSuccess);
  arena.free(pages, 8);
}

}  // namespace
}  // namespace nvmev::test
