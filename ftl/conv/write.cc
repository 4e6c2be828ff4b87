// SPDX-License-Identifier: GPL-2.0-only
// Writes: into the buffer, and in stripe units from there to flash.
#include "conv.h"

namespace nvmev::conv {

// A write of a part of a unit needs the rest. Returns when that is there.
u64 Conv::merge(u32 logical, u64 at) {
  const u32 physical = map_.find(logical);
  if (physical == kNone) return at;
  statistics_.merge_reads.add(1);
  return read_unit(physical, at).end;
}

IoPlan Conv::write(const IoRequest& request, u64 start) {
  const u64 unit = layout_.unit_bytes;
  const u64 end = request.offset + request.length;
  const u32 first = static_cast<u32>(request.offset / unit);
  const u32 last = static_cast<u32>((end - 1) / unit);
  const bool through = power_loss_protection_ ? !early_completion_
                                              : request.fua || !early_completion_ || !cache_on_;
  const u32 handle = request.placement < handles_ ? request.placement : 0;
  const u32 stream =
      handle * separation_->host_streams + separation_->of_write(frequency_, first, last - first + 1);
  const u64 begun = start + firmware_.write(request.length);
  // Data come over the link, then they take room in the buffer.
  u64 admitted = request.op == IoOp::kWrite ? pcie_in_.transfer(begun, request.length, 0, last_now_).end : begun;
  u64 programmed = admitted;
  bool waited = false, behind_collection = false;
  u64 overwritten = 0;
  // What is zeroed stays so, as what is deallocated.
  const bool certain = request.atomic && request.op == IoOp::kWriteZeroes;
  const u32 together = request.atomic && !certain ? last - first + 1 : 1;
  for (u32 logical = first; logical <= last; logical++) {
    const u64 unit_start = logical * unit;
    const bool whole = request.offset <= unit_start && (end >= unit_start + unit || end >= capacity_);
    u64 ready = load_map_entry(logical, true, admitted);
    if (!whole) ready = merge(logical, ready);
    const u64 wanted = admitted;
    while (!buffer_.admit(array_, &admitted, &behind_collection)) program_any_stream();
    waited |= admitted != wanted;
    Frontier* to = open_stripe(stream, logical, admitted);
    if (to == nullptr) {
      buffer_.forgo();
      statistics_.full_writes.add(1);
      return {admitted, nvme::Status::kWriteFault};
    }
    if (ready < admitted) ready = admitted;
    if (to->ready < ready) to->ready = ready;
    // Opening may have moved data: look up only now.
    const u32 old = map_.find(logical);
    // Data that are replaced here share the fate of what they replace.
    if (buffer_policy_->overwrites && together == 1 && !certain && old != kNone && to->filling(old, layout_.stripe_units)) {
      buffer_.forgo();
      overwritten++;
      continue;
    }
    if (to->buffered++ == 0) to->slot = buffer_.open(to->stripe);
    buffer_.keep(to->slot, {to->next, blocks_[to->superblock].erases, old, old != kNone ? erases_at(old) : 0, requests_, together,
                            !whole, certain});
    place(*to, logical, old);
    if (to->stripe_left == 0) {
      const u64 done = program_stream(stream);
      if (done > programmed) programmed = done;
    }
  }
  if (through && fills_[stream].filling) {
    const u64 done = program_stream(stream);
    if (done > programmed) programmed = done;
  }
  if (handles_ != 0) note_remaining(frontier(fills_[stream].group, stream));
  statistics_.host_written_bytes.add(request.length);
  statistics_.host_units.add(last - first + 1);
  if (overwritten != 0) statistics_.overwritten_units.add(overwritten);
  const u64 done = through ? programmed : admitted;
  const WaitCause cause = !waited             ? WaitCause::kHost
                          : behind_collection ? WaitCause::kCollection
                                              : WaitCause::kBufferFull;
  statistics_.writes[static_cast<u32>(cause)].add(done - request.now);
  return {done, nvme::Status::kSuccess};
}

// All that was written is in flash when a flush is over; a buffer that outlives a power failure is as good as flash.
u64 Conv::flush(u64 now) {
  if (power_loss_protection_) return now;
  for (u32 stream = 0; stream < host_streams_; stream++) {
    if (fills_[stream].filling) program_stream(stream);
  }
  return buffer_.empty_at(array_, now);
}

// ---- Where streams append -----------------------------------------------------------------------------------

// Whether a group can take data without filling up the space that garbage collection needs.
bool Conv::has_room(u32 group) const {
  const u64 kept = static_cast<u64>(streams_ + 2) * layout_.superblock_units;
  return blocks_.group_valid(group) + kept <= blocks_.group_capacity(group);
}

u32 Conv::choose_group(u32 stream, u32 logical) {
  if (layout_.groups == 1) return 0;
  if (allocation_->wants_free_at) {
    for (u32 group = 0; group < layout_.groups; group++) {
      u64 earliest = ~0ull;
      for (u32 i = 0; i < layout_.group_dies; i++) {
        const u64 free = array_.die_free_at(group * layout_.group_dies + i);
        if (free < earliest) earliest = free;
      }
      group_free_at_[group] = earliest;
    }
  }
  const u32 wanted =
      allocation_->choose({layout_.groups, fills_[stream].group, logical, group_free_at_.data(), random_});
  for (u32 i = 0; i < layout_.groups; i++) {
    const u32 group = (wanted + i) % layout_.groups;
    if (has_room(group)) return group;
  }
  return wanted;
}

Frontier* Conv::open_stripe(u32 stream, u32 logical, u64 at) {
  HostStream& fill = fills_[stream];
  if (!fill.filling) {
    // Where both share a superblock, the last one is for garbage collection alone until that is over.
    if (collector_streams_ == 0) {
      for (u32 group = 0; group < layout_.groups; group++) {
        if (blocks_.free_count(group) == 0 && collectors_[group].victim != kNone) collect_now(group, at);
      }
    }
    const u32 wanted = choose_group(stream, logical);
    u32 tries = 0;
    fill.group = wanted;
    while (!open_superblock(frontier(fill.group, stream), at)) {
      if (++tries == layout_.groups) return nullptr;
      fill.group = (wanted + tries) % layout_.groups;
    }
    fill.filling = true;
  }
  Frontier& to = frontier(fill.group, stream);
  if (to.stripe == kNone) begin_stripe(to);
  return &to;
}

// Makes sure that the frontier has a superblock, collecting garbage until there is one.
bool Conv::open_superblock(Frontier& to, u64 at) {
  while (to.superblock == kNone) {
    if (may_take_free(to.group)) {
      const bool host = to.stream < host_streams_;
      const u32 handle = host ? handle_of(to.stream) : 0;
      begin_superblock(to, blocks_.take_free(to.group, false), handle, 0, at);
      break;
    }
    if (!collect_now(to.group, at)) return false;
    statistics_.forced_collections.add(1);
  }
  return true;
}

void Conv::begin_superblock(Frontier& to, u32 superblock, u32 handle, u32 generation, u64 at) {
  blocks_.open(superblock, handle, generation, at);
  to.superblock = superblock;
  to.next = superblock * layout_.superblock_units;
  to.end = to.next + blocks_[superblock].capacity;
}

void Conv::begin_stripe(Frontier& to) {
  to.stripe = layout_.by_stripe.quotient(to.next);
  to.stripe_left = layout_.stripe_units;
  to.buffered = 0;
  to.ready = 0;
}

void Conv::place(Frontier& to, u32 logical, u32 old) {
  const u32 physical = to.next++;
  to.stripe_left--;
  if (old == kNone) {
    map_.add(logical, physical);
  } else {
    map_.move(logical, old, physical);
    blocks_.remove_valid(layout_.superblock_of(old));
  }
  blocks_.add_valid(to.superblock, 1);
}

// ---- From the buffer to flash ----------------------------------------------------------------------------------

flash::ProgramDone Conv::program_stripe(Frontier& from, flash::Cause cause) {
  const u64 ready = from.ready;
  const flash::ProgramDone done = program_units(from, cause);
  if (from.next == from.end) {
    close_superblock(from);
    if (handles_ != 0 && from.stream < host_streams_) {
      events_.add({PlacementEvent::Kind::kImplicitlyModified, static_cast<u16>(handle_of(from.stream)), ready, 0});
    }
  }
  return done;
}

// The stripe unit only: its superblock, which it may have filled, stays with the frontier.
flash::ProgramDone Conv::program_units(Frontier& from, flash::Cause cause) {
  if (from.stripe_left != 0) {
    statistics_.padding_units.add(from.stripe_left);
    from.next += from.stripe_left;
  }
  const u32 die = layout_.locate(from.stripe * layout_.geometry.program_rows).die;
  const flash::ProgramDone done =
      array_.program(die, layout_.stripe_bytes(), layout_.geometry.planes, from.ready, cause);
  if (from.buffered != 0) {
    buffer_.program(from.slot, from.buffered, die, done, collectors_[from.group].victim != kNone);
  }
  clock_.add(layout_.stripe_units);
  from.stripe = kNone;
  from.stripe_left = 0;
  from.buffered = 0;
  if (from.stream < host_streams_) {
    HostStream& fill = fills_[from.stream];
    if (fill.group == from.group) fill.filling = false;
    if (handles_ != 0) note_remaining(from);
  }
  return done;
}

void Conv::close_superblock(Frontier& from) {
  blocks_.close(from.superblock, clock_.get());
  from.superblock = kNone;
}

u64 Conv::program_stream(u32 stream) {
  const u32 group = fills_[stream].group;
  Frontier& from = frontier(group, stream);
  const u64 ready = from.ready;
  const flash::ProgramDone done = program_stripe(from, flash::Cause::kHost);
  keep_pace(group, layout_.stripe_units, ready);
  return done.end;
}

// The buffer is full of stripe units that are being filled: the one that has most gives way.
void Conv::program_any_stream() {
  u32 fullest = kNone;
  for (u32 stream = 0; stream < host_streams_; stream++) {
    if (!fills_[stream].filling) continue;
    const u32 left = frontier(fills_[stream].group, stream).stripe_left;
    if (fullest == kNone || left < frontier(fills_[fullest].group, fullest).stripe_left) fullest = stream;
  }
  program_stream(fullest);
}

// Writes a page of the map that leaves the mapping cache. Nobody waits for it.
void Conv::store_map_page(u32 page, u64 at) {
  map_group_ = map_group_ + 1 < layout_.groups ? map_group_ + 1 : 0;
  Frontier& to = frontier(map_group_, map_stream_);
  if (!open_superblock(to, at)) return;
  if (to.stripe == kNone) begin_stripe(to);
  const u32 logical = layout_.logical_units + page;
  place(to, logical, map_.find(logical));
  statistics_.map_writes.add(1);
  if (to.ready < at) to.ready = at;
  if (to.stripe_left != 0) return;
  program_stripe(to, flash::Cause::kBackground);
  keep_pace(to.group, layout_.stripe_units, at);
}

// ---- Placement ----------------------------------------------------------------------------------------------------

// What is left of the reclaim unit of a handle: of the superblock that its first stream writes to.
void Conv::note_remaining(const Frontier& from) {
  const u32 handle = handle_of(from.stream);
  if (from.stream != handle * separation_->host_streams) return;
  const u64 left = from.superblock != kNone ? from.end - from.next : 0;
  remaining_[handle].set(left != 0 ? left * layout_.unit_bytes : reclaim_unit_bytes());
}

// Of a stream as of a placement handle.
StreamLimits Conv::streams() const {
  if (offers_placement_ || handles_ == 0) return {0, 0, 0};
  return {handles_ - 1, layout_.stripe_bytes(), reclaim_unit_bytes()};
}

void Conv::update(u64 now, u16 handle) {
  if (now < last_now_) now = last_now_;
  bool partly = false;
  for (u32 i = 0; i < separation_->host_streams; i++) {
    const u32 stream = handle * separation_->host_streams + i;
    Frontier& from = frontier(fills_[stream].group, stream);
    if (fills_[stream].filling) {
      const u64 ready = from.ready;
      program_units(from, flash::Cause::kHost);
      if (from.next == from.end) {
        partly = true;  // the rest is padding
        close_superblock(from);
      }
      keep_pace(from.group, layout_.stripe_units, ready);
    }
    if (collector_streams_ == 0) {
      // Garbage collection may append here, too: it must not count on what is left of the superblock.
      const Collector& collector = collectors_[from.group];
      if (collector.victim != kNone && blocks_[collector.victim].valid > blocks_.free_units(from.group)) {
        collect_now(from.group, now);
      }
      if (from.stripe != kNone) program_units(from, flash::Cause::kBackground);
    }
    if (from.superblock == kNone) continue;
    if (from.next == from.superblock * layout_.superblock_units) continue;  // still empty
    partly = true;
    close_superblock(from);
  }
  if (partly) events_.add({PlacementEvent::Kind::kNotFullyWritten, handle, now, 0});
  remaining_[handle].set(reclaim_unit_bytes());
}

PlacementCounters Conv::counters() const {
  const u64 unit = layout_.unit_bytes;
  return {statistics_.host_written_bytes.get(), clock_.get() * unit, statistics_.erased_units.get() * unit};
}

}  // namespace nvmev::conv
