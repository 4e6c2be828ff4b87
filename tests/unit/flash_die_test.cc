// SPDX-License-Identifier: GPL-2.0-only
// A die with more planned than it has room for.
#include "ftl/flash/die.h"

#include <gtest/gtest.h>


namespace nvmev::flash {
namespace {

constexpr u64 kFar = 1'000'000'000;
constexpr u64 kWork = 10;

// Operations that became one keep the time between them free: moved back, they do not take it along.
TEST(Die, TimeIsOnlyTakenByWork) {
  Die die;
  u64 work = 0;
  const auto append = [&](u64 start) {
    die.append(start, start + kWork, Work::kProgram, Cause::kHost, 0);
    work += kWork;
  };
  for (u64 i = 0; i < 31; i++) append(i * 2 * kWork);
  append(kFar);
  for (u32 round = 0; round < 100; round++) {
    append(die.free_at() + (round % 3 == 0 ? kFar / 100 : 0));
    // A read that something else, such as the channel, puts off until the die is free.
    const Die::Place place = die.open_read(round, 0, 0);
    const u64 start = place.start > die.free_at() ? place.start : die.free_at();
    die.close_read(start, start + kWork);
    work += kWork;
    ASSERT_LE(die.free_at(), 2 * kFar + work) << round;
  }
}

}  // namespace
}  // namespace nvmev::flash
