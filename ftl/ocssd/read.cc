// SPDX-License-Identifier: GPL-2.0-only
// Reads and copies of an open-channel SSD 2.0.
#include "ocssd20.h"

namespace nvmev::ocssd {

using nvme::ChunkState;
using nvme::Status;

// Of an open chunk, the last mw_cunits sectors are still on their way to flash.
bool Ocssd20::readable(u64 address) const {
  const u64 number = shape_.chunk_of(address);
  if (number >= chunks_.size()) return false;
  const Chunk& chunk = chunks_[number];
  const u32 offset = shape_.offset_of(address);
  if (offset >= chunk.cnlb) return false;
  switch (chunk.state) {
    case ChunkState::kOpen:
      return chunk.random() || static_cast<u64>(offset) + config_.mw_cunits < chunk.wp;
    case ChunkState::kClosed:
      return chunk.random() || offset < chunk.wp;
    default:
      return false;
  }
}

// How often a row has to be read; what the host is told of it.
u32 Ocssd20::read_tries(u64 now, u64 number, u32 offset, const VectorRequest& request, u32 at, u32 count,
                        VectorOutcome* outcome) {
  if (!ecc_.enabled()) return 1;
  Chunk& chunk = chunks_[number];
  const u64 age = now > chunk.programmed ? now - chunk.programmed : 0;
  const u64 row = number * shape_.chunk_rows() + offset / shape_.row_sectors();
  const flash::Ecc::Outcome read = ecc_.read(row, chunk.erases, age);
  if (read.uncorrectable) {
    // Whatever else has been met in the command, this counts.
    if (outcome->status != Status::kUnrecoveredReadError) outcome->failed = 0;
    outcome->status = Status::kUnrecoveredReadError;
    outcome->moves = false;
  } else if (read.retries != 0 && request.feedback && outcome->moves) {
    outcome->status = Status::kHighEcc;
  }
  const bool uncorrectable = outcome->status == Status::kUnrecoveredReadError;
  if (uncorrectable ? read.uncorrectable : read.retries != 0 && request.feedback) outcome->failed |= bits_of(at, count);
  // One try more: low; the more tries, the more urgent.
  u16 state = 0;
  if (read.uncorrectable) {
    state = nvme::chunk_event::kUnrecoverable;
  } else if (read.retries != 0) {
    state = read.retries == 1   ? nvme::chunk_event::kRefreshLow
            : read.retries == 2 ? nvme::chunk_event::kRefreshMedium
                                : nvme::chunk_event::kRefreshHigh;
  }
  if (state > chunk.notified) {
    chunk.notified = static_cast<u8>(state);
    notify(number, state);
  }
  return read.retries + 1;
}

VectorOutcome Ocssd20::read(u64 now, const VectorRequest& request, RunBuilder& runs, bool to_host) {
  VectorOutcome outcome{now, Status::kSuccess};
  const AddressList& from = request.from;
  const auto refused = [&](Status status, auto&& bad) {
    for (u32 i = 0; i < from.count; i++) {
      if (bad(from[i])) outcome.failed |= i < 64 ? bit_of(i) : 1ull << 63;
    }
    if (outcome.failed == 0) return false;
    outcome.status = status;
    outcome.moves = false;
    return true;
  };
  // A scalar read is of a range, which may have gaps: these are as if never written.
  const bool scalar = request.op == VectorOp::kScalarRead;
  if (!scalar && refused(Status::kLbaOutOfRange, [&](u64 a) { return shape_.sector_of(a) == kNoSector; })) return outcome;
  if (request.dulbe && refused(Status::kUnwrittenBlock, [&](u64 a) { return !readable(a); })) return outcome;
  if (request.check_only) return outcome;
  for (u32 i = 0; i < from.count;) {
    const bool stored = readable(from[i]);
    u32 count = 1;
    while (i + count < from.count && readable(from[i + count]) == stored &&
           (!stored || (from[i + count] == from[i] + count &&
                        shape_.offset_of(from[i + count]) % shape_.row_sectors() != 0))) {
      count++;
    }
    if (!(to_host ? runs.add(stored ? shape_.sector_of(from[i]) : kNoSector, count, i)
                  : true)) {
      return {now, Status::kInvalidField, 0, false};
    }
    if (!to_host) {
      for (u32 k = 0; k < count; k++) runs.add_apart(stored ? shape_.sector_of(from[i]) + k : kNoSector, 1, i + k);
    }
    if (stored) {
      const u64 chunk = shape_.chunk_of(from[i]);
      const u32 offset = shape_.offset_of(from[i]);
      const u32 tries = read_tries(now, chunk, offset, request, i, count, &outcome);
      const u64 end = nand_.read(chunk, offset, count, tries, shape_.planes, now, to_host);
      if (end > outcome.done) outcome.done = end;
      read_.add(count);
    }
    i += count;
  }
  outcome.runs = runs.count();
  return outcome;
}

VectorOutcome Ocssd20::copy(u64 now, const VectorRequest& request, SectorRun* runs) {
  if ((config_.capabilities & nvme::mccap::kVectorCopy) == 0) return {now, Status::kInvalidOpcode, 0, false};
  RunBuilder from(runs);
  VectorRequest source = request;
  source.feedback = false;
  const VectorOutcome read_outcome = read(now, source, from, false);
  if (read_outcome.status != Status::kSuccess) return read_outcome;
  RunBuilder to(runs + from.count());
  VectorOutcome outcome = write(now, request, request.to, to, read_outcome.done);
  outcome.to_runs = outcome.runs;
  outcome.runs = from.count();
  copied_.add(outcome.to_runs);
  return outcome;
}

}  // namespace nvmev::ocssd
