// SPDX-License-Identifier: GPL-2.0-only
// Saving and loading 1 GiB of data of a conventional SSD, beside writing and reading as many bytes of the same file system; and the tables of a larger one. The files are in
// $NVMEV_BENCH_DIR, or /var/tmp.
//
//   make bench BENCH_ARGS=--benchmark_filter=State
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <string>

#include "host/conv_device.h"
#include "host/memory_archive.h"
#include "host/rig.h"

namespace nvmev::test {
namespace {

constexpr u64 kBytes = 1ull << 30;
constexpr u64 kPiece = 1 << 20;

const Settings kDrive{{"type", "conv"}, {"capacity", "2G"}, {"channels", "4"}, {"dies_per_channel", "2"}};

// An open file without a name.
class File {
 public:
  File() {
    const char* folder = std::getenv("NVMEV_BENCH_DIR");
    fd_ = open(folder != nullptr ? folder : "/var/tmp", O_RDWR | O_TMPFILE, 0600);
    if (fd_ < 0) std::abort();
  }
  ~File() { close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int fd() const { return fd_; }
  // The next read comes from the disk.
  void forget_cached() const {
    fdatasync(fd_);
    posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED);
  }

 private:
  int fd_;
};

std::vector<u8> noise(u64 bytes) {
  std::vector<u8> data(bytes);
  std::mt19937_64 random(1);
  for (u64 i = 0; i < bytes; i += 8) {
    const u64 word = random();
    std::memcpy(&data[i], &word, 8);
  }
  return data;
}

// One device after another.
struct Run {
  explicit Run(const File& file) : rig(kDrive) { rig.host.file.keep_in(file.fd()); }
  void fill() {
    rig.start();
    const std::vector<u8> data = noise(65536);
    for (u64 at = 0; at < kBytes; at += data.size()) {
      if (!rig.driver.write(at / 512, data).ok()) std::abort();
    }
  }
  void save() {
    nvmev_error error{};
    if (nvmev_dev_save(rig.device.get(), rig.runner.now(), &error) != 0) std::abort();
  }
  Rig rig;
};

void StateSave(benchmark::State& state) {
  const File file;
  Run run(file);
  run.fill();
  std::chrono::duration<double, std::milli> giving_back{};
  for (auto _ : state) {
    run.save();
    state.PauseTiming();
    // The host does this when the device runs again.
    const auto begin = std::chrono::steady_clock::now();
    run.rig.host.file.give_back();
    giving_back += std::chrono::steady_clock::now() - begin;
    // A save without a command in between would have nothing to do.
    run.rig.io(cmd::flush());
    state.ResumeTiming();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kBytes));
  state.counters["ms_giving_back"] = giving_back.count() / static_cast<double>(state.iterations());
}
BENCHMARK(StateSave)->Iterations(5)->UseRealTime()->Unit(benchmark::kMillisecond);

// What lies in reserved memory beside the data (keep_state).
void StateBesideData(benchmark::State& state) {
  std::vector<u8> memory((1ull << 31) + kPageSize);
  nvmev_config config = make_config(kDrive);
  config.medium = NVMEV_MEDIUM_RESERVED;
  config.reserved_base = memory.data() + (kPageSize - reinterpret_cast<uintptr_t>(memory.data()) % kPageSize);
  config.reserved_size = 1ull << 31;
  Rig rig(&config);
  rig.host.medium_stays = true;
  rig.start();
  const std::vector<u8> data = noise(65536);
  for (u64 at = 0; at < 1ull << 31; at += data.size()) {
    if (!rig.driver.write(at / 512, data).ok()) std::abort();
  }
  for (auto _ : state) {
    nvmev_error error{};
    if (nvmev_dev_save(rig.device.get(), rig.runner.now(), &error) != 0) std::abort();
  }
  state.counters["bytes_per_mib"] = static_cast<double>(rig.host.file.size()) / 2048;
}
BENCHMARK(StateBesideData)->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);

// Reading and checking the tables of a full SSD of 16 GiB, written in random order, without its data.
void StateTables(benchmark::State& state) {
  const std::string keys = "capacity=16G";
  MemoryArchive saved;
  u64 now = 0;
  {
    ConvDevice device(keys);
    std::vector<u32> order(device.units());
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), std::mt19937_64(1));
    for (const u32 unit : order) device.write(unit);
    device->transfer(saved, &device.now);
    now = device.now;
  }
  for (auto _ : state) {
    state.PauseTiming();
    auto device = std::make_unique<ConvDevice>(keys);
    auto archive = std::make_unique<MemoryArchive>(saved.contents());
    state.ResumeTiming();
    (*device)->transfer(*archive, &now);
    if (!archive->ok()) std::abort();
    state.PauseTiming();
    device.reset();
    archive.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(StateTables)->Iterations(5)->UseRealTime()->Unit(benchmark::kMillisecond);

void StatePlainWrite(benchmark::State& state) {
  const std::vector<u8> data = noise(kPiece);
  for (auto _ : state) {
    state.PauseTiming();
    auto file = std::make_unique<File>();  // a save, too, takes new blocks
    state.ResumeTiming();
    for (u64 at = 0; at < kBytes; at += kPiece) {
      if (pwrite(file->fd(), data.data(), kPiece, static_cast<off_t>(at)) != static_cast<ssize_t>(kPiece)) std::abort();
    }
    fdatasync(file->fd());
    state.PauseTiming();
    file.reset();
    state.ResumeTiming();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kBytes));
}
BENCHMARK(StatePlainWrite)->Iterations(5)->UseRealTime()->Unit(benchmark::kMillisecond);

void StateLoad(benchmark::State& state) {
  const File file;
  // Pages of the device come from memory that the process has already: faults of a process are nothing that the module knows.
  mallopt(M_TRIM_THRESHOLD, -1);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  {
    Run run(file);
    run.fill();
    run.save();
  }
  for (auto _ : state) {
    state.PauseTiming();
    file.forget_cached();
    auto run = std::make_unique<Run>(file);
    state.ResumeTiming();
    nvmev_error error{};
    if (nvmev_dev_load(run->rig.device.get(), &error) != 0) std::abort();
    state.PauseTiming();
    run.reset();
    state.ResumeTiming();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kBytes));
}
BENCHMARK(StateLoad)->Iterations(5)->UseRealTime()->Unit(benchmark::kMillisecond);

void StatePlainRead(benchmark::State& state) {
  const File file;
  std::vector<u8> data = noise(kPiece);
  for (u64 at = 0; at < kBytes; at += kPiece) {
    if (pwrite(file.fd(), data.data(), kPiece, static_cast<off_t>(at)) != static_cast<ssize_t>(kPiece)) std::abort();
  }
  for (auto _ : state) {
    state.PauseTiming();
    file.forget_cached();
    state.ResumeTiming();
    for (u64 at = 0; at < kBytes; at += kPiece) {
      if (pread(file.fd(), data.data(), kPiece, static_cast<off_t>(at)) != static_cast<ssize_t>(kPiece)) std::abort();
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kBytes));
}
BENCHMARK(StatePlainRead)->Iterations(5)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nvmev::test
