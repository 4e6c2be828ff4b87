// SPDX-License-Identifier: GPL-2.0-only
#include "controller/spsc_ring.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace nvmev {
namespace {

TEST(SpscRing, UnpublishedIsInvisible) {
  SpscRing<int, 4> ring;
  EXPECT_FALSE(ring.publish());
  *ring.reserve() = 7;
  EXPECT_FALSE(ring.publish()) << "reserved but not committed";
  ring.commit();
  EXPECT_TRUE(ring.empty());
  EXPECT_EQ(ring.front(), nullptr);
  EXPECT_TRUE(ring.publish());
  EXPECT_FALSE(ring.empty());
  ASSERT_NE(ring.front(), nullptr);
  EXPECT_EQ(*ring.front(), 7);
  ring.pop();
  EXPECT_TRUE(ring.empty());
  EXPECT_EQ(ring.front(), nullptr);
}

TEST(SpscRing, HoldsItsCapacityAndNoMore) {
  SpscRing<int, 8> ring;
  for (int round = 0; round < 5; round++) {
    for (int i = 0; i < 8; i++) {
      int* slot = ring.reserve();
      ASSERT_NE(slot, nullptr);
      *slot = round * 8 + i;
      ring.commit();
    }
    EXPECT_EQ(ring.reserve(), nullptr);
    ring.publish();
    EXPECT_EQ(ring.reserve(), nullptr);
    for (int i = 0; i < 8; i++) {
      ASSERT_NE(ring.front(), nullptr);
      EXPECT_EQ(*ring.front(), round * 8 + i);
      ring.pop();
    }
    EXPECT_EQ(ring.front(), nullptr);
  }
}

TEST(SpscRing, TwoThreadsInOrder) {
  constexpr u64 kCount = 300'000;
  auto ring = std::make_unique<SpscRing<u64, 64>>();
  std::thread producer([&] {
    for (u64 i = 0; i < kCount;) {
      u64 batch = 0;
      for (; batch < i % 7 + 1 && i < kCount; batch++) {
        u64* slot = ring->reserve();
        if (!slot) break;
        *slot = i++;
        ring->commit();
      }
      ring->publish();
      if (batch == 0) std::this_thread::yield();
    }
  });
  u64 wrong = 0;
  for (u64 expected = 0; expected < kCount;) {
    const u64* value = ring->front();
    if (!value) {
      std::this_thread::yield();
      continue;
    }
    wrong += *value != expected;
    expected++;
    ring->pop();
  }
  producer.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_TRUE(ring->empty());
}

}  // namespace
}  // namespace nvmev
