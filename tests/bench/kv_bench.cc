// SPDX-License-Identifier: GPL-2.0-only
// The key-value SSD: its index with 10^3 to 10^7 keys, and workloads like YCSB's through the controller.
//
//   make bench BENCH_ARGS='--benchmark_filter=Kv|Ycsb'
#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <vector>

#include "host/kv_commands.h"
#include "host/kv_device.h"

namespace nvmev::test {
namespace {

using nvme::KvOpcode;

// 16 bytes, in no order.
std::string key_of(u64 n) {
  const u64 words[2] = {n * 0x9e3779b97f4a7c15ull, n};
  return std::string(reinterpret_cast<const char*>(words), sizeof(words));
}

// ---- The index -------------------------------------------------------------------------------------------------------

void fill(KvDevice& device, u64 keys) {
  for (u64 n = 0; n < keys; n++) device.put(key_of(n), 512);
}

void tell_bytes(KvDevice& device, benchmark::State& state) {
  const kv::Usage usage = device->usage();
  state.counters["index_bytes_per_key"] = static_cast<double>(device.host.medium_pages() * kPageSize - usage.key_bytes) /
                                          static_cast<double>(usage.keys);
}

constexpr char kIndexDevice[] = "kv_timing=nvm capacity=8G index_time=1000 read_time=0 write_time=0";

// Time of this machine, and of the modelled device, to find a key.
void KvFind(benchmark::State& state) {
  KvDevice device(kIndexDevice);
  fill(device, static_cast<u64>(state.range(0)));
  std::mt19937_64 random(1);
  const u64 before = device.now;
  for (auto _ : state) benchmark::DoNotOptimize(device.exist(key_of(random() % static_cast<u64>(state.range(0)))));
  state.counters["modelled_ns"] = static_cast<double>(device.now - before) / static_cast<double>(state.iterations());
  tell_bytes(device, state);
}
BENCHMARK(KvFind)->RangeMultiplier(10)->Range(1000, 10'000'000)->Iterations(500'000);

// Stores of new keys and deletions of others.
void KvReplaceKeys(benchmark::State& state) {
  KvDevice device(kIndexDevice);
  const u64 keys = static_cast<u64>(state.range(0));
  fill(device, keys);
  u64 n = 0;
  for (auto _ : state) {
    device.put(key_of(keys + n), 512);
    device.remove(key_of(n));
    n++;
  }
  tell_bytes(device, state);
}
BENCHMARK(KvReplaceKeys)->RangeMultiplier(10)->Range(1000, 10'000'000)->Iterations(200'000);

// ---- Workloads --------------------------------------------------------------------------------------------------------

// Numbers below `count` with Zipf's distribution of exponent 0.99, the most frequent ones spread over all keys (Gray and others, SIGMOD
// 1994).
class Zipfian {
 public:
  explicit Zipfian(u64 count) : count_(count) {
    for (u64 i = 1; i <= count; i++) zeta_ += 1 / std::pow(static_cast<double>(i), kTheta);
    eta_ = (1 - std::pow(2.0 / static_cast<double>(count), 1 - kTheta)) / (1 - (1 + std::pow(0.5, kTheta)) / zeta_);
  }
  u64 rank(std::mt19937_64& random) const {
    const double u = std::uniform_real_distribution<double>()(random);
    const double scaled = u * zeta_;
    if (scaled < 1) return 0;
    if (scaled < 1 + std::pow(0.5, kTheta)) return 1;
    const double rank = static_cast<double>(count_) * std::pow(eta_ * u - eta_ + 1, 1 / (1 - kTheta));
    return std::min(static_cast<u64>(rank), count_ - 1);
  }
  u64 spread(std::mt19937_64& random) const { return rank(random) * 0xc6a4a7935bd1e995ull % count_; }

 private:
  static constexpr double kTheta = 0.99;
  u64 count_;
  double zeta_ = 0;
  double eta_ = 0;
};

enum class Kind { kRead, kUpdate, kInsert, kScan, kModify };

struct Mix {
  const char* name;
  u32 read, update, insert, scan, modify;  // per cent
  bool latest;                             // reads prefer what was inserted last
};

constexpr Mix kMixes[] = {
    {"load", 0, 0, 100, 0, 0, false}, {"A", 50, 50, 0, 0, 0, false}, {"B", 95, 5, 0, 0, 0, false},
    {"C", 100, 0, 0, 0, 0, false},    {"D", 95, 0, 5, 0, 0, true},   {"E", 0, 0, 5, 95, 0, false},
    {"F", 50, 0, 0, 0, 50, false},
};

class Workload {
 public:
  static constexpr u32 kDepth = 32;
  static constexpr u32 kValue = 1000;

  Workload() : rig_({{"type", "kv"}, {"capacity", "1G"}, {"queue_entries", "128"}, {"mdts", "5"}}) {
    rig_.start(1, 128);
    for (u32 i = 0; i < kDepth; i++) {
      buffers_.push_back(std::make_unique<DmaBuffer>(rig_.driver.arena(), 4096));
      prps_.push_back(std::make_unique<Prps>(rig_.driver.arena(), *buffers_.back()));
    }
  }

  // Some commands at a time, each of which is waited for.
  void run(const std::vector<std::pair<Kind, u64>>& operations) {
    for (std::size_t i = 0; i < operations.size(); i++) submit(operations[i].first, operations[i].second, i, false);
    finish(operations.size());
    std::size_t again = 0;
    for (std::size_t i = 0; i < operations.size(); i++) {
      if (operations[i].first != Kind::kModify) continue;
      submit(Kind::kUpdate, operations[i].second, i, true);
      again++;
    }
    if (again != 0) finish(again);
  }

  u64 now() const { return rig_.runner.now(); }

 private:
  void submit(Kind kind, u64 n, std::size_t slot, bool) {
    const bool stores = kind == Kind::kUpdate || kind == Kind::kInsert;
    const KvOpcode opcode = stores ? KvOpcode::kStore : kind == Kind::kScan ? KvOpcode::kList : KvOpcode::kRetrieve;
    rig_.driver.queue(1, cmd::with_prps(cmd::kv(opcode, key_of(n), kind == Kind::kScan ? 1024 : kValue), *prps_[slot]));
  }
  void finish(std::size_t count) {
    rig_.driver.ring(1);
    if (!rig_.driver.wait_for(count)) std::abort();
    for (const Completion& completion : rig_.driver.take()) {
      if (!completion.ok()) std::abort();
    }
  }

  Rig rig_;
  std::vector<std::unique_ptr<DmaBuffer>> buffers_;
  std::vector<std::unique_ptr<Prps>> prps_;
};

void Ycsb(benchmark::State& state) {
  constexpr u64 kRecords = 100'000;
  const Mix& mix = kMixes[state.range(0)];
  state.SetLabel(mix.name);
  Workload workload;
  u64 records = 0;
  std::vector<std::pair<Kind, u64>> operations;
  if (mix.insert != 100) {
    while (records < kRecords) {
      operations.clear();
      for (u32 i = 0; i < Workload::kDepth; i++) operations.emplace_back(Kind::kInsert, records++);
      workload.run(operations);
    }
  }
  const Zipfian zipfian(kRecords);
  std::mt19937_64 random(1);
  const u64 before = workload.now();
  u64 done = 0;
  for (auto _ : state) {
    operations.clear();
    for (u32 i = 0; i < Workload::kDepth; i++) {
      const u32 choice = random() % 100;
      u32 edge = mix.read;
      Kind kind = Kind::kModify;
      if (choice < edge) {
        kind = Kind::kRead;
      } else if (choice < (edge += mix.update)) {
        kind = Kind::kUpdate;
      } else if (choice < (edge += mix.insert)) {
        kind = Kind::kInsert;
      } else if (choice < (edge += mix.scan)) {
        kind = Kind::kScan;
      }
      u64 n = zipfian.spread(random);
      if (mix.latest) n = records - 1 - std::min(zipfian.rank(random), records - 1);
      // What is inserted in this round cannot be read yet.
      if (kind != Kind::kInsert && n >= records - Workload::kDepth && records > 2 * Workload::kDepth) n -= Workload::kDepth;
      operations.emplace_back(kind, kind == Kind::kInsert ? records++ : n);
    }
    workload.run(operations);
    done += Workload::kDepth;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(done));
  state.counters["modelled_per_s"] = static_cast<double>(done) * 1e9 / static_cast<double>(workload.now() - before);
}
BENCHMARK(Ycsb)->DenseRange(0, 6)->Iterations(3000);

}  // namespace
}  // namespace nvmev::test
