// SPDX-License-Identifier: GPL-2.0-only
// What the page-mapped FTL tells about itself.
#include "conv.h"
#include "nvmev/text.h"

namespace nvmev::conv {
namespace {

constexpr u32 kValidBuckets = 16;

unsigned long long number(u64 value) { return value; }

void report_ratio(TextWriter& text, const char* name, u64 numerator, u64 denominator) {
  const u64 milli = denominator == 0 ? 0
                    : numerator < ~0ull / 1000 ? numerator * 1000 / denominator
                                               : numerator / (denominator / 1000 + 1);
  text.add("%s %llu.%03llu\n", name, number(milli / 1000), number(milli % 1000));
}

// What superblocks are like, from any thread.
struct Survey {
  u32 free = 0, retired = 0;
  u32 erases_least = ~0u, erases_most = 0;
  u32 valid[kValidBuckets] = {};  // those in use by the share of units that are valid, in sixteenths

  void add(const Superblock& block) {
    const u32 erases = read_shared(block.erases);
    if (erases < erases_least) erases_least = erases;
    if (erases > erases_most) erases_most = erases;
    const auto state =
        static_cast<SuperblockState>(__atomic_load_n(reinterpret_cast<const u8*>(&block.state), __ATOMIC_RELAXED));
    if (state == SuperblockState::kFree) {
      free++;
    } else if (state == SuperblockState::kRetired) {
      retired++;
    } else if (block.capacity != 0) {
      const u32 bucket = static_cast<u32>(static_cast<u64>(read_shared(block.valid)) * kValidBuckets / block.capacity);
      valid[bucket < kValidBuckets ? bucket : kValidBuckets - 1]++;
    }
  }
};

Survey survey(const Superblocks& blocks) {
  Survey all;
  for (u32 i = 0; i < blocks.count(); i++) all.add(blocks[i]);
  return all;
}

}  // namespace

void Conv::report(TextWriter& text) const {
  const u64 unit = layout_.unit_bytes;
  text.add("mapping_unit_bytes %llu\nflash_bytes %llu\n", number(unit), number(layout_.flash_units * unit));
  text.add("superblocks %u\nsuperblock_bytes %llu\ngroups %u\n", layout_.superblocks,
           number(layout_.superblock_units * unit), layout_.groups);
  text.add("map_bytes %llu\n", number(map_.bytes()));
  text.add("mapped_units %llu\n", number(map_.mapped()));

  const Survey all = survey(blocks_);
  text.add("free_superblocks %u\nretired_superblocks %u\n", all.free, all.retired);
  text.add("valid_histogram");
  for (const u32 count : all.valid) text.add(" %u", count);
  text.add("\nerases_least %u\nerases_most %u\n", all.erases_least, all.erases_most);
  text.add("bad_blocks %llu\nspare_blocks_left %llu\n", number(wear_.bad_blocks()), number(wear_.spare_left()));
  text.add("percentage_used %u\n", wear_.percentage_used());
  text.add("write_buffer_bytes %llu\n", number(buffer_.size() * unit));
  text.add("mapping_cache_hits %llu\nmapping_cache_misses %llu\n", number(map_cache_.hits()),
           number(map_cache_.misses()));
  report_ratio(text, "write_amplification", clock_.get() * unit, statistics_.host_written_bytes.get());
  statistics_.report(text);
  const u64 run = run_clock_.run();
  array_.report(text, run);
  flash::report_pcie(text, pcie_in_, pcie_out_, run);
}

MediaCounters Conv::media() const {
  const Survey all = survey(blocks_);
  return {
      .has_flash = true,
      .bad_blocks = wear_.bad_blocks(),
      .read_retries = statistics_.read_retries.get(),
      .uncorrectable_reads = statistics_.uncorrectable_reads.get(),
      .unaligned_writes = statistics_.merge_reads.get(),
      .erases_least = all.erases_least,
      .erases_most = all.erases_most,
      .free_percent = static_cast<u8>(static_cast<u64>(all.free) * 100 / blocks_.count()),
  };
}

u64 Conv::state_hash() const {
  u64 hash = 0x6e766d6576ull;
  const auto add = [&hash](u64 value) { hash = flash::mix(hash ^ value); };
  for (u64 i = map_.skip_unmapped(0); i < map_.logical(); i = map_.skip_unmapped(static_cast<u32>(i + 1))) {
    const u32 place = map_.find(static_cast<u32>(i));
    if (place != kNone) add(i << 32 | place);
  }
  for (u32 i = 0; i < blocks_.count(); i++) add(blocks_[i].erases);
  return hash;
}

const char* Conv::inconsistency() const {
  u64 mapped = 0;
  for (u32 logical = 0; logical < map_.logical(); logical++) {
    const u32 place = map_.find(logical);
    if (place == kNone) continue;
    mapped++;
    if (place >= layout_.physical_units) return "a unit lies beyond the device";
    if (!map_.valid(place)) return "a mapped unit lies on an invalid one";
    if (map_.owner(place) != logical) return "map and inverse map disagree";
  }
  if (mapped != map_.mapped()) return "the count of mapped units is wrong";
  u64 valid = 0;
  for (u32 i = 0; i < blocks_.count(); i++) {
    u32 here = 0;
    for (u32 unit = 0; unit < layout_.superblock_units; unit++) here += map_.valid(i * layout_.superblock_units + unit);
    if (here != blocks_[i].valid) return "the valid count of a superblock is wrong";
    if (here > blocks_[i].capacity) return "a superblock holds more than it can";
    if (here != 0 && blocks_[i].state == SuperblockState::kFree) return "a free superblock holds data";
    valid += here;
  }
  if (valid != mapped) return "valid and mapped units differ in number";
  u64 groups = 0;
  for (u32 group = 0; group < layout_.groups; group++) groups += blocks_.group_valid(group);
  if (groups != valid) return "the valid counts of groups are wrong";
  return "";
}

}  // namespace nvmev::conv
