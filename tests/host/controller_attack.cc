// SPDX-License-Identifier: GPL-2.0-only
#include "host/controller_attack.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <string>
#include <vector>

#include "ftl/flash/random.h"
#include "host/check.h"
#include "host/device.h"
#include "host/runner.h"
#include "host/zoned_keys.h"
#include "nvmev/nvme/command.h"
#include "nvmev/nvme/directive.h"
#include "nvmev/nvme/registers.h"

namespace nvmev::test {
namespace {

constexpr u32 kPages = 64;    // of requester memory
constexpr u32 kQueues = 4;    // I/O queue identifiers that are used, from 1
constexpr u32 kEntries = 16;  // of each queue that set_up() makes
constexpr u32 kOperations = 800;
constexpr u32 kBurstOperations = 4'000;  // of all bursts of an input

// An input is a list of operations of a byte each, with operands behind it; beyond its end are zeros.
class Input {
 public:
  Input(const u8* data, std::size_t size) : data_(data), size_(size) {}
  bool empty() const { return at_ >= size_; }
  template <typename T>
  T take() {
    T value{};
    const std::size_t length = std::min(sizeof(T), size_ - std::min(at_, size_));
    std::memcpy(&value, data_ + std::min(at_, size_), length);
    at_ += sizeof(T);
    return value;
  }

 private:
  const u8* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

// Small flash, so that it is filled, collected and worn within one input.
const Settings kFlash = {{"channels", "2"},  {"dies_per_channel", "2"}, {"planes", "1"},
                         {"page_size", "16K"}, {"program_pages", "1"},    {"pages_per_block", "16"}};

struct Kind {
  Settings settings;
  bool flash;
  u32 controllers = 1;
};

const Kind kKinds[] = {
    {{{"capacity", "4M"}, {"atomic_write_unit", "64K"}}, false},
    {{{"type", "conv"}, {"capacity", "4M"}, {"power_cuts", "1"}, {"streams", "2"}, {"over_provisioning", "15"},
      {"atomic_write_unit", "32K"}, {"atomic_boundary", "64K"}, {"atomic_boundary_offset", "8K"}}, true},
    {{{"type", "conv"}, {"capacity", "8M"}, {"placement_handles", "4"}, {"ocp", "1"}}, true},
    {kZonedKeys, false},
    {{{"type", "kv"}, {"capacity", "4M"}}, true},
    {{{"type", "ocssd"}, {"capacity", "8M"}, {"num_grp", "2"}, {"num_pu", "2"}, {"num_sec", "64"}}, false},
    {{{"type", "ocssd"}, {"lver", "1"}, {"capacity", "8M"}, {"lnum_ch", "2"}, {"lnum_lun", "3"}, {"lnum_pln", "2"},
      {"lsecs_per_pg", "2"}, {"lpgs_per_blk", "5"}},
     false},
    {{{"capacity", "6M"}, {"namespaces", "nvm:2M,kv:2M:kv_timing=nvm,nvm:2M"}}, false},
    {{{"capacity", "4M"}, {"controllers", "2"}, {"namespaces", "nvm:2M,nvm:2M"}}, false, 2},
};

Settings settings_of(u8 kind, u8 shape) {
  const Kind& row = kKinds[kind % std::size(kKinds)];
  Settings settings = row.settings;
  if (row.flash) {
    for (const auto& [key, value] : kFlash) settings.add(key, value);
  }
  settings.add("mdts", "5");
  settings.add("queues", std::to_string(kQueues));
  settings.add("queue_entries", "64");
  settings.add("inflight", "64");
  settings.add("dispatchers", std::to_string(1 + (shape & 1)));
  if (kind & 0x40) settings.add("cmb", "64K");
  if (kind & 0x80) settings.add("pmr", "64K");
  if (row.controllers > 1 && kind & 0x40) settings.add("virtualization", "1");
  return settings;
}

class Attack {
 public:
  explicit Attack(Input input, u8 kind, u8 shape)
      : input_(input),
        device_(host_, make_config(settings_of(kind, shape), 1 + (shape >> 1 & 1))),
        runner_(device_),
        base_(host_.arena.alloc(kPages)) {
    host_.limit_medium_pages(shape & 4 ? 40 : ~0ull);
    if (shape & 8) host_.arena.punch(page(20));
    for (controller_ = 0; controller_ < device_.config().controllers; controller_++) set_up();
    controller_ = 0;
    format(shape >> 4 & 7, shape >> 7);
  }

  ~Attack() { host_.arena.free(base_, kPages); }

  void perform() { perform(kOperations); }

  // Every controller stops in bounded time, and is silent then. With the first, secondary controllers are offline.
  void finish() {
    nvmev_dev_release(device_.get());
    for (controller_ = 0; controller_ < device_.config().controllers; controller_++) {
      write32(offsetof(nvme::Registers, cc), 0);
      runner_.settle();  // CSTS may have been overwritten: it is put back first
      for (u32 i = 0; csts() != stopped(); i++) {
        NVMEV_CHECK(i < 10'000);
        runner_.step();
      }
    }
    host_.arena.forbid();
    runner_.run_for(1'000'000'000);
    host_.arena.allow();
    NVMEV_CHECK(device_.report().size() > 0);
  }

  u64 commands() const { return commands_; }

 private:
  void perform(u32 limit) {
    for (u32 operations = 0; !input_.empty() && operations < limit; operations++) {
      constexpr std::size_t count = std::size(kOperationTable);
      constexpr u8 kBurst = 0xff, kOtherController = 0xfe;
      const u8 operation = input_.take<u8>();
      if (operation == kBurst) {
        burst();
      } else if (operation == kOtherController) {
        controller_ = (controller_ + 1) % device_.config().controllers;
      } else {
        (this->*kOperationTable[operation % count])();
      }
    }
  }

  // ---- Operations

  // Many operations from few bytes of input.
  void burst() {
    flash::Random random(input_.take<u32>());
    const u32 operations = std::min<u32>(input_.take<u8>() * 2, burst_operations_left_);
    burst_operations_left_ -= operations;
    std::vector<u8> bytes(operations * 24);
    for (u8& byte : bytes) byte = static_cast<u8>(random.next());
    const Input outer = input_;
    input_ = Input(bytes.data(), bytes.size());
    perform(operations);
    input_ = outer;
  }

  void write_register() {
    const u8 which = input_.take<u8>();
    if (which & 0x80 && device_.cmb(controller_) != nullptr) return place_cmb(which & 3);
    if (which & 0x40 && device_.pmr(controller_) != nullptr) return place_pmr(which & 3);
    write32(which & 0x3c, value());
  }
  // Over pages of the requester's memory, of which the buffer has a copy then.
  void place_cmb(u32 bits) {
    const u64 where = address() & ~0xfffull;
    for (u64 at = 0; at < device_.config().cmb_size; at += kPageSize) {
      std::memcpy(device_.cmb(controller_) + at, host_.arena.at(page(static_cast<u32>((where - base_ + at) / kPageSize))), kPageSize);
    }
    write64(offsetof(nvme::Registers, cmbmsc), where | bits);
  }
  void place_pmr(u32 bits) {
    const u64 where = address() & ~0xfffull;
    const u64 control = where | (bits & 2);
    write32(nvme::kPmrRegisters + offsetof(nvme::PmrRegisters, pmrctl), bits & 1);
    write32(nvme::kPmrRegisters + offsetof(nvme::PmrRegisters, pmrmscu), static_cast<u32>(control >> 32));
    write32(nvme::kPmrRegisters + offsetof(nvme::PmrRegisters, pmrmscl), static_cast<u32>(control));
  }
  void write_doorbell() {
    const u32 index = input_.take<u8>() % 24;
    doorbell(index, input_.take<u16>());
  }
  void run_briefly() { runner_.run_for(input_.take<u16>()); }
  void run_long() { runner_.run_for(1'000'000); }
  void jump() { runner_.jump(static_cast<u64>(input_.take<u8>()) * 10'000'000'000); }
  void request_reset() { nvmev_dev_request_reset(device_.get(), controller_); }
  void dispatch() { runner_.dispatch(input_.take<u8>() % device_.config().dispatchers); }
  void work() { runner_.work(input_.take<u8>() % device_.config().workers); }
  void power_cut() {
    nvmev_error error{};
    nvmev_dev_power_cut(device_.get(), input_.take<u8>(), &error);
  }
  void hold() {
    if (input_.take<u8>() & 1) {
      nvmev_dev_hold(device_.get());
    } else {
      nvmev_dev_release(device_.get());
    }
  }

  void set_key() {
    static const char* const kKeys[] = {"time_scale", "read_time", "zone_fault", "zone_active_limit", "sanitize_fail", "nand_program"};
    static const char* const kValues[] = {"0", "1", "1000", "3:offline", "2:read_only", "4:full", "1e9", "-1", "x"};
    const char* key = kKeys[input_.take<u8>() % std::size(kKeys)];
    device_.set(key, kValues[input_.take<u8>() % std::size(kValues)]);
  }

  void command() {
    nvme::Sqe sqe{};
    const u16 queue = input_.take<u8>() % (kQueues + 1);
    sqe.opcode = input_.take<u8>();
    const u8 common = input_.take<u8>();
    sqe.flags = common & 0x80 ? input_.take<u8>() & 0xc3 : 0;
    sqe.nsid = common & 0x40 ? value() : 1 + (common & 3);
    sqe.cid = input_.take<u8>();
    sqe.prp1 = address();
    sqe.prp2 = address();
    if (sqe.psdt() != 0) sqe.prp2 = static_cast<u64>(input_.take<u8>()) << 56 | value();
    if (common & 0x10) sqe.mptr = address();
    if (common & 0x08) {
      sqe.cdw2 = value();
      sqe.cdw3 = value();
    }
    sqe.cdw10 = value();
    sqe.cdw11 = value();
    sqe.cdw12 = value();
    if (common & 0x20) {
      sqe.cdw13 = value();
      sqe.cdw14 = value();
      sqe.cdw15 = value();
    }
    put(queue, sqe);
  }

  void list_entry() {
    const u64 where = page(input_.take<u8>()) + input_.take<u16>() % kPageSize / 8 * 8;
    const u64 what = address();
    std::memcpy(host_.arena.at(where), &what, sizeof(what));
  }

  void sgl_descriptor() {
    const u64 where = page(input_.take<u8>()) + input_.take<u16>() % kPageSize / 16 * 16;
    nvme::SglDescriptor descriptor{address(), value(), {}, input_.take<u8>()};
    std::memcpy(host_.arena.at(where), &descriptor, sizeof(descriptor));
  }

  void payload() {
    u8* where = host_.arena.at(page(input_.take<u8>())) + input_.take<u8>() * 16;
    for (u32 left = input_.take<u8>() % 5 * 4; left != 0; left -= 4, where += 4) {
      const u32 word = value();
      if ((reinterpret_cast<u64>(where) & (kPageSize - 1)) > kPageSize - 4) break;
      std::memcpy(where, &word, sizeof(word));
    }
  }

  // A good controller with good queues, from whatever state.
  void set_up() {
    nvmev_dev_release(device_.get());
    write32(offsetof(nvme::Registers, cc), 0);
    // A secondary controller that is offline stays so.
    for (u32 i = 0; csts() != 0 && csts() != stopped() && i < 1'000; i++) runner_.step();
    for (u32& tail : tails()) tail = 0;
    write32(offsetof(nvme::Registers, aqa), (kEntries - 1) << 16 | (kEntries - 1));
    write64(offsetof(nvme::Registers, asq), queue_page(0));
    write64(offsetof(nvme::Registers, acq), queue_page(1));
    constexpr u32 kAllCommandSets = 6u << 4;
    write32(offsetof(nvme::Registers, cc), 6u << 16 | 4u << 20 | kAllCommandSets | 1);
    runner_.settle();
    for (u16 queue = 1; queue <= kQueues; queue++) {
      nvme::Sqe sqe{};
      sqe.opcode = static_cast<u8>(nvme::AdminOpcode::kCreateIoCq);
      sqe.prp1 = queue_page(2u * queue + 1);
      sqe.cdw10 = queue | (kEntries - 1) << 16;
      sqe.cdw11 = 3;
      put(0, sqe);
      sqe.opcode = static_cast<u8>(nvme::AdminOpcode::kCreateIoSq);
      sqe.prp1 = queue_page(2u * queue);
      sqe.cdw11 = 1u | static_cast<u32>(queue) << 16;
      put(0, sqe);
      runner_.settle();
      doorbell(1, tails()[0]);
    }
    nvme::Sqe enable_streams{};
    enable_streams.opcode = static_cast<u8>(nvme::AdminOpcode::kDirectiveSend);
    enable_streams.nsid = nvme::kNsidBroadcast;
    enable_streams.cdw11 = nvme::kIdentifyEnable;
    enable_streams.cdw12 = 1u | nvme::kDirectiveStreams << 8;
    put(0, enable_streams);
    runner_.settle();
    doorbell(1, tails()[0]);
    if (device_.config().virtualization != 0 && controller_ == 0) bring_online();
  }

  // The secondary controllers, as far as resources are left.
  void bring_online() {
    constexpr u32 kAssignQueues = 0x008, kAssignVectors = 0x108, kOnline = 0x009;
    for (u32 secondary = 2; secondary <= device_.config().controllers; secondary++) {
      for (const u32 what : {kAssignQueues, kAssignVectors, kOnline}) {
        nvme::Sqe sqe{};
        sqe.opcode = static_cast<u8>(nvme::AdminOpcode::kVirtualizationManagement);
        sqe.cdw10 = secondary << 16 | what;
        sqe.cdw11 = 2;
        put(0, sqe);
      }
      runner_.settle();
      doorbell(1, tails()[0]);
    }
  }

  // Gives the first namespace an LBA format, with protection information of type 1; refused where there is no such format.
  void format(u32 lba_format, u32 protection) {
    if (lba_format == 0) return;
    nvme::Sqe sqe{};
    sqe.opcode = static_cast<u8>(nvme::AdminOpcode::kFormatNvm);
    sqe.nsid = 1;
    sqe.cdw10 = lba_format | protection << 5;
    put(0, sqe);
    run_long();
    consume();
  }

  // Makes room in the completion queues: without it a good host's queues stand still soon.
  void consume() {
    for (u32 queue = 0; queue <= kQueues; queue++) doorbell(2 * queue + 1, tails()[queue]);
  }

  using Operation = void (Attack::*)();
  static const Operation kOperationTable[22];

  // ---- What they are made of

  u64 page(u32 index) const { return base_ + static_cast<u64>(index % kPages) * kPageSize; }
  // Each controller's queues are elsewhere.
  u64 queue_page(u32 index) const { return page(index + controller_ * 2 * (kQueues + 1)); }
  std::array<u32, kQueues + 1>& tails() { return tails_[controller_]; }

  u8* bar() const { return device_.bar(controller_); }
  // CSTS of a controller that is not enabled, the first one neither.
  u32 stopped() const { return device_.config().virtualization != 0 && controller_ != 0 ? nvme::csts::kFatal : 0; }
  u32 csts() const { return *reinterpret_cast<const u32*>(bar() + offsetof(nvme::Registers, csts)); }
  void write32(u32 offset, u32 what) { std::memcpy(bar() + offset, &what, sizeof(what)); }
  void write64(u32 offset, u64 what) { std::memcpy(bar() + offset, &what, sizeof(what)); }
  void doorbell(u32 index, u32 what) { write32(NVMEV_BAR_DOORBELLS + index * 4, what); }

  // Mostly small, where most fields have their meaning; any value can be had.
  u32 value() {
    const u8 kind = input_.take<u8>();
    if (kind < 0xc0) return kind & 0x3f;
    if (kind < 0xe0) return input_.take<u16>();
    if (kind < 0xf0) return static_cast<u32>(input_.take<u8>()) << 8 * (kind & 3);
    return kind == 0xff ? 0xffffffff : input_.take<u32>();
  }

  // An address: often in the arena, sometimes anywhere.
  u64 address() {
    const u8 kind = input_.take<u8>();
    if (kind == 0xff) return input_.take<u64>();
    const u64 offset = kind & 0x80 ? input_.take<u16>() % kPageSize & ~3ull : 0;
    return page(kind & 0x3f) + offset;
  }

  void put(u16 queue, const nvme::Sqe& sqe) {
    u32& tail = tails()[queue];
    std::memcpy(host_.arena.at(queue_page(2u * queue)) + tail * sizeof(sqe), &sqe, sizeof(sqe));
    tail = (tail + 1) % kEntries;
    doorbell(2u * queue, tail);
    commands_++;
  }

  Input input_;
  TestHost host_;
  Device device_;
  ManualRunner runner_;
  u64 base_;
  u32 controller_ = 0;  // that is driven
  std::array<std::array<u32, kQueues + 1>, NVMEV_MAX_CONTROLLERS> tails_{};
  u32 burst_operations_left_ = kBurstOperations;
  u64 commands_ = 0;
};

const Attack::Operation Attack::kOperationTable[22] = {
    &Attack::command,        &Attack::command,      &Attack::command,       &Attack::command,  &Attack::command,
    &Attack::command,        &Attack::run_briefly,  &Attack::run_long,      &Attack::consume,  &Attack::list_entry,
    &Attack::sgl_descriptor, &Attack::payload,      &Attack::write_doorbell, &Attack::work,    &Attack::dispatch,
    &Attack::set_key,        &Attack::write_register, &Attack::request_reset, &Attack::set_up, &Attack::jump,
    &Attack::power_cut,      &Attack::hold,
};

}  // namespace

u64 attack_controller(const u8* data, std::size_t size) {
  Input input(data, size);
  const u8 kind = input.take<u8>();
  const u8 shape = input.take<u8>();
  Attack attack(input, kind, shape);
  attack.perform();
  attack.finish();
  return attack.commands();
}

}  // namespace nvmev::test
