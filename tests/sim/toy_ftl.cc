// SPDX-License-Identifier: GPL-2.0-only
// A device type for tests of the simulator, in place of the registry with the real ones: page mapping, greedy garbage
// collection, one die that takes 10 us for each page. Small enough to be seen to be right; it reports all figures that
// the simulator knows.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "nvmev/ftl_registry.h"
#include "nvmev/text.h"

namespace nvmev {
namespace {

constexpr u32 kBlockPages = 64;
constexpr u32 kNone = ~0u;
constexpr u64 kPageTime = 10000;  // ns

class ToyFtl final : public Ftl {
 public:
  explicit ToyFtl(const nvmev_config& config)
      : blocks_(config.capacity / kPageSize / kBlockPages * 9 / 8 + 4),
        map_(config.capacity / kPageSize, kNone),
        owner_(blocks_ * kBlockPages, kNone),
        valid_(blocks_),
        erases_(blocks_) {
    for (u32 block = 1; block < blocks_; block++) free_.push_back(block);
  }

  IoPlan plan(const IoRequest& request) override {
    const u64 begin = std::max(busy_until_, request.now);
    u64 pages = 0;
    for (u64 page = request.offset / kPageSize; page * kPageSize < request.offset + request.length; page++) {
      if (request.op == IoOp::kDeallocate) {
        forget(static_cast<u32>(page));
        continue;
      }
      pages += request.op == IoOp::kWrite ? write(static_cast<u32>(page)) : 1;
    }
    if (pages == 0) return {request.now, nvme::Status::kSuccess};
    busy_until_ = begin + pages * kPageTime;
    return {busy_until_, nvme::Status::kSuccess};
  }

  void format() override {}
  void retune(const nvmev_config&) override {}
  void destroy() override { delete this; }

  u64 state_hash() const override {
    u64 hash = 1;
    for (const u32 place : map_) hash = (hash ^ place) * 0x100000001b3;
    return hash;
  }

  void report(TextWriter& text) const override {
    const auto number = [](u64 value) { return static_cast<unsigned long long>(value); };
    text.add("mapping_unit_bytes %u\nhost_written_bytes %llu\nhost_written_units %llu\n", kPageSize,
             number(host_ * kPageSize), number(host_));
    text.add("mapped_units %llu\n", number(map_.size() - std::count(map_.begin(), map_.end(), kNone)));
    text.add("gc_moved_units %llu\n", number(moved_));
  }

  u32 erase_counts(u32 die, u32* counts, u32 size) const override {
    if (die != 0) return 0;
    std::copy_n(erases_.begin(), std::min(size, blocks_), counts);
    return blocks_;
  }

 private:
  // Returns how many pages were programmed.
  u64 write(u32 page) {
    host_++;
    const u64 moved = moved_;
    place(page);
    while (free_.size() < 2) collect();
    return 1 + moved_ - moved;
  }

  void forget(u32 page) {
    if (map_[page] == kNone) return;
    valid_[map_[page] / kBlockPages]--;
    owner_[map_[page]] = kNone;
    map_[page] = kNone;
  }

  void place(u32 page) {
    forget(page);
    if (next_ == kBlockPages) {
      open_ = free_.back();
      free_.pop_back();
      next_ = 0;
    }
    const u32 place = open_ * kBlockPages + next_++;
    owner_[place] = page;
    map_[page] = place;
    valid_[open_]++;
  }

  void collect() {
    u32 victim = kNone;
    for (u32 block = 0; block < blocks_; block++) {
      if (block == open_ || std::find(free_.begin(), free_.end(), block) != free_.end()) continue;
      if (victim == kNone || valid_[block] < valid_[victim]) victim = block;
    }
    for (u32 i = 0; i < kBlockPages; i++) {
      const u32 page = owner_[victim * kBlockPages + i];
      if (page == kNone) continue;
      place(page);
      moved_++;
    }
    erases_[victim]++;
    free_.push_back(victim);
  }

  u32 blocks_;
  std::vector<u32> map_;    // [page]: place
  std::vector<u32> owner_;  // [place]: page
  std::vector<u32> valid_, erases_;
  std::vector<u32> free_;
  u32 open_ = 0, next_ = 0;
  u64 host_ = 0, moved_ = 0;
  u64 busy_until_ = 0;
};

constexpr FtlType kToyType = {"toy", CommandFamily::kNvm, nullptr,
                              [](const nvmev_config& config, nvmev_host*) -> Ftl* { return new ToyFtl(config); }};

}  // namespace

const FtlType* find_ftl(const char* name) { return std::strcmp(name, "toy") == 0 ? &kToyType : nullptr; }

bool policy_exists(const char*, const char*) { return false; }
void list_policies(const char*, TextWriter&) {}

}  // namespace nvmev

extern "C" const char* nvmev_type_names() { return "toy"; }
