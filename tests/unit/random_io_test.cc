// SPDX-License-Identifier: GPL-2.0-only
// Random valid and invalid I/O against a reference: contents as an array of bytes, time as unit_model.h has it.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "host/rig.h"
#include "unit/unit_model.h"

namespace nvmev::test {
namespace {

using nvme::Status;

struct Shape {
  const char* name;
  u32 lba_size;
  u32 unit_size;
  u32 units;
  UnitTimes read, write;
  u32 dispatchers;
  u32 workers;
  u16 queues;

  friend void PrintTo(const Shape& device, std::ostream* out) { *out << device.name; }
};

constexpr u64 kCapacity = 2u << 20;
constexpr u64 kMaxTransfer = 64 * 1024;  // mdts 4

class RandomIo : public testing::TestWithParam<Shape> {
 protected:
  struct Sent {
    u64 due;
    Status status;
    bool is_read;
    std::vector<u8> data;  // that a read must bring
    std::unique_ptr<DmaBuffer> buffer;
    std::unique_ptr<Prps> prps;
  };

  static Settings settings() {
    const Shape& d = GetParam();
    return {{"capacity", std::to_string(kCapacity)},
            {"lba_size", std::to_string(d.lba_size)},
            {"mdts", "4"},
            {"io_unit_size", std::to_string(d.unit_size)},
            {"nr_io_units", std::to_string(d.units)},
            {"read_delay", std::to_string(d.read.delay)},
            {"read_time", std::to_string(d.read.time)},
            {"read_trailing", std::to_string(d.read.trailing)},
            {"write_delay", std::to_string(d.write.delay)},
            {"write_time", std::to_string(d.write.time)},
            {"write_trailing", std::to_string(d.write.trailing)},
            {"dispatchers", std::to_string(d.dispatchers)}};
  }

  RandomIo()
      : seed_(std::random_device{}()),
        random_(seed_),
        rig_(settings(), GetParam().workers),
        model_(GetParam().unit_size, GetParam().units),
        bytes_(kCapacity, 0) {
    rig_.start(GetParam().queues, 64);
    rig_.runner.settle();
  }

  u64 below(u64 bound) { return random_() % bound; }
  bool one_in(u64 n) { return below(n) == 0; }
  u64 blocks() const { return kCapacity / GetParam().lba_size; }

  // A command, and what must come of it.
  nvme::Sqe make(Sent& sent) {
    const Shape& d = GetParam();
    const u32 most = static_cast<u32>(kMaxTransfer / d.lba_size);
    const u32 count = static_cast<u32>(1 + (one_in(4) ? below(most) : below(std::min(most, 9u))));
    u64 slba = below(blocks() - count + 1);
    if (one_in(3)) slba = below(std::min<u64>(blocks() - count + 1, 40));  // a busy corner
    const u64 offset = slba * d.lba_size;
    const u64 length = static_cast<u64>(count) * d.lba_size;
    const u64 now = rig_.runner.now();
    sent.due = now;
    sent.status = Status::kSuccess;
    sent.is_read = false;

    const auto with_buffer = [&](nvme::Sqe sqe, const std::vector<u8>* data) {
      sent.buffer = std::make_unique<DmaBuffer>(rig_.driver.arena(), length, static_cast<u32>(below(1024)) * 4);
      if (data) sent.buffer->write(*data);
      sent.prps = std::make_unique<Prps>(rig_.driver.arena(), *sent.buffer, static_cast<u32>(below(512)) * 8);
      return cmd::with_prps(sqe, *sent.prps);
    };
    const auto contents = [&] {
      return std::vector<u8>(bytes_.begin() + static_cast<long>(offset),
                             bytes_.begin() + static_cast<long>(offset + length));
    };

    switch (below(20)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
      case 6: {
        const std::vector<u8> data = pattern(length, random_());
        std::copy(data.begin(), data.end(), bytes_.begin() + static_cast<long>(offset));
        sent.due = model_.serve(now, offset, length, d.write);
        return with_buffer(cmd::write(slba, count), &data);
      }
      case 7:
      case 8:
      case 9:
      case 10:
      case 11:
      case 12:
        sent.is_read = true;
        sent.data = contents();
        sent.due = model_.serve(now, offset, length, d.read);
        return with_buffer(cmd::read(slba, count), nullptr);
      case 13: {
        std::vector<u8> data = contents();
        if (one_in(2)) {
          data[below(data.size())] ^= static_cast<u8>(1 + below(255));
          sent.status = Status::kCompareFailure;
        }
        sent.due = model_.serve(now, offset, length, d.read);
        return with_buffer(cmd::compare(slba, count), &data);
      }
      case 14: {
        const bool deallocate = one_in(2);
        std::fill_n(bytes_.begin() + static_cast<long>(offset), length, 0);
        // Deallocation takes no time.
        if (!deallocate) sent.due = model_.serve(now, offset, length, d.write);
        return cmd::write_zeroes(slba, count, deallocate);
      }
      case 15: {
        std::vector<u8> raw;
        const u32 ranges = static_cast<u32>(1 + below(5));
        for (u32 i = 0; i < ranges; i++) {
          const u32 nlb = static_cast<u32>(below(30));
          const u64 at = below(blocks() - nlb + 1);
          const nvme::DsmRange range{0, nlb, at};
          const u8* from = reinterpret_cast<const u8*>(&range);
          raw.insert(raw.end(), from, from + sizeof(range));
          std::fill_n(bytes_.begin() + static_cast<long>(at * d.lba_size), nlb * static_cast<u64>(d.lba_size), 0);
        }
        sent.buffer = std::make_unique<DmaBuffer>(rig_.driver.arena(), raw.size(), static_cast<u32>(below(1024)) * 4);
        sent.buffer->write(raw);
        sent.prps = std::make_unique<Prps>(rig_.driver.arena(), *sent.buffer);
        return cmd::with_prps(cmd::dataset_management(ranges), *sent.prps);
      }
      case 16:
        return cmd::flush();
      case 17: {
        sent.status = Status::kLbaOutOfRange;
        const u64 beyond = one_in(2) ? blocks() - count + 1 + below(count) : random_() | 1ull << 40;
        return with_buffer(one_in(2) ? cmd::read(beyond, count) : cmd::write(beyond, count), nullptr);
      }
      case 18: {
        sent.status = Status::kInvalidNamespaceOrFormat;
        nvme::Sqe sqe = with_buffer(one_in(2) ? cmd::read(slba, count) : cmd::write(slba, count), nullptr);
        sqe.nsid = static_cast<u32>(2 + below(1000));
        return sqe;
      }
      default: {
        sent.status = Status::kInvalidOpcode;
        nvme::Sqe sqe = cmd::read(slba, count);
        sqe.opcode = static_cast<u8>(0x81 + below(0x7f));
        return sqe;
      }
    }
  }

  void check(const Completion& completion) {
    const auto key = std::pair{completion.sq_id, completion.cid};
    const auto found = sent_.find(key);
    ASSERT_NE(found, sent_.end()) << "completed twice, or never sent";
    const Sent& sent = found->second;
    ASSERT_EQ(completion.status, sent.status);
    ASSERT_EQ(completion.time, sent.due);
    if (sent.is_read) ASSERT_EQ(sent.buffer->read(), sent.data);
    if (sent.buffer) ASSERT_TRUE(sent.buffer->margins_intact());
    sent_.erase(found);
  }

  void take_all() {
    rig_.driver.reap();
    for (const Completion& completion : rig_.driver.take()) ASSERT_NO_FATAL_FAILURE(check(completion));
  }

  // Steps from one deadline to the next, so that each completion is seen at its time.
  void pass_time(u64 ns) {
    const u64 end = rig_.runner.now() + ns;
    while (rig_.runner.next_deadline() <= end) {
      rig_.runner.run_until(rig_.runner.next_deadline());
      ASSERT_NO_FATAL_FAILURE(take_all());
    }
    rig_.runner.run_until(end);
    ASSERT_NO_FATAL_FAILURE(take_all());
  }

  u64 seed_;
  std::mt19937_64 random_;
  Rig rig_;
  UnitModel model_;
  std::vector<u8> bytes_;
  std::map<std::pair<u16, u16>, Sent> sent_;
};

TEST_P(RandomIo, AgreesWithTheReference) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  constexpr u32 kCommands = 4000;
  for (u32 i = 0; i < kCommands; i++) {
    SCOPED_TRACE("command " + std::to_string(i));
    const u16 queue = static_cast<u16>(1 + below(GetParam().queues));
    Sent sent;
    const nvme::Sqe sqe = make(sent);
    const u16 cid = rig_.driver.submit(queue, sqe);
    sent_.emplace(std::pair{queue, cid}, std::move(sent));
    // One after the other: the reference plans in the order of arrival.
    rig_.runner.settle();
    ASSERT_NO_FATAL_FAILURE(take_all());
    while (sent_.size() > 50) ASSERT_NO_FATAL_FAILURE(pass_time(10'000));
    if (one_in(3)) ASSERT_NO_FATAL_FAILURE(pass_time(below(30'000)));
  }
  ASSERT_NO_FATAL_FAILURE(pass_time(1'000'000'000));
  EXPECT_TRUE(sent_.empty());
  EXPECT_EQ(rig_.runner.fault(), "");
  EXPECT_FALSE(rig_.host.logged(NVMEV_LOG_ERROR));
}

INSTANTIATE_TEST_SUITE_P(
    Devices, RandomIo,
    testing::Values(Shape{"Plain", 512, 4096, 8, {0, 10'000, 0}, {0, 10'000, 0}, 1, 1, 1},
                    Shape{"Trailing", 512, 4096, 7, {900, 3'000, 2'000}, {500, 4'000, 2'500}, 1, 1, 2},
                    Shape{"LargeBlocks", 4096, 512, 13, {10, 300, 7}, {20, 400, 9}, 1, 2, 3},
                    Shape{"LargeUnits", 512, 65536, 3, {0, 5'000, 100}, {1, 6'000, 100}, 1, 3, 4},
                    Shape{"ManyRoles", 512, 4096, 16, {0, 10'000, 0}, {0, 20'000, 1'000}, 3, 2, 6}),
    [](const auto& device) { return std::string(device.param.name); });

}  // namespace
}  // namespace nvmev::test
