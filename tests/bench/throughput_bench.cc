// SPDX-License-Identifier: GPL-2.0-only
// Commands a second through fetch, check, plan, schedule and complete, on the real clock, without payload copies
// (medium=none, Write: nothing is moved but the pages are mapped and checked).
//
// The driver side is kept small so that the device is what is measured: the submission ring is filled once with
// commands at random addresses; a batch is one doorbell, its end is seen in the phase tag of its last completion.
#include <benchmark/benchmark.h>

#include <atomic>
#include <memory>
#include <random>
#include <thread>

#include "host/check.h"
#include "host/commands.h"
#include "host/device.h"
#include "host/driver.h"
#include "host/runner.h"

namespace nvmev::test {
namespace {

constexpr u32 kEntries = 1024;  // of each queue
constexpr u64 kBlocks = 1ull << 30;

// Requester of one queue pair whose ring is full of valid commands.
class CheapDriver {
 public:
  CheapDriver(Driver& driver, u16 queue, bool write, u32 blocks, u32 seed) : driver_(driver), queue_(queue) {
    driver.create_queue_pair(queue, kEntries);
    buffer_ = std::make_unique<DmaBuffer>(driver.arena(), blocks * 512);
    prps_ = std::make_unique<Prps>(driver.arena(), *buffer_);
    std::mt19937_64 random(seed);
    auto* sqes = reinterpret_cast<nvme::Sqe*>(driver.arena().at(driver.sq(queue).bus));
    for (u32 i = 0; i < kEntries; i++) {
      const u64 slba = random() % (kBlocks / blocks) * blocks;
      sqes[i] = cmd::with_prps(write ? cmd::write(slba, blocks) : cmd::read(slba, blocks), *prps_);
      sqes[i].cid = static_cast<u16>(i);
    }
    cqes_ = reinterpret_cast<const nvme::Cqe*>(driver.arena().at(driver.cq(queue).bus));
  }

  // Takes what is complete and tops the queue up to `depth` in flight, in steps of at least `batch`.
  // Returns how many completions it took.
  u32 poll(u32 depth, u32 batch) {
    u32 taken = 0;
    while (true) {
      const u16 word = __atomic_load_n(&cqes_[head_].phase_status, __ATOMIC_ACQUIRE);
      if ((word & 1) != phase_) break;
      NVMEV_CHECK((word & 0xfffe) == 0);
      if (++head_ == kEntries) {
        head_ = 0;
        phase_ ^= 1;
      }
      taken++;
    }
    in_flight_ -= taken;
    if (depth - in_flight_ >= batch) {
      if (taken_since_ring_ + taken != 0) driver_.write_cq_doorbell(queue_, head_);
      taken_since_ring_ = 0;
      tail_ = (tail_ + depth - in_flight_) % kEntries;
      in_flight_ = depth;
      driver_.write_sq_doorbell(queue_, tail_);
    } else {
      taken_since_ring_ += taken;
    }
    return taken;
  }

 private:
  Driver& driver_;
  u16 queue_;
  std::unique_ptr<DmaBuffer> buffer_;
  std::unique_ptr<Prps> prps_;
  const nvme::Cqe* cqes_;
  u32 head_ = 0;
  u32 tail_ = 0;
  u16 phase_ = 1;
  u32 in_flight_ = 0;
  u32 taken_since_ring_ = 0;
};

// A device of 10 us latency that never is the bottleneck: 1024 units.
nvmev_config config(u32 workers) {
  return make_config({{"medium", "none"},
                      {"capacity", std::to_string(kBlocks * 512)},
                      {"read_time", "10000"},
                      {"write_time", "10000"},
                      {"nr_io_units", "1024"},
                      {"inflight", "4096"},
                      {"queue_entries", std::to_string(kEntries)}},
                     workers);
}

// The device and one driver that lives as long.
struct Bench {
  explicit Bench(u32 workers) : device(host, config(workers)), runner(device), driver(device, runner) {
    NVMEV_CHECK(driver.enable());
  }
  TestHost host;
  Device device;
  ManualRunner runner;  // for setting up
  Driver driver;
};

// One thread is dispatcher, worker and driver in turn. The figure includes the driver's share.
void BM_OneThread(benchmark::State& state) {
  const bool write = state.range(0);
  const u32 depth = static_cast<u32>(state.range(1));
  Bench bench(1);
  {
    CheapDriver driver(bench.driver, 1, write, 8, 1);
    u64 commands = 0;
    const u64 offset = bench.runner.now();
    const u64 start = ThreadRunner::clock_now();
    for (auto _ : state) {
      // One iteration: a thousand commands.
      for (u32 done = 0; done < 1000;) {
        // Time is read once a round, as the module's threads do.
        const u64 now = ThreadRunner::clock_now() - start + offset;
        nvmev_dispatch(bench.device.get(), 0, now);
        u64 next;
        nvmev_work(bench.device.get(), 0, now, &next);
        const u32 taken = driver.poll(depth, 32);
        done += taken;
        commands += taken;
      }
    }
    state.SetItemsProcessed(static_cast<s64>(commands));
    bench.driver.disable();
  }
}

// Device on the first core (dispatcher and worker in one thread), driver on the second: real threads, real clock.
void BM_TwoThreads(benchmark::State& state) {
  const bool write = state.range(0);
  const u32 depth = static_cast<u32>(state.range(1));
  Bench bench(1);
  {
    CheapDriver driver(bench.driver, 1, write, 8, 1);
    std::atomic<bool> stop{false};
    const u64 offset = bench.runner.now();
    const u64 start = ThreadRunner::clock_now();
    std::thread device_thread([&] {
      while (!stop.load(std::memory_order_relaxed)) {
        const u64 now = ThreadRunner::clock_now() - start + offset;
        nvmev_dispatch(bench.device.get(), 0, now);
        u64 next;
        nvmev_work(bench.device.get(), 0, now, &next);
      }
    });
    u64 commands = 0;
    for (auto _ : state) {
      for (u32 done = 0; done < 1000;) {
        const u32 taken = driver.poll(depth, 32);
        done += taken;
        commands += taken;
      }
    }
    stop = true;
    device_thread.join();
    state.SetItemsProcessed(static_cast<s64>(commands));
    bench.runner.run_until(ThreadRunner::clock_now() - start + offset + 1'000'000'000);
    bench.driver.disable();
  }
}

// Arguments: 0 read, 1 write; commands in flight. One thread: by CPU time, so that what else runs on the machine hardly
// matters.
BENCHMARK(BM_OneThread)->Args({0, 256})->Args({1, 256})->Args({1, 1000})->MinTime(1.0);
BENCHMARK(BM_TwoThreads)->Args({1, 256})->Args({1, 1000})->UseRealTime()->MinTime(1.0);

}  // namespace
}  // namespace nvmev::test

BENCHMARK_MAIN();
