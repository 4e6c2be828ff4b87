// SPDX-License-Identifier: GPL-2.0-only
#include "driver.h"

#include <algorithm>
#include <queue>

#include "controller/completion_order.h"
#include "error.h"
#include "nvmev/zones.h"

namespace nvmev::sim {
namespace {

constexpr u64 kProgressEvery = 1 << 15;  // I/Os

// A place for one I/O in flight of a job. Its target is when the place is next looked at.
struct Slot : OrderLink {
  u32 job;
  u32 place;  // of the job's
  bool waits;  // `io` is to be issued at the target; otherwise the place is free then
  Io io;
};

u64 job_seed(u64 seed, u64 job) {
  Random random(seed * 0x9e3779b97f4a7c15 + job);
  return random.next();
}

}  // namespace

Driver::Driver(Device& device, Recorder& recorder, ProgressSink progress)
    : device_(device),
      ftl_(device.ftl()),
      recorder_(recorder),
      progress_(std::move(progress)),
      largest_(device.largest_transfer()),
      largest_append_(device.largest_append()) {}

inline IoPlan Driver::plan(u64 now, u64 offset, u64 length, const Io& io) {
  commands_++;
  if (io.append) [[unlikely]] return append(now, offset, length);
  return ftl_.plan({now, offset, length, io.op, io.fua, io.placement});
}

IoPlan Driver::append(u64 now, u64 offset, u64 length) {
  Zones& zones = *ftl_.zones();
  ZoneWrite write{ZoneWrite::Kind::kAppend, offset, length};
  IoPlan plan{now, nvme::Status::kSuccess};
  plan.status = zones.write(now, write, &plan.done).status;
  if (plan.status == nvme::Status::kSuccess) zones.settle(write.offset);
  if (plan.done < now) plan.done = now;
  return plan;
}

inline u64 Driver::issue(u64 now, const Io& io) {
  recorder_.advance(now);
  IoPlan plan;
  if (io.length <= (io.append ? largest_append_ : largest_) || io.op == IoOp::kDeallocate) [[likely]] {
    plan = this->plan(now, io.offset, io.length, io);
  } else {
    plan = plan_split(now, io);
  }
  recorder_.record(io.op, now, plan.done, io.length, plan.status == nvme::Status::kSuccess);
  if (plan.done > end_) end_ = plan.done;
  return plan.done;
}

// As the host's driver does, which sends the parts together.
IoPlan Driver::plan_split(u64 now, const Io& io) {
  IoPlan all{now, nvme::Status::kSuccess};
  const u64 largest = io.append ? largest_append_ : largest_;
  for (u64 at = 0; at < io.length; at += largest) {
    const IoPlan part = plan(now, io.offset + at, std::min(largest, io.length - at), io);
    all.done = std::max(all.done, part.done);
    if (part.status != nvme::Status::kSuccess) all.status = part.status;
  }
  return all;
}

u64 Driver::run_jobs(const std::vector<JobSpec>& specs, u64 seed, u64 first) {
  const u64 capacity = device_.config().capacity;
  std::vector<Job> jobs;
  std::vector<Slot> slots;
  for (const JobSpec& spec : specs) {
    for (u32 copy = 0; copy < spec.jobs; copy++) {
      jobs.emplace_back(spec, copy, capacity, device_.config().lba_size, job_seed(seed, first + jobs.size()), ftl_.zones());
      const u64 begin = jobs.back().begin(now_);
      // An open loop has one place, which is free again as soon as its I/O is issued.
      for (u32 i = 0; i < std::max(spec.depth, 1u); i++) {
        slots.push_back({{begin, 0}, static_cast<u32>(jobs.size() - 1), i, false, {}});
      }
    }
  }

  auto order = std::make_unique<CompletionOrder<Slot>>();
  order->init(slots.data());
  order->clear(now_);
  for (u32 i = 0; i < slots.size(); i++) order->insert(i);

  u64 issued = 0;
  while (order->size() != 0) {
    const u32 index = order->pop_due(~0ull);
    Slot& slot = slots[index];
    Job& job = jobs[slot.job];
    const u64 now = slot.target;
    if (!slot.waits) {
      u64 when;
      if (!job.next(now, slot.place, &slot.io, &when)) continue;
      if (when > now) {
        slot.waits = true;
        slot.target = when;
        order->insert(index);
        continue;
      }
    }
    slot.waits = false;
    const u64 done = issue(now, slot.io);
    slot.target = job.depth() != 0 ? job.free_after(done) : now;
    order->insert(index);
    if (++issued % kProgressEvery == 0) [[unlikely]] {
      double least = 1;
      for (const Job& each : jobs) least = std::min(least, each.progress(now));
      progress_(least);
    }
  }
  now_ = std::max(now_, end_);
  return first + jobs.size();
}

void Driver::fit(Io* io, const AddressRules& rules, const Lines& lines) const {
  if (io->op == IoOp::kFlush) return;
  const u64 lba_size = device_.config().lba_size;
  const u64 capacity = device_.config().capacity;
  if (io->length == 0) lines.refuse("an I/O of 0 bytes: at least 1 is right");
  if ((io->offset | io->length) % lba_size != 0) {
    if (!rules.round) {
      lines.refuse("offset {} length {}: multiples of the device's lba_size of {} bytes are right (--round widens)",
                   io->offset, io->length, lba_size);
    }
    const u64 before = io->offset % lba_size;
    io->offset -= before;
    if (io->length > ~0ull - before - lba_size) lines.refuse("length {}: less than 2^64 is right", io->length);
    io->length = (io->length + before + lba_size - 1) / lba_size * lba_size;
  }
  if (io->length > capacity || io->offset > capacity - io->length) {
    if (!rules.wrap || io->length > capacity) {
      lines.refuse("offset {} length {} is beyond the end of the device of {} bytes: --set capacity=SIZE{} is right",
                   io->offset, io->length, capacity, io->length > capacity ? "" : " or --wrap");
    }
    io->offset = std::min(io->offset % capacity, capacity - io->length);
  }
}

void Driver::run_trace(Lines& lines, TraceReader& reader, const TraceRules& rules) {
  const u64 base = now_;
  u32 depth = rules.depth;
  if (depth == 0 && (rules.at_once || !reader.timed())) depth = 1;
  // When the places of I/Os in flight become free.
  std::priority_queue<u64, std::vector<u64>, std::greater<>> places;
  TraceIo next;
  u64 now = base;
  for (u64 issued = 1; reader.next(&next); issued++) {
    fit(&next.io, rules.addresses, lines);
    u64 due = next.time;
    if (rules.speed != 1) due = static_cast<u64>(static_cast<double>(due) / rules.speed);
    if (!rules.at_once) now = std::max(now, base + due);
    if (depth != 0 && places.size() == depth) {
      now = std::max(now, places.top());
      places.pop();
    }
    const u64 done = issue(now, next.io);
    if (depth != 0) places.push(done);
    if (issued % kProgressEvery == 0) progress_(lines.consumed());
  }
  now_ = std::max(now, end_);
}

}  // namespace nvmev::sim
