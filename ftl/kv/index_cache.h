// SPDX-License-Identifier: GPL-2.0-only
// The part of a flash-resident index that is in the controller's memory: leaves, least recently used first out. Inner nodes always are.
#pragma once

#include "nvmev/counter.h"
#include "nvmev/state_archive.h"
#include "space.h"
#include "tree.h"

namespace nvmev::kv {

// Tells what a device would have to read and write; the tree itself is in the host's memory all the time. A leaf takes room in the
// space like a value. Of one thread at a time.
class IndexCache final : public LeafObserver {
 public:
  // What a use of a leaf costs.
  struct Traffic {
    static constexpr u32 kStores = 4;
    u32 load = kNone;  // first unit of the leaf to read
    u32 stores = 0;
    u32 store[kStores];  // of leaves to write before
  };

  // `leaves` fit; 0: the index is not in flash, and nothing here has an effect.
  void init(Space* space, u32 unit_bytes, u64 leaves) {
    space_ = space;
    units_ = unit_bytes < kPageSize ? kPageSize / unit_bytes : 1;
    most_ = leaves;
  }
  bool enabled() const { return most_ != 0; }
  u32 leaf_units() const { return units_; }

  void clear() {
    oldest_ = youngest_ = nullptr;
    count_ = 0;
  }

  // The leaf is needed; `changes`: to be changed.
  void use(Node* leaf, bool changes, Traffic* traffic) {
    if (!enabled() || leaf == nullptr) return;
    if (leaf->cached) {
      unlink(leaf);
      hits_.add(1);
    } else {
      traffic->load = leaf->place;
      leaf->cached = true;
      leaf->dirty = false;
      misses_.add(1);
    }
    leaf->dirty |= changes;
    link(leaf);
    for (u32 i = 0; i < Traffic::kStores && count_ > most_; i++) evict(traffic);
  }

  // Calls with(first unit) for each leaf that has changed since it was written: it is written then.
  template <typename Function>
  void clean(Function with) {
    for (Node* leaf = oldest_; leaf != nullptr; leaf = leaf->younger) {
      if (leaf->dirty) with(leaf->place);
      leaf->dirty = false;
    }
  }

  // No leaf is in the controller's memory any more.
  void empty() {
    for (Node* leaf = oldest_; leaf != nullptr; leaf = leaf->younger) leaf->cached = false;
    clear();
  }

  void transfer(StateArchive& archive) {
    archive.counter(hits_);
    archive.counter(misses_);
  }

  // ---- LeafObserver
  bool leaves_wanted(u32 count) override { return !enabled() || space_->free_units() >= static_cast<u64>(count) * units_; }
  void leaf_added(Node& leaf) override {
    if (!enabled()) return;
    leaf.place = space_->take(units_);
    leaf.cached = leaf.dirty = true;
    link(&leaf);
  }
  void leaf_removed(Node& leaf) override {
    if (!enabled()) return;
    for (u32 unit = leaf.place; unit != kNone;) {
      const u32 next = space_->next(unit);
      space_->free(unit);
      unit = next;
    }
    if (leaf.cached) unlink(&leaf);
  }

  u64 hits() const { return hits_.get(); }
  u64 misses() const { return misses_.get(); }

 private:
  void link(Node* leaf) {
    leaf->older = youngest_;
    leaf->younger = nullptr;
    (youngest_ != nullptr ? youngest_->younger : oldest_) = leaf;
    youngest_ = leaf;
    count_++;
  }
  void unlink(Node* leaf) {
    (leaf->older != nullptr ? leaf->older->younger : oldest_) = leaf->younger;
    (leaf->younger != nullptr ? leaf->younger->older : youngest_) = leaf->older;
    count_--;
  }
  void evict(Traffic* traffic) {
    Node* leaf = oldest_;
    unlink(leaf);
    leaf->cached = false;
    if (leaf->dirty) traffic->store[traffic->stores++] = leaf->place;
  }

  Space* space_ = nullptr;
  u32 units_ = 1;
  u64 most_ = 0;
  u64 count_ = 0;
  Node* oldest_ = nullptr;
  Node* youngest_ = nullptr;
  Counter hits_, misses_;
};

}  // namespace nvmev::kv
