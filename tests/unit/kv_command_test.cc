// SPDX-License-Identifier: GPL-2.0-only
// The Key Value Command Set through the controller: statuses, lengths, options, PRPs, lists, concurrency, Format, Identify.
#include <gtest/gtest.h>

#include <map>
#include <algorithm>
#include <random>

#include "host/kv_commands.h"

namespace nvmev::test {
namespace {

using nvme::KvOpcode;
using nvme::Sqe;
using nvme::Status;

Settings settings(const Settings& more = {}) {
  Settings all{{"type", "kv"}, {"kv_timing", "nvm"}, {"capacity", "4M"}, {"mdts", "8"}};
  for (const auto& [key, value] : more) all.add(key, value);
  return all;
}

struct Kv {
  explicit Kv(const Settings& more = {}, u32 workers = 1, u16 queues = 1) : rig(settings(more), workers), driver(rig) {
    rig.start(queues);
  }
  Rig rig;
  KvDriver driver;
};

TEST(KvCommands, WhatIsStoredIsRetrieved) {
  Kv kv;
  for (const u32 length : {0u, 1u, 3u, 511u, 512u, 513u, 4096u, 4097u, 100000u, 1u << 20}) {
    for (const u32 offset : {0u, 4u, 2048u}) {
      const std::string key = "k" + std::to_string(length);
      const std::vector<u8> value = pattern(length, length + offset);
      ASSERT_EQ(kv.driver.store(key, value, 0, offset), Status::kSuccess) << length;
      const u32 room = std::min(length + 4, 1u << 20);
      const KvDriver::Result result = kv.driver.retrieve(key, room, offset);
      ASSERT_EQ(result.status(), Status::kSuccess);
      EXPECT_EQ(result.completion.dw0, length);
      std::vector<u8> expected = value;
      expected.resize(room, 0xee);
      EXPECT_EQ(result.bytes, expected) << length;
    }
    if (length >= 100000) ASSERT_EQ(kv.driver.remove("k" + std::to_string(length)), Status::kSuccess);
  }
}

TEST(KvCommands, AValueLongerThanTheBufferTellsItsLength) {
  Kv kv;
  const std::vector<u8> value = pattern(10000, 1);
  ASSERT_EQ(kv.driver.store("key", value), Status::kSuccess);
  for (const u32 room : {1u, 4u, 600u, 4096u, 5000u, 9999u}) {
    const KvDriver::Result result = kv.driver.retrieve("key", room, 12);
    EXPECT_EQ(result.status(), Status::kSuccess);
    EXPECT_EQ(result.completion.dw0, 10000u);
    EXPECT_EQ(result.bytes, std::vector<u8>(value.begin(), value.begin() + room));
  }
  const KvDriver::Result none = kv.driver.retrieve("key", 0);
  EXPECT_EQ(none.status(), Status::kSuccess);
  EXPECT_EQ(none.completion.dw0, 10000u);
}

TEST(KvCommands, KeyLengths) {
  Kv kv;
  const std::vector<u8> value(10, 1);
  for (u32 length = 1; length <= 16; length++) {
    EXPECT_EQ(kv.driver.store(std::string(length, 'x'), std::vector<u8>(length, 7)), Status::kSuccess);
  }
  for (u32 length = 1; length <= 16; length++) {
    EXPECT_EQ(kv.driver.retrieve(std::string(length, 'x'), 100).completion.dw0, length);
  }
  for (const u32 length : {0u, 17u, 100u, 255u}) {
    const std::string key(length, 'x');
    EXPECT_EQ(kv.driver.store(key, value), Status::kInvalidKeySize);
    EXPECT_EQ(kv.driver.retrieve(key, 100).status(), Status::kInvalidKeySize);
    EXPECT_EQ(kv.driver.remove(key), Status::kInvalidKeySize);
    EXPECT_EQ(kv.driver.exist(key), Status::kInvalidKeySize);
    if (length != 0) EXPECT_EQ(kv.driver.list(key, 100).status(), Status::kInvalidKeySize);
  }
}

TEST(KvCommands, KeysAreAllOfTheirBytes) {
  Kv kv;
  const std::string a("ab\0cdefg\0hijklm\0", 16), b("ab\0cdefg\0hijklm\1", 16), c("ab\0", 3), d("ab", 2);
  u8 n = 1;
  for (const std::string& key : {a, b, c, d}) ASSERT_EQ(kv.driver.store(key, std::vector<u8>(4, n++)), Status::kSuccess);
  n = 1;
  for (const std::string& key : {a, b, c, d}) EXPECT_EQ(kv.driver.retrieve(key, 4).bytes, std::vector<u8>(4, n++));
  EXPECT_EQ(kv.driver.list_all(4096), (std::vector<std::string>{d, c, a, b}));
}

TEST(KvCommands, StoreOptions) {
  Kv kv;
  const std::vector<u8> one(100, 1), two(200, 2);
  using namespace nvme::kv_store;
  EXPECT_EQ(kv.driver.store("key", one, kMustExist), Status::kKeyDoesNotExist);
  EXPECT_EQ(kv.driver.exist("key"), Status::kKeyDoesNotExist);
  EXPECT_EQ(kv.driver.store("key", one, kMustNotExist), Status::kSuccess);
  EXPECT_EQ(kv.driver.store("key", two, kMustNotExist), Status::kKeyExists);
  EXPECT_EQ(kv.driver.retrieve("key", 100).bytes, one);
  EXPECT_EQ(kv.driver.store("key", two, kMustExist | kNoCompression), Status::kSuccess);
  EXPECT_EQ(kv.driver.retrieve("key", 200).bytes, two);
  EXPECT_EQ(kv.driver.store("key", one, kMustExist | kMustNotExist), Status::kKeyExists);
  EXPECT_EQ(kv.driver.store("new", one, kMustExist | kMustNotExist), Status::kKeyDoesNotExist);
  for (u32 bit = 11; bit < 16; bit++) EXPECT_EQ(kv.driver.store("key", one, 1u << bit), Status::kInvalidField) << bit;
  EXPECT_EQ(kv.driver.retrieve("key", 200).bytes, two);
}

TEST(KvCommands, DeleteAndExist) {
  Kv kv;
  EXPECT_EQ(kv.driver.remove("key"), Status::kKeyDoesNotExist);
  EXPECT_EQ(kv.driver.exist("key"), Status::kKeyDoesNotExist);
  EXPECT_EQ(kv.driver.retrieve("key", 16).status(), Status::kKeyDoesNotExist);
  EXPECT_EQ(kv.driver.retrieve("key", 16).bytes, std::vector<u8>(16, 0xee));
  EXPECT_EQ(kv.driver.store("key", {1, 2, 3, 4}), Status::kSuccess);
  EXPECT_EQ(kv.driver.exist("key"), Status::kSuccess);
  EXPECT_EQ(kv.driver.remove("key"), Status::kSuccess);
  EXPECT_EQ(kv.driver.exist("key"), Status::kKeyDoesNotExist);
}

TEST(KvCommands, TooLargeValuesAndBuffers) {
  Kv kv({{"mdts", "3"}});
  Sqe sqe = cmd::kv(KvOpcode::kStore, "key", 32769);
  EXPECT_EQ(kv.rig.io(sqe).status, Status::kInvalidValueSize);
  sqe.cdw10 = 0xffffffff;
  EXPECT_EQ(kv.rig.io(sqe).status, Status::kInvalidValueSize);
  EXPECT_EQ(kv.driver.store("key", pattern(32768, 1)), Status::kSuccess);
  EXPECT_EQ(kv.rig.io(cmd::kv(KvOpcode::kRetrieve, "key", 32769)).status, Status::kInvalidField);
  EXPECT_EQ(kv.rig.io(cmd::kv(KvOpcode::kRetrieve, "key", 100, 1u << 9)).status, Status::kInvalidField);
  EXPECT_EQ(kv.rig.io(cmd::kv(KvOpcode::kList, "key", 32769)).status, Status::kInvalidField);
  EXPECT_EQ(kv.rig.io(cmd::kv(KvOpcode::kList, "key", 3)).status, Status::kInvalidField);
}

TEST(KvCommands, AFullDeviceIsUsableAfterDeletes) {
  Kv kv({{"capacity", "1M"}});
  const std::vector<u8> value = pattern(10000, 3);
  u32 stored = 0;
  Status status;
  while ((status = kv.driver.store("key" + std::to_string(stored), value)) == Status::kSuccess) stored++;
  EXPECT_EQ(status, Status::kCapacityExceeded);
  EXPECT_EQ(stored, (1u << 20) / 10240);
  EXPECT_EQ(kv.driver.store("key0", value), Status::kCapacityExceeded);
  for (u32 i = 0; i < stored; i++) EXPECT_EQ(kv.driver.retrieve("key" + std::to_string(i), 10000).bytes, value);
  EXPECT_EQ(kv.driver.remove("key5"), Status::kSuccess);
  EXPECT_EQ(kv.driver.store("key0", pattern(10000, 4)), Status::kSuccess);
  EXPECT_EQ(kv.driver.retrieve("key0", 10000).bytes, pattern(10000, 4));
  for (u32 i = 0; i < stored; i++) kv.driver.remove("key" + std::to_string(i));
  EXPECT_EQ(kv.driver.store("whole", pattern(1u << 20, 5)), Status::kSuccess);
  EXPECT_EQ(kv.driver.retrieve("whole", 1u << 20).bytes, pattern(1u << 20, 5));
}

TEST(KvCommands, MemoryOfValuesComesBack) {
  Kv kv;
  const u64 before = kv.rig.host.medium_pages();
  for (u32 i = 0; i < 100; i++) ASSERT_EQ(kv.driver.store("key" + std::to_string(i), pattern(20000, i)), Status::kSuccess);
  EXPECT_GT(kv.rig.host.medium_pages(), before + 480);
  for (u32 i = 0; i < 100; i++) ASSERT_EQ(kv.driver.remove("key" + std::to_string(i)), Status::kSuccess);
  // The last deletions' values are cleared away by later commands.
  for (u32 i = 0; i < 4; i++) kv.driver.remove("none");
  EXPECT_LE(kv.rig.host.medium_pages(), before + 48);
}

TEST(KvCommands, WithoutMemoryTheOldValueStays) {
  Kv kv;
  const std::vector<u8> value = pattern(10000, 1);
  ASSERT_EQ(kv.driver.store("key", value), Status::kSuccess);
  kv.rig.host.limit_medium_pages(kv.rig.host.medium_pages() + 1);
  EXPECT_EQ(kv.driver.store("key", pattern(10000, 2)), Status::kWriteFault);
  EXPECT_EQ(kv.driver.retrieve("key", 10000).bytes, value);
  kv.rig.host.limit_medium_pages(~0ull);
  EXPECT_EQ(kv.driver.store("key", pattern(10000, 2)), Status::kSuccess);
  EXPECT_EQ(kv.driver.retrieve("key", 10000).bytes, pattern(10000, 2));
}

TEST(KvCommands, WrongPrpsChangeNothing) {
  Kv kv;
  Arena& arena = kv.rig.driver.arena();
  const std::vector<u8> value = pattern(20000, 1);
  ASSERT_EQ(kv.driver.store("key", value), Status::kSuccess);
  const u64 page = arena.alloc();
  const auto with = [&](KvOpcode opcode, u32 bytes, u64 prp1, u64 prp2) {
    return kv.rig.io(cmd::with_prps(cmd::kv(opcode, "key", bytes), Prps(arena, prp1, prp2))).status;
  };
  for (const KvOpcode opcode : {KvOpcode::kStore, KvOpcode::kRetrieve, KvOpcode::kList}) {
    EXPECT_EQ(with(opcode, 100, page + 1, 0), Status::kInvalidPrpOffset);
    EXPECT_EQ(with(opcode, 8192, page, page + 4), Status::kInvalidPrpOffset);
    EXPECT_EQ(with(opcode, 20000, page, page + 4), Status::kInvalidPrpOffset);
    EXPECT_EQ(with(opcode, 100, 0, 0), Status::kDataTransferError);
    EXPECT_EQ(with(opcode, 8192, page, 1ull << 60), Status::kDataTransferError);
    EXPECT_EQ(with(opcode, 20000, page, 1ull << 60), Status::kDataTransferError);
    EXPECT_EQ(with(opcode, 20000, page, page), Status::kDataTransferError);  // a list of zeros
  }
  EXPECT_EQ(kv.driver.retrieve("key", 20000).bytes, value);
  EXPECT_EQ(kv.driver.list_all(100), (std::vector<std::string>{"key"}));
  // No room is lost.
  for (u32 i = 0; i < 1000; i++) with(KvOpcode::kStore, 1 << 20, page, 1ull << 60);
  EXPECT_EQ(kv.driver.store("key", value), Status::kSuccess);
  Sqe fused = cmd::kv(KvOpcode::kExist, "key");
  fused.flags = 1;
  EXPECT_EQ(kv.rig.io(fused).status, Status::kInvalidField);
  fused.flags = 2 << 6;
  EXPECT_EQ(kv.rig.io(fused).status, Status::kInvalidField);
  arena.free(page);
}

TEST(KvCommands, OpcodesOfOtherSetsAreNone) {
  Kv kv;
  for (const u8 opcode : {0x05, 0x08, 0x09, 0x0c, 0x79, 0x7a, 0x7d, 0x80, 0x82, 0xb0}) {
    Sqe sqe = cmd::kv(KvOpcode::kStore, "key");
    sqe.opcode = opcode;
    EXPECT_EQ(kv.rig.io(sqe).status, Status::kInvalidOpcode) << unsigned{opcode};
  }
  EXPECT_EQ(kv.rig.io(cmd::kv(KvOpcode::kExist, "key", 0, 0, 2)).status, Status::kInvalidOpcode);
  EXPECT_TRUE(kv.rig.io(cmd::flush()).ok());
}

TEST(KvCommands, ListIsOrderedAndGoesOn) {
  Kv kv;
  std::mt19937_64 random(5);
  std::map<std::string, int> keys;
  for (u32 i = 0; i < 500; i++) {
    std::string key(1 + random() % 16, '\0');
    for (char& c : key) c = static_cast<char>(random() % 256);
    keys[key] = 1;
    ASSERT_EQ(kv.driver.store(key, {}), Status::kSuccess);
  }
  std::vector<std::string> expected;
  for (const auto& [key, unused] : keys) expected.push_back(key);
  for (const u32 room : {48u, 100u, 4096u, 5000u, 65536u}) EXPECT_EQ(kv.driver.list_all(room), expected) << room;
  // From a key that is not there.
  const KvDriver::Result from = kv.driver.list(std::string("\x80", 1), 4096);
  EXPECT_EQ(KvDriver::keys_of(from.bytes, 2).front(), keys.lower_bound("\x80")->first);
  // A buffer without room for the next key cannot say so.
  EXPECT_EQ(kv.driver.list("", 4).status(), Status::kInvalidField);
  const KvDriver::Result end = kv.driver.list(std::string(16, '\xff'), 64);
  EXPECT_EQ(end.status(), Status::kSuccess);
  EXPECT_TRUE(KvDriver::keys_of(end.bytes, 2).empty());
}

// Many commands in flight on queues of several workers: every value that is read was stored as a whole.
TEST(KvCommands, ValuesAreReadAsAWholeWhileTheyAreReplaced) {
  constexpr u16 kQueues = 6;
  for (const u32 dispatchers : {1u, 2u}) {
    Kv kv({{"dispatchers", std::to_string(dispatchers)}, {"capacity", "2M"}}, 3, kQueues);
    Arena& arena = kv.rig.driver.arena();
    std::mt19937_64 random(dispatchers);
    constexpr u32 kMost = 40000;
    struct Slot {
      std::unique_ptr<DmaBuffer> buffer;
      std::unique_ptr<Prps> prps;
      bool reads;
    };
    std::map<std::pair<u16, u16>, Slot> sent;
    u64 read = 0, refused = 0;
    const auto value = [](u8 key, u32 seed) {
      // Every byte tells length and seed.
      std::vector<u8> bytes(1000 + seed % 39 * 1000);
      for (size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<u8>(seed * 7 + key + i / 1000);
      return bytes;
    };
    for (u32 round = 0; round < 400; round++) {
      for (u16 queue = 1; queue <= kQueues; queue++) {
        for (u32 i = 0; i < 6; i++) {
          const u8 n = static_cast<u8>(random() % 12);
          const std::string key(1, static_cast<char>('a' + n));
          Slot slot{nullptr, nullptr, false};
          Sqe sqe;
          const u32 choice = random() % 10;
          if (choice < 4) {
            const std::vector<u8> bytes = value(n, static_cast<u32>(random() % 200));
            slot.buffer = std::make_unique<DmaBuffer>(arena, bytes.size());
            slot.buffer->write(bytes);
            sqe = cmd::kv(KvOpcode::kStore, key, static_cast<u32>(bytes.size()));
          } else if (choice < 9) {
            slot.buffer = std::make_unique<DmaBuffer>(arena, kMost);
            slot.reads = true;
            sqe = cmd::kv(KvOpcode::kRetrieve, key, kMost);
          } else {
            sqe = cmd::kv(KvOpcode::kDelete, key);
          }
          if (slot.buffer) {
            slot.prps = std::make_unique<Prps>(arena, *slot.buffer);
            sqe = cmd::with_prps(sqe, *slot.prps);
          }
          const u16 cid = kv.rig.driver.queue(queue, sqe);
          sent[{queue, cid}] = std::move(slot);
        }
        kv.rig.driver.ring(queue);
      }
      // Dispatchers and workers go on unevenly.
      for (u32 i = 0; i < 30; i++) {
        if (random() % 2) {
          kv.rig.runner.dispatch(static_cast<unsigned>(random() % dispatchers));
        } else {
          kv.rig.runner.work(static_cast<unsigned>(random() % 3));
        }
      }
      ASSERT_TRUE(kv.rig.driver.wait_for(sent.size()));
      for (const Completion& completion : kv.rig.driver.take()) {
        const Slot& slot = sent.at({completion.sq_id, completion.cid});
        if (!completion.ok()) {
          ASSERT_TRUE(completion.status == Status::kKeyDoesNotExist || completion.status == Status::kCapacityExceeded);
          refused++;
          continue;
        }
        if (!slot.reads) continue;
        read++;
        const std::vector<u8> bytes = slot.buffer->read(0, completion.dw0);
        ASSERT_EQ(bytes.size() % 1000, 0u);
        for (size_t i = 0; i < bytes.size(); i++) ASSERT_EQ(bytes[i], static_cast<u8>(bytes[0] + i / 1000)) << i;
      }
      sent.clear();
    }
    EXPECT_GT(read, 3000u);
    EXPECT_GT(refused, 0u);
    EXPECT_EQ(kv.rig.runner.fault(), "");
  }
}

// By hand, with --gtest_also_run_disabled_tests: takes some minutes.
TEST(KvCommands, DISABLED_AMillionKeys) {
  constexpr u32 kKeys = 1'000'000;
  Kv kv({{"capacity", "3G"}});
  const auto key = [](u32 n) {
    std::string text(5 + n % 12, static_cast<char>(n * 2654435761u >> 24));
    std::memcpy(text.data() + 1, &n, sizeof(n));
    return text;
  };
  // Now and then up to 1 MiB.
  const auto value = [](u32 n, u32 version) {
    const u32 hash = (n * 2654435761u) ^ (version * 40503u);
    return pattern(n % 4000 == 0 ? hash % (1u << 20) : hash % 600, hash);
  };
  for (u32 n = 0; n < kKeys; n++) ASSERT_EQ(kv.driver.store(key(n), value(n, 0)), Status::kSuccess) << n;
  for (u32 n = 0; n < kKeys; n += 3) ASSERT_EQ(kv.driver.store(key(n), value(n, 1)), Status::kSuccess) << n;
  for (u32 n = 0; n < kKeys; n += 2) ASSERT_EQ(kv.driver.remove(key(n)), Status::kSuccess) << n;
  std::vector<std::string> expected;
  for (u32 n = 0; n < kKeys; n++) {
    const std::vector<u8> wanted = value(n, n % 3 == 0 ? 1 : 0);
    const KvDriver::Result result = kv.driver.retrieve(key(n), std::max<u32>(4, static_cast<u32>(wanted.size())));
    if (n % 2 == 0) {
      ASSERT_EQ(result.status(), Status::kKeyDoesNotExist) << n;
      continue;
    }
    ASSERT_EQ(result.completion.dw0, wanted.size()) << n;
    ASSERT_TRUE(std::equal(wanted.begin(), wanted.end(), result.bytes.begin())) << n;
    expected.push_back(key(n));
  }
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(kv.driver.list_all(1 << 20), expected);
}

// Threads on the real clock; sanitizers look on.
TEST(KvCommands, ThreadsReadWholeValues) {
  TestHost host;
  const nvmev_config config = make_config(settings({{"dispatchers", "2"}, {"capacity", "1M"}, {"write_time", "1"}, {"read_time", "1"}}), 2);
  Device device(host, config);
  ThreadRunner runner(device, 4);
  Driver driver(device, runner);
  ASSERT_TRUE(driver.enable());
  for (u16 id = 1; id <= 4; id++) driver.create_queue_pair(id, 64);
  std::mt19937_64 random(1);
  for (u32 round = 0; round < 300; round++) {
    std::vector<std::pair<std::unique_ptr<DmaBuffer>, std::unique_ptr<Prps>>> buffers;
    std::map<std::pair<u16, u16>, DmaBuffer*> reads;
    size_t count = 0;
    for (u16 queue = 1; queue <= 4; queue++) {
      for (u32 i = 0; i < 8; i++, count++) {
        const bool stores = random() % 2 == 0;
        const u32 length = stores ? static_cast<u32>(1 + random() % 16384) : 16384;
        auto buffer = std::make_unique<DmaBuffer>(host.arena, length);
        if (stores) buffer->fill(static_cast<u8>(random()));
        auto prps = std::make_unique<Prps>(host.arena, *buffer);
        const std::string key(1, static_cast<char>('a' + random() % 4));
        const u16 cid = driver.queue(queue, cmd::with_prps(cmd::kv(stores ? KvOpcode::kStore : KvOpcode::kRetrieve, key, length), *prps));
        if (!stores) reads[{queue, cid}] = buffer.get();
        buffers.emplace_back(std::move(buffer), std::move(prps));
      }
      driver.ring(queue);
    }
    ASSERT_TRUE(driver.wait_for(count));
    for (const Completion& completion : driver.take()) {
      const auto at = reads.find({completion.sq_id, completion.cid});
      if (at == reads.end() || !completion.ok()) continue;
      const std::vector<u8> bytes = at->second->read(0, completion.dw0);
      for (size_t i = 0; i < bytes.size(); i++) ASSERT_EQ(bytes[i], bytes[0]) << i << " of " << bytes.size();
    }
  }
}

// ---- Format, Identify, namespaces -----------------------------------------------------------------------------------------

TEST(KvCommands, FormatEmptiesTheNamespace) {
  Kv kv;
  for (u32 i = 0; i < 50; i++) ASSERT_EQ(kv.driver.store("key" + std::to_string(i), pattern(5000, i)), Status::kSuccess);
  ASSERT_TRUE(kv.rig.admin(cmd::format(1, 0)).ok());
  EXPECT_TRUE(kv.driver.list_all(4096).empty());
  EXPECT_EQ(kv.driver.exist("key1"), Status::kKeyDoesNotExist);
  EXPECT_EQ(kv.driver.store("key1", pattern(1 << 20, 1)), Status::kSuccess);
  EXPECT_EQ(kv.driver.retrieve("key1", 1 << 20).bytes, pattern(1 << 20, 1));
}

TEST(KvCommands, AProtectedNamespaceIsReadOnly) {
  Kv kv;
  ASSERT_EQ(kv.driver.store("key", pattern(100, 1)), Status::kSuccess);
  Sqe sqe = cmd::set_feature(nvme::Feature::kWriteProtection, static_cast<u32>(nvme::WriteProtection::kProtected));
  sqe.nsid = 1;
  ASSERT_TRUE(kv.rig.admin(sqe).ok());
  EXPECT_EQ(kv.driver.store("key", pattern(100, 2)), Status::kNamespaceWriteProtected);
  EXPECT_EQ(kv.driver.remove("key"), Status::kNamespaceWriteProtected);
  for (const auto opcode : {nvme::KvVendorOpcode::kStore, nvme::KvVendorOpcode::kAppend, nvme::KvVendorOpcode::kDelete,
                            nvme::KvVendorOpcode::kBatch}) {
    EXPECT_EQ(kv.rig.io(cmd::kv_vendor(opcode, "key")).status, Status::kNamespaceWriteProtected);
  }
  EXPECT_EQ(kv.driver.retrieve("key", 100).bytes, pattern(100, 1));
  EXPECT_EQ(kv.driver.exist("key"), Status::kSuccess);
  EXPECT_EQ(kv.driver.list_all(4096), (std::vector<std::string>{"key"}));
  EXPECT_TRUE(kv.rig.io(cmd::flush()).ok());
  EXPECT_EQ(kv.rig.driver.identify(nvme::Cns::kCsiNamespace, 1, nvme::Csi::kKeyValue).bytes[43] & 1, 1) << "NSATTR";
}

TEST(KvCommands, FormatHasOneFormatOnly) {
  Kv kv;
  EXPECT_EQ(kv.rig.admin(cmd::format(1, 1)).status, Status::kInvalidFormat);
  EXPECT_EQ(kv.driver.store("key", pattern(10, 1)), Status::kSuccess);
  EXPECT_TRUE(kv.rig.admin(cmd::format(1, 0, 1u << 9)).ok());
  EXPECT_EQ(kv.driver.exist("key"), Status::kKeyDoesNotExist);
}

TEST(KvCommands, TheNamespaceIsDeletedAndMadeAgain) {
  Kv kv;
  ASSERT_EQ(kv.driver.store("key", pattern(10, 1)), Status::kSuccess);
  Sqe sqe = cmd::admin(nvme::AdminOpcode::kNamespaceManagement, 1);
  sqe.cdw10 = 1;
  ASSERT_TRUE(kv.rig.admin(sqe).ok());
  EXPECT_EQ(kv.driver.exist("key"), Status::kInvalidOpcode);
  DmaBuffer buffer(kv.rig.driver.arena(), 4096);
  const Prps prps(kv.rig.driver.arena(), buffer);
  const auto create = [&](u64 bytes, u8 nmic) {
    nvme::IdentifyKvNamespace wanted{};
    wanted.nsze = bytes;
    wanted.nmic = nmic;
    std::vector<u8> data(sizeof(wanted));
    std::memcpy(data.data(), &wanted, sizeof(wanted));
    buffer.write(data);
    Sqe request = cmd::with_prps(cmd::admin(nvme::AdminOpcode::kNamespaceManagement), prps);
    request.cdw11 = 1u << 24;
    return kv.rig.admin(request);
  };
  EXPECT_EQ(create(0, 0).status, Status::kInvalidField);
  EXPECT_EQ(create(4 << 20, 1).status, Status::kInvalidField);
  EXPECT_EQ(create(1 << 20, 0).status, Status::kInvalidField);
  EXPECT_EQ(create(8 << 20, 0).status, Status::kInsufficientCapacity);
  const Completion created = create(4 << 20, 0);
  ASSERT_TRUE(created.ok());
  buffer.write({1, 0, 1, 0});
  Sqe attach = cmd::with_prps(cmd::admin(nvme::AdminOpcode::kNamespaceAttachment, created.dw0), prps);
  ASSERT_TRUE(kv.rig.admin(attach).ok());
  EXPECT_EQ(kv.driver.exist("key"), Status::kKeyDoesNotExist);
  EXPECT_EQ(kv.driver.store("key", pattern(1 << 20, 1)), Status::kSuccess);
  EXPECT_EQ(kv.driver.retrieve("key", 1 << 20).bytes, pattern(1 << 20, 1));
}

TEST(KvIdentify, TellsTheFormat) {
  Kv kv;
  ASSERT_EQ(kv.driver.store("key", pattern(1000, 1)), Status::kSuccess);
  const Driver::Data data = kv.rig.driver.identify(nvme::Cns::kCsiNamespace, 1, nvme::Csi::kKeyValue);
  ASSERT_TRUE(data.completion.ok());
  nvme::IdentifyKvNamespace ns;
  std::memcpy(&ns, data.bytes.data(), sizeof(ns));
  EXPECT_EQ(ns.nsze, 4u << 20);
  EXPECT_EQ(ns.nuse, 1024u);
  EXPECT_EQ(ns.nkvf, 0u);
  EXPECT_EQ(ns.kvf[0].key_length, 16u);
  EXPECT_EQ(ns.kvf[0].value_length, 1u << 20);
  EXPECT_EQ(ns.novg, 512u);
  EXPECT_TRUE(kv.rig.driver.identify(nvme::Cns::kCsiController, 0, nvme::Csi::kKeyValue).completion.ok());
  EXPECT_EQ(kv.rig.driver.identify(nvme::Cns::kCsiNamespace, 1, nvme::Csi::kZoned).completion.status, Status::kInvalidField);
  // The namespace's descriptors name the command set.
  const std::vector<u8> descriptors = kv.rig.driver.identify(nvme::Cns::kNamespaceDescriptors, 1).bytes;
  const std::vector<u8> csi{4, 1, 0, 0, 1};
  EXPECT_NE(std::search(descriptors.begin(), descriptors.end(), csi.begin(), csi.end()), descriptors.end());
}

TEST(KvCommands, BesideABlockNamespace) {
  Rig rig({{"namespaces", "nvm:32M,kv::kv_timing=nvm"}});
  rig.start();
  KvDriver kv(rig, 2);
  const std::vector<u8> value = pattern(50000, 9), block = pattern(4096, 2);
  ASSERT_EQ(kv.store("key", value), Status::kSuccess);
  ASSERT_TRUE(rig.driver.write((32 << 20) / 512 - 8, block).ok());
  EXPECT_EQ(kv.retrieve("key", 50000).bytes, value);
  EXPECT_EQ(rig.driver.read((32 << 20) / 512 - 8, 8).bytes, block);
  EXPECT_EQ(rig.io(cmd::kv(KvOpcode::kExist, "key", 0, 0, 1)).status, Status::kInvalidOpcode);
  EXPECT_TRUE(rig.admin(cmd::format(1, 0)).ok());
  EXPECT_EQ(kv.retrieve("key", 50000).bytes, value);
}

TEST(KvCommands, StatisticsTellOfTheIndex) {
  Kv kv;
  for (u32 i = 0; i < 300; i++) ASSERT_EQ(kv.driver.store("key" + std::to_string(i), pattern(600, i)), Status::kSuccess);
  for (u32 i = 0; i < 5; i++) ASSERT_EQ(kv.driver.store("empty" + std::to_string(i), {}), Status::kSuccess);
  const std::string report = kv.rig.device.report();
  EXPECT_NE(report.find("kv_keys 305\n"), std::string::npos);
  EXPECT_NE(report.find("kv_stores 305\n"), std::string::npos);
  EXPECT_NE(report.find("kv_value_bytes 180000\n"), std::string::npos);
  EXPECT_NE(report.find("kv_used_bytes 307200\n"), std::string::npos);
  EXPECT_NE(report.find("kv_index_bytes_per_key "), std::string::npos);
  EXPECT_NE(report.find("writes 305\n"), std::string::npos);
}

}  // namespace
}  // namespace nvmev::test
