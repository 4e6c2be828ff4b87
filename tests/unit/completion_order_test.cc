// SPDX-License-Identifier: GPL-2.0-only
// CompletionOrder against std::multimap, which also keeps equal keys in insertion order.
#include "controller/completion_order.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <vector>

#include "nvmev/types.h"

namespace nvmev {
namespace {

struct Entry : OrderLink {
  u64 serial;
};

class Model {
 public:
  explicit Model(u32 capacity) : entries_(capacity), order_(std::make_unique<CompletionOrder<Entry>>()) {
    order_->init(entries_.data());
    for (u32 i = 0; i < capacity; i++) free_.push_back(i);
  }

  bool full() const { return free_.empty(); }
  u64 now() const { return now_; }
  CompletionOrder<Entry>& order() { return *order_; }

  void insert(u64 target) {
    const u32 index = free_.back();
    free_.pop_back();
    entries_[index].target = target;
    order_->insert(index);
    // What has passed already queues up behind all that is due.
    reference_.emplace(std::max(target, now_), index);
  }

  void advance(u64 now) {
    ASSERT_GE(now, now_);
    while (true) {
      const u32 index = order_->pop_due(now);
      const auto first = reference_.begin();
      if (index == CompletionOrder<Entry>::kNone) {
        if (first != reference_.end()) {
          ASSERT_GT(first->first, now);
          ASSERT_LE(order_->not_before(), first->first);
          ASSERT_GT(order_->not_before(), now);
        } else {
          ASSERT_EQ(order_->not_before(), ~0ull);
        }
        break;
      }
      ASSERT_NE(first, reference_.end());
      ASSERT_LE(first->first, now);
      ASSERT_EQ(index, first->second);
      reference_.erase(first);
      free_.push_back(index);
    }
    now_ = now;
    ASSERT_EQ(order_->size(), reference_.size());
  }

  template <typename Predicate>
  void remove_if(Predicate remove) {
    order_->remove_if(remove);
    for (auto it = reference_.begin(); it != reference_.end();) {
      if (remove(it->second)) {
        free_.push_back(it->second);
        it = reference_.erase(it);
      } else {
        ++it;
      }
    }
    ASSERT_EQ(order_->size(), reference_.size());
  }

 private:
  std::vector<Entry> entries_;
  std::vector<u32> free_;
  std::unique_ptr<CompletionOrder<Entry>> order_;
  std::multimap<u64, u32> reference_;
  u64 now_ = 0;
};

struct Spread {
  const char* name;
  u64 start;        // of the clock
  u64 distance;     // of targets from now, at most
  u32 past_one_in;  // one target in so many has passed already

  friend void PrintTo(const Spread& spread, std::ostream* out) { *out << spread.name; }
};

class CompletionOrderRandom : public testing::TestWithParam<Spread> {};

TEST_P(CompletionOrderRandom, AgreesWithMultimap) {
  constexpr u32 kOperations = 400'000;
  const u64 seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const Spread spread = GetParam();
  Model model(1000);
  ASSERT_NO_FATAL_FAILURE(model.advance(spread.start));
  for (u32 i = 0; i < kOperations; i++) {
    if (!model.full() && random() % 100 < 55) {
      const u64 distance = spread.distance ? random() % spread.distance : 0;
      const bool past = random() % spread.past_one_in == 0;
      model.insert(past ? model.now() - std::min(model.now(), distance) : model.now() + distance);
    } else if (random() % 10000 == 0) {
      const u32 modulus = static_cast<u32>(2 + random() % 10);
      ASSERT_NO_FATAL_FAILURE(model.remove_if([&](u32 index) { return index % modulus == 0; }));
    } else {
      ASSERT_NO_FATAL_FAILURE(model.advance(model.now() + random() % (spread.distance / 100 + 2)));
    }
  }
  ASSERT_NO_FATAL_FAILURE(model.advance(model.now() + spread.distance));
  EXPECT_EQ(model.order().size(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Spreads, CompletionOrderRandom,
                         testing::Values(Spread{"Same", 1000, 0, 50}, Spread{"Near", 0, 64, 20},
                                         Spread{"Microseconds", 123'456'789'012, 20'000, 30},
                                         Spread{"Milliseconds", 1ull << 42, 50'000'000, 1000},
                                         Spread{"Weeks", 1ull << 60, 1ull << 50, 10},
                                         Spread{"AcrossDigits", (1ull << 36) - 500, 1000, 100}),
                         [](const auto& spread) { return std::string(spread.param.name); });

TEST(CompletionOrder, EqualTargetsLeaveInOrderOfInsertion) {
  Model model(256);
  for (u64 target : {5000, 70, 5000, 70, 70, 5000}) model.insert(target);
  ASSERT_NO_FATAL_FAILURE(model.advance(69));
  ASSERT_NO_FATAL_FAILURE(model.advance(70));
  model.insert(5000);
  ASSERT_NO_FATAL_FAILURE(model.advance(5000));
}

TEST(CompletionOrder, EndOfTime) {
  Model model(8);
  model.insert(~0ull - 1);
  model.insert(~0ull - 2);
  model.insert(1ull << 63);
  ASSERT_NO_FATAL_FAILURE(model.advance(1ull << 63));
  ASSERT_NO_FATAL_FAILURE(model.advance(~0ull - 2));
  ASSERT_NO_FATAL_FAILURE(model.advance(~0ull - 1));
  EXPECT_EQ(model.order().size(), 0u);
}

TEST(CompletionOrder, ClearForgetsAndRestartsTime) {
  Model model(8);
  model.insert(100);
  model.order().clear(50);
  EXPECT_EQ(model.order().size(), 0u);
  EXPECT_EQ(model.order().pop_due(1000), CompletionOrder<Entry>::kNone);
  EXPECT_EQ(model.order().not_before(), ~0ull);
}

}  // namespace
}  // namespace nvmev
