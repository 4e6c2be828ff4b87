// SPDX-License-Identifier: GPL-2.0-only
// Speed of the page-mapped FTL alone: page operations a second, of the host and of garbage collection.
#include <benchmark/benchmark.h>

#include <random>
#include <string>

#include "host/conv_device.h"

namespace nvmev {
namespace {

// Random overwrites in steady state. Argument: capacity in GiB. A unit that the host writes is an operation, and a unit
// that garbage collection moves, which is a read and a write, is one, too.
void RandomOverwrite(benchmark::State& state, const char* profile, const char* keys) {
  test::ConvDevice device("capacity=" + std::to_string(state.range(0)) + "G " + keys, profile);
  std::mt19937_64 random(1);
  const u64 units = device.units();
  device.fill();
  // Large ones are not in steady state yet: that would take minutes.
  const u64 overwritten = state.range(0) < 64 ? units : units / 5;
  for (u64 i = 0; i < overwritten; i++) device.write(random() % units);
  const conv::Statistics& statistics = device->statistics();
  const u64 collected = statistics.collected_units.get();
  u64 written = 0;
  for (auto _ : state) {
    device.write(random() % units);
    written++;
  }
  const u64 moved = statistics.collected_units.get() - collected;
  state.SetItemsProcessed(static_cast<int64_t>(written + moved));
  state.counters["write_amplification"] = static_cast<double>(written + moved) / static_cast<double>(written);
  state.counters["map_bytes_per_unit"] = static_cast<double>(device->map().bytes()) / static_cast<double>(units);
}

void RandomRead(benchmark::State& state, const char* profile) {
  test::ConvDevice device("capacity=" + std::to_string(state.range(0)) + "G", profile);
  std::mt19937_64 random(1);
  const u64 units = device.units();
  device.fill();
  for (auto _ : state) device.read(random() % units);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}

// Making a device, with memory that is zeroed by writing it, as the kernel does. Argument: capacity in GiB.
void Attach(benchmark::State& state, const char* profile) {
  u64 bytes = 0;
  u64 units = 1;
  for (auto _ : state) {
    test::ConvDevice device("capacity=" + std::to_string(state.range(0)) + "G", profile);
    bytes = device.host.allocated_bytes();
    units = device.units();
  }
  state.counters["MiB"] = static_cast<double>(bytes) / (1 << 20);
  state.counters["bytes_per_unit"] = static_cast<double>(bytes) / static_cast<double>(units);
}

BENCHMARK_CAPTURE(Attach, samsung_970_pro, "samsung-970-pro")
    ->Arg(16)
    ->Arg(256)
    ->Arg(1024)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(RandomOverwrite, samsung_970_pro, "samsung-970-pro", "")
    ->Arg(1)
    ->Arg(16)
    ->Arg(64)
    ->Arg(256)
    ->Arg(1024)
    ->Iterations(4'000'000);
BENCHMARK_CAPTURE(RandomOverwrite, one_superblock_of_all_dies, "samsung-970-pro", "superblock_dies=0")
    ->Arg(64)
    ->Iterations(4'000'000);
BENCHMARK_CAPTURE(RandomOverwrite, cost_benefit, "samsung-970-pro", "victim=cost-benefit")
    ->Arg(64)
    ->Iterations(4'000'000);
BENCHMARK_CAPTURE(RandomRead, samsung_970_pro, "samsung-970-pro")->Arg(64)->Iterations(4'000'000);

}  // namespace
}  // namespace nvmev
