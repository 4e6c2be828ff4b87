// SPDX-License-Identifier: GPL-2.0-only
#include "host/state_attack.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "host/attached.h"
#include "host/check.h"
#include "host/dma.h"
#include "src/controller/state/state_file.h"
#include "src/controller/state/xxh64.h"

namespace nvmev::test {
namespace {

const Settings kFlash = {{"channels", "2"},  {"dies_per_channel", "2"}, {"planes", "1"},
                         {"page_size", "16K"}, {"program_pages", "1"},    {"pages_per_block", "16"}};

struct Kind {
  Settings settings;
  bool flash;
};

const Kind kKinds[] = {
    {{{"capacity", "4M"}}, false},
    {{{"type", "conv"}, {"capacity", "4M"}, {"placement_handles", "2"}, {"over_provisioning", "60"}}, true},
    {{{"type", "conv"}, {"capacity", "4M"}, {"mapping_cache_size", "4K"}, {"spare_blocks", "10"}, {"bad_blocks", "3"}, {"over_provisioning", "60"}}, true},
    {{{"type", "zns"}, {"capacity", "4M"}, {"lba_size", "4096"}, {"zone_size", "256K"}, {"zone_capacity", "192K"},
      {"max_active_zones", "6"}, {"max_open_zones", "4"}, {"zone_descriptor_extension", "128"}, {"zrwa_size", "32K"},
      {"zrwa_flush_granularity", "8K"}, {"zrwa_zones", "2"}},
     true},
    {{{"type", "kv"}, {"capacity", "4M"}}, true},
    {{{"type", "kv"}, {"capacity", "4M"}, {"kv_timing", "nvm"}}, false},
    {{{"type", "ocssd"}, {"capacity", "8M"}, {"num_grp", "2"}, {"num_pu", "2"}, {"num_sec", "64"}}, false},
    {{{"type", "ocssd"}, {"lver", "1"}, {"capacity", "8M"}, {"lnum_ch", "2"}, {"lnum_lun", "3"}, {"lnum_pln", "2"},
      {"lsecs_per_pg", "2"}, {"lpgs_per_blk", "5"}},
     false},
    {{{"capacity", "4M"}, {"controllers", "2"}, {"virtualization", "1"}, {"namespaces", "nvm:2M,nvm:2M"}}, false},
};

Settings settings_of(u32 kind) {
  Settings settings = kKinds[kind].settings;
  if (kKinds[kind].flash) {
    for (const auto& [key, value] : kFlash) settings.add(key, value);
  }
  settings.add("queues", "4");
  return settings;
}

// Commands by chance, most of which some device understands. Each completes, with whatever status.
void work(Rig& rig, u64 seed, u32 count) {
  constexpr u8 kIo[] = {0x00, 0x01, 0x01, 0x01, 0x02, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0c, 0x0d, 0x0e, 0x10, 0x11,
                        0x14, 0x15, 0x79, 0x79, 0x7a, 0x7d, 0x7d, 0x81, 0x90, 0x91, 0x92, 0x93};
  constexpr u8 kAdmin[] = {0x02, 0x02, 0x06, 0x09, 0x0a, 0x0d, 0x10, 0x14, 0x15, 0x80, 0xe2, 0xea, 0xf1, 0xf2};
  constexpr u64 kBuffer = 40 * kPageSize;
  DmaBuffer buffer(rig.driver.arena(), kBuffer);
  const Prps prps(rig.driver.arena(), buffer);
  std::mt19937_64 random(seed);
  const auto small = [&random] { return static_cast<u32>(random() % (1ull << random() % 12)); };
  std::vector<u8> bytes(kPageSize);
  for (u32 i = 0; i < count; i++) {
    const bool admin = random() % 8 == 0;
    nvme::Sqe sqe{};
    sqe.opcode = admin ? kAdmin[random() % std::size(kAdmin)] : kIo[random() % std::size(kIo)];
    sqe.nsid = 1 + (random() % 16 == 0);
    const bool long_one = random() % 4 == 0;  // of more pages than two
    sqe.prp1 = prps.prp1();
    sqe.prp2 = long_one ? prps.prp2() : buffer.bus(kPageSize);
    sqe.cdw10 = small() & ~7u;
    sqe.cdw12 = long_one ? 31 : small() % 8;
    sqe.cdw13 = small();
    for (u8& byte : bytes) byte = static_cast<u8>(random() % 3 == 0 ? random() % 8 : 0);
    buffer.write(bytes);
    if (sqe.opcode == 0x01 && random() % 2 == 0) sqe.cdw11 = small() % 16 << 8;  // a key's length
    if (sqe.opcode == 0x79) sqe.cdw13 = 1 + small() % 17;
    if (admin) {
      sqe.cdw11 = small();
      if (sqe.opcode == 0x02) sqe.cdw10 = (random() % 2 == 0 ? 0x0d : static_cast<u32>(random() % 32)) | 127u << 16 | small() % 4 << 8;
      if (sqe.opcode == 0x09) sqe.cdw10 = 1 + small() % 31 + (random() % 2 == 0 ? 1u << 31 : 0);
      if (sqe.opcode == 0x80 && random() % 4 != 0) continue;
      if (sqe.opcode == 0x80) sqe.cdw10 = small() % 4;
      rig.admin(sqe);
    } else {
      rig.io(sqe);
    }
  }
}

// As the kind's device saves it after a while; made once.
const std::vector<u8>& saved_state(u32 kind) {
  static std::vector<u8> states[std::size(kKinds)];
  if (states[kind].empty()) {
    TestFile file;
    Attached run(file, settings_of(kind));
    NVMEV_CHECK(run.loaded == 0);
    work(run.rig, 1 + kind, 600);
    NVMEV_CHECK(run.save() == 0);
    states[kind] = file.bytes();
  }
  return states[kind];
}

// Of six bytes: where, what, and a value.
struct Change {
  u8 where[4];
  u8 what;
  u8 value;
};

void apply(const Change& change, std::vector<u8>& bytes, u64 begin, u64 end) {
  u32 at;
  std::memcpy(&at, change.where, sizeof(at));
  u8* to = &bytes[begin + at % (end - begin)];
  const u64 room = static_cast<u64>(&bytes[end - 1] - to) + 1;
  switch (change.what % 8) {
    case 0:
      *to ^= static_cast<u8>(1u << change.value % 8);
      break;
    case 1:
      *to = change.value;
      break;
    case 2:
      *to = static_cast<u8>(*to + 1);
      break;
    case 3:
      *to = static_cast<u8>(*to - 1);
      break;
    case 4:
      std::memset(to, change.value, std::min<u64>(room, 8));
      break;
    case 5: {  // from elsewhere nearby
      const u64 back = std::min<u64>(change.value, static_cast<u64>(to - &bytes[begin]));
      std::memmove(to, to - back, std::min<u64>(room, 8));
      break;
    }
    case 6: {  // a neighbour's place
      const u64 length = std::min<u64>(room / 2, 1 + change.value);
      std::swap_ranges(to, to + length, to + length);
      break;
    }
    default:
      std::memset(to, 0, std::min<u64>(room, change.value));
  }
}

// The bytes of a file with the changes of an input, whose checksums are right.
std::vector<u8> changed(const std::vector<u8>& good, const u8* data, std::size_t size) {
  std::vector<u8> bytes = good;
  StateSuperblock block;
  std::memcpy(&block, bytes.data(), sizeof(block));
  const u64 begin = block.offset;
  u64 end = begin + block.length;
  for (; size >= sizeof(Change); data += sizeof(Change), size -= sizeof(Change)) {
    Change change;
    std::memcpy(&change, data, sizeof(change));
    if (change.what == 0xff) {  // a part is missing
      u32 length;
      std::memcpy(&length, change.where, sizeof(length));
      end = begin + 1 + length % (end - begin);
      const u64 left = end - begin;
      std::memcpy(&bytes[offsetof(StateSuperblock, length)], &left, sizeof(left));
    } else if (change.what < 0xf8) {
      apply(change, bytes, begin, end);
    } else {
      apply(change, bytes, 0, sizeof(block));
    }
  }
  std::memcpy(&block, bytes.data(), sizeof(block));
  const auto sum = [&bytes](u64 from, u64 length) {
    Xxh64 hash;
    hash.add(&bytes[from], length);
    return hash.value();
  };
  if (block.offset <= bytes.size() && block.length <= bytes.size() - block.offset && block.length != 0) {
    block.checksum = sum(block.offset, block.length);
  }
  std::memcpy(bytes.data(), &block, sizeof(block));
  block.own_checksum = sum(0, offsetof(StateSuperblock, own_checksum));
  std::memcpy(bytes.data(), &block, sizeof(block));
  return bytes;
}

}  // namespace

u32 state_attack_kinds() { return std::size(kKinds); }

bool attack_state(const u8* data, std::size_t size) {
  if (size == 0) return false;
  const u32 kind = data[0] % std::size(kKinds);
  TestFile file;
  file.replace(changed(saved_state(kind), data + 1, size - 1));
  Attached run(file, settings_of(kind));
  if (run.loaded != 0) {
    NVMEV_CHECK(!run.message.empty());
    NVMEV_CHECK(run.rig.host.file.operations() == 0);
    return false;
  }
  work(run.rig, size, 40);
  NVMEV_CHECK(run.save() >= 0);
  Attached next(file, settings_of(kind));
  NVMEV_CHECK(next.loaded == 0);
  return true;
}

}  // namespace nvmev::test
