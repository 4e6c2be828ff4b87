// SPDX-License-Identifier: GPL-2.0-only
// A hostile requester: register writes, doorbells, submission queue entries and PRP lists of the fuzzer's choice, in
// any order. The core must neither fault, nor hang, nor leak, and must let go of the memory when it is disabled.
//
// An input is a list of operations of a byte each, with operands behind it; see perform(). What the memory of the
// requester is for is fixed by page, so that commands can name queues, lists and each other.
#include <cstring>

#include "host/check.h"
#include "host/device.h"
#include "host/runner.h"
#include "nvmev/nvme/command.h"
#include "nvmev/nvme/registers.h"

namespace nvmev::test {
namespace {

constexpr u32 kPages = 64;    // of requester memory
constexpr u32 kQueues = 4;    // I/O queue identifiers that are used, from 1
constexpr u32 kEntries = 16;  // of each queue that set_up() makes

class Input {
 public:
  Input(const u8* data, size_t size) : data_(data), size_(size) {}
  bool empty() const { return at_ >= size_; }
  template <typename T>
  T take() {
    T value{};
    const size_t length = std::min(sizeof(T), size_ - std::min(at_, size_));
    std::memcpy(&value, data_ + std::min(at_, size_), length);
    at_ += sizeof(T);
    return value;
  }

 private:
  const u8* data_;
  size_t size_;
  size_t at_ = 0;
};

class Attack {
 public:
  Attack(Input& input, u8 shape)
      : input_(input),
        device_(host_, make_config({{"capacity", shape & 16 ? "64M" : "4M"},
                                    {"mdts", "5"},
                                    {"queues", std::to_string(kQueues)},
                                    {"queue_entries", "64"},
                                    {"inflight", "64"},
                                    {"dispatchers", std::to_string(1 + (shape & 1))}},
                                   1 + (shape >> 1 & 1))),
        runner_(device_),
        base_(host_.arena.alloc(kPages)) {
    host_.limit_medium_pages(shape & 4 ? 40 : ~0ull);
    if (shape & 8) host_.arena.punch(page(20));
    set_up();
  }

  ~Attack() { host_.arena.free(base_, kPages); }

  void perform() {
    for (u32 operations = 0; !input_.empty() && operations < 400; operations++) {
      switch (input_.take<u8>() % 14) {
        case 0:
          write32(input_.take<u8>() & 0x3c, input_.take<u32>());
          break;
        case 1:
          doorbell(input_.take<u8>() % 24, input_.take<u16>());
          break;
        case 2:
        case 3:
        case 4:
        case 5:
          command();
          break;
        case 6:
          runner_.run_for(input_.take<u16>());
          break;
        case 7:
          runner_.run_for(10'000'000);
          break;
        case 8:
          list_entry();
          break;
        case 9:
          nvmev_dev_request_reset(device_.get(), 0);
          break;
        case 10:
          set_up();
          break;
        case 11:
          runner_.dispatch(input_.take<u8>() % device_.config().dispatchers);
          break;
        case 12:
          runner_.work(input_.take<u8>() % device_.config().workers);
          break;
        case 13:
          device_.set(input_.take<u8>() & 1 ? "time_scale" : "read_time", std::to_string(input_.take<u8>()));
          break;
      }
    }
  }

  // The controller stops in bounded time, and is silent then.
  void finish() {
    write32(offsetof(nvme::Registers, cc), 0);
    runner_.settle();  // CSTS may have been overwritten: it is put back first
    for (u32 i = 0; csts() != 0; i++) {
      NVMEV_CHECK(i < 10'000);
      runner_.step();
    }
    host_.arena.forbid();
    runner_.run_for(1'000'000'000);
    host_.arena.allow();
    NVMEV_CHECK(device_.report().size() > 0);
  }

 private:
  u64 page(u32 index) const { return base_ + static_cast<u64>(index % kPages) * kPageSize; }
  u32 csts() const { return *reinterpret_cast<const u32*>(device_.bar() + offsetof(nvme::Registers, csts)); }

  void write32(u32 offset, u32 value) { std::memcpy(device_.bar() + offset, &value, sizeof(value)); }
  void write64(u32 offset, u64 value) { std::memcpy(device_.bar() + offset, &value, sizeof(value)); }
  void doorbell(u32 index, u32 value) { write32(NVMEV_BAR_DOORBELLS + index * 4, value); }

  // An address: often in the arena, sometimes anywhere.
  u64 address() {
    const u8 kind = input_.take<u8>();
    if (kind == 0xff) return input_.take<u64>();
    const u64 offset = kind & 0x80 ? input_.take<u16>() % kPageSize & ~3ull : 0;
    return page(kind & 0x3f) + offset;
  }

  void put(u16 queue, const nvme::Sqe& sqe) {
    std::memcpy(host_.arena.at(page(2u * queue)) + tail_[queue] * sizeof(sqe), &sqe, sizeof(sqe));
    tail_[queue] = (tail_[queue] + 1) % kEntries;
    doorbell(2u * queue, tail_[queue]);
  }

  void command() {
    nvme::Sqe sqe{};
    const u16 queue = input_.take<u8>() % (kQueues + 1);
    sqe.opcode = input_.take<u8>();
    const u8 common = input_.take<u8>();
    sqe.flags = common & 0x80 ? common & 0x43 : 0;
    sqe.nsid = common & 0x40 ? input_.take<u32>() : 1;
    sqe.cid = input_.take<u8>();
    sqe.prp1 = address();
    sqe.prp2 = address();
    sqe.cdw10 = input_.take<u32>();
    sqe.cdw11 = input_.take<u32>();
    sqe.cdw12 = input_.take<u32>();
    if (common & 0x20) {
      sqe.cdw13 = input_.take<u32>();
      sqe.cdw14 = input_.take<u32>();
      sqe.cdw15 = input_.take<u32>();
    }
    put(queue, sqe);
  }

  void list_entry() {
    const u64 where = page(input_.take<u8>()) + input_.take<u16>() % kPageSize / 8 * 8;
    const u64 what = address();
    std::memcpy(host_.arena.at(where), &what, sizeof(what));
  }

  // A good controller with good queues, from whatever state.
  void set_up() {
    write32(offsetof(nvme::Registers, cc), 0);
    for (u32 i = 0; csts() != 0 && i < 10'000; i++) runner_.step();
    for (u32& tail : tail_) tail = 0;
    write32(offsetof(nvme::Registers, aqa), (kEntries - 1) << 16 | (kEntries - 1));
    write64(offsetof(nvme::Registers, asq), page(0));
    write64(offsetof(nvme::Registers, acq), page(1));
    write32(offsetof(nvme::Registers, cc), 6u << 16 | 4u << 20 | 1);
    runner_.settle();
    for (u16 queue = 1; queue <= kQueues; queue++) {
      nvme::Sqe sqe{};
      sqe.opcode = static_cast<u8>(nvme::AdminOpcode::kCreateIoCq);
      sqe.prp1 = page(2u * queue + 1);
      sqe.cdw10 = queue | (kEntries - 1) << 16;
      sqe.cdw11 = 3;
      put(0, sqe);
      sqe.opcode = static_cast<u8>(nvme::AdminOpcode::kCreateIoSq);
      sqe.prp1 = page(2u * queue);
      sqe.cdw11 = 1u | static_cast<u32>(queue) << 16;
      put(0, sqe);
      runner_.settle();
      doorbell(1, tail_[0]);
    }
  }

  Input& input_;
  TestHost host_;
  Device device_;
  ManualRunner runner_;
  u64 base_;
  u32 tail_[kQueues + 1] = {};
};

}  // namespace
}  // namespace nvmev::test

extern "C" int LLVMFuzzerTestOneInput(const nvmev::u8* data, size_t size) {
  nvmev::test::Input input(data, size);
  nvmev::test::Attack attack(input, input.take<nvmev::u8>());
  attack.perform();
  attack.finish();
  return 0;
}
