// SPDX-License-Identifier: GPL-2.0-only
// Every embedded profile loads, checks and runs; the conventional ones reach the figures they are named after.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "host/conv_device.h"
#include "nvmev/ftl_registry.h"

namespace nvmev {
namespace {

using test::ConvDevice;

TEST(Profiles, AllLoadAndRun) {
  const std::string names = nvmev_profile_names();
  for (std::size_t at = 0; at < names.size();) {
    std::size_t end = names.find(", ", at);
    if (end == std::string::npos) end = names.size();
    const std::string name = names.substr(at, end - at);
    at = end + 2;
    SCOPED_TRACE(name);
    nvmev_config config;
    nvmev_config_init(&config);
    nvmev_error error;
    size_t length = 0;
    const char* text = nvmev_profile_text(name.c_str(), &length);
    ASSERT_NE(text, nullptr);
    ASSERT_EQ(nvmev_config_load(&config, name.c_str(), text, length, &error), 0) << error.text;
    // What a virtual machine or a small server gives.
    for (const char* capacity : {"4G", "64G"}) {
      ASSERT_EQ(nvmev_config_set(&config, "capacity", capacity, &error), 0);
      EXPECT_EQ(nvmev_config_check(&config, &error), 0) << error.text;
    }
    ASSERT_EQ(nvmev_config_set(&config, "capacity", "4G", &error), 0);
    test::TestHost host;
    Ftl* ftl = find_ftl(config.type)->create(config, &host);
    ASSERT_NE(ftl, nullptr);
    EXPECT_GT(ftl->plan({0, 0, 4096, IoOp::kWrite, false}).done, 0u);
    EXPECT_GT(ftl->plan({1'000'000, 0, 4096, IoOp::kRead, false}).done, 1'000'000u);
    ftl->destroy();
  }
}

// MB/s and commands a second at a queue depth of 256, or 1.
struct Speed {
  u64 sequential_read, sequential_write, random_read, read_latency;
};

Speed measure(const char* profile, const char* capacity) {
  ConvDevice device(std::string("background_gc=0 capacity=") + capacity, profile);
  std::mt19937_64 random(1);
  const u64 unit = device.unit();
  const u64 total = device.config.capacity;
  Speed speed{};
  constexpr u64 kPiece = 128 << 10;
  // Closed loop: each of so many slots sends its next command when its last one is done.
  const auto load = [&](u32 depth, u64 commands, auto&& next) {
    std::multimap<u64, u32> slots;
    const u64 begun = device.now;
    for (u32 i = 0; i < depth; i++) slots.emplace(begun, i);
    u64 last = begun;
    for (u64 i = 0; i < commands; i++) {
      const u64 now = slots.begin()->first;
      slots.erase(slots.begin());
      device.now = now;
      device.queued = true;
      const u64 done = next(i).done;
      slots.emplace(done, 0);
      last = std::max(last, done);
    }
    device.now = last;
    return last - begun;
  };
  const u64 pieces = total / kPiece;
  u64 ns = load(32, pieces, [&](u64 i) { return device.run(IoOp::kWrite, i * kPiece, kPiece); });
  speed.sequential_write = total * 1000 / ns;
  device.now += 1'000'000'000;
  ns = load(64, pieces, [&](u64 i) { return device.run(IoOp::kRead, i * kPiece, kPiece); });
  speed.sequential_read = total * 1000 / ns;
  device.now += 1'000'000'000;
  constexpr u64 kCommands = 50'000;
  ns = load(512, kCommands, [&](u64) { return device.run(IoOp::kRead, random() % (total / 4096) * 4096, 4096); });
  speed.random_read = kCommands * 1'000'000'000 / ns;
  device.now += 1'000'000'000;
  ns = load(1, 1000, [&](u64) { return device.run(IoOp::kRead, random() % (total / unit) * unit, 4096); });
  speed.read_latency = ns / 1000;
  std::printf("%s: sequential read %llu MB/s, write %llu MB/s, random 4K reads %llu/s, read latency %llu ns\n", profile,
              (unsigned long long)speed.sequential_read, (unsigned long long)speed.sequential_write,
              (unsigned long long)speed.random_read, (unsigned long long)speed.read_latency);
  return speed;
}

void expect_near(u64 value, u64 figure, u64 percent) {
  EXPECT_GE(value * 100, figure * (100 - percent));
  EXPECT_LE(value * 100, figure * (100 + percent));
}

TEST(Profiles, Samsung970Pro) {
  const Speed speed = measure("samsung-970-pro", "2G");
  expect_near(speed.sequential_read, 3360, 10);
  expect_near(speed.sequential_write, 2300, 15);
}

TEST(Profiles, Pcie4Tlc) {
  const Speed speed = measure("pcie4-tlc", "4G");
  expect_near(speed.sequential_read, 7000, 10);
  expect_near(speed.sequential_write, 2000, 20);
  expect_near(speed.random_read, 1'000'000, 10);
}

TEST(Profiles, Pcie5Tlc) {
  const Speed speed = measure("pcie5-tlc", "8G");
  expect_near(speed.sequential_read, 12400, 10);
  expect_near(speed.sequential_write, 3600, 15);
  expect_near(speed.random_read, 1'500'000, 10);
}

TEST(Profiles, Qlc) {
  const Speed speed = measure("qlc", "16G");
  expect_near(speed.sequential_read, 7400, 10);
  expect_near(speed.sequential_write, 3200, 15);
  expect_near(speed.random_read, 930'000, 10);
}

}  // namespace
}  // namespace nvmev
