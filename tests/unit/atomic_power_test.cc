// SPDX-License-Identifier: GPL-2.0-only
// Write atomicity at a power failure: NVM Command Set 1.0 sections 2.1.4.2 and 2.1.4.3. Random writes that overlap, some of them under
// way in several queues, are cut off; afterwards every one that is within the unit must be there as a whole or not at all.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <set>

#include "host/rig.h"

namespace nvmev::test {
namespace {

constexpr u32 kArea = 1 << 20;       // bytes that the writes choose from
constexpr u64 kSources = 4 << 20;    // where copies come from
constexpr u32 kUnit = 64 << 10;
constexpr u32 kLargest = 128 << 10;
constexpr u32 kBatch = 12;
constexpr u16 kQueues = 4;

struct Case {
  std::string name;
  Settings settings;
  u8 format = 0;
  u32 metadata = 0;  // bytes of a block
  u32 boundary = 0, offset = 0;
  u32 limit = kUnit;  // what survives as a whole
  bool reserved = false;
  u32 rounds = 40;
};

// A drive whose buffer holds much longer than it takes to write to it.
Settings drive(std::initializer_list<Settings::Pair> more = {}) {
  Settings settings{{"type", "conv"},         {"channels", "2"},         {"dies_per_channel", "1"},  {"power_cuts", "1"},
                    {"early_completion", "1"}, {"write_buffer_size", "1M"}, {"program_pages", "1"},  {"planes", "1"},
                    {"page_size", "16K"},      {"nand_program", "2000000"}, {"capacity", "16M"},     {"queues", "4"},
                    {"atomic_write_unit", "64K"}};
  for (const Settings::Pair& pair : more) settings.add(pair.first, pair.second);
  return settings;
}

struct Write {
  u64 version;
  u32 first, count;  // blocks
  u32 epoch;         // of those that were under way together
  bool atomic;
  bool forced;
  bool durable;
  bool covers(u32 block) const { return block >= first && block - first < count; }
  u32 end() const { return first + count; }
};

class Disk {
 public:
  explicit Disk(const Case& c)
      : case_(c), memory_(c.reserved ? (32u << 20) + 4096 : 0), config_(config()), rig_(&config_), lba_(c.format == 0 || c.format >= 6 ? 512 : 4096) {
    rig_.start(kQueues);
    if (c.format != 0) EXPECT_TRUE(rig_.admin(cmd::format(1, c.format)).ok());
    shown_.assign(kArea / lba_, 0);
  }

  u32 blocks() const { return kArea / lba_; }
  u32 lba() const { return lba_; }
  Rig& rig() { return rig_; }

  // A batch of commands that are under way together; waits for all of them, or leaves them on their way.
  void batch(std::mt19937_64& random, bool wait) {
    epoch_++;
    const u32 count = 1 + static_cast<u32>(random() % kBatch);
    std::vector<std::pair<u16, u16>> ids;
    for (u32 i = 0; i < count; i++) {
      Write write = choose(random);
      nvme::Sqe sqe = command(i, write, random() % 5 == 0);
      if (write.forced) sqe.cdw12 |= 1u << 30;
      const u16 queue = static_cast<u16>(1 + random() % kQueues);
      ids.emplace_back(queue, rig_.driver.submit(queue, sqe));
      writes_.push_back(write);
      if (random() % 3 == 0) stagger(random);
    }
    if (!wait) {
      for (u32 steps = static_cast<u32>(random() % 12); steps != 0; steps--) stagger(random);
      rig_.driver.reap();
    }
    for (u32 i = 0; i < count; i++) {
      std::optional<Completion> done;
      if (wait) {
        done = rig_.driver.wait(ids[i].first, ids[i].second);
      } else {
        done = rig_.driver.take(ids[i].first, ids[i].second);
      }
      if (!done) continue;
      EXPECT_TRUE(done->ok());
      Write& write = writes_[writes_.size() - count + i];
      write.durable = write.forced;
    }
    EXPECT_EQ(rig_.runner.fault(), "");
  }

  void flush() {
    ASSERT_TRUE(rig_.io(cmd::flush()).ok());
    for (Write& write : writes_) write.durable = true;
  }

  void cut(u64 seed) {
    ASSERT_EQ(nvmev_dev_power_cut(rig_.device.get(), seed, nullptr), 0);
    for (u32 i = 0; i < 1000 && !nvmev_dev_reset_done(rig_.device.get(), 0); i++) rig_.runner.step();
    ASSERT_TRUE(nvmev_dev_reset_done(rig_.device.get(), 0));
    rig_.driver.forget_queues();
    rig_.driver.take();
    rig_.start(kQueues);
    ASSERT_EQ(rig_.runner.fault(), "");
  }

  // Takes what is there as the new truth.
  void check() {
    std::vector<u64> found(blocks());
    Buffer buffer(rig_.driver.arena(), kLargest);
    const u32 step = kLargest / lba_;
    for (u32 first = 0; first < blocks(); first += step) {
      nvme::Sqe sqe = cmd::with_prps(cmd::read(first, step), buffer.prps);
      if (case_.metadata != 0) sqe.mptr = buffer.metadata.bus();
      ASSERT_TRUE(rig_.io(sqe).ok());
      const std::vector<u8> data = buffer.data.read(), metadata = buffer.metadata.read();
      for (u32 i = 0; i < step; i++) {
        std::memcpy(&found[first + i], &data[size_t{i} * lba_], 8);
        for (u32 at = 0; at < lba_; at += 8) ASSERT_EQ(std::memcmp(&data[size_t{i} * lba_ + at], &found[first + i], 8), 0) << "block " << first + i << " at " << at << " of " << found[first + i];
        if (case_.metadata == 0) continue;
        ASSERT_EQ(std::memcmp(&metadata[size_t{i} * case_.metadata], &found[first + i], 8), 0) << "metadata of another version";
      }
    }
    for (u32 block = 0; block < blocks(); block++) {
      const Write* write = by_version(found[block]);
      ASSERT_TRUE(found[block] == shown_[block] || (write != nullptr && write->covers(block))) << "block " << block;
    }
    for (const Write& write : writes_) check(write, found);
    check_order(found);
    shown_ = found;
    writes_.clear();
  }

  u64 whole = 0, absent = 0, torn = 0;

 private:
  struct Buffer {
    Buffer(Arena& arena, size_t bytes) : data(arena, bytes), metadata(arena, 4096), list(arena, 4096), prps(arena, data), list_prps(arena, list) {}
    DmaBuffer data, metadata, list;
    Prps prps, list_prps;
  };

  nvmev_config config() {
    nvmev_config config = make_config(case_.settings, 2);
    if (!case_.reserved) return config;
    config.medium = NVMEV_MEDIUM_RESERVED;
    config.reserved_base = memory_.data() + (4096 - reinterpret_cast<uintptr_t>(memory_.data()) % 4096) % 4096;
    config.reserved_size = 32u << 20;
    return config;
  }

  Write choose(std::mt19937_64& random) {
    const u32 most = random() % 6 == 0 ? kLargest / lba_ : std::max(random() % 2 == 0 ? kUnit / lba_ : 16384 / lba_, 1u);
    const u32 count = 1 + static_cast<u32>(random() % most);
    u32 first = static_cast<u32>(random() % (blocks() - count));
    // Often where others are.
    if (!writes_.empty() && random() % 2 == 0) first = std::min(writes_[random() % writes_.size()].first, blocks() - count);
    const u64 from = u64{first} * lba_, to = from + u64{count} * lba_ - 1;
    bool atomic = to - from < case_.limit;
    if (case_.boundary != 0) {
      const auto section = [&](u64 at) { return at < case_.offset ? 0 : 1 + (at - case_.offset) / case_.boundary; };
      atomic &= section(from) == section(to);
    }
    const Write write{++version_, first, count, epoch_, atomic, random() % 8 == 0, false};
    return write;
  }

  nvme::Sqe command(u32 i, const Write& write, bool copy) {
    buffers_[i] = std::make_unique<Buffer>(rig_.driver.arena(), size_t{write.count} * lba_);
    Buffer& buffer = *buffers_[i];
    std::vector<u8> data(size_t{write.count} * lba_), metadata(size_t{write.count} * case_.metadata);
    for (size_t at = 0; at < data.size(); at += 8) std::memcpy(&data[at], &write.version, 8);
    for (size_t at = 0; at < metadata.size(); at += 8) std::memcpy(&metadata[at], &write.version, 8);
    buffer.data.write(data);
    buffer.metadata.write(metadata);
    nvme::Sqe sqe = cmd::with_prps(cmd::write(write.first, write.count), buffer.prps);
    if (case_.metadata != 0) sqe.mptr = buffer.metadata.bus();
    if (!copy) return sqe;
    const u64 source = (kSources + u64{i} * kLargest) / lba_;
    sqe.cdw10 = static_cast<u32>(source);
    EXPECT_TRUE(rig_.driver.run(1, sqe).ok());
    std::vector<u8> descriptor(32);
    const u16 nlb = static_cast<u16>(write.count - 1);
    std::memcpy(&descriptor[8], &source, 8);
    std::memcpy(&descriptor[16], &nlb, 2);
    buffer.list.write(descriptor);
    nvme::Sqe all = cmd::with_prps(cmd::io(nvme::NvmOpcode::kCopy, write.first, 1), buffer.list_prps);
    all.cdw12 = 0;
    return all;
  }

  void stagger(std::mt19937_64& random) {
    const u32 what = static_cast<u32>(random() % 4);
    if (what < 2) {
      rig_.runner.work(what);
    } else if (what == 2) {
      rig_.runner.dispatch(static_cast<u32>(random() % rig_.device.config().dispatchers));
    } else {
      rig_.runner.step();
    }
  }

  const Write* by_version(u64 version) const {
    for (const Write& write : writes_) {
      if (write.version == version) return &write;
    }
    return nullptr;
  }

  void check(const Write& write, const std::vector<u64>& found) {
    u32 there = 0, later = 0;
    for (u32 block = write.first; block < write.end(); block++) {
      const Write* shown = by_version(found[block]);
      there += shown == &write;
      later += shown != nullptr && shown != &write && shown->epoch >= write.epoch;
    }
    if (write.durable) EXPECT_EQ(there + later, write.count) << "version " << write.version << " is gone";
    const bool part = there != 0 && there + later != write.count;
    if (write.atomic) {
      EXPECT_FALSE(part) << "version " << write.version << ", blocks " << write.first << " on: " << there << " of " << write.count;
    }
    (part ? torn : there != 0 ? whole : absent)++;
  }

  // Of atomic writes that were under way together and are there, one was before the other: there is an order of all.
  void check_order(const std::vector<u64>& found) {
    std::vector<const Write*> left;
    for (const Write& write : writes_) {
      const bool there = std::any_of(found.begin() + write.first, found.begin() + write.end(), [&](u64 version) { return version == write.version; });
      if (write.atomic && there) left.push_back(&write);
    }
    const auto is_over = [&](const Write& a, const Write& b) {
      for (u32 block = std::max(a.first, b.first); block < std::min(a.end(), b.end()); block++) {
        if (found[block] == a.version) return true;
      }
      return false;
    };
    while (!left.empty()) {
      const auto last = std::find_if(left.begin(), left.end(), [&](const Write* a) {
        return std::none_of(left.begin(), left.end(), [&](const Write* b) { return a != b && is_over(*b, *a); });
      });
      ASSERT_NE(last, left.end()) << "writes that are over each other";
      left.erase(last);
    }
  }

  const Case& case_;
  std::vector<u8> memory_;
  nvmev_config config_;
  Rig rig_;
  u32 lba_;
  std::array<std::unique_ptr<Buffer>, kBatch> buffers_;
  std::vector<u64> shown_;  // by block, after the last cut
  std::vector<Write> writes_;  // since then
  u64 version_ = 0;
  u32 epoch_ = 0;
};

void run(const Case& c) {
  SCOPED_TRACE(c.name);
  Disk disk(c);
  std::mt19937_64 random(std::hash<std::string>()(c.name));
  for (u32 round = 0; round < c.rounds; round++) {
    for (u64 batches = random() % 5; batches != 0; batches--) {
      disk.batch(random, true);
      if (random() % 6 == 0) disk.flush();
    }
    disk.batch(random, false);
    ASSERT_NO_FATAL_FAILURE(disk.cut(round));
    ASSERT_NO_FATAL_FAILURE(disk.check());
    ASSERT_FALSE(testing::Test::HasFailure()) << "round " << round;
  }
  EXPECT_GT(disk.whole, 10u);
  if (c.settings.begin()->second == "nvm") return;
  EXPECT_GT(disk.absent, 10u);
  EXPECT_GT(disk.torn, 0u) << "those that are larger than the unit, or cross a boundary";
}

TEST(AtomicPowerFail, UnitsAreWholeOrAbsent) { run({"blocks of 512", drive()}); }

TEST(AtomicPowerFail, OfAllLayouts) {
  run({.name = "blocks of 4096", .settings = drive(), .format = 1});
  run({.name = "two dispatchers", .settings = drive({{"dispatchers", "2"}})});
  run({.name = "large mapping units", .settings = drive({{"mapping_unit", "16K"}})});
  run({.name = "data replaced in the buffer", .settings = drive({{"write_buffer", "overwrite"}})});
  run({.name = "small buffer", .settings = drive({{"write_buffer_size", "64K"}})});
  run({.name = "fast flash", .settings = drive({{"nand_program", "200000"}})});
  run({.name = "small and large", .settings = drive({{"separation", "size"}, {"write_buffer_size", "64K"}}), .rounds = 300});
  run({.name = "garbage collection",
       .settings = drive({{"capacity", "6M"}, {"pages_per_block", "4"}, {"over_provisioning", "20"}, {"victim", "random"}, {"nand_program", "20000000"}}),
       .rounds = 60});
  run({.name = "hot and cold", .settings = drive({{"separation", "frequency"}})});
}

TEST(AtomicPowerFail, WithMetadata) {
  run({.name = "512 + 8", .settings = drive(), .format = 6, .metadata = 8, .rounds = 20});
  run({.name = "4096 + 8", .settings = drive(), .format = 2, .metadata = 8, .rounds = 20});
}

TEST(AtomicPowerFail, OnReservedMemory) {
  run({.name = "reserved", .settings = drive(), .reserved = true});
  run({.name = "reserved, 512 + 8", .settings = drive(), .format = 6, .metadata = 8, .reserved = true, .rounds = 20});
}

TEST(AtomicPowerFail, WithoutAVolatileCache) {
  Settings settings{{"type", "nvm"}, {"power_cuts", "1"}, {"capacity", "16M"}, {"queues", "4"}, {"atomic_write_unit", "64K"}};
  run({.name = "nvm", .settings = settings});
}

TEST(AtomicPowerFail, SmallerThanTheUnit) {
  run({.name = "8K", .settings = drive({{"atomic_write_unit_power_fail", "8K"}}), .limit = 8192});
}

TEST(AtomicPowerFail, WithinBoundaries) {
  run({.name = "64K", .settings = drive({{"atomic_boundary", "64K"}}), .boundary = kUnit});
  run({.name = "128K from 20K on",
       .settings = drive({{"atomic_boundary", "128K"}, {"atomic_boundary_offset", "20K"}}),
       .boundary = 128 << 10,
       .offset = 20 << 10});
}

}  // namespace
}  // namespace nvmev::test
