// SPDX-License-Identifier: GPL-2.0-only
// What of a key-value SSD is kept in a state file: keys with the runs of units that their values lie in, leaf by leaf; and the state
// of the FTL beneath. The index is built anew from them, so that nothing in a file can make it inconsistent. Iterators end, and the
// part of a flash-resident index that was in memory is in flash.
#include "kv.h"
#include "nvmev/error.h"
#include "nvmev/state_archive.h"

namespace nvmev::kv {

namespace {

struct Run {
  u32 first;
  u32 count;
};

// A leaf: this, its own chain (flash-resident index only), then for each key an entry, the key's bytes, and the value's chain.
struct SavedLeaf {
  u32 entries;  // 0: there are no more leaves
};

struct SavedEntry {
  u32 length;  // bytes of the value
  u32 key_length;
};

}  // namespace

// As before power goes: what is to be freed is free, and all of the index is in flash.
void Kv::settle(u64 now) {
  collect(now, garbage_count_);
  if (!cache_.enabled()) return;
  cache_.clean([&](u32 unit) { plan_chain(now, unit, cache_.leaf_units(), IoOp::kWrite); });
}

// Values and index are safe in the controller's memory, from which they go to flash while the capacitors last. What is under way and what the
// host has opened ends.
void Kv::power_cycle(u64 now, u64, PowerLossSink&) {
  settle(now);
  SpinGuard guard(host_, lock_);
  cache_.empty();
  for (Iterator& iterator : iterators_) iterator.open = false;
}

void Kv::save_chain(StateArchive& archive, u32 unit) {
  while (unit != kNone && archive.ok()) {
    Run run{unit, 1};
    for (unit = space_.next(unit); unit == run.first + run.count; unit = space_.next(unit)) run.count++;
    archive.value(run);
  }
}

// Takes the units of a chain. kNone: there are none, or the archive has refused them.
u32 Kv::load_chain(StateArchive& archive, u64 units) {
  u32 first = kNone;
  u32 last = kNone;
  for (u64 left = units; left != 0;) {
    Run run{};
    archive.value(run);
    if (!archive.ok()) return kNone;
    if (run.count > left || !space_.take_run(run.first, run.count, last)) {
      archive.refuse(err::kInvalid, "units %u to %llu of it are no part of a value", run.first,
                     static_cast<unsigned long long>(run.first) + run.count);
      return kNone;
    }
    if (first == kNone) first = run.first;
    last = run.first + run.count - 1;
    left -= run.count;
  }
  return first;
}

void Kv::save_tree(StateArchive& archive, const Tree& tree) {
  tree.for_each_leaf([&](Node& leaf) {
    if (leaf.count == 0) return archive.ok();
    SavedLeaf head{leaf.count};
    archive.value(head);
    if (cache_.enabled()) save_chain(archive, leaf.place);
    for (u32 i = 0; i < leaf.count; i++) {
      const Key key = leaf.key(i);
      const Place place = leaf.value(i);
      SavedEntry entry{place.length, key.length};
      archive.value(entry);
      archive.bytes(const_cast<u8*>(key.bytes), key.length);
      save_chain(archive, place.first);
    }
    return archive.ok();
  });
  SavedLeaf end{0};
  archive.value(end);
}

bool Kv::load_leaf(StateArchive& archive, u32 which, Node& leaf, u32 entries) {
  const u32 shortest = which == 0 ? 1 : kMaxShortKey + 1;
  const u32 longest = which == 0 ? kMaxShortKey : kMaxKey;
  if (cache_.enabled()) leaf.place = load_chain(archive, cache_.leaf_units());
  for (u32 i = 0; i < entries && archive.ok(); i++) {
    SavedEntry entry{};
    archive.value(entry);
    if (!archive.ok()) break;
    if (entry.key_length < shortest || entry.key_length > longest || entry.length > capacity_) {
      archive.refuse(err::kInvalid, "it has a key of %u bytes and a value of %u", entry.key_length, entry.length);
      break;
    }
    u8 bytes[kMaxKey];
    archive.bytes(bytes, entry.key_length);
    const Place place{load_chain(archive, (static_cast<u64>(entry.length) + unit_bytes_ - 1) >> unit_shift_), entry.length};
    if (!archive.ok()) break;
    const Key key{bytes, entry.key_length};
    if (!trees_[which].add_last(leaf, key, place)) {
      archive.refuse(err::kInvalid, "its keys are out of order");
      break;
    }
    count(key, place, true);
  }
  return archive.ok();
}

void Kv::load_tree(StateArchive& archive, u32 which) {
  Tree& tree = trees_[which];
  while (archive.ok()) {
    SavedLeaf head{};
    archive.value(head);
    if (!archive.ok() || head.entries == 0) return;
    while (tree.pages_spare() <= tree.pages_needed()) {
      void* page = nvmev_host_page_alloc(host_);
      if (page == nullptr) return archive.refuse(err::kNoMemory, "no memory for the index of its keys");
      tree.add_spare(page);
    }
    Node* leaf = tree.begin_leaf();
    if (load_leaf(archive, which, *leaf, head.entries) && tree.append_leaf(*leaf)) continue;
    tree.add_spare(leaf);
    archive.refuse(err::kInvalid, "its keys are out of order");
  }
}

void Kv::transfer(StateArchive& archive, u64* now) {
  if (!archive.loading()) settle(*now);
  archive.expect("kv_timing", below_type_);
  archive.expect("the size of a unit of values", unit_bytes_);
  archive.expect("the number of units of values", space_.units());
  archive.expect("whether the index is in flash", cache_.enabled());
  if (archive.loading() && archive.ok()) forget();
  for (u32 which = 0; which < 2; which++) {
    if (archive.loading()) {
      load_tree(archive, which);
    } else {
      save_tree(archive, trees_[which]);
    }
  }
  u32 cursor = space_.cursor();
  archive.value(cursor);
  if (archive.ok() && cursor >= space_.units()) archive.refuse(err::kInvalid, "it goes on at unit %u of values", cursor);
  if (archive.ok()) space_.set_cursor(cursor);
  archive.counter(stores_);
  archive.counter(retrievals_);
  archive.counter(deletes_);
  archive.counter(appends_);
  cache_.transfer(archive);
  below_->transfer(archive, now);
}

}  // namespace nvmev::kv
