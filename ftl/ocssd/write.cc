// SPDX-License-Identifier: GPL-2.0-only
// Writes of an open-channel SSD 2.0: the write pointer, write units, limits of open chunks, and what goes wrong.
#include "ocssd20.h"

namespace nvmev::ocssd {

using nvme::ChunkState;
using nvme::Status;

template <typename Function>
void Ocssd20::for_each_group(const AddressList& addresses, Function with) const {
  for (u32 at = 0; at < addresses.count;) {
    const u64 chunk = shape_.chunk_of(addresses[at]);
    u32 count = 1;
    while (at + count < addresses.count && shape_.chunk_of(addresses[at + count]) == chunk) count++;
    with(Group{chunk, at, count});
    at += count;
  }
}

// Addresses that do not exist, lie in a chunk that takes no writes, or behind its end.
u64 Ocssd20::unwritable(const AddressList& to) const {
  u64 failed = 0;
  for (u32 i = 0; i < to.count; i++) {
    const u64 number = shape_.chunk_of(to[i]);
    bool good = number < chunks_.size();
    if (good) {
      const Chunk& chunk = chunks_[number];
      good = (chunk.state == ChunkState::kFree || chunk.state == ChunkState::kOpen) &&
             shape_.offset_of(to[i]) < chunk.cnlb;
    }
    // Scalar commands have no bitmap, yet fail.
    if (!good) failed |= i < 64 ? bit_of(i) : 1ull << 63;
  }
  return failed;
}

u64 Ocssd20::short_groups(const AddressList& to) const {
  u64 failed = 0;
  for_each_group(to, [&](const Group& group) {
    if (group.count % config_.ws_min != 0) failed |= bits_of(group.at < 64 ? group.at : 63, group.count);
  });
  return failed;
}

// The write pointer as the groups so far leave it.
u32& Ocssd20::planned(Chunk& chunk) {
  if (chunk.command != command_) {
    chunk.command = command_;
    chunk.planned = chunk.wp;
  }
  return chunk.planned;
}

u64 Ocssd20::out_of_order(const AddressList& to) {
  u64 failed = 0;
  for_each_group(to, [&](const Group& group) {
    Chunk& chunk = chunks_[group.chunk];
    if (chunk.random()) return;
    u32& next = planned(chunk);
    for (u32 i = group.at; i < group.at + group.count; i++) {
      if (shape_.offset_of(to[i]) == next) {
        next++;
      } else {
        failed |= i < 64 ? bit_of(i) : 1ull << 63;
      }
    }
  });
  return failed;
}

// A chunk that a command opens counts even when the same command fills it.
u64 Ocssd20::beyond_open_limit(const AddressList& to) {
  if (config_.max_open == 0 && config_.max_open_unit == 0) return 0;
  u64 failed = 0;
  u32 opened = 0;
  for_each_group(to, [&](const Group& group) {
    Chunk& chunk = chunks_[group.chunk];
    if (chunk.state != ChunkState::kFree || chunk.opening == command_) return;
    chunk.opening = command_;
    const u64 unit = group.chunk / shape_.chunks;
    const bool all = config_.max_open != 0 && chunks_.open() + opened >= config_.max_open;
    const bool of_unit = config_.max_open_unit != 0 &&
                         chunks_.open_in_unit(unit) + opening_in_unit_[unit] >= config_.max_open_unit;
    if (all || of_unit) {
      failed |= bits_of(group.at < 64 ? group.at : 63, group.count);
      return;
    }
    opened++;
    opening_in_unit_[unit]++;
  });
  for_each_group(to, [&](const Group& group) { opening_in_unit_[group.chunk / shape_.chunks] = 0; });
  return failed;
}

void Ocssd20::close_if_full(u64 number) {
  const Chunk& chunk = chunks_[number];
  if (!chunk.random() && chunk.wp == chunk.cnlb) chunks_.set_state(number, ChunkState::kClosed);
}

// Sectors `from` to `from + count` of a group reach the medium.
void Ocssd20::put(const AddressList& to, const Group& group, u32 from, u32 count, RunBuilder& runs, bool apart, u64 ready,
                  VectorOutcome* outcome) {
  for (u32 i = group.at + from; i < group.at + from + count;) {
    const u32 offset = shape_.offset_of(to[i]);
    u32 length = 1;
    while (i + length < group.at + from + count && shape_.offset_of(to[i + length]) == offset + length) length++;
    const u64 end = nand_.program(group.chunk, offset, length, shape_.planes, ready);
    if (end > outcome->done) outcome->done = end;
    const u64 sector = group.chunk * shape_.chunk_sectors + offset;
    if (apart) {
      for (u32 k = 0; k < length; k++) runs.add_apart(sector + k, 1, i + k);
    } else {
      runs.add(sector, length, i);
    }
    written_.add(length);
    i += length;
  }
}

// A fault at sector `at` of a group: its write unit is lost. Returns how many sectors of the group are over with.
u32 Ocssd20::fail_group(const Group& group, u32 at, const Fault& fault, VectorOutcome* outcome) {
  const u32 unit = at / config_.ws_min * config_.ws_min;
  Chunk& chunk = chunks_[group.chunk];
  if (outcome->status == Status::kSuccess) {
    outcome->status = fault.next ? Status::kWriteNextUnit : Status::kChunkClosedEarly;
  }
  if (fault.next) {
    outcome->failed |= bits_of(group.at + unit, config_.ws_min);
    if (!chunk.random()) chunk.wp += config_.ws_min;
    return unit + config_.ws_min;
  }
  outcome->failed |= bits_of(group.at + unit, group.count - unit);
  chunks_.set_state(group.chunk, ChunkState::kClosed);
  chunk.reset_fails = true;
  return group.count;
}

// False when a fault has hit it.
bool Ocssd20::write_group(const AddressList& to, const Group& group, RunBuilder& runs, u64 ready, bool apart,
                          VectorOutcome* outcome) {
  Chunk& chunk = chunks_[group.chunk];
  if (chunk.state == ChunkState::kClosed) {
    // By a fault in an earlier group.
    outcome->failed |= bits_of(group.at, group.count);
    return false;
  }
  if (chunk.state == ChunkState::kFree) {
    chunks_.set_state(group.chunk, ChunkState::kOpen);
    chunk.programmed = run_clock_.now();
  }
  bool good = true;
  for (u32 at = 0; at < group.count;) {
    u32 count = 0;
    const Fault* fault = nullptr;
    for (; at + count < group.count && fault == nullptr; count++) {
      if (write_faults_.any()) {
        fault = write_faults_.hit(shape_, group.chunk, shape_.offset_of(to[group.at + at + count]), random_);
      }
      if (fault != nullptr) break;
    }
    const u32 whole = fault != nullptr ? (at + count) / config_.ws_min * config_.ws_min - at : count;
    put(to, group, at, whole, runs, apart, ready, outcome);
    if (!chunk.random()) chunk.wp += whole;
    at += whole;
    if (fault == nullptr) break;
    good = false;
    at = fail_group(group, at, *fault, outcome);
  }
  if (chunk.state == ChunkState::kOpen) close_if_full(group.chunk);
  return good;
}

VectorOutcome Ocssd20::write(u64 now, const VectorRequest& request, const AddressList& to, RunBuilder& runs, u64 ready) {
  VectorOutcome outcome{now, Status::kSuccess};
  command_++;
  const auto refused = [&](u64 failed, Status status) {
    if (failed == 0) return false;
    outcome.failed = failed;
    outcome.status = status;
    outcome.moves = false;
    return true;
  };
  // A write unit may need a run of its own where faults are about, else a chunk.
  const u32 most_runs = write_faults_.any() ? to.count : to.count / shape_.chunk_sectors + 2;
  if (request.op == VectorOp::kScalarWrite && refused(most_runs > kMaxRuns, Status::kInvalidField)) return outcome;
  if (refused(unwritable(to), Status::kWriteFault) || refused(short_groups(to), Status::kInvalidField) ||
      refused(out_of_order(to), Status::kOutOfOrderWrite) || refused(beyond_open_limit(to), Status::kWriteFault)) {
    return outcome;
  }
  if (request.check_only) return outcome;
  const bool copy = request.op == VectorOp::kCopy;
  if (!copy) ready = nand_.receive(static_cast<u64>(to.count) * shape_.layout.sector_bytes);
  outcome.done = ready;
  for_each_group(to, [&](const Group& group) { write_group(to, group, runs, ready, copy, &outcome); });
  outcome.runs = runs.count();
  return outcome;
}

}  // namespace nvmev::ocssd
