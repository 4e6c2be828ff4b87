// SPDX-License-Identifier: GPL-2.0-only
// Type `nvm`: when commands complete, to the nanosecond of the virtual clock.
#include <gtest/gtest.h>

#include "host/rig.h"
#include "unit/unit_model.h"

namespace nvmev::test {
namespace {

struct Io {
  bool write;
  u64 slba;
  u32 blocks;  // of 512 bytes
};

struct Scenario {
  const char* what;
  u32 unit_size;
  u32 units;
  UnitTimes read, write;
  std::vector<Io> commands;  // all at once, on an idle device
};

const std::vector<Scenario> kScenarios = {
    {"one command, one unit", 4096, 8, {0, 10'000, 0}, {0, 20'000, 0}, {{false, 0, 8}}},
    {"delay and time add up", 4096, 8, {700, 10'000, 0}, {300, 20'000, 0}, {{false, 0, 8}, {true, 8, 8}}},
    {"same unit, in order", 4096, 8, {0, 10'000, 0}, {0, 20'000, 0}, {{false, 0, 8}, {false, 64, 8}, {true, 128, 8}}},
    {"trailing delays the next only",
     4096,
     2,
     {100, 1'000, 5'000},
     {0, 2'000, 7'000},
     {{false, 0, 8}, {false, 16, 8}, {true, 0, 8}, {false, 0, 8}}},
    {"different units, side by side",
     4096,
     8,
     {0, 10'000, 0},
     {0, 10'000, 0},
     {{false, 0, 8}, {false, 8, 8}, {false, 16, 8}, {false, 24, 8}}},
    {"striping over all units", 4096, 8, {0, 10'000, 0}, {0, 10'000, 0}, {{false, 0, 64}}},
    {"more chunks than units", 4096, 8, {5, 10'000, 0}, {0, 10'000, 0}, {{false, 0, 65}, {false, 8, 8}}},
    {"many more chunks than units, with trailing",
     4096,
     3,
     {5, 1'000, 77},
     {9, 3'000, 11},
     {{false, 8, 256}, {true, 0, 1000}, {false, 3, 1}}},
    {"one unit alone", 4096, 1, {0, 1'000, 10}, {0, 1'000, 10}, {{false, 0, 80}, {true, 0, 8}}},
    {"less than a unit", 4096, 8, {0, 10'000, 0}, {0, 10'000, 0}, {{false, 1, 1}, {false, 2, 3}, {false, 7, 1}}},
    {"unaligned, across a border",
     4096,
     8,
     {0, 10'000, 0},
     {0, 10'000, 0},
     {{false, 7, 2}, {false, 8, 1}, {false, 0, 1}}},
    {"unaligned, across all units and one more",
     4096,
     4,
     {0, 10'000, 0},
     {0, 10'000, 0},
     {{false, 7, 26}, {false, 32, 1}}},
    {"units of a block", 512, 16, {0, 1'000, 0}, {0, 1'000, 0}, {{false, 3, 40}, {true, 0, 16}}},
    {"large units",
     1u << 20,
     4,
     {0, 9'000, 1},
     {0, 9'000, 2},
     {{false, 0, 1024}, {false, 1024, 1024}, {true, 2047, 2}}},
    {"number of units not a power of two",
     4096,
     7,
     {9'000, 1'000, 2'000},
     {9'000, 1'000, 2'500},
     {{false, 0, 8}, {false, 48, 16}, {true, 52, 100}, {false, 0, 1}}},
    {"no time at all", 4096, 8, {0, 0, 0}, {0, 0, 0}, {{false, 0, 64}, {true, 0, 64}}},
    {"a second", 4096, 2, {1'000'000'000, 0, 0}, {0, 2'000'000'000, 0}, {{false, 0, 16}, {true, 0, 8}, {false, 0, 8}}},
};

struct Transfer {
  Transfer(Arena& arena, size_t bytes) : buffer(arena, bytes), prps(arena, buffer) {}
  DmaBuffer buffer;
  Prps prps;
};

Settings settings_of(const Scenario& s, const std::string& scale) {
  return {{"io_unit_size", std::to_string(s.unit_size)},
          {"nr_io_units", std::to_string(s.units)},
          {"read_delay", std::to_string(s.read.delay)},
          {"read_time", std::to_string(s.read.time)},
          {"read_trailing", std::to_string(s.read.trailing)},
          {"write_delay", std::to_string(s.write.delay)},
          {"write_time", std::to_string(s.write.time)},
          {"write_trailing", std::to_string(s.write.trailing)},
          {"time_scale", scale},
          {"medium", "none"}};
}

struct Scale {
  const char* text;
  u64 milli;

  friend void PrintTo(const Scale& scale, std::ostream* out) { *out << scale.text; }
};

class TimeScale : public testing::TestWithParam<Scale> {};

TEST_P(TimeScale, ScenariosAreExact) {
  const auto [text, milli] = GetParam();
  for (const Scenario& scenario : kScenarios) {
    SCOPED_TRACE(scenario.what);
    Rig rig(settings_of(scenario, text));
    rig.start();
    rig.runner.settle();
    std::vector<std::unique_ptr<Transfer>> transfers;
    UnitModel model(scenario.unit_size, scenario.units);
    const u64 start = rig.runner.now();
    std::map<u16, u64> expected;
    for (const Io& io : scenario.commands) {
      const u32 blocks = std::min(io.blocks, 1000u);
      const nvme::Sqe sqe = io.write ? cmd::write(io.slba, blocks) : cmd::read(io.slba, blocks);
      transfers.push_back(std::make_unique<Transfer>(rig.driver.arena(), blocks * 512));
      const u16 cid = rig.driver.queue(1, cmd::with_prps(sqe, transfers.back()->prps));
      expected[cid] = model.serve(0, io.slba * 512, blocks * 512ull, io.write ? scenario.write : scenario.read);
    }
    rig.driver.ring(1);
    ASSERT_TRUE(rig.driver.wait_for(scenario.commands.size()));
    for (const Completion& completion : rig.driver.take()) {
      EXPECT_TRUE(completion.ok());
      EXPECT_EQ(completion.time - start, (expected.at(completion.cid) * milli + 999) / 1000) << completion.cid;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Scales, TimeScale,
                         testing::Values(Scale{"1", 1000}, Scale{"0.5", 500}, Scale{"20", 20000},
                                         Scale{"1.000", 1000}));

class Timing : public testing::Test {
 protected:
  // Latency of one command on an idle device.
  static u64 latency(Rig& rig, const nvme::Sqe& sqe) {
    rig.runner.run_for(100'000'000'000);
    const u64 start = rig.runner.now();
    const Completion completion = rig.io(sqe);
    EXPECT_TRUE(completion.ok());
    return completion.time - start;
  }
};

TEST_F(Timing, EveryCommandHasItsKindOfTime) {
  Rig rig({{"read_time", "11000"}, {"write_time", "13000"}, {"read_delay", "100"}, {"write_delay", "300"}});
  rig.start();
  DmaBuffer buffer(rig.driver.arena(), 4096);
  const Prps prps(rig.driver.arena(), buffer);
  EXPECT_EQ(latency(rig, cmd::with_prps(cmd::read(0, 8), prps)), 11'100u);
  EXPECT_EQ(latency(rig, cmd::with_prps(cmd::write(0, 8), prps)), 13'300u);
  EXPECT_EQ(latency(rig, cmd::with_prps(cmd::compare(0, 8), prps)), 11'100u) << "Compare reads";
  EXPECT_EQ(latency(rig, cmd::write_zeroes(0, 8)), 13'300u) << "Write Zeroes writes";
  EXPECT_EQ(latency(rig, cmd::flush()), 0u);
}

TEST_F(Timing, RefusedCommandsTakeNoTime) {
  Rig rig({{"read_time", "1000000"}});
  rig.start();
  const u64 start = rig.runner.now();
  const Completion completion = rig.io(cmd::read(~0ull, 1));
  EXPECT_FALSE(completion.ok());
  EXPECT_EQ(completion.time, start);
}

TEST_F(Timing, UnitsKeepTimeBetweenCommands) {
  Rig rig({{"read_time", "10000"}, {"nr_io_units", "1"}, {"medium", "none"}});
  rig.start();
  DmaBuffer buffer(rig.driver.arena(), 4096);
  const Prps prps(rig.driver.arena(), buffer);
  const nvme::Sqe read = cmd::with_prps(cmd::read(0, 8), prps);
  rig.runner.settle();
  const u64 start = rig.runner.now();
  const u16 first = rig.driver.submit(1, read);
  rig.runner.settle();
  rig.runner.run_until(start + 4'000);
  const u16 second = rig.driver.submit(1, read);
  EXPECT_EQ(rig.driver.wait(1, first).time, start + 10'000);
  EXPECT_EQ(rig.driver.wait(1, second).time, start + 20'000);
  rig.runner.run_until(start + 25'000);
  const u16 third = rig.driver.submit(1, read);
  EXPECT_EQ(rig.driver.wait(1, third).time, start + 35'000);
}

TEST_F(Timing, ParametersChangeWhileRunning) {
  Rig rig({{"read_time", "10000"}});
  rig.start();
  DmaBuffer buffer(rig.driver.arena(), 4096);
  const Prps prps(rig.driver.arena(), buffer);
  const nvme::Sqe read = cmd::with_prps(cmd::read(0, 8), prps);
  const nvme::Sqe write = cmd::with_prps(cmd::write(0, 8), prps);
  EXPECT_EQ(latency(rig, read), 10'000u);
  ASSERT_EQ(rig.device.set("read_time", "25000"), 0);
  EXPECT_EQ(latency(rig, read), 25'000u);
  ASSERT_EQ(rig.device.set("read_delay", "5"), 0);
  EXPECT_EQ(latency(rig, read), 25'005u);
  ASSERT_EQ(rig.device.set("write_latency", "7"), 0);
  EXPECT_EQ(latency(rig, write), 7'000u);
  ASSERT_EQ(rig.device.set("time_scale", "0.5"), 0);
  EXPECT_EQ(latency(rig, write), 3'500u);
  ASSERT_EQ(rig.device.set("time_scale", "20"), 0);
  EXPECT_EQ(latency(rig, write), 140'000u);
  ASSERT_EQ(rig.device.set("time_scale", "1"), 0);
  EXPECT_EQ(latency(rig, write), 7'000u);
  EXPECT_EQ(latency(rig, read), 25'005u);
}

TEST_F(Timing, ScaleChangesWhileAUnitIsBusy) {
  Rig rig({{"read_time", "1000000"}, {"nr_io_units", "1"}, {"medium", "none"}});
  rig.start();
  DmaBuffer buffer(rig.driver.arena(), 4096);
  const Prps prps(rig.driver.arena(), buffer);
  const nvme::Sqe read = cmd::with_prps(cmd::read(0, 8), prps);
  rig.runner.settle();
  const u64 start = rig.runner.now();
  const u16 first = rig.driver.submit(1, read);
  rig.runner.run_until(start + 500'000);
  ASSERT_EQ(rig.device.set("time_scale", "2"), 0);
  const u16 second = rig.driver.submit(1, read);
  // What was planned stays; what the model has still to do takes twice as long.
  EXPECT_EQ(rig.driver.wait(1, first).time, start + 1'000'000);
  EXPECT_EQ(rig.driver.wait(1, second).time, start + 500'000 + 2 * 1'500'000);
}

// A host's clock counts from its boot, which may be a year ago: on the model's axis that may be more than 64 bits hold, and
// utilisation is that of the device's time.
TEST_F(Timing, AHostThatIsUpForLong) {
  constexpr u64 kYear = 365ull * 86400 * 1'000'000'000;
  for (const auto& [text, factor] : {std::pair{"0.001", 1ull}, {"1", 1000ull}, {"1000", 1'000'000ull}}) {
    Rig rig({{"read_time", "1000000"}, {"time_scale", text}, {"medium", "none"}});
    rig.runner.jump(kYear);
    rig.start();
    DmaBuffer buffer(rig.driver.arena(), 4096);
    const Prps prps(rig.driver.arena(), buffer);
    EXPECT_EQ(latency(rig, cmd::with_prps(cmd::read(0, 8), prps)), factor * 1000);
  }
  Rig rig({{"type", "conv"}, {"capacity", "64M"}, {"channels", "1"}, {"dies_per_channel", "1"}, {"over_provisioning", "30"}});
  rig.runner.jump(kYear);
  rig.start();
  DmaBuffer buffer(rig.driver.arena(), 4096);
  const Prps prps(rig.driver.arena(), buffer);
  ASSERT_TRUE(rig.io(cmd::with_prps(cmd::write(0, 8), prps)).ok());
  ASSERT_TRUE(rig.io(cmd::flush()).ok());
  for (u32 i = 0; i < 50; i++) ASSERT_TRUE(rig.io(cmd::with_prps(cmd::read(0, 8), prps)).ok());
  const std::string report = rig.device.report();
  const std::string name = "die_busy_permille ";
  ASSERT_NE(report.find(name), std::string::npos);
  EXPECT_GT(std::stoul(report.substr(report.find(name) + name.size())), 100u);
}

TEST_F(Timing, NoCommandIsEarlyWithOddScales) {
  for (const auto& [text, milli] :
       {std::pair{"0.001", 1ull}, {"0.333", 333ull}, {"3.141", 3141ull}, {"999.999", 999'999ull}}) {
    Rig rig({{"read_time", "12345"}, {"time_scale", text}, {"medium", "none"}});
    rig.start();
    DmaBuffer buffer(rig.driver.arena(), 4096);
    const Prps prps(rig.driver.arena(), buffer);
    const u64 exact = 12345 * milli / 1000;
    const u64 measured = latency(rig, cmd::with_prps(cmd::read(0, 8), prps));
    // The model's clock counts whole nanoseconds: a tick of it on the host's clock either way.
    EXPECT_LE(measured, exact + milli / 1000 + 1) << text;
    EXPECT_GE(measured + milli / 1000 + 1, exact) << text;
  }
}

TEST_F(Timing, CompletionsComeInOrderOfTime) {
  Rig rig({{"nr_io_units", "4"}, {"medium", "none"}}, 1);
  rig.start(4);
  std::vector<std::unique_ptr<Transfer>> transfers;
  for (u32 i = 0; i < 200; i++) {
    const u32 blocks = 1 + i * 13 % 128;
    transfers.push_back(std::make_unique<Transfer>(rig.driver.arena(), blocks * 512));
    const nvme::Sqe sqe = cmd::with_prps(cmd::read(i * 37 % 5000, blocks), transfers.back()->prps);
    rig.driver.queue(static_cast<u16>(1 + i % 4), sqe);
  }
  for (u16 queue = 1; queue <= 4; queue++) rig.driver.ring(queue);
  ASSERT_TRUE(rig.driver.wait_for(200));
  u64 last = 0;
  for (const Completion& completion : rig.driver.take()) {
    EXPECT_GE(completion.time, last);
    last = completion.time;
  }
}

}  // namespace
}  // namespace nvmev::test
