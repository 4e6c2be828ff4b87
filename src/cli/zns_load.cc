// SPDX-License-Identifier: GPL-2.0-only
#include "zns_load.h"

#include <fmt/format.h>
#include <liburing.h>
#include <linux/nvme_ioctl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "zns_device.h"

namespace nvmev::cli {

namespace {

constexpr std::uint8_t kWrite = 0x01, kAppend = 0x7d;

// Where a command's data went.
struct Place {
  std::uint64_t block;
  std::uint32_t blocks;
  std::uint32_t number;  // of the command, among all
};

// Fills memory with what command `number` writes. No two blocks are alike.
void fill(unsigned char* data, std::size_t bytes, std::uint32_t number) {
  std::uint64_t state = (static_cast<std::uint64_t>(number) + 1) * 0x9e3779b97f4a7c15;
  for (std::size_t at = 0; at < bytes; at += sizeof(state)) {
    state = state * 6364136223846793005 + 1442695040888963407;
    std::memcpy(data + at, &state, sizeof(state));
  }
}

// What is left to write of a zone.
struct ZoneLeft {
  std::atomic<std::uint64_t> taken{0};  // blocks
};

class Load {
 public:
  Load(const std::string& path, const ZoneLoad& settings) : device_(path), settings_(settings) {
    if (settings.threads == 0 || settings.depth == 0 || settings.zones == 0) {
      throw std::invalid_argument("--threads, --depth and --zones: at least 1 is right");
    }
    zones_ = device_.report(settings.zones);
    if (zones_.size() < settings.zones) {
      throw std::invalid_argument(fmt::format("--zones {}: the namespace has {}", settings.zones, zones_.size()));
    }
    if (settings.block == 0 || settings.block % device_.block_bytes() != 0) {
      throw std::invalid_argument(fmt::format("--bs {}: a multiple of {} is right", settings.block, device_.block_bytes()));
    }
    if (settings.zone_bytes % device_.block_bytes() != 0) {
      throw std::invalid_argument(fmt::format("--size {}: 0 or a multiple of {} is right", settings.zone_bytes, device_.block_bytes()));
    }
    for (const ZonedNamespace::Zone& zone : zones_) device_.reset(zone);
    left_ = std::vector<ZoneLeft>(zones_.size());
    places_.resize(settings.threads);
  }

  void run() {
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::thread> threads;
    for (std::uint32_t t = 0; t < settings_.threads; t++) {
      threads.emplace_back([this, t] {
        try {
          work(t);
        } catch (const std::exception& error) {
          const std::lock_guard lock(mutex_);
          if (problem_.empty()) problem_ = error.what();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    if (!problem_.empty()) throw std::runtime_error(problem_);
    check_places();
    if (settings_.verify) verify();
    const double commands = static_cast<double>(all_.size());
    fmt::print("{} zones, {} commands of {} bytes: {:.1f} MB/s, {:.0f} commands a second\n", zones_.size(), all_.size(),
               settings_.block, static_cast<double>(blocks_) * device_.block_bytes() / seconds.count() / 1e6,
               commands / seconds.count());
  }

 private:
  // A place for a command in flight.
  struct Slot {
    explicit Slot(std::size_t bytes) : memory(bytes) {}
    PageBuffer memory;
    std::uint32_t zone = 0;
    std::uint32_t blocks = 0;
    std::uint32_t number = 0;
    std::uint64_t written = 0;  // where, if the drive does not say
  };

  std::uint64_t goal(std::uint32_t zone) const {
    const std::uint64_t capacity = zones_[zone].capacity;
    return settings_.zone_bytes != 0 ? std::min(capacity, settings_.zone_bytes / device_.block_bytes()) : capacity;
  }

  // Takes blocks of the zone for a command; 0 when there are none left. *at: those before it.
  std::uint32_t take(std::uint32_t zone, std::uint64_t* at) {
    const std::uint32_t most = settings_.block / device_.block_bytes();
    *at = left_[zone].taken.fetch_add(most);
    return *at >= goal(zone) ? 0 : static_cast<std::uint32_t>(std::min<std::uint64_t>(most, goal(zone) - *at));
  }

  // Prepares the slot's next command. False: nothing is left to do for it.
  bool next(io_uring& ring, Slot& slot, std::uint32_t tries) {
    std::uint64_t at = 0;
    for (; tries > 0; tries--) {
      slot.blocks = take(slot.zone, &at);
      if (slot.blocks != 0) break;
      slot.zone = (slot.zone + 1) % static_cast<std::uint32_t>(zones_.size());
    }
    if (tries == 0) return false;
    slot.number = numbers_.fetch_add(1);
    const std::uint32_t bytes = slot.blocks * device_.block_bytes();
    fill(slot.memory.data(), bytes, slot.number);
    const std::uint64_t block = zones_[slot.zone].start + (settings_.append ? 0 : at);
    io_uring_sqe* sqe = io_uring_get_sqe(&ring);
    if (sqe == nullptr) throw std::runtime_error("no room in the submission ring");
    std::memset(sqe, 0, 2 * sizeof(*sqe));  // IORING_SETUP_SQE128
    sqe->opcode = IORING_OP_URING_CMD;
    sqe->fd = device_.file();
    sqe->cmd_op = NVME_URING_CMD_IO;
    io_uring_sqe_set_data(sqe, &slot);
    nvme_uring_cmd command{};
    command.opcode = settings_.append ? kAppend : kWrite;
    command.nsid = device_.nsid();
    command.addr = reinterpret_cast<std::uintptr_t>(slot.memory.data());
    command.data_len = bytes;
    command.cdw10 = static_cast<std::uint32_t>(block);
    command.cdw11 = static_cast<std::uint32_t>(block >> 32);
    command.cdw12 = slot.blocks - 1;
    std::memcpy(sqe->cmd, &command, sizeof(command));
    slot.written = block;
    return true;
  }

  void work(std::uint32_t thread) {
    std::vector<Slot> slots;
    // Appends of a thread go to all zones in turn; writes to a zone come from one slot.
    const std::uint32_t zones = static_cast<std::uint32_t>(zones_.size());
    if (settings_.append) {
      for (std::uint32_t i = 0; i < settings_.depth; i++) {
        slots.emplace_back(settings_.block);
        slots.back().zone = (thread + i) % zones;
      }
    } else {
      for (std::uint32_t zone = thread; zone < zones; zone += settings_.threads) {
        slots.emplace_back(settings_.block);
        slots.back().zone = zone;
      }
    }
    if (slots.empty()) return;
    io_uring ring;
    const int made = io_uring_queue_init(static_cast<unsigned>(slots.size()), &ring, IORING_SETUP_SQE128 | IORING_SETUP_CQE32);
    if (made < 0) throw std::system_error(-made, std::generic_category(), "io_uring");
    try {
      drive(ring, slots, places_[thread]);
    } catch (...) {
      io_uring_queue_exit(&ring);
      throw;
    }
    io_uring_queue_exit(&ring);
  }

  void drive(io_uring& ring, std::vector<Slot>& slots, std::vector<Place>& places) {
    const std::uint32_t tries = settings_.append ? static_cast<std::uint32_t>(zones_.size()) : 1;
    std::size_t in_flight = 0;
    for (Slot& slot : slots) in_flight += next(ring, slot, tries);
    while (in_flight != 0) {
      const int submitted = io_uring_submit_and_wait(&ring, 1);
      if (submitted < 0 && submitted != -EINTR) throw std::system_error(-submitted, std::generic_category(), "io_uring");
      io_uring_cqe* cqe;
      while (io_uring_peek_cqe(&ring, &cqe) == 0) {
        Slot& slot = *static_cast<Slot*>(io_uring_cqe_get_data(cqe));
        const int result = cqe->res;
        const std::uint64_t place = cqe->big_cqe[0];
        io_uring_cqe_seen(&ring, cqe);
        in_flight--;
        if (result < 0) throw std::system_error(-result, std::generic_category(), "io_uring command");
        if (result > 0) refuse_status(settings_.append ? "Zone Append" : "Write", result);
        places.push_back({settings_.append ? place : slot.written, slot.blocks, slot.number});
        if (settings_.append) slot.zone = (slot.zone + 1) % static_cast<std::uint32_t>(zones_.size());
        in_flight += next(ring, slot, tries);
      }
    }
  }

  // Every command has a place of its own, and the zones are full from their start without a gap.
  void check_places() {
    for (const std::vector<Place>& places : places_) all_.insert(all_.end(), places.begin(), places.end());
    std::sort(all_.begin(), all_.end(), [](const Place& a, const Place& b) { return a.block < b.block; });
    auto place = all_.begin();
    for (std::uint32_t zone = 0; zone < zones_.size(); zone++) {
      std::uint64_t expected = zones_[zone].start;
      const std::uint64_t end = expected + goal(zone);
      for (; place != all_.end() && expected < end; ++place) {
        if (place->block != expected) {
          throw std::runtime_error(fmt::format("zone {}: {} at block {}: a command's data are at {} instead", zone,
                                               place->block > expected ? "a gap" : "an overlap", expected, place->block));
        }
        expected += place->blocks;
        blocks_ += place->blocks;
      }
      if (expected != end) throw std::runtime_error(fmt::format("zone {}: ends at block {}, not {}", zone, expected, end));
    }
    if (place != all_.end()) throw std::runtime_error(fmt::format("block {} is beyond what was written", place->block));
    const std::vector<ZonedNamespace::Zone> after = device_.report(settings_.zones);
    for (std::uint32_t zone = 0; zone < zones_.size(); zone++) {
      const std::uint64_t pointer = after[zone].write_pointer;
      const bool full = goal(zone) == zones_[zone].capacity;
      if (!full && pointer != zones_[zone].start + goal(zone)) {
        throw std::runtime_error(fmt::format("zone {}: the write pointer is {}", zone, pointer));
      }
    }
  }

  void verify() {
    const PageBuffer read(settings_.block), expected(settings_.block);
    for (const Place& place : all_) {
      const std::size_t bytes = place.blocks * device_.block_bytes();
      device_.read(place.block, read.data(), bytes);
      fill(expected.data(), bytes, place.number);
      if (std::memcmp(read.data(), expected.data(), bytes) != 0) {
        throw std::runtime_error(fmt::format("block {}: not what was written there", place.block));
      }
    }
  }

  ZonedNamespace device_;
  ZoneLoad settings_;
  std::vector<ZonedNamespace::Zone> zones_;
  std::vector<ZoneLeft> left_;
  std::atomic<std::uint32_t> numbers_{0};
  std::vector<std::vector<Place>> places_;  // of each thread
  std::vector<Place> all_;
  std::uint64_t blocks_ = 0;
  std::mutex mutex_;
  std::string problem_;
};

}  // namespace

void run_zone_load(const std::string& device, const ZoneLoad& load) { Load(device, load).run(); }

}  // namespace nvmev::cli
