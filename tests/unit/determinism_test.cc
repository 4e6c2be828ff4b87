// SPDX-License-Identifier: GPL-2.0-only
// The same configuration and the same commands give the same completions at the same times.
#include <gtest/gtest.h>

#include <random>

#include "host/conv_device.h"
#include "host/rig.h"

namespace nvmev::test {
namespace {

std::vector<Completion> trace(u64 seed, u32 dispatchers, u32 workers) {
  Rig rig({{"dispatchers", std::to_string(dispatchers)}, {"read_trailing", "333"}, {"write_delay", "77"}}, workers);
  rig.start(4, 64);
  std::mt19937_64 random(seed);
  DmaBuffer buffer(rig.driver.arena(), 4096);
  const Prps prps(rig.driver.arena(), buffer);
  std::vector<Completion> all;
  for (u32 round = 0; round < 60; round++) {
    for (u16 queue = 1; queue <= 4; queue++) {
      for (u64 i = random() % 30; i > 0; i--) {
        const u64 slba = random() % 100'000;
        switch (random() % 5) {
          case 0:
            rig.driver.queue(queue, cmd::with_prps(cmd::write(slba, 8), prps));
            break;
          case 1:
            rig.driver.queue(queue, cmd::flush());
            break;
          case 2:
            rig.driver.queue(queue, cmd::write_zeroes(slba, 50, random() % 2));
            break;
          default:
            rig.driver.queue(queue, cmd::with_prps(cmd::read(slba, 1 + random() % 8), prps));
            break;
        }
      }
      rig.driver.ring(queue);
    }
    rig.runner.run_for(random() % 200'000);
    rig.driver.reap();
    rig.runner.run_for(10'000'000);
    rig.driver.reap();
    for (const Completion& completion : rig.driver.take()) all.push_back(completion);
  }
  return all;
}

TEST(Determinism, SameCommandsSameTrace) {
  for (const auto& [dispatchers, workers] : {std::pair{1u, 1u}, std::pair{2u, 3u}}) {
    for (const u64 seed : {1ull, 2ull, 3ull}) {
      const std::vector<Completion> first = trace(seed, dispatchers, workers);
      EXPECT_GT(first.size(), 1000u);
      EXPECT_EQ(first, trace(seed, dispatchers, workers)) << "seed " << seed;
    }
  }
  EXPECT_NE(trace(1, 1, 1), trace(2, 1, 1));
}

// As the module has it, behind a controller, and as the simulator has it, alone: the same commands, at other times.
TEST(Determinism, TheControllersFtlReachesTheStateOfOneAlone) {
  std::vector<u64> hashes;
  for (const u64 seed : {1ull, 2ull}) {
    Rig rig({{"type", "conv"}, {"capacity", "16M"}, {"superblock_dies", "4"}, {"background_gc", "0"},
             {"blocks_per_plane", "16"}, {"page_size", "4K"}, {"program_pages", "1"}, {"over_provisioning", "40"},
             {"write_buffer_size", "256K"}});
    rig.start();
    ConvDevice alone(
        "capacity=16M superblock_dies=4 background_gc=0 blocks_per_plane=16 page_size=4K program_pages=1 "
        "over_provisioning=40 write_buffer_size=256K");
    std::mt19937_64 random(seed);
    for (u32 i = 0; i < 4'000; i++) {
      const u64 slba = random() % (32768 - 128);
      const u32 blocks = 1 + static_cast<u32>(random() % 128);
      DmaBuffer buffer(rig.driver.arena(), blocks * 512);
      const Prps prps(rig.driver.arena(), buffer);
      nvme::Sqe sqe = cmd::flush();
      IoOp op = IoOp::kFlush;
      bool fua = false;
      switch (random() % 8) {
        case 0:
          break;
        case 1:
          op = IoOp::kDeallocate;
          break;
        case 2:
          sqe = cmd::with_prps(cmd::read(slba, blocks), prps);
          op = IoOp::kRead;
          break;
        default:
          sqe = cmd::with_prps(cmd::write(slba, blocks), prps);
          op = IoOp::kWrite;
          fua = random() % 8 == 0;
          if (fua) sqe.cdw12 |= 1u << 30;
          break;
      }
      const Completion completion = op == IoOp::kDeallocate ? rig.driver.deallocate({{0, blocks, slba}}) : rig.io(sqe);
      ASSERT_EQ(completion.status, nvme::Status::kSuccess) << i;
      alone.run(op, op == IoOp::kFlush ? 0 : slba * 512, op == IoOp::kFlush ? 0 : blocks * 512, fua);
      if (i % 200 == 0) alone.now += 1'000'000'000;
    }
    EXPECT_GT(alone->statistics().collections.get(), 20u);
    EXPECT_EQ(nvmev_dev_state_hash(rig.device.get()), alone->state_hash());
    hashes.push_back(alone->state_hash());
  }
  EXPECT_NE(hashes[0], hashes[1]);
}

}  // namespace
}  // namespace nvmev::test
