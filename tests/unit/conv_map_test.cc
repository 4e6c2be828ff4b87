// SPDX-License-Identifier: GPL-2.0-only
// The page map never loses or duplicates a unit: against a plain reference, under millions of random operations, with
// power failures among them.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "host/conv_device.h"

namespace nvmev {
namespace {

using test::ConvDevice;

// What every unit holds, in the plainest way, and what it would hold again if power failed.
class Reference {
 public:
  // One state of a unit. Only its last one is current.
  struct State {
    bool mapped;
    u64 request;  // the call of plan() that made it
    u64 forced;   // ns, when the write is in non-volatile memory by the letter of the specification; ~0: never
    // When the next state came: where the FTL had the unit, how often that had been erased, and what garbage collection
    // had moved. (A collection that the next write itself makes necessary may have moved the unit in between.)
    u32 place;
    u32 erases;
    u64 collected;
  };

  Reference(ConvDevice& device) : ftl_(device.ftl()), all_(ftl_.layout().logical_units) { clear(); }

  bool mapped(u32 unit) const { return all_[unit].back().mapped; }
  u64 count() const { return count_; }

  // Before a write: the states that it ends.
  void before_write(u32 first, u32 units) {
    for (u32 unit = first; unit < first + units; unit++) {
      State& state = all_[unit].back();
      state.place = ftl_.map().find(unit);
      state.erases = state.place != conv::kNone ? erases_at(state.place) : 0;
      state.collected = ftl_.statistics().collected_units.get();
    }
  }
  void write(u32 first, u32 units, u64 request, u64 forced) {
    for (u32 unit = first; unit < first + units; unit++) {
      // A unit that moved while it was written is not where it was: nothing to compare with.
      if (ftl_.statistics().collected_units.get() != all_[unit].back().collected) all_[unit].back().place = conv::kNone;
      count_ += !mapped(unit);
      all_[unit].push_back({true, request, forced, conv::kNone, 0, 0});
      touched_.push_back(unit);
    }
  }
  // Deallocations are never undone.
  void unmap(u32 first, u32 units) {
    for (u32 unit = first; unit < first + units; unit++) {
      count_ -= mapped(unit);
      all_[unit] = {State{false, 0, 0, conv::kNone, 0, 0}};
    }
  }
  void flush(u64 request, u64 done) { flushes_.push_back({request, done}); }
  void clear() {
    for (auto& states : all_) states = {State{false, 0, 0, conv::kNone, 0, 0}};
    count_ = 0;
  }

  // Takes back what the FTL says is lost, unless it must not be.
  void lose(const PowerLoss& loss, u64 now) {
    const u64 unit_bytes = ftl_.layout().unit_bytes;
    const u32 unit = static_cast<u32>(loss.offset / unit_bytes);
    ASSERT_EQ(loss.length, unit_bytes);
    std::vector<State>& states = all_[unit];
    while (states.size() > 1 && states.back().request >= loss.since) {
      const State& lost = states.back();
      ASSERT_GT(lost.forced, now) << "unit " << unit << ": a forced write is lost";
      for (const auto& [request, done] : flushes_) {
        ASSERT_FALSE(lost.request < request && done <= now) << "unit " << unit << ": a flushed write is lost";
      }
      const bool last = lost.request == loss.since;
      states.pop_back();
      lost_++;
      count_ -= 1;
      if (last) break;
      // Back to the state before, which was mapped: it was a write.
      count_ += 1;
      ASSERT_TRUE(states.back().mapped);
    }
    count_ += states.back().mapped;
    ASSERT_EQ(loss.deallocated, !states.back().mapped);
    ASSERT_LT(states.back().mapped ? states.back().request : 0, loss.since + 1);
    if (!states.back().mapped) return;
    older_++;
    // What is current again lies where it lay, and has not been erased.
    if (states.back().place == conv::kNone) return;
    compared_++;
    ASSERT_EQ(ftl_.map().find(unit), states.back().place);
    ASSERT_EQ(erases_at(states.back().place), states.back().erases);
  }
  // What has survived a power failure is in flash.
  void settle(u64 now) {
    for (const u32 unit : touched_) {
      std::vector<State>& states = all_[unit];
      survived_ += states.back().forced > now;
      states = {State{states.back().mapped, 0, 0, conv::kNone, 0, 0}};
    }
    touched_.clear();
    flushes_.clear();
  }

  u64 lost() const { return lost_; }          // writes to units
  u64 survived() const { return survived_; }  // units whose last write was not forced
  u64 older() const { return older_; }        // units that went back to data
  u64 compared() const { return compared_; }

 private:
  struct Flush {
    u64 request;
    u64 done;
  };

  u32 erases_at(u32 place) const { return ftl_.superblocks()[ftl_.layout().superblock_of(place)].erases; }

  conv::Conv& ftl_;
  std::vector<std::vector<State>> all_;
  std::vector<u32> touched_;
  std::vector<Flush> flushes_;
  u64 count_ = 0;
  u64 lost_ = 0, survived_ = 0, older_ = 0, compared_ = 0;
};

// Checks each loss against the reference as it is told.
class LossCheck final : public PowerLossSink {
 public:
  LossCheck(Reference& reference, u64 now) : reference_(reference), now_(now) {}
  void lost(const PowerLoss& loss) override { reference_.lose(loss, now_); }

 private:
  Reference& reference_;
  u64 now_;
};

// Two channels of two dies.
constexpr char kSmall[] =
    "capacity=16M channels=2 dies_per_channel=2 planes=1 page_size=16K program_pages=1 pages_per_block=16 "
    "blocks_per_plane=16 cell=mlc over_provisioning=60 write_buffer_size=256K ";

class ConvMapTest : public testing::TestWithParam<const char*> {};

TEST_P(ConvMapTest, AgreesWithAPlainMap) {
  ConvDevice device(std::string(kSmall) + GetParam());
  conv::Conv* ftl = &device.ftl();
  const u32 units = ftl->layout().logical_units;
  const u32 unit = ftl->layout().unit_bytes;
  const u32 handles = device.config.placement_handles != 0 ? device.config.placement_handles : 1;
  const bool protects = device.config.power_loss_protection != 0;
  Reference reference(device);
  std::mt19937_64 random(42);
  u64 now = 0;
  u64 requests = 0;
  const auto plan = [&](const IoRequest& request) {
    requests++;
    return ftl->plan(request);
  };
  const auto write = [&](const IoRequest& request, u32 first, u32 length) {
    reference.before_write(first, length);
    const IoPlan planned = plan(request);
    const bool forced = request.fua || protects || device.config.early_completion == 0;
    reference.write(first, length, requests - 1, forced ? planned.done : ~0ull);
    return planned.status;
  };
  // Some 15 units each.
  for (int i = 0; i < 60'000; i++) {
    now += random() % 200'000;
    const u32 first = static_cast<u32>(random() % units);
    const u32 length = static_cast<u32>(1 + random() % std::min<u64>(40, units - first));
    IoRequest request{now, static_cast<u64>(first) * unit, static_cast<u64>(length) * unit, IoOp::kWrite,
                      random() % 16 == 0, static_cast<u16>(random() % handles)};
    const u64 what = random() % 1000;
    if (what < 550) {
      ASSERT_EQ(write(request, first, length), nvme::Status::kSuccess) << i;
    } else if (what < 600) {  // again and again the same few units
      request.offset = random() % 8 * unit;
      request.length = unit;
      ASSERT_EQ(write(request, static_cast<u32>(request.offset / unit), 1), nvme::Status::kSuccess) << i;
    } else if (what < 700) {  // part of a unit
      request.length = 512;
      request.offset += 512 * (random() % (unit / 512));
      ASSERT_EQ(write(request, first, 1), nvme::Status::kSuccess);
    } else if (what < 850) {
      request.op = IoOp::kRead;
      const IoPlan planned = plan(request);
      ASSERT_EQ(planned.status, nvme::Status::kSuccess);
      ASSERT_GT(planned.done, now);
    } else if (what < 945) {
      request.op = what < 920 ? IoOp::kDeallocate : IoOp::kWriteZeroes;
      plan(request);
      reference.unmap(first, length);
    } else if (what < 990) {
      request.op = IoOp::kFlush;
      request.length = 0;
      const u64 done = plan(request).done;
      reference.flush(requests - 1, protects ? now : done);
      if (handles > 1) ftl->update(now, static_cast<u16>(random() % handles));
    } else if (what < 998) {
      LossCheck check(reference, now);
      ftl->power_cycle(now, random(), check);
      ASSERT_FALSE(HasFailure()) << i;
      reference.settle(now);
      ASSERT_STREQ(ftl->inconsistency(), "") << "after the power failure at " << i;
    } else if (random() % 60 == 0) {
      ftl->format();
      reference.clear();
    }
    for (u32 k = first; k < first + length; k++) {
      ASSERT_EQ(ftl->map().find(k) != conv::kNone, reference.mapped(k)) << i;
    }
    if (i % 5'000 == 0) ASSERT_STREQ(ftl->inconsistency(), "") << "after " << i;
  }
  EXPECT_STREQ(ftl->inconsistency(), "");
  u64 found = 0;
  for (u32 k = 0; k < units; k++) {
    ASSERT_EQ(ftl->map().find(k) != conv::kNone, reference.mapped(k));
    found += reference.mapped(k);
  }
  EXPECT_EQ(found, reference.count());
  EXPECT_GT(ftl->statistics().collections.get(), 10u);
  RecordProperty("lost", std::to_string(reference.lost()));
  RecordProperty("survived", std::to_string(reference.survived()));
  RecordProperty("older", std::to_string(reference.older()));
  RecordProperty("compared", std::to_string(reference.compared()));
  if (protects) {
    EXPECT_EQ(reference.lost(), 0u);
  } else {
    EXPECT_GT(reference.lost(), 1'000u);
    EXPECT_GT(reference.survived(), 1'000u);
    EXPECT_GT(reference.older(), 500u);
    EXPECT_GT(reference.compared(), 100u);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Variants, ConvMapTest,
    testing::Values("victim=greedy", "victim=cost-benefit", "victim=fifo", "victim=random", "victim=d-choices",
                    "victim=windowed", "superblock_dies=1", "superblock_dies=2 allocation=static",
                    "superblock_dies=1 allocation=least-busy nand_copyback=1", "superblock_dies=2 allocation=random",
                    "separation=none", "separation=none superblock_dies=2", "separation=frequency", "separation=size",
                    "separation=generation", "write_buffer=overwrite", "early_completion=0", "mapping_unit=16K",
                    "mapping_unit=8K page_size=8K planes=2 program_pages=2", "mapping_cache_size=8K",
                    "mapping_cache_size=8K mapping_cache=clock superblock_dies=2", "wear_leveling=5",
                    "placement_handles=3", "placement_handles=3 gc_isolation=1 separation=frequency over_provisioning=90",
                    "power_loss_protection=1 nand_suspend=0", "background_gc=50 gc_idle_delay=1000",
                    "stripe=way cell=tlc program_pages=3 pages_per_block=24"));

}  // namespace
}  // namespace nvmev
