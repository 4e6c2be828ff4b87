// SPDX-License-Identifier: GPL-2.0-only
// Cost of the completion order with different numbers of commands in flight: each iteration takes the earliest entry
// out and puts one in whose target lies a random distance ahead, so that the number in flight stays the same. Targets
// are as dense as a device of 5 million commands/s makes them.
#include <benchmark/benchmark.h>

#include <memory>
#include <random>
#include <vector>

#include "controller/completion_order.h"

namespace nvmev {
namespace {

constexpr u64 kNsPerCommand = 200;

void BM_CompletionOrder(benchmark::State& state) {
  const u32 in_flight = static_cast<u32>(state.range(0));
  std::vector<OrderLink> entries(in_flight);
  auto order = std::make_unique<CompletionOrder<OrderLink>>();
  order->init(entries.data());

  // Drawn beforehand: the generator is not what is measured.
  constexpr u32 kDraws = 1u << 16;
  std::vector<u64> distances(kDraws);
  std::mt19937_64 random(1);
  for (u64& distance : distances) distance = random() % (2 * kNsPerCommand * in_flight);

  u64 now = 1'000'000'000'000;
  order->clear(now);
  for (u32 i = 0; i < in_flight; i++) {
    entries[i].target = now + distances[i % kDraws];
    order->insert(i);
  }
  u32 draw = 0;
  for (auto _ : state) {
    u32 index = order->pop_due(now);
    while (index == CompletionOrder<OrderLink>::kNone) {
      now = order->not_before() > now ? order->not_before() : now;
      index = order->pop_due(now);
    }
    entries[index].target = now + distances[draw++ % kDraws];
    order->insert(index);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_CompletionOrder)->Arg(64)->Arg(4096)->Arg(65536)->MinTime(1.0);

}  // namespace
}  // namespace nvmev
