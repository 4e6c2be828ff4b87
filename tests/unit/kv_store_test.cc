// SPDX-License-Identifier: GPL-2.0-only
// The key-value store without controller: its index and space against std::map, full devices, holds, timing.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <set>

#include "host/kv_device.h"
#include "host/rig.h"

namespace nvmev::test {
namespace {

using nvme::Status;

constexpr u32 kUnit = 512;

std::string random_key(std::mt19937_64& random, u32 longest) {
  std::string key(1 + random() % longest, '\0');
  // A small alphabet in the first places: prefixes are shared and keys come again.
  for (char& c : key) c = static_cast<char>('a' + random() % 4);
  return key;
}

u64 units(u32 length) { return (length + kUnit - 1) / kUnit; }

// What the store must do, one command after another.
struct Model {
  std::map<std::string, u32> keys;  // and the values' lengths
  u64 capacity;
  u64 used = 0;

  Status put(const std::string& key, u32 length, u8 rules) {
    const auto at = keys.find(key);
    if (at == keys.end() && (rules & kv::kMustExist)) return Status::kKeyDoesNotExist;
    if (at != keys.end() && (rules & kv::kMustNotExist)) return Status::kKeyExists;
    if (used + units(length) > capacity) return Status::kCapacityExceeded;
    if (at != keys.end()) used -= units(at->second);
    used += units(length);
    keys[key] = length;
    return Status::kSuccess;
  }
  Status remove(const std::string& key) {
    const auto at = keys.find(key);
    if (at == keys.end()) return Status::kKeyDoesNotExist;
    used -= units(at->second);
    keys.erase(at);
    return Status::kSuccess;
  }
};

std::vector<std::string> list_all(KvDevice& device) {
  std::vector<std::string> keys;
  u8 entries[512];
  std::string from;
  bool after = false;
  for (;;) {
    const kv::Listed listed = device->list(KvDevice::key(from), after, entries, sizeof(entries));
    if (listed.count == 0) return keys;
    u32 at = 0;
    for (u32 i = 0; i < listed.count; i++) {
      EXPECT_EQ(entries[at + 1], 0);
      const u32 length = entries[at];
      keys.emplace_back(reinterpret_cast<char*>(entries + at + 2), length);
      at += (2 + length + 3) / 4 * 4;
    }
    EXPECT_EQ(at, listed.bytes);
    from = keys.back();
    after = true;
  }
}

void expect_same(KvDevice& device, const Model& model) {
  ASSERT_STREQ(device->inconsistency(), "");
  const kv::Usage usage = device->usage();
  ASSERT_EQ(usage.keys, model.keys.size());
  std::vector<std::string> expected;
  u64 bytes = 0;
  for (const auto& [key, length] : model.keys) {
    u32 found = 0;
    ASSERT_EQ(device.get(key, &found), Status::kSuccess) << key;
    ASSERT_EQ(found, length) << key;
    bytes += length;
    if (key.size() <= kv::kMaxShortKey) expected.push_back(key);
  }
  ASSERT_EQ(usage.value_bytes, bytes);
  ASSERT_EQ(list_all(device), expected);
}

struct Shape {
  const char* name;
  const char* keys;
  u64 capacity;
  u32 longest_key;
  u32 longest_value;
  u32 operations;
  bool index_takes_room = false;

  friend void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name; }
};

class KvModel : public testing::TestWithParam<Shape> {};

TEST_P(KvModel, BehavesAsAMap) {
  const Shape& shape = GetParam();
  KvDevice device(std::string(shape.keys) + " capacity=" + std::to_string(shape.capacity));
  Model model{{}, shape.capacity / kUnit};
  std::mt19937_64 random(20260101);
  u64 full = 0;
  for (u32 i = 0; i < shape.operations; i++) {
    // Sometimes the device fills up, sometimes it empties.
    const bool filling = i / (shape.operations / 8 + 1) % 2 == 0;
    const std::string key = random_key(random, shape.longest_key);
    const u32 choice = random() % 100;
    if (choice < (filling ? 60u : 25u)) {
      const u32 length = random() % 8 == 0 ? 0 : static_cast<u32>(random() % (shape.longest_value + 1));
      const u8 rules = random() % 4 == 0 ? static_cast<u8>(1 + random() % 3) : 0;
      const u64 used = model.used;
      const auto old = model.keys.find(key);
      const bool had = old != model.keys.end();
      const u32 had_length = had ? old->second : 0;
      Status expected = model.put(key, length, rules);
      const Status status = device.put(key, length, rules);
      if (shape.index_takes_room && status == Status::kCapacityExceeded && expected == Status::kSuccess) {
        // The index has taken the room: the model goes back.
        if (had) {
          model.keys[key] = had_length;
        } else {
          model.keys.erase(key);
        }
        model.used = used;
        expected = status;
      }
      ASSERT_EQ(status, expected) << i;
      full += status == Status::kCapacityExceeded;
    } else if (choice < 85) {
      ASSERT_EQ(device.remove(key), model.remove(key)) << i;
    } else if (choice < 92) {
      const auto at = model.keys.find(key);
      ASSERT_EQ(device.exist(key), at != model.keys.end() ? Status::kSuccess : Status::kKeyDoesNotExist);
    } else {
      const auto at = model.keys.find(key);
      u32 length = 0;
      ASSERT_EQ(device.get(key, &length), at != model.keys.end() ? Status::kSuccess : Status::kKeyDoesNotExist);
      if (at != model.keys.end()) ASSERT_EQ(length, at->second);
    }
    if (i % (shape.operations / 4 + 1) == 0) expect_same(device, model);
  }
  expect_same(device, model);
  if (shape.capacity < 1 << 26) EXPECT_GT(full, 0u);
  // Everything that was deleted can be used again.
  for (const auto& [key, length] : std::map<std::string, u32>(model.keys)) ASSERT_EQ(device.remove(key), Status::kSuccess);
  EXPECT_EQ(device->usage().keys, 0u);
  const u32 most = static_cast<u32>(shape.capacity / kUnit - (shape.index_takes_room ? 64 : 0)) * kUnit;
  EXPECT_EQ(device.put("all", most), Status::kSuccess);
  EXPECT_STREQ(device->inconsistency(), "");
}

INSTANTIATE_TEST_SUITE_P(
    All, KvModel,
    testing::Values(Shape{"plenty", "kv_timing=nvm", 1 << 28, 9, 4000, 150000},
                    Shape{"tiny", "kv_timing=nvm", 1 << 20, 6, 20000, 100000},
                    Shape{"long_keys", "kv_timing=nvm", 8 << 20, 255, 2000, 60000},
                    Shape{"large_values", "kv_timing=nvm", 8 << 20, 5, 1 << 20, 20000},
                    Shape{"flash", "kv_timing=conv dies_per_channel=1 channels=2", 32 << 20, 7, 60000, 15000},
                    Shape{"index_in_flash", "kv_timing=nvm index_cache_size=64K", 4 << 20, 12, 500, 60000, true}),
    [](const auto& shape) { return std::string(shape.param.name); });

TEST(KvStore, KeysInOrderFillTheirLeaves) {
  KvDevice device("kv_timing=nvm capacity=64M");
  for (u32 i = 0; i < 20000; i++) {
    char key[17];
    std::snprintf(key, sizeof(key), "%016u", i);
    ASSERT_EQ(device.put(key, 0), Status::kSuccess);
  }
  const u64 index = (device->usage().keys * (16 + 11)) * 105 / 100 / kPageSize;
  EXPECT_LE(device.host.medium_pages(), index + 64);
  EXPECT_STREQ(device->inconsistency(), "");
}

// Beyond key and value, of keys in any order, also after many were deleted.
TEST(KvStore, TheIndexTakesAtMostFortyBytesAKey) {
  KvDevice device("kv_timing=nvm capacity=64M");
  std::mt19937_64 random(7);
  const auto key = [](u64 n) {
    char text[17];
    std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(n * 0x9e3779b97f4a7c15ull));
    return std::string(text);
  };
  const auto overhead = [&] {
    const kv::Usage usage = device->usage();
    return (device.host.medium_pages() * kPageSize - usage.key_bytes) / usage.keys;
  };
  constexpr u32 kKeys = 100000;
  for (u32 i = 0; i < kKeys; i++) ASSERT_EQ(device.put(key(i), 1), Status::kSuccess);
  EXPECT_LE(overhead(), 40u);
  for (u32 i = 0; i < kKeys; i++) {
    if (random() % 10 < 7) ASSERT_EQ(device.remove(key(i)), Status::kSuccess);
  }
  for (u32 i = 0; i < 100; i++) device.exist("x");
  EXPECT_LE(overhead(), 40u);
  EXPECT_STREQ(device->inconsistency(), "");
}

TEST(KvStore, AValueFitsHoweverItsRoomIsScattered) {
  KvDevice device("kv_timing=nvm capacity=1M");
  for (u32 i = 0; i < 2048; i++) ASSERT_EQ(device.put("k" + std::to_string(i), kUnit), Status::kSuccess);
  ASSERT_EQ(device.put("more", 1), Status::kCapacityExceeded);
  for (u32 i = 0; i < 2048; i += 2) ASSERT_EQ(device.remove("k" + std::to_string(i)), Status::kSuccess);
  ASSERT_EQ(device.put("large", 1024 * kUnit + 1), Status::kCapacityExceeded);
  ASSERT_EQ(device.put("large", 1024 * kUnit), Status::kSuccess);
  EXPECT_STREQ(device->inconsistency(), "");
}

TEST(KvStore, WithoutMemoryForTheIndexNothingIsLost) {
  KvDevice device("kv_timing=nvm capacity=16M");
  device.host.limit_medium_pages(20);
  u32 stored = 0;
  while (device.put("key" + std::to_string(stored), 100) == Status::kSuccess) stored++;
  EXPECT_GT(stored, 1000u);
  EXPECT_EQ(device.put("key" + std::to_string(stored), 100), Status::kCapacityExceeded);
  EXPECT_STREQ(device->inconsistency(), "");
  for (u32 i = 0; i < stored; i++) {
    u32 length;
    ASSERT_EQ(device.get("key" + std::to_string(i), &length), Status::kSuccess);
  }
  device.host.limit_medium_pages(~0ull);
  EXPECT_EQ(device.put("key" + std::to_string(stored), 100), Status::kSuccess);
}

TEST(KvStore, AHeldValueKeepsItsRoom) {
  KvDevice device("kv_timing=nvm capacity=1M");
  ASSERT_EQ(device.put("a", 1 << 20), Status::kSuccess);
  kv::Held held;
  ASSERT_EQ(device->plan_retrieve(device.now, KvDevice::key("a"), 0, 1 << 20, &held).status, Status::kSuccess);
  ASSERT_EQ(device.remove("a"), Status::kSuccess);
  EXPECT_EQ(device.exist("a"), Status::kKeyDoesNotExist);
  EXPECT_EQ(device.put("b", 1), Status::kCapacityExceeded);
  kv::Cursor cursor = device->begin(held.hold, 0);
  u64 offset, bytes = 0;
  while (bytes < held.length) bytes += device->next(&cursor, static_cast<u32>(held.length - bytes), &offset);
  EXPECT_EQ(bytes, 1u << 20);
  device->release(held);
  EXPECT_EQ(device.put("b", 1 << 20), Status::kSuccess);
  EXPECT_STREQ(device->inconsistency(), "");
}

TEST(KvStore, AStoreThatIsGivenUpLeavesTheOldValue) {
  KvDevice device("kv_timing=nvm capacity=1M");
  ASSERT_EQ(device.put("a", 1000), Status::kSuccess);
  kv::Held held;
  ASSERT_EQ(device->plan_store(device.now, KvDevice::key("a"), 1000000, 0, &held).status, Status::kSuccess);
  u32 length = 0;
  EXPECT_EQ(device.get("a", &length), Status::kSuccess);
  EXPECT_EQ(length, 1000u);
  device->release(held);
  EXPECT_EQ(device.put("b", 1040000), Status::kSuccess);
  EXPECT_STREQ(device->inconsistency(), "");
}

TEST(KvStore, IteratorsReturnWhatStaysExactlyOnce) {
  KvDevice device("kv_timing=nvm capacity=16M");
  std::mt19937_64 random(3);
  std::set<std::string> stay, seen;
  const auto key = [](const char* prefix, u32 n, bool longer) {
    return std::string(prefix) + std::to_string(n) + (longer ? std::string(30, 'x') : "");
  };
  for (u32 i = 0; i < 3000; i++) {
    const std::string name = key("abc-", i, i % 3 == 0);
    ASSERT_EQ(device.put(name, 10), Status::kSuccess);
    ASSERT_EQ(device.put(key("abd-", i, i % 3 == 0), 10), Status::kSuccess);
    if (i % 2 == 0) stay.insert(name);
  }
  const u32 iterator = device->open_iterator({{'a', 'b', 'c', 0}, {0xff, 0xff, 0xff, 0}});
  ASSERT_NE(iterator, 0u);
  std::set<std::string> returned;
  u8 entries[1024];
  for (;;) {
    const kv::Listed listed = device->iterate(iterator, entries, sizeof(entries));
    if (listed.count == 0) break;
    u32 at = 0;
    for (u32 i = 0; i < listed.count; i++) {
      u32 length;
      std::memcpy(&length, entries + at, 4);
      EXPECT_TRUE(returned.emplace(reinterpret_cast<char*>(entries + at + 4), length).second);
      at += (4 + length + 3) / 4 * 4;
    }
    // Others come and go.
    for (u32 k = 0; k < 20; k++) {
      const u32 n = static_cast<u32>(random() % 3000) | 1;
      device.remove(key("abc-", n, n % 3 == 0));
      device.put(key("abc-", n + 3000, random() % 2 != 0), 20);
    }
  }
  for (const std::string& name : stay) EXPECT_TRUE(returned.count(name)) << name;
  for (const std::string& name : returned) EXPECT_EQ(name.substr(0, 4), "abc-");
  EXPECT_TRUE(device->close_iterator(iterator));
  EXPECT_FALSE(device->close_iterator(iterator));
  EXPECT_FALSE(device->close_iterator(0));
  EXPECT_FALSE(device->close_iterator(17));
}

TEST(KvStore, IteratorsOfPartsOfAByte) {
  KvDevice device("kv_timing=nvm capacity=1M");
  for (u32 c = 0; c < 256; c++) ASSERT_EQ(device.put(std::string(1, static_cast<char>(c)), 1), Status::kSuccess);
  const u32 iterator = device->open_iterator({{0x5f, 0, 0, 0}, {0xf0, 0, 0, 0}});
  u8 entries[1024];
  const kv::Listed listed = device->iterate(iterator, entries, sizeof(entries));
  EXPECT_EQ(listed.count, 16u);
  EXPECT_EQ(entries[4], 0x50);
  EXPECT_EQ(device->iterate(iterator, entries, sizeof(entries)).count, 0u);
}

TEST(KvStore, FormatForgetsEverything) {
  KvDevice device("kv_timing=nvm capacity=64M");
  for (u32 i = 0; i < 50000; i++) ASSERT_EQ(device.put("key" + std::to_string(i), 512), Status::kSuccess);
  device->format();
  EXPECT_EQ(device->usage().keys, 0u);
  EXPECT_EQ(device->usage().used_bytes, 0u);
  EXPECT_EQ(device.host.medium_pages(), 0u);
  EXPECT_EQ(device.exist("key1"), Status::kKeyDoesNotExist);
  EXPECT_EQ(device.put("all", 64 << 20), Status::kSuccess);
  EXPECT_STREQ(device->inconsistency(), "");
}

// ---- Timing ----------------------------------------------------------------------------------------------------------

TEST(KvTiming, ValuesTakeTheTimeOfTheTypeBeneath) {
  KvDevice device("kv_timing=nvm capacity=1M nr_io_units=1 io_unit_size=4096 read_time=5000 write_time=9000 index_time=700");
  ASSERT_EQ(device.put("a", 4096), Status::kSuccess);
  EXPECT_EQ(device.duration, 9000u + 700);
  ASSERT_EQ(device.put("b", 4096 * 3), Status::kSuccess);
  EXPECT_EQ(device.duration, 3 * 9000u + 700);
  u32 length;
  ASSERT_EQ(device.get("b", &length), Status::kSuccess);
  EXPECT_EQ(device.duration, 3 * 5000u + 700);
  ASSERT_EQ(device.get("b", &length, 10), Status::kSuccess);
  EXPECT_EQ(device.duration, 5000u + 700);
  device.exist("b");
  EXPECT_EQ(device.duration, 700u);
  device.exist("c");
  EXPECT_EQ(device.duration, 700u);
  device.remove("b");
  EXPECT_EQ(device.duration, 700u);
}

TEST(KvTiming, ALeafThatIsNotInTheCacheIsRead) {
  KvDevice device(
      "kv_timing=nvm capacity=16M nr_io_units=1 io_unit_size=4096 read_time=5000 write_time=0 index_time=0 index_cache_size=16K");
  for (u32 i = 0; i < 2000; i++) ASSERT_EQ(device.put("key" + std::to_string(10000 + i), 0), Status::kSuccess);
  device.exist("key10000");
  EXPECT_EQ(device.duration, 5000u);
  device.exist("key10001");
  EXPECT_EQ(device.duration, 0u);
  for (u32 i = 0; i < 2000; i += 100) device.exist("key" + std::to_string(10000 + i));
  device.exist("key10000");
  EXPECT_EQ(device.duration, 5000u);
  EXPECT_NE(device.report().find("kv_index_cache_misses"), std::string::npos);
}

TEST(KvTiming, ValuesThatTheFlashCannotCorrectAreUnrecovered) {
  KvDevice device("kv_timing=conv capacity=32M channels=2 dies_per_channel=1 ecc_correctable=1 ecc_errors_fresh=1000 read_retries=0");
  for (u32 i = 0; i < 20; i++) ASSERT_EQ(device.put("key" + std::to_string(i), 1 << 20), Status::kSuccess);
  u32 length = 0;
  EXPECT_EQ(device.get("key0", &length), Status::kUnrecoveredError);
  // What is not read is not in error; and the value can be replaced.
  EXPECT_EQ(device.exist("key0"), Status::kSuccess);
  EXPECT_EQ(device.put("key0", 1 << 20), Status::kSuccess);
  EXPECT_STREQ(device->inconsistency(), "");
}

TEST(KvTiming, TheSameCommandsTakeTheSameTimeAndLeaveTheSameState) {
  const auto run = [] {
    KvDevice device("kv_timing=conv capacity=32M channels=2 dies_per_channel=1 index_cache_size=32K");
    std::mt19937_64 random(11);
    for (u32 i = 0; i < 5000; i++) {
      const std::string key = "k" + std::to_string(random() % 500);
      if (random() % 3 != 0) {
        device.put(key, static_cast<u32>(random() % 30000));
      } else {
        device.remove(key);
      }
    }
    return std::pair(device.now, device->state_hash());
  };
  EXPECT_EQ(run(), run());
}

TEST(KvStore, BadConfigurationsAreRefused) {
  const auto refused = [](const std::string& keys) {
    nvmev_error error{};
    const nvmev_config config = KvDevice::configure(keys);
    return kv::Kv::check(config, &error) != 0 ? std::string(error.text) : "";
  };
  EXPECT_EQ(refused("capacity=1M kv_timing=nvm"), "");
  EXPECT_NE(refused("capacity=4T kv_timing=nvm").find("value_unit=512"), std::string::npos);
  EXPECT_EQ(refused("capacity=4T kv_timing=nvm value_unit=4096"), "");
  EXPECT_NE(refused("capacity=1M kv_timing=nvm index_cache_size=100").find("index_cache_size=100"), std::string::npos);
  EXPECT_NE(refused("capacity=1M kv_timing=conv channels=64 dies_per_channel=64"), "");
}

}  // namespace
}  // namespace nvmev::test
